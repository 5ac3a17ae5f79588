/* What a kind of keys (RSA, ECDSA, Ed25519, Ed448) has to give. Inner header of keypair.c, keypair_rsa.c,
 * keypair_ec.c and keypair_ed.c. */
#ifndef ZONE_SEC_KEYPAIR_KIND_H
#define ZONE_SEC_KEYPAIR_KIND_H

#include <openssl/types.h>
#include <stdatomic.h>

#include "zone/sec/keypair.h"

struct ec_table;
struct keypair_kind;

struct keypair {
    const struct algorithm *algorithm;
    const struct keypair_kind *kind;
    const struct keypair_device *device; /* NULL: the private part is here or not at all */
    void *handle;                        /* the device's */
    int refs;
    bool has_private;
    union {
        EC_KEY *ec;
        RSA *rsa;
        EVP_PKEY *pkey;  /* Ed448 */
        uint8_t *secret; /* Ed25519: seed and public key, 64 octets of guarded memory; NULL: public only */
    };
    uint8_t public_octets[32]; /* Ed25519 */
    /* Of P-256: made when many signatures have been verified, by whichever thread sees it. */
    _Atomic(struct ec_table *) table;
    atomic_uint verified;
};

struct keypair_signer {
    struct keypair *key;
    void *state; /* the kind's */
    bool deterministic;
};

/* Each of these may be NULL where the kind needs nothing. make_* fill an empty key. */
struct keypair_kind {
    enum err (*generate)(struct keypair *key, unsigned bits);
    enum err (*take_public)(struct keypair *key, const uint8_t *bytes, size_t len);
    enum err (*take_private)(struct keypair *key, const struct keypair_part *parts, unsigned count);
    void (*clear)(struct keypair *key);
    unsigned (*bits)(const struct keypair *key);
    size_t (*write_public)(const struct keypair *key, uint8_t *out);
    unsigned (*parts)(const struct keypair *key, struct keypair_part *parts, uint8_t *room);
    enum err (*signer_init)(struct keypair_signer *signer);
    void (*signer_clear)(struct keypair_signer *signer);
    enum err (*sign)(struct keypair_signer *signer, const uint8_t *message, size_t len, uint8_t *signature,
        size_t *out_len);
    bool (*verify)(const struct keypair *key, const uint8_t *message, size_t len, const uint8_t *signature,
        size_t signature_len);
};

extern const struct keypair_kind keypair_rsa, keypair_ec, keypair_ed25519, keypair_ed448;

/* The part of that name, or NULL. */
const struct keypair_part *keypair_part_find(
    const struct keypair_part *parts, unsigned count, const char *name) NONNULL(3);

#endif
