/* UDP of one worker: batches of packets per system call (recvmmsg, sendmmsg), each packet in a slot. Nothing
 * is allocated or locked on the way. On a wildcard socket the reply leaves from the address that was
 * asked (IP_PKTINFO, RFC 3542 6.2). Worker threads. */
#ifndef SERVER_UDP_H
#define SERVER_UDP_H

#include <uv.h>

#include "server/worker.h"

struct udp_batch *udp_new(struct worker *worker) NODISCARD NONNULL(1);
void udp_free(struct udp_batch *batch);

/* A socket has packets: uv_poll's callback. */
void udp_readable(uv_poll_t *poll, int status, int events);

/* Sends the replies of at most BATCH queries that had been suspended. */
void udp_send_resumed(struct worker *worker, struct slot *const *slots, unsigned count) NONNULL(1, 2);

#endif
