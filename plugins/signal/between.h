/* The names that lie between "_signal.SERVER" and the signals below it: those of the server's zones and all
 * above them. They exist, without records (RFC 8020 2, RFC 4592 2.2.2), so that who is told that one does not
 * is right to ask for nothing below it. Which zones are signalled is found only at a question: here all that
 * may be count.
 *
 * Made in the control thread, looked at once a second; between_has is for workers. */
#ifndef PLUGINS_SIGNAL_BETWEEN_H
#define PLUGINS_SIGNAL_BETWEEN_H

#include <stdatomic.h>

#include "plugins/zones.h"

struct between_table;

struct between {
    const struct world *configuration;
    struct option_zones zones; /* zones at or below these */
    _Atomic(struct between_table *) table;
    struct host_timer *timer;
};

/* With `configuration` and `zones` set. */
enum err between_start(struct between *between) NODISCARD NONNULL(1);
void between_stop(struct between *between) NONNULL(1);

/* NAME (lower case) is a zone's or one above it. */
bool between_has(const struct between *between, const uint8_t *name) NONNULL(1, 2);

/* ZONE is at or below one of the names given. */
bool between_wants(const struct between *between, const uint8_t *zone) NONNULL(1, 2);

#endif
