/* The corridor: the way of a query through the server, on one screen, with the rooms off it.
 *
 *     udp / tcp       packets into slots                        server/udp.c, server/tcp.c
 *        |
 *     query_parse     bytes -> question, EDNS                   server/query.c
 *     query_route     -> the server block's chain of plugins    server/query.c
 *     prefetch        begin the memory reads of all of them
 *     engine_serve    the chain: file -> find -> answer         server/engine.c, plugins/, zone/store/
 *     query_encode    references -> bytes                       server/query.c
 *        |
 *     udp / tcp       send
 *     serve_sent      log, count
 *
 * Each stage runs over the whole batch, so that the memory reads of its queries overlap. Worker threads. */
#ifndef SERVER_SERVE_H
#define SERVER_SERVE_H

#include "server/worker.h"

/* Serves COUNT received packets: afterwards each slot is to be sent (out, reply_len), dropped, or was
 * suspended. Between worker_enter and worker_leave. */
void serve_batch(struct worker *worker, struct slot *const *slots, unsigned count) NONNULL(1, 2);

/* Goes on with suspended queries, a list from FIRST on, and sends their replies. */
void serve_resumed(struct worker *worker, struct slot *first) NONNULL(1, 2);

/* To be called when the replies have been sent. */
void serve_sent(struct worker *worker, struct slot *const *slots, unsigned count) NONNULL(1, 2);

#endif
