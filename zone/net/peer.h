/* Another server, as a client sees it: its address, how it is spoken to, and with which key. A plain struct
 * that its maker fills in; what it points to outlives it. Any thread may read it. */
#ifndef ZONE_NET_PEER_H
#define ZONE_NET_PEER_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "zone/base/attr.h"
#include "zone/base/err.h"
#include "zone/net/tls.h"
#include "zone/sec/tsig_key.h"

#define PEER_TIMEOUT_MS 5000
#define PEER_TEXT_MAX 80

union peer_address {
    struct sockaddr any; /* AF_UNSPEC: none */
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

enum peer_transport {
    PEER_UDP, /* and TCP where the answer does not fit */
    PEER_TCP,
    PEER_TLS
};

struct peer {
    union peer_address address;
    union peer_address source; /* to send from; none: the system's choice */
    uint8_t transport;         /* enum peer_transport */
    uint32_t timeout_ms;       /* for one answer, or the next message of a transfer; 0: PEER_TIMEOUT_MS */
    const struct tsig_key *key;
    struct tls_context *tls; /* PEER_TLS */
    const char *tls_name;    /* what its certificate must be for, or NULL */
};

/* "192.0.2.1", "192.0.2.1:5353", "192.0.2.1@5353", "2001:db8::1", "[2001:db8::1]:53", "2001:db8::1@53", each
 * perhaps behind dns://, tcp:// or tls://. PORT where none is written, 0 for 53, or 853 behind tls://. Sets
 * address and transport, clears the rest. */
enum err peer_parse(const char *text, uint16_t port, struct peer *peer) NODISCARD NONNULL(1, 3);

/* An address alone, with a port if there is one. */
enum err peer_address_parse(const char *text, size_t len, uint16_t port, union peer_address *out) NODISCARD
    NONNULL(1, 4);

/* "192.0.2.1:53", "[2001:db8::1]:53"; OUT has PEER_TEXT_MAX octets. Returns OUT. */
const char *peer_address_print(const union peer_address *address, char *out) NONNULL(1, 2);

socklen_t peer_address_len(const union peer_address *address) NONNULL(1);
uint16_t peer_address_port(const union peer_address *address) NONNULL(1);
/* The same host; ports do not matter. */
bool peer_address_same_host(const union peer_address *a, const union peer_address *b) NONNULL(1, 2);

#endif
