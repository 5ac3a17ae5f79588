/* What one name is to hold: its records, their signatures, its NSEC or NSEC3. Each thread has a maker of its
 * own. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "zone/base/codec.h"
#include "zone/base/hash.h"
#include "zone/sec/verify.h"
#include "zone/sec/zonesign_plan.h"
#include "zone/store/edit.h"
#include "zone/store/snapshot.h"
#include "zone/wire/type.h"

/* ---- the maker ---- */

/* A key of an algorithm that the zone is to go over to signs before its DNSKEY is published, and goes on for
 * a while when that is withdrawn (RFC 6781 4.1.4): nobody can use such signatures yet, so another key must
 * sign, too. */
static bool signs_unpublished(const struct sign_plan *plan, const struct key *key)
{
    const struct zonesign_options *options = plan->options;
    bool unpublished = false, another = false;
    for (unsigned i = 0; i < options->key_count; i++) {
        const struct zonesign_key *other = &options->keys[i];
        if (other->key == key)
            unpublished = !other->publish && !other->sign_keys;
        else
            another |= other->publish && other->sign_zone && other->key->algorithm != key->algorithm;
    }
    return unpublished && another;
}

static enum err prove(const struct sign_plan *plan, struct signing *signing)
{
    uint8_t dnskey[DNSKEY_RDATA_MAX];
    const struct key *key = signing_key(signing);
    const struct rrset *published = sign_plan_set(plan, TYPE_DNSKEY);
    size_t len = key_write_dnskey(key, dnskey);
    const uint8_t *at = published->data;
    bool there = false;
    for (unsigned i = 0; i < published->count && !there; i++) {
        struct record record;
        at = record_read(at, false, &record);
        there = record.rdata_len == len && memcmp(record.rdata, dnskey, len) == 0;
    }
    there = there || signs_unpublished(plan, key);
    enum err err = there ? signing_prove(signing, dnskey, len) : ERR_INVALID;
    if (err == ERR_INVALID)
        snprintf(plan->result->why, sizeof plan->result->why,
            there ? "what key %u (algorithm %u) signs does not verify against its DNSKEY: its private part "
                    "is that "
                    "of another key"
                  : "key %u (algorithm %u) is to sign, but its DNSKEY is not to be published",
            key->tag, key->algorithm->number);
    return err;
}

enum err sign_maker_init(struct sign_maker *maker, const struct sign_plan *plan)
{
    *maker = (struct sign_maker){.plan = plan};
    arena_init(&maker->scratch, 0);
    rrset_form_init(&maker->form);
    rrset_form_init(&maker->old_form);
    for (unsigned i = 0; i < plan->options->key_count; i++) {
        const struct zonesign_key *key = &plan->options->keys[i];
        if (!key->sign_keys && !key->sign_zone)
            continue;
        enum err err = signing_new(key->key, &maker->signings[i]);
        if (err == ERR_OK) {
            signing_deterministic(maker->signings[i], plan->options->deterministic);
            err = prove(plan, maker->signings[i]);
        }
        if (err != ERR_OK) {
            sign_maker_clear(maker);
            return err;
        }
    }
    return ERR_OK;
}

void sign_maker_clear(struct sign_maker *maker)
{
    for (unsigned i = 0; i < ZONESIGN_KEYS_MAX; i++) {
        signing_free(maker->signings[i]);
        maker->signings[i] = NULL;
    }
    rrset_form_clear(&maker->form);
    rrset_form_clear(&maker->old_form);
    arena_clear(&maker->scratch);
}

void sign_maker_count(const struct sign_maker *maker, struct zonesign_result *result)
{
    result->made += maker->made;
    result->kept += maker->kept;
    result->chain += maker->chain;
    if (!maker->any)
        return;
    int64_t now = maker->plan->options->now;
    int64_t earliest = now + (int32_t)(maker->earliest - (uint32_t)now);
    if (result->earliest == 0 || earliest < result->earliest)
        result->earliest = earliest;
}

static enum err put(struct sign_maker *maker, const uint8_t *owner, uint16_t type, uint32_t ttl,
    const uint8_t *rdata, size_t len)
{
    if (maker->edits != NULL)
        return edits_record(maker->edits, owner, type, ttl, rdata, len);
    return tape_put(maker->tape, owner, type, ttl, rdata, len);
}

static enum err put_signature(
    struct sign_maker *maker, const uint8_t *owner, uint32_t ttl, const uint8_t *rdata, size_t len)
{
    struct rrsig rrsig;
    if (!rrsig_read(rdata, len, &rrsig))
        return ERR_WIRE;
    if (!maker->any || (int32_t)(rrsig.expiration - maker->earliest) < 0)
        maker->earliest = rrsig.expiration;
    maker->any = true;
    return put(maker, owner, TYPE_RRSIG, ttl, rdata, len);
}

