#include "zone/text/finding.h"

#include <string.h>

#include "zone/base/utf8.h"

static const char *const severities[] = {
    [SEVERITY_INFO] = "info",
    [SEVERITY_WARNING] = "warning",
    [SEVERITY_ERROR] = "error",
};

const char *severity_text(enum severity severity)
{
    return (unsigned)severity < ARRAY_COUNT(severities) ? severities[severity] : "unknown";
}

void finding_print_text(FILE *out, const char *text)
{
    utf8_print(out, text, strlen(text));
}

/* An unknown line or column is left out, so that editors never jump to line 0. */
static void print_place(FILE *out, const struct finding *finding)
{
    if (finding->file == NULL)
        return;
    finding_print_text(out, finding->file);
    if (finding->line != 0)
        fprintf(out, ":%u", finding->line);
    if (finding->line != 0 && finding->column != 0)
        fprintf(out, ":%u", finding->column);
    fputs(": ", out);
}

void finding_print(FILE *out, const struct finding *finding)
{
    print_place(out, finding);
    fprintf(out, "%s: ", severity_text(finding->severity));
    finding_print_text(out, finding->message);
    if (finding->rule != NULL)
        fprintf(out, " [%s]", finding->rule);
    fputc('\n', out);
    if (finding->hint != NULL)
        fprintf(out, "    hint: %s\n", finding->hint);
}
