/* cache: what its parts share. The table (table.h) is all workers'; flights, the questions that are under
 * way, and counters are one worker's each.
 *
 * A question that is not in the table becomes a flight and goes on down the chain; the same question, while
 * that one is under way, waits for it. The answer is kept on its way back, and all who wait get it. */
#ifndef PLUGINS_CACHE_CACHE_H
#define PLUGINS_CACHE_CACHE_H

#include "plugins/alarm.h"
#include "plugins/cache/table.h"
#include "plugins/plugin.h"

#define FLIGHT_BUCKETS 4096

enum kind { KIND_SUCCESS, KIND_DENIAL, KIND_COUNT };

/* A question that waits for the flight of another. */
struct waiter {
    struct waiter *next;
    struct query *query;
};

struct flight {
    struct flight *next, **link;
    struct cache *cache;
    struct query *leader; /* NULL: a copy, in the background */
    struct waiter *waiters;
    struct entry *stale; /* to be given when there is nothing better, or NULL */
    struct alarm alarm;  /* until then (serve_stale verify TIMEOUT) */
    uint64_t hash;
    uint16_t type;
    uint8_t flags;
    uint16_t worker;
    bool tcp; /* asked for by a client of TCP: the answer is whole */
    uint8_t name_len;
    uint8_t name[NAME_MAX];
};

struct cache_counters {
    _Alignas(64) _Atomic uint64_t requests, hits[KIND_COUNT], misses,
        prefetches, drops, stale, evictions[KIND_COUNT], coalesced;
};

struct cache_side {
    _Alignas(64) struct flight *free_flights;
    struct waiter *free_waiters;
    struct flight **flights; /* FLIGHT_BUCKETS */
    uint8_t *encoded;        /* room for one message */
};

/* What is kept over a reload that does not change the server block (plugins/keep.h). */
struct cache_store {
    struct cache_table tables[KIND_COUNT];
    uint64_t seed;
    struct cache_counters counters[]; /* of each worker */
};

enum stale_mode { STALE_OFF, STALE_IMMEDIATE, STALE_VERIFY };

/* Names for which nothing of a kind is kept. */
struct disabled {
    const uint8_t *const *zones;
    unsigned count;
};

struct cache {
    const uint8_t *const *zones;
    unsigned zones_count;
    bool whole_block;
    bool keep_ttl;
    bool prefer_positive; /* serve_stale_policy */
    enum stale_mode stale_mode;
    uint32_t max_ttl[KIND_COUNT], min_ttl[KIND_COUNT];
    uint64_t capacity[KIND_COUNT];
    uint32_t servfail_ms;
    uint32_t stale_ms, verify_ms, stale_ttl, recheck_ms;
    uint32_t prefetch_amount, prefetch_gap_s, prefetch_percent;
    struct disabled disabled[KIND_COUNT];
    const char *store_name;
    struct cache_store *store;
    struct cache_table tables[KIND_COUNT]; /* the store's, nearer */
    uint64_t seed;                         /* likewise */
    const struct block *block;
    const char *zones_told; /* for metrics: "example.org.,example.net." */
    struct cache_side *sides;
    unsigned sides_count;
};

static inline void cache_count(_Atomic uint64_t *counter)
{
    atomic_store_explicit(
        counter, atomic_load_explicit(counter, memory_order_relaxed) + 1, memory_order_relaxed);
}

/* setup.c */
extern const struct option cache_options[];
enum err cache_setup(struct setup *setup, void **self);

/* entry.c: the reply of QUERY as an entry for KEY; NULL when there is no memory or it cannot be kept in this
 * form. *KIND says where it belongs, and *TTL_MS for how long, 0: not to be kept. */
struct entry *entry_make(struct cache *cache, const struct flight *flight, struct query *query,
    enum kind *kind, uint64_t *ttl_ms) NODISCARD NONNULL(1, 2, 3, 4, 5);

/* Makes ENTRY the reply of QUERY. */
void entry_answer(const struct cache *cache, const struct entry *entry, struct query *query, bool stale)
    NONNULL(1, 2, 3);

/* flight.c */
struct flight *flight_find(struct cache_side *side, const struct cache_key *key) NONNULL(1, 2);
/* A new one, not begun. NULL: out of memory. */
struct flight *flight_new(struct cache *cache, unsigned worker, const struct cache_key *key) NONNULL(1, 3);
/* QUERY waits for it; false when it cannot. */
bool flight_join(struct flight *flight, struct query *query) NODISCARD NONNULL(1, 2);
/* When nothing better comes in time, or at all, those who wait get STALE. */
void flight_fall_back(struct flight *flight, struct entry *stale) NONNULL(1, 2);
/* Begins it in the background, with a copy of QUERY; false when that cannot be, and it is over. */
bool flight_begin_behind(struct flight *flight, struct query *query) NODISCARD NONNULL(1, 2);
/* Ends it; nobody waits for it. */
void flight_give(struct flight *flight) NONNULL(1);
/* QUERY has the answer (NULL: there is none): kept, given to all who wait. The flight is over. */
void flight_land(struct flight *flight, struct query *query) NONNULL(1);

#endif
