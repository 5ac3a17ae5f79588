/* cache: answers that are known already. Options and rules are CoreDNS's; see table.h for the table, flight.c
 * for questions that are under way, entry.c for what is kept and for how long. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/cache/cache.h"
#include "plugins/keep.h"
#include "plugins/metrics.h"
#include "zone/base/hash.h"
#include "zone/wire/edns.h"
#include "zone/wire/type.h"

/* ---- living ---- */

static void end_store(void *thing)
{
    struct cache_store *store = thing;
    for (unsigned kind = 0; kind < KIND_COUNT; kind++)
        cache_table_clear(&store->tables[kind]);
    free(store);
}

static void *make_store(void *arg)
{
    const struct cache *cache = arg;
    size_t size = sizeof(struct cache_store) + cache->sides_count * sizeof(struct cache_counters);
    struct cache_store *store = aligned_alloc(_Alignof(struct cache_store), size);
    if (store == NULL)
        return NULL;
    memset(store, 0, size);
    randombytes_buf(&store->seed, sizeof store->seed); /* nobody fills a bucket on purpose */
    enum err err = ERR_OK;
    for (unsigned kind = 0; kind < KIND_COUNT && err == ERR_OK; kind++)
        err = cache_table_init(&store->tables[kind], cache->capacity[kind]);
    if (err == ERR_OK)
        return store;
    end_store(store);
    return NULL;
}

static enum err start(void *self)
{
    struct cache *cache = self;
    unsigned workers = host_workers() > 0 ? host_workers() : 1;
    cache->sides = aligned_alloc(64, workers * sizeof *cache->sides);
    if (cache->sides == NULL)
        return ERR_MEMORY;
    memset(cache->sides, 0, workers * sizeof *cache->sides);
    cache->sides_count = workers;
    for (unsigned i = 0; i < workers; i++) {
        cache->sides[i].flights = calloc(FLIGHT_BUCKETS, sizeof(struct flight *));
        if (cache->sides[i].flights == NULL)
            return ERR_MEMORY;
    }
    cache->store = keep_take(cache->store_name, make_store, cache, end_store);
    if (cache->store == NULL)
        return ERR_MEMORY;
    cache->seed = cache->store->seed;
    memcpy(cache->tables, cache->store->tables, sizeof cache->tables);
    return ERR_OK;
}

static void free_side(struct cache_side *side)
{
    while (side->free_flights != NULL) {
        struct flight *next = side->free_flights->next;
        free(side->free_flights);
        side->free_flights = next;
    }
    while (side->free_waiters != NULL) {
        struct waiter *next = side->free_waiters->next;
        free(side->free_waiters);
        side->free_waiters = next;
    }
    free(side->flights);
    free(side->encoded);
}

static void stop(void *self)
{
    struct cache *cache = self;
    for (unsigned i = 0; i < cache->sides_count; i++)
        free_side(&cache->sides[i]);
    free(cache->sides);
    keep_drop(cache->store_name, cache->store);
}

/* ---- keys ---- */

static uint64_t hash_question(const struct cache *cache, const struct question *question, uint8_t flags)
{
    uint64_t hash = hash_bytes(cache->seed ^ question->type, question->lower, question->name_len);
    return hash_mix(hash ^ flags, HASH_K1);
}

/* AD or DO in the question asks for AD in the answer (RFC 6840 5.7). */
static uint8_t flags_of(const struct query *query)
{
    unsigned flags = query->message.flags;
    return (uint8_t)((query->dnssec ? ENTRY_DO : 0) | ((flags & MESSAGE_CD) != 0 ? ENTRY_CD : 0) |
                     ((flags & MESSAGE_AD) != 0 ? ENTRY_AD : 0));
}

static struct cache_key key_of(const struct cache *cache, const struct query *query)
{
    struct cache_key key = {.question = query->question, .flags = flags_of(query)};
    key.hash = query->hashed == cache ? query->hash : hash_question(cache, query->question, key.flags);
    return key;
}

static bool prefetch(void *self, struct query *query, unsigned step)
{
    const struct cache *cache = self;
    if (step == 0) {
        query->hash = hash_question(cache, query->question, flags_of(query));
        query->hashed = cache;
        cache_table_prefetch(&cache->tables[KIND_SUCCESS], query->hash);
        cache_table_prefetch(&cache->tables[KIND_DENIAL], query->hash);
        return true;
    }
    if (step == 1 && query->hashed == cache)
        cache_table_prefetch_entry(&cache->tables[KIND_SUCCESS], query->hash);
    return false;
}

static bool is_for(const struct cache *cache, const struct query *query)
{
    const struct question *question = query->question;
    if (UNLIKELY(
            question->type == TYPE_AXFR || question->type == TYPE_IXFR ||
            edns_has(&query->message.edns, EDNS_SUBNET))) /* RFC 7871 7.3: answers depend on the client */
        return false;
    if (LIKELY(cache->whole_block))
        return true;
    for (unsigned i = 0; i < cache->zones_count; i++) {
        if (name_under(question->lower, cache->zones[i]))
            return true;
    }
    return false;
}

