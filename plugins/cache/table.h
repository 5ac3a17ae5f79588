/* The table of a cache: one for all workers, without locks. Buckets of one cache line hold pointers to
 * entries, with 16 bits of the hash in their unused upper bits, so that a look at another entry is rare.
 * Entries are not changed once they are in: readers use them where they are (between the worker's enter and
 * leave), writers put another in their place by one exchange, and what was taken out is freed when no worker
 * can see it any more (host_retire).
 *
 *     bucket:  [tag|entry] [tag|entry] ... 8      full: the one that is over longest, else used longest ago,
 * goes
 *
 * Worker threads, but init and clear. */
#ifndef PLUGINS_CACHE_TABLE_H
#define PLUGINS_CACHE_TABLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "plugins/plugin.h"

#define CACHE_BUCKET 8
#define CACHE_USED_MS 64

enum entry_flag {
    ENTRY_DO = 1, /* what the question had: DO, CD, and AD or DO */
    ENTRY_CD = 2,
    ENTRY_AD = 4
};

/* One answer. The question stands in its message, the name in lower case. */
struct entry {
    uint64_t hash;
    uint64_t stored_ms, expires_ms, stale_ms; /* of the worker's clock; stale_ms: gone for good */
    uint32_t ttl;
    _Atomic uint32_t used;      /* when last, in CACHE_USED_MS, for choosing whom to drop */
    _Atomic uint32_t hits;      /* close together: for prefetch */
    _Atomic uint32_t recheck_s; /* stale: not asked for again before */
    uint16_t rcode;
    uint16_t ede;
    uint8_t flags; /* enum entry_flag: of the question */
    uint8_t name_len;
    bool authentic, recursion, denial, truncated;
    struct reply_body body;
    uint16_t places[]; /* of TTL fields; then the message */
};

/* What an entry is looked up by. */
struct cache_key {
    uint64_t hash;
    const struct question *question;
    uint8_t flags;
};

struct cache_table {
    _Atomic uint64_t *slots;
    uint32_t buckets;
    size_t size;
};

/* For about CAPACITY entries. */
enum err cache_table_init(struct cache_table *table, uint64_t capacity) NODISCARD NONNULL(1);
/* Frees all entries, too: no worker looks any more. */
void cache_table_clear(struct cache_table *table) NONNULL(1);

void cache_table_prefetch(const struct cache_table *table, uint64_t hash) NONNULL(1);
void cache_table_prefetch_entry(const struct cache_table *table, uint64_t hash) NONNULL(1);

/* The entry of KEY, over or not, or NULL. */
struct entry *cache_table_find(const struct cache_table *table, const struct cache_key *key) NONNULL(1, 2);

/* Puts ENTRY in, which belongs to the table from now on; true when another one had to go for it. */
bool cache_table_add(struct cache_table *table, struct entry *entry, uint64_t now_ms) NONNULL(1, 2);

/* Takes the entry of KEY out, if there is one. */
void cache_table_remove(struct cache_table *table, const struct cache_key *key) NONNULL(1, 2);

/* How many there are. Any thread. */
uint64_t cache_table_count(const struct cache_table *table) NONNULL(1);

#endif
