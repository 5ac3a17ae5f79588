#include "zone/store/find.h"

#include <string.h>

#include "zone/base/codec.h"
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

/* The first candidate in the image going up from the deepest name; its name is not yet compared. */
void find_probe(struct find *find)
{
    const struct image *image = find->snapshot->image;
    find->candidate = NULL;
    if (find->snapshot->overlay != NULL)
        return; /* find_end looks into both */
    for (unsigned d = find->top; d > 0; d--) {
        uint32_t ref = index_first(image, find->hash[d]);
        if (ref != 0) {
            find->candidate = image_node(image, ref);
            find->at = (uint8_t)d;
            __builtin_prefetch(find->candidate);
            __builtin_prefetch((const uint8_t *)find->candidate + 64);
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

/* ---- NSEC ---- */

/* The place in an order behind the last node that is not after the name. */
static uint32_t upper_bound(
    const struct image *image, const uint32_t *order, uint32_t count, const uint8_t *name, unsigned name_len)
{
    uint32_t low = 0, high = count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct node *node = image_node(image, order[middle]);
        if (relative_compare(node->name, node->name_len, name, name_len) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool has_nsec(const struct node *node)
{
    const struct rrset *rrset = node_rrset(node, TYPE_NSEC);
    return rrset != NULL && rrset->count > 0;
}

/* Is the image's node still what the snapshot says of its name? */
static bool still_there(const struct snapshot *snapshot, const struct node *node)
{
    if (snapshot->overlay == NULL)
        return true;
    uint64_t hash = index_hash(snapshot->image->header->seed, node->name, node->name_len);
    return overlay_find(snapshot->overlay, hash, node->name, node->name_len) == NULL;
}

static const struct node *nsec_in_image(
    const struct snapshot *snapshot, const uint8_t *name, unsigned name_len)
{
    const struct image *image = snapshot->image;
    uint32_t at = upper_bound(image, image->order, image->header->node_count, name, name_len);
    while (at-- > 0) {
        const struct node *node = image_node(image, image->order[at]);
        if (has_nsec(node) && still_there(snapshot, node))
            return node;
    }
    return NULL;
}

static const struct node *nsec_in_overlay(
    const struct overlay *overlay, const uint8_t *name, unsigned name_len)
{
    if (overlay == NULL)
        return NULL;
    uint32_t at = overlay_lower_bound(overlay, false, name, name_len);
    const struct node *node = overlay_nth(overlay, false, at);
    if (node != NULL && relative_compare(node->name, node->name_len, name, name_len) == 0)
        at++;
    while (at-- > 0) {
        node = overlay_nth(overlay, false, at);
        if (!overlay_removed(node) && has_nsec(node))
            return node;
    }
    return NULL;
}

const struct node *find_nsec(const struct snapshot *snapshot, const uint8_t *name, unsigned name_len)
{
    const struct node *old = nsec_in_image(snapshot, name, name_len);
    const struct node *new = nsec_in_overlay(snapshot->overlay, name, name_len);
    if (old == NULL || new == NULL)
        return old != NULL ? old : new;
    return relative_compare(old->name, old->name_len, new->name, new->name_len) > 0 ? old : new;
}

/* ---- NSEC3 ---- */

static uint64_t hash_prefix(const uint8_t hash[20])
{
    uint64_t prefix;
    memcpy(&prefix, hash, 8);
    return __builtin_bswap64(prefix);
}

/* How many NSEC3 nodes of the image have a hash prefix not above PREFIX. Hashes are spread evenly, so a guess
 * by proportion lands close. */
static uint32_t nsec3_upper(const struct image *image, uint64_t prefix)
{
    uint32_t low = 0, high = image->header->nsec3_count;
    const uint64_t *hashes = image->nsec3_hash;
    uint32_t guess = (uint32_t)(((__uint128_t)prefix * high) >> 64), step = 1;
    if (guess < high && hashes[guess] <= prefix) {
        for (low = guess + 1; low + step < high && hashes[low + step] <= prefix; step *= 2)
            low += step + 1;
        high = low + step + 1 < high ? low + step + 1 : high;
    } else {
        high = guess < high ? guess : high;
        while (high > step && hashes[high - step] > prefix) {
            high -= step;
            step *= 2;
        }
        low = high > step ? high - step : 0;
    }
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (hashes[middle] <= prefix)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Compares a 20-octet hash with the owner label of an NSEC3 node. */
static int compare_hash(const uint8_t hash[20], const struct node *node)
{
    static const char digits[] = "0123456789abcdefghijklmnopqrstuv";
    for (unsigned i = 0; i < 32; i++) {
        unsigned bit = i * 5, at = bit / 8;
        unsigned pair = (unsigned)hash[at] << 8 | (at < 19 ? hash[at + 1] : 0u);
        char digit = digits[pair >> (11 - bit % 8) & 31];
        if (digit != (char)node->name[1 + i])
            return digit < (char)node->name[1 + i] ? -1 : 1;
    }
    return 0;
}

/* Place of the last NSEC3 node of the image that is not after HASH; -1 when all are. */
static int64_t nsec3_floor(const struct image *image, const uint8_t hash[20])
{
    int64_t at = (int64_t)nsec3_upper(image, hash_prefix(hash)) - 1;
    while (at >= 0 && image->nsec3_hash[at] == hash_prefix(hash) &&
           compare_hash(hash, image_node(image, image->nsec3_order[at])) < 0)
        at--;
    return at;
}

static bool nsec3_still_there(const struct snapshot *snapshot, const struct node *node)
{
    const struct overlay *overlay = snapshot->overlay;
    if (overlay == NULL || overlay->nsec3_count == 0)
        return true;
    const struct node *other =
        overlay_nth(overlay, true, overlay_lower_bound(overlay, true, node->name, node->name_len));
    return other == NULL || other->name_len != node->name_len ||
           memcmp(other->name, node->name, node->name_len) != 0;
}

/* The last node not after HASH, or when there is none the very last one: the chain is a ring. */
static const struct node *nsec3_in_image(
    const struct snapshot *snapshot, const uint8_t hash[20], bool *wrapped)
{
    const struct image *image = snapshot->image;
    int64_t count = image->header->nsec3_count, at = nsec3_floor(image, hash);
    *wrapped = false;
    for (int64_t tries = 0; tries < count; tries++, at--) {
        if (at < 0) {
            at = count - 1;
            *wrapped = true;
        }
        const struct node *node = image_node(image, image->nsec3_order[at]);
        if (nsec3_still_there(snapshot, node))
            return node;
    }
    return NULL;
}

static const struct node *nsec3_in_overlay(
    const struct overlay *overlay, const uint8_t hash[20], bool *wrapped)
{
    uint8_t label[33] = {32};
    *wrapped = false;
    if (overlay == NULL || overlay->nsec3_count == 0)
        return NULL;
    base32hex_encode((char *)label + 1, hash, 20);
    octets_lower(label + 1, label + 1, 32);
    uint32_t count = overlay->nsec3_count, at = overlay_lower_bound(overlay, true, label, sizeof label);
    const struct node *node = overlay_nth(overlay, true, at);
    at += node != NULL && memcmp(node->name, label, sizeof label) == 0;
    for (uint32_t tries = 0; tries < count; tries++) {
        *wrapped |= at == 0;
        at = at == 0 ? count - 1 : at - 1;
        node = overlay_nth(overlay, true, at);
        if (!overlay_removed(node))
            return node;
    }
    return NULL;
}

const struct node *find_nsec3(const struct snapshot *snapshot, const uint8_t hash[20], bool *exact)
{
    bool old_wrapped, new_wrapped;
    const struct node *old = nsec3_in_image(snapshot, hash, &old_wrapped);
    const struct node *new = nsec3_in_overlay(snapshot->overlay, hash, &new_wrapped);
    const struct node *node = old != NULL ? old : new;
    if (old != NULL && new != NULL) {
        if (old_wrapped != new_wrapped)
            node = old_wrapped ? new : old;
        else
            node = relative_compare(old->name, old->name_len, new->name, new->name_len) > 0 ? old : new;
    }
    *exact = node != NULL && compare_hash(hash, node) == 0;
    return node;
}
