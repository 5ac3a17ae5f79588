/* The side of the KSKs signs what was asked for, and takes what was signed. */
#include <stdlib.h>
#include <string.h>

#include "signer/keystore.h"
#include "signer/offline.h"
#include "signer/rolling.h"
#include "zone/base/file.h"
#include "zone/sec/assign.h"
#include "zone/sec/rollkeys.h"
#include "zone/sec/sign.h"
#include "zone/wire/type.h"

#define INCEPTION_S 3600

static const char *expected;

const struct option_row respond_rows[] = {
    KEYSTORE_ROW,
    POLICY_ROW,
    {0, "expect", "SHA256", "sign only the request with this digest", NULL, &expected, NULL},
    NOW_ROW,
    SECRET_ROWS,
    {0},
};

const struct option_row take_rows[] = {
    KEYSTORE_ROW,
    NOW_ROW,
    SECRET_ROWS,
    {0},
};

struct responding {
    struct bundles asked, made;
    struct policy policy;
    struct key_list keys;
};

struct list {
    struct rdata_ref refs[BUNDLE_RECORDS_MAX];
    unsigned count;
};

/* ---- one interval ---- */

static enum err add(struct list *list, struct arena *arena, const uint8_t *bytes, size_t len)
{
    if (list->count == BUNDLE_RECORDS_MAX)
        return ERR_LIMIT;
    uint8_t *copy = (uint8_t *)arena_copy(arena, bytes, len);
    if (copy == NULL)
        return ERR_MEMORY;
    list->refs[list->count++] = (struct rdata_ref){copy, (uint16_t)len};
    return ERR_OK;
}

/* The ZSKs of the request, and our keys with their CDS and CDNSKEY. */
static enum err gather(struct responding *work, const struct bundle *asked, const struct zonesign_key *keys,
    unsigned count, struct list sets[BUNDLE_SETS])
{
    struct arena *arena = &work->made.arena;
    const uint8_t *at = asked->sets[BUNDLE_DNSKEY]->data;
    const struct ds_digest *digest = ds_digest_find(work->policy.cds_digest);
    enum err err = ERR_OK;
    for (unsigned i = 0; i < asked->sets[BUNDLE_DNSKEY]->count && err == ERR_OK; i++) {
        struct record record;
        at = record_read(at, false, &record);
        err = add(&sets[BUNDLE_DNSKEY], arena, record.rdata, record.rdata_len);
    }
    for (unsigned i = 0; i < count && err == ERR_OK; i++) {
        uint8_t dnskey[DNSKEY_RDATA_MAX], ds[DS_RDATA_MAX];
        size_t len = key_write_dnskey(keys[i].key, dnskey);
        if (keys[i].publish)
            err = add(&sets[BUNDLE_DNSKEY], arena, dnskey, len);
        if (err == ERR_OK && keys[i].sync && digest != NULL)
            err = add(&sets[BUNDLE_CDS], arena, ds, key_write_ds(keys[i].key, digest, ds));
        if (err == ERR_OK && keys[i].sync && work->policy.cdnskey)
            err = add(&sets[BUNDLE_CDNSKEY], arena, dnskey, len);
    }
    return err;
}

static enum err sign_with(struct responding *work, struct key *key, const struct rrset *set,
    const struct rrsig_terms *terms, struct list *signatures)
{
    struct signing *signing;
    uint8_t rdata[RRSIG_RDATA_MAX], dnskey[DNSKEY_RDATA_MAX];
    size_t len;
    enum err err = signing_new(key, &signing);
    if (err != ERR_OK)
        return err;
    err = signing_prove(signing, dnskey, key_write_dnskey(key, dnskey));
    if (err == ERR_OK)
        err = sign_rrset(signing, work->made.zone, set, terms, rdata, &len);
    signing_free(signing);
    return err == ERR_OK ? add(signatures, &work->made.arena, rdata, len) : err;
}

