/* A whole zone as its records come, in any order (AXFR, an image being folded): they are put on the tapes
 * that an image is built of, without a copy between. No record is looked at before whole_build. One thread at
 * a time. */
#ifndef ZONE_STORE_WHOLE_H
#define ZONE_STORE_WHOLE_H

#include "zone/store/change.h"

struct chunk;

struct whole {
    struct chunk *chunks; /* of 65,536 records each, read side by side by the builder */
    size_t chunk_count, room;
    uint64_t count; /* records */
};

/* One record more; OWNER in lower case. */
enum err whole_add(struct whole *whole, const uint8_t *owner, uint16_t type, uint32_t ttl,
    const uint8_t *rdata, size_t rdata_len) NODISCARD NONNULL(1, 2);

/* The image of the zone at APEX, lower case. What the checks refuse is ERR_INVALID, and WHY (may be NULL)
 * says so. THREADS share the work, 0 for all cores. */
enum err whole_build(const struct whole *whole, const uint8_t *apex, unsigned threads,
    char why[CHANGE_WHY_MAX], struct image **out) NODISCARD NONNULL(1, 2, 5);

void whole_clear(struct whole *whole) NONNULL(1);

#endif
