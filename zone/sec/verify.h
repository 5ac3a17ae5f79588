/* Verifying one RRset against a DNSKEY (RFC 4035 5.3). The verdict says what is wrong, in words that people
 * can act on. One thread for each `struct rrset_form`; keys are shared. */
#ifndef ZONE_SEC_VERIFY_H
#define ZONE_SEC_VERIFY_H

#include "zone/sec/key.h"
#include "zone/sec/sign.h"

/* An RRSIG's rdata, taken apart; pointers into it. */
struct rrsig {
    uint16_t type; /* covered */
    uint8_t algorithm, labels;
    uint32_t original_ttl, expiration, inception;
    uint16_t tag;
    const uint8_t *signer;
    size_t signer_len;
    const uint8_t *signature;
    size_t signature_len;
};

/* False when LEN octets are no RRSIG. */
bool rrsig_read(const uint8_t *rdata, size_t len, struct rrsig *out) NODISCARD NONNULL(1, 3);

enum verdict {
    VERDICT_VALID,
    VERDICT_MALFORMED,  /* no RRSIG at all */
    VERDICT_OTHER_TYPE, /* it covers another type */
    VERDICT_OTHER_KEY,  /* algorithm and key tag are not the key's */
    VERDICT_NOT_ZONE,   /* the key has no ZONE flag (RFC 4034 2.1.1) */
    VERDICT_SIGNER,     /* the signer is not the key's owner */
    VERDICT_LABELS,     /* more labels than the owner has */
    VERDICT_TTL,        /* the RRset's TTL is above the original one */
    VERDICT_EXPIRED,
    VERDICT_NOT_YET,   /* inception lies ahead */
    VERDICT_INTERVAL,  /* expires before its inception */
    VERDICT_SIGNATURE, /* the signature is not the key's over these records */
    VERDICT_MEMORY
};

/* A phrase for people, static. */
const char *verdict_text(enum verdict verdict);

/* Is NOW within inception and expiration, by serial number arithmetic (RFC 4034 3.1.5)? */
enum verdict rrsig_check_time(const struct rrsig *rrsig, uint32_t now) NONNULL(1);

/* Everything but the signature itself. */
enum verdict rrsig_check_terms(const struct rrsig *rrsig, const struct key *key, const uint8_t *owner,
    const struct rrset *rrset, uint32_t now) NONNULL(1, 2, 3, 4);

/* All of it. FORM is the thread's scratch. */
enum verdict verify_rrset(struct rrset_form *form, const struct key *key, const uint8_t *owner,
    const struct rrset *rrset, const uint8_t *rdata, size_t len, uint32_t now) NONNULL(1, 2, 3, 4, 5);

#endif
