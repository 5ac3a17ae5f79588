#include "zone/text/report.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "zone/base/utf8.h"

#define INDENT "    "

enum paint { PAINT_PLACE, PAINT_ERROR, PAINT_WARNING, PAINT_INFO, PAINT_CARET, PAINT_NONE };

static const char *const paints[] = {
    [PAINT_PLACE] = "\033[1m",
    [PAINT_ERROR] = "\033[1;31m",
    [PAINT_WARNING] = "\033[1;35m",
    [PAINT_INFO] = "\033[1;36m",
    [PAINT_CARET] = "\033[1;32m",
    [PAINT_NONE] = "\033[0m",
};

static const enum paint severity_paints[] = {
    [SEVERITY_INFO] = PAINT_INFO,
    [SEVERITY_WARNING] = PAINT_WARNING,
    [SEVERITY_ERROR] = PAINT_ERROR,
};

static void paint(const struct report *report, enum paint colour)
{
    if (report->colour)
        fputs(paints[colour], report->out);
}

void report_init(struct report *report, FILE *out)
{
    /* https://no-color.org: present and not empty. */
    const char *no_color = getenv("NO_COLOR");
    *report = (struct report){.out = out};
    report->colour = isatty(fileno(out)) && (no_color == NULL || *no_color == '\0');
}

static void forget_file(struct report *report)
{
    if (report->quoted != NULL)
        file_map_close(&report->map);
    free(report->quoted);
    report->quoted = NULL;
}

void report_clear(struct report *report)
{
    forget_file(report);
}

static bool open_file(struct report *report, const char *path)
{
    if (report->quoted != NULL && strcmp(report->quoted, path) == 0)
        return true;
    forget_file(report);
    if (file_map_open(&report->map, path) != ERR_OK)
        return false;
    report->quoted = strdup(path);
    if (report->quoted == NULL)
        file_map_close(&report->map);
    report->line_at = 0;
    report->line = 1;
    return report->quoted != NULL;
}

/* Finds line LINE, from the one found last when it lies behind. */
static bool find_line(struct report *report, uint32_t line, const char **text, size_t *len)
{
    if (line < report->line) {
        report->line_at = 0;
        report->line = 1;
    }
    const char *bytes = (const char *)report->map.bytes;
    const char *at = bytes + report->line_at;
    const char *end = bytes + report->map.len;
    for (; report->line < line; report->line++) {
        at = memchr(at, '\n', (size_t)(end - at));
        if (at == NULL)
            return false;
        report->line_at = (size_t)(++at - bytes);
    }
    const char *stop = memchr(at, '\n', (size_t)(end - at));
    *text = at;
    *len = (size_t)((stop != NULL ? stop : end) - at);
    if (*len > 0 && at[*len - 1] == '\r')
        --*len;
    return true;
}

static bool continues(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

static void put_repeated(FILE *out, char c, size_t count)
{
    while (count-- > 0)
        fputc(c, out);
}

/* One column for each character. The line, cut to a window around the column when it is long, and the caret.
 */
static void put_excerpt(struct report *report, const struct finding *finding, const char *text, size_t len)
{
    size_t column = finding->column != 0 ? finding->column - 1 : 0;
    if (column > len)
        column = len;
    size_t start = len > REPORT_EXCERPT_MAX && column > REPORT_LEAD_MAX ? column - REPORT_LEAD_MAX : 0;
    /* Cut between characters: one of UTF-8 has three octets at most behind its first. */
    for (unsigned i = 0; i < 3 && start > 0 && continues(text[start]); i++)
        start--;
    size_t shown = len - start < REPORT_EXCERPT_MAX ? len - start : REPORT_EXCERPT_MAX;
    for (unsigned i = 0;
         i < 3 && start + shown < len && start + shown > column && continues(text[start + shown]); i++)
        shown--;
    const char *lead = start > 0 ? "..." : "";

    fprintf(report->out, INDENT "%s", lead);
    utf8_print(report->out, text + start, shown);
    fputs(start + shown < len ? "...\n" : "\n", report->out);
    if (finding->column == 0)
        return;
    size_t token_len = finding->token != NULL ? finding->token_len : 1;
    size_t room = start + shown - column;
    size_t marked = utf8_count(text + column, token_len < room ? token_len : room);
    fputs(INDENT, report->out);
    put_repeated(report->out, ' ', strlen(lead) + utf8_count(text + start, column - start));
    paint(report, PAINT_CARET);
    fputc('^', report->out);
    put_repeated(report->out, '~', marked > 0 ? marked - 1 : 0);
    paint(report, PAINT_NONE);
    fputc('\n', report->out);
}

static void put_heading(struct report *report, const struct finding *finding)
{
    paint(report, PAINT_PLACE);
    if (finding->file != NULL) {
        finding_print_text(report->out, finding->file);
        if (finding->line != 0)
            fprintf(report->out, ":%u", finding->line);
        if (finding->line != 0 && finding->column != 0)
            fprintf(report->out, ":%u", finding->column);
        fputs(": ", report->out);
    }
    paint(report, PAINT_NONE);
    paint(report, severity_paints[finding->severity]);
    fprintf(report->out, "%s: ", severity_text(finding->severity));
    paint(report, PAINT_NONE);
    finding_print_text(report->out, finding->message);
    if (finding->rule != NULL)
        fprintf(report->out, " [%s]", finding->rule);
    fputc('\n', report->out);
}

static void take_finding(void *context, const struct finding *finding)
{
    struct report *report = context;
    const char *text;
    size_t len;
    report->errors += finding->severity == SEVERITY_ERROR;
    report->warnings += finding->severity == SEVERITY_WARNING;
    put_heading(report, finding);
    if (finding->file != NULL && finding->line != 0 && open_file(report, finding->file) &&
        find_line(report, finding->line, &text, &len))
        put_excerpt(report, finding, text, len);
    if (finding->hint != NULL)
        fprintf(report->out, INDENT "hint: %s\n", finding->hint);
}

struct finding_sink report_sink(struct report *report)
{
    return (struct finding_sink){take_finding, report};
}
