/* The options engine: a directive read along table rows, its errors, and the rows told to people. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "plugins/options.h"
#include "server/corefile.h"
#include "server/options.h"
#include "zone/wire/name.h"

struct made {
    const char *path;
    struct option_zones zones;
    int64_t ttl, wait_ms, room, share, rcode, capacity, life_ms;
    struct option_numbers types, rcodes;
    struct option_addresses to;
    struct option_networks net;
    struct option_strings words;
    struct option_zones fall;
    struct option_lines inline_lines;
    const uint8_t *name;
    int policy;
    bool quick, local;
};

#define AT(field) offsetof(struct made, field)

static const char *const policies[] = {"random", "round_robin", "sequential", NULL};

static const struct option rows[] = {
    {NULL, "DBFILE", OPTION_PATH, OPTION_REQUIRED, AT(path), 0, 0, NULL, NULL, NULL, "The file."},
    {NULL, "ZONES", OPTION_ZONES, 0, AT(zones), 0, 0, NULL, NULL, NULL, "The zones."},
    {"ttl", "SECONDS", OPTION_INTEGER, 0, AT(ttl), 0, 3600, "5", NULL, NULL, "Time to live."},
    {"wait", "DUR", OPTION_DURATION, OPTION_ONCE, AT(wait_ms), 1000, 60000, "30s", NULL, NULL, "How long."},
    {"room", "SIZE", OPTION_SIZE, 0, AT(room), 512, 0, NULL, NULL, NULL, "Octets."},
    {"share", "PERCENT", OPTION_PERCENT, 0, AT(share), 1, 100, NULL, "10%", NULL, "Share."},
    {"rcode", "RCODE", OPTION_RCODE, 0, AT(rcode), 0, 0, NULL, NULL, NULL, "Code."},
    {"success", "CAPACITY", OPTION_INTEGER, 0, AT(capacity), 0, 0, NULL, NULL, NULL, "Capacity."},
    {"success", "TTL", OPTION_DURATION, OPTION_OPTIONAL, AT(life_ms), 0, 0, "1h", NULL, NULL, "Life."},
    {"types", "TYPE", OPTION_TYPES, 0, AT(types), 0, 0, NULL, NULL, NULL, "Types."},
    {"next", "RCODE", OPTION_RCODES, 0, AT(rcodes), 0, 0, NULL, NULL, NULL, "Codes."},
    {"to", "ADDRESS", OPTION_ADDRESSES, 0, AT(to), 53, 0, NULL, NULL, NULL, "Hosts."},
    {"net", "CIDR", OPTION_NETWORKS, 0, AT(net), 0, 0, NULL, NULL, NULL, "Networks."},
    {"words", "WORD", OPTION_STRINGS, 0, AT(words), 0, 0, "a b", NULL, NULL, "Words."},
    {"fallthrough", "ZONES", OPTION_ZONES, 0, AT(fall), 0, 0, NULL, ".", NULL, "Pass on."},
    {"name", "NAME", OPTION_NAME, 0, AT(name), 0, 0, NULL, NULL, NULL, "A name."},
    {"policy", "POLICY", OPTION_CHOICE, 0, AT(policy), 0, 0, "round_robin", NULL, policies, "Order."},
    {"quick", NULL, OPTION_FLAG, 0, AT(quick), 0, 0, NULL, NULL, NULL, "Hurry."},
    {"local", "on|off", OPTION_ON_OFF, 0, AT(local), 0, 0, "on", NULL, NULL, "Stay."},
    {"upstream", NULL, OPTION_IGNORED, 0, 0, 0, 0, NULL, NULL, NULL, "remove it"},
    {"no_reload", NULL, OPTION_REMOVED, 0, 0, 0, 0, NULL, NULL, NULL, "write 'reload 0'"},
    {"line", "ANYTHING", OPTION_LINES, 0, AT(inline_lines), 0, 0, NULL, NULL, NULL, "Raw."},
    OPTIONS_END,
};

static char heard[4096];

static void hear(void *context, const struct finding *finding)
{
    size_t len = strlen(heard);
    (void)context;
    snprintf(heard + len, sizeof heard - len, "%u:%u %s%s%s\n", finding->line, finding->column,
        finding->message, finding->hint != NULL ? " | " : "", finding->hint != NULL ? finding->hint : "");
}

static struct arena world;
static const uint8_t root_zone[] = "", org_zone[] = "\3org";
static const uint8_t *const block_zones[] = {org_zone, root_zone};

static enum err parse_rows(const char *line, const struct option *with, struct made *made)
{
    static const struct finding_sink sink = {.report = hear};
    struct corefile_context context = {.sink = &sink};
    struct corefile corefile;
    char text[2048];
    int len = snprintf(text, sizeof text, ".\n%s\n", line);
    memset(made, 0xa5, sizeof *made); /* the engine is to set every field */
    heard[0] = '\0';
    if (corefile_parse("C", text, (size_t)len, &context, &world, &corefile) != ERR_OK)
        return ERR_SYNTAX;
    struct setup setup = {.directive = &corefile.blocks[0].directives[0],
        .zones = block_zones,
        .zones_count = 2,
        .root = "/zones",
        .world = &world,
        .sink = &sink};
    return options_parse(&setup, with, made);
}

