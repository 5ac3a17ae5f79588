/* The apex as it is to be published: SOA with its new serial, the DNSKEY set, CDS, CDNSKEY, NSEC3PARAM, room
 * for ZONEMD; and the times of the signatures. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "zone/sec/zonemd.h"
#include "zone/sec/zonesign_plan.h"
#include "zone/wire/type.h"

#define DAY 86400u
#define SYNC_MAX (ZONESIGN_KEYS_MAX * CDS_DIGESTS_MAX)

void zonesign_options_init(struct zonesign_options *options)
{
    *options = (struct zonesign_options){.validity_s = 14 * DAY,
        .inception_s = 3600,
        .refresh_s = 5 * DAY,
        .jitter_s = DAY / 2,
        .cds_digests = {2},
        .cdnskey = true};
}

/* ---- the serial ---- */

static uint32_t date_serial(int64_t now)
{
    struct tm parts;
    time_t time = (time_t)now;
    if (gmtime_r(&time, &parts) == NULL)
        return 0;
    return (uint32_t)((parts.tm_year + 1900) * 1000000 + (parts.tm_mon + 1) * 10000 + parts.tm_mday * 100);
}

/* A serial never goes back: when the policy's would, it is the one after the highest. */
uint32_t serial_next(
    enum serial_policy policy, uint32_t text, bool has_earlier, uint32_t earlier, int64_t now)
{
    uint32_t highest = has_earlier && serial_after(earlier, text) ? earlier : text, wanted = text;
    switch (policy) {
    case SERIAL_KEEP:
        return text;
    case SERIAL_AUTO:
        return has_earlier && !serial_after(text, earlier) ? earlier + 1 : text;
    case SERIAL_INCREMENT:
        return highest + 1 != 0 ? highest + 1 : 1;
    case SERIAL_UNIXTIME:
        wanted = (uint32_t)now;
        break;
    case SERIAL_DATE:
        wanted = date_serial(now);
        break;
    }
    return serial_after(wanted, highest) ? wanted : highest + 1;
}

/* ---- sets of the apex ---- */

static enum err complain(struct sign_plan *plan, const char *message)
{
    snprintf(plan->result->why, sizeof plan->result->why, "%s", message);
    return ERR_INVALID;
}

static void insert_set(struct sign_plan *plan, const struct rrset *set)
{
    unsigned at = plan->apex_count++;
    for (; at > 0 && plan->apex_sets[at - 1]->type > set->type; at--)
        plan->apex_sets[at] = plan->apex_sets[at - 1];
    plan->apex_sets[at] = set;
}

static enum err add_set(
    struct sign_plan *plan, uint16_t type, uint32_t ttl, const struct rdata_ref *rdata, unsigned count)
{
    struct rrset *set = rrset_make(&plan->arena, type, ttl, rdata, count);
    if (set == NULL)
        return ERR_MEMORY;
    insert_set(plan, set);
    return ERR_OK;
}

const struct rrset *sign_plan_set(const struct sign_plan *plan, uint16_t type)
{
    for (unsigned i = 0; i < plan->apex_count; i++) {
        if (plan->apex_sets[i]->type == type)
            return plan->apex_sets[i];
    }
    return NULL;
}

static enum err make_soa(struct sign_plan *plan)
{
    struct record record;
    record_read(plan->zone->soa->data, true, &record);
    uint8_t *rdata = (uint8_t *)arena_copy(&plan->arena, record.rdata, record.rdata_len);
    if (rdata == NULL)
        return ERR_MEMORY;
    uint32_t serial = __builtin_bswap32(plan->serial);
    memcpy(rdata + record.rdata_len - 20, &serial, 4);
    return add_set(plan, TYPE_SOA, plan->zone->soa->ttl, &(struct rdata_ref){rdata, record.rdata_len}, 1);
}

