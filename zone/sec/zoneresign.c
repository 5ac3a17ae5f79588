/* Signing again what has changed, and what expires. The names that a change touches are found from the
 * change; their places in the chain of denial from the signed form, which still has the chain as it was:
 *
 *     old chain   a ---------> c -----> d -----> f          d goes, b comes:
 *     new chain   a --> b ---> c --------------> f          a, b and c are signed anew
 *
 * All that is touched becomes an overlay of the signed form. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zone/base/codec.h"
#include "zone/sec/verify.h"
#include "zone/sec/zoneresign_run.h"
#include "zone/store/diff.h"
#include "zone/store/overlay.h"
#include "zone/wire/type.h"

/* ---- lists ---- */

enum err resign_touch(struct resigning *resigning, const uint8_t *name, unsigned len)
{
    if (resigning->count == resigning->room) {
        size_t room = resigning->room * 2 + 64;
        struct touched *names = realloc(resigning->names, room * sizeof *names);
        if (names == NULL)
            return ERR_MEMORY;
        resigning->names = names;
        resigning->room = room;
    }
    const uint8_t *copy = (uint8_t *)arena_copy(&resigning->arena, name, len);
    if (copy == NULL)
        return ERR_MEMORY;
    resigning->names[resigning->count++] = (struct touched){.name = copy, .len = (uint8_t)len};
    return ERR_OK;
}

enum err resign_touch3(struct resigning *resigning, const struct touched3 *touched)
{
    if (resigning->count3 == resigning->room3) {
        size_t room = resigning->room3 * 2 + 64;
        struct touched3 *hashes = realloc(resigning->hashes, room * sizeof *hashes);
        if (hashes == NULL)
            return ERR_MEMORY;
        resigning->hashes = hashes;
        resigning->room3 = room;
    }
    resigning->hashes[resigning->count3++] = *touched;
    return ERR_OK;
}

static int by_name(const void *a, const void *b)
{
    const struct touched *x = a, *y = b;
    return relative_compare(x->name, x->len, y->name, y->len);
}

static int by_hash(const void *a, const void *b)
{
    const struct touched3 *x = a, *y = b;
    int order = memcmp(x->hash, y->hash, 20);
    return order != 0 ? order : x->pointer - y->pointer;
}

static void sort_names(struct resigning *resigning)
{
    size_t kept = 0;
    if (resigning->count > 0)
        qsort(resigning->names, resigning->count, sizeof *resigning->names, by_name);
    for (size_t i = 0; i < resigning->count; i++) {
        if (kept == 0 || by_name(&resigning->names[kept - 1], &resigning->names[i]) != 0)
            resigning->names[kept++] = resigning->names[i];
    }
    resigning->count = resigning->sorted = kept;
}

static void sort_hashes(struct resigning *resigning)
{
    size_t kept = 0;
    if (resigning->count3 > 0)
        qsort(resigning->hashes, resigning->count3, sizeof *resigning->hashes, by_hash);
    for (size_t i = 0; i < resigning->count3; i++) {
        if (kept == 0 || memcmp(resigning->hashes[kept - 1].hash, resigning->hashes[i].hash, 20) != 0)
            resigning->hashes[kept++] = resigning->hashes[i];
    }
    resigning->count3 = resigning->sorted3 = kept;
}

/* ---- what is touched ---- */

bool resign_is_under(const struct node *node, const uint8_t *name, unsigned len)
{
    if (node->name_len < len)
        return false;
    const uint8_t *at = node->name;
    while ((unsigned)(node->name + node->name_len - at) > len)
        at += *at + 1;
    return (unsigned)(node->name + node->name_len - at) == len && memcmp(at, name, len) == 0;
}

static enum err touch_below(
    struct resigning *resigning, const struct snapshot *snapshot, const uint8_t *name, unsigned len)
{
    struct snapshot_walk walk;
    const struct node *node;
    enum err err = ERR_OK;
    snapshot_walk_from(&walk, snapshot, name, len);
    while (err == ERR_OK && (node = snapshot_walk_next(&walk)) != NULL && (node->flags & NODE_NSEC3) == 0 &&
           resign_is_under(node, name, len))
        err = resign_touch(resigning, node->name, node->name_len);
    return err;
}

