/* ECDSA on P-256 and P-384 (RFC 6605): the public key field is x | y, the signature r | s, each number of the
 * curve's width.
 *
 * A signature is r = (kG).x and s = (e + rd)/k for a secret k that serves once. Nothing but s depends on what
 * is signed, so a signer prepares r and 1/k for a batch of k's: the batch shares the two inversions that cost
 * as much as kG itself (Montgomery's trick), which makes a signature about half as dear as OpenSSL's own; and
 * a server can prepare before it is asked. A prepared pair is wiped before its signature leaves: used twice,
 * it would give away the key. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/objects.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "zone/sec/ec_table.h"
#include "zone/sec/keypair_kind.h"

#define BATCH 32
#define WIDTH_MAX 48   /* octets of a number, P-384 */
#define TABLE_FROM 512 /* verifications with one key */

struct ec_signer {
    const EC_GROUP *group;
    const BIGNUM *order;
    BN_MONT_CTX *mont; /* of the order */
    BN_CTX *context;
    BIGNUM *less_two;              /* order - 2: the exponent of an inversion (Fermat) */
    BIGNUM *k[BATCH], *r[BATCH];   /* k becomes 1/k */
    BIGNUM *product[BATCH];        /* k0 ... ki, Montgomery form */
    BIGNUM *one, *inverse, *spare; /* of the batch's arithmetic */
    EC_POINT *points[BATCH];
    unsigned left; /* pairs not used yet: r[left - 1], k[left - 1] is next */
    pid_t owner;   /* a forked child must not use what its parent prepared */
};

static int curve_of(const struct algorithm *algorithm)
{
    return algorithm->number == ALGORITHM_ECDSAP256 ? NID_X9_62_prime256v1 : NID_secp384r1;
}

static size_t width_of(const struct algorithm *algorithm)
{
    return algorithm->signature_len / 2u;
}

/* ---- keys ---- */

static enum err ec_generate(struct keypair *key, unsigned bits UNUSED)
{
    key->ec = EC_KEY_new_by_curve_name(curve_of(key->algorithm));
    return key->ec != NULL && EC_KEY_generate_key(key->ec) == 1 ? ERR_OK : ERR_MEMORY;
}

static enum err ec_public(struct keypair *key, const uint8_t *bytes, size_t len)
{
    uint8_t point[1 + 2 * WIDTH_MAX] = {POINT_CONVERSION_UNCOMPRESSED};
    memcpy(point + 1, bytes, len);
    key->ec = EC_KEY_new_by_curve_name(curve_of(key->algorithm));
    if (key->ec == NULL)
        return ERR_MEMORY;
    return EC_KEY_oct2key(key->ec, point, len + 1, NULL) == 1 ? ERR_OK : ERR_WIRE;
}

/* The file has the private number alone; the public point is computed from it. */
static enum err ec_private(struct keypair *key, const struct keypair_part *parts, unsigned count)
{
    const struct keypair_part *part = keypair_part_find(parts, count, "PrivateKey");
    if (part == NULL)
        return ERR_MISSING;
    if (part->len == 0 || part->len > width_of(key->algorithm))
        return ERR_INVALID;
    key->ec = EC_KEY_new_by_curve_name(curve_of(key->algorithm));
    if (key->ec == NULL)
        return ERR_MEMORY;
    const EC_GROUP *group = EC_KEY_get0_group(key->ec);
    EC_POINT *point = EC_POINT_new(group);
    BIGNUM *number = BN_secure_new();
    bool good = point != NULL && number != NULL && BN_bin2bn(part->bytes, (int)part->len, number) != NULL &&
                !BN_is_zero(number) && BN_cmp(number, EC_GROUP_get0_order(group)) < 0 &&
                EC_KEY_set_private_key(key->ec, number) == 1 &&
                EC_POINT_mul(group, point, number, NULL, NULL, NULL) == 1 &&
                EC_KEY_set_public_key(key->ec, point) == 1;
    EC_POINT_free(point);
    BN_clear_free(number);
    return good ? ERR_OK : ERR_INVALID;
}

static void ec_clear(struct keypair *key)
{
    ec_table_free(atomic_load(&key->table));
    EC_KEY_free(key->ec);
}

