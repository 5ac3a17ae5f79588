/* Networks and their reverse zones (RFC 1035 3.5, RFC 3596 2.5). */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "zone/wire/name.h"
#include "zone/wire/reverse.h"

static const struct {
    const char *text;
    unsigned count; /* 0: no network */
    const char *first, *last;
} cases[] = {
    {"10.0.0.0/8", 1, "10.in-addr.arpa.", NULL},
    {"10.255.255.255/8", 1, "10.in-addr.arpa.", NULL},
    {"0.0.0.0/0", 1, "in-addr.arpa.", NULL},
    {"0.0.0.0/1", 128, "0.in-addr.arpa.", "127.in-addr.arpa."},
    {"172.16.0.0/12", 16, "16.172.in-addr.arpa.", "31.172.in-addr.arpa."},
    {"192.0.2.128/25", 128, "128.2.0.192.in-addr.arpa.", "255.2.0.192.in-addr.arpa."},
    {"192.0.2.1/32", 1, "1.2.0.192.in-addr.arpa.", NULL},
    {"192.0.2.1", 1, "1.2.0.192.in-addr.arpa.", NULL},
    {"::/0", 1, "ip6.arpa.", NULL},
    {"2001:db8::/32", 1, "8.b.d.0.1.0.0.2.ip6.arpa.", NULL},
    {"2001:db8::/29", 8, "8.b.d.0.1.0.0.2.ip6.arpa.", "f.b.d.0.1.0.0.2.ip6.arpa."},
    {"2001:db8:20::/43", 2, "2.0.0.8.b.d.0.1.0.0.2.ip6.arpa.", "3.0.0.8.b.d.0.1.0.0.2.ip6.arpa."},
    {"::1/128", 1, "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa.", NULL},
    {"10.0.0.0/33", 0, NULL, NULL},
    {"10.0.0/8", 0, NULL, NULL},
    {"10.0.0.0/", 0, NULL, NULL},
    {"10.0.0.0/8x", 0, NULL, NULL},
    {"10.0.0.0/-8", 0, NULL, NULL},
    {"::/129", 0, NULL, NULL},
    {"", 0, NULL, NULL},
    {"example.org", 0, NULL, NULL},
    {"1111111111111111111111111111111111111111111111111111111111111111111/8", 0, NULL, NULL},
};

static void check_zone(const struct network *network, unsigned index, const char *want)
{
    uint8_t zone[NAME_MAX];
    char text[NAME_TEXT_MAX];
    unsigned len = reverse_zone(network, index, zone);
    assert_int_equal(len, name_check(zone, sizeof zone));
    name_print(zone, text);
    assert_string_equal(text, want);
}

static void test_zones(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct network network;
        assert_int_equal(network_parse(cases[i].text, &network), cases[i].count != 0);
        if (cases[i].count == 0)
            continue;
        assert_int_equal(reverse_zones(&network), cases[i].count);
        check_zone(&network, 0, cases[i].first);
        if (cases[i].last != NULL)
            check_zone(&network, cases[i].count - 1, cases[i].last);
    }
}

static const struct {
    const char *network, *ip;
    bool inside;
} members[] = {
    {"10.0.0.0/8", "10.1.2.3", true},
    {"10.0.0.0/8", "11.1.2.3", false},
    {"10.0.0.0/8", "::a01:203", false},
    {"192.0.2.64/26", "192.0.2.127", true},
    {"192.0.2.64/26", "192.0.2.128", false},
    {"0.0.0.0/0", "255.255.255.255", true},
    {"2001:db8::/33", "2001:db8:7fff::1", true},
    {"2001:db8::/33", "2001:db8:8000::1", false},
    {"::1", "::1", true},
    {"::1", "::2", false},
};

static void test_members(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof members / sizeof *members; i++) {
        struct network network;
        uint8_t ip[16];
        bool six = strchr(members[i].ip, ':') != NULL;
        assert_true(network_parse(members[i].network, &network));
        assert_int_equal(inet_pton(six ? AF_INET6 : AF_INET, members[i].ip, ip), 1);
        assert_int_equal(network_has(&network, ip, six ? 16 : 4), members[i].inside);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_zones), cmocka_unit_test(test_members)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
