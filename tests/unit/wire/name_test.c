/* Names: text to wire and back, limits, order, compression pointers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "zone/wire/name.h"

static const uint8_t origin[] = "\7example\3org";

static size_t parse(const char *text, uint8_t *out)
{
    size_t len = 0;
    const char *why = "";
    if (name_parse(text, strlen(text), origin, out, &len, &why) != ERR_OK)
        fail_msg("%s: %s", text, why);
    assert_int_equal(name_len(out), len);
    assert_int_equal(name_check(out, len), len);
    return len;
}

static void text_to_name_to_text(void **state)
{
    (void)state;
    static const struct {
        const char *text, *printed;
        unsigned labels;
    } cases[] = {{".", ".", 0}, {"@", "example.org.", 2}, {"a", "a.example.org.", 3}, {"a.b.", "a.b.", 2},
        {"A.b.", "A.b.", 2}, {"a\\.b.c.", "a\\.b.c.", 2}, {"\\097.", "a.", 1},
        {"\\000\\255.", "\\000\\255.", 1}, {"\\@.", "\\@.", 1}, {"a\\ b.", "a\\032b.", 1},
        {"\\\\.", "\\\\.", 1}, {"\\\".", "\\\".", 1}, {"*.", "*.", 1},
        {"_sip._tcp", "_sip._tcp.example.org.", 4}, {"a\\;b.", "a\\;b.", 1}, {"(x).", "\\(x\\).", 1},
        {"$x.", "\\$x.", 1}, {"\\$.", "\\$.", 1}};
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        uint8_t name[NAME_MAX], again[NAME_MAX];
        char text[NAME_TEXT_MAX];
        size_t len = parse(cases[i].text, name);
        assert_int_equal(name_labels(name), cases[i].labels);
        assert_int_equal(name_print(name, text), strlen(cases[i].printed));
        assert_string_equal(text, cases[i].printed);
        assert_int_equal(parse(text, again), len);
        assert_memory_equal(again, name, len);
    }
}

static void bad_names_are_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {"", "..", ".a", "a..b", "a..", "\\", "\\25", "\\256.", "\\2a5."};
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        uint8_t name[NAME_MAX];
        const char *why = NULL;
        assert_int_equal(name_parse(cases[i], strlen(cases[i]), origin, name, NULL, &why), ERR_SYNTAX);
        assert_non_null(why);
        assert_int_equal(name_parse(cases[i], strlen(cases[i]), origin, name, NULL, NULL), ERR_SYNTAX);
    }
}

/* RFC 1035 2.3.4: 63 octets in a label, 255 in a name; OUT has no octet more than that. */
static void limits_hold(void **state)
{
    (void)state;
    for (size_t len = 1; len < 300; len++) {
        char *text = malloc(len);
        uint8_t *name = malloc(NAME_MAX);
        size_t name_octets = 0;
        for (size_t i = 0; i < len; i++)
            text[i] = i % 64 == 63 ? '.' : 'x';
        bool absolute = text[len - 1] == '.';
        size_t labels = len / 64 + (absolute ? 0 : 1), needed = len - len / 64 + labels + 1;
        enum err err = name_parse(text, len, NULL, name, &name_octets, NULL);
        assert_int_equal(err == ERR_OK, needed <= NAME_MAX);
        if (err == ERR_OK)
            assert_int_equal(name_octets, needed);
        err = name_parse(text, len, origin, name, &name_octets, NULL);
        assert_int_equal(err == ERR_OK, needed + (absolute ? 0 : 12) <= NAME_MAX);
        memset(text, 'x', len);
        assert_int_equal(name_parse(text, len, NULL, name, NULL, NULL) == ERR_OK, len <= NAME_LABEL_MAX);
        for (size_t i = 1; i < len; i += 2)
            text[i] = '.';
        assert_int_equal(name_parse(text, len, NULL, name, NULL, NULL) == ERR_OK, len <= 2 * NAME_LABELS_MAX);
        free(text);
        free(name);
    }
}

/* RFC 4034 6.1, its own example. */
static void canonical_order_of_the_rfc(void **state)
{
    (void)state;
    static const char *const order[] = {"example.", "a.example.", "yljkjljk.a.example.", "Z.a.example.",
        "zABC.a.EXAMPLE.", "z.example.", "\\001.z.example.", "*.z.example.", "\\200.z.example."};
    for (size_t i = 0; i < ARRAY_COUNT(order); i++) {
        for (size_t j = 0; j < ARRAY_COUNT(order); j++) {
            uint8_t a[NAME_MAX], b[NAME_MAX];
            parse(order[i], a);
            parse(order[j], b);
            int compared = name_compare(a, b);
            assert_int_equal((compared > 0) - (compared < 0), (i > j) - (i < j));
            assert_int_equal(name_equal(a, b), i == j);
        }
    }
}

static void ancestors_and_shared_labels(void **state)
{
    (void)state;
    static const struct {
        const char *name, *ancestor;
        bool under;
        unsigned shared;
    } cases[] = {{"a.b.", "b.", true, 1}, {"a.B.", "b.", true, 1}, {"b.", "b.", true, 1},
        {"b.", "a.b.", false, 1}, {"a.b.", ".", true, 0}, {".", ".", true, 0}, {"ab.", "b.", false, 0},
        {"x\\.b.", "b.", false, 0}, {"a.b.c.", "x.b.c.", false, 2}, {"\\001b.", "b.", false, 0}};
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        uint8_t name[NAME_MAX], ancestor[NAME_MAX];
        parse(cases[i].name, name);
        parse(cases[i].ancestor, ancestor);
        assert_int_equal(name_under(name, ancestor), cases[i].under);
        assert_int_equal(name_shared_labels(name, ancestor), cases[i].shared);
        assert_int_equal(name_shared_labels(ancestor, name), cases[i].shared);
    }
}

