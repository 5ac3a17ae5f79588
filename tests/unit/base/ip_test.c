#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <string.h>

#include "zone/base/ip.h"

static void ip4_texts(void **state)
{
    (void)state;
    static const struct {
        const char *text, *why; /* why NULL: accepted */
    } cases[] = {{"192.0.2.1", NULL}, {"0.0.0.0", NULL}, {"255.255.255.255", NULL},
        {"192.0.2.256", "octet 4 is above 255"}, {"192.0.2", "3 octets instead of 4"},
        {"1.2.3.4.5", "5 octets instead of 4"}, {"01.2.3.4", "octet 1 has a leading zero"},
        {"1..2.3", "octet 2 is empty"}, {"1.2.3.", "octet 4 is empty"},
        {"1.2.3.x", "octet 4 is not a decimal number"}, {"1.2.3.4 ", "octet 4 is not a decimal number"},
        {"1234", "octet 1 is above 255"}, {"::1", "it looks like an IPv6 address"}, {"", "octet 1 is empty"},
        {"7", "1 octet instead of 4"}, {"1.2.99999999999999.4", "octet 3 is above 255"}};
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        uint8_t ip[4];
        char text[100];
        if (ip4_parse(cases[i].text, strlen(cases[i].text), ip)) {
            assert_null(cases[i].why);
            assert_int_equal(ip4_print(ip, text), strlen(cases[i].text));
            assert_string_equal(text, cases[i].text);
        } else {
            ip4_explain(cases[i].text, strlen(cases[i].text), text, sizeof text);
            assert_non_null(cases[i].why);
            assert_string_equal(text, cases[i].why);
        }
    }
}

static void ip6_is_printed_by_rfc_5952(void **state)
{
    (void)state;
    static const char *const cases[][2] = {{"2001:DB8:0:0:0:0:2:1", "2001:db8::2:1"},
        {"2001:db8:0:1:1:1:1:1", NULL}, {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},
        {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"}, {"::", NULL}, {"::1", NULL}, {"1::", NULL},
        {"::ffff:192.0.2.1", NULL}, {"0:0:0:0:0:0:0:0", "::"}, {"fe80::0001", "fe80::1"},
        {"64:ff9b::192.0.2.33", "64:ff9b::c000:221"}, {"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"},
        {"::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"}, {"1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"}};
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        uint8_t ip[16];
        char text[IP6_TEXT_MAX];
        const char *want = cases[i][1] != NULL ? cases[i][1] : cases[i][0];
        assert_true(ip6_parse(cases[i][0], strlen(cases[i][0]), ip));
        assert_int_equal(ip6_print(ip, text), strlen(want));
        assert_string_equal(text, want);
    }
}

static void bad_ip6_is_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {"", ":", ":::", "1", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3",
        "12345::", "g::", "1:2:3:4:5:6:7:", ":1:2:3:4:5:6:7:8", "1:2:3:4::5:6:7:8", "::1.2.3", "::1.2.3.4.5",
        "1.2.3.4", "::1.2.3.4:5", "1:2:3:4:5:6:7:1.2.3.4", "fe80::1%eth0", "1:::2"};
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        uint8_t ip[16];
        char why[100] = "";
        assert_false(ip6_parse(cases[i], strlen(cases[i]), ip));
        ip6_explain(cases[i], strlen(cases[i]), why, sizeof why);
        assert_true(why[0] != '\0');
    }
}

/* Short random texts of the alphabet: accepted exactly when the C library accepts. */
static void ip6_agrees_with_the_c_library(void **state)
{
    (void)state;
    static const char alphabet[] = "0:1::f:a.2:";
    uint64_t seed = 7;
    for (unsigned round = 0; round < 300000; round++) {
        char text[24];
        unsigned len = 0;
        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
        for (uint64_t bits = seed >> 3; len < 1 + (seed >> 60); bits = bits / 11 + seed)
            text[len++] = alphabet[bits % 11];
        text[len] = '\0';
        uint8_t ours[16], theirs[16];
        bool accepted = ip6_parse(text, len, ours);
        assert_int_equal(accepted, inet_pton(AF_INET6, text, theirs) == 1);
        if (accepted)
            assert_memory_equal(ours, theirs, 16);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ip4_texts),
        cmocka_unit_test(ip6_is_printed_by_rfc_5952),
        cmocka_unit_test(bad_ip6_is_refused),
        cmocka_unit_test(ip6_agrees_with_the_c_library),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