/* ---- hits ---- */

/* CoreDNS's freq: hits that follow one another within a time. */
static bool is_popular(const struct cache *cache, struct entry *entry, uint32_t now)
{
    uint32_t used = atomic_load_explicit(&entry->used, memory_order_relaxed);
    uint32_t hits = atomic_load_explicit(&entry->hits, memory_order_relaxed);
    hits = now - used > cache->prefetch_gap_s * (1000 / CACHE_USED_MS) ? 1 : hits + 1;
    atomic_store_explicit(&entry->hits, hits, memory_order_relaxed);
    return hits >= cache->prefetch_amount;
}

static bool is_nearly_over(const struct cache *cache, const struct entry *entry, uint64_t now)
{
    uint64_t left = entry->expires_ms - now;
    return left * 100 <= (uint64_t)entry->ttl * 1000 * cache->prefetch_percent;
}

static void renew(struct cache *cache, struct query *query, const struct cache_key *key)
{
    struct cache_side *side = &cache->sides[query->worker];
    if (flight_find(side, key) != NULL)
        return;
    struct flight *flight = flight_new(cache, query->worker, key);
    if (flight != NULL)
        flight->tcp = query->transport != TRANSPORT_UDP;
    if (flight != NULL && flight_begin_behind(flight, query))
        cache_count(&cache->store->counters[query->worker].prefetches);
    else
        cache_count(&cache->store->counters[query->worker].drops);
}

static void hit(
    struct cache *cache, struct query *query, const struct cache_key *key, struct entry *entry, uint64_t now)
{
    uint32_t used = (uint32_t)(now / CACHE_USED_MS);
    bool renews =
        cache->prefetch_amount > 0 && is_popular(cache, entry, used) && is_nearly_over(cache, entry, now);
    if (UNLIKELY(atomic_load_explicit(&entry->used, memory_order_relaxed) != used))
        atomic_store_explicit(&entry->used, used, memory_order_relaxed);
    cache_count(&cache->store->counters[query->worker].hits[entry->denial]);
    entry_answer(cache, entry, query, false);
    if (UNLIKELY(renews))
        renew(cache, query, key);
}

/* The newest that is not over; or, to be given stale, the one that was over last. */
static struct entry *find(const struct cache *cache, const struct cache_key *key, uint64_t now, bool *over)
{
    struct entry *success = cache_table_find(&cache->tables[KIND_SUCCESS], key);
    *over = false;
    if (LIKELY(success != NULL && now < success->expires_ms))
        return success;
    struct entry *denial = cache_table_find(&cache->tables[KIND_DENIAL], key);
    if (denial != NULL && now < denial->expires_ms &&
        !(success != NULL && denial->rcode == RCODE_SERVFAIL && now < success->stale_ms))
        return denial;
    *over = true;
    if (success != NULL && now < success->stale_ms)
        return success;
    return denial != NULL && now < denial->stale_ms ? denial : NULL;
}

/* ---- stale answers (RFC 8767) ---- */

static void answer_stale(struct cache *cache, struct query *query, const struct entry *entry)
{
    cache_count(&cache->store->counters[query->worker].stale);
    cache_count(&cache->store->counters[query->worker].hits[entry->denial]);
    entry_answer(cache, entry, query, true);
}

static bool may_recheck(const struct cache *cache, struct entry *entry, uint64_t now)
{
    uint32_t now_s = (uint32_t)(now / 1000);
    if (now_s < atomic_load_explicit(&entry->recheck_s, memory_order_relaxed))
        return false;
    atomic_store_explicit(&entry->recheck_s, now_s + cache->recheck_ms / 1000, memory_order_relaxed);
    return true;
}

static enum served serve_stale(
    struct cache *cache, struct query *query, const struct cache_key *key, struct entry *entry, uint64_t now)
{
    struct cache_side *side = &cache->sides[query->worker];
    if (cache->stale_mode == STALE_IMMEDIATE || query->depth > 0 || !may_recheck(cache, entry, now)) {
        answer_stale(cache, query, entry);
        if (cache->stale_mode == STALE_IMMEDIATE && may_recheck(cache, entry, now))
            renew(cache, query, key);
        return SERVED_ANSWERED;
    }
    struct flight *flight = flight_find(side, key);
    bool begun = flight != NULL;
    if (!begun && (flight = flight_new(cache, query->worker, key)) != NULL)
        flight->tcp = query->transport != TRANSPORT_UDP;
    if (flight == NULL || !flight_join(flight, query)) {
        answer_stale(cache, query, entry);
        return SERVED_ANSWERED;
    }
    flight_fall_back(flight, entry);
    if (!begun && !flight_begin_behind(flight, query))
        cache_count(&cache->store->counters[query->worker].drops); /* and the stale answer has been given */
    return SERVED_SUSPENDED;
}

/* ---- misses ---- */

