/* Verifying by tables says what OpenSSL says, also at the edges: made-up signatures whose two products are
 * the same point, opposite ones, or none. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/obj_mac.h>
#include <openssl/rand.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "zone/sec/ec_table.h"

#define WIDTH 32

static EC_KEY *make_key(const BIGNUM *private_number)
{
    EC_KEY *key = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);
    assert_non_null(key);
    if (private_number == NULL) {
        assert_int_equal(EC_KEY_generate_key(key), 1);
        return key;
    }
    EC_POINT *point = EC_POINT_new(EC_KEY_get0_group(key));
    assert_int_equal(EC_POINT_mul(EC_KEY_get0_group(key), point, private_number, NULL, NULL, NULL), 1);
    assert_int_equal(EC_KEY_set_public_key(key, point), 1);
    EC_POINT_free(point);
    return key;
}

/* OpenSSL's own word. */
static bool is_valid(EC_KEY *key, const uint8_t *digest, const uint8_t *signature)
{
    ECDSA_SIG *given = ECDSA_SIG_new();
    assert_int_equal(
        ECDSA_SIG_set0(given, BN_bin2bn(signature, WIDTH, NULL), BN_bin2bn(signature + WIDTH, WIDTH, NULL)),
        1);
    bool valid = ECDSA_do_verify(digest, WIDTH, given, key) == 1;
    ECDSA_SIG_free(given);
    return valid;
}

static void check(EC_KEY *key, const struct ec_table *table, const uint8_t *digest, const uint8_t *signature)
{
    enum ec_verdict expected = is_valid(key, digest, signature) ? EC_VALID : EC_INVALID;
    assert_int_equal(ec_table_verify(table, digest, signature), expected);
}

static void test_signatures_and_what_is_none(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 4; round++) {
        EC_KEY *key = make_key(NULL);
        struct ec_table *table = ec_table_new(key);
        assert_non_null(table);
        for (unsigned i = 0; i < 50; i++) {
            uint8_t digest[WIDTH], signature[2 * WIDTH];
            assert_int_equal(RAND_bytes(digest, sizeof digest), 1);
            memset(digest, i == 0 ? 0 : i == 1 ? 0xff : digest[0], i < 2 ? WIDTH : 1);
            ECDSA_SIG *made = ECDSA_do_sign(digest, WIDTH, key);
            BN_bn2binpad(ECDSA_SIG_get0_r(made), signature, WIDTH);
            BN_bn2binpad(ECDSA_SIG_get0_s(made), signature + WIDTH, WIDTH);
            ECDSA_SIG_free(made);
            assert_int_equal(ec_table_verify(table, digest, signature), EC_VALID);
            signature[i] ^= (uint8_t)(1u << i % 8);
            check(key, table, digest, signature);
            signature[i] ^= (uint8_t)(1u << i % 8);
            digest[i % WIDTH] ^= 1;
            check(key, table, digest, signature);
            memset(signature + (i % 2) * WIDTH, i % 4 < 2 ? 0 : 0xff, WIDTH);
            check(key, table, digest, signature);
        }
        ec_table_free(table);
        EC_KEY_free(key);
    }
}

/* A signature with which e/s is FIRST and r/s is SECOND, for the key DG; is it one? (Anybody can make these
 * for digests that are nobody's.) */
static void make_up(const BIGNUM *first, const BIGNUM *second, const BIGNUM *d)
{
    BN_CTX *context = BN_CTX_new();
    EC_KEY *key = make_key(d);
    const EC_GROUP *group = EC_KEY_get0_group(key);
    const BIGNUM *order = EC_GROUP_get0_order(group);
    EC_POINT *sum = EC_POINT_new(group);
    BIGNUM *r = BN_new(), *s = BN_new(), *e = BN_new();
    uint8_t digest[WIDTH], signature[2 * WIDTH];
    EC_POINT_mul(group, sum, first, EC_KEY_get0_public_key(key), second, context);
    if (EC_POINT_is_at_infinity(group, sum))
        BN_one(r);
    else
        EC_POINT_get_affine_coordinates(group, sum, r, NULL, context);
    BN_nnmod(r, r, order, context);
    BN_mod_inverse(s, second, order, context);
    BN_mod_mul(s, s, r, order, context);
    BN_mod_mul(e, first, s, order, context);
    BN_bn2binpad(r, signature, WIDTH);
    BN_bn2binpad(s, signature + WIDTH, WIDTH);
    BN_bn2binpad(e, digest, WIDTH);
    struct ec_table *table = ec_table_new(key);
    assert_int_equal(is_valid(key, digest, signature), !EC_POINT_is_at_infinity(group, sum));
    check(key, table, digest, signature);
    ec_table_free(table);
    BN_free(r);
    BN_free(s);
    BN_free(e);
    EC_POINT_free(sum);
    EC_KEY_free(key);
    BN_CTX_free(context);
}

static void test_edges(void **state)
{
    (void)state;
    EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    BIGNUM *one = BN_new(), *two = BN_new(), *last = BN_new(), *zero = BN_new(), *half = BN_new();
    BN_one(one);
    BN_set_word(two, 2);
    BN_zero(zero);
    BN_sub(last, EC_GROUP_get0_order(group), one);
    BN_rshift1(half, last);
    make_up(one, one, one);   /* G + G */
    make_up(two, one, two);   /* 2G + 2G */
    make_up(last, one, one);  /* -G + G: no point */
    make_up(one, last, one);  /* G - G */
    make_up(zero, one, two);  /* nothing and 2G */
    make_up(last, last, one); /* the largest numbers */
    make_up(half, last, last);
    make_up(one, half, two);
    BN_free(one);
    BN_free(two);
    BN_free(zero);
    BN_free(last);
    BN_free(half);
    EC_GROUP_free(group);
}

static void test_other_curves_have_none(void **state)
{
    (void)state;
    EC_KEY *key = EC_KEY_new_by_curve_name(NID_secp384r1);
    assert_int_equal(EC_KEY_generate_key(key), 1);
    assert_null(ec_table_new(key));
    EC_KEY_free(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signatures_and_what_is_none),
        cmocka_unit_test(test_edges),
        cmocka_unit_test(test_other_curves_have_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