/* Signatures last until the next set is there, and as long after that as the signer may be late. */
static enum err respond_to(struct responding *work, const struct bundle *asked, int64_t at_s, int64_t next_s)
{
    static const uint16_t types[BUNDLE_SETS] = {TYPE_DNSKEY, TYPE_CDS, TYPE_CDNSKEY};
    struct zonesign_key keys[ZONESIGN_KEYS_MAX];
    struct list sets[BUNDLE_SETS] = {{.count = 0}};
    struct arena *arena = &work->made.arena;
    unsigned count = keys_assign(&work->keys, at_s, keys);
    uint32_t ttl = asked->sets[BUNDLE_DNSKEY]->ttl;
    struct rrsig_terms terms = {.signer = work->made.zone,
        .original_ttl = ttl,
        .inception = (uint32_t)(at_s - INCEPTION_S),
        .expiration = (uint32_t)(next_s + work->policy.signatures_refresh_s)};
    enum err err = gather(work, asked, keys, count, sets);
    struct bundle *bundle = err == ERR_OK ? bundles_add(&work->made, at_s) : NULL;
    if (bundle == NULL)
        return err != ERR_OK ? err : ERR_LIMIT;
    for (unsigned i = 0; i < BUNDLE_SETS && err == ERR_OK; i++) {
        struct list signatures = {.count = 0};
        if (sets[i].count == 0)
            continue;
        struct rrset *set = rrset_make(arena, types[i], ttl, sets[i].refs, sets[i].count);
        err = set != NULL ? ERR_OK : ERR_MEMORY;
        for (unsigned k = 0; k < count && err == ERR_OK; k++)
            if (keys[k].sign_keys)
                err = sign_with(work, keys[k].key, set, &terms, &signatures);
        if (err == ERR_OK && signatures.count == 0)
            return ERR_MISSING;
        if (err == ERR_OK)
            bundle->sets[i] = bundle_make_set(
                arena, types[i], ttl, sets[i].refs, sets[i].count, signatures.refs, signatures.count);
        if (err == ERR_OK && bundle->sets[i] == NULL)
            err = ERR_MEMORY;
    }
    return err;
}

/* ---- all of them ---- */

/* Our own keys come and go within what was asked for as one. */
static int64_t next_event(const struct responding *work, int64_t at_s, int64_t next_s)
{
    for (unsigned i = 0; i < work->keys.count; i++)
        for (unsigned time = TIME_PUBLISH; time < KEY_TIMES; time++) {
            int64_t event_s = work->keys.keys[i]->times[time];
            if (event_s > at_s && event_s < next_s)
                next_s = event_s;
        }
    return next_s;
}

static enum outcome tell(int64_t at_s, enum err err)
{
    char time[16];
    time_print(at_s, time);
    if (err == ERR_MISSING) {
        complain("no KSK signs at %s; signer keygen --ksk, or settime", time);
        return OUTCOME_REFUSED;
    }
    return complain("the keys from %s on: %s", time, err_text(err));
}

static enum outcome respond_all(struct responding *work)
{
    const struct bundles *asked = &work->asked;
    int64_t most_s = work->policy.signatures_validity_dnskey_s - work->policy.signatures_refresh_s;
    work->made.end_s = asked->end_s;
    for (unsigned i = 0; i < asked->count; i++) {
        int64_t until_s = bundle_until(asked, i);
        char time[16];
        time_print(asked->list[i].from_s, time);
        if (until_s - asked->list[i].from_s > most_s) {
            complain(
                "the keys from %s on would be signed for longer than the policy's signatures-validity-dnskey",
                time);
            return OUTCOME_REFUSED;
        }
        for (int64_t at_s = asked->list[i].from_s; at_s < until_s;) {
            int64_t next_s = next_event(work, at_s, until_s);
            enum err err = respond_to(work, &asked->list[i], at_s, next_s);
            if (err != ERR_OK)
                return tell(at_s, err);
            at_s = next_s;
        }
    }
    return offline_print(&work->made);
}