static enum err parse(const char *line, struct made *made)
{
    return parse_rows(line, rows, made);
}

static void test_fallbacks(void **state)
{
    struct made made;
    (void)state;
    assert_int_equal(parse("file db.org", &made), ERR_OK);
    assert_string_equal(made.path, "/zones/db.org");
    assert_int_equal(made.zones.count, 2);
    assert_true(name_equal(made.zones.at[0], org_zone));
    assert_int_equal(made.ttl, 5);
    assert_int_equal(made.wait_ms, 30000);
    assert_int_equal(made.life_ms, 3600000);
    assert_int_equal(made.words.count, 2);
    assert_int_equal(made.fall.count, 0);
    assert_int_equal(made.policy, 1);
    assert_int_equal(made.share, 0);
    assert_true(made.local);
    assert_false(made.quick);
}

static void test_values(void **state)
{
    struct made made;
    (void)state;
    assert_int_equal(
        parse("file /abs A.Org 10.0.0.0/23 {\nttl 3600\nwait 1m\nroom 64k\nshare\nrcode nxdomain\n"
              "success 7 1m30s\ntypes A TYPE65280\ntypes MX\nnext SERVFAIL 5\n"
              "to 192.0.2.1 192.0.2.2:54 [2001:db8::1]:55 2001:db8::2 *\nnet 10.1.2.3/8 * ::1\n"
              "words c\nwords d\nfallthrough\nname X.y\npolicy sequential\nquick\nlocal off\nline x y {\n "
              "z\n}\n}",
            &made),
        ERR_OK);
    assert_string_equal(heard, "");
    assert_string_equal(made.path, "/abs");
    assert_int_equal(made.zones.count, 3);
    assert_int_equal(made.ttl, 3600);
    assert_int_equal(made.wait_ms, 60000);
    assert_int_equal(made.room, 65536);
    assert_int_equal(made.share, 10);
    assert_int_equal(made.rcode, 3);
    assert_int_equal(made.capacity, 7);
    assert_int_equal(made.life_ms, 90000);
    assert_int_equal(made.types.count, 3);
    assert_int_equal(made.types.at[1], 65280);
    assert_int_equal(made.rcodes.at[0] * 10 + made.rcodes.at[1], 25);
    assert_int_equal(made.to.count, 4);
    assert_true(made.to.any);
    assert_int_equal(made.to.at[0].port, 53);
    assert_int_equal(made.to.at[1].port, 54);
    assert_int_equal(made.to.at[2].port, 55);
    assert_int_equal(made.to.at[3].family, 6);
    assert_int_equal(made.net.count, 4);
    assert_int_equal(made.net.at[0].ip[1], 0);
    assert_int_equal(made.net.at[3].prefix_len, 128);
    assert_int_equal(made.words.count, 2);
    assert_string_equal(made.words.at[1], "d");
    assert_int_equal(made.fall.count, 1);
    assert_true(name_equal(made.fall.at[0], root_zone));
    assert_int_equal(made.name[1], 'x');
    assert_int_equal(made.policy, 2);
    assert_true(made.quick);
    assert_false(made.local);
    assert_int_equal(made.inline_lines.count, 1);
    assert_int_equal(made.inline_lines.at[0]->lines_count, 1);
}

