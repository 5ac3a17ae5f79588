/* A snapshot: what a zone is at one moment, frozen. An image and, when something has changed since, an
 * overlay: whole nodes that replace, add to or remove from the image's. Readers hold it through RCU or a
 * reference; nothing in it ever changes. */
#ifndef ZONE_STORE_SNAPSHOT_H
#define ZONE_STORE_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>

#include "zone/store/image.h"
#include "zone/store/node.h"

struct overlay;

struct snapshot {
    struct image *image;
    const struct overlay *overlay; /* NULL when nothing has changed since the image */
    const struct node *apex;       /* the apex as of this snapshot */
    const struct rrset *soa;       /* its SOA; never NULL */
    uint32_t serial;
    uint32_t negative_ttl;              /* min(SOA TTL, SOA MINIMUM) (RFC 2308 5) */
    const struct node *apex_nsec3;      /* the apex's NSEC3 node, or NULL */
    const struct node *wildcard_denial; /* whose NSEC or NSEC3 covers "*" below the apex, or NULL */
    int refs;
};

#define REF_OVERLAY 0x80000000u

/* Makes a snapshot of IMAGE alone, taking over the caller's reference to it. NULL: out of memory. */
struct snapshot *snapshot_new(struct image *image) NODISCARD NONNULL(1);
struct snapshot *snapshot_hold(struct snapshot *snapshot) NONNULL(1);
void snapshot_release(struct snapshot *snapshot);

const struct node *overlay_resolve(const struct snapshot *snapshot, uint32_t ref);

/* The node that REF means in this snapshot; NULL when it has been removed since the image was made. */
static inline const struct node *snapshot_node(const struct snapshot *snapshot, uint32_t ref)
{
    if (LIKELY(snapshot->overlay == NULL))
        return image_node(snapshot->image, ref);
    return overlay_resolve(snapshot, ref);
}

/* Walks the nodes in canonical order (dump, transfer, diff). NSEC3 nodes come behind all others. */
struct snapshot_walk {
    const struct snapshot *snapshot;
    uint32_t next_image, next_overlay, next_nsec3, next_overlay_nsec3;
};

void snapshot_walk_start(struct snapshot_walk *walk, const struct snapshot *snapshot) NONNULL(1, 2);

/* The same from the first ordinary node on that is not before the relative name, lower case. */
void snapshot_walk_from(struct snapshot_walk *walk, const struct snapshot *snapshot, const uint8_t *name,
    unsigned name_len) NONNULL(1, 2);
const struct node *snapshot_walk_next(struct snapshot_walk *walk) NONNULL(1);

/* The node of a relative name, lower case, among the ordinary ones or in the NSEC3 set; NULL when there is
 * none. */
const struct node *snapshot_find(
    const struct snapshot *snapshot, bool nsec3, const uint8_t *name, unsigned name_len) NONNULL(1);

/* The whole owner name of NODE in wire form; OUT has room for NAME_MAX. Returns its length. */
size_t snapshot_owner(const struct snapshot *snapshot, const struct node *node, uint8_t *out)
    NONNULL(1, 2, 3);

#endif
