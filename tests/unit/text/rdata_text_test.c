#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/text/rdata_test.h"
#include "zone/base/codec.h"

/* Text, the wire form in hex, and the text it is printed as (NULL: the same). */
static const struct {
    const char *type, *text, *wire, *printed;
} good[] = {
    {"A", "192.0.2.1", "C0000201", NULL},
    {"NS", "ns1", "036E7331076578616D706C6500", "ns1.example."},
    {"MD", "x.", "017800", NULL},
    {"MF", "@", "076578616D706C6500", "example."},
    {"CNAME", ".", "00", NULL},
    {"SOA", "a. b. 1 1h30m 15m 1w 1D",
        "016100016200000000010000151800000384"
        "00093A8000015180",
        "a. b. 1 5400 900 604800 86400"},
    {"SOA", "a. b. 4294967295 4294967295 0 0 4294967295",
        "016100016200FFFFFFFFFFFFFFFF0000000000000000FFFFFFFF", NULL},
    {"WKS", "10.0.0.1 tcp smtp 21 domain", "0A0000010600000440000004", "10.0.0.1 6 21 25 53"},
    {"HINFO", "PC \"NetBSD 10\"", "025043094E6574425344203130", "\"PC\" \"NetBSD 10\""},
    {"MINFO", "a. b.", "016100016200", NULL},
    {"MX", "10 mail", "000A046D61696C076578616D706C6500", "10 mail.example."},
    {"TXT", "\"a b\" c",
        "03612062"
        "0163",
        "\"a b\" \"c\""},
    {"TXT", "\"\"", "00", NULL},
    {"TXT", "\"a\\\"b\\\\c\\065\\000\"",
        "07612262"
        "5C634100",
        "\"a\\\"b\\\\cA\\000\""},
    {"TXT", "a\\;b\\ c", "05613B622063", "\"a;b c\""},
    {"RP", "a. .", "01610000", NULL},
    {"AFSDB", "1 a.", "0001016100", NULL},
    {"X25", "311061700956", "0C333131303631373030393536", "\"311061700956\""},
    {"ISDN", "150862028003217 004",
        "0F313530383632303238303033323137"
        "03303034",
        "\"150862028003217\" \"004\""},
    {"ISDN", "1", "0131", "\"1\""},
    {"RT", "2 a.", "0002016100", NULL},
    {"NSAP", "0x47.0005.80", "47000580", "0x47000580"},
    {"PX", "50 a. b.", "0032016100016200", NULL},
    {"GPOS", "-32.6882 116.8652 10.0",
        "082D33322E36383832"
        "083131362E38363532"
        "0431302E30",
        "\"-32.6882\" \"116.8652\" \"10.0\""},
    {"AAAA", "2001:DB8::1", "20010DB8000000000000000000000001", "2001:db8::1"},
    {"LOC", "42 21 54 N 71 06 18 W -24m 30m", "0033161389172DD070BE15F000988D20",
        "42 21 54.000 N 71 6 18.000 W -24.00m 30m 10000m 10m"},
    {"NXT", "a. A MX NXT", "01610040010002", NULL},
    {"SRV", "1 2 3 a.", "000100020003016100", NULL},
    {"NAPTR", "100 50 \"s\" \"http+I2L\" \"\" a.",
        "006400320173"
        "08687474702B49324C"
        "00"
        "016100",
        NULL},
    {"KX", "1 a.", "0001016100", NULL},
    {"CERT", "PKIX 1 RSASHA256 AQID",
        "000100010"
        "8010203",
        "PKIX 1 8 AQID"},
    {"CERT", "65535 0 0 AQ==", "FFFF00000001", NULL},
    {"A6", "64 ::1:2:3:4 a.", "400001000200030004016100", NULL},
    {"A6", "0 2001:db8::1", "0020010DB8000000000000000000000001", NULL},
    {"A6", "128 a.", "80016100", NULL},
    {"SINK", "8 1 2 AQID", "080102010203", NULL},
    {"SINK", "8 1 2", "080102", NULL},
    {"APL", "1:192.168.32.0/21 !1:192.168.38.0/28 2:ff00::/8",
        "00011503C0A820"
        "00011C83C0A826"
        "00020801FF",
        NULL},
    {"APL", "", "", NULL},
    {"SSHFP", "2 1 123456789abcdef67890123456789abcdef67890", "0201123456789ABCDEF67890123456789ABCDEF67890",
        "2 1 123456789ABCDEF67890123456789ABCDEF67890"},
    {"IPSECKEY", "10 1 2 192.0.2.38 AQID", "0A0102C0000226010203", NULL},
    {"IPSECKEY", "10 0 2 . AQID", "0A0002010203", NULL},
    {"IPSECKEY", "10 3 2 a. AQID", "0A0302016100010203", NULL},
    {"IPSECKEY", "10 2 0 2001:db8::", "0A020020010DB8000000000000000000000000", NULL},
    {"RRSIG", "A 5 3 86400 20380119031408 20030220173103 2642 a. AQID",
        "0001050300015180800000003E5510D70A52016100010203", NULL},
    {"RRSIG", "TYPE65000 ED25519 3 1d 4294967295 0 2642 a. AQ ID",
        "FDE80F0300015180FFFFFFFF000000000A52016100010203",
        "TYPE65000 15 3 86400 21060207062815 19700101000000 2642 a. AQID"},
    {"NSEC", "a. A MX RRSIG NSEC TYPE1234",
        "016100"
        "0006400100000003"
        "041B000000000000000000000000000000000000000000000000000020",
        NULL},
    {"DNSKEY", "256 3 ED25519 AQ== ", "0100030F01", "256 3 15 AQ=="},
    {"DNSKEY", "256 3 15 A Q= =", "0100030F01", "256 3 15 AQ=="},
    {"DNSKEY", "256 3 15 AQ = =", "0100030F01", "256 3 15 AQ=="},
    {"DNSKEY", "256 3 5 AQI D", "01000305010203", "256 3 5 AQID"},
    {"KEY", "49152 3 1", "C0000301", NULL},
    {"DHCID", "AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA=",
        "000201636FC0B8271C82825BB1AC5C41CF5351AA69B4FEBD94E8F17CDB95000DA48C40", NULL},
    {"NSEC3", "1 1 12 aabbccdd 2t7b4g4vsa5smi47k61mv5bv1a22bojr MX DNSKEY",
        "0101000C04AABBCCDD14174EB2409FE28BCB4887A1836F957F0A8425E27B"
        "000700010000000080",
        NULL},
    {"NSEC3", "1 0 0 - 2T7B4G4VSA5SMI47K61MV5BV1A22BOJR",
        "010000000014174EB2409FE28BCB4887A1836F957F0A8425E27B", NULL},
    {"NSEC3PARAM", "1 0 0 -", "0100000000", NULL},
    {"HIP", "2 200100107B1A74DF365639CC39F1D578 AQID a. b.",
        "10020003200100107B1A74DF365639CC39F1D578010203016100016200", NULL},
    {"TLSA", "DANE-EE SPKI Full 00ff", "03010000FF", "3 1 0 00FF"},
    {"TALINK", "a. b.", "016100016200", NULL},
    {"CDS", "0 0 0 00", "0000000000", NULL},
    {"CDS", "0 0 0 0", "0000000000", "0 0 0 00"}, /* RFC 8078 4 */
    {"CDNSKEY", "0 3 0 AA==", "0000030000", NULL},
    {"CDNSKEY", "0 3 0 0", "0000030000", "0 3 0 AA=="},
    {"ZONEMD", "2018031900 241 1 000102030405060708090a0b", "7848B91CF101000102030405060708090A0B",
        "2018031900 241 1 000102030405060708090A0B"}, /* RFC 8976 A.3 */
    {"WKS", "192.0.2.1 tcp 0 tcpmux", "C000020106C0", "192.0.2.1 6 0 1"},
    {"OPENPGPKEY", "AQ ID", "010203", "AQID"},
    {"CSYNC", "66 3 A NS AAAA", "000000420003000460000008", NULL},
    {"DSYNC", "CDS NOTIFY 5300 a.", "003B0114B4016100", NULL},
    {"DSYNC", "ANY 7 53 a.", "00FF070035016100", NULL},
    {"HHIT", "AQID", "010203", NULL},
    {"BRID", "AQID", "010203", NULL},
    {"NID", "10 0014:4fff:ff20:ee64", "000A00144FFFFF20EE64", NULL},
    {"L32", "10 10.1.2.0", "000A0A010200", NULL},
    {"L64", "10 2001:db8:1140:1000", "000A20010DB811401000", "10 2001:0db8:1140:1000"},
    {"LP", "10 a.", "000A016100", NULL},
    {"EUI48", "00-00-5E-00-53-2a", "00005E00532A", "00-00-5e-00-53-2a"},
    {"EUI64", "00-00-5e-ef-10-00-00-2a", "00005EEF1000002A", NULL},
    {"URI", "10 1 \"ftp://a\"", "000A00016674703A2F2F61", NULL},
    {"CAA", "0 issue \"ca.example; a=b\"", "0005697373756563612E6578616D706C653B20613D62", NULL},
    {"CAA", "128 ISSUE \"\"", "80054953535545", NULL},
    {"DOA", "0 1 2 \"\" aHR0cA==", "0000000000000001020068747470", NULL},
    {"DOA", "0 1 2 \"x\" -",
        "000000000000000102"
        "0178",
        NULL},
    {"AMTRELAY", "10 0 1 203.0.113.15", "0A01CB00710F", NULL},
    {"AMTRELAY", "128 1 3 amtrelays.",
        "80830961"
        "6D7472656C61797300",
        NULL},
    {"AMTRELAY", "10 1 0 .", "0A80", NULL},
    {"WALLET", "BTC 1abc", "034254430431616263", "\"BTC\" \"1abc\""},
    {"CLA", "TCP-V4-V6", "095443502D56342D5636", "\"TCP-V4-V6\""},
    {"IPN", "3735928559", "00000000DEADBEEF", NULL},
    {"IPN", "18446744073709551615", "FFFFFFFFFFFFFFFF", NULL},
    {"TYPE65280", "\\# 4 0a00 0001", "0A000001", "\\# 4 0A000001"},
    {"TYPE65280", "\\# 0", "", NULL},
    {"A", "\\# 4 c0000201", "C0000201", "192.0.2.1"},
    {"NULL", "\\# 2 abcd", "ABCD", "\\# 2 ABCD"},
    {"TXT", "\"\\\\#\" 4", "025C230134", "\"\\\\#\" \"4\""},
    /* RFC 9460 D */
    {"HTTPS", "0 foo.example.com.", "000003666F6F076578616D706C6503636F6D00", NULL},
    {"SVCB", "1 .", "000100", NULL},
    {"SVCB", "16 a. port=53",
        "0010016100"
        "000300020035",
        NULL},
    {"SVCB", "1 a. key667=hello",
        "0001016100"
        "029B000568656C6C6F",
        "1 a. key667=\"hello\""},
    {"SVCB", "1 a. key667=\"hello\\210qoo\"",
        "0001016100"
        "029B000968656C6C6FD2716F6F",
        NULL},
    {"SVCB", "1 a. ipv6hint=\"2001:db8::1,2001:db8::53:1\"",
        "0001016100"
        "0006002020010DB800000000000000000000000120010DB8000000000000000000530001",
        "1 a. ipv6hint=2001:db8::1,2001:db8::53:1"},
    {"SVCB", "1 a. alpn=\"f\\\\\\\\oo\\\\,bar,h2\"",
        "0001016100"
        "0001000C08665C6F6F2C626172026832",
        NULL},
    {"SVCB", "1 a. alpn=f\\\\\\092oo\\092,bar,h2",
        "0001016100"
        "0001000C08665C6F6F2C626172026832",
        "1 a. alpn=\"f\\\\\\\\oo\\\\,bar,h2\""},
    {"SVCB", "16 a. (alpn=h2,h3-19 mandatory=ipv4hint,alpn ipv4hint=192.0.2.1)",
        "0010016100"
        "0000000400010004"
        "00010009026832"
        "0568332D3139"
        "00040004C0000201",
        "16 a. mandatory=alpn,ipv4hint alpn=\"h2,h3-19\" ipv4hint=192.0.2.1"},
    {"SVCB", "1 a. no-default-alpn alpn=h2",
        "0001016100"
        "00010003026832"
        "00020000",
        "1 a. alpn=\"h2\" no-default-alpn"},
    {"SVCB", "1 a. ech=AQID ohttp dohpath=/q{?dns}",
        "0001016100"
        "00050003010203"
        "000700082F717B3F646E737D"
        "00080000",
        "1 a. ech=AQID dohpath=\"/q{?dns}\" ohttp"},
    {"SVCB", "1 a. tls-supported-groups=29,23",
        "0001016100"
        "00090004001D0017",
        NULL},
    {"SVCB", "1 a. docpath=\"\"",
        "0001016100"
        "000A0000",
        "1 a. docpath"},
    {"SVCB", "1 a. docpath=a,b pvd oots=doq:20,do53:0",
        "0001016100"
        "000A000401610162"
        "000B0000"
        "000C000B03646F711404646F353300",
        "1 a. docpath=\"a,b\" pvd oots=\"doq:20,do53:0\""},
    {"SVCB", "1 a. key1=\\002h2", /* RFC 9460 2.1: the value is that of the wire */
        "0001016100"
        "00010003026832",
        "1 a. alpn=\"h2\""},
};

