/* RSA with PKCS #1 1.5 (RFC 5702); the public key field of RFC 3110 2. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/bn.h>
#include <openssl/objects.h>
#include <openssl/rsa.h>

#include "zone/sec/keypair_kind.h"

#define EXPONENT 65537   /* F4, as everybody */
#define MODULUS_LEAST 64 /* octets: RFC 5702 2 asks for 512 bits at least */

static int digest_nid(const struct algorithm *algorithm)
{
    static const int nids[] = {NID_undef, NID_sha1, NID_sha256, NID_sha384, NID_sha512};
    return nids[algorithm->digest];
}

static enum err rsa_generate(struct keypair *key, unsigned bits)
{
    BIGNUM *exponent = BN_new();
    key->rsa = RSA_new();
    bool good = exponent != NULL && key->rsa != NULL && BN_set_word(exponent, EXPONENT) == 1 &&
                RSA_generate_key_ex(key->rsa, (int)bits, exponent, NULL) == 1;
    BN_free(exponent);
    return good ? ERR_OK : ERR_MEMORY;
}

static enum err rsa_public(struct keypair *key, const uint8_t *bytes, size_t len)
{
    size_t head = 1, exponent = len > 0 ? bytes[0] : 0;
    if (exponent == 0 && len >= 3) {
        exponent = (size_t)bytes[1] << 8 | bytes[2];
        head = 3;
    }
    if (exponent == 0 || head + exponent + MODULUS_LEAST > len)
        return ERR_WIRE;
    size_t modulus = len - head - exponent;
    BIGNUM *e = BN_bin2bn(bytes + head, (int)exponent, NULL);
    BIGNUM *n = BN_bin2bn(bytes + head + exponent, (int)modulus, NULL);
    key->rsa = RSA_new();
    if (e == NULL || n == NULL || key->rsa == NULL || RSA_set0_key(key->rsa, n, e, NULL) != 1) {
        BN_free(e);
        BN_free(n);
        return ERR_MEMORY;
    }
    return ERR_OK;
}

static const char *const part_names[KEYPAIR_PARTS_MAX] = {"Modulus", "PublicExponent", "PrivateExponent",
    "Prime1", "Prime2", "Exponent1", "Exponent2", "Coefficient"};

static bool rsa_assemble(RSA *rsa, BIGNUM *numbers[KEYPAIR_PARTS_MAX])
{
    if (RSA_set0_key(rsa, numbers[0], numbers[1], numbers[2]) != 1)
        return false;
    numbers[0] = numbers[1] = numbers[2] = NULL;
    if (RSA_set0_factors(rsa, numbers[3], numbers[4]) != 1)
        return false;
    numbers[3] = numbers[4] = NULL;
    if (RSA_set0_crt_params(rsa, numbers[5], numbers[6], numbers[7]) != 1)
        return false;
    numbers[5] = numbers[6] = numbers[7] = NULL;
    return true;
}

static enum err rsa_private(struct keypair *key, const struct keypair_part *parts, unsigned count)
{
    BIGNUM *numbers[KEYPAIR_PARTS_MAX] = {0};
    enum err err = ERR_OK;
    for (unsigned i = 0; i < KEYPAIR_PARTS_MAX && err == ERR_OK; i++) {
        const struct keypair_part *part = keypair_part_find(parts, count, part_names[i]);
        if (part == NULL)
            err = ERR_MISSING;
        else if (part->len > PUBLIC_MAX)
            err = ERR_RANGE;
        else if ((numbers[i] = i < 2 ? BN_new() : BN_secure_new()) == NULL ||
                 BN_bin2bn(part->bytes, (int)part->len, numbers[i]) == NULL)
            err = ERR_MEMORY;
    }
    if (err == ERR_OK && (key->rsa = RSA_new()) == NULL)
        err = ERR_MEMORY;
    if (err == ERR_OK && (!rsa_assemble(key->rsa, numbers) || RSA_check_key(key->rsa) != 1))
        err = ERR_INVALID;
    for (unsigned i = 0; i < KEYPAIR_PARTS_MAX; i++)
        BN_clear_free(numbers[i]);
    return err;
}

