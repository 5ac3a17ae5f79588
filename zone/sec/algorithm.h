/* DNSSEC algorithms and DS digests (IANA "DNS Security Algorithm Numbers" and "DS RR Type Digest
 * Algorithms"): one table each, many uses. What stands here can be verified; RFC 8624 and RFC 9905 say what
 * may still be signed with. Any thread. */
#ifndef ZONE_SEC_ALGORITHM_H
#define ZONE_SEC_ALGORITHM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zone/base/attr.h"

enum algorithm_number {
    ALGORITHM_RSASHA1 = 5,
    ALGORITHM_RSASHA1_NSEC3 = 7,
    ALGORITHM_RSASHA256 = 8,
    ALGORITHM_RSASHA512 = 10,
    ALGORITHM_ECDSAP256 = 13,
    ALGORITHM_ECDSAP384 = 14,
    ALGORITHM_ED25519 = 15,
    ALGORITHM_ED448 = 16
};

enum algorithm_kind { KIND_RSA, KIND_ECDSA, KIND_ED25519, KIND_ED448 };

enum digest_kind { DIGEST_NONE, DIGEST_SHA1, DIGEST_SHA256, DIGEST_SHA384, DIGEST_SHA512 };

#define PUBLIC_MAX 2051    /* octets of the DNSKEY's public key field that are taken: 16384 bits of RSA */
#define SIGNATURE_MAX 2048 /* octets of a signature */

struct algorithm {
    const char *name; /* as in BIND's and dig's output */
    uint8_t number;
    uint8_t kind;           /* enum algorithm_kind */
    uint8_t digest;         /* enum digest_kind of what is signed; the Ed ones take the message itself */
    bool signs;             /* keys may be made and used for signing, not only for verifying */
    uint16_t public_len;    /* of the public key field; 0: depends on the key */
    uint16_t signature_len; /* likewise */
    uint16_t bits, bits_least, bits_most; /* of a new key: as a rule, at least, at most */
};

/* NULL for an algorithm that is not known. */
const struct algorithm *algorithm_find(unsigned number);

/* By mnemonic (without regard to case, with the spellings of BIND, Knot and ldns) or number. */
const struct algorithm *algorithm_parse(const char *text) NONNULL(1);

/* Row I of the table, NULL behind the last: for lists. */
const struct algorithm *algorithm_row(unsigned i);

/* Digest types of DS and CDS records (RFC 4509, RFC 6605). */
struct ds_digest {
    const char *name;
    uint8_t number;
    uint8_t digest; /* enum digest_kind */
    uint8_t len;
};

const struct ds_digest *ds_digest_find(unsigned number);
const struct ds_digest *ds_digest_parse(const char *text) NONNULL(1);

#define DIGEST_MAX 64

/* Octets of the digest. */
size_t digest_len(enum digest_kind kind);

/* The digest of LEN octets; OUT has room for DIGEST_MAX. Returns its length. No allocation. */
size_t digest_make(enum digest_kind kind, const void *bytes, size_t len, uint8_t *out) NONNULL(4);

#endif