static const struct {
    const char *line, *findings;
} wrong[] = {
    {"file", "2:1 'file' lacks its argument DBFILE | usage: file DBFILE [ZONES...]\n"},
    {"file db a..b", "2:9 'a..b' in ZONES is no domain name: "},
    {"file db {\nttl 3601\n}", "3:5 SECONDS is '3601', but must be from 0 to 3600\n"},
    {"file db {\nttl x\n}", "3:5 SECONDS is 'x', which is no number\n"},
    {"file db {\nttl\n}", "3:1 'ttl' lacks its argument SECONDS | usage: ttl SECONDS\n"},
    {"file db {\nttl 1 2\n}", "3:7 'ttl' takes no further argument '2' | usage: ttl SECONDS\n"},
    {"file db {\nquick 1\n}", "3:7 'quick' takes no further argument '1' | usage: quick\n"},
    {"file db {\nwait 61s\n}", "3:6 DUR is '61s', but must be from 1s to 1m\n"},
    {"file db {\nwait 10\n}",
        "3:6 DUR is '10', which is no duration | write a unit behind it: ms, s, m, h\n"},
    {"file db {\nwait 1s\nwait 2s\n}", "4:1 'wait' is given twice | remove one of the two\n"},
    {"file db {\nroom 1\n}", "3:6 SIZE is '1', but must be at least 512\n"},
    {"file db {\nroom 1q\n}", "3:6 SIZE is '1q', which is no size | as in 512, 64k, 1m\n"},
    {"file db {\nshare 101%\nshare 5\n}", "3:7 PERCENT is '101%', but must be from 1 to 100\n4:7 PERCENT is "
                                          "'5', which is no percentage | as in 10%\n"},
    {"file db {\npolicy fair\n}",
        "3:8 'fair' is none of the words POLICY can be | one of random, round_robin, sequential\n"},
    {"file db {\ntypes A FOO\n}", "3:9 'FOO' in TYPE is no record type | as in A, MX, TYPE65280\n"},
    {"file db {\nto host\n}",
        "3:4 'host' in ADDRESS is no IP address | as in 192.0.2.1, 192.0.2.1:5353, [2001:db8::1]:53\n"},
    {"file db {\nnet 10.0.0.0/33\n}",
        "3:5 '10.0.0.0/33' in CIDR is no network | as in 192.0.2.0/24, 2001:db8::/32, or *\n"},
    {"file db {\nfalthrough\n}", "3:1 unknown option 'falthrough' of 'file' | did you mean 'fallthrough'?\n"},
    {"file db {\nno_reload\n}", "3:1 'no_reload' is not supported | write 'reload 0'\n"},
    {"file db {\nttl 1 {\nx\n}\n}", "3:1 'ttl' takes no block in braces\n"},
    {"file db {\nlocal maybe\nrcode 5000\n}", "3:7 on|off is 'maybe' | on or off\n4:7 RCODE is '5000', which "
                                              "is no rcode | as in NXDOMAIN, SERVFAIL\n"},
};

static void test_errors(void **state)
{
    struct made made;
    (void)state;
    for (unsigned i = 0; i < ARRAY_COUNT(wrong); i++) {
        assert_int_equal(parse(wrong[i].line, &made), ERR_INVALID);
        if (i == 1)
            heard[strlen(wrong[i].findings)] = '\0';
        assert_string_equal(heard, wrong[i].findings);
    }
}