static uint16_t cut_flags(const struct node *node)
{
    return node != NULL ? node->flags & (NODE_DELEGATION | NODE_DNAME) : 0;
}

/* A name, and all below it when a cut comes or goes there: what was hidden is not, or the other way. */
static enum err touch_changed(struct resigning *resigning, const uint8_t *owner)
{
    size_t len = name_len(owner) - resigning->plan.apex_len;
    const struct node *old = snapshot_find(resigning->before, false, owner, (unsigned)len);
    const struct node *new = snapshot_find(resigning->after, false, owner, (unsigned)len);
    enum err err = resign_touch(resigning, owner, (unsigned)len);
    if (err != ERR_OK || len == 0 || cut_flags(old) == cut_flags(new))
        return err;
    err = touch_below(resigning, resigning->after, owner, (unsigned)len);
    return err == ERR_OK ? touch_below(resigning, resigning->signed_zone, owner, (unsigned)len) : err;
}

static enum err touch_list(struct resigning *resigning, const struct change_list *list)
{
    struct change_record record, last = {0};
    enum err err = ERR_OK;
    for (size_t at = 0; err == ERR_OK && change_next(list, &at, &record); last = record) {
        if (last.owner == NULL || !name_equal(last.owner, record.owner))
            err = touch_changed(resigning, record.owner);
    }
    return err;
}

static enum err find_changed(struct resigning *resigning)
{
    struct change change = {0};
    enum err err = diff_snapshots(resigning->before, resigning->after, 0, &change);
    if (err == ERR_OK)
        err = touch_list(resigning, &change.removed);
    if (err == ERR_OK)
        err = touch_list(resigning, &change.added);
    change_clear(&change);
    return err;
}

/* Has the set a signature that is to be renewed? Notes the first to expire of the others. */
static bool is_due(struct resigning *resigning, const struct rrset *rrset)
{
    const uint8_t *at = rrset_signatures(rrset);
    uint32_t now = (uint32_t)resigning->options.now;
    for (unsigned i = 0; i < rrset->sig_count; i++) {
        struct record record;
        struct rrsig rrsig;
        at = record_read(at, false, &record);
        if (!rrsig_read(record.rdata, record.rdata_len, &rrsig) ||
            (int32_t)(rrsig.expiration - now) < (int32_t)resigning->options.refresh_s)
            return true;
        int64_t expiration = resigning->options.now + (int32_t)(rrsig.expiration - now);
        if (resigning->earliest == 0 || expiration < resigning->earliest)
            resigning->earliest = expiration;
    }
    return false;
}

static enum err touch_due(struct resigning *resigning, const struct node *node)
{
    const struct rrset *rrset = node_rrsets(node);
    bool due = false;
    for (unsigned i = 0; i < node->rrset_count; i++, rrset = rrset_next(rrset))
        due |= is_due(resigning, rrset);
    if (!due)
        return ERR_OK;
    if ((node->flags & NODE_NSEC3) == 0)
        return resign_touch(resigning, node->name, node->name_len);
    struct touched3 touched = {.was = true, .is = true, .pointer = true};
    size_t len;
    if (base32hex_decode(touched.hash, (const char *)node->name + 1, 32, &len) != 32)
        return ERR_STALE;
    return resign_touch3(resigning, &touched);
}

/* Only when something can be due: else nothing is walked. */
static enum err find_due(struct resigning *resigning)
{
    struct snapshot_walk walk;
    const struct node *node;
    enum err err = ERR_OK;
    int64_t earliest = resigning->options.earliest;
    if (earliest != 0 && earliest - resigning->options.now >= resigning->options.refresh_s) {
        resigning->earliest = earliest;
        return ERR_OK;
    }
    snapshot_walk_start(&walk, resigning->signed_zone);
    while (err == ERR_OK && (node = snapshot_walk_next(&walk)) != NULL)
        err = touch_due(resigning, node);
    return err;
}

/* ---- writing ---- */

