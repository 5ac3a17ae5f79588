/* What outlives a reload. A new configuration is made of new plugins; what one of them has gathered (health
 * of servers, cached answers, counters) is found again under its name by the plugin that comes in its place.
 *
 *     setup:  self->name = keep_name(setup, KEEP_DIRECTIVE, "health");
 *     start:  self->health = keep_take(self->name, make, self, end);     the old one's, or a new one
 *     stop:   keep_drop(self->name, self->health);                       ends when nobody has it any more
 *
 * start of the new configuration comes before stop of the old one, so that both have it for a while, and
 * workers of both use it. Control thread, but for what is said otherwise. */
#ifndef PLUGINS_KEEP_H
#define PLUGINS_KEEP_H

#include <stdatomic.h>
#include <stdint.h>

#include "plugins/plugin.h"

enum keep_scope {
    KEEP_DIRECTIVE, /* the same words in the same directive of a block with the same keys */
    KEEP_BLOCK,     /* no word of the whole block has changed */
    KEEP_KEYS       /* whatever is written there, in the block with these keys */
};

/* A name for WHAT of this directive's plugin: the same one as long as SCOPE is. In world memory; NULL: out of
 * memory. */
const char *keep_name(struct setup *setup, enum keep_scope scope, const char *what) NODISCARD NONNULL(1, 3);

/* The thing of that NAME, held once more; when there is none, what MAKE returns of ARG (NULL: out of memory,
 * and so is the result). END frees it. */
void *keep_take(const char *name, void *(*make)(void *arg), void *arg, void (*end)(void *thing)) NODISCARD
    NONNULL(1, 2, 4);

/* THING of that NAME is held once less; NULL is none. */
void keep_drop(const char *name, void *thing);

/* ---- counters that are kept ---- */

struct tally_side {
    _Alignas(64) _Atomic uint64_t counts[8];
};

/* Up to 8 counters of each worker, which nobody else writes, in a cache line of their own. */
struct tally {
    unsigned sides_count;
    struct tally_side sides[];
};

/* The counters of that NAME. keep_drop lets go of them. */
struct tally *tally_take(const char *name) NODISCARD NONNULL(1);

/* In the worker's own thread. */
static inline NONNULL(1) void tally_add(struct tally *tally, unsigned worker, unsigned which, uint64_t more)
{
    _Atomic uint64_t *count = &tally->sides[worker].counts[which];
    atomic_store_explicit(
        count, atomic_load_explicit(count, memory_order_relaxed) + more, memory_order_relaxed);
}

/* Of all workers. Any thread. */
uint64_t tally_sum(const struct tally *tally, unsigned which) NONNULL(1);

#endif
