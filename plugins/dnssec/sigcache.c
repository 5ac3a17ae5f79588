#include "plugins/dnssec/sigcache.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define WAYS 4
#define HEAD_WORDS 3 /* the key, and expiration with length */

typedef _Atomic uint64_t word;

struct sigcache {
    size_t mask;  /* sets of WAYS slots */
    size_t words; /* of a slot, its version included */
    size_t rdata_max;
    word *slots;
};

struct sigcache *sigcache_new(size_t capacity, size_t rdata_max)
{
    struct sigcache *cache = calloc(1, sizeof *cache);
    size_t sets = 1;
    if (cache == NULL)
        return NULL;
    while (sets * WAYS < capacity)
        sets *= 2;
    cache->mask = sets - 1;
    cache->rdata_max = rdata_max;
    cache->words = 1 + HEAD_WORDS + (rdata_max + 7) / 8;
    cache->slots = calloc(sets * WAYS * cache->words, sizeof *cache->slots);
    if (cache->slots == NULL) {
        free(cache);
        return NULL;
    }
    return cache;
}

void sigcache_free(struct sigcache *cache)
{
    if (cache != NULL)
        free(cache->slots);
    free(cache);
}

static word *slot_at(const struct sigcache *cache, const struct sigcache_key *key, unsigned way)
{
    return cache->slots + ((key->words[0] & cache->mask) * WAYS + way) * cache->words;
}

/* Words of the content are stored with release and loaded with acquire: whoever has seen one of the new ones
 * sees the odd version, too, when he looks at it again. */
static uint64_t load(word *at)
{
    return atomic_load_explicit(at, memory_order_acquire);
}

static void store(word *at, uint64_t value)
{
    atomic_store_explicit(at, value, memory_order_release);
}

/* Copies the slot's rdata when it is KEY's and good until UNTIL. */
static size_t copy_slot(
    const struct sigcache *cache, word *slot, const struct sigcache_key *key, uint32_t until, uint8_t *out)
{
    uint64_t version = load(&slot[0]);
    if ((version & 1) != 0 || load(&slot[1]) != key->words[0] || load(&slot[2]) != key->words[1])
        return 0;
    uint64_t head = load(&slot[3]);
    size_t len = head & 0xffff;
    if ((int32_t)((uint32_t)(head >> 32) - until) < 0 || len > cache->rdata_max)
        return 0;
    for (size_t i = 0; i * 8 < len; i++) {
        uint64_t eight = load(&slot[1 + HEAD_WORDS + i]);
        memcpy(out + i * 8, &eight, len - i * 8 < 8 ? len - i * 8 : 8);
    }
    return load(&slot[0]) == version ? len : 0;
}

size_t sigcache_get(struct sigcache *cache, const struct sigcache_key *key, uint32_t until, uint8_t *out)
{
    for (unsigned way = 0; way < WAYS; way++) {
        size_t len = copy_slot(cache, slot_at(cache, key, way), key, until, out);
        if (len != 0)
            return len;
    }
    return 0;
}

/* That of the same key, or the one whose signature ends first; empty ones ended long ago. */
static word *choose(const struct sigcache *cache, const struct sigcache_key *key)
{
    word *chosen = NULL;
    uint64_t earliest = UINT64_MAX;
    for (unsigned way = 0; way < WAYS; way++) {
        word *slot = slot_at(cache, key, way);
        if (load(&slot[1]) == key->words[0] && load(&slot[2]) == key->words[1])
            return slot;
        uint64_t expiration = load(&slot[3]) >> 32;
        if (expiration < earliest) {
            earliest = expiration;
            chosen = slot;
        }
    }
    return chosen;
}

void sigcache_put(struct sigcache *cache, const struct sigcache_key *key, uint32_t expiration,
    const uint8_t *rdata, size_t len)
{
    word *slot = choose(cache, key);
    uint64_t version = load(&slot[0]);
    if (len > cache->rdata_max || (version & 1) != 0 ||
        !atomic_compare_exchange_strong_explicit(
            &slot[0], &version, version + 1, memory_order_acquire, memory_order_relaxed))
        return;
    store(&slot[1], key->words[0]);
    store(&slot[2], key->words[1]);
    store(&slot[3], (uint64_t)expiration << 32 | len);
    for (size_t i = 0; i * 8 < len; i++) {
        uint64_t eight = 0;
        memcpy(&eight, rdata + i * 8, len - i * 8 < 8 ? len - i * 8 : 8);
        store(&slot[1 + HEAD_WORDS + i], eight);
    }
    store(&slot[0], version + 2);
}

size_t sigcache_count(const struct sigcache *cache)
{
    size_t count = 0;
    for (size_t i = 0; i < (cache->mask + 1) * WAYS; i++)
        count += load(&cache->slots[i * cache->words]) != 0;
    return count;
}
