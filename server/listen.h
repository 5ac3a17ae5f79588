/* The sockets of the server: one for each worker, address, port and transport (SO_REUSEPORT: the kernel
 * spreads clients over the workers). Opened by the control thread, so that errors are told before anything
 * changes; read by the workers. A reload keeps the sockets that both configurations want. Control thread. */
#ifndef SERVER_LISTEN_H
#define SERVER_LISTEN_H

#include "server/worker.h"
#include "server/world.h"

struct endpoint;

struct listen {
    struct endpoint *endpoints; /* open ones */
    struct endpoint *fresh;     /* opened by listen_prepare, not handed out yet */
    unsigned next_id;
};

/* Opens what WORLD wants and is not open yet, and gives its plans their ids and the world its routes.
 * What cannot be opened is told to SINK; nothing is open then that was not before. */
enum err listen_prepare(struct listen *listen, struct world *world, unsigned workers,
    const struct finding_sink *sink) NODISCARD NONNULL(1, 2, 4);

/* Undoes listen_prepare. */
void listen_abandon(struct listen *listen) NONNULL(1);

/* WORLD is published: the workers get the fresh sockets and give up those it does not want. */
void listen_apply(struct listen *listen, const struct world *world, struct worker *const *workers,
    unsigned worker_count) NONNULL(1, 2, 3);

/* When the workers have ended. */
void listen_close(struct listen *listen) NONNULL(1);

unsigned listen_count(const struct listen *listen) NONNULL(1);

#endif
