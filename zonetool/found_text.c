/* Findings as other texts: JUnit's XML, GitHub's workflow commands, Markdown for a review comment. */
#include <string.h>
#include <time.h>

#include "zone/base/utf8.h"
#include "zonetool/found.h"
#include "zonetool/show.h"

/* ---- JUnit ---- */

/* XML 1.0 2.2: no control characters but tab and newline, and in an attribute these only by number (3.3.3): a
 * reader makes blanks of them. Octets that are no UTF-8 and what would turn text around become "?". */
static void put_xml(FILE *out, const char *text, bool attribute)
{
    static const struct {
        char plain;
        const char *written;
    } marks[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}};
    while (*text != '\0') {
        size_t len = strcspn(text, "&<>\"\t\n");
        utf8_print(out, text, len);
        text += len;
        if (*text == '\t' || *text == '\n')
            fprintf(out, attribute ? "&#%d;" : "%c", *text);
        for (size_t i = 0; i < ARRAY_COUNT(marks); i++) {
            if (*text == marks[i].plain)
                fputs(marks[i].written, out);
        }
        text += *text != '\0';
    }
}

static void put_attribute(FILE *out, const char *name, const char *value)
{
    fprintf(out, " %s=\"", name);
    put_xml(out, value, true);
    fputc('"', out);
}

/* "FILE:LINE:COLUMN: level: message" and the line. */
static void put_junit_text(FILE *out, const struct found *found)
{
    if (found->finding.file != NULL)
        put_xml(out, found->finding.file, false);
    fprintf(out, ":%u:%u: %s: ", found->finding.line, found->finding.column,
        severity_text(found->finding.severity));
    put_xml(out, found->finding.message, false);
    fputc('\n', out);
    put_xml(out, found->excerpt, false);
}

static void put_junit_finding(FILE *out, const struct found *found)
{
    char name[80];
    snprintf(name, sizeof name, "%s:%u", found->finding.rule, found->finding.line);
    fputs("    <testcase", out);
    put_attribute(out, "name", name);
    put_attribute(out, "classname", found->finding.file != NULL ? found->finding.file : "-");
    if (found->finding.severity != SEVERITY_ERROR) {
        fputs(" time=\"0\"/>\n", out); /* what there is to say stands in the suite's output */
        return;
    }
    fputs(" time=\"0\">\n      <failure", out);
    put_attribute(out, "type", found->finding.rule);
    put_attribute(out, "message", found->finding.message);
    fputc('>', out);
    put_junit_text(out, found);
    fputs("</failure>\n    </testcase>\n", out);
}

static unsigned told(const struct found_list *list, size_t from, size_t to)
{
    unsigned count = 0;
    for (size_t i = from; i < to; i++)
        count += !list->items[i].known;
    return count;
}

static void put_junit_head(FILE *out, const struct found_list *list, size_t number, unsigned tests)
{
    const struct found_file *file = &list->files[number];
    char now[32];
    struct tm tm;
    time_t clock = time(NULL);
    strftime(now, sizeof now, "%Y-%m-%dT%H:%M:%S", gmtime_r(&clock, &tm));
    fputs("  <testsuite", out);
    put_attribute(out, "name", file->path);
    fprintf(out,
        " package=\"zones\" id=\"%zu\" timestamp=\"%s\" hostname=\"localhost\" tests=\"%u\" failures=\"%u\""
        " errors=\"0\" time=\"0\">\n    <properties/>\n",
        number, now, tests, found_count(list, file->from, file->to, SEVERITY_ERROR));
}

static void put_junit_file(FILE *out, const struct found_list *list, size_t number)
{
    const struct found_file *file = &list->files[number];
    unsigned count = told(list, file->from, file->to);
    put_junit_head(out, list, number, count > 0 ? count : 1);
    if (count == 0) {
        fputs("    <testcase name=\"clean\"", out);
        put_attribute(out, "classname", file->path);
        fputs(" time=\"0\"/>\n", out);
    }
    for (size_t i = file->from; i < file->to; i++) {
        if (!list->items[i].known)
            put_junit_finding(out, &list->items[i]);
    }
    fputs("    <system-out>", out);
    for (size_t i = file->from; i < file->to; i++) {
        if (list->items[i].known || list->items[i].finding.severity == SEVERITY_ERROR)
            continue;
        put_junit_text(out, &list->items[i]);
        fputc('\n', out);
    }
    fputs("</system-out>\n    <system-err/>\n  </testsuite>\n", out);
}

