/* Writing replies: RRsets are built by hand with the links that a zone's builder would leave, and what was
 * written is read back by ldns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <ldns/ldns.h>

#include "zone/wire/encode.h"
#include "zone/wire/name.h"
#include "zone/wire/type.h"

#define A_RDATA(d) "\300\0\2" d
#define SIG_RDATA "\0\1\5\2\0\0\1\54\1\1\1\1\1\1\1\1\1\1\7example\3com\0sig"

struct fixture {
    struct arena scratch;
    uint8_t packet[600];
    struct message query;
    struct reply reply;
    struct envelope envelope;
    uint8_t *out; /* exactly as large as the limit says */
    size_t len;
    ldns_pkt *read;
};

static struct fixture *f;

static int setup(void **state)
{
    f = *state = calloc(1, sizeof *f);
    arena_init(&f->scratch, 0);
    reply_clear(&f->reply);
    f->reply.authoritative = true;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_clear(&f->scratch);
    free(f->out);
    ldns_pkt_free(f->read);
    free(f);
    return 0;
}

/* A query for NAME; with EDNS when SIZE is not 0. */
static void ask(const char *name, size_t name_len, uint16_t size, bool dnssec)
{
    size_t at = 12;
    memcpy(f->packet, "\x12\x34\1\x10\0\1\0\0\0\0\0\0", 12);
    memcpy(f->packet + at, name, name_len);
    at += name_len;
    memcpy(f->packet + at, "\0\1\0\1", 4);
    at += 4;
    if (size != 0) {
        const uint8_t opt[] = {
            0, 0, 41, (uint8_t)(size >> 8), (uint8_t)size, 0, 0, dnssec ? 0x80 : 0, 0, 0, 0};
        memcpy(f->packet + at, opt, sizeof opt);
        at += sizeof opt;
        f->packet[11] = 1;
    }
    assert_int_equal(message_read(&f->query, f->packet, at), MESSAGE_ANSWER);
    f->envelope = (struct envelope){.query = &f->query, .limit = message_udp_limit(&f->query, 1232)};
}

#define ASK(name, size, dnssec) ask(name, sizeof(name), size, dnssec)

struct spec {
    const char *rdata;
    size_t len;
    struct link link;
};

/* A name's rdata is a literal with the NUL that ends it, the root label; other rdata is without. */
#define RDATA(text) .rdata = (text), .len = sizeof(text)
#define DATA(text) .rdata = (text), .len = sizeof(text) - 1

static struct rrset *build(uint16_t type, uint32_t ttl, const struct spec *specs, unsigned count, bool sign)
{
    struct rrset *rrset = arena_zalloc(&f->scratch, 65536, 4);
    *rrset = (struct rrset){.type = type, .count = (uint16_t)count, .ttl = ttl};
    uint8_t *at = rrset->data;
    for (unsigned i = 0; i < count; i++) {
        uint16_t len = (uint16_t)specs[i].len;
        memcpy(at, &len, 2);
        at += 2;
        if (rrset_linked(type)) {
            memcpy(at, &specs[i].link, sizeof specs[i].link);
            at += sizeof specs[i].link;
        }
        memcpy(at, specs[i].rdata, len);
        at += len;
    }
    rrset->data_len = (uint32_t)(at - rrset->data);
    if (sign) {
        uint16_t len = sizeof SIG_RDATA - 1;
        memcpy(at, &len, 2);
        memcpy(at + 2, SIG_RDATA, len);
        rrset->sig_count = 1;
        rrset->sig_len = (uint16_t)(len + 2);
    }
    return rrset;
}

#define BUILD(type, ttl, sign, ...)                                                                          \
    build(type, ttl, (const struct spec[]){__VA_ARGS__},                                                     \
        sizeof((const struct spec[]){__VA_ARGS__}) / sizeof(struct spec), sign)

static struct rr_ref *add(enum section section, const struct rrset *rrset)
{
    struct rr_ref *ref = reply_add(&f->reply, section, rrset, &f->scratch);
    assert_non_null(ref);
    return ref;
}

static void encode(void)
{
    f->out = malloc(f->envelope.limit);
    f->len = reply_encode(&f->envelope, &f->reply, f->out);
    assert_in_range(f->len, 12, f->envelope.limit - f->envelope.reserve);
    assert_int_equal(ldns_wire2pkt(&f->read, f->out, f->len), LDNS_STATUS_OK);
}