static enum err write_name(struct resigning *resigning, size_t i)
{
    const struct touched *name = &resigning->names[i];
    struct place place = {.node = snapshot_find(resigning->after, false, name->name, name->len)};
    uint8_t next[NAME_MAX + 1];
    const uint8_t *relative;
    unsigned len = 0;
    enum err err = edits_name(&resigning->edits, name->name, name->len, false);
    if (err != ERR_OK || place.node == NULL)
        return err;
    place.kind = place_kind_of(place.node);
    bool nsec = name->is && !resigning->options.nsec3;
    if (nsec) {
        err = resign_next(resigning, i, &relative, &len);
        if (err != ERR_OK)
            return err;
        memcpy(next, relative, len);
        memcpy(next + len, resigning->plan.apex, resigning->plan.apex_len);
    }
    return (place.kind & PLACE_CONTENT) != 0 ? sign_name(&resigning->maker, &place, nsec ? next : NULL)
                                             : ERR_OK;
}

static enum err write_hash(struct resigning *resigning, size_t i)
{
    const struct touched3 *member = &resigning->hashes[i];
    uint8_t label[33] = {32}, next[20];
    base32hex_encode((char *)label + 1, member->hash, 20);
    octets_lower(label + 1, label + 1, 32);
    enum err err = edits_name(&resigning->edits, label, sizeof label, true);
    if (err != ERR_OK || !member->is)
        return err;
    err = resign_next3(resigning, i, next);
    if (err != ERR_OK)
        return err;
    if (member->pointer) {
        const struct node *old = resign_member(resigning, member->hash);
        return old != NULL ? sign_nsec3_moved(&resigning->maker, old, member->hash, next) : ERR_STALE;
    }
    struct place place = {member->node, member->kind};
    return sign_nsec3(&resigning->maker, &place, member->hash, next);
}

static enum err write_all(struct resigning *resigning)
{
    enum err err = ERR_OK;
    resigning->maker.edits = &resigning->edits;
    for (size_t i = 0; i < resigning->count && err == ERR_OK; i++)
        err = write_name(resigning, i);
    for (size_t i = 0; i < resigning->count3 && err == ERR_OK; i++)
        err = write_hash(resigning, i);
    return err;
}

/* ---- may it be done this way? ---- */

/* The keys that sign the zone by the options are those that signed the SOA of the signed form. */
static bool same_signers(const struct resigning *resigning)
{
    const struct rrset *soa = resigning->signed_zone->soa;
    unsigned wanted = 0, found = 0;
    for (unsigned i = 0; i < resigning->options.key_count; i++)
        wanted += resigning->options.keys[i].sign_zone;
    const uint8_t *at = rrset_signatures(soa);
    for (unsigned i = 0; i < soa->sig_count; i++) {
        struct record record;
        struct rrsig rrsig;
        at = record_read(at, false, &record);
        if (!rrsig_read(record.rdata, record.rdata_len, &rrsig))
            return false;
        for (unsigned j = 0; j < resigning->options.key_count; j++) {
            const struct zonesign_key *key = &resigning->options.keys[j];
            found += key->sign_zone && key->key->tag == rrsig.tag &&
                     key->key->algorithm->number == rrsig.algorithm;
        }
    }
    return soa->sig_count == wanted && found == wanted;
}

static bool same_denial(const struct resigning *resigning)
{
    const struct image_header *header = resigning->signed_zone->image->header;
    const struct zonesign_options *options = &resigning->options;
    if (!options->nsec3)
        return (header->flags & IMAGE_NSEC) != 0 && (header->flags & IMAGE_NSEC3) == 0;
    if ((header->flags & IMAGE_NSEC3) == 0 || header->nsec3_iterations != options->iterations ||
        header->nsec3_salt_len != options->salt_len ||
        memcmp(header->nsec3_salt, options->salt, options->salt_len) != 0)
        return false;
    const struct rrset *nsec3 = resigning->signed_zone->apex_nsec3 != NULL
                                    ? node_rrset(resigning->signed_zone->apex_nsec3, TYPE_NSEC3)
                                    : NULL;
    struct record record;
    if (nsec3 == NULL || nsec3->count == 0)
        return false;
    record_read(nsec3->data, false, &record);
    return (record.rdata[1] & 1) == options->opt_out;
}

