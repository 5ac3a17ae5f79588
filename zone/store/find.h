/* Finding a name in a snapshot. Three steps, so that a batch of queries can overlap its memory reads:
 * find_begin hashes and prefetches index buckets, find_probe looks into them and prefetches the node,
 * find_end compares and decides. find_name does all three for one name.
 *
 * Existence is monotone (every ancestor of a node is a node), so the first hit going up from the full
 * name is the exact node or the closest encloser (RFC 4592 3.3.1). */
#ifndef ZONE_STORE_FIND_H
#define ZONE_STORE_FIND_H

#include <stdbool.h>
#include <stdint.h>

#include "zone/store/snapshot.h"
#include "zone/wire/question.h"

#define FIND_AHEAD 3 /* depths whose buckets are prefetched */

struct find {
    const struct snapshot *snapshot;
    const struct question *question;
    const struct node *node; /* find_end: the exact node or the closest encloser, never NULL */
    bool exact;
    uint8_t depth;  /* labels below the apex of the name sought */
    uint8_t top;    /* the depth the search begins at: min(depth, deepest node) */
    uint8_t hashed; /* hash[0..hashed] are computed */
    uint8_t at;     /* depth of the candidate after find_probe */
    const struct node *candidate;
    uint64_t hash[NAME_LABELS_MAX + 1]; /* hash[d]: of the suffix with d labels below the apex */
};

#define FIND_BEGINS 3 /* find_approach's step of find_begin: those before only warm caches */

/* QUESTION's name must equal the zone's apex or lie below it. */
void find_begin(struct find *find, const struct snapshot *snapshot, const struct question *question)
    NONNULL(1, 2, 3);
void find_probe(struct find *find) NONNULL(1);
void find_end(struct find *find) NONNULL(1);

/* The steps on the way to the node, from the snapshot (step 1) by its image, header and index bucket, for
 * QUESTION: each starts the memory read that the next needs, and the last is followed by find_end. Returns
 * whether there is another step. */
static inline NONNULL(1, 2) bool find_approach(
    struct find *find, const struct question *question, unsigned step)
{
    switch (step) {
    case 1:
        __builtin_prefetch(find->snapshot->image);
        return true;
    case 2:
        __builtin_prefetch(find->snapshot->image->header);
        return true;
    case FIND_BEGINS:
        find_begin(find, find->snapshot, question);
        return true;
    case FIND_BEGINS + 1:
        find_probe(find);
        return false;
    default: /* another query of the batch has a longer way */
        return false;
    }
}

static inline void find_name(
    struct find *find, const struct snapshot *snapshot, const struct question *question)
{
    find_begin(find, snapshot, question);
    find_probe(find);
    find_end(find);
}

/* The wildcard child "*" of NODE (RFC 4592 3.3.1 source of synthesis), or NULL. */
const struct node *find_wildcard(const struct snapshot *snapshot, const struct node *node) NONNULL(1, 2);

/* The same below the closest encloser of FIND, which was not exact: its hash is known. */
const struct node *find_source(const struct find *find) NONNULL(1);

/* The exact node of a relative name (NAME_LEN octets of labels, lower case, no root label), or NULL. */
const struct node *find_relative(const struct snapshot *snapshot, const uint8_t *name, unsigned name_len)
    NONNULL(1);

/* The node of the name in RECORD, of a linked TYPE, when it lies in the zone and has addresses: by the link,
 * or, where an overlay may have brought it after the link was made, by name. NULL when there is none. */
const struct node *find_target(const struct snapshot *snapshot, uint16_t type, const struct record *record)
    NONNULL(1, 3);
uint32_t find_target_ref(const struct snapshot *snapshot, uint16_t type, const struct record *record)
    NONNULL(1, 3);

/* The node with an NSEC record that matches or covers the relative name (RFC 4034 4.1.1): the last one
 * not after it in canonical order. NULL when the apex has none: then there is no chain. */
const struct node *find_nsec(const struct snapshot *snapshot, const uint8_t *name, unsigned name_len)
    NONNULL(1);

/* The last node with an NSEC record that is before the name; NULL for the apex. */
const struct node *find_nsec_before(const struct snapshot *snapshot, const uint8_t *name, unsigned name_len)
    NONNULL(1);

/* The NSEC3 node that matches (*EXACT) or covers HASH (20 octets, SHA-1) (RFC 5155 7.2). NULL when the
 * zone has none. */
const struct node *find_nsec3(const struct snapshot *snapshot, const uint8_t hash[20], bool *exact)
    NONNULL(1, 2, 3);

/* RFC 5155 5: the NSEC3 hash of a whole lower-case wire name with the zone's salt and iterations. */
void nsec3_hash(const struct snapshot *snapshot, const uint8_t *name, size_t name_len, uint8_t hash[20])
    NONNULL(1, 2, 4);

/* The same with a salt and iterations of the caller's. */
void nsec3_digest(const uint8_t *salt, size_t salt_len, unsigned iterations, const uint8_t *name,
    size_t name_len, uint8_t hash[20]) NONNULL(4, 6);

#endif