/* ---- signatures that are there already ---- */

static bool signs_keys(uint16_t type)
{
    return type == TYPE_DNSKEY || type == TYPE_CDS || type == TYPE_CDNSKEY;
}

static bool should_sign(const struct zonesign_key *key, uint16_t type)
{
    return signs_keys(type) ? key->sign_keys : key->sign_zone;
}

/* Are the records the same, whatever their order? */
static bool same_records(
    struct sign_maker *maker, const uint8_t *owner, const struct rrset *a, const struct rrset *b)
{
    return a->count == b->count && a->ttl == b->ttl &&
           rrset_form_make(&maker->old_form, owner, b, b->ttl, UINT_MAX) == ERR_OK &&
           maker->form.records_len == maker->old_form.records_len &&
           memcmp(maker->form.bytes + RRSET_FORM_HEAD, maker->old_form.bytes + RRSET_FORM_HEAD,
               maker->form.records_len) == 0;
}

/* A signature lasts when it is valid now and long enough from now; one that begins in the future, or lasts
 * longer than this program would make it, is made anew as well. */
static bool lasts(const struct sign_maker *maker, const struct rrsig *rrsig)
{
    const struct sign_plan *plan = maker->plan;
    uint32_t now = (uint32_t)plan->options->now;
    return rrsig_check_time(rrsig, now) == VERDICT_VALID &&
           rrsig_check_time(rrsig, now + plan->options->refresh_s) == VERDICT_VALID;
}

/* The signature of KEY among those of EARLIER that may be taken over; 0 for none. */
static size_t find_signature(struct sign_maker *maker, const struct key *key, const uint8_t *owner,
    const struct rrset *rrset, const struct rrset *earlier, const uint8_t **rdata)
{
    const uint8_t *at = rrset_signatures(earlier);
    for (unsigned i = 0; i < earlier->sig_count; i++) {
        struct record record;
        struct rrsig rrsig;
        at = record_read(at, false, &record);
        if (!rrsig_read(record.rdata, record.rdata_len, &rrsig) ||
            rrsig_check_terms(&rrsig, key, owner, rrset, (uint32_t)maker->plan->options->now) !=
                VERDICT_VALID ||
            rrsig.original_ttl != rrset->ttl || rrsig.labels != maker->form.labels || !lasts(maker, &rrsig))
            continue;
        if (!maker->plan->options->trust &&
            verify_rrset(&maker->old_form, key, owner, rrset, record.rdata, record.rdata_len,
                (uint32_t)maker->plan->options->now) != VERDICT_VALID)
            continue;
        *rdata = record.rdata;
        return record.rdata_len;
    }
    return 0;
}

/* ---- new signatures ---- */

/* Spread evenly; the same for all sets of a name, so that they are renewed together. */
static uint32_t expiration_of(const struct sign_maker *maker, const uint8_t *owner, uint16_t type)
{
    const struct sign_plan *plan = maker->plan;
    uint32_t jitter = plan->options->expiration_at == 0 ? plan->options->jitter_s : 0;
    if (signs_keys(type))
        return plan->expiration_keys;
    if (jitter == 0)
        return plan->expiration;
    uint64_t hash = hash_bytes(plan->seed, owner, name_len(owner));
    uint32_t span = plan->expiration - plan->inception;
    return plan->expiration - (uint32_t)(hash % (jitter < span ? jitter : span));
}

static enum err sign_with(
    struct sign_maker *maker, unsigned key, const uint8_t *owner, const struct rrset *rrset)
{
    uint8_t rdata[RRSIG_RDATA_MAX];
    size_t len;
    struct rrsig_terms terms = {.signer = maker->plan->apex,
        .original_ttl = rrset->ttl,
        .inception = maker->plan->inception,
        .expiration = expiration_of(maker, owner, rrset->type)};
    enum err err = sign_form(maker->signings[key], &maker->form, &terms, rdata, &len);
    maker->made++;
    return err != ERR_OK ? err : put_signature(maker, owner, rrset->ttl, rdata, len);
}

