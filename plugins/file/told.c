#include "plugins/file/told.h"

#include <stdio.h>
#include <string.h>

#include "zone/base/log.h"

#define ERRORS_SHOWN 50
#define WARNINGS_SHOWN 10

static void print(const struct finding *finding, char *out, size_t size)
{
    char place[48] = "";
    if (finding->line > 0 && finding->column > 0)
        snprintf(place, sizeof place, ":%u:%u", finding->line, finding->column);
    else if (finding->line > 0)
        snprintf(place, sizeof place, ":%u", finding->line);
    snprintf(out, size, "%s%s: %s%s%s%s", finding->file != NULL ? finding->file : "?", place,
        finding->message, finding->rule != NULL ? " [" : "", finding->rule != NULL ? finding->rule : "",
        finding->rule != NULL ? "]" : "");
}

static void pass_on(const struct told *told, const struct finding *finding)
{
    if (told->outer != NULL) {
        told->outer->report(told->outer->context, finding);
        return;
    }
    char text[1024];
    print(finding, text, sizeof text);
    enum log_level level = finding->severity == SEVERITY_ERROR     ? LOG_ERROR
                           : finding->severity == SEVERITY_WARNING ? LOG_WARNING
                                                                   : LOG_INFO;
    log_write(level, "plugin/file: %s", text);
}

void told_report(void *context, const struct finding *finding)
{
    struct told *told = context;
    bool error = finding->severity == SEVERITY_ERROR;
    unsigned *count = error ? &told->errors : &told->warnings;
    if (error && told->errors == 0)
        print(finding, told->first, sizeof told->first);
    if (told->all || *count < (error ? ERRORS_SHOWN : WARNINGS_SHOWN))
        pass_on(told, finding);
    (*count)++;
}

void told_failure(struct told *told, const char *message, const char *hint)
{
    struct finding finding = {.severity = SEVERITY_ERROR,
        .rule = "zone-file",
        .file = told->path,
        .message = message,
        .hint = hint};
    told_report(told, &finding);
}

void told_end(const struct told *told)
{
    unsigned errors = told->errors > ERRORS_SHOWN ? told->errors - ERRORS_SHOWN : 0;
    unsigned warnings = told->warnings > WARNINGS_SHOWN ? told->warnings - WARNINGS_SHOWN : 0;
    if (!told->all && errors + warnings > 0)
        log_warning("plugin/file: %s: %u more errors and %u more warnings; `zonetool check` shows all",
            told->path, errors, warnings);
}