static uint64_t seed = 99;

static unsigned any(unsigned below)
{
    seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (unsigned)((seed >> 33) % below);
}

static size_t make_name(uint8_t *out)
{
    static const uint8_t few[] = {'a', 'A', 'b', 'Z', '[', '@', '`', 0, 255, '.'};
    size_t at = 0;
    for (unsigned labels = any(5); labels > 0; labels--) {
        unsigned len = 1 + any(4);
        out[at++] = (uint8_t)len;
        while (len-- > 0)
            out[at++] = few[any(sizeof few)];
    }
    out[at++] = 0;
    return at;
}

/* Order by its definition: label by label from the right, lower case, as unsigned octets. */
static int naive_compare(const uint8_t *a, const uint8_t *b)
{
    unsigned a_labels = name_labels(a), b_labels = name_labels(b);
    for (unsigned i = 1; i <= a_labels && i <= b_labels; i++) {
        const uint8_t *x = name_skip(a, a_labels - i), *y = name_skip(b, b_labels - i);
        for (unsigned k = 1; k <= *x && k <= *y; k++) {
            int l = x[k] < 128 ? tolower(x[k]) : x[k], r = y[k] < 128 ? tolower(y[k]) : y[k];
            if (l != r)
                return l - r;
        }
        if (*x != *y)
            return *x - *y;
    }
    return (int)a_labels - (int)b_labels;
}

static void random_names_behave(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 200000; round++) {
        uint8_t a[NAME_MAX], b[NAME_MAX], again[NAME_MAX];
        char text[NAME_TEXT_MAX];
        size_t a_len = make_name(a), b_len = make_name(b), len = 0;
        int ours = name_compare(a, b), naive = naive_compare(a, b);
        assert_int_equal((ours > 0) - (ours < 0), (naive > 0) - (naive < 0));
        assert_int_equal(name_equal(a, b), naive == 0 && a_len == b_len);
        size_t text_len = name_print(a, text);
        assert_int_equal(name_parse(text, text_len, origin, again, &len, NULL), ERR_OK);
        assert_int_equal(len, a_len);
        assert_memory_equal(again, a, a_len);
        assert_int_equal(name_lower(again, a), a_len);
        assert_int_equal(name_compare(again, a), 0);
        assert_true(name_equal(again, a));
        assert_int_equal(name_under(a, name_skip(a, any(name_labels(a) + 1))), true);
        (void)b_len;
    }
}

/* RFC 1035 4.1.4. */
static void compressed_names_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *message;
        size_t len, at, behind; /* behind 0: refused */
        const char *name;
    } cases[] = {{"\1a\1b\0", 5, 0, 5, "a.b."}, {"\1a\1b\0\1c\300\2", 9, 5, 9, "c.b."},
        {"\1a\0\300\0\300\3", 7, 5, 7, "a."}, {"\300\0", 2, 0, 0, ""}, {"\1a\300\0", 4, 0, 0, ""},
        {"\300\2\1a\0", 5, 0, 0, ""}, {"\1a", 2, 0, 0, ""}, {"\1a\300", 3, 0, 0, ""},
        {"\100a\0", 3, 0, 0, ""}, {"\2a\0", 3, 0, 0, ""}, {"\0", 1, 0, 1, "."}, {"", 0, 0, 0, ""},
        {"\300\4\300\0\0", 5, 2, 0, ""}};
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        uint8_t name[NAME_MAX], *message = malloc(cases[i].len + 1);
        char text[NAME_TEXT_MAX];
        size_t at = cases[i].at, len = 0;
        memcpy(message, cases[i].message, cases[i].len);
        message = realloc(message, cases[i].len > 0 ? cases[i].len : 1);
        enum err err = name_read(message, cases[i].len, &at, name, &len);
        assert_int_equal(err == ERR_OK, cases[i].behind != 0);
        assert_int_equal(at, cases[i].behind != 0 ? cases[i].behind : cases[i].at);
        if (err == ERR_OK) {
            assert_int_equal(len, name_len(name));
            name_print(name, text);
            assert_string_equal(text, cases[i].name);
        }
        free(message);
    }
}

/* A chain of pointers that unrolls to more than 255 octets. */
static void long_compressed_names_are_refused(void **state)
{
    (void)state;
    uint8_t message[1024], name[NAME_MAX];
    size_t len = 0, last = 0;
    message[len++] = 0;
    for (unsigned labels = 1; labels <= 10; labels++) {
        size_t start = len, at = start, name_octets;
        message[len++] = 40;
        memset(message + len, 'x', 40);
        len += 40;
        message[len++] = (uint8_t)(0xc0 | last >> 8);
        message[len++] = (uint8_t)last;
        last = start;
        enum err err = name_read(message, len, &at, name, &name_octets);
        assert_int_equal(err == ERR_OK, labels * 41 + 1 <= NAME_MAX);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_to_name_to_text),
        cmocka_unit_test(bad_names_are_refused),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(canonical_order_of_the_rfc),
        cmocka_unit_test(ancestors_and_shared_labels),
        cmocka_unit_test(random_names_behave),
        cmocka_unit_test(compressed_names_are_read),
        cmocka_unit_test(long_compressed_names_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