static void check_section(const ldns_rr_list *list, const char *expected)
{
    char *text = ldns_rr_list2str(list);
    for (char *tab = text; *tab != 0; tab++)
        *tab = *tab == '\t' ? ' ' : *tab;
    assert_string_equal(text, expected);
    free(text);
}

#define ANSWER ldns_pkt_answer(f->read)
#define AUTHORITY ldns_pkt_authority(f->read)
#define ADDITIONAL ldns_pkt_additional(f->read)

#define NS1                                                                                                  \
    {                                                                                                        \
        RDATA("\3ns1\7example\3com"), .link = {.keep = 4, .from = 2 }                                        \
    }
#define NS2                                                                                                  \
    {                                                                                                        \
        RDATA("\3ns2\7example\3com"), .link = {.keep = 4, .from = 2 }                                        \
    }

static void add_referral(bool glue)
{
    f->reply.authoritative = false;
    add(SECTION_AUTHORITY, BUILD(TYPE_NS, 3600, false, NS1, NS2))->label = 1;
    for (unsigned i = 0; i < 2; i++) {
        struct rr_ref *ref = add(SECTION_ADDITIONAL, BUILD(TYPE_A, 60, false, {DATA(A_RDATA("\1"))}));
        ref->owner = OWNER_TARGET;
        ref->ref = 0;
        ref->record = (uint16_t)i;
        ref->glue = glue;
    }
}

static void writes_a_referral(void **state)
{
    (void)state;
    ASK("\3wWw\7eXample\3com", 1232, false);
    add_referral(true);
    encode();
    assert_false(ldns_pkt_aa(f->read) || ldns_pkt_tc(f->read) || ldns_pkt_cd(f->read));
    assert_true(ldns_pkt_rd(f->read) && ldns_pkt_qr(f->read));
    check_section(
        AUTHORITY, "eXample.com. 3600 IN NS ns1.eXample.com.\neXample.com. 3600 IN NS ns2.eXample.com.\n");
    check_section(ADDITIONAL, "ns1.eXample.com. 60 IN A 192.0.2.1\nns2.eXample.com. 60 IN A 192.0.2.1\n");
    assert_int_equal(f->len, 12 + 21 + 2 * 18 + 2 * 16 + 11);
    assert_memory_equal(f->out + 12, "\3wWw\7eXample\3com", 17);
}

static void points_to_an_earlier_record(void **state)
{
    (void)state;
    ASK("\7example\3com", 1232, false);
    struct rr_ref *ref =
        add(SECTION_ANSWER, BUILD(TYPE_NS, 60, false, {RDATA("\1a\3dns\3net"), .link = {.keep = 11}},
                                {RDATA("\1b\3dns\3net"), .link = {.keep = 2, .from = 128, .at = 2}},
                                {RDATA("\1c\1b\3dns\3net"), .link = {.keep = 2, .from = 129, .at = 0}}));
    encode();
    check_section(ANSWER, "example.com. 60 IN NS a.dns.net.\nexample.com. 60 IN NS b.dns.net.\n"
                          "example.com. 60 IN NS c.b.dns.net.\n");
    size_t packed = f->len;

    /* rotated: what points forward is written in full */
    ldns_pkt_free(f->read);
    free(f->out);
    ref->first = 1;
    encode();
    check_section(ANSWER, "example.com. 60 IN NS b.dns.net.\nexample.com. 60 IN NS c.b.dns.net.\n"
                          "example.com. 60 IN NS a.dns.net.\n");
    assert_int_equal(f->len, packed + 7);
}

static void compresses_soa(void **state)
{
    (void)state;
    ASK("\1x\7example\3com", 1232, true);
    static const struct link link = {.keep = 4, .from = 2, .second = {.keep = 5, .from = 128, .at = 4}};
    struct rr_ref *ref = add(SECTION_AUTHORITY,
        BUILD(TYPE_SOA, 3600, true,
            {DATA("\3ns1\7example\3com\0\4root\7example\3com\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5"),
                .link = link}));
    ref->label = 1;
    ref->ttl = 5;
    ref->signatures = true;
    /* `at` 4 is not an octet that the first name writes itself: it is where its pointer stands, which does
     * as well */
    f->reply.rcode = RCODE_NXDOMAIN;
    encode();
    assert_int_equal(ldns_pkt_get_rcode(f->read), LDNS_RCODE_NXDOMAIN);
    check_section(AUTHORITY, "example.com. 5 IN SOA ns1.example.com. root.example.com. 1 2 3 4 5\n"
                             "example.com. 5 IN RRSIG A 5 2 300 19700714223649 19700714223649 257 "
                             "example.com. c2ln\n");
    assert_true(ldns_pkt_edns_do(f->read));
}