/* A DNSKEY in the text that is none of ours is another signer's (RFC 8901): it stays. */
static bool is_ours(const struct sign_plan *plan, const struct record *record)
{
    for (unsigned i = 0; i < plan->options->key_count; i++) {
        const struct key *key = plan->options->keys[i].key;
        if (record->rdata_len == 4u + key->public_len && record->rdata[3] == key->algorithm->number &&
            memcmp(record->rdata + 4, key->public_octets, key->public_len) == 0)
            return true;
    }
    return false;
}

static uint32_t dnskey_ttl(const struct sign_plan *plan, const struct rrset *given)
{
    const struct zonesign_options *options = plan->options;
    if (options->has_dnskey_ttl)
        return options->dnskey_ttl;
    if (given != NULL && given->count > 0)
        return given->ttl;
    for (unsigned i = 0; i < options->key_count; i++) {
        if (options->keys[i].publish && options->keys[i].key->has_ttl)
            return options->keys[i].key->ttl;
    }
    return plan->zone->soa->ttl;
}

static bool has_record(const struct rdata_ref *refs, unsigned count, const struct record *record)
{
    for (unsigned i = 0; i < count; i++) {
        if (refs[i].len == record->rdata_len && memcmp(refs[i].bytes, record->rdata, refs[i].len) == 0)
            return true;
    }
    return false;
}

static enum err make_dnskeys(struct sign_plan *plan)
{
    const struct rrset *given = node_rrset(plan->zone->apex, TYPE_DNSKEY);
    unsigned count = 0, room = plan->options->key_count + (given != NULL ? given->count : 0u);
    struct rdata_ref *refs = ARENA_ARRAY(&plan->arena, struct rdata_ref, room + 1);
    if (refs == NULL)
        return ERR_MEMORY;
    for (unsigned i = 0; i < plan->options->key_count; i++) {
        if (!plan->options->keys[i].publish)
            continue;
        uint8_t *rdata = arena_alloc(&plan->arena, DNSKEY_RDATA_MAX, 1);
        if (rdata == NULL)
            return ERR_MEMORY;
        refs[count].len = (uint16_t)key_write_dnskey(plan->options->keys[i].key, rdata);
        refs[count++].bytes = rdata;
    }
    const uint8_t *at = given != NULL ? given->data : NULL;
    for (unsigned i = 0; given != NULL && i < given->count; i++) {
        struct record record;
        at = record_read(at, false, &record);
        if (!is_ours(plan, &record) && !has_record(refs, count, &record))
            refs[count++] = (struct rdata_ref){record.rdata, record.rdata_len};
    }
    if (count == 0)
        return complain(plan, "there is no DNSKEY to publish: the zone has no key that is to be used now");
    return add_set(plan, TYPE_DNSKEY, dnskey_ttl(plan, given), refs, count);
}

/* RFC 8078 4: algorithm 0 asks the parent to remove all DS. */
static enum err make_delete(struct sign_plan *plan, uint32_t ttl)
{
    enum err err = add_set(plan, TYPE_CDS, ttl, &(struct rdata_ref){(const uint8_t *)"\0\0\0\0\0", 5}, 1);
    if (err == ERR_OK && plan->options->cdnskey)
        err = add_set(plan, TYPE_CDNSKEY, ttl, &(struct rdata_ref){(const uint8_t *)"\0\0\3\0\0", 5}, 1);
    return err;
}

