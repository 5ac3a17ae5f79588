/* Findings as other texts: JUnit's XML, GitHub's workflow commands, Markdown for a review comment. */
#include <inttypes.h>
#include <string.h>

#include "zonetool/found.h"

/* ---- JUnit ---- */

/* XML 1.0 2.2: no control characters but tab and newline; octets that are no UTF-8 become "?". */
static void put_xml(FILE *out, const char *text)
{
    for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at++) {
        switch (*at) {
        case '&':
            fputs("&amp;", out);
            break;
        case '<':
            fputs("&lt;", out);
            break;
        case '>':
            fputs("&gt;", out);
            break;
        case '"':
            fputs("&quot;", out);
            break;
        default:
            fputc(*at == '\t' || *at == '\n' ? *at : *at < 0x20 || *at >= 0x7f ? '?' : *at, out);
        }
    }
}

static void put_attribute(FILE *out, const char *name, const char *value)
{
    fprintf(out, " %s=\"", name);
    put_xml(out, value);
    fputc('"', out);
}

static void put_junit_finding(FILE *out, const struct found *found)
{
    char name[80];
    bool fails = found->finding.severity == SEVERITY_ERROR;
    snprintf(name, sizeof name, "%s:%u", found->finding.rule, found->finding.line);
    fputs("    <testcase", out);
    put_attribute(out, "name", name);
    put_attribute(out, "classname", found->finding.file != NULL ? found->finding.file : "-");
    fputs(">\n      ", out);
    if (fails) {
        fputs("<failure", out);
        put_attribute(out, "type", found->finding.rule);
        put_attribute(out, "message", found->finding.message);
        fputc('>', out);
    } else {
        fputs("<system-out>", out);
    }
    if (found->finding.file != NULL)
        put_xml(out, found->finding.file);
    fprintf(out, ":%u:%u: %s: ", found->finding.line, found->finding.column,
        severity_text(found->finding.severity));
    put_xml(out, found->finding.message);
    fputc('\n', out);
    put_xml(out, found->excerpt);
    fputs(fails ? "</failure>\n    </testcase>\n" : "</system-out>\n    </testcase>\n", out);
}

static unsigned told(const struct found_list *list, size_t from, size_t to)
{
    unsigned count = 0;
    for (size_t i = from; i < to; i++)
        count += !list->items[i].known;
    return count;
}

static void put_junit_file(FILE *out, const struct found_list *list, const struct found_file *file)
{
    unsigned count = told(list, file->from, file->to);
    fputs("  <testsuite", out);
    put_attribute(out, "name", file->path);
    fprintf(out, " tests=\"%u\" failures=\"%u\" errors=\"0\">\n", count > 0 ? count : 1,
        found_count(list, file->from, file->to, SEVERITY_ERROR));
    if (count == 0) {
        fputs("    <testcase name=\"clean\"", out);
        put_attribute(out, "classname", file->path);
        fputs("/>\n", out);
    }
    for (size_t i = file->from; i < file->to; i++) {
        if (!list->items[i].known)
            put_junit_finding(out, &list->items[i]);
    }
    fputs("  </testsuite>\n", out);
}

void found_put_junit(FILE *out, const struct found_list *list)
{
    unsigned tests = 0, failures = 0;
    for (size_t i = 0; i < list->file_count; i++) {
        const struct found_file *file = &list->files[i];
        unsigned count = told(list, file->from, file->to);
        tests += count > 0 ? count : 1;
        failures += found_count(list, file->from, file->to, SEVERITY_ERROR);
    }
    fprintf(out,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        "<testsuites name=\"zonetool check\" tests=\"%u\" failures=\"%u\" errors=\"0\">\n",
        tests, failures);
    for (size_t i = 0; i < list->file_count; i++)
        put_junit_file(out, list, &list->files[i]);
    fputs("</testsuites>\n", out);
}

/* ---- GitHub ---- */

/* A message keeps its newlines as %0A; in a property commas and colons are escaped, too. */
static void put_escaped(FILE *out, const char *text, bool property)
{
    for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at++) {
        if (*at == '%' || *at == '\r' || *at == '\n' || (property && (*at == ',' || *at == ':')))
            fprintf(out, "%%%02X", *at);
        else
            fputc(*at, out);
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

/* In a table's cell a pipe ends it, and what comes from a zone must not become markup. */
static void put_cell(FILE *out, const char *text)
{
    for (const char *at = text; *at != '\0'; at++) {
        if (strchr("|\\`*_<>[]#!~@", *at) != NULL)
            fputc('\\', out);
        fputc((unsigned char)*at < 0x20 ? ' ' : *at, out);
    }
}

static void put_markdown_file(FILE *out, const struct found_list *list, const struct found_file *file)
{
    unsigned errors = found_count(list, file->from, file->to, SEVERITY_ERROR);
    unsigned warnings = found_count(list, file->from, file->to, SEVERITY_WARNING);
    if (told(list, file->from, file->to) == 0)
        return;
    fputs("\n### ", out);
    put_cell(out, file->path);
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
        put_cell(out, found->finding.message);
        if (found->finding.hint != NULL) {
            fputs("<br>", out);
            put_cell(out, found->finding.hint);
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
