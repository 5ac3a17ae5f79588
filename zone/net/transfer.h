/* Fetching a zone from a primary, blocking: the whole of it, or what has changed since a serial. Every
 * message is held to the request (id, question) and to its signature before its records are looked at; what
 * came is whole, or it is nothing. Any thread. */
#ifndef ZONE_NET_TRANSFER_H
#define ZONE_NET_TRANSFER_H

#include <stdatomic.h>

#include "zone/net/inbound.h"
#include "zone/net/peer.h"

#define TRANSFER_WHY_MAX 320

struct transfer_request {
    const uint8_t *zone;
    bool incremental; /* IXFR from serial `from`; else AXFR */
    bool build;       /* a whole zone comes as in.tapes, to build an image of, not as in.whole */
    bool udp;         /* IXFR by UDP first (RFC 1995 2), TCP where that brings nothing whole */
    uint32_t from;
    uint64_t max_octets; /* of records; 0: any number */
    uint32_t max_ms;     /* for all of it; 0: any time, as long as messages come within the peer's timeout */
    const atomic_bool *stop; /* becomes true when it is to be given up; or NULL */
};

struct transfer {
    struct inbound in; /* what came */
    uint64_t received; /* octets, as they came */
    uint32_t took_ms;
    bool by_udp;
    char why[TRANSFER_WHY_MAX]; /* on failure */
};

/* ERR_IO: not reachable, or it broke off; ERR_INVALID: refused (in.rcode) or nonsense; ERR_LIMIT. Either way
 * transfer_clear is due. An IXFR that is refused, or that was answered with nonsense, is worth an AXFR. */
enum err transfer_fetch(struct transfer *transfer, const struct peer *peer,
    const struct transfer_request *request) NODISCARD NONNULL(1, 2, 3);

void transfer_clear(struct transfer *transfer) NONNULL(1);

#endif