/* Owners that are not part of QNAME, and links below them. */
static void names_owners_by_targets(void **state)
{
    (void)state;
    ASK("\3www\7example\3com", 1232, false);
    add(SECTION_ANSWER,
        BUILD(TYPE_CNAME, 60, false, {RDATA("\4mail\3sub\7example\3com"), .link = {.keep = 9, .from = 2}}));
    struct rr_ref *mx = add(SECTION_ANSWER,
        BUILD(TYPE_MX, 60, false, {RDATA("\0\12\2mx\3sub\7example\3com"), .link = {.keep = 3, .from = 3}},
            {RDATA("\0\24\2mx\7example\3com"), .link = {.keep = 3, .from = 2}}));
    mx->owner = OWNER_TARGET;
    struct rr_ref *cut = add(SECTION_AUTHORITY,
        BUILD(TYPE_NS, 60, false, {RDATA("\2ns\3sub\7example\3com"), .link = {.keep = 3, .from = 3}}));
    cut->owner = OWNER_TARGET;
    cut->label = 1;
    encode();
    check_section(ANSWER, "www.example.com. 60 IN CNAME mail.sub.example.com.\n"
                          "mail.sub.example.com. 60 IN MX 10 mx.sub.example.com.\n"
                          "mail.sub.example.com. 60 IN MX 20 mx.example.com.\n");
    check_section(AUTHORITY, "sub.example.com. 60 IN NS ns.sub.example.com.\n");
    assert_int_equal(f->len, 12 + 21 + (12 + 11) + (12 + 7) + (12 + 7) + (12 + 5) + 11);
}

static void names_owners_from_the_apex(void **state)
{
    (void)state;
    ASK("\1a\7example\3com", 1232, true);
    struct rr_ref *ref = add(SECTION_AUTHORITY, BUILD(TYPE_TXT, 60, true, {DATA("\1x")}, {DATA("\1y")}));
    ref->owner = OWNER_RELATIVE;
    ref->name = (const uint8_t *)"\3abc\1d";
    ref->name_len = 6;
    ref->label = 1;
    ref->signatures = true;
    ref = add(SECTION_AUTHORITY, BUILD(TYPE_TXT, 60, false, {DATA("\1z")}));
    ref->owner = OWNER_NAME;
    ref->name = (const uint8_t *)"\5other";
    ref = add(SECTION_AUTHORITY, BUILD(TYPE_TXT, 60, false, {DATA("\1r")}));
    ref->label = 3;
    encode();
    check_section(AUTHORITY, "abc.d.example.com. 60 IN TXT \"x\"\nabc.d.example.com. 60 IN TXT \"y\"\n"
                             "abc.d.example.com. 60 IN RRSIG A 5 2 300 19700714223649 19700714223649 257 "
                             "example.com. c2ln\n"
                             "other. 60 IN TXT \"z\"\n. 60 IN TXT \"r\"\n");
}

/* RFC 2181 9: whole or not at all, then TC and nothing behind. */
static void truncates_whole_rrsets(void **state)
{
    (void)state;
    ASK("\7example\3com", 0, false);
    struct spec big = {RDATA("\310"
                             "01234567890123456789012345678901234567890123456789"
                             "01234567890123456789012345678901234567890123456789"
                             "01234567890123456789012345678901234567890123456789"
                             "0123456789012345678901234567890123456789012345678")};
    add(SECTION_ANSWER, BUILD(TYPE_A, 60, false, {DATA(A_RDATA("\1"))}));
    add(SECTION_ANSWER, BUILD(TYPE_TXT, 60, false, big, big, big));
    add(SECTION_AUTHORITY, BUILD(TYPE_A, 60, false, {DATA(A_RDATA("\1"))}));
    encode();
    assert_int_equal(f->envelope.limit, 512);
    assert_true(ldns_pkt_tc(f->read));
    check_section(ANSWER, "example.com. 60 IN A 192.0.2.1\n");
    assert_int_equal(ldns_pkt_nscount(f->read), 0);
}

