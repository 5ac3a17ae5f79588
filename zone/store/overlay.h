/* An overlay: the nodes that differ from the image beneath, in the image's own node form. It is made anew for
 * each change, from the last overlay and the change, and is frozen then; its cost follows the size of all
 * changes since the image, not the size of the zone. A node of the overlay replaces the image's node of the
 * same name, or adds one; a removed name stands in it with NODE_REMOVED.
 *
 * References with REF_OVERLAY mean nodes here. References to nodes of the image that have been replaced lead
 * to the new node (overlay_resolve). Reading is for any thread. */
#ifndef ZONE_STORE_OVERLAY_H
#define ZONE_STORE_OVERLAY_H

#include "zone/store/snapshot.h"
#include "zone/store/sort.h"

#define NODE_REMOVED 0x4000u

struct overlay {
    uint8_t *base;
    size_t size;
    uint32_t count, nsec3_count;
    uint32_t *order;       /* references without REF_OVERLAY, canonical order */
    uint32_t *nsec3_order; /* hash order */
    uint32_t *slots;       /* open addressing by name hash: reference or 0 */
    uint32_t slot_mask;
    uint32_t *replaced; /* open addressing by image reference: pairs of image and overlay reference */
    uint32_t replaced_mask;
    uint32_t *nsec_floor, *nsec3_floor; /* for each node in order (chain.c): a reference or 0 */
    uint32_t nsec3_last;                /* the last live member of the NSEC3 chain */
    uint32_t removed;                   /* names removed */
    uint16_t max_labels;                /* deepest node */
};

void overlay_free(struct overlay *overlay);

/* Does the overlay speak of this name? Its node then, perhaps a removed one; else NULL. */
const struct node *overlay_find(
    const struct overlay *overlay, uint64_t hash, const uint8_t *name, unsigned name_len) NONNULL(1);

/* Node N in its order, NULL behind the last or without an overlay. */
const struct node *overlay_nth(const struct overlay *overlay, bool nsec3, uint32_t n);

static inline bool overlay_removed(const struct node *node)
{
    return (node->flags & NODE_REMOVED) != 0;
}

/* Position of the first node in the overlay's order that is not before the relative name. */
uint32_t overlay_lower_bound(
    const struct overlay *overlay, bool nsec3, const uint8_t *name, unsigned name_len) NONNULL(1);

/* Canonical order of two relative lower-case names (labels without the root). */
int relative_compare(const uint8_t *a, unsigned a_len, const uint8_t *b, unsigned b_len);

/* Notes the floors over IMAGE, once the nodes are in place. */
void overlay_note_floors(const struct image *image, struct overlay *overlay) NONNULL(1, 2);

/* A snapshot of IMAGE and OVERLAY, both taken over; NULL when out of memory or when there is no SOA any more.
 */
struct snapshot *snapshot_with(struct image *image, struct overlay *overlay) NODISCARD NONNULL(1);

/* What a changed name is to hold from now on: COUNT entries that carry all its records; 0 entries remove it.
 */
struct overlay_change {
    const uint8_t *name; /* relative, lower case */
    uint8_t name_len;
    bool nsec3;
    const struct sort_entry *entries;
    size_t count;
};

/* Makes the snapshot that follows from CURRENT by CHANGES (canonical order, names without duplicates,
 * ordinary names before those of the NSEC3 set). ERR_LIMIT: so much would have to be copied that a new image
 * is the better way. */
struct lint;
enum err overlay_make(struct snapshot *current, const struct overlay_change *changes, size_t count,
    struct lint *lint, struct snapshot **out) NODISCARD NONNULL(1, 4, 5);

#endif
