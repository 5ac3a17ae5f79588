#define OPENSSL_SUPPRESS_DEPRECATED
#include "zone/sec/ec_table.h"

#include <openssl/bn.h>
#include <openssl/objects.h>
#include <stdlib.h>

#define WIDTH 32

struct ec_table {
    EC_GROUP *base;  /* the curve, with OpenSSL's table for its generator */
    EC_GROUP *group; /* the same, with the key's point for a generator, and a table of it */
    BN_MONT_CTX *mont;
};

struct ec_table *ec_table_new(const EC_KEY *key)
{
    const EC_GROUP *base = EC_KEY_get0_group(key);
    if (EC_GROUP_get_curve_name(base) != NID_X9_62_prime256v1)
        return NULL;
    struct ec_table *table = calloc(1, sizeof *table);
    if (table == NULL)
        return NULL;
    table->base = EC_GROUP_dup(base);
    table->group = EC_GROUP_dup(base);
    table->mont = table->base != NULL ? EC_GROUP_get_mont_data(table->base) : NULL;
    if (table->mont != NULL && table->group != NULL &&
        EC_GROUP_set_generator(table->group, EC_KEY_get0_public_key(key), EC_GROUP_get0_order(base),
            EC_GROUP_get0_cofactor(base)) == 1 &&
        EC_GROUP_precompute_mult(table->group, NULL) == 1)
        return table;
    ec_table_free(table);
    return NULL;
}

void ec_table_free(struct ec_table *table)
{
    if (table == NULL)
        return;
    EC_GROUP_free(table->base);
    EC_GROUP_free(table->group);
    free(table);
}

/* What one verification works with; all of CONTEXT's. */
struct work {
    BN_CTX *context;
    BIGNUM *e, *r, *s, *x;
    EC_POINT *first, *second;
};

static bool in_range(const BIGNUM *number, const BIGNUM *order)
{
    return !BN_is_zero(number) && BN_cmp(number, order) < 0;
}

/* e and r become e/s and r/s: mont(a in Montgomery form, b not) is ab, not in form. */
static bool divide(const struct ec_table *table, struct work *work, const BIGNUM *order)
{
    return BN_mod_inverse(work->s, work->s, order, work->context) != NULL &&
           BN_to_montgomery(work->s, work->s, table->mont, work->context) == 1 &&
           BN_nnmod(work->e, work->e, order, work->context) == 1 &&
           BN_mod_mul_montgomery(work->e, work->e, work->s, table->mont, work->context) == 1 &&
           BN_mod_mul_montgomery(work->x, work->r, work->s, table->mont, work->context) == 1;
}

static enum ec_verdict verify(
    const struct ec_table *table, struct work *work, const uint8_t *digest, const uint8_t *signature)
{
    const BIGNUM *order = EC_GROUP_get0_order(table->base);
    if (BN_bin2bn(digest, WIDTH, work->e) == NULL || BN_bin2bn(signature, WIDTH, work->r) == NULL ||
        BN_bin2bn(signature + WIDTH, WIDTH, work->s) == NULL)
        return EC_NO_MEMORY;
    if (!in_range(work->r, order) || !in_range(work->s, order))
        return EC_INVALID;
    if (!divide(table, work, order) ||
        EC_POINT_mul(table->base, work->first, work->e, NULL, NULL, work->context) != 1 ||
        EC_POINT_mul(table->group, work->second, work->x, NULL, NULL, work->context) != 1 ||
        EC_POINT_add(table->base, work->first, work->first, work->second, work->context) != 1)
        return EC_NO_MEMORY;
    if (EC_POINT_is_at_infinity(table->base, work->first) == 1)
        return EC_INVALID;
    if (EC_POINT_get_affine_coordinates(table->base, work->first, work->x, NULL, work->context) != 1 ||
        BN_nnmod(work->x, work->x, order, work->context) != 1)
        return EC_NO_MEMORY;
    return BN_cmp(work->x, work->r) == 0 ? EC_VALID : EC_INVALID;
}

enum ec_verdict ec_table_verify(const struct ec_table *table, const uint8_t *digest, const uint8_t *signature)
{
    struct work work = {.context = BN_CTX_new()};
    enum ec_verdict verdict = EC_NO_MEMORY;
    if (work.context == NULL)
        return EC_NO_MEMORY;
    BN_CTX_start(work.context);
    work.e = BN_CTX_get(work.context);
    work.r = BN_CTX_get(work.context);
    work.s = BN_CTX_get(work.context);
    work.x = BN_CTX_get(work.context);
    work.first = EC_POINT_new(table->base);
    work.second = EC_POINT_new(table->base);
    if (work.x != NULL && work.first != NULL && work.second != NULL)
        verdict = verify(table, &work, digest, signature);
    EC_POINT_free(work.first);
    EC_POINT_free(work.second);
    BN_CTX_end(work.context);
    BN_CTX_free(work.context);
    return verdict;
}
