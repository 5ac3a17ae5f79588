/* Chains of denial: the NSEC or NSEC3 record that matches or covers a name, in the image and the overlay.
 *
 * Signing anew replaces every member of a chain, so that a lookup must not walk over what an overlay replaces
 * or removes. For each node of the overlay its floor is noted when it is made: the last live member of the
 * chain that is not after it. Behind the overlay's last node before a name, the image's nodes up to the name
 * are as they were; what they do not answer, the floor does. */
#include <string.h>

#include "zone/base/codec.h"
#include "zone/store/find.h"
#include "zone/store/overlay.h"
#include "zone/wire/name.h"
#include "zone/wire/type.h"

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

static int node_compare(const struct node *a, const struct node *b)
{
    return relative_compare(a->name, a->name_len, b->name, b->name_len);
}

static const struct node *floor_node(const struct snapshot *snapshot, uint32_t ref)
{
    if (ref == 0)
        return NULL;
    if ((ref & REF_OVERLAY) == 0)
        return image_node(snapshot->image, ref);
    return (const struct node *)(const void *)(snapshot->overlay->base + (uint64_t)(ref & ~REF_OVERLAY) * 8);
}

/* How many nodes of the overlay are not after the name. */
static uint32_t overlay_upper_bound(
    const struct overlay *overlay, bool nsec3, const uint8_t *name, unsigned name_len)
{
    uint32_t at = overlay_lower_bound(overlay, nsec3, name, name_len);
    const struct node *node = overlay_nth(overlay, nsec3, at);
    return at + (node != NULL && relative_compare(node->name, node->name_len, name, name_len) == 0);
}

/* ---- NSEC ---- */

/* The last node with NSEC among the first COUNT of the image, none that is not behind LIMIT: 0 when there is
 * none. */
static uint32_t nsec_before(const struct image *image, uint32_t count, const struct node *limit)
{
    while (count-- > 0) {
        const struct node *node = image_node(image, image->order[count]);
        if (limit != NULL && node_compare(node, limit) <= 0)
            return 0;
        if (has_nsec(node))
            return image->order[count];
    }
    return 0;
}

const struct node *find_nsec(const struct snapshot *snapshot, const uint8_t *name, unsigned name_len)
{
    const struct image *image = snapshot->image;
    const struct overlay *overlay = snapshot->overlay;
    if ((image->header->flags & IMAGE_NSEC) == 0)
        return NULL;
    uint32_t old = upper_bound(image, image->order, image->header->node_count, name, name_len);
    uint32_t new = overlay != NULL ? overlay_upper_bound(overlay, false, name, name_len) : 0;
    uint32_t ref = nsec_before(image, old, new > 0 ? overlay_nth(overlay, false, new - 1) : NULL);
    if (ref == 0 && new > 0)
        ref = overlay->nsec_floor[new - 1];
    return floor_node(snapshot, ref);
}

const struct node *find_nsec_before(const struct snapshot *snapshot, const uint8_t *name, unsigned name_len)
{
    const struct image *image = snapshot->image;
    const struct overlay *overlay = snapshot->overlay;
    if ((image->header->flags & IMAGE_NSEC) == 0)
        return NULL;
    uint32_t old = upper_bound(image, image->order, image->header->node_count, name, name_len);
    if (old > 0) {
        const struct node *node = image_node(image, image->order[old - 1]);
        old -= relative_compare(node->name, node->name_len, name, name_len) == 0;
    }
    uint32_t new = overlay != NULL ? overlay_lower_bound(overlay, false, name, name_len) : 0;
    uint32_t ref = nsec_before(image, old, new > 0 ? overlay_nth(overlay, false, new - 1) : NULL);
    if (ref == 0 && new > 0)
        ref = overlay->nsec_floor[new - 1];
    return floor_node(snapshot, ref);
}

static void note_nsec_floors(const struct image *image, struct overlay *overlay)
{
    const struct node *last = NULL;
    for (uint32_t i = 0; i < overlay->count; i++) {
        const struct node *node = overlay_nth(overlay, false, i);
        uint32_t count =
            upper_bound(image, image->order, image->header->node_count, node->name, node->name_len);
        if (!overlay_removed(node) && has_nsec(node)) {
            overlay->nsec_floor[i] = overlay->order[i] | REF_OVERLAY;
        } else {
            /* The image's node of that name is the one replaced. */
            count -= count > 0 && node_compare(image_node(image, image->order[count - 1]), node) == 0;
            uint32_t ref = nsec_before(image, count, last);
            overlay->nsec_floor[i] = ref != 0 || i == 0 ? ref : overlay->nsec_floor[i - 1];
        }
        last = node;
    }
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

/* The last member not after HASH, or when there is none the very last one: the chain is a ring. */
const struct node *find_nsec3(const struct snapshot *snapshot, const uint8_t hash[20], bool *exact)
{
    const struct image *image = snapshot->image;
    const struct overlay *overlay = snapshot->overlay;
    int64_t at = nsec3_floor(image, hash);
    uint32_t ref = at >= 0 ? image->nsec3_order[at] : 0;
    uint32_t count = image->header->nsec3_count, last = count > 0 ? image->nsec3_order[count - 1] : 0;
    if (overlay != NULL && overlay->nsec3_count > 0) {
        uint8_t label[33] = {32};
        base32hex_encode((char *)label + 1, hash, 20);
        octets_lower(label + 1, label + 1, 32);
        uint32_t new = overlay_upper_bound(overlay, true, label, sizeof label);
        if (new > 0 &&
            (ref == 0 || node_compare(image_node(image, ref), overlay_nth(overlay, true, new - 1)) <= 0))
            ref = overlay->nsec3_floor[new - 1];
        last = overlay->nsec3_last;
    }
    const struct node *node = floor_node(snapshot, ref != 0 ? ref : last);
    *exact = node != NULL && compare_hash(hash, node) == 0;
    return node;
}

static void note_nsec3_floors(const struct image *image, struct overlay *overlay)
{
    uint32_t count = image->header->nsec3_count, floor = 0, at = 0;
    for (uint32_t i = 0; i < overlay->nsec3_count; i++) {
        const struct node *node = overlay_nth(overlay, true, i);
        uint32_t from = at;
        at = upper_bound(image, image->nsec3_order, count, node->name, node->name_len);
        uint32_t before = at;
        before -= before > from && node_compare(image_node(image, image->nsec3_order[before - 1]), node) == 0;
        if (!overlay_removed(node))
            floor = overlay->nsec3_order[i] | REF_OVERLAY;
        else if (before > from)
            floor = image->nsec3_order[before - 1];
        overlay->nsec3_floor[i] = floor;
    }
    overlay->nsec3_last = at < count ? image->nsec3_order[count - 1] : floor;
}

void overlay_note_floors(const struct image *image, struct overlay *overlay)
{
    if ((image->header->flags & IMAGE_NSEC) != 0)
        note_nsec_floors(image, overlay);
    note_nsec3_floors(image, overlay);
}
