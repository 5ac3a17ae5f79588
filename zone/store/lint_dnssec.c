/* What one name tells of how its zone is signed: its signatures' fields and times, its keys, its NSEC record.
 * Whether the signatures are right is a matter of cryptography and not looked at here. */
#include <string.h>
#include <time.h>

#include "zone/store/lint.h"
#include "zone/wire/type.h"

struct signing {
    struct lint *lint;
    const struct lint_place *place;
    const struct gathered *gathered;
    const char *owner; /* as text */
    uint32_t now;
};

static uint32_t now_of(const struct lint *lint)
{
    return lint->now != 0 ? lint->now : (uint32_t)time(NULL);
}

static uint16_t read16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t read32(const uint8_t *at)
{
    return (uint32_t)read16(at) << 16 | read16(at + 2);
}

static const struct gathered_record *record_of(const struct signing *signing, uint32_t at)
{
    return &signing->gathered->records[at];
}

static const struct gathered_set *set_of(const struct gathered *gathered, uint16_t type)
{
    for (uint32_t i = 0; i < gathered->set_count; i++) {
        if (gathered->sets[i].type == type && gathered->sets[i].count > 0)
            return &gathered->sets[i];
    }
    return NULL;
}

/* ---- signatures ---- */

/* RFC 4035 2.2: the signer is the zone, and the labels are the owner's without the root and an asterisk in
 * front (RFC 4034 3.1.3). */
static void check_fields(const struct signing *signing, const struct gathered_record *record)
{
    const uint8_t *rdata = record->record->rdata;
    unsigned labels = signing->place->run->labels - (signing->place->wildcard ? 1u : 0u);
    char type[16], signer[NAME_TEXT_MAX];
    type_print(record->type, type);
    if (!name_equal(rdata + 18, signing->place->apex_name)) {
        name_print(rdata + 18, signer);
        lint_report(signing->lint, LINT_RRSIG_FIELDS, record->run, record->record,
            "the signature of %s %s is by %s, which is not the zone", signing->owner, type, signer);
    } else if (rdata[3] != labels) {
        lint_report(signing->lint, LINT_RRSIG_FIELDS, record->run, record->record,
            "the signature of %s %s is for %u labels, the name has %u", signing->owner, type, rdata[3],
            labels);
    }
}

/* RFC 4034 3.1.5: the times are serial numbers. */
static bool holds_now(const struct signing *signing, const uint8_t *rdata)
{
    return (int32_t)(read32(rdata + 8) - signing->now) >= 0 &&
           (int32_t)(signing->now - read32(rdata + 12)) >= 0;
}

/* A set with one signature that holds is well: the others may be on their way in or out. In a zone that has
 * run out every name would be told; the first of each segment is enough. */
static void check_times(const struct signing *signing, const struct gathered_set *set)
{
    const struct gathered_record *first = NULL;
    for (uint32_t i = set->from; i < set->from + set->records; i++) {
        const struct gathered_record *record = record_of(signing, i);
        if (!record->signature)
            continue;
        if (holds_now(signing, record->record->rdata))
            return;
        if (first == NULL)
            first = record;
    }
    if (first == NULL || signing->lint->expired)
        return;
    char type[16];
    type_print(set->type, type);
    bool early = (int32_t)(read32(first->record->rdata + 8) - signing->now) >= 0;
    signing->lint->expired = true;
    lint_report(signing->lint, LINT_RRSIG_EXPIRED, first->run, first->record,
        early ? "the signature of %s %s does not hold yet" : "the signature of %s %s has expired",
        signing->owner, type);
}

static void check_signatures(const struct signing *signing, const struct gathered_set *set)
{
    for (uint32_t i = set->from; i < set->from + set->records; i++) {
        const struct gathered_record *record = record_of(signing, i);
        if (record->signature && !record->duplicate)
            check_fields(signing, record);
    }
    if (set->count > 0)
        check_times(signing, set);
}

/* RFC 4035 2.2: at a delegation only DS and NSEC are the zone's own data. */
static bool is_own(const struct signing *signing, uint16_t type)
{
    bool cut = !signing->place->apex && (signing->gathered->flags & NODE_DELEGATION) != 0;
    return !cut || type == TYPE_DS || type == TYPE_NSEC;
}

static void check_unsigned(const struct signing *signing, bool signatures)
{
    for (uint32_t i = 0; i < signing->gathered->set_count; i++) {
        const struct gathered_set *set = &signing->gathered->sets[i];
        char type[16];
        if (set->sig_count > 0 || set->count == 0 || !is_own(signing, set->type))
            continue;
        type_print(set->type, type);
        const struct gathered_record *first = record_of(signing, set->from);
        lint_report(signing->lint, LINT_RRSET_UNSIGNED, first->run, first->record,
            signatures ? "%s %s has no signature, other data of the name has"
                       : "%s %s has no signature, the zone has",
            signing->owner, type);
        return;
    }
}

