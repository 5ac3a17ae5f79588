/* The hash of one record. The sum of such hashes over many records tells whether two versions of them are the
 * same, whatever the order they come in: what differs is found without keeping either. Any thread. */
#ifndef ZONE_WIRE_RECORD_HASH_H
#define ZONE_WIRE_RECORD_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "zone/base/hash.h"

/* Of a whole wire name in lower case. */
static inline uint64_t owner_hash(const uint8_t *name, size_t len)
{
    return hash_bytes(0, name, len);
}

static inline uint64_t record_hash(
    uint64_t owner, uint16_t type, uint32_t ttl, const uint8_t *rdata, size_t rdata_len)
{
    uint64_t head = (uint64_t)type << 32 | ttl;
    return hash_bytes(owner ^ hash_mix(head ^ HASH_K0, HASH_K1), rdata, rdata_len);
}

#endif