/* Sub-queries do not wait for others: two could wait for each other. */
static enum served miss(struct cache *cache, struct query *query, const struct cache_key *key)
{
    struct cache_side *side = &cache->sides[query->worker];
    cache_count(&cache->store->counters[query->worker].misses);
    struct flight *flight = flight_find(side, key);
    if (flight != NULL) {
        bool probe =
            query->question->type == TYPE_HINFO; /* of the loop plugin, which must see it come back */
        if (query->depth > 0 || probe || !flight_join(flight, query))
            return SERVED_NEXT;
        cache_count(&cache->store->counters[query->worker].coalesced);
        return SERVED_SUSPENDED;
    }
    flight = flight_new(cache, query->worker, key);
    if (flight != NULL) {
        flight->leader = query;
        flight->tcp = query->transport != TRANSPORT_UDP;
    }
    query->held = flight;
    return SERVED_NEXT;
}

static enum served serve(void *self, struct query *query)
{
    struct cache *cache = self;
    if (UNLIKELY(!is_for(cache, query)))
        return SERVED_NEXT;
    struct cache_key key = key_of(cache, query);
    uint64_t now = worker_now_ms(query->worker);
    bool over;
    cache_count(&cache->store->counters[query->worker].requests);
    struct entry *entry = find(cache, &key, now, &over);
    if (entry == NULL)
        return miss(cache, query, &key);
    if (UNLIKELY(over))
        return serve_stale(cache, query, &key, entry, now);
    hit(cache, query, &key, entry, now);
    return SERVED_ANSWERED;
}

/* What a plugin here has answered at once, with authority (file, hosts), is as quick to answer again, and
 * would only grow old. */
static bool is_ours(const struct query *query)
{
    return query->reply.authoritative && query->reply.body == NULL && !query->waited;
}

static void finish(void *self, struct query *query)
{
    (void)self;
    struct flight *flight = query->held;
    query->held = NULL;
    if (flight == NULL)
        return;
    if (is_ours(query))
        flight_give(flight);
    else
        flight_land(flight, query);
}

static void dropped(void *self, struct query *query)
{
    (void)self;
    struct flight *flight = query->held;
    query->held = NULL;
    if (flight != NULL)
        flight_land(flight, NULL);
}

/* ---- telling ---- */

static uint64_t sum(const struct cache *cache, size_t offset)
{
    uint64_t total = 0;
    for (unsigned i = 0; i < cache->sides_count; i++) {
        const char *counters = (const char *)&cache->store->counters[i];
        total += atomic_load_explicit(
            (const _Atomic uint64_t *)(const void *)(counters + offset), memory_order_relaxed);
    }
    return total;
}

static const struct {
    struct metric metric;
    const char *type;
    size_t offset;
} told[] = {
#define TOLD(name_, help_, type_, field_)                                                                    \
    {                                                                                                        \
        {"coredns_cache_" name_, METRIC_COUNTER, help_}, type_, offsetof(struct cache_counters, field_)      \
    }
    TOLD("requests_total", "The count of cache requests.", NULL, requests),
    TOLD("hits_total", "The count of cache hits.", "success", hits[KIND_SUCCESS]),
    TOLD("hits_total", "The count of cache hits.", "denial", hits[KIND_DENIAL]),
    TOLD("misses_total", "The count of cache misses.", NULL, misses),
    TOLD("prefetch_total", "The number of times the cache has prefetched a cached item.", NULL, prefetches),
    TOLD("drops_total", "The number of renewals that could not be begun.", NULL, drops),
    TOLD("served_stale_total", "The number of requests served from stale cache entries.", NULL, stale),
    TOLD("evictions_total", "The count of cache evictions.", "success", evictions[KIND_SUCCESS]),
    TOLD("evictions_total", "The count of cache evictions.", "denial", evictions[KIND_DENIAL]),
    TOLD("coalesced_total", "The count of requests that waited for another's answer.", NULL, coalesced),
#undef TOLD
};

static void metrics(void *self, struct metrics *out)
{
    static const struct metric entries = {
        "coredns_cache_entries", METRIC_GAUGE, "The number of elements in the cache."};
    const struct cache *cache = self;
    const char *server = cache->block->server, *zones = cache->zones_told, *view = block_view(cache->block);
    for (unsigned kind = 0; kind < KIND_COUNT; kind++)
        metrics_add(out, &entries, (double)cache_table_count(&cache->tables[kind]),
            METRIC_LABELS("server", server, "type", kind == KIND_SUCCESS ? "success" : "denial", "zones",
                zones, "view", view));
    for (unsigned i = 0; i < ARRAY_COUNT(told); i++) {
        double value = (double)sum(cache, told[i].offset);
        if (told[i].type != NULL)
            metrics_add(out, &told[i].metric, value,
                METRIC_LABELS("server", server, "type", told[i].type, "zones", zones, "view", view));
        else
            metrics_add(
                out, &told[i].metric, value, METRIC_LABELS("server", server, "zones", zones, "view", view));
    }
}

static const struct plugin cache_plugin = {
    .abi = PLUGIN_ABI,
    .name = "cache",
    .options = cache_options,
    .setup = cache_setup,
    .start = start,
    .serve = serve,
    .finish = finish,
    .dropped = dropped,
    .prefetch = prefetch,
    .metrics = metrics,
    .stop = stop,
};
PLUGIN(cache)