static enum err sign_records(
    struct sign_maker *maker, const uint8_t *owner, const struct rrset *rrset, const struct rrset *earlier)
{
    enum err err = rrset_form_make(&maker->form, owner, rrset, rrset->ttl, UINT_MAX);
    if (err != ERR_OK)
        return err;
    if (earlier != NULL && (earlier->sig_count == 0 || !same_records(maker, owner, rrset, earlier)))
        earlier = NULL;
    for (unsigned i = 0; i < maker->plan->options->key_count && err == ERR_OK; i++) {
        const struct zonesign_key *key = &maker->plan->options->keys[i];
        const uint8_t *kept = NULL;
        if (!should_sign(key, rrset->type))
            continue;
        size_t len = earlier != NULL ? find_signature(maker, key->key, owner, rrset, earlier, &kept) : 0;
        if (len == 0) {
            err = sign_with(maker, i, owner, rrset);
            continue;
        }
        maker->kept++;
        err = put_signature(maker, owner, rrset->ttl, kept, len);
    }
    return err;
}

static bool is_ready(const struct sign_plan *plan, const struct rrset *rrset)
{
    for (unsigned i = 0; i < plan->options->ready_count; i++)
        if (plan->options->ready[i] == rrset)
            return true;
    return false;
}

static enum err put_ready(struct sign_maker *maker, const uint8_t *owner, const struct rrset *rrset)
{
    const uint8_t *at = rrset_signatures(rrset);
    enum err err = ERR_OK;
    for (unsigned i = 0; i < rrset->sig_count && err == ERR_OK; i++) {
        struct record record;
        at = record_read(at, false, &record);
        maker->kept++;
        err = put_signature(maker, owner, rrset->ttl, record.rdata, record.rdata_len);
    }
    return err;
}

enum err sign_set(struct sign_maker *maker, const uint8_t *owner, const struct rrset *rrset, bool sign,
    const struct rrset *earlier)
{
    bool linked = rrset_linked(rrset->type);
    const uint8_t *at = rrset->data;
    enum err err = ERR_OK;
    for (unsigned i = 0; i < rrset->count && err == ERR_OK; i++) {
        struct record record;
        at = record_read(at, linked, &record);
        err = put(maker, owner, rrset->type, rrset->ttl, record.rdata, record.rdata_len);
    }
    if (err == ERR_OK && is_ready(maker->plan, rrset))
        return put_ready(maker, owner, rrset);
    return err == ERR_OK && sign ? sign_records(maker, owner, rrset, earlier) : err;
}

/* ---- names ---- */

/* The sets of a name one after the other: the node's own, or the plan's at the apex. */
struct sets {
    const struct sign_plan *plan;
    const struct node *node;
    const struct rrset *next;
    unsigned at;
};

static struct sets sets_of(const struct sign_plan *plan, const struct node *node)
{
    return (struct sets){.plan = plan, .node = node, .next = node_rrsets(node)};
}

static const struct rrset *sets_next(struct sets *sets)
{
    if ((sets->node->flags & NODE_APEX) != 0)
        return sets->at < sets->plan->apex_count ? sets->plan->apex_sets[sets->at++] : NULL;
    while (sets->at < sets->node->rrset_count) {
        const struct rrset *rrset = sets->next;
        sets->at++;
        sets->next = rrset_next(rrset);
        if (rrset->count > 0 && !type_is_made(rrset->type))
            return rrset;
    }
    return NULL;
}

/* The types of a name for its NSEC or NSEC3 (RFC 4034 4.1.2, RFC 5155 7.1): at a cut NS and DS alone, for the
 * rest there is the child's. Returns the length of the bitmap. */
static size_t write_types(struct sign_maker *maker, const struct place *place, bool nsec, uint8_t *out)
{
    uint16_t *types = arena_alloc(&maker->scratch, (place->node->rrset_count + 12u) * sizeof *types, 2);
    const struct rrset *rrset;
    bool is_signed = nsec;
    size_t count = 0;
    if (types == NULL)
        return 0;
    struct sets sets = sets_of(maker->plan, place->node);
    while ((rrset = sets_next(&sets)) != NULL) {
        is_signed |= place_signs(place->kind, rrset->type);
        if ((place->kind & PLACE_CUT) == 0 || rrset->type == TYPE_NS || rrset->type == TYPE_DS)
            types[count++] = rrset->type;
    }
    return type_bitmap_finish(types, count, is_signed, nsec, out);
}

static enum err sign_nsec(struct sign_maker *maker, const struct place *place, const uint8_t *owner,
    const uint8_t *next, const struct node *earlier)
{
    uint8_t *rdata = arena_alloc(&maker->scratch, NAME_MAX + TYPE_BITMAP_MAX, 1);
    if (rdata == NULL)
        return ERR_MEMORY;
    size_t len = name_lower(rdata, next);
    len += write_types(maker, place, true, rdata + len);
    struct rrset *nsec = rrset_make(
        &maker->scratch, TYPE_NSEC, maker->plan->denial_ttl, &(struct rdata_ref){rdata, (uint16_t)len}, 1);
    if (nsec == NULL)
        return ERR_MEMORY;
    maker->chain++;
    return sign_set(maker, owner, nsec, true, earlier != NULL ? node_rrset(earlier, TYPE_NSEC) : NULL);
}

