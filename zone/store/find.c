#include "zone/store/find.h"

#include <string.h>

#include "zone/base/copy.h"
#include "zone/store/index.h"
#include "zone/store/overlay.h"
#include "zone/wire/name.h"
#include "zone/wire/type.h"

/* The relative name with DEPTH labels below the apex: octets of the lower-case question. */
static inline const uint8_t *suffix_at(const struct find *find, unsigned depth, unsigned *len)
{
    const uint8_t *label_at = find->question->label_at;
    unsigned from = label_at[find->depth - depth];
    *len = label_at[find->depth] - from;
    return find->question->lower + from;
}

static inline void hash_up_to(struct find *find, unsigned depth)
{
    const struct question *question = find->question;
    uint64_t hash = find->hash[find->hashed];
    for (unsigned d = find->hashed + 1u; d <= depth; d++) {
        const uint8_t *label = question->lower + question->label_at[find->depth - d];
        hash = hash_label(hash, label + 1, *label);
        find->hash[d] = hash;
    }
    if (depth > find->hashed)
        find->hashed = (uint8_t)depth;
}

void find_begin(struct find *find, const struct snapshot *snapshot, const struct question *question)
{
    const struct image *image = snapshot->image;
    const struct image_header *header = image->header;
    find->snapshot = snapshot;
    find->question = question;
    find->depth = (uint8_t)(question->labels - header->apex_labels);
    unsigned deepest = header->max_labels;
    if (snapshot->overlay != NULL)
        deepest = snapshot->overlay->max_labels > deepest ? snapshot->overlay->max_labels : deepest;
    find->top = (uint8_t)(find->depth < deepest ? find->depth : deepest);
    find->hash[0] = header->seed;
    find->hashed = 0;
    hash_up_to(find, find->top);
    unsigned ahead = find->top < FIND_AHEAD ? find->top : FIND_AHEAD;
    for (unsigned d = find->top; d > find->top - ahead; d--)
        index_prefetch(image, find->hash[d]);
}

/* The first candidate in the image going up from the deepest name; its name is not yet compared. Beneath an
 * overlay it is only fetched: find_end has to ask the overlay first. */
void find_probe(struct find *find)
{
    const struct image *image = find->snapshot->image;
    bool sure = find->snapshot->overlay == NULL;
    find->candidate = NULL;
    for (unsigned d = find->top; d > 0; d--) {
        uint32_t ref = index_first(image, find->hash[d]);
        if (ref != 0) {
            const struct node *node = image_node(image, ref);
            find->candidate = sure ? node : NULL;
            find->at = (uint8_t)d;
            __builtin_prefetch(node);
            __builtin_prefetch((const uint8_t *)node + 64);
            return;
        }
    }
}

/* The node of the snapshot with DEPTH labels of the question, or NULL. */
static const struct node *node_at_depth(const struct find *find, unsigned depth)
{
    const struct snapshot *snapshot = find->snapshot;
    unsigned len;
    const uint8_t *name = suffix_at(find, depth, &len);
    if (snapshot->overlay != NULL) {
        const struct node *node = overlay_find(snapshot->overlay, find->hash[depth], name, len);
        if (node != NULL)
            return overlay_removed(node) ? NULL : node;
    }
    uint32_t ref = index_find(snapshot->image, find->hash[depth], name, len);
    return ref != 0 ? image_node(snapshot->image, ref) : NULL;
}

/* Deep names: halves the depths until the deepest existing one is known. */
static const struct node *deepest_node(const struct find *find, unsigned from, unsigned *depth)
{
    const struct node *best = find->snapshot->apex;
    unsigned low = 0, high = from;
    while (low < high) {
        /* Names near the top are the usual case; only long ones are worth halving. */
        unsigned middle = high - low > 4 ? (low + high + 1) / 2 : high;
        const struct node *node = node_at_depth(find, middle);
        if (node == NULL) {
            high = middle - 1;
            continue;
        }
        best = node;
        low = middle;
    }
    *depth = low;
    return best;
}

