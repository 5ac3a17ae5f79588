/* Cookies (zone/wire/cookie.h): the examples of RFC 9018 appendix A, ages, lengths, secrets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "zone/wire/cookie.h"

#define RFC_SECRET "e5e973e5a6b2a43f48e7dc849e37bfcf"

static void hex(const char *text, uint8_t *out, size_t len)
{
    size_t got = 0;
    assert_int_equal(sodium_hex2bin(out, len, text, strlen(text), NULL, &got, NULL), 0);
    assert_int_equal(got, len);
}

static struct cookie_secrets secrets_of(const char *first, const char *second)
{
    struct cookie_secrets secrets = {.count = second != NULL ? 2 : 1};
    hex(first, secrets.secret[0], COOKIE_SECRET_LEN);
    if (second != NULL)
        hex(second, secrets.secret[1], COOKIE_SECRET_LEN);
    return secrets;
}

/* A.1 to A.4: a new cookie, a renewed one, one whose reserved octets are not zero, and one over IPv6 with a
 * new secret. */
static void rfc_examples(void **state)
{
    static const uint8_t ip1[4] = {198, 51, 100, 100}, ip2[4] = {203, 0, 113, 203};
    static const uint8_t ip6[16] = {
        0x20, 0x01, 0x0d, 0xb8, 0x02, 0x20, 0, 1, 0x59, 0xde, 0xd0, 0xf4, 0x87, 0x69, 0x82, 0xb8};
    static const struct {
        const char *secret, *old, *asked, *given;
        const uint8_t *ip;
        uint8_t ip_len;
        uint32_t now;
        enum cookie_verdict verdict;
    } cases[] = {
        {RFC_SECRET, NULL, "2464c4abcf10c957", "2464c4abcf10c957010000005cf79f111f8130c3eee29480", ip1, 4,
            1559731985, COOKIE_CLIENT},
        {RFC_SECRET, NULL, "2464c4abcf10c957010000005cf79f111f8130c3eee29480",
            "2464c4abcf10c957010000005cf7a871d4a564a1442aca77", ip1, 4, 1559734385, COOKIE_AGED},
        {RFC_SECRET, NULL, "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5",
            "fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e", ip2, 4, 1559734700, COOKIE_UNKNOWN},
        {"445536bcd2513298075a5d379663c962", "dd3bdf9344b678b185a6f5cb60fca715",
            "22681ab97d52c298010000005cf7c57926556bd0934c72f8",
            "22681ab97d52c298010000005cf7c609a6bb79d16625507a", ip6, 16, 1559741961, COOKIE_AGED},
    };
    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct cookie_secrets secrets = secrets_of(cases[i].secret, cases[i].old);
        struct cookie_client client = {cases[i].ip, cases[i].ip_len, cases[i].now};
        uint8_t asked[COOKIE_LEN], given[COOKIE_LEN], made[COOKIE_LEN];
        unsigned len = (unsigned)strlen(cases[i].asked) / 2;
        hex(cases[i].asked, asked, len);
        hex(cases[i].given, given, COOKIE_LEN);
        print_message("RFC 9018 A.%u\n", i + 1);
        cookie_make(&secrets, &client, asked, made);
        assert_memory_equal(made, given, COOKIE_LEN);
        if (i != 2) /* A.3 was taken when it was younger: see below */
            assert_int_equal(cookie_check(&secrets, &client, asked, len), cases[i].verdict);
    }
}

/* RFC 9018 A.3: reserved octets that are not zero are hashed as they are. */
static void reserved_octets_are_hashed(void **state)
{
    static const uint8_t ip[4] = {203, 0, 113, 203};
    struct cookie_secrets secrets = secrets_of(RFC_SECRET, NULL);
    struct cookie_client client = {ip, 4, 0x5cf78f71 + 60};
    uint8_t cookie[COOKIE_LEN];
    (void)state;
    hex("fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5", cookie, COOKIE_LEN);
    assert_int_equal(cookie_check(&secrets, &client, cookie, COOKIE_LEN), COOKIE_FRESH);
}

static void ages(void **state)
{
    static const uint8_t ip[4] = {192, 0, 2, 1};
    static const struct {
        int64_t age;
        enum cookie_verdict verdict;
    } cases[] = {{0, COOKIE_FRESH}, {1800, COOKIE_FRESH}, {1801, COOKIE_AGED}, {3600, COOKIE_AGED},
        {3601, COOKIE_UNKNOWN}, {-300, COOKIE_FRESH}, {-301, COOKIE_UNKNOWN}, {0x80000000, COOKIE_UNKNOWN}};
    static const uint32_t times[] = {1559731985, 0, UINT32_MAX - 100}; /* the last: 2106, RFC 1982 */
    struct cookie_secrets secrets = secrets_of(RFC_SECRET, NULL);
    (void)state;
    for (unsigned t = 0; t < sizeof times / sizeof *times; t++) {
        for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
            struct cookie_client client = {ip, 4, times[t]};
            uint8_t cookie[COOKIE_LEN];
            cookie_make(&secrets, &client, (const uint8_t *)"12345678", cookie);
            client.now_s = (uint32_t)((int64_t)times[t] + cases[i].age);
            assert_int_equal(cookie_check(&secrets, &client, cookie, COOKIE_LEN), cases[i].verdict);
        }
    }
}

static void what_is_not_ours(void **state)
{
    static const uint8_t ip[4] = {192, 0, 2, 1}, other[4] = {192, 0, 2, 2};
    struct cookie_secrets secrets = secrets_of(RFC_SECRET, NULL);
    struct cookie_client client = {ip, 4, 1000000};
    uint8_t cookie[64] = {0};
    (void)state;
    cookie_make(&secrets, &client, (const uint8_t *)"12345678", cookie);
    for (unsigned bit = 0; bit < COOKIE_LEN * 8; bit++) {
        cookie[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(cookie_check(&secrets, &client, cookie, COOKIE_LEN), COOKIE_UNKNOWN);
        cookie[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_int_equal(cookie_check(&secrets, &client, cookie, COOKIE_LEN), COOKIE_FRESH);
    client.ip = other;
    assert_int_equal(cookie_check(&secrets, &client, cookie, COOKIE_LEN), COOKIE_UNKNOWN);
    for (unsigned len = 0; len < sizeof cookie; len++) {
        enum cookie_verdict wanted = len == 8               ? COOKIE_CLIENT
                                     : len < 16 || len > 40 ? COOKIE_MALFORMED
                                                            : COOKIE_UNKNOWN;
        assert_int_equal(cookie_check(&secrets, &client, cookie, len), wanted);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc_examples),
        cmocka_unit_test(reserved_octets_are_hashed),
        cmocka_unit_test(ages),
        cmocka_unit_test(what_is_not_ours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
