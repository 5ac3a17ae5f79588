/* The top of the chain of trust: the DNSKEY set, who signs it, and whether the parent's DS names such a key.
 */
#include <string.h>

#include "zone/sec/verify.h"
#include "zone/sec/zoneverify_run.h"
#include "zone/wire/type.h"

static void add_algorithm(struct verifying *verifying, uint8_t number)
{
    for (unsigned i = 0; i < verifying->algorithm_count; i++) {
        if (verifying->algorithms[i] == number)
            return;
    }
    if (verifying->algorithm_count < VERIFY_ALGORITHMS_MAX)
        verifying->algorithms[verifying->algorithm_count++] = number;
}

static void take_key(struct verifying *verifying, struct verify_part *part, const struct record *record)
{
    const uint8_t *apex = verifying->snapshot->image->header->apex_name;
    struct key *key;
    enum err err = key_from_dnskey(apex, record->rdata, record->rdata_len, &key);
    if (err == ERR_UNSUPPORTED) {
        verify_tell(part, SEVERITY_WARNING, "dnskey-algorithm", apex, TYPE_DNSKEY,
            "key %u is of algorithm %u, which is not known here: what it signs is not looked at",
            dnskey_tag(record->rdata, record->rdata_len), record->rdata[3]);
        return;
    }
    if (err != ERR_OK || verifying->key_count == VERIFY_KEYS_MAX) {
        verify_tell(part, SEVERITY_ERROR, "dnskey-malformed", apex, TYPE_DNSKEY,
            "the key %u cannot be read: %s", dnskey_tag(record->rdata, record->rdata_len),
            err != ERR_OK ? err_text(err) : "there are too many");
        if (err == ERR_OK)
            key_release(key);
        return;
    }
    verifying->keys[verifying->key_count++] = key;
    if ((key->flags & (KEY_ZONE | KEY_REVOKE)) == KEY_ZONE)
        add_algorithm(verifying, key->algorithm->number);
}

static void tell_collisions(const struct verifying *verifying, struct verify_part *part)
{
    for (unsigned i = 0; i < verifying->key_count; i++) {
        for (unsigned j = 0; j < i; j++) {
            if (verifying->keys[i]->tag == verifying->keys[j]->tag &&
                verifying->keys[i]->algorithm == verifying->keys[j]->algorithm)
                verify_tell(part, SEVERITY_WARNING, "dnskey-tag",
                    verifying->snapshot->image->header->apex_name, TYPE_DNSKEY,
                    "two keys of algorithm %u have the tag %u: validators must try both",
                    verifying->keys[i]->algorithm->number, verifying->keys[i]->tag);
        }
    }
}

/* Does KEY sign the DNSKEY set, at both ends of the interval? */
static bool signs_set(const struct verifying *verifying, struct verify_part *part, const struct key *key,
    const struct rrset *set)
{
    const uint8_t *apex = verifying->snapshot->image->header->apex_name;
    const uint8_t *at = rrset_signatures(set);
    for (unsigned i = 0; i < set->sig_count; i++) {
        struct record record;
        struct rrsig rrsig;
        at = record_read(at, false, &record);
        if (rrsig_read(record.rdata, record.rdata_len, &rrsig) &&
            rrsig_check_time(&rrsig, (uint32_t)verifying->options->to) == VERDICT_VALID &&
            verify_rrset(&part->form, key, apex, set, record.rdata, record.rdata_len,
                (uint32_t)verifying->options->from) == VERDICT_VALID)
            return true;
    }
    return false;
}

/* RFC 5011 2.1: a key is revoked by a set that it signs itself. */
static void tell_revoked(const struct verifying *verifying, struct verify_part *part, const struct rrset *set)
{
    for (unsigned i = 0; i < verifying->key_count; i++) {
        const struct key *key = verifying->keys[i];
        if ((key->flags & KEY_REVOKE) != 0 && !signs_set(verifying, part, key, set))
            verify_tell(part, SEVERITY_WARNING, "dnskey-revoked",
                verifying->snapshot->image->header->apex_name, TYPE_DNSKEY,
                "the key %u is marked as revoked and does not sign the set: nobody takes it for revoked",
                key->tag);
    }
}

static bool is_named(const struct verifying *verifying, const struct key *key)
{
    uint8_t dnskey[DNSKEY_RDATA_MAX];
    size_t len = key_write_dnskey(key, dnskey);
    for (unsigned i = 0; i < verifying->options->ds_count; i++) {
        const struct rdata_ref *ds = &verifying->options->ds[i];
        if (ds_matches(ds->bytes, ds->len, key->owner, dnskey, len))
            return true;
    }
    return false;
}

/* RFC 4035 5.2: a DNSKEY that the DS names, with the ZONE flag and not revoked, signs the set. */
static void verify_anchor(
    const struct verifying *verifying, struct verify_part *part, const struct rrset *set)
{
    const uint8_t *apex = verifying->snapshot->image->header->apex_name;
    bool ds = verifying->options->ds_count > 0, named = false;
    for (unsigned i = 0; i < verifying->key_count; i++) {
        const struct key *key = verifying->keys[i];
        if ((key->flags & (KEY_ZONE | KEY_REVOKE)) != KEY_ZONE || (ds && !is_named(verifying, key)))
            continue;
        named = true;
        if (signs_set(verifying, part, key, set))
            return;
    }
    if (ds && !named)
        verify_tell(part, SEVERITY_ERROR, "ds-mismatch", apex, TYPE_DNSKEY,
            "none of the keys is named by the DS at the parent: validators would refuse the whole zone");
    else
        verify_tell(part, SEVERITY_ERROR, "dnskey-unsigned", apex, TYPE_DNSKEY,
            ds ? "the key that the DS at the parent names does not sign the DNSKEY set"
               : "no key of the set signs it");
}

bool verify_keys(struct verifying *verifying, struct verify_part *part)
{
    const struct rrset *set = node_rrset(verifying->snapshot->apex, TYPE_DNSKEY);
    const uint8_t *apex = verifying->snapshot->image->header->apex_name;
    if (set == NULL || set->count == 0) {
        verify_tell(
            part, SEVERITY_ERROR, "dnskey-missing", apex, 0, "there is no DNSKEY: the zone is not signed");
        return false;
    }
    const uint8_t *at = set->data;
    for (unsigned i = 0; i < set->count; i++) {
        struct record record;
        at = record_read(at, false, &record);
        take_key(verifying, part, &record);
    }
    if (verifying->key_count == 0) {
        verify_tell(part, SEVERITY_ERROR, "dnskey-missing", apex, TYPE_DNSKEY, "no key can be used here");
        return false;
    }
    tell_collisions(verifying, part);
    tell_revoked(verifying, part, set);
    verify_anchor(verifying, part, set);
    return true;
}