static void test_warning(void **state)
{
    struct made made;
    (void)state;
    assert_int_equal(parse("file db {\nupstream 8.8.8.8\n}", &made), ERR_OK);
    assert_string_equal(heard, "3:1 'upstream' has no effect | remove it\n");
}

static void test_no_rows(void **state)
{
    static const struct option need[] = {
        {"key", "FILE", OPTION_STRING, OPTION_REQUIRED, AT(path), 0, 0, NULL, NULL, NULL, "k"}, OPTIONS_END};
    struct made made;
    (void)state;
    assert_int_equal(parse_rows("whoami", NULL, &made), ERR_OK);
    assert_int_equal(parse_rows("whoami x", NULL, &made), ERR_INVALID);
    assert_int_equal(parse_rows("whoami {\nx\n}", NULL, &made), ERR_INVALID);
    assert_string_equal(heard, "3:1 'whoami' takes no options in braces\n");
    assert_int_equal(parse_rows("whoami", need, &made), ERR_INVALID);
    assert_string_equal(heard, "2:1 'whoami' needs the option 'key' | usage: key FILE\n");
}

static const struct {
    const char *text;
    int64_t ms;
    const char *printed;
} durations[] = {{"0", 0, "0"}, {"0s", 0, "0"}, {"30s", 30000, "30s"}, {"1m30s", 90000, "1m30s"},
    {"1.5h", 5400000, "1h30m"}, {"500ms", 500, "500ms"}, {"5001ms", 5001, "5001ms"}, {"1us", 1, "1ms"},
    {".5s", 500, "500ms"}, {"", -1, NULL}, {"5", -1, NULL}, {"s", -1, NULL}, {"-5s", -1, NULL},
    {"5 s", -1, NULL}, {"1d", -1, NULL}, {"99999999999999999h", -1, NULL}, {".s", -1, NULL},
    {"5s3", -1, NULL}};

static void test_durations(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ARRAY_COUNT(durations); i++) {
        int64_t ms = -1;
        char printed[32];
        bool good = duration_parse(durations[i].text, &ms);
        assert_int_equal(good, durations[i].ms >= 0);
        if (!good)
            continue;
        assert_int_equal(ms, durations[i].ms);
        duration_print(ms, printed);
        assert_string_equal(printed, durations[i].printed);
    }
}

static void test_usage(void **state)
{
    char *text;
    size_t len;
    (void)state;
    FILE *out = open_memstream(&text, &len);
    options_usage(out, "file", rows);
    options_usage(out, "whoami", NULL);
    fclose(out);
    assert_non_null(strstr(text, "file DBFILE [ZONES...] { ttl SECONDS; wait DUR; "));
    assert_non_null(strstr(text, "; success CAPACITY [TTL]; "));
    assert_non_null(strstr(text, "; policy random|round_robin|sequential; quick; local on|off; "));
    assert_null(strstr(text, "upstream"));
    assert_non_null(strstr(text, " }\nwhoami\n"));
    free(text);
    out = open_memstream(&text, &len);
    options_man(out, rows);
    fclose(out);
    assert_null(strstr(text, "......"));
    assert_non_null(strstr(text, ".It Ic wait Ar DUR\nHow long.\nFrom 1s to 1m.\nDefault:\n.Ql 30s .\n"));
    free(text);
    out = open_memstream(&text, &len);
    options_tell(out, rows);
    fclose(out);
    assert_non_null(strstr(text, "  DBFILE\n      The file.\n  ZONES...\n      The zones.\n"));
    assert_non_null(strstr(text, "  wait DUR\n      How long. From 1s to 1m. Default: 30s.\n"));
    assert_non_null(strstr(text, "  upstream\n      Remove it.\n"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fallbacks),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_warning),
        cmocka_unit_test(test_no_rows),
        cmocka_unit_test(test_durations),
        cmocka_unit_test(test_usage),
    };
    arena_init(&world, 0);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_clear(&world);
    return failed;
}
