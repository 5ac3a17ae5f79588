#include "gitsync/story.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "zone/base/json.h"

static enum log_form form_now;
static bool quiet_now;

void story_init(enum log_form form, bool quiet)
{
    form_now = form;
    quiet_now = quiet;
}

static const char *level_word(enum log_level level)
{
    static const char *const words[] = {"debug", "info", "warning", "error", "fatal"};
    return words[level];
}

static void put_json(FILE *out, const char *name, enum log_level level, const char *event, const char *text,
    const struct problem *problem)
{
    struct json json;
    char stamp[40];
    struct timespec now;
    struct tm tm;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    size_t len = strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(stamp + len, sizeof stamp - len, ".%03dZ", (int)(now.tv_nsec / 1000000));
    json_init(&json, out);
    json_open(&json, NULL, '{');
    json_text(&json, "time", stamp);
    json_text(&json, "level", level_word(level));
    json_text(&json, "repository", name);
    json_text(&json, "event", event);
    json_text(&json, "message", text);
    if (problem != NULL) {
        json_text(&json, "cause", outcome_word(problem->outcome));
        json_number(&json, "exit_status", (uint64_t)problem->outcome);
        if (problem->hint[0] != '\0')
            json_text(&json, "hint", problem->hint);
    }
    json_close(&json, '}');
}

/* What comes from the repository (names, messages) must not drive the terminal. */
static void put_plain(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '\n')
            fputs("\n    ", out);
        else if (c < 0x20 || c == 0x7f)
            fprintf(out, "\\x%02x", c);
        else
            fputc(c, out);
    }
}

static void put_text(
    FILE *out, const char *name, enum log_level level, const char *text, const struct problem *problem)
{
    fprintf(out, "gitsync: %s: %s", name,
        level == LOG_WARNING ? "warning: "
        : level >= LOG_ERROR ? "error: "
                             : "");
    put_plain(out, text);
    if (problem != NULL && problem->hint[0] != '\0') {
        fputs("\n    hint: ", out);
        put_plain(out, problem->hint);
    }
}

static void put(const char *name, enum log_level level, const char *event, const char *text,
    const struct problem *problem)
{
    char *line = NULL;
    size_t len = 0;
    FILE *out = quiet_now && level < LOG_WARNING ? NULL : open_memstream(&line, &len);
    if (out == NULL)
        return;
    if (form_now == LOG_FORM_JSON)
        put_json(out, name, level, event, text, problem);
    else
        put_text(out, name, level, text, problem);
    fputc('\n', out);
    if (fclose(out) == 0 && write(STDERR_FILENO, line, len) < 0)
        len = 0; /* nobody listens: the work goes on */
    free(line);
}

void story_tell(const char *name, enum log_level level, const char *event, const char *format, ...)
{
    char text[PROBLEM_TEXT_MAX];
    va_list rest;
    va_start(rest, format);
    vsnprintf(text, sizeof text, format, rest);
    va_end(rest);
    put(name, level, event, text, NULL);
}

void story_problem(const char *name, const struct problem *problem)
{
    put(name, LOG_ERROR, outcome_word(problem->outcome), problem->text, problem);
}
