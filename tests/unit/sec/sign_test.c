/* Signing and verifying one RRset: examples of the RFCs, every algorithm, every way to be wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <string.h>

#include "zone/sec/verify.h"
#include "zone/wire/type.h"

#define NOW 1700000000u

struct given {
    struct arena arena;
    struct rrset *rrset;
    struct rrset_form form;
    uint8_t owner[NAME_MAX + 1], zone[NAME_MAX + 1];
};

static void take_name(const char *text, uint8_t *out)
{
    assert_int_equal(name_parse(text, strlen(text), NULL, out, NULL, NULL), ERR_OK);
}

/* MX records of www.example.com, in an order that is not the canonical one, one twice. */
static void given_init(struct given *given, const char *owner)
{
    static const uint8_t rdata[][32] = {
        "\0\24\4Mail\7Example\3com", "\0\12\1a\7example\3com", "\0\24\4mail\7example\3com"};
    const struct rdata_ref refs[] = {{rdata[0], 20}, {rdata[1], 17}, {rdata[2], 20}};
    arena_init(&given->arena, 0);
    rrset_form_init(&given->form);
    given->rrset = rrset_make(&given->arena, TYPE_MX, 3600, refs, 3);
    assert_non_null(given->rrset);
    take_name(owner, given->owner);
    take_name("example.com.", given->zone);
}

static void given_clear(struct given *given)
{
    rrset_form_clear(&given->form);
    arena_clear(&given->arena);
}

static struct key *public_of(const struct key *key)
{
    uint8_t rdata[DNSKEY_RDATA_MAX];
    struct key *public;
    size_t len = key_write_dnskey(key, rdata);
    assert_int_equal(key_from_dnskey(key->owner, rdata, len, &public), ERR_OK);
    assert_int_equal(public->tag, key->tag);
    assert_int_equal(dnskey_tag(rdata, len), key->tag);
    return public;
}

static void every_algorithm_signs_what_it_verifies(void **state UNUSED)
{
    struct given given;
    given_init(&given, "WWW.example.com.");
    const struct algorithm *algorithm;
    for (unsigned i = 0; (algorithm = algorithm_row(i)) != NULL; i++) {
        struct key *key;
        struct signing *signing;
        if (!algorithm->signs)
            continue;
        assert_int_equal(
            key_generate(given.zone, algorithm, algorithm->kind == KIND_RSA ? 1024 : 0, ROLE_ZSK, &key),
            ERR_OK);
        struct key *public = public_of(key);
        assert_int_equal(signing_new(key, &signing), ERR_OK);
        for (unsigned round = 0; round < 70; round++) {
            uint8_t rrsig[RRSIG_RDATA_MAX];
            size_t len;
            struct rrsig_terms terms = {given.zone, 3600, NOW - round, NOW + 1000};
            assert_int_equal(sign_rrset(signing, given.owner, given.rrset, &terms, rrsig, &len), ERR_OK);
            assert_int_equal(
                verify_rrset(&given.form, public, given.owner, given.rrset, rrsig, len, NOW), VERDICT_VALID);
            rrsig[len - 1 - round % 60] ^= 4;
            assert_int_equal(verify_rrset(&given.form, public, given.owner, given.rrset, rrsig, len, NOW),
                VERDICT_SIGNATURE);
        }
        signing_free(signing);
        key_release(public);
        key_release(key);
    }
    given_clear(&given);
}

static void says_what_is_wrong(void **state UNUSED)
{
    struct given given;
    struct key *key;
    struct signing *signing;
    uint8_t rrsig[RRSIG_RDATA_MAX];
    size_t len;
    given_init(&given, "www.example.com.");
    assert_int_equal(key_generate(given.zone, algorithm_find(15), 0, ROLE_KSK, &key), ERR_OK);
    assert_int_equal(signing_new(key, &signing), ERR_OK);
    struct rrsig_terms terms = {given.zone, 3600, NOW - 10, NOW + 10};
    assert_int_equal(sign_rrset(signing, given.owner, given.rrset, &terms, rrsig, &len), ERR_OK);
#define CHECK(verdict, owner, now)                                                                           \
    assert_int_equal(verify_rrset(&given.form, key, owner, given.rrset, rrsig, len, now), verdict)
    CHECK(VERDICT_VALID, given.owner, NOW - 10);
    CHECK(VERDICT_VALID, given.owner, NOW + 10);
    CHECK(VERDICT_NOT_YET, given.owner, NOW - 11);
    CHECK(VERDICT_EXPIRED, given.owner, NOW + 11);
    uint8_t other[NAME_MAX + 1];
    take_name("example.net.", other);
    CHECK(VERDICT_SIGNER, other, NOW);
    take_name("example.com.", other);
    CHECK(VERDICT_LABELS, other, NOW);
    take_name("ftp.example.com.", other);
    CHECK(VERDICT_SIGNATURE, other, NOW);
    given.rrset->ttl = 3601;
    CHECK(VERDICT_TTL, given.owner, NOW);
    given.rrset->ttl = 60; /* a cache counts down */
    CHECK(VERDICT_VALID, given.owner, NOW);
    given.rrset->type = TYPE_KX;
    CHECK(VERDICT_OTHER_TYPE, given.owner, NOW);
    given.rrset->type = TYPE_MX;
    rrsig[16] ^= 1;
    CHECK(VERDICT_OTHER_KEY, given.owner, NOW);
    assert_int_equal(
        verify_rrset(&given.form, key, given.owner, given.rrset, rrsig, 19, NOW), VERDICT_MALFORMED);
    signing_free(signing);
    key_release(key);
    given_clear(&given);
}