static size_t ec_write_public(const struct keypair *key, uint8_t *out)
{
    uint8_t point[1 + 2 * WIDTH_MAX];
    size_t len = EC_POINT_point2oct(EC_KEY_get0_group(key->ec), EC_KEY_get0_public_key(key->ec),
        POINT_CONVERSION_UNCOMPRESSED, point, sizeof point, NULL);
    if (len < 1)
        return 0;
    memcpy(out, point + 1, len - 1);
    return len - 1;
}

static unsigned ec_parts(const struct keypair *key, struct keypair_part *parts, uint8_t *room)
{
    size_t width = width_of(key->algorithm);
    if (BN_bn2binpad(EC_KEY_get0_private_key(key->ec), room, (int)width) < 0)
        return 0;
    parts[0] = (struct keypair_part){"PrivateKey", room, width};
    return 1;
}

/* ---- the signer ---- */

static void ec_signer_clear(struct keypair_signer *signer)
{
    struct ec_signer *state = signer->state;
    for (unsigned i = 0; i < BATCH; i++) {
        BN_clear_free(state->k[i]);
        BN_clear_free(state->product[i]);
        BN_clear_free(state->r[i]);
        EC_POINT_free(state->points[i]);
    }
    BN_free(state->less_two);
    BN_free(state->one);
    BN_clear_free(state->inverse);
    BN_clear_free(state->spare);
    BN_CTX_free(state->context);
    free(state);
}

static enum err ec_signer_init(struct keypair_signer *signer)
{
    struct ec_signer *state = calloc(1, sizeof *state);
    if (state == NULL)
        return ERR_MEMORY;
    signer->state = state;
    state->group = EC_KEY_get0_group(signer->key->ec);
    state->order = EC_GROUP_get0_order(state->group);
    state->mont = EC_GROUP_get_mont_data(state->group);
    state->context = BN_CTX_new();
    state->less_two = BN_dup(state->order);
    state->one = BN_new();
    state->inverse = BN_new();
    state->spare = BN_new();
    bool good = state->mont != NULL && state->context != NULL && state->less_two != NULL &&
                state->one != NULL && state->inverse != NULL && state->spare != NULL &&
                BN_sub_word(state->less_two, 2) == 1 && BN_one(state->one) == 1;
    for (unsigned i = 0; i < BATCH && good; i++) {
        state->k[i] = BN_new();
        state->product[i] = BN_new();
        state->r[i] = BN_new();
        state->points[i] = EC_POINT_new(state->group);
        good = state->k[i] != NULL && state->product[i] != NULL && state->r[i] != NULL &&
               state->points[i] != NULL;
    }
    return good ? ERR_OK : ERR_MEMORY;
}

/* Uniform in 1 .. order - 1: what is not in it is thrown again. */
static bool draw(const struct ec_signer *state, const uint8_t *octets, size_t width, BIGNUM *k)
{
    BN_set_flags(k, BN_FLG_CONSTTIME);
    return BN_bin2bn(octets, (int)width, k) != NULL && !BN_is_zero(k) && BN_cmp(k, state->order) < 0;
}

static bool draw_all(const struct ec_signer *state, unsigned count)
{
    uint8_t octets[BATCH * WIDTH_MAX];
    size_t width = (size_t)BN_num_bytes(state->order);
    bool good = true;
    randombytes_buf(octets, count * width);
    for (unsigned i = 0; i < count && good; i++) {
        for (unsigned tries = 0; !draw(state, octets + i * width, width, state->k[i]); tries++) {
            if (tries == 64)
                return false;
            randombytes_buf(octets + i * width, width);
        }
    }
    sodium_memzero(octets, sizeof octets);
    return good;
}

/* Every k becomes its inverse, by one inversion: 1/(k0 ... kn) times what stands before and behind each. The
 * products and the inverse are kept in Montgomery form, k's are not: mont(a in form, b not) is ab, not in
 * form. */