static enum err make_sync(struct sign_plan *plan)
{
    struct rdata_ref cds[SYNC_MAX], cdnskey[ZONESIGN_KEYS_MAX];
    unsigned cds_count = 0, cdnskey_count = 0;
    uint32_t ttl = sign_plan_set(plan, TYPE_DNSKEY)->ttl;
    if (plan->options->cds == CDS_DELETE)
        return make_delete(plan, ttl);
    for (unsigned i = 0; i < plan->options->key_count; i++) {
        const struct zonesign_key *key = &plan->options->keys[i];
        if (!key->sync)
            continue;
        uint8_t *rdata = arena_alloc(&plan->arena, DNSKEY_RDATA_MAX, 1);
        if (rdata == NULL)
            return ERR_MEMORY;
        cdnskey[cdnskey_count].len = (uint16_t)key_write_dnskey(key->key, rdata);
        cdnskey[cdnskey_count++].bytes = rdata;
        for (unsigned d = 0; d < CDS_DIGESTS_MAX && plan->options->cds_digests[d] != 0; d++) {
            const struct ds_digest *digest = ds_digest_find(plan->options->cds_digests[d]);
            uint8_t *ds = digest != NULL ? arena_alloc(&plan->arena, DS_RDATA_MAX, 1) : NULL;
            if (ds == NULL)
                return ERR_MEMORY;
            cds[cds_count].len = (uint16_t)key_write_ds(key->key, digest, ds);
            cds[cds_count++].bytes = ds;
        }
    }
    enum err err = cds_count > 0 ? add_set(plan, TYPE_CDS, ttl, cds, cds_count) : ERR_OK;
    if (err == ERR_OK && plan->options->cdnskey && cdnskey_count > 0)
        err = add_set(plan, TYPE_CDNSKEY, ttl, cdnskey, cdnskey_count);
    return err;
}

/* RFC 5155 4; its TTL is 0 with BIND and others, for nobody caches it to use. */
static enum err make_nsec3param(struct sign_plan *plan)
{
    uint8_t rdata[5 + 255] = {1, 0, (uint8_t)(plan->options->iterations >> 8),
        (uint8_t)plan->options->iterations, plan->options->salt_len};
    memcpy(rdata + 5, plan->options->salt, plan->options->salt_len);
    return add_set(
        plan, TYPE_NSEC3PARAM, 0, &(struct rdata_ref){rdata, (uint16_t)(5 + plan->options->salt_len)}, 1);
}

/* The digest follows when all else is signed. */
static enum err make_zonemd(struct sign_plan *plan)
{
    uint8_t rdata[ZONEMD_RDATA_MAX];
    size_t len = zonemd_write(plan->serial, ZONEMD_SHA384, NULL, rdata);
    return add_set(plan, TYPE_ZONEMD, plan->zone->soa->ttl, &(struct rdata_ref){rdata, (uint16_t)len}, 1);
}

/* Types at the apex that the plan makes itself, or leaves out. */
static bool replaces(const struct sign_plan *plan, uint16_t type)
{
    switch (type) {
    case TYPE_SOA:
    case TYPE_DNSKEY:
    case TYPE_NSEC3PARAM:
    case TYPE_ZONEMD: /* one that was right before is wrong now */
        return true;
    case TYPE_CDS:
    case TYPE_CDNSKEY:
        return plan->options->cds != CDS_KEEP || plan->options->ready_count > 0;
    default:
        return type_is_made(type);
    }
}

static void keep_sets(struct sign_plan *plan)
{
    const struct rrset *rrset = node_rrsets(plan->zone->apex);
    for (unsigned i = 0; i < plan->zone->apex->rrset_count; i++, rrset = rrset_next(rrset)) {
        if (rrset->count > 0 && !replaces(plan, rrset->type))
            plan->apex_sets[plan->apex_count++] = rrset;
    }
}

/* What the KSK signs: here, or somewhere else before. */
static enum err make_key_sets(struct sign_plan *plan)
{
    for (unsigned i = 0; i < plan->options->ready_count; i++)
        insert_set(plan, plan->options->ready[i]);
    if (plan->options->ready_count > 0)
        return ERR_OK;
    enum err err = make_dnskeys(plan);
    return err == ERR_OK && plan->options->cds != CDS_KEEP ? make_sync(plan) : err;
}