enum err sign_name(struct sign_maker *maker, const struct place *place, const uint8_t *next)
{
    const struct sign_plan *plan = maker->plan;
    uint8_t owner[NAME_MAX + 1];
    const struct node *earlier = NULL;
    const struct rrset *rrset;
    enum err err = ERR_OK;
    arena_reset(&maker->scratch);
    (void)snapshot_owner(plan->zone, place->node, owner);
    if (plan->earlier != NULL && (place->kind & PLACE_HIDDEN) == 0)
        earlier = snapshot_find(plan->earlier, false, place->node->name, place->node->name_len);
    struct sets sets = sets_of(plan, place->node);
    while (err == ERR_OK && (rrset = sets_next(&sets)) != NULL) {
        bool sign = place_signs(place->kind, rrset->type);
        err = sign_set(maker, owner, rrset, sign, earlier != NULL ? node_rrset(earlier, rrset->type) : NULL);
    }
    return err == ERR_OK && next != NULL ? sign_nsec(maker, place, owner, next, earlier) : err;
}

/* ---- NSEC3 ---- */

size_t nsec3_owner(const struct sign_plan *plan, const uint8_t hash[20], uint8_t *out)
{
    out[0] = (uint8_t)base32hex_encode((char *)out + 1, hash, 20);
    octets_lower(out + 1, out + 1, out[0]);
    memcpy(out + 1 + out[0], plan->apex, plan->apex_len);
    return 1u + out[0] + plan->apex_len;
}

enum err sign_nsec3(
    struct sign_maker *maker, const struct place *place, const uint8_t hash[20], const uint8_t next[20])
{
    const struct zonesign_options *options = maker->plan->options;
    uint8_t owner[NAME_MAX + 64];
    arena_reset(&maker->scratch);
    size_t owner_len = nsec3_owner(maker->plan, hash, owner);
    if (owner_len > NAME_MAX)
        return ERR_LIMIT;
    uint8_t *rdata = arena_alloc(&maker->scratch, 300 + TYPE_BITMAP_MAX, 1);
    if (rdata == NULL)
        return ERR_MEMORY;
    rdata[0] = 1; /* SHA-1 (RFC 5155 11) */
    rdata[1] = options->opt_out;
    rdata[2] = (uint8_t)(options->iterations >> 8);
    rdata[3] = (uint8_t)options->iterations;
    rdata[4] = options->salt_len;
    memcpy(rdata + 5, options->salt, options->salt_len);
    size_t len = 5u + options->salt_len;
    rdata[len++] = 20;
    memcpy(rdata + len, next, 20);
    len += 20;
    if ((place->kind & PLACE_CONTENT) != 0)
        len += write_types(maker, place, false, rdata + len);
    struct rrset *nsec3 = rrset_make(
        &maker->scratch, TYPE_NSEC3, maker->plan->denial_ttl, &(struct rdata_ref){rdata, (uint16_t)len}, 1);
    if (nsec3 == NULL)
        return ERR_MEMORY;
    const struct node *earlier =
        maker->plan->earlier != NULL ? snapshot_find(maker->plan->earlier, true, owner, owner[0] + 1u) : NULL;
    maker->chain++;
    return sign_set(maker, owner, nsec3, true, earlier != NULL ? node_rrset(earlier, TYPE_NSEC3) : NULL);
}

enum err sign_nsec3_moved(
    struct sign_maker *maker, const struct node *node, const uint8_t hash[20], const uint8_t next[20])
{
    uint8_t owner[NAME_MAX + 64];
    struct record record;
    const struct rrset *old = node_rrset(node, TYPE_NSEC3);
    arena_reset(&maker->scratch);
    if (old == NULL || old->count != 1 || nsec3_owner(maker->plan, hash, owner) > NAME_MAX)
        return ERR_STALE;
    record_read(old->data, false, &record);
    uint8_t *rdata = (uint8_t *)arena_copy(&maker->scratch, record.rdata, record.rdata_len);
    if (rdata == NULL)
        return ERR_MEMORY;
    memcpy(rdata + 6 + rdata[4], next, 20);
    struct rrset *nsec3 =
        rrset_make(&maker->scratch, TYPE_NSEC3, old->ttl, &(struct rdata_ref){rdata, record.rdata_len}, 1);
    if (nsec3 == NULL)
        return ERR_MEMORY;
    maker->chain++;
    return sign_set(maker, owner, nsec3, true, old);
}
