/* The option rows of every plugin built in: what the engine and the printers take for granted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "server/options.h"
#include "server/plugin_list.h"

static char heard[1024];

static void hear(void *context, const struct finding *finding)
{
    (void)context;
    snprintf(heard, sizeof heard, "%s", finding->message);
}

static bool takes_argument(enum option_kind kind)
{
    return kind != OPTION_FLAG && kind != OPTION_IGNORED && kind != OPTION_REMOVED && kind != OPTION_LINES;
}

/* A default is text as one would write it, so it must be fit to be read. */
static void check_text(struct setup *setup, const struct option *row, const char *text)
{
    static const struct token place = {.text = "", .file = "rows"};
    union {
        int64_t number;
        const char *text;
        struct option_numbers numbers;
        struct option_addresses addresses;
        struct option_zones zones;
    } field;
    struct token *tokens;
    unsigned count;
    if (text == NULL)
        return;
    memset(&field, 0, sizeof field);
    assert_int_equal(option_split(setup, text, &place, &tokens, &count), ERR_OK);
    if (option_is_list(row->kind))
        assert_int_equal(option_list_add(setup, tokens, count, row, &field), ERR_OK);
    else if (row->kind != OPTION_FLAG)
        assert_int_equal(option_value(setup, tokens, row, &field), ERR_OK);
}

static void check_row(struct setup *setup, const struct option *row)
{
    assert_in_range(row->kind, OPTION_FLAG, OPTION_REMOVED);
    assert_non_null(row->help);
    assert_true(row->max == 0 || row->min <= row->max);
    if (takes_argument(row->kind))
        assert_non_null(row->arg);
    if (row->kind == OPTION_CHOICE)
        assert_non_null(row->choices);
    if (row->word == NULL)
        assert_true(row->kind != OPTION_FLAG && row->kind != OPTION_LINES);
    check_text(setup, row, row->fallback);
    check_text(setup, row, row->implied);
}

/* Rows of one word are neighbours, those without a word come first, and a list is the last of its line. */
static void check_order(const struct option *rows)
{
    for (unsigned i = 0; !option_is_end(&rows[i]); i += option_group(rows, i)) {
        unsigned count = option_group(rows, i);
        assert_true(i == 0 || rows[i].word != NULL);
        for (unsigned j = i; j + 1 < i + count; j++)
            assert_false(option_is_list(rows[j].kind));
        for (unsigned j = 0; j < i; j++)
            assert_true(rows[j].word == NULL || strcmp(rows[j].word, rows[i].word) != 0);
    }
}

static void test_rows(void **state)
{
    static const struct finding_sink sink = {.report = hear};
    struct plugin_list list;
    struct arena world;
    (void)state;
    arena_init(&world, 0);
    plugin_list_init(&list);
    assert_true(list.count >= 10);
    for (unsigned i = 0; i < list.count; i++) {
        struct setup setup = {.world = &world, .sink = &sink};
        const struct option *rows = list.items[i]->options;
        if (rows == NULL)
            continue;
        for (unsigned j = 0; !option_is_end(&rows[j]); j++)
            check_row(&setup, &rows[j]);
        check_order(rows);
        assert_string_equal(heard, "");
    }
    arena_clear(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
