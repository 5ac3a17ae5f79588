#include "server/tcp.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/sending.h"
#include "server/serve.h"
#include "server/tcp_clients.h"
#include "server/tcp_stream.h"
#include "server/world.h"
#include "zone/net/tls.h"
#include "zone/wire/netset.h"

#define FRAME_MAX (2 + MESSAGE_MAX)
#define READ_ROOM (FRAME_MAX + 64 * 1024)
#define REPLY_ROOM ((size_t)65600) /* a frame, in whole cache lines */
#define ACCEPT_ROUND 32
#define SENDING_ROUND 4 /* messages of a transfer written before the others have their turn */

struct buffer {
    uint8_t *bytes;
    size_t at, len, room; /* what is kept lies between at and len */
};

struct tcp_connection {
    struct worker *worker;
    struct listener *listener;
    struct tcp_connection *newer, *older; /* by last activity */
    uv_poll_t poll;
    struct tcp_stream stream; /* closed: it waits for its suspended queries */
    union address client, server;
    struct buffer unread; /* received, not served yet: part of a frame, or frames held back */
    struct buffer unsent;
    struct sending *sending; /* transfers: the first is being sent */
    uint64_t active_ms;
    uint32_t queries; /* served so far */
    unsigned waiting; /* suspended queries */
    bool ended;       /* the client will send no more (RFC 7766 6.2.4: what it asked is still answered) */
    bool handle_open;
    bool counted; /* among those of its client */
};

struct tcp_side {
    struct tcp_connection *oldest, *newest;
    unsigned count, limit;
    uv_timer_t timer;
    bool timer_ready;
    struct slot *slots[BATCH];
    uint8_t *in;  /* READ_ROOM, shared by all connections: a frame rarely comes in parts */
    uint8_t *out; /* (BATCH + 1) * REPLY_ROOM; pages that replies never reach cost nothing */
};

/* ---- the list by activity ---- */

static void unlink_connection(struct tcp_side *side, struct tcp_connection *c)
{
    *(c->older != NULL ? &c->older->newer : &side->oldest) = c->newer;
    *(c->newer != NULL ? &c->newer->older : &side->newest) = c->older;
}

static void append_connection(struct tcp_side *side, struct tcp_connection *c)
{
    c->newer = NULL;
    c->older = side->newest;
    *(side->newest != NULL ? &side->newest->newer : &side->oldest) = c;
    side->newest = c;
}

/* Only whole queries and taken replies count as activity: a trickle of octets does not. */
static void touch(struct tcp_connection *c)
{
    struct tcp_side *side = c->worker->tcp;
    c->active_ms = uv_now(&c->worker->loop);
    if (side->newest == c)
        return;
    unlink_connection(side, c);
    append_connection(side, c);
}

/* ---- closing ---- */

static void end_sending(struct tcp_connection *c, bool broken)
{
    struct sending *sending = c->sending;
    c->sending = sending->next;
    sending_end(sending, broken);
}

/* What was asked is still on its way: nothing more is read. */
static bool is_sending(const struct tcp_connection *c)
{
    return c->unsent.len > 0 || c->sending != NULL;
}

static void connection_free(struct tcp_connection *c)
{
    if (c->handle_open || c->waiting > 0)
        return;
    listener_drop(c->listener);
    free(c->unread.bytes);
    free(c->unsent.bytes);
    free(c);
}

static void on_closed(uv_handle_t *handle)
{
    struct tcp_connection *c = handle->data;
    close(c->stream.fd);
    c->stream.fd = -1;
    c->handle_open = false;
    connection_free(c);
}

static bool is_closing(const struct tcp_connection *c)
{
    return c->stream.fd < 0 || uv_is_closing((const uv_handle_t *)&c->poll);
}

static void tcp_close(struct tcp_connection *c)
{
    struct tcp_side *side = c->worker->tcp;
    if (is_closing(c))
        return;
    unlink_connection(side, c);
    side->count--;
    if (c->counted)
        tcp_client_leave(&c->client);
    counter_add(&c->worker->counters.connections_now, (uint64_t)-1);
    tcp_stream_end(&c->stream);
    uv_poll_stop(&c->poll);
    uv_close((uv_handle_t *)&c->poll, on_closed);
    while (c->sending != NULL)
        end_sending(c, true);
    if (side->count == 0)
        uv_timer_stop(&side->timer);
}

static uint32_t or_standard(uint32_t limit)
{
    return limit != 0 ? limit : TCP_IDLE_MS;
}