static enum err make_sets(struct sign_plan *plan)
{
    unsigned room = plan->zone->apex->rrset_count + 8u;
    plan->apex_sets = ARENA_ARRAY(&plan->arena, const struct rrset *, room);
    if (plan->apex_sets == NULL)
        return ERR_MEMORY;
    keep_sets(plan);
    enum err err = make_soa(plan);
    if (err == ERR_OK)
        err = make_key_sets(plan);
    if (err == ERR_OK && plan->options->nsec3)
        err = make_nsec3param(plan);
    if (err == ERR_OK && plan->options->zonemd)
        err = make_zonemd(plan);
    return err;
}

/* ---- times ---- */

static enum err make_times(struct sign_plan *plan)
{
    const struct zonesign_options *options = plan->options;
    int64_t from = options->inception_at != 0 ? options->inception_at : options->now - options->inception_s;
    int64_t to = options->expiration_at != 0 ? options->expiration_at : options->now + options->validity_s;
    uint32_t keys_s = options->validity_keys_s != 0 ? options->validity_keys_s : options->validity_s;
    int64_t to_keys = options->expiration_at != 0 ? options->expiration_at : options->now + keys_s;
    if (to <= from || to_keys <= from || to - from > INT32_MAX)
        return complain(plan, "signatures would expire before their inception, or last beyond 68 years");
    plan->inception = (uint32_t)from;
    plan->expiration = (uint32_t)to;
    plan->expiration_keys = (uint32_t)to_keys;
    return ERR_OK;
}

/* ---- which keys ---- */

/* Each algorithm in the DNSKEY set must sign all sets (RFC 4035 2.2, RFC 6840 5.11), and some key must sign
 * at all. */
static enum err check_keys(struct sign_plan *plan)
{
    const struct zonesign_options *options = plan->options;
    bool keys = options->ready_count > 0, zone = false;
    if (options->key_count > ZONESIGN_KEYS_MAX)
        return ERR_LIMIT;
    for (unsigned i = 0; i < options->key_count; i++) {
        const struct zonesign_key *key = &options->keys[i];
        keys |= key->sign_keys && key->publish;
        zone |= key->sign_zone && key->publish;
        if ((key->sign_keys || key->sign_zone) && !key_has_private(key->key)) {
            snprintf(plan->result->why, sizeof plan->result->why,
                "key %u is to sign, and its private part is not here", key->key->tag);
            return ERR_INVALID;
        }
        for (unsigned j = 0; j < i; j++) {
            if (key_collides(key->key, options->keys[j].key) && !key_same(key->key, options->keys[j].key)) {
                snprintf(plan->result->why, sizeof plan->result->why,
                    "two keys of algorithm %u have the key tag %u (revoked or not): validators may take one "
                    "for "
                    "the other",
                    key->key->algorithm->number, key->key->tag);
                return ERR_INVALID;
            }
        }
    }
    if (!keys)
        return complain(plan, "no key that is published signs the DNSKEY set");
    return zone ? ERR_OK : complain(plan, "no key that is published signs the zone");
}

enum err sign_plan_make(struct sign_plan *plan, const struct zonesign_options *options,
    const struct snapshot *zone, const struct snapshot *earlier, struct zonesign_result *result)
{
    *result = (struct zonesign_result){0};
    *plan = (struct sign_plan){.options = options,
        .zone = zone,
        .earlier = earlier,
        .apex = zone->image->header->apex_name,
        .apex_len = zone->image->header->apex_len,
        .denial_ttl = zone->negative_ttl,
        .seed = options->deterministic ? 0 : (uint64_t)options->now * 0x9e3779b97f4a7c15u,
        .result = result};
    arena_init(&plan->arena, 0);
    plan->serial = serial_next(
        options->serial, zone->serial, earlier != NULL, earlier != NULL ? earlier->serial : 0, options->now);
    result->serial = plan->serial;
    enum err err = check_keys(plan);
    if (err == ERR_OK)
        err = make_times(plan);
    if (err == ERR_OK)
        err = make_sets(plan);
    if (err != ERR_OK)
        sign_plan_clear(plan);
    return err;
}

void sign_plan_clear(struct sign_plan *plan)
{
    arena_clear(&plan->arena);
}