static void fills_the_limit_to_the_octet(void **state)
{
    (void)state;
    ASK("\7example\3com", 1232, false);
    add(SECTION_ANSWER, BUILD(TYPE_NS, 60, false, NS1));
    f->envelope.limit = 12 + 17 + 18 + 11;
    encode();
    assert_false(ldns_pkt_tc(f->read));
    assert_int_equal(f->len, f->envelope.limit);
    ldns_pkt_free(f->read);
    free(f->out);
    f->envelope.limit--;
    encode();
    assert_true(ldns_pkt_tc(f->read));
    assert_int_equal(f->len, 12 + 17 + 11);
}

/* RFC 9471 3.1: glue that does not fit sets TC, other additional data does not. */
static void cuts_additional_data(void **state)
{
    (void)state;
    for (unsigned glue = 0; glue < 2; glue++) {
        ASK("\7example\3com", 1232, false);
        reply_clear(&f->reply);
        add_referral(glue != 0);
        f->reply.refs[0].label = 0;
        f->envelope.limit = 12 + 17 + 2 * 18 + 16 + 11;
        encode();
        assert_int_equal(ldns_pkt_tc(f->read), glue != 0);
        check_section(ADDITIONAL, "ns1.example.com. 60 IN A 192.0.2.1\n");
        if (glue == 0) {
            ldns_pkt_free(f->read);
            free(f->out);
        }
    }
}

/* RFC 4035 3.1.1: in the additional section signatures go before the records. */
static void drops_signatures_first(void **state)
{
    (void)state;
    ASK("\7example\3com", 1232, true);
    struct rr_ref *ref = add(SECTION_ADDITIONAL, BUILD(TYPE_A, 60, true, {DATA(A_RDATA("\1"))}));
    ref->signatures = true;
    f->envelope.limit = 12 + 17 + 16 + 11;
    encode();
    assert_false(ldns_pkt_tc(f->read));
    check_section(ADDITIONAL, "example.com. 60 IN A 192.0.2.1\n");
}

static void writes_signatures_alone(void **state)
{
    (void)state;
    ASK("\7example\3com", 1232, true);
    struct rr_ref *ref = add(SECTION_ANSWER, BUILD(TYPE_A, 60, true, {DATA(A_RDATA("\1"))}));
    ref->signatures = true;
    ref->records = false;
    encode();
    check_section(ANSWER, "example.com. 60 IN RRSIG A 5 2 300 19700714223649 19700714223649 257 "
                          "example.com. c2ln\n");
}

static void tells_extended_rcodes_and_errors(void **state)
{
    (void)state;
    ASK("\7example\3com", 4096, true);
    uint8_t options[64];
    f->envelope.options_len = (uint16_t)edns_write_option(options, EDNS_NSID, "me", 2);
    f->envelope.options = options;
    f->envelope.udp_size = 1400;
    f->reply.rcode = RCODE_BADCOOKIE;
    f->reply.ede = EDE_INVALID_QUERY_TYPE + 1;
    f->reply.ede_text = "why";
    encode();
    assert_int_equal(ldns_pkt_edns_extended_rcode(f->read), 1);
    assert_int_equal(ldns_pkt_get_rcode(f->read), 7);
    assert_int_equal(ldns_pkt_edns_udp_size(f->read), 1400);
    ldns_rdf *data = ldns_pkt_edns_data(f->read);
    assert_int_equal(ldns_rdf_size(data), 15);
    assert_memory_equal(ldns_rdf_data(data), "\0\3\0\2me\0\17\0\5\0\36why", 15);
}

static void leaves_out_opt_without_edns(void **state)
{
    (void)state;
    ASK("\7example\3com", 0, false);
    f->reply.rcode = RCODE_BADVERS;
    f->reply.ede = 1;
    encode();
    assert_int_equal(f->len, 12 + 17);
    assert_int_equal(ldns_pkt_get_rcode(f->read), LDNS_RCODE_SERVFAIL);
}

