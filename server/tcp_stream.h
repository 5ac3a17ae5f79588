/* The octets of a TCP connection to us, plain or through TLS (RFC 7858, RFC 9103). A stream that cannot go on
 * says EAGAIN; over TLS, reading may have to wait until the socket can be written to, and the other way
 * round. Belongs to one connection; its worker's thread. */
#ifndef SERVER_TCP_STREAM_H
#define SERVER_TCP_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "zone/base/attr.h"

struct tls;

struct tcp_stream {
    int fd;           /* -1: closed */
    struct tls *tls;  /* NULL: plain */
    bool needs_write; /* the last read cannot go on before the socket can be written to */
    bool needs_read;  /* the last write cannot go on before there is something to read */
};

/* As recv and sendmsg without waiting: octets, 0 at the end (of reading), or -1 with errno. */
ssize_t tcp_stream_read(struct tcp_stream *stream, uint8_t *bytes, size_t room) NONNULL(1, 2);
ssize_t tcp_stream_write(struct tcp_stream *stream, const struct iovec *iov, unsigned count) NONNULL(1, 2);

/* Octets that came already and that no event will announce. */
bool tcp_stream_pending(const struct tcp_stream *stream) NONNULL(1);

/* Ends TLS; the descriptor is the caller's to close. */
void tcp_stream_end(struct tcp_stream *stream) NONNULL(1);

#endif
