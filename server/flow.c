#include "plugins/flow.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/outlet.h"
#include "zone/net/tls.h"

#define UNSENT_MAX (4u << 20) /* octets that a slow server may leave with us */

#define UNSENT_KEPT (64u << 10) /* room that stays when all is sent */

struct octets {
    uint8_t *bytes;
    size_t at, len, room; /* what is kept lies between at and len */
};

struct flow {
    uv_poll_t poll;
    struct outlet_member member;
    struct flush flush;
    struct alarm alarm; /* for connecting */
    struct outlet *outlet;
    const struct flow_events *events;
    void *context;
    struct tls *tls;
    int fd;
    int waits_for;  /* uv_poll events that are being waited for */
    bool connected; /* TCP is, */
    bool opened;    /* and TLS */
    bool closed;    /* no events any more */
    bool tls_wants_write;
    bool broken; /* nothing can be sent any more; what has come is read to its end */
    struct octets unread, unsent;
};

static void on_event(uv_poll_t *poll, int status, int events);

/* ---- octets ---- */

static bool octets_add(struct octets *octets, const uint8_t *bytes, size_t len)
{
    size_t kept = octets->len - octets->at;
    if (octets->at > 0 && kept > 0)
        memmove(octets->bytes, octets->bytes + octets->at, kept);
    octets->at = 0;
    octets->len = kept;
    if (kept + len > octets->room) {
        size_t room = (kept + len) * 2;
        uint8_t *more = realloc(octets->bytes, room);
        if (more == NULL)
            return false;
        octets->bytes = more;
        octets->room = room;
    }
    memcpy(octets->bytes + kept, bytes, len);
    octets->len += len;
    return true;
}

static void octets_clear(struct octets *octets)
{
    free(octets->bytes);
    *octets = (struct octets){0};
}

/* ---- closing ---- */

static void on_closed(uv_handle_t *handle)
{
    struct flow *flow = handle->data;
    close(flow->fd);
    octets_clear(&flow->unread);
    octets_clear(&flow->unsent);
    free(flow);
}

void flow_close(struct flow *flow)
{
    if (flow->closed)
        return;
    flow->closed = true;
    alarm_clear(&flow->alarm);
    outlet_part(&flow->member);
    outlet_flush_never(flow->outlet, &flow->flush);
    tls_close(flow->tls);
    flow->tls = NULL;
    uv_poll_stop(&flow->poll);
    uv_close((uv_handle_t *)&flow->poll, on_closed);
}

static void fail(struct flow *flow, const char *why)
{
    char text[TLS_WHY_MAX];
    if (flow->closed)
        return;
    strncpy(text, why, sizeof text - 1); /* it may lie in what is closed */
    text[sizeof text - 1] = '\0';
    void (*closed)(void *, const char *) = flow->events->closed;
    void *context = flow->context;
    flow_close(flow);
    closed(context, text);
}

static void on_alarm(struct alarm *alarm, bool ending)
{
    struct flow *flow = (struct flow *)(void *)((char *)alarm - offsetof(struct flow, alarm));
    fail(flow, ending ? "the server ends" : "timeout while connecting");
}

static void on_end(struct outlet_member *member)
{
    fail((struct flow *)(void *)((char *)member - offsetof(struct flow, member)), "the server ends");
}

/* ---- events ---- */

static void choose_events(struct flow *flow)
{
    int events = UV_READABLE;
    if (flow->closed)
        return;
    if (!flow->connected || flow->tls_wants_write || (flow->tls == NULL && flow->unsent.len > 0))
        events |= UV_WRITABLE;
    if (events != flow->waits_for)
        uv_poll_start(&flow->poll, events, on_event);
    flow->waits_for = events;
}

static void fail_io(struct flow *flow)
{
    fail(flow, flow->tls != NULL ? tls_why(flow->tls) : strerror(errno));
}

/* Who resets the connection, or closes it and is written to, may have answered before: that is read first,
 * and its end tells of the closing. (OpenSSL allows no reading behind a write that failed.) */
static void fail_write(struct flow *flow)
{
    if (flow->tls != NULL) {
        fail_io(flow);
        return;
    }
    flow->broken = true;
    octets_clear(&flow->unsent);
}

