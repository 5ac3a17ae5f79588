/* Whether requests and responses are what they say. */
#include <stdarg.h>
#include <string.h>

#include "zone/sec/bundle.h"
#include "zone/sec/verify.h"
#include "zone/wire/type.h"

/* The check of one file: the keys that may vouch for a DNSKEY set grow on the way. */
struct checking {
    const struct bundles *bundles;
    const struct key_list *keys;
    unsigned at;
    struct key_list set, trusted;
    struct rrset_form form;
    struct keyfile_trouble *trouble;
};

static enum err refuse(struct checking *checking, const char *format, ...) PRINTF(2, 3);

static enum err refuse(struct checking *checking, const char *format, ...)
{
    char time[16];
    va_list rest;
    time_print(checking->bundles->list[checking->at].from_s, time);
    int len = snprintf(
        checking->trouble->message, sizeof checking->trouble->message, "the keys from %s on: ", time);
    va_start(rest, format);
    vsnprintf(
        checking->trouble->message + len, sizeof checking->trouble->message - (size_t)len, format, rest);
    va_end(rest);
    return ERR_INVALID;
}

static struct key *find_same(const struct key_list *list, const struct key *key)
{
    for (unsigned i = 0; i < list->count; i++)
        if (key_same(list->keys[i], key))
            return list->keys[i];
    return NULL;
}

/* The DNSKEYs of a bundle as keys. */
static enum err read_keys(struct checking *checking, const struct rrset *set)
{
    const uint8_t *at = set->data;
    key_list_clear(&checking->set);
    for (unsigned i = 0; i < set->count; i++) {
        struct record record;
        struct key *key;
        at = record_read(at, false, &record);
        enum err err = key_from_dnskey(checking->bundles->zone, record.rdata, record.rdata_len, &key);
        if (err != ERR_OK)
            return refuse(checking, "a DNSKEY is malformed or of no known algorithm");
        if ((err = key_list_add(&checking->set, key)) != ERR_OK)
            return err;
    }
    return ERR_OK;
}

/* Does one of the set's signatures, by KEY, verify over the whole interval? Signatures by KEY that do not are
 * told. */
static enum err verify_by(
    struct checking *checking, const struct rrset *set, const struct key *key, bool *signs)
{
    const uint8_t *at = rrset_signatures(set), *zone = checking->bundles->zone;
    int64_t from_s = checking->bundles->list[checking->at].from_s;
    uint32_t last = (uint32_t)(bundle_until(checking->bundles, checking->at) - 1);
    *signs = false;
    for (unsigned i = 0; i < set->sig_count; i++) {
        struct record record;
        struct rrsig rrsig;
        at = record_read(at, false, &record);
        if (!rrsig_read(record.rdata, record.rdata_len, &rrsig))
            return refuse(checking, "a signature is malformed");
        if (rrsig.tag != key->tag || rrsig.algorithm != key->algorithm->number)
            continue;
        enum verdict verdict =
            verify_rrset(&checking->form, key, zone, set, record.rdata, record.rdata_len, (uint32_t)from_s);
        if (verdict == VERDICT_VALID)
            verdict = rrsig_check_time(&rrsig, last);
        if (verdict == VERDICT_VALID && rrsig.original_ttl != set->ttl)
            verdict = VERDICT_TTL;
        if (verdict != VERDICT_VALID)
            return refuse(checking, "the signature of key %u: %s", key->tag, verdict_text(verdict));
        *signs = true;
    }
    return ERR_OK;
}

/* No signature may be of a key that is not in the set: nobody could use it. */
static enum err know_signers(struct checking *checking, const struct rrset *set)
{
    const uint8_t *at = rrset_signatures(set);
    for (unsigned i = 0; i < set->sig_count; i++) {
        struct record record;
        struct rrsig rrsig;
        bool known = false;
        at = record_read(at, false, &record);
        if (!rrsig_read(record.rdata, record.rdata_len, &rrsig))
            return refuse(checking, "a signature is malformed");
        for (unsigned k = 0; k < checking->set.count; k++)
            known |= checking->set.keys[k]->tag == rrsig.tag &&
                     checking->set.keys[k]->algorithm->number == rrsig.algorithm;
        if (!known)
            return refuse(checking, "a signature is by key %u, which is not in the DNSKEY set", rrsig.tag);
    }
    return ERR_OK;
}

static enum err open_bundle(struct checking *checking)
{
    const struct rrset *set = checking->bundles->list[checking->at].sets[BUNDLE_DNSKEY];
    enum err err = read_keys(checking, set);
    return err == ERR_OK ? know_signers(checking, set) : err;
}

