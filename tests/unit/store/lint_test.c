/* The semantic checks (lint.h): each rule once with its place, and texts near a rule that it must leave
 * alone. A row's text stands behind a sound beginning of six lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "zone/store/lint.h"
#include "zone/store/load.h"

static const char beginning[] = "$ORIGIN z.\n"
                                "$TTL 60\n"
                                "@ SOA ns root 1 3600 900 604800 300\n"
                                "@ NS ns\n"
                                "@ NS ns.other.\n"
                                "ns A 192.0.2.1\n";

#define SIGNATURE(owner, type, labels, end, signer)                                                          \
    owner " RRSIG " type " 13 " labels " 60 " end " 20200101000000 1 " signer " AAAA\n"
#define SIGNED(owner, type, labels) SIGNATURE(owner, type, labels, "20370101000000", "z.")
#define HASH "0000000000000000000000000000000"
#define KEY64 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="

static const struct row {
    const char *name;
    const char *text;
    const char *expected; /* "LINE rule" lines, in the order of the zone's names */
} rows[] = {
    {"a sound zone", "www A 192.0.2.2\n", ""},
    {"soa-multiple", "@ SOA ns other 1 3600 900 604800 300\n", "7 soa-multiple\n"},
    {"the same SOA twice", "@ SOA NS root 1 3600 900 604800 300\n", "7 duplicate\n"},
    {"soa-below-apex", "a SOA ns root 1 3600 900 604800 300\n", "7 soa-below-apex\n"},
    {"out-of-zone", "a.other. A 192.0.2.1\nb A 192.0.2.1\n", "7 out-of-zone\n"},
    {"out-of-zone: the zone's name as an ending", "az. A 192.0.2.1\n", "7 out-of-zone\n"},
    {"cname-and-other-data", "a A 192.0.2.1\nb A 192.0.2.1\na CNAME b\n", "9 cname-and-other-data\n"},
    {"cname-and-other-data: the CNAME first", "a CNAME b\nb A 192.0.2.1\na A 192.0.2.1\n",
        "9 cname-and-other-data\n"},
    {"occluded: at the delegation itself", "a NS ns.other.\na MX 1 b.other.\n", "8 occluded\n"},
    {"a CNAME beside DNSSEC's own",
        "x CNAME ns\nx NSEC z. CNAME RRSIG NSEC\n" SIGNED("x", "CNAME", "2") SIGNED("x", "NSEC", "2"), ""},
    {"cname-multiple", "a CNAME ns\na CNAME b\nb A 192.0.2.1\n", "8 cname-multiple\n"},
    {"one CNAME in two cases", "a CNAME ns\na CNAME NS\n", "8 duplicate\n"},
    {"dname-multiple", "a DNAME b\na DNAME c\n", "8 dname-multiple\n"},
    {"dname-and-ns", "a DNAME b\na NS ns\n", "8 dname-and-ns\n"},
    {"DNAME and NS at the apex (RFC 6672 2.3)", "@ DNAME b.\n", "6 dname-children\n"},
    {"dname-children", "a DNAME b\nc.a A 192.0.2.1\nd.c.a TXT x\n", "8 dname-children\n9 dname-children\n"},
    {"ttl-mismatch", "a 1 A 192.0.2.1\na 2 A 192.0.2.2\na 1 A 192.0.2.3\n", "8 ttl-mismatch\n"},
    {"TTLs of different sets", "a 1 A 192.0.2.1\na 2 TXT b\n", ""},
    {"duplicate", "a A 192.0.2.1\nb A 192.0.2.1\na A 192.0.2.1\n", "9 duplicate\n"},
    {"numbers that differ like letters are no duplicates",
        "@ MX 65 ns\n@ MX 97 ns\n@ SRV 1 2 80 ns\n@ SRV 1 2 112 ns\n", ""},
    {"occluded", "a NS ns.other.\nb.a A 192.0.2.1\nc.a TXT d\n", "9 occluded\n"},
    {"glue in a cut below the cut", "a NS b.a\nb.a A 192.0.2.1\nb.a AAAA 2001:db8::1\n", ""},
    {"ds-without-ns", "a DS 1 13 2 0000000000000000000000000000000000000000000000000000000000000000\n",
        "7 ds-without-ns\n"},
    {"DS at a cut",
        "a NS ns.other.\na DS 1 13 2 0000000000000000000000000000000000000000000000000000000000000000\n", ""},
    {"ds-at-apex", "@ DS 1 13 2 0000000000000000000000000000000000000000000000000000000000000000\n",
        "7 ds-at-apex\n"},
    {"apex-only", "a NSEC3PARAM 1 0 0 -\n", "7 apex-only\n"},
    {"glue-missing", "a NS b.a\n", "7 glue-missing\n"},
    {"glue-missing: the cut's own name", "a NS a\n", "7 glue-missing\n"},
    {"glue-wildcard: RFC 4592 4.2", "a NS b.a\n*.a A 192.0.2.1\n", "7 glue-wildcard\n"},
    {"a wildcard without addresses", "a NS b.a\n*.a TXT x\n", "8 occluded\n7 glue-missing\n"},
    {"glue of another cut is another's", "a NS c.b\nb NS ns.other.\n", ""},
    {"target-is-cname", "a CNAME ns\n@ MX 1 a\nb SRV 1 2 3 a\nc NS a\n",
        "8 target-is-cname\n9 target-is-cname\n10 target-is-cname\n"},
    {"target-without-address", "@ MX 1 a\nb SRV 1 2 3 c\nc TXT d\n",
        "7 target-without-address\n8 target-without-address\n"},
    {"a null MX (RFC 7505) and no service (RFC 2782)", "@ MX 0 .\nb SRV 0 0 0 .\n", ""},
    {"targets that a wildcard or a cut answers for",
        "@ MX 1 a.w\n@ MX 2 b.c\n@ MX 3 c\n*.w A 192.0.2.1\nc NS ns.other.\n", ""},
    {"cname-dangling", "a CNAME b\n", "7 cname-dangling\n"},
    {"aliases to what is there",
        "a CNAME b\nb TXT c\nd CNAME e\nf.e TXT g\nh CNAME i.j\n*.j TXT k\nl CNAME m.other.\n", ""},
    {"cname-loop", "a CNAME b\nb CNAME a\nc CNAME a\n", "7 cname-loop\n8 cname-loop\n"},
    {"an alias of itself", "a CNAME a\n", "7 cname-loop\n"},
    {"target-is-address", "@ MX 1 192.0.2.1\n", "7 target-is-address\n"},
    {"wildcard-ns", "*.a NS ns\n*.b DNAME c\n", "7 wildcard-ns\n8 wildcard-ns\n"},
    {"wildcard-inside", "a.*.b A 192.0.2.1\n*.c A 192.0.2.1\na**b A 192.0.2.1\n", "7 wildcard-inside\n"},
    {"nsec3-owner", "abc NSEC3 1 0 0 - 00000000000000000000000000000000 A\n", "7 nsec3-owner\n"},
    {"nsec3param", "@ NSEC3PARAM 1 0 10 -\n", "7 nsec3param\n"},
    {"nsec3param: salt", "@ NSEC3PARAM 1 0 0 AB\n", "7 nsec3param\n"},
    {"NSEC3PARAM by RFC 9276", "@ NSEC3PARAM 1 0 0 -\n", ""},
    {"rrsig-without-rrset", "a RRSIG A 13 2 60 20300101000000 20200101000000 1 z. AAAA\n",
        "7 rrsig-without-rrset\n"},
    {"a signature over NSEC3 alone",
        "00000000000000000000000000000000 RRSIG NSEC3 13 2 60 20300101000000 20200101000000 1 z. AAAA\n",
        "7 rrsig-without-rrset\n"},
    {"rrsig-fields: the signer", "a A 192.0.2.1\n" SIGNATURE("a", "A", "2", "20370101000000", "y."),
        "8 rrsig-fields\n"},
    {"rrsig-fields: labels", "a A 192.0.2.1\n" SIGNED("a", "A", "3"), "8 rrsig-fields\n"},
    {"labels without the asterisk (RFC 4034 3.1.3)", "*.a A 192.0.2.1\n" SIGNED("*.a", "A", "2"), ""},
    {"rrsig-expired", "a A 192.0.2.1\n" SIGNATURE("a", "A", "2", "20210101000000", "z."),
        "8 rrsig-expired\n"},
    {"an old signature beside one that holds",
        "a A 192.0.2.1\n" SIGNED("a", "A", "2") SIGNATURE("a", "A", "2", "20210101000000", "z."), ""},
    {"rrset-unsigned", "a A 192.0.2.1\na TXT b\n" SIGNED("a", "A", "2"), "8 rrset-unsigned\n"},
    {"a delegation's NS and glue have no signatures (RFC 4035 2.2)",
        "x NS x\nx A 192.0.2.1\nx NSEC z. NS RRSIG NSEC\n" SIGNED("x", "NSEC", "2"), ""},
    {"dnskey-fields: the protocol", "@ DNSKEY 256 2 13 " KEY64 "\n", "7 dnskey-fields\n"},
    {"dnskey-fields: the length", "@ DNSKEY 256 3 15 " KEY64 "\n", "7 dnskey-fields\n"},
    {"a key as it should be", "@ DNSKEY 256 3 13 " KEY64 "\n", ""},
    {"rrset-unsigned: a name of a signed zone",
        "a A 192.0.2.1\nb NS ns.other.\nc.b TXT d\n" SIGNED("@", "SOA", "1") SIGNED("@", "NS", "1")
            SIGNED("ns", "A", "2"),
        "7 rrset-unsigned\n9 occluded\n"},
    {"rrset-unsigned: NSEC3",
        SIGNED("@", "SOA", "1") SIGNED("@", "NS", "1") SIGNED("ns", "A", "2") HASH "0 NSEC3 1 0 0 - " HASH
                                                                                   "0 A\n",
        "10 rrset-unsigned\n"},
    {"nsec-chain: NSEC3",
        HASH "2 NSEC3 1 0 0 - " HASH "0 A\n" HASH "0 NSEC3 1 0 0 - " HASH "2 A\n" HASH "1 NSEC3 1 0 0 - " HASH
             "2 A\n",
        "8 nsec-chain\n"},
    {"two chains with different salts beside each other",
        HASH "0 NSEC3 1 0 0 - " HASH "2 A\n" HASH "1 NSEC3 1 0 0 ab " HASH "3 A\n" HASH
             "2 NSEC3 1 0 0 - " HASH "0 A\n" HASH "3 NSEC3 1 0 0 ab " HASH "1 A\n",
        ""},
    {"rrsig-without-rrset: the keys", SIGNED("@", "DNSKEY", "1"),
        "7 rrsig-without-rrset\n4 rrset-unsigned\n6 rrset-unsigned\n"},
    {"nsec-types: too many", "x A 192.0.2.1\nx NSEC z. A MX NSEC\n", "8 nsec-types\n"},
    {"nsec-types: too few", "x A 192.0.2.1\nx TXT a\nx NSEC z. A NSEC\n", "9 nsec-types\n"},
    {"nsec-types: glue at a delegation", "x NS x\nx A 192.0.2.1\nx NSEC z. A NS NSEC\n", "9 nsec-types\n"},
    {"nsec-chain: passes a name over", "v NSEC x NSEC\nw TXT a\nw NSEC x NSEC TXT\nx NSEC @ NSEC\n",
        "7 nsec-chain\n"},
    {"nsec-chain: a name has none", "v NSEC w NSEC\nw TXT a\n", "8 nsec-chain\n"},
    {"a chain passes glue, hidden and empty names over", "v NSEC a.x NSEC\nv.v NS w.v.v\nw.v.v A 192.0.2.1\n",
        "8 nsec-chain\n"},
    {"a chain over a delegation and an empty name",
        "v NS w.v\nv NSEC a.x NS NSEC\nw.v A 192.0.2.1\na.x NSEC @ NSEC\n", ""},
    {"ns-without-address", "@ NS a\nb NS ns.b\n", "7 ns-without-address\n8 glue-missing\n"},
    {"svcb-alias: parameters", "a HTTPS 0 b.other. alpn=h2\n", "7 svcb-alias\n"},
    {"svcb-alias: others", "a SVCB 1 b.other.\na SVCB 0 c.other.\n", "8 svcb-alias\n"},
    {"an alias alone", "a HTTPS 0 b.other.\n", ""},
    {"spf-multiple", "@ TXT \"v=spf1 -all\"\n@ TXT \"v=spf1 ~all\"\n", "8 spf-multiple\n"},
    {"one SPF policy among texts", "@ TXT \"v=spf1\"\n@ TXT \"v=spf10\"\n@ TXT \"x\"\n", ""},
};

