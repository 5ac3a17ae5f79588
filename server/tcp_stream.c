#include "server/tcp_stream.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "zone/net/tls.h"

#define RECORD_MAX 16384 /* octets of one TLS record: small replies share them */

/* errno for an outcome that moved nothing. */
static ssize_t stopped(struct tcp_stream *stream, int outcome, bool reading)
{
    stream->needs_write = reading && outcome == TLS_WANTS_WRITE;
    stream->needs_read = !reading && outcome == TLS_WANTS_READ;
    errno = outcome == TLS_WANTS_READ || outcome == TLS_WANTS_WRITE ? EAGAIN : ECONNRESET;
    return -1;
}

ssize_t tcp_stream_read(struct tcp_stream *stream, uint8_t *bytes, size_t room)
{
    stream->needs_write = false;
    if (stream->tls == NULL)
        return recv(stream->fd, bytes, room, MSG_DONTWAIT);
    size_t got = 0;
    while (got < room) {
        int outcome = tls_read(stream->tls, bytes + got, room - got);
        if (outcome > 0)
            got += (size_t)outcome;
        else if (got > 0)
            break; /* the next read says the same again */
        else
            return outcome == TLS_ENDED ? 0 : stopped(stream, outcome, true);
    }
    return (ssize_t)got;
}

/* Gathers up to a record's worth of IOV from octet AT on. */
static size_t gather(const struct iovec *iov, unsigned count, size_t at, uint8_t record[RECORD_MAX])
{
    size_t len = 0;
    for (unsigned i = 0; i < count && len < RECORD_MAX; i++) {
        if (at >= iov[i].iov_len) {
            at -= iov[i].iov_len;
            continue;
        }
        size_t take = iov[i].iov_len - at < RECORD_MAX - len ? iov[i].iov_len - at : RECORD_MAX - len;
        memcpy(record + len, (const uint8_t *)iov[i].iov_base + at, take);
        len += take;
        at = 0;
    }
    return len;
}

ssize_t tcp_stream_write(struct tcp_stream *stream, const struct iovec *iov, unsigned count)
{
    stream->needs_read = false;
    if (stream->tls == NULL) {
        struct msghdr header = {.msg_iov = (struct iovec *)(uintptr_t)iov, .msg_iovlen = count};
        return sendmsg(stream->fd, &header, MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    uint8_t record[RECORD_MAX];
    size_t sent = 0, len;
    while ((len = gather(iov, count, sent, record)) > 0) {
        int outcome = tls_write(stream->tls, record, len);
        if (outcome <= 0)
            return sent > 0 && outcome != TLS_FAILED ? (stopped(stream, outcome, false), (ssize_t)sent)
                                                     : stopped(stream, outcome, false);
        sent += (size_t)outcome;
    }
    return (ssize_t)sent;
}

bool tcp_stream_pending(const struct tcp_stream *stream)
{
    return stream->tls != NULL && tls_has_pending(stream->tls);
}

void tcp_stream_end(struct tcp_stream *stream)
{
    tls_close(stream->tls);
    stream->tls = NULL;
}
