/* Zones that are signed as they are asked for: their keys, the signatures of one RRset, and the NSEC record
 * that says what there is not. Frozen after start but for counters and the signatures kept; what each worker
 * writes is its own. */
#ifndef PLUGINS_DNSSEC_ONLINE_H
#define PLUGINS_DNSSEC_ONLINE_H

#include <stdatomic.h>

#include "plugins/dnssec/sigcache.h"
#include "plugins/plugin.h"
#include "zone/sec/key.h"
#include "zone/sec/sign.h"

#define ONLINE_KEYS_MAX 8

struct online_zone {
    const uint8_t *name; /* wire form, lower case */
    struct key *keys[ONLINE_KEYS_MAX];
    bool signs_keys[ONLINE_KEYS_MAX]; /* the DNSKEY, CDS and CDNSKEY sets */
    bool signs_zone[ONLINE_KEYS_MAX]; /* the others */
    unsigned key_count;
    const struct rrset *dnskey, *cds, *cdnskey, *nsec3param; /* world memory; all but the first may be NULL */
};

/* One worker's means. */
struct online_side {
    struct signing **signings; /* [zone * ONLINE_KEYS_MAX + key] */
    struct rrset_form form;
    _Atomic uint64_t hits, misses, signatures;
};

struct online {
    struct online_zone *zones;
    unsigned zone_count;
    struct sigcache *cache;
    struct online_side *sides; /* one for each worker */
    unsigned side_count;
    uint8_t hash_key[16];
    bool nsec3; /* how what is absent is denied */
    const char *server;
};

enum err online_start(struct online *online, size_t cache_capacity) NODISCARD NONNULL(1);
void online_stop(struct online *online) NONNULL(1);

/* The zone that NAME (lower case) lies in, the longest; NULL: none of these. */
const struct online_zone *online_zone(const struct online *online, const uint8_t *name) NONNULL(1, 2);

/* RRSET (without signatures) of OWNER with those of ZONE, in scratch memory; NULL when that is not possible.
 */
const struct rrset *online_sign(struct online *online, const struct online_zone *zone, const uint8_t *owner,
    const struct rrset *rrset, uint32_t ttl, const struct query *query) NODISCARD NONNULL(1, 2, 3, 4, 6);

#endif