static void check_good(size_t i)
{
    static uint8_t wire[RDATA_MAX], again[RDATA_MAX];
    static char text[TEXT_MAX], hex[2 * RDATA_MAX + 1];
    struct complaint why;
    size_t len = 0, again_len = 0;
    const char *phrase = "";
    uint16_t type = test_type(good[i].type);
    if (test_parse(type, good[i].text, wire, &len, &why) != ERR_OK)
        fail_msg("%s %s: %s", good[i].type, good[i].text, why.message);
    hex[base16_encode(hex, wire, len)] = '\0';
    if (strcmp(hex, good[i].wire) != 0)
        fail_msg("%s %s: wire %s, expected %s", good[i].type, good[i].text, hex, good[i].wire);
    if (rdata_check(type, wire, len, &phrase) != ERR_OK)
        fail_msg("%s %s: checked as %s", good[i].type, good[i].text, phrase);
    rdata_print(type, wire, len, text, sizeof text);
    const char *printed = good[i].printed != NULL ? good[i].printed : good[i].text;
    if (strcasecmp(text, printed) != 0)
        fail_msg("%s %s: printed %s, expected %s", good[i].type, good[i].text, text, printed);
    assert_int_equal(test_parse(type, text, again, &again_len, &why), ERR_OK);
    assert_int_equal(again_len, len);
    assert_memory_equal(again, wire, len);
    /* a short buffer gets the beginning and the whole length */
    char little[8];
    assert_int_equal(rdata_print(type, wire, len, little, sizeof little), strlen(text));
    assert_memory_equal(little, text, strlen(text) < 7 ? strlen(text) : 7);
}

static void text_to_wire_to_text(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(good); i++)
        check_good(i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_to_wire_to_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
