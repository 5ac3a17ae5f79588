#include "zone/sec/verify.h"

#include <string.h>

static uint16_t get16(const uint8_t *at)
{
    return (uint16_t)((unsigned)at[0] << 8 | at[1]);
}

static uint32_t get32(const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, 4);
    return __builtin_bswap32(value);
}

bool rrsig_read(const uint8_t *rdata, size_t len, struct rrsig *out)
{
    if (len < 20)
        return false;
    size_t signer = name_check(rdata + 18, len - 18);
    if (signer == 0 || 18 + signer >= len)
        return false;
    *out = (struct rrsig){.type = get16(rdata),
        .algorithm = rdata[2],
        .labels = rdata[3],
        .original_ttl = get32(rdata + 4),
        .expiration = get32(rdata + 8),
        .inception = get32(rdata + 12),
        .tag = get16(rdata + 16),
        .signer = rdata + 18,
        .signer_len = signer,
        .signature = rdata + 18 + signer,
        .signature_len = len - 18 - signer};
    return true;
}

const char *verdict_text(enum verdict verdict)
{
    static const char *const texts[] = {
        [VERDICT_VALID] = "valid",
        [VERDICT_MALFORMED] = "the RRSIG is malformed",
        [VERDICT_OTHER_TYPE] = "the RRSIG covers another type",
        [VERDICT_OTHER_KEY] = "the RRSIG names another key",
        [VERDICT_NOT_ZONE] = "the key may not sign zone data: its flags lack ZONE",
        [VERDICT_SIGNER] = "the signer's name is not the owner of the key",
        [VERDICT_LABELS] = "the RRSIG counts more labels than the owner has",
        [VERDICT_TTL] = "the TTL is above the RRSIG's original TTL",
        [VERDICT_EXPIRED] = "the signature has expired",
        [VERDICT_NOT_YET] = "the signature is not valid yet",
        [VERDICT_INTERVAL] = "the signature expires before its inception",
        [VERDICT_SIGNATURE] = "the signature does not fit the records and the key",
        [VERDICT_MEMORY] = "out of memory",
    };
    return texts[verdict];
}

enum verdict rrsig_check_time(const struct rrsig *rrsig, uint32_t now)
{
    if ((int32_t)(rrsig->expiration - rrsig->inception) < 0)
        return VERDICT_INTERVAL;
    if ((int32_t)(now - rrsig->inception) < 0)
        return VERDICT_NOT_YET;
    return (int32_t)(rrsig->expiration - now) < 0 ? VERDICT_EXPIRED : VERDICT_VALID;
}

enum verdict rrsig_check_terms(const struct rrsig *rrsig, const struct key *key, const uint8_t *owner,
    const struct rrset *rrset, uint32_t now)
{
    if (rrsig->type != rrset->type)
        return VERDICT_OTHER_TYPE;
    if (rrsig->algorithm != key->algorithm->number || rrsig->tag != key->tag)
        return VERDICT_OTHER_KEY;
    if ((key->flags & KEY_ZONE) == 0)
        return VERDICT_NOT_ZONE;
    if (!name_equal(rrsig->signer, key->owner) || !name_under(owner, key->owner))
        return VERDICT_SIGNER;
    if (rrsig->labels > name_labels(owner) - (owner[0] == 1 && owner[1] == '*'))
        return VERDICT_LABELS;
    if (rrset->ttl > rrsig->original_ttl)
        return VERDICT_TTL;
    return rrsig_check_time(rrsig, now);
}

/* The signature is over the RRSIG's fields, the signer in lower case (RFC 4034 3.1.8.1; RFC 6840 5.1), and
 * the records. */
enum verdict verify_rrset(struct rrset_form *form, const struct key *key, const uint8_t *owner,
    const struct rrset *rrset, const uint8_t *rdata, size_t len, uint32_t now)
{
    struct rrsig rrsig;
    if (!rrsig_read(rdata, len, &rrsig))
        return VERDICT_MALFORMED;
    enum verdict verdict = rrsig_check_terms(&rrsig, key, owner, rrset, now);
    if (verdict != VERDICT_VALID)
        return verdict;
    if (rrset_form_make(form, owner, rrset, rrsig.original_ttl, rrsig.labels) != ERR_OK)
        return VERDICT_MEMORY;
    size_t head = 18 + rrsig.signer_len;
    uint8_t *message = form->bytes + RRSET_FORM_HEAD - head;
    memcpy(message, rdata, 18);
    name_lower(message + 18, rrsig.signer);
    bool good =
        keypair_verify(key->pair, message, head + form->records_len, rrsig.signature, rrsig.signature_len);
    return good ? VERDICT_VALID : VERDICT_SIGNATURE;
}