/* Texts without the sound beginning. */
static const struct row whole[] = {
    {"soa-missing", "$ORIGIN z.\na 60 A 192.0.2.1\n", "2 soa-missing\n"},
    {"an empty text", "", "1 soa-missing\n"},
    {"trailing-dot",
        "$ORIGIN y.z.\n@ 60 SOA a b 1 3600 900 604800 300\n@ 60 NS a.\n@ 60 NS b.\nc 60 CNAME d.y.z\n",
        "5 trailing-dot\n"},
    {"ns-missing", "$ORIGIN z.\n@ 60 SOA a b 1 3600 900 604800 300\n", "2 ns-missing\n"},
    {"ns-single", "$ORIGIN z.\n@ 60 SOA ns b 1 3600 900 604800 300\n@ 60 NS ns\nns 60 A 192.0.2.1\n",
        "3 ns-single\n"},
    {"soa-mailbox", "$ORIGIN z.\n@ 60 SOA a. root@z. 1 3600 900 604800 300\n@ 60 NS a.\n@ 60 NS b.\n",
        "2 soa-mailbox\n"},
    {"soa-timers: retry", "$ORIGIN z.\n@ 60 SOA a b 1 900 3600 604800 300\n@ 60 NS a.\n@ 60 NS b.\n",
        "2 soa-timers\n"},
    {"soa-timers: expire", "$ORIGIN z.\n@ 60 SOA a b 1 3600 900 4000 300\n@ 60 NS a.\n@ 60 NS b.\n",
        "2 soa-timers\n"},
};