void find_end(struct find *find)
{
    unsigned depth = 0, len;
    const struct node *candidate = find->candidate;
    if (candidate != NULL) {
        const uint8_t *name = suffix_at(find, find->at, &len);
        if (LIKELY(candidate->name_len == len && same_octets(candidate->name, name, len))) {
            find->node = candidate;
            find->exact = find->at == find->depth;
            return;
        }
        find->node = deepest_node(find, find->at, &depth);
    } else if (find->snapshot->overlay != NULL) {
        find->node = deepest_node(find, find->top, &depth);
    } else {
        find->node = find->snapshot->apex;
    }
    find->exact = depth == find->depth;
}

static const struct node *find_hashed(
    const struct snapshot *snapshot, uint64_t hash, const uint8_t *name, unsigned name_len)
{
    if (snapshot->overlay != NULL) {
        const struct node *node = overlay_find(snapshot->overlay, hash, name, name_len);
        if (node != NULL)
            return overlay_removed(node) ? NULL : node;
    }
    uint32_t ref = index_find(snapshot->image, hash, name, name_len);
    return ref != 0 ? image_node(snapshot->image, ref) : NULL;
}

const struct node *find_relative(const struct snapshot *snapshot, const uint8_t *name, unsigned name_len)
{
    if (name_len == 0)
        return snapshot->apex;
    return find_hashed(snapshot, index_hash(snapshot->image->header->seed, name, name_len), name, name_len);
}

const struct node *find_wildcard(const struct snapshot *snapshot, const struct node *node)
{
    uint8_t name[NAME_MAX];
    if ((node->flags & NODE_WILDCARD_CHILD) == 0)
        return NULL;
    name[0] = 1;
    name[1] = '*';
    memcpy(name + 2, node->name, node->name_len);
    return find_relative(snapshot, name, node->name_len + 2u);
}

const struct node *find_source(const struct find *find)
{
    static const uint8_t star[2] = {1, '*'};
    uint8_t name[NAME_MAX];
    const struct node *node = find->node;
    if ((node->flags & NODE_WILDCARD_CHILD) == 0)
        return NULL;
    memcpy(name, star, 2);
    memcpy(name + 2, node->name, node->name_len);
    return find_hashed(
        find->snapshot, hash_label(find->hash[node->labels], star + 1, 1), name, node->name_len + 2u);
}

/* ---- targets ---- */

static bool has_addresses(const struct node *node)
{
    return (node->flags & NODE_ADDRESSES) != 0;
}

uint32_t find_target_ref(const struct snapshot *snapshot, uint16_t type, const struct record *record)
{
    const struct image_header *header = snapshot->image->header;
    const struct overlay *overlay = snapshot->overlay;
    uint8_t name[NAME_MAX];
    size_t len = name_lower(name, record->rdata + rrset_name_at(type));
    if (type == TYPE_CNAME || type == TYPE_PTR || !name_under(name, header->apex_name))
        return 0;
    unsigned relative = (unsigned)(len - header->apex_len);
    uint64_t hash = index_hash(header->seed, name, relative);
    const struct node *node = overlay != NULL ? overlay_find(overlay, hash, name, relative) : NULL;
    if (node != NULL)
        return overlay_removed(node) || !has_addresses(node)
                   ? 0
                   : (uint32_t)(((const uint8_t *)node - overlay->base) / 8) | REF_OVERLAY;
    uint32_t ref = index_find(snapshot->image, hash, name, relative);
    return ref != 0 && has_addresses(image_node(snapshot->image, ref)) ? ref : 0;
}

const struct node *find_target(const struct snapshot *snapshot, uint16_t type, const struct record *record)
{
    uint32_t ref = link_target(record->link);
    if (LIKELY(snapshot->overlay == NULL))
        return ref != 0 ? image_node(snapshot->image, ref) : NULL;
    if (ref == 0)
        ref = find_target_ref(snapshot, type, record);
    const struct node *node = ref != 0 ? overlay_resolve(snapshot, ref) : NULL;
    return node != NULL && has_addresses(node) ? node : NULL; /* an overlay may have taken them away */
}