/* A set of the apex that the options make (DNSKEY, CDS, NSEC3PARAM ...) differs from the signed form's. */
static bool apex_differs(const struct resigning *resigning)
{
    static const uint16_t types[] = {TYPE_DNSKEY, TYPE_CDS, TYPE_CDNSKEY};
    for (size_t i = 0; i < ARRAY_COUNT(types); i++) {
        const struct rrset *new = sign_plan_set(&resigning->plan, types[i]);
        const struct rrset *old = node_rrset(resigning->signed_zone->apex, types[i]);
        unsigned new_count = new != NULL ? new->count : 0, old_count = old != NULL ? old->count : 0;
        if (new_count != old_count)
            return true;
        if (new_count > 0 && (new->ttl != old->ttl || new->data_len != old->data_len ||
                                 memcmp(new->data, old->data, new->data_len) != 0))
            return true;
    }
    const struct rrset *zonemd = node_rrset(resigning->signed_zone->apex, TYPE_ZONEMD);
    return (zonemd != NULL && zonemd->count > 0) != resigning->options.zonemd;
}

/* ---- all together ---- */

static enum err find_all(struct resigning *resigning)
{
    enum err err = find_changed(resigning);
    if (err == ERR_OK)
        err = find_due(resigning);
    if (err == ERR_OK && (resigning->count > 0 || resigning->count3 > 0 || apex_differs(resigning)))
        err = resign_touch(resigning, (const uint8_t *)"", 0); /* the SOA, for its serial */
    sort_names(resigning);
    if (err != ERR_OK)
        return err;
    if (resigning->options.nsec3) {
        err = resign_judge_hashes(resigning);
        sort_hashes(resigning);
        if (err == ERR_OK)
            err = resign_find_neighbours3(resigning);
        sort_hashes(resigning);
        return err;
    }
    resign_judge_names(resigning);
    err = resign_find_neighbours(resigning);
    sort_names(resigning);
    resign_judge_names(resigning);
    return err;
}

static enum err make(struct resigning *resigning, struct snapshot **out)
{
    enum err err = sign_maker_init(&resigning->maker, &resigning->plan);
    if (err != ERR_OK)
        return err;
    err = edits_init(&resigning->edits);
    if (err == ERR_OK)
        err = write_all(resigning);
    sign_maker_count(&resigning->maker, resigning->plan.result);
    if (err == ERR_OK)
        err = edits_apply(resigning->signed_zone, &resigning->edits, resigning->options.threads,
            resigning->plan.result->why, out);
    if (err == ERR_OK && resigning->options.zonemd)
        err = sign_zonemd(&resigning->plan, out);
    sign_maker_clear(&resigning->maker);
    edits_clear(&resigning->edits);
    return err;
}

static enum err resign(struct resigning *resigning, struct change *change, struct snapshot **out)
{
    struct zonesign_result *result = resigning->plan.result;
    struct snapshot *made = NULL;
    if (!same_signers(resigning) || !same_denial(resigning) ||
        resigning->after->negative_ttl != resigning->signed_zone->negative_ttl)
        return ERR_STALE;
    enum err err = find_all(resigning);
    if (err == ERR_OK && resigning->count == 0 && resigning->count3 == 0) {
        made = snapshot_hold(resigning->signed_zone);
        result->serial = made->serial;
    } else if (err == ERR_OK) {
        err = make(resigning, &made);
    }
    if (err == ERR_OK && made != resigning->signed_zone)
        err = diff_snapshots(resigning->signed_zone, made, 0, change);
    if (resigning->earliest != 0 && (result->earliest == 0 || resigning->earliest < result->earliest))
        result->earliest = resigning->earliest;
    if (err == ERR_OK)
        *out = made;
    else
        snapshot_release(made);
    return err;
}

enum err zone_resign(const struct zonesign_options *options, struct snapshot *before, struct snapshot *after,
    struct snapshot *signed_zone, struct zonesign_result *result, struct change *change,
    struct snapshot **out)
{
    struct resigning resigning = {
        .options = *options, .before = before, .after = after, .signed_zone = signed_zone};
    resigning.options.trust = true;
    arena_init(&resigning.arena, 0);
    *change = (struct change){0};
    enum err err = sign_plan_make(&resigning.plan, &resigning.options, after, signed_zone, result);
    if (err == ERR_OK) {
        err = resign(&resigning, change, out);
        sign_plan_clear(&resigning.plan);
    }
    arena_clear(&resigning.arena);
    free(resigning.names);
    free(resigning.hashes);
    return err;
}
