/* What is refused, with which words, and where the finger points. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/text/rdata_test.h"

/* `at` is the text pointed at ("" for the end). */
static const struct {
    const char *type, *text, *message, *at, *hint; /* hint NULL: none */
} bad[] = {
    {"A", "192.0.2.256", "A address \"192.0.2.256\": octet 4 is above 255", "192.0.2.256", NULL},
    {"A", "192.0.2", "A address \"192.0.2\": 3 octets instead of 4", "192.0.2", NULL},
    {"A", "2001:db8::1", "A address \"2001:db8::1\": it looks like an IPv6 address", "2001:db8::1",
        "an IPv6 address belongs in an AAAA record"},
    {"A", "", "A address is missing", "", NULL},
    {"A", "192.0.2.1 192.0.2.2", "A data \"192.0.2.2\" stands behind its last field", "192.0.2.2", NULL},
    {"A", "\"192.0.2.1\"", "A address \"192.0.2.1\" must not be quoted", "192.0.2.1", "remove the quotes"},
    {"A", "\\# 4 C00002", "A generic data has 3 octets, announced were 4", "4", NULL},
    {"A", "\\# 3 C00002", "A generic data does not fit the type: the rdata is too short", "\\#", NULL},
    {"A", "\\# 4 C0000Z01", "A generic data: 'Z' is no hexadecimal digit", "Z", NULL},
    {"AAAA", "192.0.2.1", "AAAA address \"192.0.2.1\": it looks like an IPv4 address", "192.0.2.1",
        "an IPv4 address belongs in an A record"},
    {"AAAA", "1::2::3", "AAAA address \"1::2::3\": \"::\" stands more than once", "1::2::3", NULL},
    {"MX", "abc mail", "MX preference \"abc\" is not a number", "abc",
        "a number from 0 to 65535 belongs here"},
    {"MX", "mail.example.", "MX preference \"mail.example.\" is not a number", "mail.example.",
        "a number from 0 to 65535 belongs here"},
    {"MX", "10", "MX exchange is missing", "", NULL},
    {"MX", "65536 a.", "MX preference \"65536\" is above 65535", "65536",
        "a number from 0 to 65535 belongs here"},
    {"MX", "10 a..b", "MX exchange \"a..b\": an empty label (two dots in a row, or a dot in front)", "a..b",
        NULL},
    {"MX", "10 a. comment", "MX data \"comment\" stands behind its last field", "comment",
        "a comment begins with a semicolon"},
    {"SOA", "a. b. 1 2 3 4 4294967296", "SOA minimum \"4294967296\" is above 4294967295 seconds",
        "4294967296", NULL},
    {"SVCB", "1 . key1=h2", "SVCB parameter: a list has no item, an empty item or a cut one", "key1=h2",
        NULL},
    {"SVCB", "1 . key3=443", "SVCB parameter: port is not two octets", "key3=443", NULL},
    {"CDS", "1 8 2 0", "CDS digest has an odd number of hexadecimal digits", "0", NULL},
    {"CDS", "0 0 0 0 0", "CDS data \"0\" stands behind its last field", "0", NULL},
    {"ATMA", "47..00", "ATMA address has a dot that parts nothing", ".", "dots stand between digits"},
    {"ATMA", "+1.908.", "ATMA address has a dot that parts nothing", ".", "dots stand between digits"},
    {"LOC", "0 N 0 E 0 90000000.01", "LOC location: the size is not a number of metres in range",
        "90000000.01", "write metres from 0.00m to 90000000.00m"},
    {"ZONEMD", "1 1 1 000102030405060708090a0b", "ZONEMD digest has 12 octets, SHA-384 gives 48",
        "000102030405060708090a0b", "the digest is cut short, or the algorithm's number is wrong"},
    {"SOA", "a. b. 1 2x 3 4 5", "SOA refresh \"2x\" is not a time", "2x",
        "write seconds, or units as in 1w2d3h4m5s"},
    {"SOA", "a. b. 1 2 3 4", "SOA minimum is missing", "", NULL},
    {"SOA", "a. b. 1 9999w 3 4 5", "SOA refresh \"9999w\" is above 4294967295 seconds", "9999w", NULL},
    {"TXT", "", "TXT text is missing", "", NULL},
    {"TXT", "; v=spf1", "TXT text is missing", "",
        "a semicolon begins a comment: put text that has one in quotes"},
    {"TXT", "\"\\256\"", "TXT text: a bad escape", "\\256",
        "write \\DDD with DDD from 000 to 255, or \\ and one character"},
    {"CAA", "0 issue ; x", "CAA value is missing", "",
        "a semicolon begins a comment: put text that has one in quotes"},
    {"CAA", "0 iss-ue \"x\"", "CAA tag \"iss-ue\" has other characters than letters and digits", "iss-ue",
        NULL},
    {"CAA", "0 issue ca.example validate", "CAA data \"validate\" stands behind its last field", "validate",
        "put text with blanks in quotes"},
    {"CAA", "256 issue x", "CAA flags \"256\" is above 255", "256", "a number from 0 to 255 belongs here"},
    {"URI", "1 1 \"\"", "URI target \"\" must not be empty", "", NULL},
    {"DS", "1 8 2 00", "DS digest has 1 octet, SHA-256 gives 32", "00",
        "the digest is cut short, or the algorithm's number is wrong"},
    {"DS", "1 8 2 0", "DS digest has an odd number of hexadecimal digits", "0", NULL},
    {"DS", "1 8 1 000102030405060708090a0b0c0d0e0f101112131415", "DS digest has 22 octets, SHA-1 gives 20",
        "000102030405060708090a0b0c0d0e0f101112131415",
        "the digest is too long, or the algorithm's number is wrong"},
    {"DS", "1 NOALG 1 00", "DS algorithm \"NOALG\" is not a number", "NOALG",
        "a number from 0 to 255 belongs here"},
    {"TLSA", "3 1 1 0011223344556677", "TLSA association data has 8 octets, SHA-256 gives 32",
        "0011223344556677", "the digest is cut short, or the algorithm's number is wrong"},
    {"ZONEMD", "1 1 240 00112233", "ZONEMD digest has 4 octets, at least 12 are needed", "00112233", NULL},
    {"SSHFP", "1 1 gg", "SSHFP fingerprint: 'g' is no hexadecimal digit", "g", NULL},
    {"DNSKEY", "256 3 8", "DNSKEY public key is missing", "", NULL},
    {"DNSKEY", "256 3 8 AQI", "DNSKEY public key: the last group of base64 is not whole", "AQI",
        "base64 comes in groups of four characters, the last filled up with ="},
    {"DNSKEY", "256 3 8 AQ= =A", "DNSKEY public key goes on after its padding", "=A",
        "base64 comes in groups of four characters, the last filled up with ="},
    {"DNSKEY", "256 3 8 AQ=", "DNSKEY public key: the last group of base64 is not whole",
        "AQ=", "base64 comes in groups of four characters, the last filled up with ="},
    {"DNSKEY", "256 3 8 AQI= =", "DNSKEY public key goes on after its padding", "=",
        "base64 comes in groups of four characters, the last filled up with ="},
    {"DNSKEY", "256 3 8 A = ==", "DNSKEY public key: the padding does not fit", "=",
        "base64 comes in groups of four characters, the last filled up with ="},
    {"DNSKEY", "256 3 8 A*==", "DNSKEY public key: '*' is no base64 digit", "*", NULL},
    {"DNSKEY", "256 3 8 AQ==AQ==", "DNSKEY public key: '=' in the middle", "=",
        "base64 comes in groups of four characters, the last filled up with ="},
    {"DNSKEY", "256 3 8 AQ== AQ==", "DNSKEY public key goes on after its padding",
        "AQ==", "base64 comes in groups of four characters, the last filled up with ="},
    {"DNSKEY", "256 3 8 AR==", "DNSKEY public key: the last digit has bits that mean nothing", "R==", NULL},
    {"RRSIG", "A 8 2 60 20240230000000 1 1 a. AA==",
        "RRSIG expiration \"20240230000000\": the month has no such day", "20240230000000",
        "write YYYYMMDDHHMMSS in UTC, or seconds since 1970"},
    {"RRSIG", "A 8 2 60 2024 99999999999 1 a. AA==", "RRSIG inception \"99999999999\" is not a time",
        "99999999999", "write YYYYMMDDHHMMSS in UTC, or seconds since 1970"},
    {"RRSIG", "B 8 2 60 1 1 1 a. AA==", "RRSIG type covered \"B\" is no record type (A?)", "B", NULL},
    {"RRSIG", "CNMAE 8 2 60 1 1 1 a. AA==", "RRSIG type covered \"CNMAE\" is no record type (CNAME?)",
        "CNMAE", NULL},
    {"NSEC", "a.", "NSEC type list is missing", "", NULL},
    {"NSEC", "a. A BOGUSTYPE", "NSEC type list \"BOGUSTYPE\" is no record type", "BOGUSTYPE",
        "an unknown type is written as TYPE123 (RFC 3597 5)"},
    {"NSEC3", "1 0 0 abc 2t7b4g4vsa5smi47k61mv5bv1a22bojr",
        "NSEC3 salt \"abc\" has an odd number of hexadecimal digits", "abc", "no salt is written as -"},
    {"NSEC3", "1 0 0 - 2t7b4g4vsa5smi47k61mv5bv1a22boj",
        "NSEC3 next hashed owner \"2t7b4g4vsa5smi47k61mv5bv1a22boj\" is cut: its last characters make no "
        "octet",
        "2t7b4g4vsa5smi47k61mv5bv1a22boj", "base32hex of SHA-1 has 32 characters"},
    {"NSEC3", "1 0 0 - 2t7b4g4vsa5smi47k61mv5bv1a22bojz",
        "NSEC3 next hashed owner: 'z' is no base32hex digit", "z", NULL},
    {"NSEC3", "1 0 0 - 2t7b4g4vsa5smi47", "NSEC3 next hashed owner has 10 octets, SHA-1 gives 20",
        "2t7b4g4vsa5smi47", "the digest is cut short, or the algorithm's number is wrong"},
    {"EUI48", "00-00-5e-00-53-2a-",
        "EUI48 address \"00-00-5e-00-53-2a-\" is not 6 octets in hexadecimal with hyphens between them",
        "00-00-5e-00-53-2a-", "write xx-xx-xx-xx-xx-xx"},
    {"NID", "1 1:2:3",
        "NID node identifier \"1:2:3\" is not four groups of hexadecimal digits with colons between them",
        "1:2:3", "write xxxx:xxxx:xxxx:xxxx"},
    {"LOC", "91 N 0 E 0", "LOC location: \"91\" does not belong in the latitude", "91",
        "write degrees, minutes, seconds and N or S"},
    {"LOC", "90 1 N 0 E 0", "LOC location: the latitude is beyond 90 degrees", "N",
        "write degrees, minutes, seconds and N or S"},
    {"LOC", "10 N 10 X 0", "LOC location: \"X\" does not belong in the longitude", "X",
        "write degrees, minutes, seconds and E or W"},
    {"LOC", "10 N 10 E", "LOC altitude is missing", "", NULL},
    {"APL", "3:1.2.3.4/8", "APL prefix \"3:1.2.3.4/8\" is not a prefix of family 1 or 2", "3:1.2.3.4/8",
        "write 1:192.0.2.0/24, 2:2001:db8::/32, or either with ! in front"},
    {"APL", "1:1.2.3.4/33", "APL prefix: the length is not a number up to 32", "33",
        "write 1:192.0.2.0/24, 2:2001:db8::/32, or either with ! in front"},
    {"WKS", "1.2.3.4 tcp smtpx", "WKS protocol is followed by \"smtpx\", which is no port", "smtpx",
        "write port numbers up to 65535"},
    {"IPSECKEY", "1 4 1 . AA==", "IPSECKEY gateway \".\" is of type 4, which has no text form", ".",
        "types 0 to 3 are defined; write others in the generic form \\# LENGTH HEX"},
    {"IPSECKEY", "1 0 1 a. AA==", "IPSECKEY gateway \"a.\" must be . for type 0", "a.",
        "type 1 is an IPv4 address, 2 an IPv6 address, 3 a name"},
    {"IPSECKEY", "10 1 2 192.0.2.38", "IPSECKEY public key is missing", "", NULL},
    {"KEY", "256 3 8", "KEY public key is missing", "", NULL},
    {"AMTRELAY", "1 2 0 .", "AMTRELAY relay: discovery bit \"2\" is not a number up to 1", "2", NULL},
    {"HIP", "2 20 A", "HIP host identity: the last group of base64 is not whole", "A",
        "base64 comes in groups of four characters, the last filled up with ="},
    {"NULL", "x", "NULL data must be written in the generic form", "x", "write \\# LENGTH HEX (RFC 3597 5)"},
    {"TYPE65280", "x", "record data must be written in the generic form", "x",
        "write \\# LENGTH HEX (RFC 3597 5)"},
    {"SVCB", "1 a. alpn=h2 alpn=h3", "SVCB parameter alpn stands twice", "alpn=h3",
        "each parameter may stand once"},
    {"SVCB", "1 a. port=65536", "SVCB parameter port is not a port number", "port=65536",
        "write a number from 0 to 65535"},
    {"SVCB", "1 a. port", "SVCB parameter port needs a value", "port", "write key=value"},
    {"SVCB", "1 a. no-default-alpn=x alpn=h2", "SVCB parameter no-default-alpn has a value, but takes none",
        "no-default-alpn=x", NULL},
    {"SVCB", "1 a. mandatory=alpn", "SVCB parameter mandatory lists alpn, which is not there",
        "mandatory=alpn", "add the parameter, or take it from mandatory"},
    {"SVCB", "1 a. mandatory=alpn,alpn alpn=h2", "SVCB parameter mandatory lists a key twice",
        "mandatory=alpn,alpn", NULL},
    {"SVCB", "1 a. mandatory=mandatory", "SVCB parameter mandatory must not list itself",
        "mandatory=mandatory", NULL},
    {"SVCB", "1 a. Alpn=h2", "SVCB parameter \"Alpn\" is no service parameter", "Alpn",
        "keys are written in lower case: alpn, port, ipv4hint, ech ... or keyNNNNN"},
    {"SVCB", "1 a. key65535=x", "SVCB parameter key65535 is reserved and cannot be used", "key65535=x", NULL},
    {"SVCB", "1 a. key01=x", "SVCB parameter \"key01\" is no service parameter", "key01",
        "keys are written in lower case: alpn, port, ipv4hint, ech ... or keyNNNNN"},
    {"SVCB", "1 a. alpn=\"h2,,h3\"", "SVCB parameter alpn has an empty item", "alpn=\"h2,,h3\"",
        "items stand behind commas without blanks"},
    {"SVCB", "1 a. ipv4hint=1.2.3", "SVCB parameter ipv4hint has a malformed IPv4 address", "ipv4hint=1.2.3",
        "write IPv4 addresses with commas between them"},
    {"SVCB", "1 a. tls-supported-groups=1,1", "SVCB parameter: tls-supported-groups names a group twice",
        "tls-supported-groups=1,1", NULL},
    {"SVCB", "1 a. oots=doq", "SVCB parameter oots has an item without a weight up to 255", "oots=doq",
        "write transport:weight, as in doq:20"},
    {"SVCB", "1 a. \"alpn=h2\"", "SVCB parameter \"alpn=h2\" is a value without a key", "alpn=h2",
        "write key=\"value\""},
    {"SVCB", "1 a. no-default-alpn", "SVCB parameter no-default-alpn needs alpn beside it", "no-default-alpn",
        "list the protocols that are there: alpn=h2"},
    {"MX", "10 (a.", "an opening parenthesis is never closed", "", NULL},
    {"TXT", "\"open", "a quoted string is not closed", "\"", NULL},
    {"MX", "10 a. )", "a closing parenthesis without an opening one", ")", NULL},
};