/* The limits of `timeouts`: it depends on what the connection is in the midst of. */
static uint32_t limit_ms(const struct world *world, const struct tcp_connection *c)
{
    if (is_sending(c))
        return or_standard(world->tcp_limits.write_ms);
    return c->unread.len > 0 ? or_standard(world->tcp_limits.read_ms) : tcp_idle_ms(world);
}

static uint32_t shortest_ms(const struct world *world)
{
    uint32_t read = or_standard(world->tcp_limits.read_ms), write = or_standard(world->tcp_limits.write_ms);
    uint32_t shortest = tcp_idle_ms(world);
    shortest = read < shortest ? read : shortest;
    return write < shortest ? write : shortest;
}

static void on_tick(uv_timer_t *timer)
{
    struct worker *worker = timer->data;
    uint64_t now = uv_now(&worker->loop);
    struct tcp_connection *next;
    worker_enter(worker);
    const struct world *world = worker->world;
    uint32_t shortest = shortest_ms(world);
    for (struct tcp_connection *c = worker->tcp->oldest; c != NULL; c = next) {
        next = c->newer;
        if (now - c->active_ms < shortest)
            break;
        if (c->waiting == 0 && now - c->active_ms >= limit_ms(world, c))
            tcp_close(c);
    }
    worker_leave(worker);
}

/* The connection that has done nothing for the longest time makes room; one that waits for us only if all
 * others do, too. */
static void evict(struct worker *worker)
{
    struct tcp_connection *victim = worker->tcp->oldest;
    for (struct tcp_connection *c = victim; c != NULL; c = c->newer) {
        if (c->waiting == 0 && !is_sending(c)) {
            victim = c;
            break;
        }
    }
    if (victim != NULL) {
        counter_add(&worker->counters.connections_evicted, 1);
        tcp_close(victim);
    }
}

/* ---- buffers ---- */

/* Keeps LEN octets behind what BUFFER has. */
static bool buffer_add(struct buffer *buffer, const uint8_t *bytes, size_t len)
{
    if (len == 0)
        return true;
    size_t kept = buffer->len - buffer->at;
    if (buffer->at > 0)
        memmove(buffer->bytes, buffer->bytes + buffer->at, kept);
    buffer->at = 0;
    buffer->len = kept;
    if (kept + len > buffer->room) {
        size_t room = kept == 0 ? len : (kept + len) * 2;
        uint8_t *more = realloc(buffer->bytes, room);
        if (more == NULL)
            return false;
        buffer->bytes = more;
        buffer->room = room;
    }
    memcpy(buffer->bytes + kept, bytes, len);
    buffer->len += len;
    return true;
}

static void buffer_clear(struct buffer *buffer)
{
    free(buffer->bytes);
    *buffer = (struct buffer){0};
}

/* ---- sending ---- */

/* Sends what the kernel takes and keeps the rest. */
static void send_frames(struct tcp_connection *c, struct iovec *iov, unsigned count)
{
    ssize_t sent = 0;
    if (c->unsent.len == 0) {
        sent = tcp_stream_write(&c->stream, iov, count);
        if (sent < 0 && errno != EAGAIN && errno != EINTR) {
            tcp_close(c);
            return;
        }
    }
    size_t done = sent > 0 ? (size_t)sent : 0;
    for (unsigned i = 0; i < count; i++) {
        size_t skip = done < iov[i].iov_len ? done : iov[i].iov_len;
        done -= skip;
        if (!buffer_add(&c->unsent, (const uint8_t *)iov[i].iov_base + skip, iov[i].iov_len - skip)) {
            tcp_close(c);
            return;
        }
    }
}

static void send_unsent(struct tcp_connection *c)
{
    struct buffer *unsent = &c->unsent;
    struct iovec iov = {.iov_base = unsent->bytes + unsent->at, .iov_len = unsent->len - unsent->at};
    ssize_t sent = tcp_stream_write(&c->stream, &iov, 1);
    if (sent < 0) {
        if (errno != EAGAIN && errno != EINTR)
            tcp_close(c);
        return;
    }
    unsent->at += (size_t)sent;
    touch(c);
    if (unsent->at == unsent->len)
        buffer_clear(unsent);
}

static struct iovec frame_at(uint8_t *message, size_t len)
{
    message[-2] = (uint8_t)(len >> 8);
    message[-1] = (uint8_t)len;
    return (struct iovec){.iov_base = message - 2, .iov_len = len + 2};
}

static struct iovec frame(struct slot *slot)
{
    return frame_at(slot->out, slot->query.reply_len);
}