static bool invert_all(struct ec_signer *state, unsigned count)
{
    BIGNUM **k = state->k, **product = state->product;
    bool good = BN_to_montgomery(product[0], k[0], state->mont, state->context) == 1;
    for (unsigned i = 1; i < count && good; i++)
        good =
            BN_to_montgomery(state->spare, k[i], state->mont, state->context) == 1 &&
            BN_mod_mul_montgomery(product[i], product[i - 1], state->spare, state->mont, state->context) == 1;
    good = good && BN_from_montgomery(state->spare, product[count - 1], state->mont, state->context) == 1 &&
           BN_mod_exp_mont_consttime(state->inverse, state->spare, state->less_two, state->order,
               state->context, state->mont) == 1 &&
           BN_to_montgomery(state->inverse, state->inverse, state->mont, state->context) == 1;
    for (unsigned i = count - 1; i > 0 && good; i--) {
        /* inverse = 1/(k0 ... ki): times k0 ... ki-1 it is 1/ki, times ki it is the one before. */
        good =
            BN_mod_mul_montgomery(
                state->spare, state->inverse, product[i - 1], state->mont, state->context) == 1 &&
            BN_to_montgomery(k[i], k[i], state->mont, state->context) == 1 &&
            BN_mod_mul_montgomery(state->inverse, state->inverse, k[i], state->mont, state->context) == 1 &&
            BN_from_montgomery(k[i], state->spare, state->mont, state->context) == 1;
    }
    return good && BN_from_montgomery(k[0], state->inverse, state->mont, state->context) == 1;
}

/* r = (kG).x mod order. Points are made affine together; then z is 1, and x can be read as it is. */
static bool multiply_all(struct ec_signer *state, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (EC_POINT_mul(state->group, state->points[i], state->k[i], NULL, NULL, state->context) != 1)
            return false;
    }
    if (EC_POINTs_make_affine(state->group, count, state->points, state->context) != 1)
        return false;
    for (unsigned i = 0; i < count; i++) {
        if (EC_POINT_get_Jprojective_coordinates_GFp(
                state->group, state->points[i], state->r[i], NULL, state->spare, state->context) != 1 ||
            !BN_is_one(state->spare) ||
            BN_nnmod(state->r[i], state->r[i], state->order, state->context) != 1 || BN_is_zero(state->r[i]))
            return false;
    }
    return true;
}

static bool prepare(struct ec_signer *state)
{
    if (!draw_all(state, BATCH) || !multiply_all(state, BATCH) || !invert_all(state, BATCH))
        return false;
    state->left = BATCH;
    state->owner = getpid();
    return true;
}

/* ---- RFC 6979 ---- */

struct hmac {
    enum digest_kind kind;
    size_t block, len;
    uint8_t key[DIGEST_MAX];
};

static void hmac_make(const struct hmac *hmac, const uint8_t *bytes, size_t len, uint8_t *out)
{
    uint8_t inner[128 + 256], outer[128 + DIGEST_MAX];
    memset(inner, 0x36, hmac->block);
    memset(outer, 0x5c, hmac->block);
    for (size_t i = 0; i < hmac->len; i++) {
        inner[i] ^= hmac->key[i];
        outer[i] ^= hmac->key[i];
    }
    memcpy(inner + hmac->block, bytes, len);
    digest_make(hmac->kind, inner, hmac->block + len, outer + hmac->block);
    digest_make(hmac->kind, outer, hmac->block + hmac->len, out);
    sodium_memzero(inner, sizeof inner);
    sodium_memzero(outer, sizeof outer);
}

/* K = HMAC(K, V | mark | seed), V = HMAC(K, V) (RFC 6979 3.2 d to g). */
static void hmac_step(struct hmac *hmac, uint8_t *v, uint8_t mark, const uint8_t *seed, size_t seed_len)
{
    uint8_t input[DIGEST_MAX + 1 + 2 * WIDTH_MAX];
    memcpy(input, v, hmac->len);
    input[hmac->len] = mark;
    if (seed_len > 0)
        memcpy(input + hmac->len + 1, seed, seed_len);
    hmac_make(hmac, input, hmac->len + 1 + seed_len, hmac->key);
    hmac_make(hmac, v, hmac->len, v);
    sodium_memzero(input, sizeof input);
}