static void rsa_clear(struct keypair *key)
{
    RSA_free(key->rsa);
}

static unsigned rsa_bits(const struct keypair *key)
{
    return (unsigned)RSA_bits(key->rsa);
}

static size_t rsa_write_public(const struct keypair *key, uint8_t *out)
{
    const BIGNUM *e = RSA_get0_e(key->rsa), *n = RSA_get0_n(key->rsa);
    size_t exponent = (size_t)BN_num_bytes(e), modulus = (size_t)BN_num_bytes(n), head = 1;
    if (exponent + modulus + 3 > PUBLIC_MAX)
        return 0;
    if (exponent > 255) {
        out[0] = 0;
        out[1] = (uint8_t)(exponent >> 8);
        out[2] = (uint8_t)exponent;
        head = 3;
    } else {
        out[0] = (uint8_t)exponent;
    }
    BN_bn2bin(e, out + head);
    BN_bn2bin(n, out + head + exponent);
    return head + exponent + modulus;
}

static unsigned rsa_parts(const struct keypair *key, struct keypair_part *parts, uint8_t *room)
{
    const RSA *rsa = key->rsa;
    const BIGNUM *numbers[KEYPAIR_PARTS_MAX] = {RSA_get0_n(rsa), RSA_get0_e(rsa), RSA_get0_d(rsa),
        RSA_get0_p(rsa), RSA_get0_q(rsa), RSA_get0_dmp1(rsa), RSA_get0_dmq1(rsa), RSA_get0_iqmp(rsa)};
    size_t used = 0;
    for (unsigned i = 0; i < KEYPAIR_PARTS_MAX; i++) {
        size_t len = numbers[i] != NULL ? (size_t)BN_num_bytes(numbers[i]) : 0;
        if (len == 0 || used + len > KEYPAIR_PARTS_OCTETS)
            return 0;
        BN_bn2bin(numbers[i], room + used);
        parts[i] = (struct keypair_part){part_names[i], room + used, len};
        used += len;
    }
    return KEYPAIR_PARTS_MAX;
}

/* Blinding belongs to the thread that signs first; others would wait for a lock, so each has its own copy. */
static enum err rsa_signer_init(struct keypair_signer *signer)
{
    signer->state = RSAPrivateKey_dup(signer->key->rsa);
    return signer->state != NULL ? ERR_OK : ERR_MEMORY;
}

static void rsa_signer_clear(struct keypair_signer *signer)
{
    RSA_free(signer->state);
}

static enum err rsa_sign(
    struct keypair_signer *signer, const uint8_t *message, size_t len, uint8_t *signature, size_t *out_len)
{
    const struct algorithm *algorithm = signer->key->algorithm;
    uint8_t digest[DIGEST_MAX];
    unsigned digest_octets = (unsigned)digest_make(algorithm->digest, message, len, digest), made = 0;
    if (RSA_size(signer->state) > SIGNATURE_MAX ||
        RSA_sign(digest_nid(algorithm), digest, digest_octets, signature, &made, signer->state) != 1)
        return ERR_INVALID;
    *out_len = made;
    return ERR_OK;
}

static bool rsa_verify(const struct keypair *key, const uint8_t *message, size_t len,
    const uint8_t *signature, size_t signature_len)
{
    uint8_t digest[DIGEST_MAX];
    unsigned digest_octets = (unsigned)digest_make(key->algorithm->digest, message, len, digest);
    return RSA_verify(digest_nid(key->algorithm), digest, digest_octets, signature, (unsigned)signature_len,
               key->rsa) == 1;
}

const struct keypair_kind keypair_rsa = {
    .generate = rsa_generate,
    .take_public = rsa_public,
    .take_private = rsa_private,
    .clear = rsa_clear,
    .bits = rsa_bits,
    .write_public = rsa_write_public,
    .parts = rsa_parts,
    .signer_init = rsa_signer_init,
    .signer_clear = rsa_signer_clear,
    .sign = rsa_sign,
    .verify = rsa_verify,
};
