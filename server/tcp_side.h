/* What the two halves of a worker's TCP share: tcp.c has the connections of the worker (accepting, the order
 * of activity, limits, closing), tcp_serve.c what goes on in one of them (frames in, replies and transfers
 * out). Worker threads. */
#ifndef SERVER_TCP_SIDE_H
#define SERVER_TCP_SIDE_H

#include <uv.h>

#include "server/sending.h"
#include "server/tcp_stream.h"
#include "server/worker.h"

#include "zone/wire/netset.h"

#define FRAME_MAX (2 + MESSAGE_MAX)
#define READ_ROOM (FRAME_MAX + 64 * 1024)
#define REPLY_ROOM ((size_t)65600) /* a frame, in whole cache lines */

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

/* What was asked is still on its way: nothing more is read. */
static inline bool tcp_is_sending(const struct tcp_connection *c)
{
    return c->unsent.len > 0 || c->sending != NULL;
}

static inline bool tcp_is_closing(const struct tcp_connection *c)
{
    return c->stream.fd < 0 || uv_is_closing((const uv_handle_t *)&c->poll);
}

/* ---- tcp.c ---- */

/* Only whole queries and taken replies count as activity: a trickle of octets does not. */
void tcp_touch(struct tcp_connection *c) NONNULL(1);

void tcp_close(struct tcp_connection *c) NONNULL(1);

/* Frees what is closed and has no suspended query any more. */
void tcp_let_go(struct tcp_connection *c) NONNULL(1);

/* ---- tcp_serve.c ---- */

/* Waits for what the connection can go on with; closes it when there is nothing. */
void tcp_choose_events(struct tcp_connection *c) NONNULL(1);

/* The first transfer under way is over, or (BROKEN) given up. */
void tcp_end_sending(struct tcp_connection *c, bool broken) NONNULL(1);

#endif
