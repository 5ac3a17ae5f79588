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
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "zone/check/check.h"
#include "zone/store/lint.h"

static char directory[64], path[160];

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

/* Checks strictly, and across files; the origin is the text's when ORIGIN is NULL. */
static struct check *make_check(const uint8_t *origin, int64_t now)
{
    static struct levels levels;
    levels_init(&levels, RULE_STRICT);
    struct check_options options = {.origin = origin,
        .levels = &levels,
        .ignore_comments = true,
        .verify = true,
        .across = true,
        .now = now};
    struct check *check = check_new(&options);
    assert_non_null(check);
    return check;
}

static void write_file(const char *name, const char *beginning, const char *text, size_t len)
{
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "%s%.*s", beginning, (int)len, text);
    fclose(file);
}

static void check_file(struct check *check, const struct finding_sink *sink)
{
    struct check_result result;
    assert_int_equal(check_zone(check, path, sink, &result), ERR_OK);
}

/* Each file stands behind its line "; file NAME". */
static void check_files(struct check *check, const struct finding_sink *sink, const char *text)
{
    static const char mark[] = "; file ";
    char names[4][64];
    unsigned count = 0;
    while (*text != '\0') {
        char *name = names[count++];
        assert_true(count < ARRAY_COUNT(names));
        const char *content = strchr(text, '\n') + 1, *next = strstr(content, mark);
        assert_memory_equal(text, mark, strlen(mark));
        snprintf(name, sizeof names[0], "%.*s", (int)(content - 1 - text - (ptrdiff_t)strlen(mark)),
            text + strlen(mark));
        size_t len = next != NULL ? (size_t)(next - content) : strlen(content);
        write_file(name, "", content, len);
        check_file(check, sink);
        text = content + len;
    }
    struct check_result result;
    check_across(check, sink, &result);
    while (count > 0) {
        snprintf(path, sizeof path, "%s/%s", directory, names[--count]);
        unlink(path);
    }
}

/* The time of a line "; at YYYYMMDDHHMMSS", or 0. */
static int64_t time_of(const char *text)
{
    const char *at = strstr(text, "; at ");
    struct tm tm = {0};
    return at != NULL && strptime(at + 5, "%Y%m%d%H%M%S", &tm) != NULL ? (int64_t)timegm(&tm) : 0;
}

static struct told try(const char *rule, const char *text)
{
    static const uint8_t example[] = "\7example\3org";
    struct told told = {.rule = rule};
    struct finding_sink sink = {take, &told};
    bool several = *text == '&', own = *text == '!' || several;
    bool reverse = strstr(text, "in-addr") != NULL;
    struct check *check = make_check(several || reverse ? NULL : example, time_of(text));
    if (several) {
        check_files(check, &sink, text + 1);
    } else {
        write_file("rule.zone", own ? "" : RULE_BEGINNING, text + own, strlen(text + own));
        check_file(check, &sink);
        unlink(path);
    }
    check_free(check);
    return told;
}

/* What is typed rather than written into a zone (rule.h). */
static const char *const typed[] = {"config-syntax", "file", "file-changed", "findings-left-out",
    "image-structure", "second-opinion", "untrusted-limit"};

static bool is_typed(const char *rule)
{
    for (size_t i = 0; i < ARRAY_COUNT(typed); i++) {
        if (strcmp(rule, typed[i]) == 0)
            return true;
    }
    return false;
}

static unsigned try_both(const struct rule *rule)
{
    struct told bad = try(rule->name, rule->bad), good = try(rule->name, rule->good);
    if (!bad.found)
        print_error("%s: the example does not break it; told is\n%s", rule->name, bad.text);
    if (good.found)
        print_error("%s: the mended example breaks it; told is\n%s", rule->name, good.text);
    return (unsigned)!bad.found + (unsigned)good.found;
}

static void examples_do_what_they_say(void **state)
{
    unsigned wrong = 0, told = 0;
    (void)state;
    for (size_t i = 0; i < rule_count(); i++) {
        const struct rule *rule = rule_at(i);
        if (rule->bad == NULL || rule->good == NULL)
            fail_msg("%s has no example", rule->name);
        bool command = strncmp(rule->bad, "$ ", 2) == 0;
        if (command != is_typed(rule->name))
            fail_msg("%s: should its example be typed?", rule->name);
        if (!command)
            wrong += try_both(rule);
        told += !command;
    }
    print_message("%zu rules, %u of them by examples\n", rule_count(), told);
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
    snprintf(directory, sizeof directory, "/tmp/bailiwick-rule-%d", (int)getpid());
    if (mkdir(directory, 0700) != 0)
        return 2;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(directory);
    return failed;
}
