#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "server/serve.h"
#include "server/tcp.h"
#include "server/tcp_side.h"
#include "server/world.h"

#define SENDING_ROUND 4 /* messages of a transfer written before the others have their turn */

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

void tcp_end_sending(struct tcp_connection *c, bool broken)
{
    struct sending *sending = c->sending;
    c->sending = sending->next;
    sending_end(sending, broken);
}

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
    tcp_touch(c);
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
    if (tcp_is_closing(c)) {
        while (c->sending != NULL)
            tcp_end_sending(c, true);
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
            tcp_end_sending(c, false);
    }
    if (count == 0)
        return;
    tcp_touch(c);
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
        tcp_touch(c);
        serve_slots(c, count);
        if (is_worn_out(c, count))
            return len;
        if (tcp_is_closing(c) || tcp_is_sending(c) || c->waiting >= TCP_WAITING_MAX)
            return at;
    }
}

/* ---- events ---- */

static void on_event(uv_poll_t *poll, int status, int events);

void tcp_choose_events(struct tcp_connection *c)
{
    if (tcp_is_closing(c))
        return;
    if (c->ended && !tcp_is_sending(c) && c->waiting == 0) {
        tcp_close(c);
        return;
    }
    int events = 0;
    if (tcp_is_sending(c))
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
    if (!tcp_is_closing(c) && used < len && !buffer_add(&c->unread, in + used, len - used))
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
    return !tcp_is_closing(c) && !tcp_is_sending(c) && c->waiting < TCP_WAITING_MAX;
}

/* The client has taken its replies, or a suspended query is answered: go on where we stopped. */
static void go_on(struct tcp_connection *c)
{
    if (may_read(c) && c->unread.len > 0)
        take(c, take_held(c), 0);
    while (may_read(c) && !c->ended && tcp_stream_pending(&c->stream) && read_some(c))
        continue; /* octets that no event will announce */
    tcp_choose_events(c);
}

static void on_event(uv_poll_t *poll, int status, int events)
{
    struct tcp_connection *c = poll->data;
    struct worker *worker = c->worker;
    worker_enter(worker);
    if (status < 0)
        tcp_close(c);
    (void)events; /* over TLS either may wait for either */
    if (!tcp_is_closing(c) && c->unsent.len > 0)
        send_unsent(c);
    if (!tcp_is_closing(c) && c->unsent.len == 0 && c->sending != NULL)
        send_more(c);
    if (may_read(c) && !c->ended)
        (void)read_some(c);
    go_on(c);
    worker_leave(worker);
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
    if (tcp_is_closing(c)) {
        take_sending(c, slot);
        tcp_let_go(c);
        return;
    }
    if (slot->served == SERVED_ANSWERED) {
        struct iovec iov = frame(slot);
        tcp_touch(c);
        send_frames(c, &iov, 1);
        take_sending(c, slot);
    }
    go_on(c);
}
