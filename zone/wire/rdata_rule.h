/* Rules that tie fields of one record together: the length of a digest to its algorithm. The wire check and
 * the text parser share them. Any thread. */
#ifndef ZONE_WIRE_RDATA_RULE_H
#define ZONE_WIRE_RDATA_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rdata_rule {
    uint16_t type;
    uint8_t code_at; /* offset of the octet that names the algorithm */
    uint8_t code;
    uint8_t digest_at;  /* offset of the digest, which goes to the end; for NSEC3 see rdata_rule.c */
    uint8_t digest_len; /* octets it must have; 0: at least LEAST */
    uint8_t least;
    uint8_t field;    /* index of the digest in the layout */
    const char *name; /* of the algorithm */
};

/* True when the rdata lacks a public key that it says it has: KEY unless its flags say "no key" (RFC 2535
 * 3.1.2), IPSECKEY unless its algorithm is 0 (RFC 4025 2.4). The rdata has its layout. */
bool rdata_key_missing(uint16_t type, const uint8_t *rdata, size_t len);

/* The rule that RDATA breaks, or NULL; *DIGEST_LEN gets the length found. */
const struct rdata_rule *rdata_rule_broken(
    uint16_t type, const uint8_t *rdata, size_t len, size_t *digest_len);

#endif
