/* Keys, their digests, and what says how a zone is denied: the records, without cryptography. */
#include <stdio.h>
#include <string.h>

#include "zone/check/visit.h"
#include "zone/sec/key.h"
#include "zone/wire/type.h"

enum usable { ALGORITHM_FINE, ALGORITHM_DEPRECATED, ALGORITHM_UNKNOWN };

/* IANA "DNS Security Algorithm Numbers"; RFC 8624 3.1, RFC 9905 (RSA/SHA-1), RFC 9906 (GOST). */
static enum usable algorithm_use(uint8_t algorithm)
{
    static const uint8_t fine[] = {8, 10, 13, 14, 15, 16, 17, 23, 253, 254};
    static const uint8_t deprecated[] = {1, 3, 5, 6, 7, 12};
    if (memchr(fine, algorithm, sizeof fine) != NULL)
        return ALGORITHM_FINE;
    return memchr(deprecated, algorithm, sizeof deprecated) != NULL ? ALGORITHM_DEPRECATED
                                                                    : ALGORITHM_UNKNOWN;
}

/* IANA "Digest Algorithms": 1 SHA-1 and 3 GOST must not be made any more (RFC 8624 3.3, RFC 9906). */
static enum usable digest_use(uint8_t digest)
{
    static const uint8_t fine[] = {2, 4, 5, 6};
    if (memchr(fine, digest, sizeof fine) != NULL)
        return ALGORITHM_FINE;
    return digest == 1 || digest == 3 ? ALGORITHM_DEPRECATED : ALGORITHM_UNKNOWN;
}

/* Is there a digest of the same key that validators prefer (RFC 4509 3)? */
static bool has_better(const struct visit *visit, const struct gathered_set *set, const uint8_t *ds)
{
    VISIT_EACH(visit, set, record)
    {
        const uint8_t *rdata = record->record->rdata;
        if (memcmp(rdata, ds, 3) == 0 && digest_use(rdata[3]) == ALGORITHM_FINE)
            return true;
    }
    return false;
}

void visit_ds(struct visit *visit, const struct gathered_set *set)
{
    VISIT_EACH(visit, set, record)
    {
        const uint8_t *rdata = record->record->rdata;
        enum usable algorithm = algorithm_use(rdata[2]), digest = digest_use(rdata[3]);
        if (algorithm == ALGORITHM_UNKNOWN)
            TELL(visit, "ds-algorithm-unknown", record, PART_DATA + 1, "the DS has the unknown algorithm %u",
                rdata[2]);
        else if (rdata[2] == 5 || rdata[2] == 7)
            TELL(visit, "ds-algorithm-sha1", record, PART_DATA + 1,
                "the DS is of a RSA/SHA-1 key (algorithm %u)", rdata[2]);
        else if (algorithm == ALGORITHM_DEPRECATED)
            TELL(visit, "ds-algorithm-deprecated", record, PART_DATA + 1,
                "the DS has the deprecated algorithm %u", rdata[2]);
        if (digest == ALGORITHM_UNKNOWN)
            TELL(visit, "ds-digest-unknown", record, PART_DATA + 2, "the DS has the unknown digest type %u",
                rdata[3]);
        else if (digest == ALGORITHM_DEPRECATED && has_better(visit, set, rdata))
            TELL(visit, "ds-digest-sha1", record, PART_DATA + 2,
                "a deprecated digest (type %u) beside a better one", rdata[3]);
        else if (digest == ALGORITHM_DEPRECATED)
            TELL(visit, "ds-digest-deprecated", record, PART_DATA + 2,
                "the DS has a deprecated digest (type %u)", rdata[3]);
    }
}

/* ---- DNSKEY ---- */

/* RFC 4034 B. */
static uint16_t key_tag(const struct tape_record *key)
{
    uint32_t sum = 0;
    for (unsigned i = 0; i < key->rdata_len; i++)
        sum += (i & 1) != 0 ? key->rdata[i] : (uint32_t)key->rdata[i] << 8;
    return (uint16_t)(sum + (sum >> 16));
}

static bool is_rsa(uint8_t algorithm)
{
    return algorithm == 5 || algorithm == 7 || algorithm == 8 || algorithm == 10;
}