/* The further messages of a slot's reply are the connection's from now on. */
static void take_sending(struct tcp_connection *c, struct slot *slot)
{
    struct sending **last = &c->sending;
    if (LIKELY(slot->sending == NULL))
        return;
    while (*last != NULL)
        last = &(*last)->next;
    *last = slot->sending;
    slot->sending = NULL;
    if (is_closing(c)) {
        while (c->sending != NULL)
            end_sending(c, true);
    }
}

/* A few messages more of the first transfer, unless the client has not taken those before. A connection has
 * its turn again when the others have had theirs. */
static void send_more(struct tcp_connection *c)
{
    struct tcp_side *side = c->worker->tcp;
    struct iovec iov[SENDING_ROUND];
    unsigned count = 0;
    if (c->unsent.len > 0)
        return;
    while (count < SENDING_ROUND && c->sending != NULL) {
        uint8_t *out = side->out + count * REPLY_ROOM + 2;
        size_t len = sending_next(c->sending, out, MESSAGE_MAX);
        if (len == 0) { /* it cannot go on, and only the end of the connection says so */
            tcp_close(c);
            return;
        }
        iov[count++] = frame_at(out, len);
        if (c->sending->over)
            end_sending(c, false);
    }
    if (count == 0)
        return;
    touch(c);
    send_frames(c, iov, count);
}

/* ---- serving ---- */

/* Copies one query into a slot: it may outlive the shared buffer. */
static bool fill_slot(struct tcp_connection *c, unsigned i, const uint8_t *packet, uint32_t len)
{
    struct tcp_side *side = c->worker->tcp;
    struct slot *slot = side->slots[i];
    uint8_t *copy = len <= SLOT_RX ? slot->rx : arena_alloc(slot->query.scratch, len, 8);
    if (copy == NULL)
        return false;
    memcpy(copy, packet, len);
    slot->packet = copy;
    slot->packet_len = len;
    slot->out = side->out + i * REPLY_ROOM + 2;
    slot->out_limit = MESSAGE_MAX;
    slot->listener = c->listener;
    slot->connection = c;
    slot->query.transport = c->stream.tls != NULL ? TRANSPORT_TLS : TRANSPORT_TCP;
    slot->query.client = c->client;
    slot->query.server = c->server;
    slot->query.begin_ns = c->worker->now_ns;
    return true;
}

static void rearm(struct tcp_connection *c, unsigned count)
{
    struct tcp_side *side = c->worker->tcp;
    for (unsigned i = 0; i < count; i++) {
        struct slot *slot = side->slots[i];
        if (slot->served != SERVED_SUSPENDED) {
            slot_reuse(slot);
            continue;
        }
        slot->listener->users++;
        c->waiting++;
        side->slots[i] = slot_take(c->worker);
        if (side->slots[i] == NULL)
            abort();
    }
}

static void serve_slots(struct tcp_connection *c, unsigned count)
{
    struct worker *worker = c->worker;
    struct tcp_side *side = worker->tcp;
    struct iovec iov[BATCH];
    unsigned replies = 0;
    serve_batch(worker, side->slots, count);
    for (unsigned i = 0; i < count; i++) {
        if (side->slots[i]->served == SERVED_ANSWERED)
            iov[replies++] = frame(side->slots[i]);
    }
    counter_add(&worker->counters.queries[1], count);
    if (replies > 0)
        send_frames(c, iov, replies);
    serve_sent(worker, side->slots, count);
    for (unsigned i = 0; i < count; i++)
        take_sending(c, side->slots[i]);
    rearm(c, count);
}

static unsigned batch_limit(const struct tcp_connection *c)
{
    uint32_t limit = c->worker->world->tcp_limits.queries;
    return limit != 0 && limit - c->queries < BATCH && c->queries < limit ? limit - c->queries : BATCH;
}

/* `timeouts maxtcpqueries`: what comes behind the last query it may bring is not read. */
static bool is_worn_out(struct tcp_connection *c, unsigned count)
{
    uint32_t limit = c->worker->world->tcp_limits.queries;
    c->queries += count;
    c->ended |= limit != 0 && c->queries >= limit;
    return limit != 0 && c->queries >= limit;
}

/* Serves the whole frames of LEN octets at BYTES, a batch at a time, until the client does not keep up.
 * Returns what was used. */