/* RFC 4034 3.1.3: the "*" does not count; RFC 4035 5.3.2: what it answers for verifies by the labels field.
 */
static void wildcards_verify_for_names_below(void **state UNUSED)
{
    struct given given;
    struct key *key;
    struct signing *signing;
    uint8_t rrsig[RRSIG_RDATA_MAX], other[NAME_MAX + 1];
    size_t len;
    given_init(&given, "*.example.com.");
    assert_int_equal(key_generate(given.zone, algorithm_find(13), 0, ROLE_KSK, &key), ERR_OK);
    assert_int_equal(signing_new(key, &signing), ERR_OK);
    struct rrsig_terms terms = {given.zone, 3600, NOW - 10, NOW + 10};
    assert_int_equal(sign_rrset(signing, given.owner, given.rrset, &terms, rrsig, &len), ERR_OK);
    assert_int_equal(rrsig[3], 2);
    CHECK(VERDICT_VALID, given.owner, NOW);
    take_name("a.B.example.com.", other);
    CHECK(VERDICT_VALID, other, NOW);
    take_name("example.com.", other);
    CHECK(VERDICT_SIGNATURE, other, NOW);
    signing_free(signing);
    key_release(key);
    given_clear(&given);
}

static void equal_input_gives_equal_signatures(void **state UNUSED)
{
    struct given given;
    given_init(&given, "www.example.com.");
    for (unsigned number = 13; number <= 16; number++) {
        struct key *key;
        struct signing *signing;
        uint8_t rrsig[2][RRSIG_RDATA_MAX];
        size_t len[2];
        assert_int_equal(key_generate(given.zone, algorithm_find(number), 0, ROLE_KSK, &key), ERR_OK);
        assert_int_equal(signing_new(key, &signing), ERR_OK);
        signing_deterministic(signing, true);
        struct rrsig_terms terms = {given.zone, 3600, NOW - 10, NOW + 10};
        for (unsigned i = 0; i < 2; i++)
            assert_int_equal(
                sign_rrset(signing, given.owner, given.rrset, &terms, rrsig[i], &len[i]), ERR_OK);
        assert_int_equal(len[0], len[1]);
        assert_memory_equal(rrsig[0], rrsig[1], len[0]);
        signing_free(signing);
        key_release(key);
    }
    given_clear(&given);
}

static size_t take_base64(const char *text, uint8_t *out, size_t size)
{
    size_t len;
    assert_int_equal(
        sodium_base642bin(out, size, text, strlen(text), " ", &len, NULL, sodium_base64_VARIANT_ORIGINAL), 0);
    return len;
}

/* The examples of RFC 8080 6 and RFC 6605 6: their private keys sign (EdDSA: to the octet), their signatures
 * verify, their DS follow. */
static const struct example {
    uint8_t number;
    uint16_t tag;
    const char *private, *public, *signature, *ds;
    const char *owner, *zone;
    const char *rdata;
    uint16_t type, rdata_len;
    uint32_t inception, expiration;
} examples[] = {
    {15, 3613, "ODIyNjAzODQ2MjgwODAxMjI2NDUxOTAyMDQxNDIyNjI=", "l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=",
        "oL9krJun7xfBOIWcGHi7mag5/hdZrKWw15jPGrHpjQeRAvTdszaPD+QLs3fx8A4M3e23mRZ9VrbpMngwcrqNAg==",
        "3aa5ab37efce57f737fc1627013fee07bdf241bd10f3b1964ab55c78e79a304b", "example.com.", "example.com.",
        "\0\12\4mail\7example\3com", TYPE_MX, 20, 1438207200, 1440021600},
    {13, 55648, "GU6SnQ/Ou+xC5RumuIUIuJZteXT2z0O/ok1s38Et6mQ=",
        "GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==",
        "qx6wLYqmh+l9oCKTN6qIc+bw6ya+KJ8oMz0YP107epXAyGmt+3SNruPFKG7tZoLBLlUzGGus7ZwmwWep666VCw==",
        "b4c8c1fe2e7477127b27115656ad6256f424625bf5c1e2770ce6d6e37df61d17", "www.example.net.",
        "example.net.", "\300\0\2\1", TYPE_A, 4, 1281607479, 1284026679},
};