/* Bits of the modulus (RFC 3110 2); 0 when the key is malformed. */
static unsigned rsa_bits(const struct tape_record *key)
{
    if (key->rdata_len < 6)
        return 0;
    const uint8_t *at = key->rdata + 4;
    size_t len = key->rdata_len - 4u, exponent = at[0], head = 1;
    if (exponent == 0) {
        if (len < 3)
            return 0;
        exponent = visit_read16(at + 1);
        head = 3;
    }
    if (len <= head + exponent)
        return 0;
    const uint8_t *modulus = at + head + exponent, *end = at + len;
    while (modulus < end && *modulus == 0)
        modulus++;
    if (modulus == end)
        return 0;
    return (unsigned)(end - modulus) * 8 - (unsigned)__builtin_clz(*modulus) + 24;
}

/* RFC 3110 2: leading zero octets are prohibited in exponent and modulus. The key is well formed. */
static bool rsa_has_zeros(const struct tape_record *key)
{
    const uint8_t *at = key->rdata + 4;
    size_t head = *at == 0 ? 3 : 1, exponent = *at == 0 ? visit_read16(at + 1) : *at;
    return at[head] == 0 || at[head + exponent] == 0;
}

static void check_key(struct visit *visit, const struct gathered_record *key)
{
    const uint8_t *rdata = key->record->rdata;
    unsigned flags = visit_read16(rdata);
    enum usable use = algorithm_use(rdata[3]);
    if ((flags & 256) == 0 || (flags & ~0x181u) != 0)
        TELL(visit, "dnskey-flags", key, PART_DATA, "the key has the flags %u%s", flags,
            (flags & 256) == 0 ? ": it is no zone key" : "");
    if (use != ALGORITHM_FINE)
        TELL(visit, "dnskey-algorithm", key, PART_DATA + 2, "the key has the %s algorithm %u",
            use == ALGORITHM_UNKNOWN ? "unknown" : "deprecated", rdata[3]);
    if (!is_rsa(rdata[3]))
        return;
    unsigned bits = rsa_bits(key->record);
    if (bits == 0)
        TELL(visit, "dnskey-fields", key, PART_DATA + 3, "the key is no RSA key (RFC 3110 2)");
    else if (rsa_has_zeros(key->record))
        TELL(visit, "dnskey-zeros", key, PART_DATA + 3, "a zero octet leads in the exponent or the modulus");
    else if (bits < 1024)
        TELL(visit, "dnskey-short", key, PART_DATA + 3, "the RSA key has %u bits", bits);
}

static void check_tags(struct visit *visit, const struct gathered_set *set)
{
    VISIT_EACH(visit, set, a)
    {
        for (const struct gathered_record *b = visit_next(visit, set, a); b != NULL;
             b = visit_next(visit, set, b)) {
            if (a->record->rdata[3] == b->record->rdata[3] && key_tag(a->record) == key_tag(b->record))
                TELL(visit, "dnskey-tag-collision", b, PART_DATA + 3, "two keys have the tag %u",
                    key_tag(b->record));
        }
    }
}

void visit_dnskey(struct visit *visit, const struct gathered_set *set)
{
    const struct gathered_record *first = &visit->gathered->records[set->from];
    bool sep = false;
    if (!visit->place->apex)
        TELL(visit, "dnskey-not-apex", first, PART_TYPE, "a DNSKEY below the apex");
    VISIT_EACH(visit, set, key)
    {
        if (key->record->rdata_len < 4)
            continue;
        sep |= (key->record->rdata[1] & 1) != 0;
        check_key(visit, key);
    }
    if (!sep && visit->place->apex)
        TELL(visit, "dnskey-no-sep", first, PART_DATA, "no key has the flag for secure entry points");
    check_tags(visit, set);
}

/* ---- CDS, CDNSKEY (RFC 7344, RFC 8078) ---- */

static bool is_delete(const struct gathered_record *record)
{
    static const uint8_t cds[] = {0, 0, 0, 0, 0}, cdnskey[] = {0, 0, 3, 0, 0};
    return record->record->rdata_len == 5 &&
           memcmp(record->record->rdata, record->type == TYPE_CDS ? cds : cdnskey, 5) == 0;
}

/* Algorithm 0 is for the request to delete alone. */
static bool is_meant_as_delete(const struct gathered_record *record)
{
    return record->record->rdata_len >= 4 && record->record->rdata[record->type == TYPE_CDS ? 2 : 3] == 0;
}

