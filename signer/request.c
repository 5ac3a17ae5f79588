/* The side of the ZSKs asks for signed DNSKEY sets: what is to be published from when on, until a time. ZSKs
 * that the policy wants in that span are made now, with all their times (RFC 7583 3.2.1: pre-publication). */
#include <stdlib.h>
#include <string.h>

#include "signer/keystore.h"
#include "signer/offline.h"
#include "signer/rolling.h"
#include "zone/sec/rollkeys.h"
#include "zone/sec/sign.h"
#include "zone/wire/type.h"

#define INCEPTION_S 3600

static int64_t from_s, until_s;

static bool take_from(const char *value)
{
    return take_time_value("--from", value, &from_s);
}

static bool take_until(const char *value)
{
    return take_time_value("--until", value, &until_s);
}

const struct option_row request_rows[] = {
    KEYSTORE_ROW,
    POLICY_ROW,
    {0, "from", "TIME", "from when on keys are wanted (now)", NULL, NULL, take_from},
    {0, "until", "TIME", "until when (now+90d)", NULL, NULL, take_until},
    NOW_ROW,
    SECRET_ROWS,
    {0},
};

struct asking {
    uint8_t zone[NAME_MAX + 1];
    struct policy policy;
    struct key_list keys;
    struct bundles bundles;
};

static bool is_zsk(const struct key *key)
{
    return !key->foreign && (key->flags & (KEY_SEP | KEY_REVOKE)) == 0;
}

/* ---- keys to come ---- */

static struct key *last_of(const struct asking *asking, const struct policy_key *want)
{
    struct key *last = NULL;
    for (unsigned i = 0; i < asking->keys.count; i++) {
        struct key *key = asking->keys.keys[i];
        if (is_zsk(key) && key->algorithm->number == want->algorithm &&
            (last == NULL || key->times[TIME_ACTIVATE] > last->times[TIME_ACTIVATE]))
            last = key;
    }
    return last;
}

/* Both sides of RFC 7583 3.2.1: Ipub before it signs, Iret after. */
static int64_t before_s(const struct policy *policy)
{
    return policy->dnskey_ttl_s + policy->zone_propagation_delay_s + policy->publish_safety_s;
}

static int64_t after_s(const struct policy *policy)
{
    int64_t signing_s =
        policy->resign_at_once ? 0 : policy->signatures_validity_s - policy->signatures_refresh_s;
    return signing_s + policy->max_zone_ttl_s + policy->zone_propagation_delay_s + policy->retire_safety_s;
}

static bool make_zsk(
    struct asking *asking, const struct policy_key *want, int64_t active_s, int64_t publish_s)
{
    struct keyfile_trouble trouble;
    struct key *key;
    enum err err = roll_key_make(asking->zone, want, &asking->keys, clock_now(), &key);
    if (err != ERR_OK) {
        complain("no key could be made: %s", err_text(err));
        return false;
    }
    key->times[TIME_PUBLISH] = publish_s;
    key->times[TIME_ACTIVATE] = active_s;
    err = keystore_write(key, &trouble);
    if (err == ERR_OK)
        return key_list_add(&asking->keys, key) == ERR_OK;
    (void)keystore_complain(&trouble);
    key_release(key);
    return false;
}

static bool retire(const struct asking *asking, struct key *key, int64_t at_s)
{
    struct keyfile_trouble trouble;
    key->times[TIME_INACTIVE] = at_s;
    key->times[TIME_DELETE] = at_s + after_s(&asking->policy);
    if (keyfile_update(key, &trouble) == ERR_OK)
        return true;
    (void)keystore_complain(&trouble);
    return false;
}

static bool follow(struct asking *asking, const struct policy_key *want)
{
    struct key *last = last_of(asking, want);
    if (last == NULL && !make_zsk(asking, want, from_s, from_s))
        return false;
    while ((last = last_of(asking, want)) != NULL) {
        int64_t end_s = last->times[TIME_INACTIVE];
        if (end_s == 0 && want->lifetime_s != 0)
            end_s = last->times[TIME_ACTIVATE] + want->lifetime_s;
        if (end_s == 0 || end_s >= until_s)
            return true;
        int64_t publish_s = end_s - before_s(&asking->policy);
        if (publish_s < from_s) {
            publish_s = from_s;
            end_s = from_s + before_s(&asking->policy);
        }
        /* The successor is on disk before its predecessor is to go. */
        if (!make_zsk(asking, want, end_s, publish_s) || !retire(asking, last, end_s))
            return false;
    }
    return true;
}

static bool make_keys(struct asking *asking)
{
    for (unsigned i = 0; rolling_policy != NULL && i < asking->policy.keys_count; i++) {
        const struct policy_key *want = &asking->policy.keys[i];
        if (want->role == POLICY_CSK) {
            complain("%s: a CSK cannot be offline: keys of the roles ksk and zsk are wanted", rolling_policy);
            return false;
        }
        if (want->role == POLICY_ZSK && !follow(asking, want))
            return false;
    }
    return true;
}

/* ---- the request ---- */

