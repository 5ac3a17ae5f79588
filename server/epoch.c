#include "server/epoch.h"

#include <stdlib.h>

#define READERS_MAX 1024

struct retired {
    struct retired *next;
    void (*free)(void *);
    void *what;
    uint64_t epoch;
};

_Atomic uint64_t epoch_now = 1;

static struct epoch_reader *readers[READERS_MAX]; /* control thread */
static unsigned reader_count;
static _Atomic(struct retired *) fresh;            /* pushed by any thread */
static struct retired *waiting, **last = &waiting; /* control thread; oldest first */
static void (*_Atomic wake_control)(void);

void epoch_join(struct epoch_reader *reader)
{
    atomic_store(&reader->seen, EPOCH_OUTSIDE);
    if (reader_count == READERS_MAX)
        abort();
    readers[reader_count++] = reader;
}

void epoch_part(struct epoch_reader *reader)
{
    for (unsigned i = 0; i < reader_count; i++) {
        if (readers[i] == reader) {
            readers[i] = readers[--reader_count];
            return;
        }
    }
}

void epoch_on_retire(void (*wake)(void))
{
    atomic_store(&wake_control, wake);
}

void epoch_retire(void (*free_it)(void *), void *what)
{
    struct retired *retired = malloc(sizeof *retired);
    if (retired == NULL)
        return; /* leaking is the safe way to be out of memory here */
    *retired = (struct retired){.free = free_it, .what = what};
    retired->epoch = atomic_fetch_add(&epoch_now, 1) + 1;
    retired->next = atomic_load(&fresh);
    while (!atomic_compare_exchange_weak(&fresh, &retired->next, retired))
        continue;
    void (*wake)(void) = atomic_load(&wake_control);
    if (wake != NULL)
        wake();
}

/* The earliest epoch some reader may still be in. */
static uint64_t oldest_reader(void)
{
    uint64_t oldest = EPOCH_OUTSIDE;
    for (unsigned i = 0; i < reader_count; i++) {
        uint64_t seen = atomic_load(&readers[i]->seen);
        oldest = seen < oldest ? seen : oldest;
    }
    return oldest;
}

/* Puts what came since the last time behind the rest, oldest first: a queue of which only what can be freed
 * is looked at, however much a cache retires. */
static void take_fresh(void)
{
    struct retired *newest = atomic_exchange(&fresh, NULL), *oldest = NULL, *end = newest;
    while (newest != NULL) {
        struct retired *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    if (oldest == NULL)
        return;
    *last = oldest;
    last = &end->next;
}

bool epoch_reclaim(void)
{
    take_fresh();
    uint64_t oldest = oldest_reader();
    while (waiting != NULL && waiting->epoch <= oldest) {
        struct retired *retired = waiting;
        waiting = retired->next;
        if (waiting == NULL)
            last = &waiting;
        retired->free(retired->what);
        free(retired);
    }
    return waiting != NULL;
}
