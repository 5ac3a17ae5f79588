/* Keys of server blocks: [SCHEME://]ZONE[:PORT], where ZONE may be a network whose reverse zones are meant.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/corefile_parser.h"
#include "zone/wire/name.h"
#include "zone/wire/reverse.h"

#define HOST_MAX 1024

static const struct {
    const char *text;
    uint16_t port;
} schemes[SCHEME_COUNT] = {
    [SCHEME_DNS] = {"dns", 53},
    [SCHEME_TLS] = {"tls", 853},   /* RFC 7858 3.1 */
    [SCHEME_QUIC] = {"quic", 853}, /* RFC 9250 4.1.1 */
    [SCHEME_GRPC] = {"grpc", 443},
    [SCHEME_HTTPS] = {"https", 443}, /* RFC 8484 */
    [SCHEME_HTTPS3] = {"https3", 443},
};

const char *scheme_text(enum scheme scheme)
{
    return (unsigned)scheme < SCHEME_COUNT ? schemes[scheme].text : "unknown";
}

uint16_t scheme_port(enum scheme scheme)
{
    return (unsigned)scheme < SCHEME_COUNT ? schemes[scheme].port : 0;
}

struct key_reader {
    struct parser *parser;
    const struct token *token;
    struct vector *keys;
    enum scheme scheme;
    uint16_t port;
    char host[HOST_MAX]; /* what is left of the key when scheme and port are off */
};

static bool complain(struct key_reader *reader, const char *rule, const char *hint, const char *message)
{
    report(&reader->parser->reporter, SEVERITY_ERROR, rule, reader->token, hint, "%s", message);
    return false;
}

static bool read_scheme(struct key_reader *reader)
{
    char *mark = strstr(reader->host, "://");
    if (mark == NULL)
        return true;
    *mark = '\0';
    for (unsigned i = 0; i < SCHEME_COUNT; i++) {
        if (strcmp(schemes[i].text, reader->host) != 0)
            continue;
        reader->scheme = (enum scheme)i;
        memmove(reader->host, mark + 3, strlen(mark + 3) + 1);
        return true;
    }
    report(&reader->parser->reporter, SEVERITY_ERROR, "unknown-scheme", reader->token,
        "dns, tls, quic, grpc, https and https3 are known", "unknown scheme '%s'", reader->host);
    return false;
}

static bool is_address(const char *text)
{
    uint8_t ip[16];
    return inet_pton(AF_INET6, text, ip) == 1 || inet_pton(AF_INET, text, ip) == 1;
}

/* The port is what follows the last colon, when that is a number; an IPv6 network has its mask there. */
static bool read_port(struct key_reader *reader)
{
    char *colon = strrchr(reader->host, ':');
    if (colon == NULL)
        return true;
    if (strchr(reader->host, ':') != colon && is_address(reader->host))
        return complain(reader, "address-as-zone",
            "write ADDRESS/LENGTH for its reverse zone, or 'bind ADDRESS' inside of the block",
            "an address is no zone");
    if (strchr(colon, '/') != NULL)
        return true;
    size_t digits = strspn(colon + 1, "0123456789");
    unsigned long port = strtoul(colon + 1, NULL, 10);
    if (digits == 0 || digits > 5 || colon[1 + digits] != '\0' || port == 0 || port > 65535)
        return complain(reader, "bad-port", "ZONE:PORT, as in example.org:1053",
            "what follows the colon is no port from 1 to 65535");
    reader->port = (uint16_t)port;
    *colon = '\0';
    return true;
}

static void add_key(struct key_reader *reader, const uint8_t *zone)
{
    struct parser *parser = reader->parser;
    struct server_key *key = vector_add(parser, reader->keys, sizeof *key, _Alignof(struct server_key));
    uint8_t *copy = arena_alloc(parser->world, name_len(zone), 1);
    if (key == NULL || copy == NULL) {
        parser->failed = ERR_MEMORY;
        return;
    }
    name_lower(copy, zone);
    *key = (struct server_key){
        .token = *reader->token, .scheme = reader->scheme, .port = reader->port, .zone = copy};
}

static void add_network(struct key_reader *reader, const struct network *network)
{
    uint8_t zone[NAME_MAX];
    unsigned count = reverse_zones(network);
    for (unsigned i = 0; i < count; i++) {
        reverse_zone(network, i, zone);
        add_key(reader, zone);
    }
}

static void add_name(struct key_reader *reader)
{
    uint8_t zone[NAME_MAX];
    size_t zone_len;
    const char *why = "malformed";
    const char *text = reader->host[0] != '\0' ? reader->host : "."; /* ":1053" */
    if (name_parse(text, strlen(text), NULL, zone, &zone_len, &why) != ERR_OK) {
        report(&reader->parser->reporter, SEVERITY_ERROR, "bad-zone", reader->token, NULL,
            "'%s' is no domain name: %s", text, why);
        return;
    }
    if (is_address(text))
        report(&reader->parser->reporter, SEVERITY_WARNING, "address-as-zone", reader->token,
            "write ADDRESS/LENGTH for its reverse zone, or 'bind ADDRESS' inside of the block",
            "the address '%s' is taken for a domain name", text);
    add_key(reader, zone);
}

void parser_key(
    struct parser *parser, const struct token *token, const char *text, size_t len, struct vector *keys)
{
    struct key_reader reader = {.parser = parser, .token = token, .keys = keys};
    if (len >= sizeof reader.host) {
        complain(&reader, "bad-zone", NULL, "a zone name is too long");
        return;
    }
    memcpy(reader.host, text, len);
    reader.host[len] = '\0';
    if (!read_scheme(&reader))
        return;
    uint16_t dns_port = parser->context->port != 0 ? parser->context->port : scheme_port(SCHEME_DNS);
    reader.port = reader.scheme == SCHEME_DNS ? dns_port : scheme_port(reader.scheme);
    if (!read_port(&reader))
        return;
    struct network network;
    if (network_parse(reader.host, &network) && strchr(reader.host, '/') != NULL)
        add_network(&reader, &network);
    else
        add_name(&reader);
}