static enum err run(struct checking *checking, enum err (*check)(struct checking *checking))
{
    enum err err = ERR_OK;
    *checking->trouble = (struct keyfile_trouble){0};
    rrset_form_init(&checking->form);
    for (checking->at = 0; checking->at < checking->bundles->count && err == ERR_OK; checking->at++) {
        err = open_bundle(checking);
        if (err == ERR_OK)
            err = check(checking);
        if (err != ERR_OK)
            break;
    }
    rrset_form_clear(&checking->form);
    key_list_clear(&checking->set);
    key_list_clear(&checking->trusted);
    return err;
}

/* ---- requests ---- */

static enum err check_asked(struct checking *checking)
{
    const struct rrset *set = checking->bundles->list[checking->at].sets[BUNDLE_DNSKEY];
    for (unsigned i = 0; i < checking->set.count; i++) {
        const struct key *key = checking->set.keys[i];
        bool signs;
        if ((key->flags & (KEY_ZONE | KEY_SEP | KEY_REVOKE)) != KEY_ZONE)
            return refuse(checking, "key %u is no zone-signing key", key->tag);
        enum err err = verify_by(checking, set, key, &signs);
        if (err != ERR_OK)
            return err;
        if (!signs)
            return refuse(
                checking, "key %u has not signed: who asks may not have its private part", key->tag);
    }
    return ERR_OK;
}

enum err bundles_check_request(const struct bundles *bundles, struct keyfile_trouble *trouble)
{
    struct checking checking = {.bundles = bundles, .trouble = trouble};
    return run(&checking, check_asked);
}

/* ---- responses ---- */

static bool is_trusted(const struct checking *checking, const struct key *key)
{
    const struct key *ours = find_same(checking->keys, key);
    return (ours != NULL && (ours->flags & KEY_SEP) != 0) || find_same(&checking->trusted, key) != NULL;
}

/* A key that signs a set which a trusted key has signed, too, may sign the next ones: so a KSK is replaced.
 */
static enum err check_chain(struct checking *checking, const struct rrset *set)
{
    bool vouched = false;
    for (unsigned i = 0; i < checking->set.count; i++) {
        bool signs;
        enum err err = verify_by(checking, set, checking->set.keys[i], &signs);
        if (err != ERR_OK)
            return err;
        vouched |= signs && is_trusted(checking, checking->set.keys[i]);
    }
    if (!vouched)
        return refuse(checking, "no KSK signs them that is known here: its .key file is wanted here");
    for (unsigned i = 0; i < checking->set.count; i++) {
        struct key *key = checking->set.keys[i];
        if ((key->flags & KEY_SEP) == 0 || find_same(&checking->trusted, key) != NULL)
            continue;
        enum err err = key_list_add(&checking->trusted, key_hold(key));
        if (err != ERR_OK)
            return err;
    }
    return ERR_OK;
}

static enum err check_zsks(struct checking *checking)
{
    int64_t from_s = checking->bundles->list[checking->at].from_s;
    for (unsigned i = 0; i < checking->set.count; i++) {
        const struct key *key = checking->set.keys[i];
        if ((key->flags & KEY_SEP) == 0 && find_same(checking->keys, key) == NULL)
            return refuse(checking, "key %u was not asked for: it is none of the keys here", key->tag);
    }
    for (unsigned i = 0; i < checking->keys->count; i++) {
        const struct key *key = checking->keys->keys[i];
        if (!key->foreign && (key->flags & KEY_SEP) == 0 && key_published_at(key, from_s) &&
            find_same(&checking->set, key) == NULL)
            return refuse(checking, "key %u is to be published then, and is not among them", key->tag);
    }
    return ERR_OK;
}

static enum err check_signed(struct checking *checking)
{
    const struct bundle *bundle = &checking->bundles->list[checking->at];
    enum err err = check_chain(checking, bundle->sets[BUNDLE_DNSKEY]);
    for (unsigned i = BUNDLE_CDS; i < BUNDLE_SETS && err == ERR_OK; i++) {
        bool any = false, signs = false;
        if (bundle->sets[i] == NULL)
            continue;
        err = know_signers(checking, bundle->sets[i]);
        for (unsigned k = 0; k < checking->set.count && err == ERR_OK; k++) {
            err = verify_by(checking, bundle->sets[i], checking->set.keys[k], &signs);
            any |= signs;
        }
        if (err == ERR_OK && !any)
            err = refuse(checking, "CDS or CDNSKEY are not signed");
    }
    return err == ERR_OK ? check_zsks(checking) : err;
}

enum err bundles_check_response(
    const struct bundles *bundles, const struct key_list *keys, struct keyfile_trouble *trouble)
{
    struct checking checking = {.bundles = bundles, .keys = keys, .trouble = trouble};
    return run(&checking, check_signed);
}
