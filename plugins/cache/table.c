#include "plugins/cache/table.h"

#include <stdlib.h>
#include <string.h>

#include "zone/base/pages.h"

#define TAG_SHIFT 48 /* user addresses have 47 bits */
#define ADDRESS (((uint64_t)1 << TAG_SHIFT) - 1)
#define ADD_TRIES 4

static struct entry *entry_at(uint64_t slot)
{
    return (struct entry *)(uintptr_t)(slot & ADDRESS);
}

static uint64_t slot_for(const struct entry *entry)
{
    return (uint64_t)(uintptr_t)entry | entry->hash >> TAG_SHIFT << TAG_SHIFT;
}

/* The middle bits choose the bucket, the upper ones are the tag. */
static _Atomic uint64_t *bucket_of(const struct cache_table *table, uint64_t hash)
{
    uint64_t bucket = (hash & UINT32_MAX) * table->buckets >> 32;
    return &table->slots[bucket * CACHE_BUCKET];
}

static uint64_t load(_Atomic uint64_t *slot)
{
    return atomic_load_explicit(slot, memory_order_acquire);
}

enum err cache_table_init(struct cache_table *table, uint64_t capacity)
{
    uint64_t buckets = (capacity + CACHE_BUCKET - 1) / CACHE_BUCKET;
    if (buckets == 0)
        return ERR_OK;
    table->size = (size_t)buckets * CACHE_BUCKET * sizeof *table->slots;
    table->slots = pages_alloc(table->size);
    table->buckets = (uint32_t)buckets;
    return table->slots != NULL ? ERR_OK : ERR_MEMORY;
}

void cache_table_clear(struct cache_table *table)
{
    for (uint64_t i = 0; i < (uint64_t)table->buckets * CACHE_BUCKET && table->slots != NULL; i++)
        free(entry_at(load(&table->slots[i])));
    pages_free(table->slots, table->size);
    *table = (struct cache_table){0};
}

void cache_table_prefetch(const struct cache_table *table, uint64_t hash)
{
    if (LIKELY(table->buckets > 0))
        __builtin_prefetch((const void *)bucket_of(table, hash));
}

void cache_table_prefetch_entry(const struct cache_table *table, uint64_t hash)
{
    _Atomic uint64_t *bucket = bucket_of(table, hash);
    for (unsigned i = 0; i < CACHE_BUCKET && table->buckets > 0; i++) {
        uint64_t slot = load(&bucket[i]);
        if (slot >> TAG_SHIFT != hash >> TAG_SHIFT || slot == 0)
            continue;
        const char *at = (const char *)entry_at(slot);
        for (unsigned line = 0; line < 4; line++)
            __builtin_prefetch(at + 64 * line);
        return;
    }
}

static bool is_for(const struct entry *entry, const struct cache_key *key)
{
    const struct question *question = key->question;
    const uint8_t *name = entry->body.message + MESSAGE_HEADER_LEN;
    const uint8_t *fixed = name + entry->name_len;
    return entry->hash == key->hash && entry->flags == key->flags && entry->name_len == question->name_len &&
           (fixed[0] << 8 | fixed[1]) == question->type &&
           memcmp(name, question->lower, entry->name_len) == 0;
}

struct entry *cache_table_find(const struct cache_table *table, const struct cache_key *key)
{
    if (UNLIKELY(table->buckets == 0))
        return NULL;
    _Atomic uint64_t *bucket = bucket_of(table, key->hash);
    for (unsigned i = 0; i < CACHE_BUCKET; i++) {
        uint64_t slot = load(&bucket[i]);
        if (slot >> TAG_SHIFT == key->hash >> TAG_SHIFT && slot != 0 && is_for(entry_at(slot), key))
            return entry_at(slot);
    }
    return NULL;
}

static void retire(uint64_t slot)
{
    if (slot != 0)
        host_retire(free, entry_at(slot));
}

/* Lower is better to drop: what is gone for good, then by last use. */
static uint64_t worth(const struct entry *entry, uint64_t now_ms)
{
    if (now_ms >= entry->stale_ms)
        return 0;
    uint64_t used = atomic_load_explicit(&entry->used, memory_order_relaxed);
    return now_ms >= entry->expires_ms ? 1 + used : ((uint64_t)1 << 32) + used;
}

/* The place for ENTRY, and what is in it. */
static unsigned choose(
    _Atomic uint64_t *bucket, const struct cache_key *key, uint64_t now_ms, uint64_t *found)
{
    unsigned best = 0, first = (unsigned)(key->hash >> 40); /* among equals, any */
    uint64_t best_worth = UINT64_MAX;
    for (unsigned n = 0; n < CACHE_BUCKET; n++) {
        unsigned i = (first + n) % CACHE_BUCKET;
        uint64_t slot = load(&bucket[i]);
        bool same = slot >> TAG_SHIFT == key->hash >> TAG_SHIFT && slot != 0 && is_for(entry_at(slot), key);
        if (same) {
            *found = slot;
            return i;
        }
        uint64_t value = slot == 0 ? 0 : 1 + worth(entry_at(slot), now_ms);
        if (value < best_worth) {
            best = i;
            best_worth = value;
            *found = slot;
        }
    }
    return best;
}

bool cache_table_add(struct cache_table *table, struct entry *entry, uint64_t now_ms)
{
    struct question question;
    question_set(&question, entry->body.message + MESSAGE_HEADER_LEN,
        (uint16_t)(entry->body.message[MESSAGE_HEADER_LEN + entry->name_len] << 8 |
                   entry->body.message[MESSAGE_HEADER_LEN + entry->name_len + 1]),
        1);
    struct cache_key key = {entry->hash, &question, entry->flags};
    if (table->buckets == 0) {
        host_retire(free, entry);
        return false;
    }
    _Atomic uint64_t *bucket = bucket_of(table, entry->hash);
    for (unsigned tries = 0; tries < ADD_TRIES; tries++) {
        uint64_t found = 0;
        unsigned i = choose(bucket, &key, now_ms, &found);
        bool evicts = found != 0 && !is_for(entry_at(found), &key) && now_ms < entry_at(found)->expires_ms;
        if (atomic_compare_exchange_strong(&bucket[i], &found, slot_for(entry))) {
            retire(found);
            return evicts;
        }
    }
    host_retire(free, entry); /* others want the same places: they have newer answers */
    return false;
}

void cache_table_remove(struct cache_table *table, const struct cache_key *key)
{
    if (table->buckets == 0)
        return;
    _Atomic uint64_t *bucket = bucket_of(table, key->hash);
    for (unsigned i = 0; i < CACHE_BUCKET; i++) {
        uint64_t slot = load(&bucket[i]);
        if (slot >> TAG_SHIFT == key->hash >> TAG_SHIFT && slot != 0 && is_for(entry_at(slot), key) &&
            atomic_compare_exchange_strong(&bucket[i], &slot, 0))
            retire(slot);
    }
}

uint64_t cache_table_count(const struct cache_table *table)
{
    uint64_t count = 0;
    for (uint64_t i = 0; i < (uint64_t)table->buckets * CACHE_BUCKET; i++)
        count += atomic_load_explicit(&table->slots[i], memory_order_relaxed) != 0;
    return count;
}
