#include "zone/store/diff.h"

#include <stdlib.h>
#include <string.h>

#include "zone/store/overlay.h"
#include "zone/wire/name.h"
#include "zone/wire/type.h"

struct diff {
    const struct snapshot *from, *to;
    struct change change;
    size_t max;
    uint8_t owner[NAME_MAX + 1];
    struct record *records; /* of two RRsets, while they are compared */
    size_t room;
    enum err failure;
};

typedef enum err put_record(struct change *change, const uint8_t *owner, uint16_t type, uint32_t ttl,
    const uint8_t *rdata, size_t rdata_len);

static void put(struct diff *diff, put_record *how, uint16_t type, uint32_t ttl, const struct record *record)
{
    if (diff->failure == ERR_OK)
        diff->failure = how(&diff->change, diff->owner, type, ttl, record->rdata, record->rdata_len);
}

/* ---- RRsets ---- */

/* The records of a set, or their signatures. */
struct side {
    const uint8_t *at;
    unsigned count;
    bool linked;
};

static struct side records_of(const struct rrset *rrset)
{
    return (struct side){.at = rrset->data, .count = rrset->count, .linked = rrset_linked(rrset->type)};
}

static struct side signatures_of(const struct rrset *rrset)
{
    return (struct side){.at = rrset_signatures(rrset), .count = rrset->sig_count};
}

static void put_side(struct diff *diff, put_record *how, uint16_t type, uint32_t ttl, struct side side)
{
    struct record record;
    for (unsigned i = 0; i < side.count; i++) {
        side.at = record_read(side.at, side.linked, &record);
        put(diff, how, type, ttl, &record);
    }
}

/* A SOA below the apex, which no server finds: a transfer could not tell it from the one that ends it. */
static bool is_stray(const struct node *node, const struct rrset *rrset)
{
    return rrset->type == TYPE_SOA && node->name_len > 0;
}

static void put_rrset(struct diff *diff, put_record *how, const struct node *node, const struct rrset *rrset)
{
    if (!is_stray(node, rrset))
        put_side(diff, how, rrset->type, rrset->ttl, records_of(rrset));
    put_side(diff, how, TYPE_RRSIG, rrset->ttl, signatures_of(rrset));
}

static int rdata_order(const void *left, const void *right)
{
    const struct record *a = left, *b = right;
    int order = a->rdata_len - b->rdata_len;
    return order != 0 ? order : memcmp(a->rdata, b->rdata, a->rdata_len);
}

static bool same_in_order(struct side a, struct side b)
{
    if (a.count != b.count)
        return false;
    for (unsigned i = 0; i < a.count; i++) {
        struct record x, y;
        a.at = record_read(a.at, a.linked, &x);
        b.at = record_read(b.at, b.linked, &y);
        if (rdata_order(&x, &y) != 0)
            return false;
    }
    return true;
}

static bool reserve(struct diff *diff, size_t count)
{
    if (count <= diff->room)
        return true;
    struct record *records = realloc(diff->records, count * 2 * sizeof *records);
    if (records == NULL) {
        diff->failure = ERR_MEMORY;
        return false;
    }
    diff->records = records;
    diff->room = count * 2;
    return true;
}

static struct record *sorted(struct side side, struct record *out)
{
    for (unsigned i = 0; i < side.count; i++)
        side.at = record_read(side.at, side.linked, &out[i]);
    qsort(out, side.count, sizeof *out, rdata_order);
    return out;
}

/* The records of one set that only one of the two has. The order of records in a set means nothing. */
static void compare_sides(struct diff *diff, uint16_t type, uint32_t ttl, struct side a, struct side b)
{
    if (same_in_order(a, b) || !reserve(diff, (size_t)a.count + b.count))
        return;
    const struct record *old = sorted(a, diff->records), *new = sorted(b, diff->records + a.count);
    for (unsigned i = 0, j = 0; i < a.count || j < b.count;) {
        int order = i == a.count ? 1 : j == b.count ? -1 : rdata_order(&old[i], &new[j]);
        if (order < 0)
            put(diff, change_remove, type, ttl, &old[i]);
        if (order > 0)
            put(diff, change_add, type, ttl, &new[j]);
        i += order <= 0;
        j += order >= 0;
    }
}

static void compare_rrsets(
    struct diff *diff, const struct node *node, const struct rrset *old, const struct rrset *new)
{
    if (old->ttl != new->ttl) {
        put_rrset(diff, change_remove, node, old);
        put_rrset(diff, change_add, node, new);
        return;
    }
    if (!is_stray(node, old))
        compare_sides(diff, old->type, old->ttl, records_of(old), records_of(new));
    compare_sides(diff, TYPE_RRSIG, old->ttl, signatures_of(old), signatures_of(new));
}

/* ---- nodes ---- */