static bool seen[LINT_RULES];
static char path[64];

static void tell(void *context, const struct finding *finding)
{
    fprintf(context, "%u %s\n", finding->line, finding->rule);
    for (unsigned rule = 0; rule < LINT_RULES; rule++) {
        if (strcmp(lint_rows[rule].name, finding->rule) != 0)
            continue;
        seen[rule] = true;
        assert_int_equal(finding->severity, lint_rows[rule].severity);
        assert_string_equal(finding->hint, lint_rows[rule].hint);
    }
}

static bool is_fatal(const char *told)
{
    for (unsigned rule = 0; rule < LINT_RULES; rule++) {
        if (lint_rows[rule].fatal && strstr(told, lint_rows[rule].name) != NULL)
            return true;
    }
    return false;
}

static void check(const char *before, const struct row *row)
{
    static const uint8_t origin[] = "\1z";
    char *told = NULL;
    size_t len = 0;
    struct image *image = NULL;
    struct load_result result;
    FILE *file = fopen(path, "w"), *out = open_memstream(&told, &len);
    assert_non_null(file);
    fprintf(file, "%s%s", before, row->text);
    fclose(file);
    struct load_options options = {.origin = strstr(row->text, "y.z.") == NULL ? origin : NULL,
        .checks = true,
        .sink = {.report = tell, .context = out}};
    enum err err = load_image(path, &options, &result, &image);
    fclose(out);
    if (strcmp(told, row->expected) != 0)
        fail_msg("%s:\n%sis told and not\n%s", row->name, told, row->expected);
    assert_int_equal(err, is_fatal(told) ? ERR_INVALID : ERR_OK);
    image_release(image);
    free(told);
}