/* What both schemas in use take: Ant's, which wants all of its attributes, and Jenkins'. */
void found_put_junit(FILE *out, const struct found_list *list)
{
    fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n", out);
    for (size_t i = 0; i < list->file_count; i++)
        put_junit_file(out, list, i);
    fputs("</testsuites>\n", out);
}

/* ---- GitHub ---- */

/* A message keeps its newlines as %0A; in a property commas and colons are escaped, too. */
static void put_escaped(FILE *out, const char *text, bool property)
{
    while (*text != '\0') {
        size_t len = strcspn(text, property ? "%\r\n,:" : "%\r\n");
        utf8_print(out, text, len);
        text += len;
        if (*text != '\0')
            fprintf(out, "%%%02X", *text++);
    }
}

void found_put_github(FILE *out, const struct found_list *list)
{
    static const char *const words[] = {"notice", "warning", "error"};
    for (size_t i = 0; i < list->count; i++) {
        const struct found *found = &list->items[i];
        uint32_t from, end;
        if (found->known)
            continue;
        found_columns(found, &from, &end);
        fprintf(out, "::%s ", words[found->finding.severity]);
        if (found->finding.file != NULL) {
            fputs("file=", out);
            put_escaped(out, found->finding.file, true);
            fputc(',', out);
        }
        if (found->finding.line != 0)
            fprintf(out, "line=%u,", found->finding.line);
        if (from != 0)
            fprintf(out, "col=%u,endColumn=%u,", from, end);
        fputs("title=", out);
        put_escaped(out, found->finding.rule, true);
        fputs("::", out);
        put_escaped(out, found->finding.message, false);
        if (found->finding.hint != NULL) {
            fputs("%0A", out);
            put_escaped(out, found->finding.hint, false);
        }
        fputc('\n', out);
    }
}

/* ---- Markdown ---- */

static void put_markdown_file(FILE *out, const struct found_list *list, const struct found_file *file)
{
    unsigned errors = found_count(list, file->from, file->to, SEVERITY_ERROR);
    unsigned warnings = found_count(list, file->from, file->to, SEVERITY_WARNING);
    if (told(list, file->from, file->to) == 0)
        return;
    fputs("\n### ", out);
    show_markdown(out, file->path);
    fprintf(out, "\n\n%u error%s, %u warning%s\n\n| | line | finding | rule |\n|---|---:|---|---|\n", errors,
        errors == 1 ? "" : "s", warnings, warnings == 1 ? "" : "s");
    for (size_t i = file->from; i < file->to; i++) {
        const struct found *found = &list->items[i];
        static const char *const words[] = {"info", "warning", "**error**"};
        if (found->known)
            continue;
        fprintf(out, "| %s | ", words[found->finding.severity]);
        if (found->finding.line != 0)
            fprintf(out, "%u", found->finding.line);
        fputs(" | ", out);
        show_markdown(out, found->finding.message);
        if (found->finding.hint != NULL) {
            fputs("<br>", out);
            show_markdown(out, found->finding.hint);
        }
        fprintf(out, " | `%s` |\n", found->finding.rule);
    }
}

void found_put_markdown(FILE *out, const struct found_list *list)
{
    unsigned errors = found_count(list, 0, list->count, SEVERITY_ERROR);
    unsigned warnings = found_count(list, 0, list->count, SEVERITY_WARNING);
    fprintf(out, "## Zone check: %zu file%s, %u error%s, %u warning%s\n", list->file_count,
        list->file_count == 1 ? "" : "s", errors, errors == 1 ? "" : "s", warnings, warnings == 1 ? "" : "s");
    for (size_t i = 0; i < list->file_count; i++)
        put_markdown_file(out, list, &list->files[i]);
    if (told(list, 0, list->count) == 0)
        fputs("\nNothing was found.\n", out);
}
