#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "zone/sec/policy.h"
#include "zone/sec/views.h"

struct noted {
    unsigned count;
    uint32_t line, column;
    char rule[40];
};

static void note(void *context, const struct finding *finding)
{
    struct noted *noted = context;
    if (noted->count++ == 0) {
        noted->line = finding->line;
        noted->column = finding->column;
        strncpy(noted->rule, finding->rule, sizeof noted->rule - 1);
    }
}

static enum err parse(const char *text, const char *name, struct policy *policy, struct noted *noted)
{
    *noted = (struct noted){.count = 0};
    struct finding_sink sink = {.report = note, .context = noted};
    return policy_parse(text, strlen(text), "policy", name, &sink, policy);
}

static void durations(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t seconds;
    } cases[] = {{"0", 0}, {"300", 300}, {"1h", 3600}, {"1w2d3h4m5s", 788645}, {"unlimited", 0},
        {"UNLIMITED", 0}, {"PT1H", 3600}, {"P30D", 30 * 86400}, {"P1Y", 365 * 86400}, {"P1M", 31 * 86400},
        {"P1W", 7 * 86400}, {"P1DT12H", 36 * 3600}, {"PT1M", 60}, {"P", -1}, {"PT", -1}, {"P1", -1},
        {"1x", -1}, {"h", -1}, {"", -1}, {"-1", -1}, {"P1H", -1}, {"1y", 365 * 86400},
        {"99999999999999999999", -1}, {"40000000000", -1}};
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
        if (policy_duration(cases[i].text, strlen(cases[i].text)) != cases[i].seconds)
            fail_msg("%s", cases[i].text);
    char out[POLICY_DURATION_MAX];
    assert_string_equal(policy_duration_print(788645, out), "9d3h4m5s");
    assert_string_equal(policy_duration_print(0, out), "0s");
    assert_string_equal(policy_duration_print(3600, out), "1h");
}

static void a_policy_of_bind_is_read(void **state)
{
    (void)state;
    static const char text[] =
        "// as BIND has it\n"
        "dnssec-policy \"other\" { };\n"
        "dnssec-policy \"standard\" {\n"
        "    keys {\n"
        "        ksk key-directory lifetime unlimited algorithm rsasha256 2048;\n"
        "        zsk lifetime P90D algorithm 8; # a number\n"
        "    };\n"
        "    dnskey-ttl 600; publish-safety PT2H; /* long\n comment */ retire-safety 3h;\n"
        "    nsec3param iterations 0 optout yes salt-length 8;\n"
        "    cds-digest-types { sha-384; };\n"
        "    ksk-rollover double-ds; zsk-rollover double-signature; cdnskey no;\n"
        "};\n";
    struct policy policy;
    struct noted noted;
    assert_int_equal(parse(text, "standard", &policy, &noted), ERR_OK);
    assert_string_equal(policy.name, "standard");
    assert_int_equal(policy.keys_count, 2);
    assert_int_equal(policy.keys[0].role, POLICY_KSK);
    assert_int_equal(policy.keys[0].algorithm, 8);
    assert_int_equal(policy.keys[0].bits, 2048);
    assert_int_equal(policy.keys[0].lifetime_s, 0);
    assert_int_equal(policy.keys[1].lifetime_s, 90 * 86400);
    assert_int_equal(policy.dnskey_ttl_s, 600);
    assert_int_equal(policy.publish_safety_s, 7200);
    assert_int_equal(policy.retire_safety_s, 10800);
    assert_int_equal(policy.nsec, POLICY_NSEC3_OPT_OUT);
    assert_int_equal(policy.nsec3_salt_len, 8);
    assert_int_equal(policy.cds_digest, 4);
    assert_int_equal(policy.ksk_method, POLICY_DOUBLE_DS);
    assert_int_equal(policy.zsk_method, POLICY_ZSK_DOUBLE_SIGNATURE);
    assert_false(policy.cdnskey);
    assert_int_equal(parse(text, NULL, &policy, &noted), ERR_OK);
    assert_string_equal(policy.name, "other");
    assert_int_equal(policy.keys[0].role, POLICY_CSK);
    assert_int_equal(parse(text, "absent", &policy, &noted), ERR_MISSING);
    assert_int_equal(parse(text, "insecure", &policy, &noted), ERR_OK);
    assert_int_equal(policy.keys_count, 0);
    assert_int_equal(parse("", "default", &policy, &noted), ERR_OK);
    assert_int_equal(policy.signatures_validity_s, 14 * 86400);
}

