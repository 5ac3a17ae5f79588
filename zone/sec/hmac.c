/* The functions of <openssl/sha.h> and not EVP: they work on plain structs, EVP takes memory for each
 * message. OpenSSL 3 has them still, as "deprecated". */
#define OPENSSL_API_COMPAT 0x10100000L

#include "zone/sec/hmac.h"

#include <openssl/sha.h>
#include <sodium.h>
#include <string.h>

_Static_assert(
    sizeof(SHA512_CTX) <= sizeof(struct hmac_state) && sizeof(SHA256_CTX) <= sizeof(struct hmac_state) &&
        sizeof(SHA_CTX) <= sizeof(struct hmac_state) && _Alignof(SHA512_CTX) <= _Alignof(struct hmac_state),
    "a digest's state fits");

#define BLOCK_MAX 128

static void begin1(void *state)
{
    SHA1_Init(state);
}

static void add1(void *state, const void *octets, size_t len)
{
    SHA1_Update(state, octets, len);
}

static void end1(uint8_t *out, void *state)
{
    SHA1_Final(out, state);
}

static void begin224(void *state)
{
    SHA224_Init(state);
}

static void begin256(void *state)
{
    SHA256_Init(state);
}

static void add256(void *state, const void *octets, size_t len)
{
    SHA256_Update(state, octets, len);
}

static void end256(uint8_t *out, void *state)
{
    SHA256_Final(out, state); /* of SHA-224, too: the state knows its length */
}

static void begin384(void *state)
{
    SHA384_Init(state);
}

static void begin512(void *state)
{
    SHA512_Init(state);
}

static void add512(void *state, const void *octets, size_t len)
{
    SHA512_Update(state, octets, len);
}

static void end512(uint8_t *out, void *state)
{
    SHA512_Final(out, state);
}

static const struct digest {
    size_t len, block;
    void (*begin)(void *state);
    void (*add)(void *state, const void *octets, size_t len);
    void (*end)(uint8_t *out, void *state);
} digests[HMAC_ALGORITHMS] = {
    [HMAC_SHA1] = {20, 64, begin1, add1, end1},
    [HMAC_SHA224] = {28, 64, begin224, add256, end256},
    [HMAC_SHA256] = {32, 64, begin256, add256, end256},
    [HMAC_SHA384] = {48, 128, begin384, add512, end512},
    [HMAC_SHA512] = {64, 128, begin512, add512, end512},
};

size_t hmac_len(enum hmac_algorithm algorithm)
{
    return digests[algorithm].len;
}

static void pad(const struct digest *digest, struct hmac_state *state, const uint8_t *secret, uint8_t with)
{
    uint8_t block[BLOCK_MAX];
    for (size_t i = 0; i < digest->block; i++)
        block[i] = secret[i] ^ with;
    digest->begin(state->octets);
    digest->add(state->octets, block, digest->block);
    sodium_memzero(block, sizeof block);
}

void hmac_key_set(struct hmac_key *key, enum hmac_algorithm algorithm, const uint8_t *secret, size_t len)
{
    const struct digest *digest = &digests[algorithm];
    uint8_t block[BLOCK_MAX] = {0};
    if (len > digest->block) { /* RFC 2104 3: a longer key is digested first */
        struct hmac_state state;
        digest->begin(state.octets);
        digest->add(state.octets, secret, len);
        digest->end(block, state.octets);
        sodium_memzero(&state, sizeof state);
    } else if (len > 0) {
        memcpy(block, secret, len);
    }
    key->algorithm = algorithm;
    pad(digest, &key->inner, block, 0x36);
    pad(digest, &key->outer, block, 0x5c);
    sodium_memzero(block, sizeof block);
}

void hmac_begin(struct hmac *hmac, const struct hmac_key *key)
{
    hmac->key = key;
    hmac->state = key->inner;
}

void hmac_add(struct hmac *hmac, const void *octets, size_t len)
{
    if (len > 0)
        digests[hmac->key->algorithm].add(hmac->state.octets, octets, len);
}

void hmac_end(struct hmac *hmac, uint8_t out[HMAC_MAX])
{
    const struct digest *digest = &digests[hmac->key->algorithm];
    uint8_t inner[HMAC_MAX];
    digest->end(inner, hmac->state.octets);
    hmac->state = hmac->key->outer;
    digest->add(hmac->state.octets, inner, digest->len);
    digest->end(out, hmac->state.octets);
}