static void check_example(const struct example *example)
{
    uint8_t octets[256], ds[DS_RDATA_MAX], zone[NAME_MAX + 1], owner[NAME_MAX + 1], rrsig[RRSIG_RDATA_MAX];
    char hex[2 * DIGEST_MAX + 1];
    struct keypair *pair;
    struct signing *signing;
    struct given given;
    size_t len = take_base64(example->private, octets, sizeof octets);
    const struct keypair_part part = {"PrivateKey", octets, len};
    assert_int_equal(keypair_private(algorithm_find(example->number), &part, 1, &pair), ERR_OK);
    take_name(example->zone, zone);
    take_name(example->owner, owner);
    struct key *key = key_new(zone, algorithm_find(example->number), KEY_ZONE | KEY_SEP, pair);
    assert_int_equal(key->tag, example->tag);
    len = take_base64(example->public, octets, sizeof octets);
    assert_int_equal(key->public_len, len);
    assert_memory_equal(key->public_octets, octets, len);
    len = key_write_ds(key, ds_digest_find(2), ds);
    sodium_bin2hex(hex, sizeof hex, ds + 4, len - 4);
    assert_string_equal(hex, example->ds);
    uint8_t dnskey[DNSKEY_RDATA_MAX];
    assert_true(ds_matches(ds, len, zone, dnskey, key_write_dnskey(key, dnskey)));
    ds[9] ^= 1;
    assert_false(ds_matches(ds, len, zone, dnskey, key_write_dnskey(key, dnskey)));

    given_init(&given, example->owner);
    const struct rdata_ref ref = {(const uint8_t *)example->rdata, example->rdata_len};
    struct rrset *rrset = rrset_make(&given.arena, example->type, 3600, &ref, 1);
    assert_int_equal(signing_new(key, &signing), ERR_OK);
    struct rrsig_terms terms = {zone, 3600, example->inception, example->expiration};
    assert_int_equal(sign_rrset(signing, owner, rrset, &terms, rrsig, &len), ERR_OK);
    size_t signature = take_base64(example->signature, octets, sizeof octets);
    if (example->number >= 15)
        assert_memory_equal(rrsig + len - signature, octets, signature);
    memcpy(rrsig + len - signature, octets, signature);
    assert_int_equal(
        verify_rrset(&given.form, key, owner, rrset, rrsig, len, example->inception + 1), VERDICT_VALID);
    signing_free(signing);
    key_release(key);
    given_clear(&given);
}

static void examples_of_the_rfcs(void **state UNUSED)
{
    for (size_t i = 0; i < ARRAY_COUNT(examples); i++)
        check_example(&examples[i]);
}

static const uint8_t probe_zone[] = "\7example";

/* RFC 6979 A.2.5: P-256 with SHA-256, message "sample"; r and s as given there. */
static void deterministic_ecdsa_is_that_of_rfc6979(void **state UNUSED)
{
    uint8_t octets[64], signature[SIGNATURE_MAX], expected[64];
    struct keypair *pair;
    struct keypair_signer *signer;
    size_t len;
    sodium_hex2bin(
        octets, 32, "C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721", 64, NULL, &len, NULL);
    const struct keypair_part part = {"PrivateKey", octets, 32};
    assert_int_equal(keypair_private(algorithm_find(13), &part, 1, &pair), ERR_OK);
    assert_int_equal(keypair_signer_new(pair, &signer), ERR_OK);
    keypair_signer_deterministic(signer, true);
    assert_int_equal(keypair_sign(signer, (const uint8_t *)"sample", 6, signature, &len), ERR_OK);
    sodium_hex2bin(expected, 64,
        "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716"
        "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8",
        128, NULL, NULL, NULL);
    assert_memory_equal(signature, expected, 64);
    keypair_signer_free(signer);
    keypair_release(pair);
}

static void a_handle_that_is_not_the_published_key_is_found_out(void **state UNUSED)
{
    for (unsigned number = 13; number <= 15; number++) {
        struct key *key, *other;
        struct signing *signing;
        uint8_t rdata[DNSKEY_RDATA_MAX];
        assert_int_equal(key_generate(probe_zone, algorithm_find(number), 0, ROLE_KSK, &key), ERR_OK);
        assert_int_equal(key_generate(probe_zone, algorithm_find(number), 0, ROLE_KSK, &other), ERR_OK);
        assert_int_equal(signing_new(key, &signing), ERR_OK);
        assert_int_equal(signing_prove(signing, rdata, key_write_dnskey(key, rdata)), ERR_OK);
        assert_int_equal(signing_prove(signing, rdata, key_write_dnskey(other, rdata)), ERR_INVALID);
        signing_free(signing);
        key_release(key);
        key_release(other);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_algorithm_signs_what_it_verifies),
        cmocka_unit_test(says_what_is_wrong),
        cmocka_unit_test(wildcards_verify_for_names_below),
        cmocka_unit_test(equal_input_gives_equal_signatures),
        cmocka_unit_test(examples_of_the_rfcs),
        cmocka_unit_test(deterministic_ecdsa_is_that_of_rfc6979),
        cmocka_unit_test(a_handle_that_is_not_the_published_key_is_found_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