static void refusals_say_what_and_where(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        static uint8_t wire[RDATA_MAX];
        struct complaint why;
        size_t len = 77;
        enum err err = test_parse(test_type(bad[i].type), bad[i].text, wire, &len, &why);
        if (err == ERR_OK)
            fail_msg("%s %s was accepted", bad[i].type, bad[i].text);
        assert_int_equal(len, 77); /* outputs are assigned only on success */
        assert_non_null(why.at);
        if (strcmp(why.message, bad[i].message) != 0)
            fail_msg("%s %s: said \"%s\"", bad[i].type, bad[i].text, why.message);
        if (why.len != strlen(bad[i].at) || memcmp(why.at, bad[i].at, why.len) != 0)
            fail_msg("%s %s: points at \"%.*s\"", bad[i].type, bad[i].text, (int)why.len, why.at);
        if ((why.hint != NULL) != (bad[i].hint != NULL) ||
            (why.hint != NULL && strcmp(why.hint, bad[i].hint) != 0))
            fail_msg(
                "%s %s: hints \"%s\"", bad[i].type, bad[i].text, why.hint != NULL ? why.hint : "nothing");
    }
}

static void strings_have_a_limit(void **state)
{
    (void)state;
    static uint8_t wire[RDATA_MAX];
    static char text[70000];
    struct complaint why;
    size_t len;
    memset(text, 'x', 256);
    assert_int_equal(test_parse(TYPE_TXT, text, wire, &len, &why), ERR_LIMIT);
    assert_string_equal(why.message, "TXT text has a string of 256 octets, 255 fit");
    text[255] = '\0';
    assert_int_equal(test_parse(TYPE_TXT, text, wire, &len, &why), ERR_OK);
    assert_int_equal(len, 256);
    memset(text, 'A', 69000);
    memcpy(text, "256 3 8 ", 8);
    text[8 + 65532] = '\0';
    assert_int_equal(test_parse(TYPE_DNSKEY, text, wire, &len, &why), ERR_OK);
    memset(text + 8, 'A', 69000);
    for (size_t i = 108; i < 69000; i += 100)
        text[i] = ' ';
    text[69000] = '\0';
    enum err err = test_parse(TYPE_TXT, text, wire, &len, &why); /* 69000 octets in short strings */
    assert_int_equal(err, ERR_LIMIT);
    assert_string_equal(why.message, "TXT text makes the record's data longer than 65535 octets");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refusals_say_what_and_where),
        cmocka_unit_test(strings_have_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