static void keeps_room_for_tsig(void **state)
{
    (void)state;
    ASK("\7example\3com", 1232, false);
    add(SECTION_ANSWER, BUILD(TYPE_NS, 60, false, NS1));
    f->envelope.limit = 12 + 17 + 18 + 11 + 100;
    f->envelope.reserve = 101;
    encode();
    assert_true(ldns_pkt_tc(f->read));
}

static void passes_raw_replies_on(void **state)
{
    (void)state;
    static uint8_t raw[600] = "\xff\xff\x81\x80\0\1\0\0\0\0\0\0\7example\3com\0\0\1\0\1";
    ASK("\7example\3com", 0, false);
    f->reply.raw = raw;
    f->reply.raw_len = 29;
    encode();
    assert_int_equal(f->len, 29);
    assert_int_equal(ldns_pkt_id(f->read), 0x1234);
    ldns_pkt_free(f->read);
    free(f->out);
    f->reply.raw_len = sizeof raw;
    encode();
    assert_int_equal(f->len, 29);
    assert_true(ldns_pkt_tc(f->read));
}

/* Beyond 0x3fff nothing can be pointed to (RFC 1035 4.1.4). */
static void writes_long_messages(void **state)
{
    (void)state;
    ASK("\7example\3com", 1232, false);
    f->envelope.limit = MESSAGE_MAX;
    struct spec specs[1200];
    for (unsigned i = 0; i < 1200; i++)
        specs[i] = (struct spec){DATA("\13hello world")};
    add(SECTION_ANSWER, build(TYPE_TXT, 60, specs, 1200, false));
    add(SECTION_ANSWER, BUILD(TYPE_NS, 60, false, {RDATA("\1a\3dns\3net"), .link = {.keep = 11}},
                            {RDATA("\1b\3dns\3net"), .link = {.keep = 2, .from = 128, .at = 2}}));
    struct rr_ref *ref = add(SECTION_ADDITIONAL, BUILD(TYPE_A, 60, false, {DATA(A_RDATA("\1"))}));
    ref->owner = OWNER_TARGET;
    ref->ref = 1;
    ref->record = 1;
    ref = add(SECTION_ADDITIONAL, BUILD(TYPE_A, 60, false, {DATA(A_RDATA("\1"))}, {DATA(A_RDATA("\2"))}));
    ref->owner = OWNER_RELATIVE;
    ref->name = (const uint8_t *)"\1r";
    ref->name_len = 2;
    ref->label = 0;
    encode();
    assert_in_range(f->len, 0x4000, MESSAGE_MAX);
    check_section(ADDITIONAL, "b.dns.net. 60 IN A 192.0.2.1\nr.example.com. 60 IN A 192.0.2.1\n"
                              "r.example.com. 60 IN A 192.0.2.2\n");
    assert_int_equal(ldns_pkt_ancount(f->read), 1202);
}

/* More names than are remembered: owners that could have pointed are written in full. */
static void writes_more_names_than_it_remembers(void **state)
{
    (void)state;
    static char names[300][17];
    static struct spec specs[300];
    ASK("\7example\3com", 1232, false);
    f->envelope.limit = MESSAGE_MAX;
    for (unsigned i = 0; i < 300; i++) {
        snprintf(names[i], sizeof names[i], "\3%03u\7example\3com", i);
        specs[i] = (struct spec){.rdata = names[i], .len = 17, .link = {.keep = 4, .from = 2}};
    }
    add(SECTION_AUTHORITY, build(TYPE_NS, 60, specs, 300, false));
    for (unsigned i = 0; i < 300; i += 100) {
        struct rr_ref *ref = add(SECTION_ADDITIONAL, BUILD(TYPE_A, 60, false, {DATA(A_RDATA("\1"))}));
        ref->owner = OWNER_TARGET;
        ref->record = (uint16_t)i;
    }
    encode();
    assert_int_equal(ldns_pkt_nscount(f->read), 300);
    check_section(ADDITIONAL, "000.example.com. 60 IN A 192.0.2.1\n100.example.com. 60 IN A 192.0.2.1\n"
                              "200.example.com. 60 IN A 192.0.2.1\n");
}