static void mistakes_are_told_with_their_place(void **state)
{
    (void)state;
    static const struct {
        const char *text, *rule;
        uint32_t line, column;
    } cases[] = {
        {"policy x { };", "policy-syntax", 1, 1},
        {"dnssec-policy x {\n  dnskey-tll 1h;\n};", "policy-word", 2, 3},
        {"dnssec-policy x {\n  dnskey-ttl soon;\n};", "policy-value", 2, 14},
        {"dnssec-policy x { dnskey-ttl 1h };", "policy-syntax", 1, 33},
        {"dnssec-policy x { keys { ksk algorithm 99; }; };", "policy-value", 1, 40},
        {"dnssec-policy x { keys { ksk algorithm 5; }; };", "policy-value", 1, 40},
        {"dnssec-policy x { keys { rsk algorithm 13; }; };", "policy-value", 1, 26},
        {"dnssec-policy x { keys { ksk lifetime; }; };", "policy-value", 1, 38},
        {"dnssec-policy x { keys { ksk algorithm 13; }; };", "policy-keys", 1, 47},
        {"dnssec-policy x { signatures-validity 4d; };", "policy-times", 1, 43},
        {"dnssec-policy x { signatures-refresh 1h; };", "policy-times", 1, 42},
        {"dnssec-policy x { cdnskey maybe; };", "policy-value", 1, 27},
        {"dnssec-policy x { keys { csk; }", "policy-syntax", 1, 32},
        {"dnssec-policy x {", "policy-syntax", 1, 18},
        {"dnssec-policy \"x", "policy-syntax", 1, 17},
        {"/* never ends", NULL, 0, 0},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct policy policy = {.keys_count = 77};
        struct noted noted;
        enum err err = parse(cases[i].text, NULL, &policy, &noted);
        assert_int_equal(policy.keys_count, 77); /* assigned on success only */
        assert_int_equal(err, cases[i].rule != NULL ? ERR_INVALID : ERR_MISSING);
        if (cases[i].rule == NULL)
            continue;
        if (strcmp(noted.rule, cases[i].rule) != 0 || noted.line != cases[i].line ||
            noted.column != cases[i].column)
            fail_msg("%s: %s at %u:%u", cases[i].text, noted.rule, noted.line, noted.column);
    }
}

static void every_view_is_judged(void **state)
{
    (void)state;
    static const struct {
        key_mask ds, keys, signers, zone;
        enum view_fault fault;
    } cases[] = {
        {0, 0, 0, 0, VIEW_SECURE}, /* unsigned */
        {0, 3, 1, 1, VIEW_SECURE}, /* signed, no DS yet */
        {1, 1, 1, 1, VIEW_SECURE},
        {1, 3, 1, 2, VIEW_SECURE},
        {3, 1, 1, 1, VIEW_SECURE},
        {1, 0, 0, 0, VIEW_NO_KEY_FOR_DS},
        {1, 2, 2, 2, VIEW_NO_KEY_FOR_DS},
        {1, 3, 2, 2, VIEW_NO_KEY_FOR_DS},
        {1, 1, 1, 2, VIEW_NO_SIGNATURE},
        {1, 1, 1, 0, VIEW_NO_SIGNATURE},
        {5, 1, 1, 1, VIEW_NO_KEY_FOR_ALGORITHM}, /* key 2 is of another algorithm */
        {1, 5, 1, 1, VIEW_NO_ALGORITHM},
        {1, 5, 1, 5, VIEW_SECURE},
        {5, 5, 5, 5, VIEW_SECURE},
        {1, 1, 1, 5, VIEW_SECURE},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct views views = {.algorithms = {13, 13, 15}};
        struct view_failure failure;
        assert_true(views_add_ds(&views, cases[i].ds));
        assert_true(views_add_dnskey(&views, cases[i].keys, cases[i].signers));
        assert_true(views_add_zone(&views, cases[i].zone));
        assert_int_equal(views_prove(&views, &failure), cases[i].fault == VIEW_SECURE);
        assert_int_equal(failure.fault, cases[i].fault);
        assert_non_null(view_fault_text(failure.fault));
    }
}

static void one_bad_version_among_many_is_found(void **state)
{
    (void)state;
    struct views views = {.algorithms = {13, 13, 13}};
    struct view_failure failure;
    for (key_mask mask = 1; mask < 8; mask++) {
        assert_true(views_add_zone(&views, mask | 1));
        assert_true(views_add_dnskey(&views, mask | 1, 1));
    }
    assert_true(views_add_ds(&views, 1));
    assert_true(views_prove(&views, &failure));
    assert_true(views_add_zone(&views, 2)); /* fits the DNSKEY sets with key 1 only */
    assert_false(views_prove(&views, &failure));
    assert_int_equal(failure.fault, VIEW_NO_SIGNATURE);
    assert_int_equal(failure.dnskey.keys, 1);
    assert_int_equal(failure.zone, 2);
    for (unsigned i = 0; views_add_ds(&views, 16 + i); i++)
        assert_true(i < VIEWS_VERSIONS_MAX);
    assert_int_equal(views.ds_count, VIEWS_VERSIONS_MAX);
    assert_true(views_add_ds(&views, 1)); /* there already */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations),
        cmocka_unit_test(a_policy_of_bind_is_read),
        cmocka_unit_test(mistakes_are_told_with_their_place),
        cmocka_unit_test(every_view_is_judged),
        cmocka_unit_test(one_bad_version_among_many_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
