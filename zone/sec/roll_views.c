/* What the states of the keys mean for caches: the versions they may hold, and for how long. */
#include <string.h>

#include "zone/sec/roll.h"

/* ---- what caches may hold ---- */

struct change {
    int64_t at_s;
    unsigned key;
    enum roll_record record;
    bool added;
};

struct version {
    key_mask has[ROLL_RECORDS];
};

/* The records that change now, in the order of time, and what stood before the first of them. Few: sorted by
 * insertion. */
static unsigned list_changes(const struct roll *roll, struct change *changes, struct version *before)
{
    unsigned count = 0;
    memset(before, 0, sizeof *before);
    for (unsigned i = 0; i < roll->count; i++)
        for (unsigned record = 0; record < ROLL_RECORDS; record++) {
            const struct roll_stage *stage = &roll->keys[i].stages[record];
            bool foreign = roll->keys[i].foreign && record != ROLL_DNSKEY;
            if (foreign)
                continue;
            if (stage->state == ROLL_OMNIPRESENT || stage->state == ROLL_UNRETENTIVE)
                before->has[record] |= 1u << i;
            if (stage->state != ROLL_RUMOURED && stage->state != ROLL_UNRETENTIVE)
                continue;
            unsigned at = count++;
            for (; at > 0 && changes[at - 1].at_s > stage->since_s; at--)
                changes[at] = changes[at - 1];
            changes[at] = (struct change){
                .at_s = stage->since_s, .key = i, .record = record, .added = stage->state == ROLL_RUMOURED};
        }
    return count;
}

static bool add_version(struct views *views, const struct version *version)
{
    return views_add_ds(views, version->has[ROLL_DS]) &&
           views_add_dnskey(views, version->has[ROLL_DNSKEY], version->has[ROLL_KRRSIG]) &&
           views_add_zone(views, version->has[ROLL_ZRRSIG]);
}

/* Another signer's answers carry its signatures alone (RFC 8901 4.2). */
static bool add_foreign(struct views *views, const struct roll *roll)
{
    for (unsigned i = 0; i < roll->count; i++) {
        enum roll_state state = roll->keys[i].stages[ROLL_ZRRSIG].state;
        if (roll->keys[i].foreign && state != ROLL_NONE && state != ROLL_HIDDEN &&
            !views_add_zone(views, 1u << i))
            return false;
    }
    return true;
}

bool roll_views(const struct roll *roll, struct views *views)
{
    struct change changes[ROLL_KEYS_MAX * ROLL_RECORDS];
    struct version version;
    unsigned count = list_changes(roll, changes, &version);
    views_clear(views);
    for (unsigned i = 0; i < roll->count; i++)
        views->algorithms[i] = roll->keys[i].algorithm;
    if (!add_version(views, &version))
        return false;
    for (unsigned i = 0; i < count; i++) {
        key_mask bit = 1u << changes[i].key;
        if (changes[i].added)
            version.has[changes[i].record] |= bit;
        else
            version.has[changes[i].record] &= ~bit;
        if ((i + 1 == count || changes[i + 1].at_s != changes[i].at_s) && !add_version(views, &version))
            return false;
    }
    return add_foreign(views, roll);
}

/* ---- time ---- */

/* Does the zone's signing pass from key to key of one algorithm? Then signatures are replaced as they fall
 * due. */
static bool shares_signing(const struct roll *roll, const struct roll_key *key)
{
    for (unsigned i = 0; i < roll->count; i++) {
        const struct roll_key *other = &roll->keys[i];
        enum roll_state state = other->stages[ROLL_ZRRSIG].state;
        if (other != key && !other->foreign && other->algorithm == key->algorithm && state != ROLL_NONE &&
            state != ROLL_HIDDEN)
            return true;
    }
    return false;
}

int64_t roll_interval(
    const struct roll *roll, const struct policy *policy, const struct roll_key *key, enum roll_record record)
{
    bool coming = key->stages[record].state == ROLL_RUMOURED;
    int64_t safety = coming ? policy->publish_safety_s : policy->retire_safety_s;
    switch (record) {
    case ROLL_DNSKEY:
    case ROLL_KRRSIG:
        return policy->dnskey_ttl_s + policy->zone_propagation_delay_s + safety;
    case ROLL_ZRRSIG:
        return policy->max_zone_ttl_s + policy->zone_propagation_delay_s + safety +
               (!policy->resign_at_once && shares_signing(roll, key)
                       ? policy->signatures_validity_s - policy->signatures_refresh_s
                       : 0);
    default:
        return policy->parent_ds_ttl_s + policy->parent_propagation_delay_s + safety;
    }
}

int64_t roll_due(
    const struct roll *roll, const struct policy *policy, const struct roll_key *key, enum roll_record record)
{
    const struct roll_stage *stage = &key->stages[record];
    if (stage->state != ROLL_RUMOURED && stage->state != ROLL_UNRETENTIVE)
        return ROLL_NEVER;
    int64_t from_s = stage->since_s;
    if (record == ROLL_DS) {
        from_s = stage->state == ROLL_RUMOURED ? key->ds_seen_s : key->ds_gone_s;
        if (from_s == 0)
            return ROLL_NEVER;
    }
    return from_s + roll_interval(roll, policy, key, record);
}
