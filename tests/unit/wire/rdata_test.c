/* Wire rdata: what rdata_check refuses, the names inside, canonical form, reading from messages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "zone/base/codec.h"
#include "zone/wire/name.h"
#include "zone/wire/rdata.h"
#include "zone/wire/type.h"

/* HEX to octets in memory of exactly their size. */
static uint8_t *octets(const char *hex, size_t *len)
{
    *len = strlen(hex) / 2;
    uint8_t *out = malloc(*len > 0 ? *len : 1);
    assert_non_null(out);
    assert_int_equal(base16_decode(out, hex, *len * 2), *len * 2);
    return out;
}

static void malformed_rdata_is_refused(void **state)
{
    (void)state;
    static const struct {
        uint16_t type;
        const char *hex, *why;
    } cases[] = {
        {TYPE_A, "C00002", "the rdata is too short"},
        {TYPE_A, "C000020100", "the rdata goes on after its last field"},
        {TYPE_A, "", "the rdata is too short"},
        {TYPE_NS, "0161", "a name in the rdata is malformed"},
        {TYPE_NS, "C000", "a name in the rdata is malformed"},
        {TYPE_TXT, "", "the rdata is too short"},
        {TYPE_TXT, "0261", "a character string is longer than the rdata"},
        {TYPE_HINFO, "0161", "the rdata is too short"},
        {TYPE_NSEC, "00", "the rdata is too short"},
        {TYPE_NSEC, "00000100", "the type bitmap is malformed"},   /* zero octet at the end */
        {TYPE_NSEC, "00000201", "the type bitmap is malformed"},   /* longer than the rdata */
        {TYPE_NSEC, "0000000001", "the type bitmap is malformed"}, /* empty window */
        {TYPE_NSEC, "00010101000101", "the type bitmap is malformed"},
        {TYPE_NSEC3,
            "0100000000"
            "0004AABBCCDD",
            "the hash is empty or longer than the rdata"},
        {TYPE_NSEC3, "010000000004AABBCCDD", "the digest's length does not fit its algorithm"},
        {TYPE_DS, "0001080200", "the digest's length does not fit its algorithm"},
        {TYPE_ZONEMD, "0000000101F000", "the digest's length does not fit its algorithm"},
        {TYPE_CAA, "0000", "the tag is not made of letters and digits"},
        {TYPE_CAA, "00012D", "the tag is not made of letters and digits"},
        {TYPE_LOC, "00121613000000008000000000989680", "the location is short or out of range"},
        {TYPE_LOC,
            "00A2161380000000800000000098968"
            "0",
            "the location is short or out of range"},
        {TYPE_APL, "000118040A000000", "an address prefix is malformed"},
        {TYPE_APL, "000121010A", "an address prefix is malformed"},
        {TYPE_IPSECKEY, "0A01020102", "the gateway is malformed"},
        {TYPE_AMTRELAY, "0A0200", "the relay is malformed"},
        {TYPE_HIP, "00020001AA", "the HIT or the public key is empty or longer than the rdata"},
        {TYPE_SVCB,
            "000100"
            "00030001"
            "35",
            "port is not two octets"},
        {TYPE_SVCB,
            "000100"
            "00030002"
            "0035"
            "00010003026832",
            "the service parameters do not ascend or one stands twice"},
        {TYPE_SVCB,
            "000100"
            "0003",
            "a service parameter is longer than the rdata"},
        {TYPE_SVCB,
            "000100"
            "00000002"
            "0003",
            "a mandatory service parameter is missing"},
        {TYPE_SVCB,
            "000100"
            "00000004"
            "00040003"
            "000300020035"
            "0004000401020304",
            "the keys in mandatory do not ascend"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        const char *why = "accepted";
        size_t len;
        uint8_t *rdata = octets(cases[i].hex, &len);
        enum err err = rdata_check(cases[i].type, rdata, len, &why);
        if (strcmp(why, cases[i].why) != 0)
            fail_msg("%u %s: %s", cases[i].type, cases[i].hex, why);
        assert_int_equal(err, ERR_WIRE);
        assert_int_equal(rdata_check(cases[i].type, rdata, len, NULL), ERR_WIRE);
        free(rdata);
    }
}

/* What newer documents may define does not stop a transfer. */
static void unknown_variants_are_accepted(void **state)
{
    (void)state;
    static const struct {
        uint16_t type;
        const char *hex, *text;
    } cases[] = {{TYPE_IPSECKEY, "0A0702AABBCC", "\\# 6 0A0702AABBCC"},
        {TYPE_AMTRELAY, "0A05AABB", "\\# 4 0A05AABB"}, {TYPE_APL, "000318010A", "\\# 5 000318010A"},
        {TYPE_LOC, "01AA", "\\# 2 01AA"}, {65280, "AA", "\\# 1 AA"}, {TYPE_DS, "000108F0AA", "1 8 240 AA"},
        {TYPE_SOA, "000000000001000000020000000300000004FFFFFFFF", ". . 1 2 3 4 4294967295"}};
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        size_t len;
        char text[100];
        uint8_t *rdata = octets(cases[i].hex, &len);
        assert_int_equal(rdata_check(cases[i].type, rdata, len, NULL), ERR_OK);
        rdata_print(cases[i].type, rdata, len, text, sizeof text);
        assert_string_equal(text, cases[i].text);
        free(rdata);
    }
}

