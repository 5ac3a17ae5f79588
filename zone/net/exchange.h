/* One question, one answer: over UDP, asked again when nothing comes, and over TCP when the answer is
 * truncated; or over TCP or TLS at once. Signed and verified when the peer has a key. Blocks for no longer
 * than the peer's timeout, twice that when it goes on over TCP. Any thread. */
#ifndef ZONE_NET_EXCHANGE_H
#define ZONE_NET_EXCHANGE_H

#include "zone/net/peer.h"
#include "zone/net/request.h"
#include "zone/net/stream.h"

#define EXCHANGE_REPLY_MAX 65535

struct exchange {
    uint8_t *reply; /* malloced: exchange_clear */
    size_t reply_len;
    uint8_t transport; /* enum peer_transport that the answer came by */
    uint32_t took_us;
    char why[STREAM_WHY_MAX]; /* on failure */
};

/* Sends REQUEST and waits for the reply, whatever its rcode: the caller looks at it (reply_head_read).
 * ERR_IO: no answer; ERR_INVALID: one that is not to be believed (TSIG, TLS); ERR_WIRE: malformed. */
enum err exchange_ask(struct exchange *exchange, const struct peer *peer,
    const struct request *request) NODISCARD NONNULL(1, 2, 3);

void exchange_clear(struct exchange *exchange) NONNULL(1);

/* Tells PEER that ZONE has a new version (RFC 1996), with its serial as a hint. ERR_INVALID: it answered with
 * an error, `why` says which. */
enum err exchange_notify(struct exchange *exchange, const struct peer *peer, const uint8_t *zone,
    uint32_t serial) NODISCARD NONNULL(1, 2, 3);

#endif
