/* Ed25519 by libsodium (RFC 8080 says Ed25519, RFC 8032 5.1), twice as fast as OpenSSL; Ed448 by OpenSSL. */
#include <openssl/evp.h>
#include <sodium.h>
#include <string.h>

#include "zone/sec/keypair_kind.h"

#define ED448_LEN 57

/* ---- Ed25519 ---- */

static enum err seed_take(struct keypair *key, const uint8_t seed[32])
{
    key->secret = sodium_malloc(crypto_sign_ed25519_SECRETKEYBYTES);
    if (key->secret == NULL)
        return ERR_MEMORY;
    crypto_sign_ed25519_seed_keypair(key->public_octets, key->secret, seed);
    sodium_mprotect_readonly(key->secret);
    return ERR_OK;
}

static enum err ed25519_generate(struct keypair *key, unsigned bits UNUSED)
{
    uint8_t seed[32];
    randombytes_buf(seed, sizeof seed);
    enum err err = seed_take(key, seed);
    sodium_memzero(seed, sizeof seed);
    return err;
}

static enum err ed25519_public(struct keypair *key, const uint8_t *bytes, size_t len)
{
    memcpy(key->public_octets, bytes, len);
    return ERR_OK;
}

static enum err ed25519_private(struct keypair *key, const struct keypair_part *parts, unsigned count)
{
    const struct keypair_part *seed = keypair_part_find(parts, count, "PrivateKey");
    if (seed == NULL)
        return ERR_MISSING;
    return seed->len == 32 ? seed_take(key, seed->bytes) : ERR_INVALID;
}

static void ed25519_clear(struct keypair *key)
{
    if (key->secret != NULL)
        sodium_free(key->secret);
}

static size_t ed25519_write_public(const struct keypair *key, uint8_t *out)
{
    memcpy(out, key->public_octets, 32);
    return 32;
}

static unsigned ed25519_parts(const struct keypair *key, struct keypair_part *parts, uint8_t *room)
{
    memcpy(room, key->secret, 32);
    parts[0] = (struct keypair_part){"PrivateKey", room, 32};
    return 1;
}

static enum err ed25519_sign(
    struct keypair_signer *signer, const uint8_t *message, size_t len, uint8_t *signature, size_t *out_len)
{
    crypto_sign_ed25519_detached(signature, NULL, message, len, signer->key->secret);
    *out_len = crypto_sign_ed25519_BYTES;
    return ERR_OK;
}

static bool ed25519_verify(const struct keypair *key, const uint8_t *message, size_t len,
    const uint8_t *signature, size_t signature_len UNUSED)
{
    return crypto_sign_ed25519_verify_detached(signature, message, len, key->public_octets) == 0;
}

const struct keypair_kind keypair_ed25519 = {
    .generate = ed25519_generate,
    .take_public = ed25519_public,
    .take_private = ed25519_private,
    .clear = ed25519_clear,
    .write_public = ed25519_write_public,
    .parts = ed25519_parts,
    .sign = ed25519_sign,
    .verify = ed25519_verify,
};

/* ---- Ed448 ---- */

static enum err ed448_generate(struct keypair *key, unsigned bits UNUSED)
{
    key->pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED448");
    return key->pkey != NULL ? ERR_OK : ERR_MEMORY;
}

static enum err ed448_public(struct keypair *key, const uint8_t *bytes, size_t len)
{
    key->pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED448, NULL, bytes, len);
    return key->pkey != NULL ? ERR_OK : ERR_WIRE;
}

static enum err ed448_private(struct keypair *key, const struct keypair_part *parts, unsigned count)
{
    const struct keypair_part *seed = keypair_part_find(parts, count, "PrivateKey");
    if (seed == NULL)
        return ERR_MISSING;
    if (seed->len == ED448_LEN)
        key->pkey = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED448, NULL, seed->bytes, seed->len);
    return key->pkey != NULL ? ERR_OK : ERR_INVALID;
}

static void ed448_clear(struct keypair *key)
{
    EVP_PKEY_free(key->pkey);
}

static size_t ed448_write_public(const struct keypair *key, uint8_t *out)
{
    size_t len = ED448_LEN;
    return EVP_PKEY_get_raw_public_key(key->pkey, out, &len) == 1 ? len : 0;
}

static unsigned ed448_parts(const struct keypair *key, struct keypair_part *parts, uint8_t *room)
{
    size_t len = ED448_LEN;
    if (EVP_PKEY_get_raw_private_key(key->pkey, room, &len) != 1)
        return 0;
    parts[0] = (struct keypair_part){"PrivateKey", room, len};
    return 1;
}

static enum err ed448_sign(
    struct keypair_signer *signer, const uint8_t *message, size_t len, uint8_t *signature, size_t *out_len)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (context == NULL)
        return ERR_MEMORY;
    *out_len = SIGNATURE_MAX;
    bool good = EVP_DigestSignInit(context, NULL, NULL, NULL, signer->key->pkey) == 1 &&
                EVP_DigestSign(context, signature, out_len, message, len) == 1;
    EVP_MD_CTX_free(context);
    return good ? ERR_OK : ERR_MEMORY;
}

static bool ed448_verify(const struct keypair *key, const uint8_t *message, size_t len,
    const uint8_t *signature, size_t signature_len)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = context != NULL && EVP_DigestVerifyInit(context, NULL, NULL, NULL, key->pkey) == 1 &&
                EVP_DigestVerify(context, signature, signature_len, message, len) == 1;
    EVP_MD_CTX_free(context);
    return good;
}

const struct keypair_kind keypair_ed448 = {
    .generate = ed448_generate,
    .take_public = ed448_public,
    .take_private = ed448_private,
    .clear = ed448_clear,
    .write_public = ed448_write_public,
    .parts = ed448_parts,
    .sign = ed448_sign,
    .verify = ed448_verify,
};
