/* The canonical order of the records of an RRset (RFC 4034 6.3): by their canonical rdata (6.2) as
 * left-justified octets. Zones keep the order of their text, which servers and people may care about; whoever
 * compares, signs or digests wants this one. */
#ifndef ZONE_WIRE_CANONICAL_H
#define ZONE_WIRE_CANONICAL_H

#include "zone/base/arena.h"
#include "zone/base/err.h"
#include "zone/wire/rrset.h"

struct canonical_record {
    struct record record;
    const uint8_t *form; /* the record's rdata in canonical form, of the same length */
};

/* Takes COUNT records of TYPE that stand at AT apart and sorts them. The result and the forms are
 * SCRATCH's. NULL when out of memory. */
struct canonical_record *canonical_sort(struct arena *scratch, uint16_t type, const uint8_t *at,
    unsigned count, bool linked) NODISCARD NONNULL(1, 3);

#endif
