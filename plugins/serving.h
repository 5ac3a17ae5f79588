/* Answering from zones that the server holds (plugins/zones.h): which zone a question lies in, the steps that
 * start memory reads ahead of time, and the answer from the zone's present snapshot. What secondary, and
 * other plugins whose zones come from elsewhere, have in common; each keeps a struct serving in its own
 * struct.
 *
 * Filled in the control thread (or in a job) and frozen then; prefetch and serve are for workers. */
#ifndef PLUGINS_SERVING_H
#define PLUGINS_SERVING_H

#include "plugins/plugin.h"
#include "plugins/zones.h"
#include "zone/wire/suffix.h"

struct serving_zone {
    struct zone *zone;
    const uint8_t *const *fall; /* names in which what does not exist is left to the next plugin */
    unsigned fall_count;
    uint16_t iterations; /* of NSEC3, the most that proofs are made with; 0: ANSWER_ITERATIONS_MAX */
};

struct serving {
    const char *plugin; /* for messages */
    const void
        *mark; /* of lookups: the struct itself, or what several that follow each other have in common */
    struct suffix_table table;
    struct arena memory;
};

/* For at most COUNT zones. */
enum err serving_init(struct serving *serving, const char *plugin, unsigned count) NODISCARD NONNULL(1, 2);
void serving_clear(struct serving *serving) NONNULL(1);

/* ZONE is not copied. ERR_EXISTS: a zone of that name is there already. */
enum err serving_add(struct serving *serving, struct serving_zone *zone) NODISCARD NONNULL(1, 2);

/* The zone of exactly that name, or NULL. */
struct serving_zone *serving_find(const struct serving *serving, const uint8_t *name) NONNULL(1, 2);

/* What struct plugin's hooks of these names do. */
bool serving_prefetch(const struct serving *serving, struct query *query, unsigned step) NONNULL(1, 2);
enum served serving_serve(const struct serving *serving, struct query *query) NONNULL(1, 2);

/* Answers a query for a transfer that no transfer plugin has taken, of ZONE or a name in it. */
enum served serving_no_transfer(struct query *query, const struct zone *zone) NONNULL(1, 2);

#endif
