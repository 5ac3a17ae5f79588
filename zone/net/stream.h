/* A connection that carries DNS messages (RFC 1035 4.2.2, RFC 7858), with a deadline for each step: blocking
 * for its caller, never longer than told. One thread at a time; for programs and for background threads of
 * the server. */
#ifndef ZONE_NET_STREAM_H
#define ZONE_NET_STREAM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zone/net/peer.h"

#define STREAM_WHY_MAX 200
#define STREAM_FRAME_MAX (2 + 65535)

struct stream {
    int fd;          /* -1: closed */
    struct tls *tls; /* NULL: plain TCP */
    uint32_t timeout_ms;
    int64_t deadline_ms;     /* of all it does, by net_now_ms; 0: none */
    const atomic_bool *stop; /* becomes true when the work is to be given up; or NULL */
    uint8_t *in;             /* STREAM_FRAME_MAX octets and more: what came */
    size_t in_at, in_len, in_room;
    char why[STREAM_WHY_MAX];
};

/* Milliseconds of CLOCK_MONOTONIC. */
int64_t net_now_ms(void);

/* Connects to PEER; `timeout_ms` is the peer's. On failure `why` tells, and nothing is left to close. ERR_IO:
 * unreachable, refused, not in time; ERR_INVALID: TLS and its certificate. */
enum err stream_open(struct stream *stream, const struct peer *peer, int64_t deadline_ms,
    const atomic_bool *stop) NODISCARD NONNULL(1, 2);
void stream_close(struct stream *stream) NONNULL(1);

/* Sends a message of LEN octets with its length in front. */
enum err stream_send(struct stream *stream, const uint8_t *message, size_t len) NODISCARD NONNULL(1, 2);

/* The next message, in the stream's own memory, good until the next call; it may be written to. ERR_MISSING:
 * the other side has closed the connection between two messages. */
enum err stream_receive(struct stream *stream, uint8_t **message, size_t *len) NODISCARD NONNULL(1, 2, 3);

/* Waits until EVENTS (poll(2)) happen on FD. ERR_IO: not in TIMEOUT_MS, not before DEADLINE_MS (0: none), or
 * STOP became true; errno is ETIMEDOUT or ECANCELED. */
enum err net_wait(
    int fd, short events, int64_t timeout_ms, int64_t deadline_ms, const atomic_bool *stop) NODISCARD;

/* A socket of TYPE, that does not block, bound to the peer's source. -1 and errno on failure. */
int net_socket(const struct peer *peer, int type) NONNULL(1);

#endif
