/* The plugin engine: walks a query along its chain, forwards by serve, backwards by finish, and parks it
 * where a plugin suspends it. See plugins/plugin.h. Worker threads. */
#ifndef SERVER_ENGINE_H
#define SERVER_ENGINE_H

#include "server/slot.h"
#include "server/world.h"

/* Makes QUERY ready to be served: only message, transport and addresses must stand already. */
void query_begin(struct query *query, const struct question *question, const struct chain *chain)
    NONNULL(1, 2, 3);

/* Runs the chain from query->step; the verdict is ANSWERED, SUSPENDED or DROPPED. */
enum served engine_serve(struct query *query) NODISCARD NONNULL(1);

/* Runs the chain on after a plugin resumed with VERDICT. */
enum served engine_continue(struct query *query, enum served verdict) NODISCARD NONNULL(1);

/* Notes that the query waits, and that it does so no longer. */
void engine_park(struct slot *slot) NONNULL(1);
void engine_unpark(struct slot *slot) NONNULL(1);

/* Hands a finished sub-query to whoever asked it. */
void engine_child_done(struct slot *child, enum served verdict) NONNULL(1);

#endif