static void rules_find_what_they_are_for(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check(beginning, &rows[i]);
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
        check("", &whole[i]);
}

/* 4,100 TXT records of 64 octets are more than four messages. */
static void a_set_can_be_too_large(void **state)
{
    char *text = malloc((size_t)4100 * 128);
    size_t len = 0;
    (void)state;
    for (unsigned i = 0; i < 4100; i++)
        len += (size_t)sprintf(text + len, "a TXT \"%08u-%054u\"\n", i, i);
    check(beginning, &(struct row){"rrset-too-large", text, "7 rrset-too-large\n"});
    free(text);
}

/* 4,200 A records of 12 + 4 octets are more than one message; 4,000 are not. */
static void a_set_can_be_unsendable(void **state)
{
    (void)state;
    char *text = malloc((size_t)4200 * 32);
    for (unsigned count = 4000; count <= 4200; count += 200) {
        size_t len = 0;
        for (unsigned i = 0; i < count; i++)
            len += (size_t)sprintf(text + len, "a A 10.0.%u.%u\n", i >> 8, i & 255);
        check(beginning, &(struct row){"rrset-unsendable", text, count > 4000 ? "7 rrset-unsendable\n" : ""});
    }
    free(text);
}

static void every_rule_was_tried(void **state)
{
    (void)state;
    for (unsigned rule = 0; rule < LINT_RULES; rule++) {
        if (!seen[rule])
            fail_msg("no row for %s", lint_rows[rule].name);
    }
}

static int set_up(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "/tmp/bailiwick-lint-%d", (int)getpid());
    return 0;
}

static int clean_up(void **state)
{
    (void)state;
    unlink(path);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_find_what_they_are_for),
        cmocka_unit_test(a_set_can_be_too_large),
        cmocka_unit_test(a_set_can_be_unsendable),
        cmocka_unit_test(every_rule_was_tried),
    };
    return cmocka_run_group_tests(tests, set_up, clean_up);
}