/* ---- keys ---- */

static size_t key_len_of(uint8_t algorithm)
{
    static const struct {
        uint8_t algorithm;
        uint8_t len;
    } lengths[] = {{12, 64}, {13, 64}, {14, 96}, {15, 32}, {16, 57}}; /* RFC 5933 2, RFC 6605 4, RFC 8080 3 */
    for (size_t i = 0; i < ARRAY_COUNT(lengths); i++) {
        if (lengths[i].algorithm == algorithm)
            return lengths[i].len;
    }
    return 0;
}

static void check_keys(const struct signing *signing, const struct gathered_set *set)
{
    for (uint32_t i = set->from; i < set->from + set->records; i++) {
        const struct gathered_record *key = record_of(signing, i);
        if (key->signature || key->record->rdata_len < 4)
            continue;
        const uint8_t *rdata = key->record->rdata;
        size_t len = key->record->rdata_len - 4u, expected = key_len_of(rdata[3]);
        if (rdata[2] != 3)
            lint_report(signing->lint, LINT_DNSKEY_FIELDS, key->run, key->record,
                "a key of %s has protocol %u instead of 3", signing->owner, rdata[2]);
        else if (expected != 0 && len != expected)
            lint_report(signing->lint, LINT_DNSKEY_FIELDS, key->run, key->record,
                "a key of %s has %zu octets, algorithm %u gives %zu", signing->owner, len, rdata[3],
                expected);
    }
}

/* ---- NSEC ---- */

/* What a type bitmap should hold: is there such data of the zone's own at the name? */
static bool is_there(const struct signing *signing, uint16_t type)
{
    bool cut = !signing->place->apex && (signing->gathered->flags & NODE_DELEGATION) != 0;
    if (type == TYPE_RRSIG) {
        for (uint32_t i = 0; i < signing->gathered->set_count; i++) {
            if (signing->gathered->sets[i].sig_count > 0)
                return true;
        }
        return false;
    }
    return (!cut || type == TYPE_NS || is_own(signing, type)) && set_of(signing->gathered, type) != NULL;
}

/* The first type that the bitmap has too much; 0 for none. RFC 4034 4.1.2: windows of a number, a length and
 * so many octets. */
static uint16_t wrong_type(const struct signing *signing, const uint8_t *bits, const uint8_t *end)
{
    for (; end - bits >= 2 && end - bits >= 2 + bits[1]; bits += 2 + bits[1]) {
        for (unsigned bit = 0; bit < bits[1] * 8u; bit++) {
            uint16_t type = (uint16_t)((unsigned)bits[0] << 8 | bit);
            if ((bits[2 + bit / 8] & 0x80 >> bit % 8) != 0 && !is_there(signing, type))
                return type;
        }
    }
    return 0;
}

static bool has_bit(const uint8_t *bits, const uint8_t *end, uint16_t type)
{
    for (; end - bits >= 2 && end - bits >= 2 + bits[1]; bits += 2 + bits[1]) {
        unsigned octet = (type & 0xff) / 8u;
        if (bits[0] == type >> 8)
            return octet < bits[1] && (bits[2 + octet] & 0x80 >> type % 8) != 0;
    }
    return false;
}

static uint16_t missing_type(const struct signing *signing, const uint8_t *bits, const uint8_t *end)
{
    for (uint32_t i = 0; i < signing->gathered->set_count; i++) {
        uint16_t type = signing->gathered->sets[i].type;
        if (is_there(signing, type) && !has_bit(bits, end, type))
            return type;
    }
    return is_there(signing, TYPE_RRSIG) && !has_bit(bits, end, TYPE_RRSIG) ? TYPE_RRSIG : 0;
}

static void check_bitmap(const struct signing *signing, const struct gathered_record *nsec)
{
    const uint8_t *rdata = nsec->record->rdata, *end = rdata + nsec->record->rdata_len;
    const uint8_t *bits = rdata + name_len(rdata);
    char type[16];
    uint16_t wrong = wrong_type(signing, bits, end);
    uint16_t missing = wrong == 0 ? missing_type(signing, bits, end) : 0;
    if (wrong == 0 && missing == 0)
        return;
    type_print(wrong != 0 ? wrong : missing, type);
    lint_report(signing->lint, LINT_NSEC_BITMAP, nsec->run, nsec->record,
        wrong != 0 ? "the NSEC record of %s lists %s, which is not there"
                   : "the NSEC record of %s does not list %s",
        signing->owner, type);
}

