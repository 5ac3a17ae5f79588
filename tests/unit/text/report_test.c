/* How a finding is shown: the line and the caret. */
#include "zone/text/report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FILE_NAME "build/report_test.zone"

static const char zone_text[] = "first line\n"
                                "\twww\tA 192.0.2.256\n"
                                "k\303\266ln A 1.2.3 ; caf\303\251\r\n"
                                "no newline at the end";

struct row {
    const char *name;
    uint32_t line, column, token_len;
    const char *expected; /* behind the heading */
};

static const struct row rows[] = {
    {"token", 1, 7, 4, "    first line\n          ^~~~\n"},
    {"tabs become blanks", 2, 8, 11, "     www A 192.0.2.256\n           ^~~~~~~~~~~\n"},
    {"characters, not octets, and no CR", 3, 9, 5,
        "    k\303\266ln A 1.2.3 ; caf\303\251\n           ^~~~~\n"},
    {"last line", 4, 18, 3, "    no newline at the end\n                     ^~~\n"},
    {"token longer than the line", 4, 18, 300, "    no newline at the end\n                     ^~~~\n"},
    {"at the end of the line", 1, 11, 1, "    first line\n              ^\n"},
    {"behind the end of the line", 1, 99, 1, "    first line\n              ^\n"},
    {"no column", 1, 0, 0, "    first line\n"},
    {"no such line", 9, 1, 1, ""},
    {"no line", 0, 0, 0, ""},
    {"back again", 2, 2, 3, "     www A 192.0.2.256\n     ^~~\n"},
};

static int write_zone(void **state UNUSED)
{
    return file_replace(FILE_NAME, zone_text, sizeof(zone_text) - 1, 0644) == ERR_OK ? 0 : -1;
}

static int remove_zone(void **state UNUSED)
{
    return remove(FILE_NAME);
}

/* What is printed for FINDING, without its first line. */
static void check_shown(struct report *report, const struct finding *finding, const char *expected)
{
    char *text = NULL;
    size_t len = 0;
    report->out = open_memstream(&text, &len);
    struct finding_sink sink = report_sink(report);
    sink.report(sink.context, finding);
    fclose(report->out);
    assert_string_equal(strchr(text, '\n') + 1, expected);
    free(text);
}

static void shows_line_and_caret(void **state UNUSED)
{
    struct report report = {0};
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        const struct row *row = &rows[i];
        struct finding finding = {.severity = SEVERITY_ERROR,
            .file = FILE_NAME,
            .line = row->line,
            .column = row->column,
            .message = row->name,
            .token = zone_text,
            .token_len = row->token_len};
        check_shown(&report, &finding, row->expected);
    }
    assert_int_equal(report.errors, ARRAY_COUNT(rows));
    report_clear(&report);
}

static void heads_with_the_place(void **state UNUSED)
{
    char *text = NULL;
    size_t len = 0;
    struct report report = {.out = open_memstream(&text, &len)};
    struct finding finding = {.severity = SEVERITY_WARNING,
        .file = "absent",
        .line = 3,
        .column = 4,
        .message = "odd",
        .rule = "odd-rule",
        .hint = "leave it"};
    struct finding_sink sink = report_sink(&report);
    sink.report(sink.context, &finding);
    fclose(report.out);
    assert_string_equal(text, "absent:3:4: warning: odd [odd-rule]\n    hint: leave it\n");
    assert_int_equal(report.warnings, 1);
    free(text);
    report_clear(&report);
}

/* However long the line: about a screen's width, and the caret under the token. */
static void cuts_long_lines(void **state UNUSED)
{
    static char line[4000];
    memset(line, 'x', sizeof(line));
    assert_int_equal(file_replace(FILE_NAME, line, sizeof(line), 0644), ERR_OK);
    for (uint32_t column = 1; column < sizeof(line); column += 37) {
        char *text = NULL;
        size_t len = 0;
        struct report report = {.out = open_memstream(&text, &len)};
        struct finding finding = {
            .file = FILE_NAME, .line = 1, .column = column, .token = line, .token_len = 5, .message = ""};
        struct finding_sink sink = report_sink(&report);
        sink.report(sink.context, &finding);
        fclose(report.out);
        const char *excerpt = strchr(text, '\n') + 1, *caret_line = strchr(excerpt, '\n') + 1;
        assert_in_range(caret_line - excerpt, 1, REPORT_EXCERPT_MAX + 12);
        assert_in_range(strcspn(caret_line, "^"), 4, REPORT_LEAD_MAX + 50);
        report_clear(&report);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(shows_line_and_caret, write_zone, remove_zone),
        cmocka_unit_test(heads_with_the_place),
        cmocka_unit_test_teardown(cuts_long_lines, remove_zone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
