/* The canonical layout: what it makes of a text, whole and in tiny parts; that it is stable; what it refuses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "zone/text/format.h"

#define CHUNK_TINY 7

static enum err lay_out(const char *text, size_t len, size_t chunk_size, struct formatted *formatted)
{
    struct format_options options = {.chunk_size = chunk_size, .threads = 2};
    return format_text("t", text, len, &options, formatted);
}

static void assert_text(const struct formatted *formatted, const char *expected, const char *name)
{
    if (formatted->text.len == strlen(expected) &&
        memcmp(formatted->text.text, expected, strlen(expected)) == 0)
        return;
    print_error("%s:\n%.*s--- expected:\n%s", name, (int)formatted->text.len, formatted->text.text, expected);
    fail();
}

static const struct row {
    const char *name, *text, *expected;
} rows[] = {
    {"columns of a block", "a 60 IN A 192.0.2.1\nlonger IN 3600 AAAA ::1\n\tMX 10 a\n",
        "a       60   IN A       192.0.2.1\nlonger  3600 IN AAAA    ::1\n                MX      10 a\n"},
    {"blocks of their own", "a 60 A 192.0.2.1\n\na-long-owner 60 in a 192.0.2.1\n",
        "a       60 A       192.0.2.1\n\na-long-owner    60 IN A       192.0.2.1\n"},
    {"directives end a block", "$ttl  1h;x\na A 192.0.2.1\n $origin b.\nlonglong A 192.0.2.1\n",
        "$TTL 1h ;x\na       A       192.0.2.1\n$ORIGIN b.\nlonglong        A       192.0.2.1\n"},
    {"blank lines", "\n\n\na 1 A 192.0.2.1\n\n \n\t\n\nb 1 A 192.0.2.1\n\n\n",
        "a       1 A       192.0.2.1\n\n\nb       1 A       192.0.2.1\n"},
    {"comments", "; one  \na 1 A 192.0.2.1;two\nbb 1 TXT abcdefghij ; three\n   ; four\n\n   ; five\n",
        "; one\na       1 A       192.0.2.1  ;two\nbb      1 TXT     abcdefghij ; three\n"
        "                             ; four\n\n        ; five\n"},
    {"a comment behind long data moves nobody",
        "a 1 TXT 0123456789012345678901234567890123456789012345678901234567890123456789 ; x\nb 1 TXT c ; y\n",
        "a       1 TXT     0123456789012345678901234567890123456789012345678901234567890123456789 ; x\n"
        "b       1 TXT     c ; y\n"},
    {"parentheses that group nothing", "a 1 A ( 192.0.2.1 ) ; x\nb ( 1 A\n 192.0.2.1\n)\n",
        "a       1 A       192.0.2.1 ; x\nb       1 A (\n                  192.0.2.1\n                  )\n"},
    {"parentheses that group", "@ 1 SOA a b (\n1 ; serial\n  2;refresh\n\n\n 3 4\n5)\n",
        "@       1 SOA     a b (\n                  1 ; serial\n                  2 ;refresh\n\n"
        "                  3 4\n                  5 )\n"},
    {"comments inside the head", "a ( ; why\n 1 A\n 192.0.2.1 )\n",
        "a       1 A ( ; why\n                  192.0.2.1 )\n"},
    {"a break inside the head alone", "a ( 1\n A 192.0.2.1 )\n", "a       1 A       192.0.2.1\n"},
    {"closing on a line of its own with a comment", "a 1 TXT ( b\n c\n ) ; end\n",
        "a       1 TXT     b (\n                  c\n                  ) ; end\n"},
    {"strings keep their quotes and escapes", "a 1 TXT \"b  ;c\"\\032d\"e\\\"\" \"\"\"\"\n",
        "a       1 TXT     \"b  ;c\" \\032d\"e\\\"\" \"\" \"\"\n"},
    {"quoted values of keys", "a 1 HTTPS 1 . alpn=\"h2,h3\"   port=\"53\"\n",
        "a       1 HTTPS   1 . alpn=\"h2,h3\" port=\"53\"\n"},
    {"a template is kept as it is", "$generate  1-2  a$   A  192.0.2.$  \r\n",
        "$GENERATE 1-2 a$   A  192.0.2.$\n"},
    {"CR LF, a mark of byte order, no last newline",
        "\xef\xbb\xbf"
        "a 1 A 192.0.2.1\r\n\r\nb 1 A 192.0.2.1",
        "a       1 A       192.0.2.1\n\nb       1 A       192.0.2.1\n"},
    {"tokens keep their case and their zeros, types and classes are raised",
        "Www 01h in type1 \\# 4 C0000201\n", "Www     01h IN TYPE1   \\# 4 C0000201\n"},
    {"a fragment begins with what it inherits", "  A 192.0.2.1\n", "        A       192.0.2.1\n"},
    {"an empty file", "", ""},
    {"only blanks", " \n\t\n", ""},
    {"an owner too wide for the column",
        "a23456789012345678901234567890123456789012345678901 1 A 192.0.2.1\nb 1 A 192.0.2.2\n",
        "a23456789012345678901234567890123456789012345678901 1 A 192.0.2.1\nb       1 A       192.0.2.2\n"},
};

static void layout_of_each_row(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        const struct row *row = &rows[i];
        for (unsigned tiny = 0; tiny < 2; tiny++) {
            struct formatted formatted, again;
            assert_int_equal(
                lay_out(row->text, strlen(row->text), tiny ? CHUNK_TINY : 0, &formatted), ERR_OK);
            assert_text(&formatted, row->expected, row->name);
            assert_int_equal(
                lay_out(formatted.text.text, formatted.text.len, tiny ? CHUNK_TINY : 0, &again), ERR_OK);
            assert_text(&again, row->expected, row->name);
            assert_true(again.same);
            input_close(&again.text);
            input_close(&formatted.text);
        }
    }
}

static void count_finding(void *context, const struct finding *finding)
{
    (void)finding;
    ++*(unsigned *)context;
}

static void a_text_with_errors_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"a 1 A 192.0.2.300\n", "a 1 TXT \"b\n", "a 1 TXT ( b\n",
        "a 1 TXT b )\n", "$NOPE 1\n", "a 1 NOPE b\n"};
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
        unsigned findings = 0;
        struct formatted formatted;
        struct format_options options = {.sink = {.report = count_finding, .context = &findings}};
        assert_int_equal(format_text("t", texts[i], strlen(texts[i]), &options, &formatted), ERR_INVALID);
        assert_int_equal(findings, 1);
    }
}

static void what_cannot_be_included_stays(void **state)
{
    (void)state;
    static const char text[] = "$include  not-there  x.\n  1 A 192.0.2.1\n";
    struct formatted formatted;
    assert_int_equal(lay_out(text, sizeof(text) - 1, 0, &formatted), ERR_OK);
    assert_text(&formatted, "$INCLUDE not-there x.\n        1 A       192.0.2.1\n", "include");
    input_close(&formatted.text);
}

/* A block over many parts has one set of columns. */
static void parts_share_a_block(void **state)
{
    (void)state;
    enum { LINES = 5000 };
    static char text[LINES * 40], expected[LINES * 60];
    size_t len = 0, expected_len = 0;
    for (unsigned i = 0; i < LINES; i++) {
        const char *owner = i == LINES / 2 ? "rather-a-long-owner" : "short";
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s 60 A 192.0.2.1\n", owner);
        expected_len += (size_t)snprintf(
            expected + expected_len, sizeof(expected) - expected_len, "%-23s 60 A       192.0.2.1\n", owner);
    }
    struct formatted formatted;
    assert_int_equal(lay_out(text, len, 1000, &formatted), ERR_OK);
    assert_text(&formatted, expected, "large");
    input_close(&formatted.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layout_of_each_row),
        cmocka_unit_test(a_text_with_errors_is_refused),
        cmocka_unit_test(what_cannot_be_included_stays),
        cmocka_unit_test(parts_share_a_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
