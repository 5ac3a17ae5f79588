#include "zone/net/peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zone/base/ip.h"

static const struct {
    const char *prefix;
    enum peer_transport transport;
    uint16_t port;
} schemes[] = {
    {"dns://", PEER_UDP, 53}, {"udp://", PEER_UDP, 53}, {"tcp://", PEER_TCP, 53}, {"tls://", PEER_TLS, 853}};

static bool parse_port(const char *text, size_t len, uint16_t *port)
{
    unsigned value = 0;
    if (len == 0 || len > 5)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        value = value * 10 + (unsigned)(text[i] - '0');
    }
    *port = (uint16_t)value;
    return value > 0 && value <= 65535;
}

static enum err set_address(const char *ip, size_t len, uint16_t port, union peer_address *out)
{
    union peer_address address;
    memset(&address, 0, sizeof address);
    if (ip4_parse(ip, len, (uint8_t *)&address.v4.sin_addr)) {
        address.v4.sin_family = AF_INET;
        address.v4.sin_port = htons(port);
    } else {
        memset(&address, 0, sizeof address);
        if (!ip6_parse(ip, len, address.v6.sin6_addr.s6_addr))
            return ERR_SYNTAX;
        address.v6.sin6_family = AF_INET6;
        address.v6.sin6_port = htons(port);
    }
    *out = address;
    return ERR_OK;
}

/* Where the port begins, behind "@", "]:" or the only ":"; NULL: there is none. */
static const char *find_port(const char *text, size_t len)
{
    const char *at = memchr(text, '@', len), *colon = memchr(text, ':', len);
    if (at != NULL)
        return at + 1;
    if (len > 0 && text[0] == '[') {
        const char *close = memchr(text, ']', len);
        return close != NULL && close + 1 < text + len && close[1] == ':' ? close + 2 : NULL;
    }
    bool only = colon != NULL && memchr(colon + 1, ':', len - (size_t)(colon + 1 - text)) == NULL;
    return only ? colon + 1 : NULL;
}

enum err peer_address_parse(const char *text, size_t len, uint16_t port, union peer_address *out)
{
    const char *at = find_port(text, len), *end = text + len;
    if (at != NULL) {
        if (!parse_port(at, (size_t)(end - at), &port))
            return ERR_SYNTAX;
        end = at - 1;
    }
    if (end > text && text[0] == '[') {
        if (end[-1] != ']')
            return ERR_SYNTAX;
        text++;
        end--;
    }
    return set_address(text, (size_t)(end - text), port, out);
}

enum err peer_parse(const char *text, uint16_t port, struct peer *peer)
{
    uint8_t transport = PEER_UDP;
    uint16_t standard = 53;
    for (size_t i = 0; i < ARRAY_COUNT(schemes); i++) {
        size_t len = strlen(schemes[i].prefix);
        if (strncmp(text, schemes[i].prefix, len) == 0) {
            text += len;
            transport = (uint8_t)schemes[i].transport;
            standard = schemes[i].port;
            break;
        }
    }
    union peer_address address;
    enum err err = peer_address_parse(
        text, strlen(text), transport != PEER_TLS && port != 0 ? port : standard, &address);
    if (err == ERR_OK)
        *peer = (struct peer){.address = address, .transport = transport};
    return err;
}

const char *peer_address_print(const union peer_address *address, char *out)
{
    char ip[IP6_TEXT_MAX];
    unsigned port = peer_address_port(address);
    if (address->any.sa_family == AF_INET6) {
        ip6_print(address->v6.sin6_addr.s6_addr, ip);
        snprintf(out, PEER_TEXT_MAX, "[%s]:%u", ip, port);
    } else {
        ip4_print((const uint8_t *)&address->v4.sin_addr, ip);
        snprintf(out, PEER_TEXT_MAX, "%s:%u", ip, port);
    }
    return out;
}

socklen_t peer_address_len(const union peer_address *address)
{
    return address->any.sa_family == AF_INET6 ? sizeof address->v6 : sizeof address->v4;
}

uint16_t peer_address_port(const union peer_address *address)
{
    return ntohs(address->any.sa_family == AF_INET6 ? address->v6.sin6_port : address->v4.sin_port);
}

bool peer_address_same_host(const union peer_address *a, const union peer_address *b)
{
    if (a->any.sa_family != b->any.sa_family)
        return false;
    return a->any.sa_family == AF_INET6 ? memcmp(&a->v6.sin6_addr, &b->v6.sin6_addr, 16) == 0
                                        : a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;
}
