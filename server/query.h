/* The rooms on either side of the plugins: a packet becomes a query and finds its server block, and the reply
 * becomes a packet. Worker threads. */
#ifndef SERVER_QUERY_H
#define SERVER_QUERY_H

#include "server/slot.h"
#include "server/world.h"

/* Takes the packet apart. Afterwards slot->served is SERVED_NEXT when plugins are to answer; SERVED_ANSWERED
 * when the reply is clear already (FORMERR, NOTIMP, BADVERS); SERVED_DROPPED when there must be none. */
void query_parse(struct slot *slot) NONNULL(1);

/* Finds the server block, or answers what no block is for. */
void query_route(const struct world *world, struct slot *slot) NONNULL(1, 2);

/* Writes the reply to slot->out. */
void query_encode(struct slot *slot) NONNULL(1);

#endif
