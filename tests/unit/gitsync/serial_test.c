/* Serials, the place of the serial in a text, and what a text includes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gitsync/includes.c"
#include "gitsync/serial.c"

static void test_later(void **state)
{
    static const struct {
        uint32_t a, b;
        bool later;
    } cases[] = {{2, 1, true}, {1, 2, false}, {1, 1, false}, {0, UINT32_MAX, true}, {UINT32_MAX, 0, false},
        {0x80000000u, 0, false}, {0, 0x80000000u, false}, {0x7fffffffu, 0, true}, {0x80000001u, 1, false}};
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
        assert_int_equal(serial_later(cases[i].a, cases[i].b), cases[i].later);
}

static void test_find(void **state)
{
    static const struct {
        const char *text, *number; /* NULL: not found */
    } cases[] = {
        {"@ SOA ns host 17 1 1 1 1\n", "17"},
        {"@ 3600 IN SOA ns host (\n\t2026010101 ; serial\n 1 1 1 1 )\n", "2026010101"},
        {"; @ SOA a b 1\n@ IN 1h soa ns host 4294967295 1 1 1 1\n", "4294967295"},
        {"$TTL 1h\n$ORIGIN SOA.\n@ ( SOA\n ns ; SOA x\n host 9 ) 1 1 1 1\n", "9"},
        {"soa A 192.0.2.1\n@ TXT \"; SOA a b 1\"\n@ SOA ns host 5 1 1 1 1\n", "5"},
        {"SOA SOA ns host 6 1 1 1 1\n", "6"},
        {"@ SOA ns host 4294967296 1 1 1 1\n", NULL},
        {"@ SOA ns host x 1 1 1 1\n", NULL},
        {"@ SOA ns host\n17 A 192.0.2.1\n", NULL},
        {"www TXT a SOA b c 1\n", NULL},
        {"", NULL},
        {"@ SOA", NULL},
        {"@ SOA ns\\", NULL},
        {"@ TXT \"unended\n@ SOA ns host 8 1 1 1 1", "8"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct serial_place place;
        const char *why = NULL;
        bool found = serial_find(cases[i].text, strlen(cases[i].text), &place, &why);
        if (found != (cases[i].number != NULL))
            fail_msg("%s", cases[i].text);
        if (!found) {
            assert_non_null(why);
            continue;
        }
        assert_int_equal(place.len, strlen(cases[i].number));
        assert_memory_equal(cases[i].text + place.at, cases[i].number, place.len);
    }
}

static void test_make(void **state)
{
    const int64_t day = 1767607200; /* 2026-01-05 10:00 */
    const uint32_t five = 5, today = 2026010500, tomorrow = 2026010600, last = UINT32_MAX;
    (void)state;
    assert_int_equal(serial_make(SERIAL_DATE, day, 0, NULL), today);
    assert_int_equal(serial_make(SERIAL_DATE, day, 0, &five), today);
    assert_int_equal(serial_make(SERIAL_DATE, day, 0, &today), today + 1);
    assert_int_equal(serial_make(SERIAL_DATE, day, 0, &tomorrow), tomorrow + 1);
    assert_int_equal(serial_make(SERIAL_DATE, day, tomorrow, &today), tomorrow);
    assert_int_equal(serial_make(SERIAL_DATE, day, tomorrow, NULL), tomorrow);
    assert_int_equal(serial_make(SERIAL_TIME, day, 0, NULL), (uint32_t)day);
    assert_int_equal(serial_make(SERIAL_TIME, day, today, NULL), today);
    assert_int_equal(serial_make(SERIAL_COUNT, day, 0, NULL), 1);
    assert_int_equal(serial_make(SERIAL_COUNT, day, 0, &five), 6);
    assert_int_equal(serial_make(SERIAL_COUNT, day, 3, &five), 6);
    assert_int_equal(serial_make(SERIAL_COUNT, day, 0, &last), 1); /* not 0 */
    assert_int_equal(serial_make(SERIAL_DATE, -1000000000000, 0, &five), 6);
}

static void test_resolve(void **state)
{
    static const struct {
        const char *from, *written, *want;
    } cases[] = {
        {"zones/db.a", "common", "zones/common"},
        {"zones/db.a", "./x/../common", "zones/common"},
        {"zones/db.a", "../common", "common"},
        {"zones/db.a", "../../common", NULL},
        {"zones/db.a", "x/../../../y", NULL},
        {"db.a", "common", "common"},
        {"db.a", "..", NULL},
        {"db.a", "/etc/passwd", NULL},
        {"db.a", "", NULL},
        {"a/b/c", "..//./d", "a/d"},
    };
    struct arena arena;
    (void)state;
    arena_init(&arena, 0);
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        const char *is = includes_resolve(&arena, cases[i].from, cases[i].written, strlen(cases[i].written));
        if (cases[i].want == NULL)
            assert_null(is);
        else
            assert_string_equal(is, cases[i].want);
    }
    arena_clear(&arena);
}

static void count_above(void *context, const char *includer)
{
    char *seen = context;
    snprintf(seen + strlen(seen), 200 - strlen(seen), "%s ", includer);
}

static void test_includes(void **state)
{
    static const char text[] = "$INCLUDE one\n www $INCLUDE no\n$include \"two\" origin. ; $INCLUDE three\n";
    struct includes includes, again;
    char seen[200] = "", *printed;
    const char *bad;
    size_t len;
    (void)state;
    includes_init(&includes);
    assert_true(includes_set(&includes, "zones/a", text, strlen(text), &bad));
    assert_true(includes_set(&includes, "zones/one", "$INCLUDE deep\n", 14, &bad));
    assert_true(includes_has(&includes, "zones/two"));
    assert_false(includes_has(&includes, "zones/no"));
    includes_above(&includes, "zones/deep", count_above, seen);
    assert_string_equal(seen, "zones/one zones/a ");
    assert_false(includes_set(&includes, "zones/b", "$INCLUDE /etc/shadow\n", 21, &bad));
    assert_string_equal(bad, "/etc/shadow");
    assert_true(includes_set(&includes, "zones/one", NULL, 0, &bad));
    FILE *out = open_memstream(&printed, &len);
    includes_print(&includes, out);
    fclose(out);
    assert_string_equal(printed, "zones/a\tzones/one\nzones/a\tzones/two\n");
    includes_init(&again);
    includes_parse(&again, printed);
    assert_true(includes_has(&again, "zones/one"));
    includes_clear(&again);
    includes_clear(&includes);
    free(printed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_later),
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_make),
        cmocka_unit_test(test_resolve),
        cmocka_unit_test(test_includes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
