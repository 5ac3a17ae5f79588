/* Signing one RRset (RFC 4034 3.1.8.1, 6; RFC 4035 2.2). A `struct signing` is one thread's means of signing
 * with one key: it holds the prepared state of the key and a buffer for the canonical form, so that nothing
 * is allocated for each signature but by the mathematics. Any number of threads sign with the same key, each
 * with a signing of its own; there are no locks. */
#ifndef ZONE_SEC_SIGN_H
#define ZONE_SEC_SIGN_H

#include "zone/base/err.h"
#include "zone/sec/key.h"
#include "zone/wire/rrset.h"

/* What an RRSIG says beside the signature. */
struct rrsig_terms {
    const uint8_t *signer;          /* the zone's name, lower case (RFC 4034 3.1.7) */
    uint32_t original_ttl;          /* the TTL the signature is made over */
    uint32_t inception, expiration; /* seconds since the epoch modulo 2^32 (RFC 4034 3.1.5) */
};

/* Canonical form of an RRset: what every signature over it begins with differs, the rest is the same for all
 * keys, so it is made once. One thread; reused from RRset to RRset. */
struct rrset_form {
    uint8_t *bytes; /* room for the longest RRSIG head, then the records */
    size_t capacity;
    size_t records_len; /* octets of the records, which begin at RRSET_FORM_HEAD */
    uint16_t type;
    uint8_t labels; /* as the RRSIG's labels field counts: without root and without the wildcard's "*" */
    struct arena scratch;
};

#define RRSET_FORM_HEAD (18 + NAME_MAX + 1) /* the RRSIG's fixed fields and the signer's name */
#define RRSIG_RDATA_MAX (RRSET_FORM_HEAD + SIGNATURE_MAX)

void rrset_form_init(struct rrset_form *form) NONNULL(1);
void rrset_form_clear(struct rrset_form *form) NONNULL(1);

/* Takes the RRset of the owner (whole name, any case) in; its TTL does not matter but ORIGINAL_TTL.
 * WIRE_LABELS: for verifying, the labels field of the RRSIG, which may say that OWNER came from a wildcard
 * (RFC 4035 5.3.2); UINT_MAX for signing. ERR_INVALID: it says more labels than there are. */
enum err rrset_form_make(struct rrset_form *form, const uint8_t *owner, const struct rrset *rrset,
    uint32_t original_ttl, unsigned wire_labels) NODISCARD NONNULL(1, 2, 3);

struct signing;

enum err signing_new(struct key *key, struct signing **out) NODISCARD NONNULL(1, 2);
void signing_free(struct signing *signing);
const struct key *signing_key(const struct signing *signing) NONNULL(1);

/* Equal input gives equal signatures. */
void signing_deterministic(struct signing *signing, bool on) NONNULL(1);

/* Signs what FORM holds; the RRSIG's rdata goes to OUT of RRSIG_RDATA_MAX. */
enum err sign_form(struct signing *signing, struct rrset_form *form, const struct rrsig_terms *terms,
    uint8_t *out, size_t *out_len) NODISCARD NONNULL(1, 2, 3, 4, 5);

/* The two steps in one, for one key: RRSET must be of OWNER. */
enum err sign_rrset(struct signing *signing, const uint8_t *owner, const struct rrset *rrset,
    const struct rrsig_terms *terms, uint8_t *out, size_t *out_len) NODISCARD NONNULL(1, 2, 3, 4, 5, 6);

/* Signs a probe and verifies it against the DNSKEY rdata that is to be published: a handle that signs with
 * another private key than the zone says must be found out before anybody relies on it. ERR_INVALID: it does
 * not fit. */
enum err signing_prove(struct signing *signing, const uint8_t *dnskey, size_t dnskey_len) NODISCARD
    NONNULL(1, 2);

#endif
