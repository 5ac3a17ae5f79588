/* Signatures that were made before, for all workers together, without locks. A slot is guarded by a version:
 * odd while it is written, and another one afterwards, so that a reader who copied while somebody wrote sees
 * it and takes nothing. Who finds a slot being written leaves it alone; nobody ever waits.
 *
 * Keys are 128 bits of a keyed hash over everything that is signed, so that a changed RRset is another key,
 * and nobody can make two of them meet. Any thread; made and freed by the plugin. */
#ifndef PLUGINS_DNSSEC_SIGCACHE_H
#define PLUGINS_DNSSEC_SIGCACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zone/base/attr.h"

struct sigcache;

struct sigcache_key {
    uint64_t words[2];
};

/* For CAPACITY signatures of at most RDATA_MAX octets of RRSIG rdata. NULL: out of memory. */
struct sigcache *sigcache_new(size_t capacity, size_t rdata_max) NODISCARD;
void sigcache_free(struct sigcache *cache);

/* The RRSIG's rdata into OUT and its length, 0 when there is none that is good until UNTIL (seconds since the
 * epoch). */
size_t sigcache_get(struct sigcache *cache, const struct sigcache_key *key, uint32_t until, uint8_t *out)
    NONNULL(1, 2, 4);

/* Remembers RDATA, whose signature ends at EXPIRATION; nothing when it is too long. */
void sigcache_put(struct sigcache *cache, const struct sigcache_key *key, uint32_t expiration,
    const uint8_t *rdata, size_t len) NONNULL(1, 2, 4);

/* Slots in use; counted by walking. */
size_t sigcache_count(const struct sigcache *cache) NONNULL(1);

#endif
