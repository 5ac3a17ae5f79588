#include "zone/net/stream.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define STOP_LOOK_MS 100 /* how often a wait looks whether it is to be given up */
#define IN_ROOM ((size_t)256 << 10)

int64_t net_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

enum err net_wait(int fd, short events, int64_t timeout_ms, int64_t deadline_ms, const atomic_bool *stop)
{
    int64_t until = net_now_ms() + timeout_ms;
    if (deadline_ms != 0 && deadline_ms < until)
        until = deadline_ms;
    for (;;) {
        struct pollfd polled = {.fd = fd, .events = events};
        int64_t left = until - net_now_ms();
        if (left < 0)
            left = 0;
        int slice = (int)(stop != NULL && left > STOP_LOOK_MS ? STOP_LOOK_MS : left);
        if (stop != NULL && atomic_load(stop)) {
            errno = ECANCELED;
            return ERR_IO;
        }
        int ready = poll(&polled, 1, slice);
        if (ready > 0)
            return ERR_OK;
        if (ready < 0 && errno != EINTR)
            return ERR_IO;
        if (ready == 0 && slice == left) {
            errno = ETIMEDOUT;
            return ERR_IO;
        }
    }
}

int net_socket(const struct peer *peer, int type)
{
    union peer_address source = peer->source;
    int fd = socket(peer->address.any.sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || source.any.sa_family == AF_UNSPEC)
        return fd;
    if (bind(fd, &source.any, peer_address_len(&source)) != 0) {
        int saved = errno;
        close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

static enum err failed(struct stream *stream, const char *what)
{
    const char *reason = errno == ETIMEDOUT   ? "not in time"
                         : errno == ECANCELED ? "given up, because the program ends"
                                              : strerror(errno);
    snprintf(stream->why, sizeof stream->why, "%s: %s", what, reason);
    return ERR_IO;
}

static enum err failed_tls(struct stream *stream)
{
    snprintf(stream->why, sizeof stream->why, "TLS: %s", tls_why(stream->tls));
    return ERR_INVALID;
}

static enum err wait_for(struct stream *stream, short events)
{
    return net_wait(stream->fd, events, stream->timeout_ms, stream->deadline_ms, stream->stop);
}

static enum err connect_to(struct stream *stream, const struct peer *peer)
{
    int error = 0, one = 1;
    socklen_t size = sizeof error;
    if (connect(stream->fd, &peer->address.any, peer_address_len(&peer->address)) != 0) {
        if (errno != EINPROGRESS || wait_for(stream, POLLOUT) != ERR_OK)
            return failed(stream, "cannot connect");
        if (getsockopt(stream->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0) {
            errno = error != 0 ? error : errno;
            return failed(stream, "cannot connect");
        }
    }
    setsockopt(stream->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return ERR_OK;
}

static enum err start_tls(struct stream *stream, const struct peer *peer)
{
    stream->tls = peer->tls != NULL ? tls_open(peer->tls, stream->fd, peer->tls_name) : NULL;
    if (stream->tls == NULL) {
        snprintf(stream->why, sizeof stream->why, "TLS cannot be used here");
        return ERR_MEMORY;
    }
    for (;;) {
        int done = tls_handshake(stream->tls);
        if (done > 0)
            return ERR_OK;
        if (done == TLS_FAILED || done == TLS_ENDED)
            return failed_tls(stream);
        if (wait_for(stream, done == TLS_WANTS_READ ? POLLIN : POLLOUT) != ERR_OK)
            return failed(stream, "TLS handshake");
    }
}

enum err stream_open(
    struct stream *stream, const struct peer *peer, int64_t deadline_ms, const atomic_bool *stop)
{
    *stream = (struct stream){.fd = -1,
        .timeout_ms = peer->timeout_ms != 0 ? peer->timeout_ms : PEER_TIMEOUT_MS,
        .deadline_ms = deadline_ms,
        .stop = stop};
    stream->fd = net_socket(peer, SOCK_STREAM);
    if (stream->fd < 0)
        return failed(stream, "cannot make a socket");
    enum err err = connect_to(stream, peer);
    if (err == ERR_OK && peer->transport == PEER_TLS)
        err = start_tls(stream, peer);
    if (err != ERR_OK)
        stream_close(stream);
    return err;
}

void stream_close(struct stream *stream)
{
    if (stream->tls != NULL)
        tls_close(stream->tls);
    if (stream->fd >= 0)
        close(stream->fd);
    free(stream->in);
    stream->tls = NULL;
    stream->in = NULL;
    stream->fd = -1;
}

/* ---- sending ---- */

static ssize_t write_some(struct stream *stream, const uint8_t *bytes, size_t len)
{
    if (stream->tls == NULL)
        return send(stream->fd, bytes, len, MSG_NOSIGNAL);
    return tls_write(stream->tls, bytes, len);
}

enum err stream_send(struct stream *stream, const uint8_t *message, size_t len)
{
    uint8_t *frame = malloc(len + 2);
    if (frame == NULL)
        return ERR_MEMORY;
    frame[0] = (uint8_t)(len >> 8);
    frame[1] = (uint8_t)len;
    memcpy(frame + 2, message, len);
    enum err err = ERR_OK;
    for (size_t at = 0; at < len + 2 && err == ERR_OK;) {
        ssize_t done = write_some(stream, frame + at, len + 2 - at);
        if (done > 0)
            at += (size_t)done;
        else if (stream->tls != NULL && (done == TLS_FAILED || done == TLS_ENDED))
            err = failed_tls(stream);
        else if (stream->tls == NULL && errno != EAGAIN && errno != EINTR)
            err = failed(stream, "cannot send");
        else if (wait_for(stream, stream->tls != NULL && done == TLS_WANTS_READ ? POLLIN : POLLOUT) != ERR_OK)
            err = failed(stream, "cannot send");
    }
    free(frame);
    return err;
}

/* ---- receiving ---- */

/* Octets read; 0 at the end, -1 and errno on failure, -2 nothing yet: wait for *EVENTS. */
static ssize_t read_some(struct stream *stream, uint8_t *into, size_t room, short *events)
{
    *events = POLLIN;
    if (stream->tls == NULL) {
        ssize_t got = recv(stream->fd, into, room, 0);
        return got < 0 && (errno == EAGAIN || errno == EINTR) ? -2 : got;
    }
    int got = tls_read(stream->tls, into, room < INT32_MAX ? room : INT32_MAX);
    if (got >= 0)
        return got;
    if (got == TLS_FAILED) {
        errno = EPROTO;
        return -1;
    }
    *events = got == TLS_WANTS_READ ? POLLIN : POLLOUT;
    return -2;
}

static enum err make_room(struct stream *stream)
{
    if (stream->in == NULL) {
        stream->in = malloc(IN_ROOM);
        stream->in_room = IN_ROOM;
        if (stream->in == NULL)
            return ERR_MEMORY;
    }
    if (stream->in_room - stream->in_at < STREAM_FRAME_MAX) {
        memmove(stream->in, stream->in + stream->in_at, stream->in_len - stream->in_at);
        stream->in_len -= stream->in_at;
        stream->in_at = 0;
    }
    return ERR_OK;
}

/* Reads until WANTED octets lie there. */
static enum err fill(struct stream *stream, size_t wanted)
{
    while (stream->in_len - stream->in_at < wanted) {
        short events;
        if (stream->deadline_ms != 0 && net_now_ms() >= stream->deadline_ms) { /* a trickle counts, too */
            errno = ETIMEDOUT;
            return failed(stream, "the whole answer");
        }
        ssize_t got =
            read_some(stream, stream->in + stream->in_len, stream->in_room - stream->in_len, &events);
        if (got > 0) {
            stream->in_len += (size_t)got;
        } else if (got == 0) {
            bool clean = stream->in_len == stream->in_at;
            snprintf(stream->why, sizeof stream->why, "the connection was closed%s",
                clean ? "" : " within a message");
            return clean ? ERR_MISSING : ERR_IO;
        } else if (got == -1) {
            return stream->tls != NULL ? failed_tls(stream) : failed(stream, "cannot receive");
        } else if (wait_for(stream, events) != ERR_OK) {
            return failed(stream, "waiting for an answer");
        }
    }
    return ERR_OK;
}

enum err stream_receive(struct stream *stream, uint8_t **message, size_t *len)
{
    enum err err = make_room(stream);
    if (err == ERR_OK)
        err = fill(stream, 2);
    if (err != ERR_OK)
        return err;
    const uint8_t *head = stream->in + stream->in_at;
    size_t size = (size_t)head[0] << 8 | head[1];
    err = fill(stream, 2 + size);
    if (err != ERR_OK)
        return err;
    *message = stream->in + stream->in_at + 2;
    *len = size;
    stream->in_at += 2 + size;
    return ERR_OK;
}
