#include "zonetool/server.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zone/text/report.h"

struct server_options server_options;

/* ---- the address ---- */

/* "ns1.example.org" or "ns1.example.org@5353": by the system's resolver. */
static enum outcome resolve(const char *text, uint16_t port, struct peer *peer)
{
    struct addrinfo hints = {.ai_socktype = SOCK_DGRAM}, *found;
    char host[1040], service[8];
    size_t len = strcspn(text, "@");
    snprintf(host, sizeof host, "%.*s", (int)(len < 1024 ? len : 1024), text);
    snprintf(service, sizeof service, "%.6s", text[len] == '@' ? text + len + 1 : "");
    if (service[0] == '\0')
        snprintf(service, sizeof service, "%u", port);
    int failed = getaddrinfo(host, service, &hints, &found);
    if (failed != 0)
        return complain("@%s: %s", text, gai_strerror(failed));
    if (found->ai_addrlen <= sizeof peer->address)
        memcpy(&peer->address, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    return OUTCOME_CLEAN;
}

static bool take_number(const char *text, unsigned long most, const char *what, unsigned long *out)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    if (*end != '\0' || end == text || value < 1 || value > most) {
        complain("%s %s: a number from 1 to %lu is wanted", what, text, most);
        return false;
    }
    *out = value;
    return true;
}

static enum outcome open_address(struct server *server, const char *text)
{
    unsigned long port = 0, seconds = PEER_TIMEOUT_MS / 1000;
    if (server_options.port != NULL && !take_number(server_options.port, 65535, "--port", &port))
        return OUTCOME_FAILED;
    if (server_options.timeout != NULL && !take_number(server_options.timeout, 86400, "--timeout", &seconds))
        return OUTCOME_FAILED;
    if (server_options.tls && port == 0)
        port = 853;
    if (peer_parse(text, (uint16_t)port, &server->peer) != ERR_OK) {
        server->peer = (struct peer){.transport = PEER_UDP};
        if (resolve(text, port != 0 ? (uint16_t)port : 53, &server->peer) != OUTCOME_CLEAN)
            return OUTCOME_FAILED;
        if (server_options.tls_name == NULL)
            server->peer.tls_name = text;
    }
    if (server_options.tls || server_options.tcp)
        server->peer.transport = server_options.tls ? PEER_TLS : PEER_TCP;
    server->peer.timeout_ms = (uint32_t)seconds * 1000;
    peer_address_print(&server->peer.address, server->text);
    const char *source = server_options.source;
    if (source != NULL && peer_address_parse(source, strlen(source), 0, &server->peer.source) != ERR_OK)
        return complain("--source %s: an address is wanted", source);
    return OUTCOME_CLEAN;
}

/* ---- keys ---- */

static enum outcome open_key_file(struct server *server, const char *path)
{
    struct report report;
    report_init(&report, stderr);
    struct finding_sink sink = report_sink(&report);
    enum err err = tsig_file_read(path, &server->ring, &sink);
    report_clear(&report);
    if (err != ERR_OK)
        return OUTCOME_FAILED;
    if (server->ring.count != 1)
        return complain("%s: one key is wanted, there are %u", path, server->ring.count);
    for (uint32_t i = 0; i <= server->ring.mask; i++) {
        if (server->ring.keys[i] != NULL)
            server->peer.key = server->ring.keys[i];
    }
    return OUTCOME_CLEAN;
}

static enum outcome open_key(struct server *server)
{
    const char *why = NULL;
    if (server_options.key_file != NULL)
        return open_key_file(server, server_options.key_file);
    if (server_options.key == NULL)
        return OUTCOME_CLEAN;
    enum err err = tsig_key_parse(server_options.key, &server->key, &why);
    if (err != ERR_OK)
        return complain("--key: %s", why != NULL ? why : err_text(err));
    server->peer.key = server->key;
    return OUTCOME_CLEAN;
}

/* ---- TLS ---- */

/* Without a name or authorities to hold the server to, nobody is verified: opportunistic privacy (RFC
 * 7858 4.1), as dig and kdig do it. */
static enum outcome open_tls(struct server *server)
{
    char why[TLS_WHY_MAX] = "";
    struct tls_settings settings = {.ca = server_options.ca,
        .alpn = "dot",
        .insecure = server_options.ca == NULL && server_options.tls_name == NULL};
    if (server->peer.transport != PEER_TLS)
        return OUTCOME_CLEAN;
    if (tls_context_new(&settings, &server->peer.tls, why) != ERR_OK)
        return complain("TLS: %s", why);
    if (server_options.tls_name != NULL)
        server->peer.tls_name = server_options.tls_name;
    return OUTCOME_CLEAN;
}

enum outcome server_open(struct server *server, char *const *operands, unsigned *count, const char **left)
{
    const char *address = NULL;
    unsigned kept = 0;
    *server = (struct server){.key = NULL};
    for (unsigned i = 0; i < *count; i++) {
        if (operands[i][0] != '@')
            left[kept++] = operands[i];
        else if (address != NULL)
            return complain("%s: one server is enough", operands[i]);
        else
            address = operands[i] + 1;
    }
    *count = kept;
    if (address == NULL)
        return complain("which server? write @ADDRESS");
    enum outcome outcome = open_address(server, address);
    if (outcome == OUTCOME_CLEAN)
        outcome = open_key(server);
    if (outcome == OUTCOME_CLEAN)
        outcome = open_tls(server);
    if (outcome != OUTCOME_CLEAN)
        server_close(server);
    return outcome;
}

void server_close(struct server *server)
{
    if (server->peer.tls != NULL)
        tls_context_drop(server->peer.tls);
    tsig_key_release(server->key);
    tsig_ring_clear(&server->ring);
}