static size_t serve_frames(struct tcp_connection *c, const uint8_t *bytes, size_t len)
{
    size_t at = 0;
    for (;;) {
        unsigned count = 0, most = batch_limit(c);
        while (count < most && len - at >= 2) {
            uint32_t size = (uint32_t)bytes[at] << 8 | bytes[at + 1];
            if (len - at - 2 < size || !fill_slot(c, count, bytes + at + 2, size))
                break;
            at += 2 + size;
            count++;
        }
        if (count == 0)
            return at;
        touch(c);
        serve_slots(c, count);
        if (is_worn_out(c, count))
            return len;
        if (is_closing(c) || is_sending(c) || c->waiting >= TCP_WAITING_MAX)
            return at;
    }
}

/* ---- events ---- */

static void on_event(uv_poll_t *poll, int status, int events);

static void choose_events(struct tcp_connection *c)
{
    if (is_closing(c))
        return;
    if (c->ended && !is_sending(c) && c->waiting == 0) {
        tcp_close(c);
        return;
    }
    int events = 0;
    if (is_sending(c))
        events = c->stream.needs_read ? UV_READABLE : UV_WRITABLE;
    else if (!c->ended && c->waiting < TCP_WAITING_MAX)
        events = c->stream.needs_write ? UV_WRITABLE : UV_READABLE;
    if (events != 0)
        uv_poll_start(&c->poll, events, on_event);
    else
        uv_poll_stop(&c->poll);
}

/* Serves what was held back and what has come now. */
static void take(struct tcp_connection *c, size_t held, size_t got)
{
    uint8_t *in = c->worker->tcp->in;
    size_t len = held + got;
    size_t used = serve_frames(c, in, len);
    if (!is_closing(c) && used < len && !buffer_add(&c->unread, in + used, len - used))
        tcp_close(c);
}

static size_t take_held(struct tcp_connection *c)
{
    size_t held = c->unread.len;
    if (held > 0)
        memcpy(c->worker->tcp->in, c->unread.bytes, held);
    buffer_clear(&c->unread);
    return held;
}

/* False when there is nothing to read. */
static bool read_some(struct tcp_connection *c)
{
    size_t held = c->unread.len;
    ssize_t got = tcp_stream_read(&c->stream, c->worker->tcp->in + held, READ_ROOM - held);
    if (got < 0) {
        if (errno != EAGAIN && errno != EINTR)
            tcp_close(c);
        return false;
    }
    c->ended = got == 0;
    if (got > 0)
        take(c, take_held(c), (size_t)got);
    return got > 0;
}

static bool may_read(const struct tcp_connection *c)
{
    return !is_closing(c) && !is_sending(c) && c->waiting < TCP_WAITING_MAX;
}

/* The client has taken its replies, or a suspended query is answered: go on where we stopped. */
static void go_on(struct tcp_connection *c)
{
    if (may_read(c) && c->unread.len > 0)
        take(c, take_held(c), 0);
    while (may_read(c) && !c->ended && tcp_stream_pending(&c->stream) && read_some(c))
        continue; /* octets that no event will announce */
    choose_events(c);
}

static void on_event(uv_poll_t *poll, int status, int events)
{
    struct tcp_connection *c = poll->data;
    struct worker *worker = c->worker;
    worker_enter(worker);
    if (status < 0)
        tcp_close(c);
    (void)events; /* over TLS either may wait for either */
    if (!is_closing(c) && c->unsent.len > 0)
        send_unsent(c);
    if (!is_closing(c) && c->unsent.len == 0 && c->sending != NULL)
        send_more(c);
    if (may_read(c) && !c->ended)
        (void)read_some(c);
    go_on(c);
    worker_leave(worker);
}

/* ---- accepting ---- */

static bool is_limited(const struct block *limits, const union address *client)
{
    if (limits == NULL)
        return false;
    return client->any.sa_family == AF_INET6
               ? !netset_has6(limits->tcp_exempt, client->v6.sin6_addr.s6_addr)
               : !netset_has4(limits->tcp_exempt, (const uint8_t *)&client->v4.sin_addr);
}