static bool check_request(const char *path, const struct responding *work, const char *digest)
{
    struct keyfile_trouble trouble;
    if (expected != NULL && strcasecmp(expected, digest) != 0) {
        complain("%s: is not what --expect says: its SHA-256 is %s", path, digest);
        return false;
    }
    enum err err = bundles_check_request(&work->asked, &trouble);
    if (err == ERR_OK)
        return true;
    complain("%s: %s", path, err == ERR_INVALID ? trouble.message : err_text(err));
    return false;
}

static bool check_keys(const struct responding *work)
{
    for (unsigned i = 0; i < work->keys.count; i++) {
        if (!roll_manages(work->keys.keys[i]))
            continue;
        complain("key %u is managed by signer roll; with an offline KSK keys go by their times alone",
            work->keys.keys[i]->tag);
        return false;
    }
    return true;
}

enum outcome respond_run(const struct operands *operands)
{
    struct responding work = {.keys = {.count = 0}};
    char digest[OFFLINE_DIGEST_MAX];
    const char *path = operands->words[0];
    enum outcome outcome = OUTCOME_REFUSED;
    if (!rolling_read_policy(rolling_policy, &work.policy) ||
        !offline_read(path, BUNDLE_REQUEST, &work.asked, digest))
        return OUTCOME_TROUBLE;
    bundles_init(&work.made, BUNDLE_RESPONSE, work.asked.zone);
    if (check_request(path, &work, digest))
        outcome = keystore_load_signing(work.asked.zone, false, &work.keys) && check_keys(&work)
                      ? respond_all(&work)
                      : OUTCOME_TROUBLE;
    bundles_clear(&work.asked);
    bundles_clear(&work.made);
    key_list_clear(&work.keys);
    return outcome;
}

/* ---- taking ---- */

static enum outcome keep(const struct bundles *bundles, const struct key_list *keys)
{
    char path[OFFLINE_PATH_MAX], from[16], until[16], *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    if (out == NULL)
        return complain("out of memory");
    bundles_print(bundles, out);
    enum err err = fclose(out) == 0 ? ERR_OK : ERR_MEMORY;
    offline_path(keys, path);
    if (err == ERR_OK)
        err = file_replace(path, text, len, 0644);
    free(text);
    if (err != ERR_OK)
        return complain_of(path, err);
    time_print(bundles->list[0].from_s, from);
    time_print(bundles->end_s, until);
    printf("%s: %u DNSKEY sets, from %s to %s\n", path, bundles->count, from, until);
    return OUTCOME_GOOD;
}

static enum outcome check_and_keep(
    const char *path, const struct bundles *bundles, const struct key_list *keys)
{
    struct keyfile_trouble trouble;
    if (keys->count == 0)
        return complain("there is no key of the zone in %s", keystore_directory);
    enum err err = bundles_check_response(bundles, keys, &trouble);
    if (err == ERR_INVALID) {
        complain("%s: not taken: %s", path, trouble.message);
        return OUTCOME_REFUSED;
    }
    if (err != ERR_OK)
        return complain_of(path, err);
    if (bundles->end_s > clock_now())
        return keep(bundles, keys);
    complain("%s: not taken: all of it is in the past", path);
    return OUTCOME_REFUSED;
}

enum outcome take_run(const struct operands *operands)
{
    struct bundles bundles;
    struct key_list keys = {0};
    char digest[OFFLINE_DIGEST_MAX];
    enum outcome outcome = OUTCOME_TROUBLE;
    if (!offline_read(operands->words[0], BUNDLE_RESPONSE, &bundles, digest))
        return OUTCOME_TROUBLE;
    if (keystore_load(bundles.zone, false, &keys))
        outcome = check_and_keep(operands->words[0], &bundles, &keys);
    key_list_clear(&keys);
    bundles_clear(&bundles);
    return outcome;
}
