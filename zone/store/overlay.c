#include "zone/store/overlay.h"

#include <stdlib.h>
#include <string.h>

#include "zone/base/hash.h"
#include "zone/wire/name.h"

static const struct node *node_at(const struct overlay *overlay, uint32_t ref)
{
    return (const struct node *)(const void *)(overlay->base + (uint64_t)ref * 8);
}

void overlay_free(struct overlay *overlay)
{
    if (overlay == NULL)
        return;
    free(overlay->base);
    free(overlay->order);
    free(overlay->nsec3_order);
    free(overlay->slots);
    free(overlay->replaced);
    free(overlay->nsec_floor);
    free(overlay->nsec3_floor);
    free(overlay);
}

const struct node *overlay_find(
    const struct overlay *overlay, uint64_t hash, const uint8_t *name, unsigned name_len)
{
    for (uint32_t at = (uint32_t)hash & overlay->slot_mask; overlay->slots[at] != 0;
         at = (at + 1) & overlay->slot_mask) {
        const struct node *node = node_at(overlay, overlay->slots[at]);
        if (node->name_len == name_len && memcmp(node->name, name, name_len) == 0)
            return node;
    }
    return NULL;
}

const struct node *overlay_nth(const struct overlay *overlay, bool nsec3, uint32_t n)
{
    if (overlay == NULL || n >= (nsec3 ? overlay->nsec3_count : overlay->count))
        return NULL;
    return node_at(overlay, nsec3 ? overlay->nsec3_order[n] : overlay->order[n]);
}

int relative_compare(const uint8_t *a, unsigned a_len, const uint8_t *b, unsigned b_len)
{
    uint8_t whole_a[NAME_MAX + 1], whole_b[NAME_MAX + 1];
    memcpy(whole_a, a, a_len);
    memcpy(whole_b, b, b_len);
    whole_a[a_len] = whole_b[b_len] = 0;
    return name_compare(whole_a, whole_b);
}

uint32_t overlay_lower_bound(
    const struct overlay *overlay, bool nsec3, const uint8_t *name, unsigned name_len)
{
    uint32_t low = 0, high = nsec3 ? overlay->nsec3_count : overlay->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct node *node = overlay_nth(overlay, nsec3, middle);
        if (relative_compare(node->name, node->name_len, name, name_len) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static uint32_t replaced_slot(const struct overlay *overlay, uint32_t ref)
{
    uint32_t at = (uint32_t)hash_mix(ref, HASH_K0) & overlay->replaced_mask;
    while (overlay->replaced[at * 2] != 0 && overlay->replaced[at * 2] != ref)
        at = (at + 1) & overlay->replaced_mask;
    return at;
}

const struct node *overlay_resolve(const struct snapshot *snapshot, uint32_t ref)
{
    const struct overlay *overlay = snapshot->overlay;
    if (overlay == NULL)
        return image_node(snapshot->image, ref);
    if ((ref & REF_OVERLAY) == 0) {
        uint32_t slot = replaced_slot(overlay, ref);
        if (overlay->replaced[slot * 2] == 0)
            return image_node(snapshot->image, ref);
        ref = overlay->replaced[slot * 2 + 1];
    }
    const struct node *node = node_at(overlay, ref & ~REF_OVERLAY);
    return overlay_removed(node) ? NULL : node;
}