/* Octets written, or an enum tls_outcome. */
static int write_some(struct flow *flow, const uint8_t *bytes, size_t len)
{
    if (flow->tls != NULL)
        return tls_write(flow->tls, bytes, len);
    ssize_t put = send(flow->fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (put < 0 && (errno == EAGAIN || errno == EINTR))
        return TLS_WANTS_WRITE;
    return put < 0 ? TLS_FAILED : (int)put;
}

static int read_some(struct flow *flow, uint8_t *bytes, size_t size)
{
    if (flow->tls != NULL)
        return tls_read(flow->tls, bytes, size);
    ssize_t got = recv(flow->fd, bytes, size, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return TLS_WANTS_READ;
    return got < 0 ? TLS_FAILED : (int)got;
}

static void send_unsent(struct flow *flow)
{
    struct octets *unsent = &flow->unsent;
    flow->tls_wants_write = false;
    while (!flow->closed && flow->opened && !flow->broken && unsent->len > unsent->at) {
        int put = write_some(flow, unsent->bytes + unsent->at, unsent->len - unsent->at);
        if (put > 0) {
            unsent->at += (size_t)put;
            continue;
        }
        if (put == TLS_FAILED || put == TLS_ENDED) {
            fail_write(flow);
            return;
        }
        flow->tls_wants_write = put == TLS_WANTS_WRITE;
        return;
    }
    if (unsent->at < unsent->len)
        return;
    unsent->at = unsent->len = 0;
    if (unsent->room > UNSENT_KEPT)
        octets_clear(unsent);
}

/* Hands over what has come; what is not used up is kept. False when the flow is gone. */
static bool hand_over(struct flow *flow, uint8_t *bytes, size_t len)
{
    size_t used = flow->events->received(flow->context, bytes, len);
    if (flow->closed)
        return false;
    octets_clear(&flow->unread);
    if (used < len && !octets_add(&flow->unread, bytes + used, len - used)) {
        fail(flow, "out of memory");
        return false;
    }
    return true;
}

/* Reads once: what was resumed by it must be answered before the buffer is used again. True: there may be
 * more that no event will tell of. */
static bool receive(struct flow *flow)
{
    uint8_t *bytes = flow->outlet->bytes;
    size_t held = flow->unread.len - flow->unread.at;
    if (held >= OUTLET_READ) {
        fail(flow, "message too long");
        return false;
    }
    if (held > 0)
        memcpy(bytes, flow->unread.bytes + flow->unread.at, held);
    int got = read_some(flow, bytes + held, OUTLET_READ - held);
    if (got > 0)
        return hand_over(flow, bytes, held + (size_t)got) && (flow->tls != NULL || flow->broken);
    if (got == TLS_ENDED || (got == TLS_WANTS_READ && flow->broken))
        fail(flow, "closed by the other side");
    else if (got == TLS_FAILED)
        fail_io(flow);
    else if (got == TLS_WANTS_WRITE)
        flow->tls_wants_write = true;
    return false;
}

static void set_opened(struct flow *flow)
{
    flow->opened = true;
    alarm_clear(&flow->alarm);
    if (flow->events->opened != NULL)
        flow->events->opened(flow->context);
}

static void shake_hands(struct flow *flow)
{
    int done = flow->tls != NULL ? tls_handshake(flow->tls) : 1;
    flow->tls_wants_write = done == TLS_WANTS_WRITE;
    if (done == 1)
        set_opened(flow);
    else if (done == TLS_FAILED || done == TLS_ENDED)
        fail_io(flow);
    else if (flow->broken)
        fail(flow, "closed by the other side");
}

static void check_connected(struct flow *flow)
{
    int error = 0;
    socklen_t len = sizeof error;
    getsockopt(flow->fd, SOL_SOCKET, SO_ERROR, &error, &len);
    if (error != 0)
        fail(flow, strerror(error));
    else
        flow->connected = true;
}

static void on_event(uv_poll_t *poll, int status, int events)
{
    struct flow *flow = poll->data;
    struct worker *worker = flow->outlet->worker;
    bool more = false;
    worker_enter(worker);
    flow->broken |= status < 0; /* then libuv tells of no more events: it is read to the end at once */
    if (!flow->connected && (status < 0 || (events & UV_WRITABLE) != 0))
        check_connected(flow);
    if (!flow->closed && flow->connected && !flow->opened)
        shake_hands(flow);
    if (!flow->closed && flow->opened) {
        send_unsent(flow);
        more = !flow->closed && receive(flow);
    }
    worker_leave(worker);
    while (more && !flow->closed) {
        worker_enter(worker);
        more = receive(flow);
        worker_leave(worker);
    }
    choose_events(flow);
}

static void on_flush(struct flush *flush)
{
    struct flow *flow = (struct flow *)(void *)((char *)flush - offsetof(struct flow, flush));
    if (flow->opened)
        send_unsent(flow);
    choose_events(flow);
}

/* ---- opening ---- */

static socklen_t address_len(const union address *address)
{
    return address->any.sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
}

static int connect_socket(const struct flow_target *target)
{
    int fd = socket(target->to.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    if (target->source.any.sa_family == target->to.any.sa_family &&
        bind(fd, &target->source.any, address_len(&target->source)) != 0) {
        close(fd);
        return -1;
    }
    if (connect(fd, &target->to.any, address_len(&target->to)) != 0 && errno != EINPROGRESS) {
        close(fd);
        return -1;
    }
    return fd;
}

struct flow *flow_open(
    unsigned worker, const struct flow_target *target, const struct flow_events *events, void *context)
{
    struct outlet *outlet = outlet_of(worker);
    if (outlet->ending)
        return NULL;
    struct flow *flow = calloc(1, sizeof *flow);
    int fd = flow != NULL ? connect_socket(target) : -1;
    if (fd < 0) {
        free(flow);
        return NULL;
    }
    flow->fd = fd;
    flow->outlet = outlet;
    flow->events = events;
    flow->context = context;
    if (target->tls != NULL)
        flow->tls = tls_open(target->tls, fd, target->server_name);
    if ((target->tls != NULL && flow->tls == NULL) ||
        uv_poll_init(&outlet->worker->loop, &flow->poll, fd) != 0) {
        tls_close(flow->tls);
        close(fd);
        free(flow);
        return NULL;
    }
    flow->poll.data = flow;
    flow->flush.flush = on_flush;
    flow->member.end = on_end;
    flow->alarm.ring = on_alarm;
    outlet_join(outlet, &flow->member);
    alarm_set(&flow->alarm, worker, target->connect_ms);
    choose_events(flow);
    return flow;
}

enum err flow_send(struct flow *flow, const void *bytes, size_t len)
{
    if (flow->unsent.len - flow->unsent.at + len > UNSENT_MAX)
        return ERR_LIMIT;
    if (!octets_add(&flow->unsent, bytes, len))
        return ERR_MEMORY;
    outlet_flush_later(flow->outlet, &flow->flush);
    return ERR_OK;
}

size_t flow_unsent(const struct flow *flow)
{
    return flow->unsent.len - flow->unsent.at;
}

const char *flow_alpn(const struct flow *flow)
{
    return flow->tls != NULL ? tls_alpn(flow->tls) : NULL;
}