void visit_cds(struct visit *visit, const struct gathered_set *set)
{
    const char *type = set->type == TYPE_CDS ? "CDS" : "CDNSKEY";
    if (!visit->place->apex)
        TELL(visit, "cds-not-apex", &visit->gathered->records[set->from], PART_TYPE, "%s below the apex",
            type);
    VISIT_EACH(visit, set, record)
    {
        if (!is_meant_as_delete(record))
            continue;
        if (!is_delete(record))
            TELL(visit, "cds-delete", record, PART_DATA, "a %s of algorithm 0 that is no request to delete",
                type);
        else if (set->count > 1)
            TELL(visit, "cds-delete", record, PART_DATA, "a request to delete beside other %s", type);
    }
}

static bool has_key(
    const struct visit *visit, const struct gathered_set *keys, uint16_t tag, uint8_t algorithm)
{
    if (keys == NULL)
        return false;
    VISIT_EACH(visit, keys, key)
    {
        if (key->record->rdata_len > 4 && key->record->rdata[3] == algorithm && key_tag(key->record) == tag)
            return true;
    }
    return false;
}

/* Is the CDS the digest of none of the keys that it may mean (RFC 7344 4.1)? Unknown digests are left alone.
 */
static bool is_wrong_digest(
    const struct visit *visit, const struct gathered_record *cds, const struct gathered_set *keys)
{
    const uint8_t *rdata = cds->record->rdata;
    bool meant = false;
    if (rdata[3] != 1 && rdata[3] != 2 && rdata[3] != 4)
        return false;
    VISIT_EACH(visit, keys, key)
    {
        const struct tape_record *record = key->record;
        if (record->rdata[3] != rdata[2] || key_tag(record) != visit_read16(rdata))
            continue;
        if (ds_matches(rdata, cds->record->rdata_len, visit->place->owner, record->rdata, record->rdata_len))
            return false;
        meant = true;
    }
    return meant;
}

static void tell_digest(struct visit *visit, const struct gathered_record *record, bool cdnskey, uint16_t tag)
{
    if (cdnskey)
        TELL(visit, "cds-cdnskey-differ", record, PART_DATA + 3, "not the digest of the CDNSKEY %u", tag);
    else
        TELL(visit, "cds-without-dnskey", record, PART_DATA + 3, "not the digest of the DNSKEY %u", tag);
}

static void check_cds(struct visit *visit, const struct gathered_set *set, const struct gathered_set *keys,
    const struct gathered_set *others, bool cds)
{
    VISIT_EACH(visit, set, record)
    {
        const uint8_t *rdata = record->record->rdata;
        bool deletes = is_meant_as_delete(record);
        if (record->record->rdata_len < 5)
            continue;
        uint16_t tag = cds ? visit_read16(rdata) : key_tag(record->record);
        uint8_t algorithm = cds ? rdata[2] : rdata[3];
        if (!deletes && keys != NULL && !has_key(visit, keys, tag, algorithm))
            TELL(visit, "cds-without-dnskey", record, PART_DATA,
                "no key of the zone has tag %u and algorithm %u", tag, algorithm);
        if (cds && others != NULL && !deletes && !has_key(visit, others, tag, algorithm))
            TELL(visit, "cds-cdnskey-differ", record, PART_DATA, "no CDNSKEY has tag %u and algorithm %u",
                tag, algorithm);
        const struct gathered_set *digested = others != NULL ? others : keys;
        if (cds && !deletes && digested != NULL && is_wrong_digest(visit, record, digested))
            tell_digest(visit, record, others != NULL, tag);
        if (cds && others != NULL && deletes && !is_delete(&visit->gathered->records[others->from]))
            TELL(visit, "cds-cdnskey-differ", record, PART_DATA, "CDS asks to delete, CDNSKEY does not");
    }
}

static void check_cdnskey(
    struct visit *visit, const struct gathered_set *cdnskey, const struct gathered_set *cds)
{
    VISIT_EACH(visit, cdnskey, key)
    {
        bool found = is_meant_as_delete(key);
        VISIT_EACH(visit, cds, record)
        found |= visit_read16(record->record->rdata) == key_tag(key->record);
        if (!found)
            TELL(visit, "cds-cdnskey-differ", key, PART_DATA, "no CDS has the tag %u of this CDNSKEY",
                key_tag(key->record));
    }
}

/* ---- denial ---- */

