/* The chains of denial while a zone is signed again: which names and hashes come and go, and who points to
 * whom then. */
#include <string.h>

#include "zone/base/codec.h"
#include "zone/sec/zoneresign_run.h"
#include "zone/store/find.h"
#include "zone/store/overlay.h"
#include "zone/wire/type.h"

/* ---- the NSEC chain ---- */

static bool in_chain(const struct node *node, uint16_t type)
{
    const struct rrset *rrset = node != NULL ? node_rrset(node, type) : NULL;
    return rrset != NULL && rrset->count > 0;
}

void resign_judge_names(struct resigning *resigning)
{
    for (size_t i = 0; i < resigning->count; i++) {
        struct touched *name = &resigning->names[i];
        const struct node *node = snapshot_find(resigning->after, false, name->name, name->len);
        name->was = in_chain(snapshot_find(resigning->signed_zone, false, name->name, name->len), TYPE_NSEC);
        name->is = node != NULL && place_has_nsec(place_kind_of(node));
    }
}

/* How many of the touched names are before the name. */
static size_t lower(const struct resigning *resigning, const uint8_t *name, unsigned len)
{
    size_t low = 0, high = resigning->sorted;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct touched *at = &resigning->names[middle];
        if (relative_compare(at->name, at->len, name, len) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool goes(const struct resigning *resigning, const uint8_t *name, unsigned len)
{
    size_t at = lower(resigning, name, len);
    if (at == resigning->sorted)
        return false;
    const struct touched *touched = &resigning->names[at];
    return touched->was && !touched->is && touched->len == len && memcmp(touched->name, name, len) == 0;
}

/* Where the NSEC of a node of the signed form points to, relative; NULL when it is none of ours. */
static const uint8_t *old_next(const struct resigning *resigning, const struct node *node, unsigned *len)
{
    const struct rrset *nsec = node != NULL ? node_rrset(node, TYPE_NSEC) : NULL;
    struct record record;
    if (nsec == NULL || nsec->count == 0)
        return NULL;
    record_read(nsec->data, false, &record);
    size_t whole = name_check(record.rdata, record.rdata_len);
    if (whole < resigning->plan.apex_len)
        return NULL;
    *len = (unsigned)(whole - resigning->plan.apex_len);
    return record.rdata;
}

/* The name that the touched name I, in the new chain, is to point to. */
enum err resign_next(const struct resigning *resigning, size_t i, const uint8_t **out, unsigned *out_len)
{
    const struct touched *name = &resigning->names[i];
    const struct node *node = name->was ? snapshot_find(resigning->signed_zone, false, name->name, name->len)
                                        : find_nsec_before(resigning->signed_zone, name->name, name->len);
    unsigned len = 0;
    const uint8_t *next = old_next(resigning, node, &len);
    while (next != NULL && len > 0 && goes(resigning, next, len))
        next = old_next(resigning, snapshot_find(resigning->signed_zone, false, next, len), &len);
    if (next == NULL)
        return ERR_STALE;
    /* One that comes may be nearer. */
    for (size_t j = i + 1; j < resigning->count; j++) {
        const struct touched *other = &resigning->names[j];
        if (!other->is || other->was)
            continue;
        if (len == 0 || relative_compare(other->name, other->len, next, len) < 0) {
            next = other->name;
            len = other->len;
        }
        break;
    }
    *out = next;
    *out_len = len;
    return ERR_OK;
}

/* The last of the old chain before the name that does not go: its pointer changes. */
static enum err touch_predecessor(struct resigning *resigning, const struct touched *name)
{
    const struct node *node = find_nsec_before(resigning->signed_zone, name->name, name->len);
    while (node != NULL && goes(resigning, node->name, node->name_len))
        node = find_nsec_before(resigning->signed_zone, node->name, node->name_len);
    return node != NULL ? resign_touch(resigning, node->name, node->name_len) : ERR_STALE;
}

enum err resign_find_neighbours(struct resigning *resigning)
{
    size_t count = resigning->count;
    enum err err = ERR_OK;
    for (size_t i = 0; i < count && err == ERR_OK; i++) {
        struct touched name = resigning->names[i];
        if (name.was != name.is)
            err = touch_predecessor(resigning, &name);
    }
    return err;
}

/* ---- the NSEC3 chain ---- */

/* The kind of a name in `after`; an empty one's from what is below it. */
static uint16_t kind_after(
    const struct resigning *resigning, const struct node *node, const uint8_t *name, unsigned len)
{
    struct snapshot_walk walk;
    const struct node *below;
    uint16_t kind = node != NULL ? place_kind_of(node) : 0;
    if (node == NULL || (kind & (PLACE_CONTENT | PLACE_HIDDEN)) != 0)
        return kind;
    snapshot_walk_from(&walk, resigning->after, name, len);
    while ((below = snapshot_walk_next(&walk)) != NULL && (below->flags & NODE_NSEC3) == 0 &&
           resign_is_under(below, name, len)) {
        uint16_t other = place_kind_of(below);
        if ((other & PLACE_HIDDEN) != 0 || (other & PLACE_CONTENT) == 0)
            continue;
        kind |= PLACE_EMPTY;
        if ((other & (PLACE_CUT | PLACE_SECURE)) != PLACE_CUT)
            return kind | PLACE_NEEDED;
        if (!resigning->options.opt_out)
            break;
    }
    return kind;
}

const struct node *resign_member(const struct resigning *resigning, const uint8_t hash[20])
{
    uint8_t label[33] = {32};
    base32hex_encode((char *)label + 1, hash, 20);
    octets_lower(label + 1, label + 1, 32);
    const struct node *node = snapshot_find(resigning->signed_zone, true, label, sizeof label);
    return in_chain(node, TYPE_NSEC3) ? node : NULL;
}

static enum err judge_hash(struct resigning *resigning, const uint8_t *name, unsigned len)
{
    uint8_t owner[NAME_MAX + 1];
    const struct zonesign_options *options = &resigning->options;
    struct touched3 touched = {.node = snapshot_find(resigning->after, false, name, len)};
    memcpy(owner, name, len);
    memcpy(owner + len, resigning->plan.apex, resigning->plan.apex_len);
    nsec3_digest(options->salt, options->salt_len, options->iterations, owner, len + resigning->plan.apex_len,
        touched.hash);
    touched.kind = kind_after(resigning, touched.node, name, len);
    touched.is = touched.node != NULL && place_has_nsec3(touched.kind, options->opt_out);
    touched.was = resign_member(resigning, touched.hash) != NULL;
    return touched.is || touched.was ? resign_touch3(resigning, &touched) : ERR_OK;
}

/* The touched names and all above them, which may become empty or cease to be. */
enum err resign_judge_hashes(struct resigning *resigning)
{
    enum err err = ERR_OK;
    for (size_t i = 0; i < resigning->count && err == ERR_OK; i++) {
        const uint8_t *name = resigning->names[i].name;
        unsigned len = resigning->names[i].len;
        for (;; len -= *name + 1u, name += *name + 1u) {
            err = judge_hash(resigning, name, len);
            if (len == 0 || err != ERR_OK)
                break;
        }
    }
    return err;
}

static const struct touched3 *touched_hash(const struct resigning *resigning, const uint8_t hash[20])
{
    size_t low = 0, high = resigning->sorted3;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = memcmp(resigning->hashes[middle].hash, hash, 20);
        if (order == 0)
            return &resigning->hashes[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static bool goes3(const struct resigning *resigning, const uint8_t hash[20])
{
    const struct touched3 *touched = touched_hash(resigning, hash);
    return touched != NULL && touched->was && !touched->is;
}

/* The hash of the last member before HASH, in the round. */
static bool before_hash(const struct resigning *resigning, const uint8_t hash[20], uint8_t out[20])
{
    uint8_t less[20];
    bool exact;
    size_t len;
    memcpy(less, hash, 20);
    for (unsigned i = 20; i-- > 0 && less[i]-- == 0;)
        continue;
    const struct node *node = find_nsec3(resigning->signed_zone, less, &exact);
    return node != NULL && base32hex_decode(out, (const char *)node->name + 1, 32, &len) == 32;
}

static bool next_hash(const struct resigning *resigning, const uint8_t hash[20], uint8_t out[20])
{
    struct record record;
    const struct node *node = resign_member(resigning, hash);
    if (node == NULL)
        return false;
    record_read(node_rrset(node, TYPE_NSEC3)->data, false, &record);
    if (record.rdata_len < 6u + record.rdata[4] + 20u)
        return false;
    memcpy(out, record.rdata + 6 + record.rdata[4], 20);
    return true;
}

enum err resign_find_neighbours3(struct resigning *resigning)
{
    size_t count = resigning->count3;
    for (size_t i = 0; i < count; i++) {
        struct touched3 found = {.was = true, .is = true, .pointer = true};
        uint8_t at[20];
        if (resigning->hashes[i].was == resigning->hashes[i].is)
            continue;
        memcpy(at, resigning->hashes[i].hash, 20);
        size_t steps = 0;
        do {
            if (!before_hash(resigning, at, found.hash) || steps++ > count)
                return ERR_STALE;
            memcpy(at, found.hash, 20);
        } while (goes3(resigning, at));
        enum err err = resign_touch3(resigning, &found);
        if (err != ERR_OK)
            return err;
    }
    return ERR_OK;
}

/* The next hash of the new chain behind member I. */
enum err resign_next3(const struct resigning *resigning, size_t i, uint8_t out[20])
{
    const struct touched3 *member = &resigning->hashes[i];
    uint8_t at[20];
    size_t steps = 0;
    bool good = member->was ? next_hash(resigning, member->hash, out)
                            : before_hash(resigning, member->hash, at) && next_hash(resigning, at, out);
    while (good && goes3(resigning, out) && steps++ <= resigning->count3) {
        memcpy(at, out, 20);
        good = next_hash(resigning, at, out);
    }
    if (!good || steps > resigning->count3)
        return ERR_STALE;
    /* One that comes may be nearer, in the round. */
    for (size_t j = 1; j <= resigning->count3; j++) {
        const struct touched3 *other = &resigning->hashes[(i + j) % resigning->count3];
        if (!other->is || other->was)
            continue;
        bool wraps = memcmp(out, member->hash, 20) <= 0,
             other_wraps = memcmp(other->hash, member->hash, 20) <= 0;
        if (wraps != other_wraps ? wraps : memcmp(other->hash, out, 20) < 0)
            memcpy(out, other->hash, 20);
        break;
    }
    return ERR_OK;
}
