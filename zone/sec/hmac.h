/* HMAC (RFC 2104) with SHA-1 and the SHA-2 family, as TSIG wants it: a key is digested once, into the states
 * that its two pads lead to, and a message then costs its own octets and nothing else - no memory, no lock,
 * no look-up of an algorithm - so that it may stand on the path of a query. The digests are OpenSSL's. Any
 * thread; a key is frozen once made. */
#ifndef ZONE_SEC_HMAC_H
#define ZONE_SEC_HMAC_H

#include <stddef.h>
#include <stdint.h>

#include "zone/base/attr.h"

enum hmac_algorithm { HMAC_SHA1, HMAC_SHA224, HMAC_SHA256, HMAC_SHA384, HMAC_SHA512, HMAC_ALGORITHMS };

#define HMAC_MAX 64 /* octets of the longest digest */

/* A digest under way. */
struct hmac_state {
    _Alignas(8) uint8_t octets[216];
};

struct hmac_key {
    enum hmac_algorithm algorithm;
    struct hmac_state inner, outer; /* behind the pads; they are as secret as the key */
};

struct hmac {
    const struct hmac_key *key;
    struct hmac_state state;
};

void hmac_key_set(struct hmac_key *key, enum hmac_algorithm algorithm, const uint8_t *secret, size_t len)
    NONNULL(1, 3);

void hmac_begin(struct hmac *hmac, const struct hmac_key *key) NONNULL(1, 2);
void hmac_add(struct hmac *hmac, const void *octets, size_t len) NONNULL(1);
/* Writes hmac_len() octets. HMAC may be begun again. */
void hmac_end(struct hmac *hmac, uint8_t out[HMAC_MAX]) NONNULL(1, 2);

size_t hmac_len(enum hmac_algorithm algorithm) __attribute__((const));

#endif