/* RFC 4034 4.1.1: each NSEC names the next name with data of the zone's own. */
static void check_chain(const struct signing *signing, const struct gathered_record *nsec)
{
    const struct gathered_record *last = &signing->lint->last_nsec;
    char next[NAME_TEXT_MAX];
    if (last->record == NULL || !signing->place->consecutive)
        return;
    if (nsec == NULL) {
        lint_report(signing->lint, LINT_NSEC_CHAIN, signing->place->run, record_of(signing, 0)->record,
            "%s has no NSEC record, the name before it has", signing->owner);
    } else if (!name_equal(last->record->rdata, signing->place->owner)) {
        name_print(last->record->rdata, next);
        lint_report(signing->lint, LINT_NSEC_CHAIN, last->run, last->record,
            "the NSEC record before %s leads to %s", signing->owner, next);
    }
}

static const struct gathered_record *plain_record(
    const struct signing *signing, const struct gathered_set *set)
{
    const struct gathered_record *found = NULL;
    for (uint32_t i = set->from; i < set->from + set->records; i++) {
        if (!record_of(signing, i)->signature)
            found = record_of(signing, i);
    }
    return found;
}

void lint_dnssec(struct lint *lint, const struct lint_place *place, const struct gathered *gathered)
{
    const struct gathered_set *keys = set_of(gathered, TYPE_DNSKEY);
    bool signatures = false;
    for (uint32_t i = 0; i < gathered->set_count; i++)
        signatures |= gathered->sets[i].sig_count > 0;
    /* Nothing of this for the names of unsigned zones, which are many. */
    if (!signatures && !place->signed_zone && keys == NULL && lint->last_nsec.record == NULL &&
        set_of(gathered, TYPE_NSEC) == NULL)
        return;
    char owner[NAME_TEXT_MAX];
    struct signing signing = {lint, place, gathered, owner, now_of(lint)};
    name_print(place->owner, owner);
    for (uint32_t i = 0; i < gathered->set_count; i++)
        check_signatures(&signing, &gathered->sets[i]);
    if (keys != NULL)
        check_keys(&signing, keys);
    if (place->above != 0 || gathered->set_count == 0)
        return;
    const struct gathered_set *nsecs = set_of(gathered, TYPE_NSEC);
    const struct gathered_record *nsec = nsecs != NULL ? plain_record(&signing, nsecs) : NULL;
    if (signatures || place->signed_zone)
        check_unsigned(&signing, signatures);
    check_chain(&signing, nsec);
    if (nsec != NULL)
        check_bitmap(&signing, nsec);
    lint->last_nsec = nsec != NULL ? *nsec : (struct gathered_record){0};
}

/* RFC 5155 3.1.7: each NSEC3 names the next hash; rdata is algorithm, flags, iterations, the salt, the hash.
 */
static const uint8_t *next_hash(const struct tape_record *nsec3)
{
    const uint8_t *rdata = nsec3->rdata;
    size_t at = 5u + (nsec3->rdata_len > 4 ? rdata[4] : 0u);
    return nsec3->rdata_len >= at + 21 && rdata[at] == 20 ? rdata + at + 1 : NULL;
}

/* While a zone changes its salt, two chains lie among each other (RFC 5155 10.4). */
static bool same_chain(const struct tape_record *a, const struct tape_record *b)
{
    return a->rdata_len > 4 && b->rdata_len > 4 && a->rdata[0] == b->rdata[0] &&
           memcmp(a->rdata + 2, b->rdata + 2, 3) == 0 && memcmp(a->rdata + 5, b->rdata + 5, a->rdata[4]) == 0;
}

void lint_nsec3(struct lint *lint, const struct lint_place *place, const struct gathered *gathered,
    const uint8_t hash[20])
{
    char owner[NAME_TEXT_MAX];
    struct signing signing = {lint, place, gathered, owner, now_of(lint)};
    const struct gathered_set *set = set_of(gathered, TYPE_NSEC3);
    const struct gathered_record *last = &lint->last_nsec;
    name_print(place->owner, owner);
    if (set == NULL)
        return;
    check_signatures(&signing, set);
    if (place->signed_zone)
        check_unsigned(&signing, set->sig_count > 0);
    const struct gathered_record *here = plain_record(&signing, set);
    const uint8_t *next = last->record != NULL ? next_hash(last->record) : NULL;
    if (next != NULL && memcmp(next, hash, 20) != 0 && same_chain(last->record, here->record))
        lint_report(lint, LINT_NSEC_CHAIN, last->run, last->record,
            "the NSEC3 record before %s leads elsewhere", owner);
    lint->last_nsec = *here;
}
