/* What is kept of each zone to check zones against each other: names in canonical order, and of their records
 * those that lead to other zones or are led to. Copies, so that the texts and images can go. One thread.
 * Inner header of check.c and across*.c. */
#ifndef ZONE_CHECK_ACROSS_H
#define ZONE_CHECK_ACROSS_H

#include "zone/base/arena.h"
#include "zone/check/collect.h"
#include "zone/check/zone_pass.h"

struct across_record {
    const uint8_t *rdata;
    uint64_t at; /* offset of the entry in its file */
    uint16_t type, rdata_len, file;
};

struct across_name {
    const uint8_t *name; /* whole, lower case */
    const struct across_record *records;
    uint32_t count;
};

struct across_zone {
    struct across_zone *next;
    const uint8_t *apex;
    const char *const *files; /* paths, by the records' `file` */
    const struct across_name *names;
    uint32_t count;
    uint32_t number; /* in the order of keeping */
};

struct across {
    struct arena arena;
    struct across_zone *first, **end;
    const struct across_zone **sorted; /* by apex, when all are kept */
    uint32_t count;
    bool failed;
};

void across_init(struct across *across) NONNULL(1);
void across_clear(struct across *across) NONNULL(1);

/* Keeps what is needed of a zone whose names are all known. */
void across_keep(struct across *across, struct zone_pass *pass) NONNULL(1, 2);

/* Makes the zones to be found; behind the last across_keep. */
enum err across_sort(struct across *across) NODISCARD NONNULL(1);

/* The first zone with this apex, or NULL. */
const struct across_zone *across_zone(const struct across *across, const uint8_t *apex) NONNULL(1, 2);

/* The zone that NAME, lower case, belongs to: the deepest of those kept; NULL for none. ABOVE: one that is
 * not NAME's own. */
const struct across_zone *across_zone_of(const struct across *across, const uint8_t *name, bool above)
    NONNULL(1, 2);

const struct across_name *across_find(const struct across_zone *zone, const uint8_t *name) NONNULL(1, 2);

/* The first record of TYPE, or the next behind LAST; NULL at the end. NAME may be NULL. */
const struct across_record *across_next(
    const struct across_name *name, uint16_t type, const struct across_record *last);

/* Is NAME answered from the zone: is it there, or does a wildcard, a delegation or a DNAME above cover it? */
enum across_state { ACROSS_THERE, ACROSS_COVERED, ACROSS_MISSING };
enum across_state across_state(const struct across_zone *zone, const uint8_t *name) NONNULL(1, 2);

/* All checks; findings go to COLLECT. */
void across_check(struct across *across, struct collect *collect) NONNULL(1, 2);

#endif
