#include "zone/store/snapshot.h"

#include <stdlib.h>
#include <string.h>

#include "zone/store/find.h"
#include "zone/store/overlay.h"
#include "zone/wire/type.h"

static uint32_t read32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* What answers need of the SOA, taken out once (RFC 2308 5). */
static bool read_soa(struct snapshot *snapshot)
{
    struct record record;
    snapshot->soa = node_rrset(snapshot->apex, TYPE_SOA);
    if (snapshot->soa == NULL || snapshot->soa->count == 0)
        return false;
    record_read(snapshot->soa->data, true, &record);
    const uint8_t *end = record.rdata + record.rdata_len;
    uint32_t minimum = read32(end - 4);
    snapshot->serial = read32(end - 20);
    snapshot->negative_ttl = minimum < snapshot->soa->ttl ? minimum : snapshot->soa->ttl;
    return true;
}

/* Most names that are missing are missing right below the apex. What the proof says then of the apex and of a
 * wildcard there is the same for all of them: found once (RFC 4035 3.1.3.2, RFC 5155 7.2.2). */
static void find_denials(struct snapshot *snapshot)
{
    const struct image_header *header = snapshot->image->header;
    uint8_t wildcard[NAME_MAX + 2] = {1, '*'}, hash[20];
    bool exact;
    memcpy(wildcard + 2, header->apex_name, header->apex_len);
    if ((header->flags & IMAGE_NSEC3) != 0) {
        nsec3_hash(snapshot, header->apex_name, header->apex_len, hash);
        const struct node *node = find_nsec3(snapshot, hash, &exact);
        snapshot->apex_nsec3 = exact ? node : NULL;
        if (header->apex_len + 2u > NAME_MAX)
            return;
        nsec3_hash(snapshot, wildcard, header->apex_len + 2u, hash);
        node = find_nsec3(snapshot, hash, &exact);
        snapshot->wildcard_denial = exact ? NULL : node;
    } else if ((header->flags & IMAGE_NSEC) != 0) {
        snapshot->wildcard_denial = find_nsec(snapshot, wildcard, 2);
    }
}

struct snapshot *snapshot_new(struct image *image)
{
    return snapshot_with(image, NULL);
}

struct snapshot *snapshot_with(struct image *image, struct overlay *overlay)
{
    struct snapshot *snapshot = calloc(1, sizeof *snapshot);
    if (snapshot == NULL)
        return NULL;
    snapshot->image = image;
    snapshot->overlay = overlay;
    snapshot->refs = 1;
    snapshot->apex = snapshot_node(snapshot, image->header->apex);
    if (snapshot->apex == NULL || !read_soa(snapshot)) {
        free(snapshot);
        return NULL;
    }
    find_denials(snapshot);
    return snapshot;
}

struct snapshot *snapshot_hold(struct snapshot *snapshot)
{
    __atomic_add_fetch(&snapshot->refs, 1, __ATOMIC_RELAXED);
    return snapshot;
}

void snapshot_release(struct snapshot *snapshot)
{
    if (snapshot == NULL || __atomic_sub_fetch(&snapshot->refs, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    image_release(snapshot->image);
    overlay_free((struct overlay *)(uintptr_t)snapshot->overlay);
    free(snapshot);
}

size_t snapshot_owner(const struct snapshot *snapshot, const struct node *node, uint8_t *out)
{
    const struct image_header *header = snapshot->image->header;
    memcpy(out, node->name, node->name_len);
    memcpy(out + node->name_len, header->apex_name, header->apex_len);
    return (size_t)node->name_len + header->apex_len;
}

/* The NSEC3 set has no index: its order is searched. */
static const struct node *find_in_nsec3(const struct snapshot *snapshot, const uint8_t *name, unsigned len)
{
    const struct overlay *overlay = snapshot->overlay;
    const struct image *image = snapshot->image;
    uint32_t low = 0, high = image->header->nsec3_count;
    if (overlay != NULL) {
        const struct node *node = overlay_nth(overlay, true, overlay_lower_bound(overlay, true, name, len));
        if (node != NULL && node->name_len == len && memcmp(node->name, name, len) == 0)
            return overlay_removed(node) ? NULL : node;
    }
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct node *node = image_node(image, image->nsec3_order[middle]);
        if (relative_compare(node->name, node->name_len, name, len) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == image->header->nsec3_count)
        return NULL;
    const struct node *node = image_node(image, image->nsec3_order[low]);
    return node->name_len == len && memcmp(node->name, name, len) == 0 ? node : NULL;
}

const struct node *snapshot_find(
    const struct snapshot *snapshot, bool nsec3, const uint8_t *name, unsigned name_len)
{
    return nsec3 ? find_in_nsec3(snapshot, name, name_len) : find_relative(snapshot, name, name_len);
}

void snapshot_walk_start(struct snapshot_walk *walk, const struct snapshot *snapshot)
{
    *walk = (struct snapshot_walk){.snapshot = snapshot};
}

void snapshot_walk_from(
    struct snapshot_walk *walk, const struct snapshot *snapshot, const uint8_t *name, unsigned name_len)
{
    const struct image *image = snapshot->image;
    uint32_t low = 0, high = image->header->node_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct node *node = image_node(image, image->order[middle]);
        if (relative_compare(node->name, node->name_len, name, name_len) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *walk = (struct snapshot_walk){.snapshot = snapshot, .next_image = low};
    if (snapshot->overlay != NULL)
        walk->next_overlay = overlay_lower_bound(snapshot->overlay, false, name, name_len);
}

/* The next node of one pair of ordered lists, the image's and the overlay's, which replaces or removes what
 * has the same name. */
static const struct node *next_of(
    const struct snapshot *snapshot, bool nsec3, uint32_t *image_at, uint32_t *overlay_at)
{
    const struct image *image = snapshot->image;
    uint32_t count = nsec3 ? image->header->nsec3_count : image->header->node_count;
    const uint32_t *order = nsec3 ? image->nsec3_order : image->order;
    for (;;) {
        const struct node *old = *image_at < count ? image_node(image, order[*image_at]) : NULL;
        const struct node *new = overlay_nth(snapshot->overlay, nsec3, *overlay_at);
        if (old == NULL && new == NULL)
            return NULL;
        int difference = new == NULL   ? -1
                         : old == NULL ? 1
                                       : relative_compare(old->name, old->name_len, new->name, new->name_len);
        *image_at += difference <= 0;
        *overlay_at += difference >= 0;
        if (difference < 0)
            return old;
        if (!overlay_removed(new))
            return new;
    }
}

const struct node *snapshot_walk_next(struct snapshot_walk *walk)
{
    const struct node *node = next_of(walk->snapshot, false, &walk->next_image, &walk->next_overlay);
    return node != NULL ? node : next_of(walk->snapshot, true, &walk->next_nsec3, &walk->next_overlay_nsec3);
}
