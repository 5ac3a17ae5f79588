/* The table of rules: every example breaks its rule where it says, the mended form does not, and the names
 * are those that reader and store tell. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "zone/check/check.h"
#include "zone/store/lint.h"

static char path[64];

struct told {
    const char *rule;
    bool found;
    unsigned others;
    char text[4000];
};

static void take(void *context, const struct finding *finding)
{
    struct told *told = context;
    size_t len = strlen(told->text);
    told->found |= strcmp(finding->rule, told->rule) == 0;
    snprintf(told->text + len, sizeof told->text - len, "    %u:%u %s %s [%s]\n", finding->line,
        finding->column, severity_text(finding->severity), finding->message, finding->rule);
}

static struct check *make_check(void)
{
    static const uint8_t origin[] = "\7example\3org";
    struct levels levels;
    levels_init(&levels, RULE_STRICT);
    struct check_options options = {
        .origin = origin, .levels = &levels, .ignore_comments = true, .verify = true};
    struct check *check = check_new(&options);
    assert_non_null(check);
    return check;
}

/* Examples that begin with "!" are whole zones, whose origin their text tells. */
static void write_zone(const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "%s%s", *text == '!' ? "" : RULE_BEGINNING, *text == '!' ? text + 1 : text);
    fclose(file);
}

static struct told try(const char *rule, const char *text)
{
    struct told told = {.rule = rule};
    struct finding_sink sink = {take, &told};
    struct check_result result;
    struct check *check = make_check();
    struct check_options options = {.levels = NULL};
    struct levels levels;
    levels_init(&levels, RULE_STRICT);
    if (strstr(text, "in-addr") != NULL) { /* the origin is the text's */
        options = (struct check_options){.levels = &levels, .verify = true};
        check_configure(check, &options);
    }
    write_zone(text);
    assert_int_equal(check_zone(check, path, &sink, &result), ERR_OK);
    check_free(check);
    return told;
}

static void examples_do_what_they_say(void **state)
{
    unsigned wrong = 0, without = 0;
    (void)state;
    for (size_t i = 0; i < rule_count(); i++) {
        const struct rule *rule = rule_at(i);
        if (rule->bad == NULL) {
            without++;
            continue;
        }
        struct told bad = try(rule->name, rule->bad), good = try(rule->name, rule->good);
        if (!bad.found)
            print_error("%s: the example does not break it; told is\n%s", rule->name, bad.text);
        if (good.found)
            print_error("%s: the mended example breaks it; told is\n%s", rule->name, good.text);
        wrong += (unsigned)!bad.found + (unsigned)good.found;
    }
    print_message("%zu rules, %u without an example here\n", rule_count(), without);
    assert_int_equal(wrong, 0);
}

static void rows_are_whole(void **state)
{
    (void)state;
    assert_true(rule_count() < RULES_MAX);
    for (size_t i = 0; i < rule_count(); i++) {
        const struct rule *rule = rule_at(i);
        if (rule->why[0] == '\0' || rule->hint[0] == '\0' || (rule->bad == NULL) != (rule->good == NULL))
            fail_msg("%s: something is missing", rule->name);
        if (rule_find(rule->name) != rule || rule_number(rule) != i)
            fail_msg("%s: the name stands twice", rule->name);
        for (const char *c = rule->name; *c != '\0'; c++)
            assert_non_null(strchr("abcdefghijklmnopqrstuvwxyz0123456789-", *c));
    }
}

static void the_stores_rules_are_here(void **state)
{
    (void)state;
    for (unsigned i = 0; i < LINT_RULES; i++) {
        const struct rule *rule = rule_find(lint_rows[i].name);
        if (rule == NULL)
            fail_msg("no row for %s", lint_rows[i].name);
        if (rule->severity != lint_rows[i].severity)
            fail_msg("%s: the levels differ", rule->name);
        if (lint_rows[i].fatal && rule->set != RULE_MANDATORY)
            fail_msg("%s: keeps a zone from being served and is not mandatory", rule->name);
    }
}

static void names_and_levels_are_read(void **state)
{
    struct levels levels;
    const char *why = NULL;
    (void)state;
    assert_ptr_equal(rule_find("cname-other-data"), rule_find("CNAME-and-other-data"));
    assert_null(rule_find("no-such-rule"));
    assert_string_equal(rule_suggest("cname-lop"), "cname-loop");
    levels_init(&levels, RULE_DEFAULT);
    assert_int_equal(levels.of[rule_number(rule_find("caa-missing"))], LEVEL_OFF);
    assert_int_equal(levels_set(&levels, "caa-missing=error", &why), ERR_OK);
    assert_int_equal(levels.of[rule_number(rule_find("caa-missing"))], SEVERITY_ERROR);
    assert_int_equal(levels_set(&levels, "caa-missing loud", &why), ERR_SYNTAX);
    assert_int_equal(levels_set(&levels, "no-such-rule=off", &why), ERR_MISSING);
    assert_int_equal(levels_set_guarded(&levels, "soa-missing=off", &why), ERR_OK);
    assert_int_equal(levels.of[rule_number(rule_find("soa-missing"))], SEVERITY_ERROR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(rows_are_whole),
        cmocka_unit_test(the_stores_rules_are_here), cmocka_unit_test(names_and_levels_are_read),
        cmocka_unit_test(examples_do_what_they_say)};
    snprintf(path, sizeof path, "/tmp/bailiwick-rule-%d", (int)getpid());
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    return failed;
}
