/* TCP of one worker (RFC 7766): pipelined queries are served in batches, replies may leave in any order, a
 * connection that is idle for too long is closed, and when there are too many the one idle longest goes.
 * A client that does not read its replies is not read from either, so that nobody makes us
 * keep more than one batch of replies. An idle connection has no buffers. Worker threads. */
#ifndef SERVER_TCP_H
#define SERVER_TCP_H

#include <uv.h>

#include "server/worker.h"
#include "server/world.h"

#define TCP_IDLE_MS 10000    /* as CoreDNS */
#define TCP_TICK_MS 500      /* how exact that is */
#define TCP_WAITING_MAX 64   /* suspended queries of one connection; further ones are read later */
#define TCP_CONNECTIONS 4096 /* per worker, fewer when the process may open fewer files */

/* How long a connection may be idle. */
static inline uint32_t tcp_idle_ms(const struct world *world)
{
    return world->tcp_limits.idle_ms != 0 ? world->tcp_limits.idle_ms : TCP_IDLE_MS;
}

struct tcp_side *tcp_new(struct worker *worker) NODISCARD NONNULL(1);
void tcp_free(struct tcp_side *side);

/* A listening socket has connections: uv_poll's callback. */
void tcp_acceptable(uv_poll_t *poll, int status, int events);

void tcp_close_all(struct worker *worker) NONNULL(1);

/* The connections that came by way of LISTENER. */
void tcp_close_listener(struct worker *worker, const struct listener *listener) NONNULL(1, 2);

/* Room for one reply of a query that had been suspended; used up by tcp_send_resumed. */
uint8_t *tcp_reply_room(struct worker *worker) NONNULL(1);
void tcp_send_resumed(struct slot *slot) NONNULL(1);

#endif