/* Names as text, those in the additional section's list with a plus behind. */
static void names_inside_are_found(void **state)
{
    (void)state;
    static const struct {
        uint16_t type;
        const char *hex, *names;
    } cases[] = {{TYPE_NS, "016100", "a.+"}, {TYPE_CNAME, "016100", "a."}, {TYPE_A, "01020304", ""},
        {TYPE_SOA, "0161000162000000000100000002000000030000000400000005", "a. b."},
        {TYPE_MX, "000A016100", "a.+"}, {TYPE_SRV, "000100020003016100", "a.+"},
        {TYPE_NAPTR,
            "000100020000000161"
            "00",
            "a.+"},
        {TYPE_RRSIG,
            "0001080100000001000000020000000300040161"
            "00AA",
            "a."},
        {TYPE_SVCB, "0001016100", "a.+"}, {TYPE_A6, "80016100", "a."},
        {TYPE_A6, "0020010DB8000000000000000000000001", ""}, {TYPE_IPSECKEY, "0A030201610001", "a."},
        {TYPE_IPSECKEY, "0A0002AA", ""}, {TYPE_AMTRELAY, "0A03016100", "a."},
        {TYPE_HIP, "01020001AABB016100016200", "a. b."}, {TYPE_RP, "016100016200", "a. b."},
        {TYPE_PX, "0001016100016200", "a. b."}, {65280, "016100", ""}};
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        size_t len;
        char text[200] = "", name_text[NAME_TEXT_MAX];
        uint8_t *rdata = octets(cases[i].hex, &len);
        struct rdata_names names;
        assert_int_equal(rdata_check(cases[i].type, rdata, len, NULL), ERR_OK);
        rdata_names_init(&names, cases[i].type, rdata, len);
        for (const uint8_t *name = rdata_names_next(&names); name != NULL; name = rdata_names_next(&names)) {
            name_print(name, name_text);
            strcat(strcat(text, text[0] != '\0' ? " " : ""), name_text);
            strcat(text, names.target ? "+" : "");
        }
        assert_string_equal(text, cases[i].names);
        free(rdata);
    }
}

/* RFC 4034 6.2 as changed by RFC 6840 5.1. */
static void canonical_form_lowers_the_listed_types(void **state)
{
    (void)state;
    static const struct {
        uint16_t type;
        const char *hex, *canonical;
    } cases[] = {{TYPE_NS, "0141014200", "0161016200"}, {TYPE_MX, "4142014100", "4142016100"},
        {TYPE_SOA, "0141000142004141414142424242434343434444444445454545",
            "0161000162004141414142424242434343434444444445454545"},
        {TYPE_NSEC,
            "01410000010"
            "1",
            "014100000101"},
        {TYPE_RRSIG,
            "4141414141414141414141414141414141410141"
            "004141",
            "4141414141414141414141414141414141410161004141"},
        {TYPE_SVCB, "4141014100", "4141014100"}, {TYPE_TXT, "0141", "0141"},
        {TYPE_NAPTR,
            "414141410141014101410141"
            "00",
            "414141410141014101410161"
            "00"},
        {TYPE_A6, "80014100", "80016100"}, {TYPE_HIP, "010200014142014100", "010200014142014100"},
        {TYPE_NSAP_PTR, "014100", "014100"}, {65280, "014100", "014100"}};
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        size_t len, want_len;
        uint8_t *rdata = octets(cases[i].hex, &len), *want = octets(cases[i].canonical, &want_len);
        assert_int_equal(rdata_check(cases[i].type, rdata, len, NULL), ERR_OK);
        rdata_canonical(cases[i].type, rdata, len);
        assert_int_equal(len, want_len);
        assert_memory_equal(rdata, want, len);
        free(rdata);
        free(want);
    }
}

/* RFC 3597 4: names of the old types may be compressed, others may not. */
static void compressed_names_are_expanded(void **state)
{
    (void)state;
    /* at 0 the name b.a., at 5 the rdata */
    static const struct {
        uint16_t type;
        const char *rdata, *expanded; /* expanded NULL: refused */
    } cases[] = {{TYPE_NS, "C000", "0162016100"}, {TYPE_NS, "0163C002", "0163016100"},
        {TYPE_MX, "000AC000", "000A0162016100"},
        {TYPE_SOA, "C000C0020000000100000002000000030000000400000005",
            "01620161000161000000000100000002000000030000000400000005"},
        {TYPE_SRV, "000100020003C002", "000100020003016100"},
        {TYPE_RRSIG, "000108010000000100000002000000030004C002AA",
            "000108010000000100000002000000030004016100AA"},
        {TYPE_SVCB, "0001C000", NULL}, {TYPE_NSEC, "C000000101", NULL}, {TYPE_NS, "C005", NULL},
        {TYPE_NS, "C000AA", NULL}, {TYPE_NS, "01", NULL}, {TYPE_A, "01020304", "01020304"},
        {TYPE_A, "010203", NULL}, {65280, "C000", "C000"}};
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        static uint8_t out[RDATA_MAX];
        uint8_t message[100] = {1, 'b', 1, 'a', 0};
        size_t len, want_len, at = 5, out_len = 0;
        uint8_t *rdata = octets(cases[i].rdata, &len);
        memcpy(message + 5, rdata, len);
        enum err err = rdata_read(cases[i].type, message, 5 + len, &at, len, out, &out_len);
        assert_int_equal(err == ERR_OK, cases[i].expanded != NULL);
        assert_int_equal(at, err == ERR_OK ? 5 + len : 5);
        if (err == ERR_OK) {
            uint8_t *want = octets(cases[i].expanded, &want_len);
            assert_int_equal(out_len, want_len);
            assert_memory_equal(out, want, want_len);
            free(want);
        }
        free(rdata);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(malformed_rdata_is_refused),
        cmocka_unit_test(unknown_variants_are_accepted),
        cmocka_unit_test(names_inside_are_found),
        cmocka_unit_test(canonical_form_lowers_the_listed_types),
        cmocka_unit_test(compressed_names_are_expanded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