static void welcome(struct listener *listener, int fd, const union address *client)
{
    struct worker *worker = listener->worker;
    struct tcp_side *side = worker->tcp;
    const struct block *limits = worker->world->tcp;
    bool counted = is_limited(limits, client);
    if (counted && !tcp_client_enter(client, limits->tcp_per_client)) {
        counter_add(&worker->counters.connections_refused, 1);
        close(fd);
        return;
    }
    if (side->count >= side->limit)
        evict(worker);
    struct tls_context *tls = world_tls(worker->world, listener->endpoint);
    struct tcp_connection *c = calloc(1, sizeof *c);
    if (c != NULL && listener->tls &&
        (c->stream.tls = tls != NULL ? tls_open(tls, fd, NULL) : NULL) == NULL) {
        free(c);
        c = NULL;
    }
    if (c == NULL || uv_poll_init(&worker->loop, &c->poll, fd) != 0) {
        if (c != NULL)
            tcp_stream_end(&c->stream);
        free(c);
        close(fd);
        if (counted)
            tcp_client_leave(client);
        return;
    }
    c->counted = counted;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    c->worker = worker;
    c->listener = listener;
    listener->users++;
    c->poll.data = c;
    c->stream.fd = fd;
    c->handle_open = true;
    c->client = *client;
    c->server = listener->address;
    socklen_t len = sizeof c->server;
    if (listener->wildcard)
        getsockname(fd, &c->server.any, &len);
    c->active_ms = uv_now(&worker->loop);
    append_connection(side, c);
    if (side->count++ == 0)
        uv_timer_start(&side->timer, on_tick, TCP_TICK_MS, TCP_TICK_MS);
    counter_add(&worker->counters.connections, 1);
    counter_add(&worker->counters.connections_now, 1);
    choose_events(c);
}

static void accept_some(struct listener *listener)
{
    struct worker *worker = listener->worker;
    if (!worker->tcp->timer_ready) {
        uv_timer_init(&worker->loop, &worker->tcp->timer);
        worker->tcp->timer.data = worker;
        worker->tcp->timer_ready = true;
    }
    for (unsigned i = 0; i < ACCEPT_ROUND; i++) {
        union address client = {0};
        socklen_t len = sizeof client;
        int fd = accept4(listener->fd, &client.any, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE)
                evict(worker); /* the event stays and is taken up once that one is closed */
            return;
        }
        welcome(listener, fd, &client);
    }
}

void tcp_acceptable(uv_poll_t *poll, int status, int events)
{
    struct listener *listener = poll->data;
    (void)status, (void)events;
    worker_enter(listener->worker);
    accept_some(listener);
    worker_leave(listener->worker);
}

/* ---- suspended queries ---- */

uint8_t *tcp_reply_room(struct worker *worker)
{
    return worker->tcp->out + BATCH * REPLY_ROOM + 2;
}

void tcp_send_resumed(struct slot *slot)
{
    struct tcp_connection *c = slot->connection;
    c->waiting--;
    if (is_closing(c)) {
        take_sending(c, slot);
        connection_free(c);
        return;
    }
    if (slot->served == SERVED_ANSWERED) {
        struct iovec iov = frame(slot);
        touch(c);
        send_frames(c, &iov, 1);
        take_sending(c, slot);
    }
    go_on(c);
}

/* ---- the whole side ---- */

static unsigned connection_limit(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        return 256;
    unsigned workers = host_workers() > 0 ? host_workers() : 1;
    uint64_t share = (uint64_t)files.rlim_cur * 3 / 4 / workers;
    return share < 8 ? 8 : share < TCP_CONNECTIONS ? (unsigned)share : TCP_CONNECTIONS;
}

struct tcp_side *tcp_new(struct worker *worker)
{
    struct tcp_side *side = calloc(1, sizeof *side);
    if (side == NULL)
        return NULL;
    size_t out_len = (BATCH + 1) * REPLY_ROOM;
    uint8_t *room = mmap(NULL, out_len + READ_ROOM, PROT_READ | PROT_WRITE,
        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (room == MAP_FAILED) {
        free(side);
        return NULL;
    }
    side->out = room;
    side->in = room + out_len;
    side->limit = connection_limit();
    for (unsigned i = 0; i < BATCH; i++) {
        side->slots[i] = slot_take(worker);
        if (side->slots[i] == NULL) {
            tcp_free(side);
            return NULL;
        }
    }
    return side;
}

void tcp_free(struct tcp_side *side)
{
    if (side == NULL)
        return;
    for (unsigned i = 0; i < BATCH; i++)
        slot_free(side->slots[i]);
    munmap(side->out, (BATCH + 1) * REPLY_ROOM + READ_ROOM);
    free(side);
}

void tcp_close_listener(struct worker *worker, const struct listener *listener)
{
    struct tcp_connection *next;
    for (struct tcp_connection *c = worker->tcp->oldest; c != NULL; c = next) {
        next = c->newer;
        if (c->listener == listener)
            tcp_close(c);
    }
}

void tcp_close_all(struct worker *worker)
{
    while (worker->tcp->oldest != NULL)
        tcp_close(worker->tcp->oldest);
    if (worker->tcp->timer_ready)
        uv_close((uv_handle_t *)&worker->tcp->timer, NULL);
}
