/* Which octets are characters, and which characters are shown. */
#include "zone/base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct row {
    const char *text, *shown;
    size_t count;
} rows[] = {
    {"plain \\ \" < text", "plain \\ \" < text", 16},
    {"caf\303\251 \342\202\254 \360\237\246\206", "caf\303\251 \342\202\254 \360\237\246\206", 8},
    {"a\033[31mb\177c\rd\ne", "a?[31mb?c?d?e", 13},
    {"a\tb", "a b", 3},
    {"C1: \302\233 raw \233", "C1: ? raw ?", 11},
    {"over\342\200\256turned\342\201\246 \357\273\277", "over?turned? ?", 14},
    {"long forms \300\257 \340\200\257 \360\200\200\257", "long forms ?? ??? ????", 22},
    {"surrogate \355\240\200 beyond \364\220\200\200 \370", "surrogate ??? beyond ???? ?", 27},
    {"cut \342\202", "cut ??", 6},
    {"tag \363\240\201\201", "tag ?", 5},
    {"", "", 0},
};

static void test_shown(void **state UNUSED)
{
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        char *text = NULL;
        size_t len = 0;
        FILE *out = open_memstream(&text, &len);
        utf8_print(out, rows[i].text, strlen(rows[i].text));
        fclose(out);
        assert_string_equal(text, rows[i].shown);
        assert_int_equal(utf8_count(rows[i].text, strlen(rows[i].text)), rows[i].count);
        free(text);
    }
}

/* Longer than the piece that is printed at once, cut at every place of a character. */
static void test_long(void **state UNUSED)
{
    for (size_t lead = 0; lead < 4; lead++) {
        char text[2000], *shown = NULL;
        size_t len = 0, at = lead;
        FILE *out = open_memstream(&shown, &len);
        memset(text, 'x', lead);
        for (; at + 4 <= sizeof text; at += 4)
            memcpy(text + at, "\360\237\246\206", 4);
        utf8_print(out, text, at);
        fclose(out);
        assert_int_equal(len, at);
        assert_memory_equal(shown, text, at);
        free(shown);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_shown), cmocka_unit_test(test_long)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