/* The next moment at which the set changes, or its signatures are to be others. */
static int64_t next_after(const struct asking *asking, int64_t now_s)
{
    static const enum key_time events[] = {TIME_PUBLISH, TIME_DELETE};
    const struct policy *policy = &asking->policy;
    int64_t next_s = now_s + policy->signatures_validity_dnskey_s - policy->signatures_refresh_s;
    for (unsigned i = 0; i < asking->keys.count; i++) {
        for (size_t k = 0; k < ARRAY_COUNT(events) && is_zsk(asking->keys.keys[i]); k++) {
            int64_t at_s = asking->keys.keys[i]->times[events[k]];
            if (at_s > now_s && at_s < next_s)
                next_s = at_s;
        }
    }
    return next_s < until_s ? next_s : until_s;
}

/* Each ZSK signs the set: who asks has its private part. */
static enum err prove(struct asking *asking, struct key *key, const struct rrset *set, int64_t at_s,
    int64_t next_s, struct rdata_ref *out)
{
    struct rrsig_terms terms = {.signer = asking->zone,
        .original_ttl = set->ttl,
        .inception = (uint32_t)(at_s - INCEPTION_S),
        .expiration = (uint32_t)next_s};
    struct signing *signing;
    uint8_t rdata[RRSIG_RDATA_MAX];
    size_t len;
    enum err err = signing_new(key, &signing);
    if (err != ERR_OK)
        return err;
    err = sign_rrset(signing, asking->zone, set, &terms, rdata, &len);
    signing_free(signing);
    if (err != ERR_OK)
        return err;
    *out = (struct rdata_ref){(uint8_t *)arena_copy(&asking->bundles.arena, rdata, len), (uint16_t)len};
    return out->bytes != NULL ? ERR_OK : ERR_MEMORY;
}

static enum err add_bundle(struct asking *asking, int64_t at_s, int64_t next_s)
{
    struct rdata_ref records[BUNDLE_RECORDS_MAX], signatures[BUNDLE_RECORDS_MAX];
    struct key *keys[BUNDLE_RECORDS_MAX];
    struct arena *arena = &asking->bundles.arena;
    uint32_t ttl = (uint32_t)asking->policy.dnskey_ttl_s;
    unsigned count = 0;
    for (unsigned i = 0; i < asking->keys.count && count < BUNDLE_RECORDS_MAX; i++) {
        struct key *key = asking->keys.keys[i];
        if (!is_zsk(key) || !key_published_at(key, at_s))
            continue;
        uint8_t *rdata = arena_alloc(arena, DNSKEY_RDATA_MAX, 1);
        if (rdata == NULL)
            return ERR_MEMORY;
        keys[count] = key;
        records[count++] = (struct rdata_ref){rdata, (uint16_t)key_write_dnskey(key, rdata)};
    }
    if (count == 0)
        return ERR_MISSING;
    struct bundle *bundle = bundles_add(&asking->bundles, at_s);
    struct rrset *set = rrset_make(arena, TYPE_DNSKEY, ttl, records, count);
    enum err err = bundle != NULL ? set != NULL ? ERR_OK : ERR_MEMORY : ERR_LIMIT;
    for (unsigned i = 0; i < count && err == ERR_OK; i++)
        err = prove(asking, keys[i], set, at_s, next_s, &signatures[i]);
    if (err == ERR_OK)
        bundle->sets[BUNDLE_DNSKEY] =
            bundle_make_set(arena, TYPE_DNSKEY, ttl, records, count, signatures, count);
    return err == ERR_OK && bundle->sets[BUNDLE_DNSKEY] == NULL ? ERR_MEMORY : err;
}

static enum outcome ask(struct asking *asking)
{
    char time[16];
    asking->bundles.end_s = until_s;
    for (int64_t at_s = from_s; at_s < until_s;) {
        int64_t next_s = next_after(asking, at_s);
        enum err err = add_bundle(asking, at_s, next_s);
        time_print(at_s, time);
        if (err == ERR_MISSING)
            return complain("no ZSK is to be published at %s; signer keygen --zsk, or --policy", time);
        if (err != ERR_OK)
            return complain("the keys from %s on: %s", time, err_text(err));
        at_s = next_s;
    }
    return offline_print(&asking->bundles);
}

static bool check_keys(const struct asking *asking)
{
    for (unsigned i = 0; i < asking->keys.count; i++) {
        const struct key *key = asking->keys.keys[i];
        if (!is_zsk(key) || !roll_manages(key))
            continue;
        complain(
            "key %u is managed by signer roll; with an offline KSK keys go by their times alone", key->tag);
        return false;
    }
    return true;
}

enum outcome request_run(const struct operands *operands)
{
    struct asking asking = {.policy = {.name = ""}};
    enum outcome outcome = OUTCOME_TROUBLE;
    from_s = from_s != 0 ? from_s : clock_now();
    until_s = until_s != 0 ? until_s : from_s + 90 * 86400;
    if (until_s <= from_s)
        return complain("--until is not after --from");
    if (!take_name_value("ZONE", operands->words[0], asking.zone) ||
        !rolling_read_policy(rolling_policy, &asking.policy))
        return OUTCOME_TROUBLE;
    bundles_init(&asking.bundles, BUNDLE_REQUEST, asking.zone);
    if (keystore_load_signing(asking.zone, true, &asking.keys) && check_keys(&asking) && make_keys(&asking))
        outcome = ask(&asking);
    bundles_clear(&asking.bundles);
    key_list_clear(&asking.keys);
    return outcome;
}
