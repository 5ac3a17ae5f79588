/* The lexer: tokens of entries, what ends them, errors and how it goes on after them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zone/text/lexer.h"

/* Tokens of all entries: each in brackets (quoted ones in quotes), "|" at the end of an entry, "!" and the
 * offset for an error. */
static void tell(const char *text, size_t len, char *out)
{
    char *padded = malloc(len + LEXER_PAD);
    struct lexer lexer;
    struct token token;
    memcpy(padded, text, len);
    memset(padded + len, 'x', LEXER_PAD); /* what lies there must not matter */
    lexer_init(&lexer, padded, len);
    *out = '\0';
    while (lexer.at < lexer.end) {
        while (lexer_next(&lexer, &token))
            out += sprintf(out, token.quoted ? "\"%.*s\"" : "[%.*s]", (int)token.len, token.text);
        if (lexer.error != NULL)
            out += sprintf(out, "!%d", (int)(lexer.complain - padded));
        out += sprintf(out, "|");
        lexer_skip_entry(&lexer);
    }
    free(padded);
}

static void tokens_of_entries(void **state)
{
    (void)state;
    static const char *const cases[][2] = {{"a b\tc\n", "[a][b][c]|"}, {"a", "[a]|"}, {"", ""},
        {"\n\na\n", "||[a]|"}, {"a ; comment\nb", "[a]|[b]|"}, {"a;b", "[a]|"},
        {"a (b\n c) d\ne", "[a][b][c][d]|[e]|"}, {"a(b)c", "[a][b][c]|"}, {"a ( ; )\n b )", "[a][b]|"},
        {"((a) b)", "[a][b]|"}, {"\"a b\" c", "\"a b\"[c]|"}, {"\"a;(b\"", "\"a;(b\"|"}, {"\"\"", "\"\"|"},
        {"a\"b\"c", "[a]\"b\"[c]|"}, {"\"a\\\"b\"", "\"a\\\"b\"|"}, {"a\\ b c", "[a\\ b][c]|"},
        {"a\\;b", "[a\\;b]|"}, {"a\\\"b", "[a\\\"b]|"}, {"a\\", "[a\\]|"}, {"a\\\nb", "[a\\]|[b]|"},
        {"a\r\nb\r\n", "[a]|[b]|"}, {"a\1b\177c d", "[a\1b\177c][d]|"},
        {"0123456789abcdef0123456789abcdef0 x", "[0123456789abcdef0123456789abcdef0][x]|"},
        {"0123456789abcde\\ 0123456789abcdef x", "[0123456789abcde\\ 0123456789abcdef][x]|"},
        {"0123456789abcdef\n0123456789abcdef\n", "[0123456789abcdef]|[0123456789abcdef]|"}};
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        char out[500];
        tell(cases[i][0], strlen(cases[i][0]), out);
        assert_string_equal(out, cases[i][1]);
    }
}

static void errors_and_recovery(void **state)
{
    (void)state;
    static const char *const cases[][2] = {{"a ) b\nc", "[a]!2|[c]|"}, {"a \"b\nc\n", "[a]!2|[c]|"},
        {"a ( b", "[a][b]!5|"}, {"\"", "!0|"}, {"a (\"b\nc)\nd", "[a]!3|[d]|"}};
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        char out[500];
        tell(cases[i][0], strlen(cases[i][0]), out);
        assert_string_equal(out, cases[i][1]);
    }
}

/* NUL octets are as good as any other in a token. */
static void nul_is_an_octet(void **state)
{
    (void)state;
    struct lexer lexer;
    struct token token;
    char text[LEXER_PAD + 8] = "a\0b c";
    lexer_init(&lexer, text, 5);
    assert_true(lexer_next(&lexer, &token));
    assert_int_equal(token.len, 3);
    assert_true(lexer_next(&lexer, &token));
    assert_int_equal(token.len, 1);
    assert_false(lexer_next(&lexer, &token));
    assert_null(lexer.error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_of_entries),
        cmocka_unit_test(errors_and_recovery),
        cmocka_unit_test(nul_is_an_octet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