/* For both curves the digest is as wide as the order, so that bits2int is plain reading. */
static bool derive(const struct keypair_signer *signer, const uint8_t *digest, size_t width)
{
    struct ec_signer *state = signer->state;
    struct hmac hmac = {
        .kind = signer->key->algorithm->digest, .len = width, .block = width == 32 ? 64 : 128};
    uint8_t v[DIGEST_MAX], seed[2 * WIDTH_MAX];
    BIGNUM *e = BN_bin2bn(digest, (int)width, NULL);
    bool good = e != NULL && BN_nnmod(e, e, state->order, state->context) == 1 &&
                BN_bn2binpad(EC_KEY_get0_private_key(signer->key->ec), seed, (int)width) >= 0 &&
                BN_bn2binpad(e, seed + width, (int)width) >= 0;
    memset(v, 1, sizeof v);
    if (good) {
        hmac_step(&hmac, v, 0, seed, 2 * width);
        hmac_step(&hmac, v, 1, seed, 2 * width);
        hmac_make(&hmac, v, hmac.len, v);
        while (!draw(state, v, width, state->k[0])) {
            hmac_step(&hmac, v, 0, NULL, 0);
            hmac_make(&hmac, v, hmac.len, v);
        }
        good = multiply_all(state, 1) && invert_all(state, 1);
    }
    BN_free(e);
    sodium_memzero(&hmac, sizeof hmac);
    sodium_memzero(v, sizeof v);
    sodium_memzero(seed, sizeof seed);
    state->left = good ? 1 : 0;
    return good;
}

/* ---- signatures ---- */

static bool write_signature(const ECDSA_SIG *made, size_t width, uint8_t *signature)
{
    return made != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(made), signature, (int)width) >= 0 &&
           BN_bn2binpad(ECDSA_SIG_get0_s(made), signature + width, (int)width) >= 0;
}

static enum err ec_sign(
    struct keypair_signer *signer, const uint8_t *message, size_t len, uint8_t *signature, size_t *out_len)
{
    struct ec_signer *state = signer->state;
    size_t width = width_of(signer->key->algorithm);
    uint8_t digest[DIGEST_MAX];
    size_t digest_octets = digest_make(signer->key->algorithm->digest, message, len, digest);
    bool ready = signer->deterministic ? derive(signer, digest, width)
                                       : (state->left > 0 && state->owner == getpid()) || prepare(state);
    if (!ready)
        return ERR_MEMORY;
    unsigned pair = --state->left;
    ECDSA_SIG *made =
        ECDSA_do_sign_ex(digest, (int)digest_octets, state->k[pair], state->r[pair], signer->key->ec);
    BN_clear(state->k[pair]);
    BN_clear(state->r[pair]);
    bool good = write_signature(made, width, signature);
    ECDSA_SIG_free(made);
    *out_len = 2 * width;
    return good ? ERR_OK : ERR_MEMORY;
}

/* The key's table of multiples, once it is worth its price; the thread whose verification is the one that
 * makes it so makes it, others go on without. */
static const struct ec_table *table_of(const struct keypair *key)
{
    struct keypair *shared = (struct keypair *)(uintptr_t)key;
    if (key->algorithm->number != ALGORITHM_ECDSAP256)
        return NULL;
    struct ec_table *table = atomic_load_explicit(&shared->table, memory_order_acquire);
    if (table == NULL &&
        atomic_fetch_add_explicit(&shared->verified, 1, memory_order_relaxed) == TABLE_FROM) {
        table = ec_table_new(key->ec);
        atomic_store_explicit(&shared->table, table, memory_order_release);
    }
    return table;
}

static bool ec_verify(const struct keypair *key, const uint8_t *message, size_t len, const uint8_t *signature,
    size_t signature_len)
{
    size_t width = signature_len / 2;
    uint8_t digest[DIGEST_MAX];
    size_t digest_octets = digest_make(key->algorithm->digest, message, len, digest);
    const struct ec_table *table = table_of(key);
    enum ec_verdict verdict = table != NULL ? ec_table_verify(table, digest, signature) : EC_NO_MEMORY;
    if (verdict != EC_NO_MEMORY)
        return verdict == EC_VALID;
    BIGNUM *r = BN_bin2bn(signature, (int)width, NULL), *s = BN_bin2bn(signature + width, (int)width, NULL);
    ECDSA_SIG *given = ECDSA_SIG_new();
    if (r == NULL || s == NULL || given == NULL || ECDSA_SIG_set0(given, r, s) != 1) {
        BN_free(r);
        BN_free(s);
        ECDSA_SIG_free(given);
        return false;
    }
    bool good = ECDSA_do_verify(digest, (int)digest_octets, given, key->ec) == 1;
    ECDSA_SIG_free(given);
    return good;
}

const struct keypair_kind keypair_ec = {
    .generate = ec_generate,
    .take_public = ec_public,
    .take_private = ec_private,
    .clear = ec_clear,
    .write_public = ec_write_public,
    .parts = ec_parts,
    .signer_init = ec_signer_init,
    .signer_clear = ec_signer_clear,
    .sign = ec_sign,
    .verify = ec_verify,
};