static void compare_nodes(struct diff *diff, const struct node *old, const struct node *new)
{
    unsigned i = 0, j = 0, old_count = old != NULL ? old->rrset_count : 0;
    unsigned new_count = new != NULL ? new->rrset_count : 0;
    const struct rrset *a = old_count > 0 ? node_rrsets(old) : NULL;
    const struct rrset *b = new_count > 0 ? node_rrsets(new) : NULL;
    if (old_count + new_count == 0)
        return;
    (void)snapshot_owner(diff->from, old != NULL ? old : new, diff->owner);
    while (i < old_count || j < new_count) {
        int order = i == old_count ? 1 : j == new_count ? -1 : a->type - b->type;
        if (order == 0)
            compare_rrsets(diff, old, a, b);
        else if (order < 0)
            put_rrset(diff, change_remove, old, a);
        else
            put_rrset(diff, change_add, new, b);
        if (order <= 0 && ++i < old_count)
            a = rrset_next(a);
        if (order >= 0 && ++j < new_count)
            b = rrset_next(b);
    }
    if (diff->max > 0 && change_size(&diff->change) > diff->max)
        diff->failure = ERR_LIMIT;
}

static int node_order(const struct node *a, const struct node *b)
{
    bool a_nsec3 = (a->flags & NODE_NSEC3) != 0, b_nsec3 = (b->flags & NODE_NSEC3) != 0;
    if (a_nsec3 != b_nsec3)
        return a_nsec3 ? 1 : -1;
    if (a->name_len == b->name_len && memcmp(a->name, b->name, a->name_len) == 0)
        return 0;
    return relative_compare(a->name, a->name_len, b->name, b->name_len);
}

/* Both zones from top to bottom. */
static void walk_both(struct diff *diff)
{
    struct snapshot_walk from, to;
    snapshot_walk_start(&from, diff->from);
    snapshot_walk_start(&to, diff->to);
    const struct node *old = snapshot_walk_next(&from), *new = snapshot_walk_next(&to);
    while ((old != NULL || new != NULL) && diff->failure == ERR_OK) {
        int order = old == NULL ? 1 : new == NULL ? -1 : node_order(old, new);
        compare_nodes(diff, order <= 0 ? old : NULL, order >= 0 ? new : NULL);
        if (order <= 0)
            old = snapshot_walk_next(&from);
        if (order >= 0)
            new = snapshot_walk_next(&to);
    }
}

/* ---- on one image ---- */

static const struct node *living(
    const struct snapshot *snapshot, const struct node *own, const struct node *other)
{
    if (own == NULL) /* the overlay does not speak of it: it is as in the image */
        return snapshot_find(snapshot, (other->flags & NODE_NSEC3) != 0, other->name, other->name_len);
    return overlay_removed(own) ? NULL : own;
}

static void walk_overlays(struct diff *diff, bool nsec3)
{
    const struct overlay *from = diff->from->overlay, *to = diff->to->overlay;
    uint32_t i = 0, j = 0;
    while (diff->failure == ERR_OK) {
        const struct node *a = overlay_nth(from, nsec3, i), *b = overlay_nth(to, nsec3, j);
        if (a == NULL && b == NULL)
            return;
        int order = a == NULL ? 1 : b == NULL ? -1 : node_order(a, b);
        const struct node *old = order <= 0 ? a : NULL, *new = order >= 0 ? b : NULL;
        i += order <= 0;
        j += order >= 0;
        compare_nodes(diff, living(diff->from, old, b), living(diff->to, new, a));
    }
}

/* ---- all together ---- */

/* A change set has both SOA records, the same one twice when only the serial was forgotten. */
static void complete(struct diff *diff)
{
    struct change *change = &diff->change;
    struct record old, new;
    record_read(diff->from->soa->data, true, &old);
    record_read(diff->to->soa->data, true, &new);
    (void)snapshot_owner(diff->from, diff->from->apex, diff->owner);
    bool any = change->removed.count + change->added.count > 0;
    if (any && change->from == 0 && change->to == 0 && rdata_order(&old, &new) == 0 &&
        diff->from->soa->ttl == diff->to->soa->ttl) {
        put(diff, change_remove, TYPE_SOA, diff->from->soa->ttl, &old);
        put(diff, change_add, TYPE_SOA, diff->to->soa->ttl, &new);
    }
    change->from = diff->from->serial;
    change->to = diff->to->serial;
}

enum err diff_snapshots(
    const struct snapshot *from, const struct snapshot *to, size_t max, struct change *out)
{
    struct diff diff = {.from = from, .to = to, .max = max};
    if (!name_equal(from->image->header->apex_name, to->image->header->apex_name))
        return ERR_INVALID;
    if (from->image == to->image) {
        if (from->overlay != to->overlay) {
            walk_overlays(&diff, false);
            walk_overlays(&diff, true);
        }
    } else {
        walk_both(&diff);
    }
    if (diff.failure == ERR_OK)
        complete(&diff);
    free(diff.records);
    if (diff.failure == ERR_OK)
        *out = diff.change;
    else
        change_clear(&diff.change);
    return diff.failure;
}
