/* Epochs: when may memory that workers could still be reading be freed? A writer takes the old thing out
 * of sight (one atomic pointer), then retires it; it is freed after every worker has been seen outside
 * of what it was doing at that moment.
 *
 *     worker:   enter ---- load pointers, serve a batch ---- leave      sleep = outside
 *     writer:   swap pointer; epoch_retire(free, old)  ...  epoch_reclaim() -> free(old)
 *
 * A worker publishes the epoch in which it entered; one that sleeps in its event loop publishes that it is
 * outside, so that an idle server frees at once. A worker that holds suspended queries publishes the
 * epoch of the oldest of them: what they refer to stays. Entering costs one exchange for each batch.
 *
 * enter and leave: the worker itself. retire: any thread. reclaim: the control thread. */
#ifndef SERVER_EPOCH_H
#define SERVER_EPOCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "zone/base/attr.h"

#define EPOCH_OUTSIDE UINT64_MAX

struct epoch_reader {
    _Alignas(64) _Atomic uint64_t seen; /* EPOCH_OUTSIDE, or the epoch entered */
};

/* Readers take part from epoch_join to epoch_part, which are for the control thread. */
void epoch_join(struct epoch_reader *reader) NONNULL(1);
void epoch_part(struct epoch_reader *reader) NONNULL(1);

extern _Atomic uint64_t epoch_now;

/* OLDEST: the epoch of the oldest suspended query, EPOCH_OUTSIDE for none. Returns the epoch to remember
 * for what is suspended from now on. Pointers must be loaded after it. */
static inline uint64_t epoch_enter(struct epoch_reader *reader, uint64_t oldest)
{
    uint64_t now = atomic_load(&epoch_now);
    atomic_store(&reader->seen, now < oldest ? now : oldest);
    return now;
}

static inline void epoch_leave(struct epoch_reader *reader, uint64_t oldest)
{
    atomic_store_explicit(&reader->seen, oldest, memory_order_release);
}

/* FREE(WHAT) when nobody can see WHAT any more. Calls WAKE (set by epoch_on_retire) so that the control
 * thread comes and reclaims. */
void epoch_retire(void (*free)(void *), void *what) NONNULL(1);
void epoch_on_retire(void (*wake)(void));

/* Frees what can be freed; true when something is left waiting. */
bool epoch_reclaim(void);

#endif