void visit_nsec3param(struct visit *visit, const struct gathered_set *set)
{
    if (!visit->place->apex)
        return;
    VISIT_EACH(visit, set, record)
    {
        const uint8_t *rdata = record->record->rdata;
        if (rdata[0] != 1 || rdata[1] != 0)
            TELL(visit, "nsec3param-fields", record, PART_DATA + (rdata[0] == 1), "NSEC3PARAM with %s %u",
                rdata[0] != 1 ? "the unknown algorithm" : "the flags", rdata[0] != 1 ? rdata[0] : rdata[1]);
    }
    if (set->count > 1)
        TELL(visit, "nsec3param-multiple", visit_next(visit, set, visit_next(visit, set, NULL)), PART_TYPE,
            "the zone has %u NSEC3PARAM records", set->count);
}

void visit_nsec(struct visit *visit, const struct gathered_set *set)
{
    visit_see(visit, SEEN_NSEC, &visit->gathered->records[set->from]);
    if (set->count > 1)
        TELL(visit, "nsec-multiple", visit_next(visit, set, visit_next(visit, set, NULL)), PART_TYPE,
            "the name has %u NSEC records", set->count);
}

/* RFC 8976 2.2, 4. */
void visit_zonemd(struct visit *visit, const struct gathered_set *set)
{
    const struct gathered_set *soa = visit_set(visit->gathered, TYPE_SOA);
    VISIT_EACH(visit, set, record)
    {
        const uint8_t *rdata = record->record->rdata;
        const struct tape_record *soa_record =
            soa != NULL ? visit->gathered->records[soa->from].record : NULL;
        if (rdata[4] != 1 || rdata[5] < 1 || rdata[5] > 2)
            TELL(visit, "zonemd-fields", record, PART_DATA + (rdata[4] != 1 ? 1u : 2u),
                "ZONEMD with the unknown %s %u", rdata[4] != 1 ? "scheme" : "hash",
                rdata[4] != 1 ? rdata[4] : rdata[5]);
        if (soa_record != NULL &&
            visit_read32(rdata) != visit_read32(soa_record->rdata + soa_record->rdata_len - 20))
            TELL(visit, "zonemd-serial", record, PART_DATA, "ZONEMD of serial %u, the SOA has %u",
                visit_read32(rdata), visit_read32(soa_record->rdata + soa_record->rdata_len - 20));
        for (const struct gathered_record *b = visit_next(visit, set, record); b != NULL;
             b = visit_next(visit, set, b)) {
            if (memcmp(rdata + 4, b->record->rdata + 4, 2) == 0)
                TELL(visit, "zonemd-fields", b, PART_DATA + 1, "a second ZONEMD of scheme %u and hash %u",
                    rdata[4], rdata[5]);
        }
    }
}

/* RFC 5155 2: these keys promise NSEC. */
static void check_denial(
    struct visit *visit, const struct gathered_set *keys, const struct gathered_set *param)
{
    VISIT_EACH(visit, keys, key)
    {
        uint8_t algorithm = key->record->rdata_len >= 4 ? key->record->rdata[3] : 0;
        if (param != NULL && (algorithm == 1 || algorithm == 3 || algorithm == 5))
            TELL(visit, "nsec3-algorithm", key, PART_DATA + 2, "a key of algorithm %u in a zone with NSEC3",
                algorithm);
    }
}

void visit_apex_keys(struct visit *visit)
{
    const struct gathered_set *keys = visit_set(visit->gathered, TYPE_DNSKEY);
    const struct gathered_set *cds = visit_set(visit->gathered, TYPE_CDS);
    const struct gathered_set *cdnskey = visit_set(visit->gathered, TYPE_CDNSKEY);
    if (cds != NULL)
        check_cds(visit, cds, keys, cdnskey, true);
    if (cdnskey != NULL)
        check_cds(visit, cdnskey, keys, cds, false);
    if (cds != NULL && cdnskey != NULL)
        check_cdnskey(visit, cdnskey, cds);
    else if (cds != NULL || cdnskey != NULL)
        TELL(visit, "cds-alone", &visit->gathered->records[(cds != NULL ? cds : cdnskey)->from], PART_TYPE,
            cds != NULL ? "CDS without CDNSKEY" : "CDNSKEY without CDS");
    if (keys != NULL)
        check_denial(visit, keys, visit_set(visit->gathered, TYPE_NSEC3PARAM));
}
