/* Two versions of a zone, and what differs between them by RRset. A version is a text, a snapshot, or records
 * as a transfer brought them; any two can be compared.
 *
 * Both are read once for sums: each name's records are added up in one of many buckets, the old ones
 * negatively. Where a bucket does not come to nothing its names may differ; of texts just the stretches that
 * hold such names are read again for the records. So two texts of a million delegations cost two readings and
 * a little, and no image of either is made.
 *
 * The result points into the versions, which must stay as they are until it is cleared. One thread at a time;
 * work is shared out inside. */
#ifndef ZONE_STORE_VERSIONS_H
#define ZONE_STORE_VERSIONS_H

#include "zone/base/arena.h"
#include "zone/store/change.h"
#include "zone/text/chunks.h"

struct version {
    struct sources *sources; /* a text: source FILE of these. Else NULL */
    uint16_t file;
    const uint8_t *origin;             /* of a text: where relative names begin */
    const struct snapshot *snapshot;   /* or NULL */
    const struct change_list *records; /* of a zone transfer, SOA first, or NULL */
};

struct set_record {
    const uint8_t *rdata;
    uint16_t len;
    bool alone; /* the other version has no such record */
};

/* One version of an RRset; count 0: it is not there. */
struct set_version {
    uint32_t ttl; /* of all its records, and of the RRSIGs that cover it (RFC 2181 5.2) */
    uint32_t count;
    struct set_record *records; /* in canonical order, duplicates dropped */
};

struct set_change {
    const uint8_t *owner; /* whole wire name, lower case */
    uint16_t type;
    uint16_t covered; /* of RRSIG: each covered type is a set of its own; else 0 */
    struct set_version old, new;
};

struct versions_options {
    const uint8_t *apex; /* NULL: what the versions themselves say */
    unsigned threads;
    size_t chunk_size; /* 0 for the default. Tests use tiny ones */
    struct finding_sink sink;
};

struct versions_side;

struct versions {
    uint8_t apex[NAME_MAX + 1];
    struct set_change *sets; /* those that differ, in canonical order; the apex's SOA first */
    size_t count;
    struct set_change soa; /* of both versions, different or not; count 0 where there is none */
    uint32_t from, to;     /* serials, 0 without a SOA */
    uint64_t old_records, new_records;
    struct arena arena;
    struct versions_side *sides;
};

/* ERR_INVALID: a text has errors, which the sink was told, or the two are zones of different names: then *OUT
 * has apex[0] == 0 and nothing was told. Only after ERR_OK is versions_clear due. */
enum err versions_compare(const struct version *old, const struct version *new,
    const struct versions_options *options, struct versions *out) NODISCARD NONNULL(1, 2, 3, 4);

/* The same as a change set. */
enum err versions_change(const struct versions *versions, struct change *out) NODISCARD NONNULL(1, 2);

void versions_clear(struct versions *versions) NONNULL(1);

#endif