static void writes_more_references_than_it_remembers(void **state)
{
    (void)state;
    ASK("\7example\3com", 1232, false);
    f->envelope.limit = MESSAGE_MAX;
    for (unsigned i = 0; i < 100; i++)
        add(SECTION_ANSWER, BUILD(TYPE_A, i, false, {DATA(A_RDATA("\1"))}));
    add(SECTION_AUTHORITY, BUILD(TYPE_NS, 60, false, NS1, NS2));
    struct rr_ref *ref = add(SECTION_ADDITIONAL, BUILD(TYPE_A, 60, false, {DATA(A_RDATA("\1"))}));
    ref->owner = OWNER_TARGET;
    ref->ref = 100;
    ref->record = 1;
    encode();
    assert_int_equal(ldns_pkt_ancount(f->read), 100);
    check_section(
        AUTHORITY, "example.com. 60 IN NS ns1.example.com.\nexample.com. 60 IN NS ns2.example.com.\n");
    check_section(ADDITIONAL, "ns2.example.com. 60 IN A 192.0.2.1\n");
}

/* A name in rdata that is nothing but a pointer, and one that is the root. */
static void points_through_pointers(void **state)
{
    (void)state;
    ASK("\1a\7example\3com", 1232, false);
    add(SECTION_ANSWER,
        BUILD(TYPE_CNAME, 60, false, {RDATA("\7example\3com"), .link = {.keep = 0, .from = 2}}));
    struct rr_ref *ref = add(SECTION_ANSWER, BUILD(TYPE_MX, 60, false, {RDATA("\0\1"), .link = {.keep = 1}},
                                                 {RDATA("\0\2\1x"), .link = {.keep = 3}}));
    ref->owner = OWNER_TARGET;
    ref = add(SECTION_ADDITIONAL, BUILD(TYPE_A, 60, false, {DATA(A_RDATA("\1"))}));
    ref->owner = OWNER_TARGET;
    ref->ref = 1;
    encode();
    check_section(ANSWER, "a.example.com. 60 IN CNAME example.com.\nexample.com. 60 IN MX 1 .\n"
                          "example.com. 60 IN MX 2 x.\n");
    check_section(ADDITIONAL, ". 60 IN A 192.0.2.1\n");
}

static void puts_a_late_answer_first(void **state)
{
    (void)state;
    ASK("\7example\3com", 1232, false);
    add_referral(false);
    add(SECTION_ANSWER, BUILD(TYPE_A, 7, false, {DATA(A_RDATA("\7"))}));
    f->reply.refs[1].label = 0;
    encode();
    check_section(ANSWER, "example.com. 7 IN A 192.0.2.7\n");
    check_section(ADDITIONAL, "ns1.example.com. 60 IN A 192.0.2.1\nns2.example.com. 60 IN A 192.0.2.1\n");
}

/* Made on the spot: nothing is compressed, but later owners may point to it. */
static void writes_made_rrsets(void **state)
{
    (void)state;
    ASK("\1a\7example\3com", 1232, false);
    struct rdata_ref rdata = {(const uint8_t *)"\1b\7example\3com", 15};
    add(SECTION_ANSWER, rrset_make(&f->scratch, TYPE_CNAME, 9, &rdata, 1));
    struct rr_ref *ref = add(SECTION_ANSWER, BUILD(TYPE_A, 60, false, {DATA(A_RDATA("\1"))}));
    ref->owner = OWNER_TARGET;
    encode();
    check_section(ANSWER, "a.example.com. 9 IN CNAME b.example.com.\nb.example.com. 60 IN A 192.0.2.1\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(writes_a_referral),
        TEST(points_to_an_earlier_record),
        TEST(compresses_soa),
        TEST(names_owners_by_targets),
        TEST(names_owners_from_the_apex),
        TEST(truncates_whole_rrsets),
        TEST(fills_the_limit_to_the_octet),
        TEST(cuts_additional_data),
        TEST(drops_signatures_first),
        TEST(writes_signatures_alone),
        TEST(tells_extended_rcodes_and_errors),
        TEST(leaves_out_opt_without_edns),
        TEST(keeps_room_for_tsig),
        TEST(passes_raw_replies_on),
        TEST(writes_long_messages),
        TEST(writes_more_names_than_it_remembers),
        TEST(writes_more_references_than_it_remembers),
        TEST(points_through_pointers),
        TEST(puts_a_late_answer_first),
        TEST(writes_made_rrsets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
