/* The rows told to people: usage lines and the table of the man page. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "server/options.h"

static const char *arg_name(const struct option *row)
{
    return row->arg != NULL ? row->arg : "VALUE";
}

static bool may_be_missing(const struct option *row)
{
    if (row->word == NULL)
        return (row->flags & OPTION_REQUIRED) == 0;
    return (row->flags & OPTION_OPTIONAL) != 0 || row->implied != NULL || row->kind == OPTION_ZONES;
}

static bool has_arg(const struct option *row)
{
    return row->kind != OPTION_FLAG && (row->kind != OPTION_LINES || row->arg != NULL);
}

static void print_choices(FILE *out, const struct option *row)
{
    for (unsigned i = 0; row->choices[i] != NULL; i++)
        fprintf(out, "%s%s", i != 0 ? "|" : "", row->choices[i]);
}

/* "..." behind a list's name, unless its row has it there already. */
static const char *dots(const struct option *row)
{
    const char *name = arg_name(row);
    size_t len = strlen(name);
    bool there = len >= 3 && strcmp(name + len - 3, "...") == 0;
    return option_is_list(row->kind) && !there ? "..." : "";
}

/* Rows are written as fragments; people get a sentence. */
static void print_help(FILE *out, const char *help)
{
    size_t len = help != NULL ? strlen(help) : 0;
    if (len == 0)
        return;
    fputc(toupper((unsigned char)help[0]), out);
    fputs(help + 1, out);
    if (strchr(".}?!", help[len - 1]) == NULL)
        fputc('.', out);
}

static void print_arg(FILE *out, const struct option *row)
{
    bool optional = may_be_missing(row);
    fputs(optional ? " [" : " ", out);
    if (row->kind == OPTION_CHOICE)
        print_choices(out, row);
    else
        fputs(row->kind == OPTION_ON_OFF ? "on|off" : arg_name(row), out);
    fputs(dots(row), out);
    fputs(optional ? "]" : "", out);
}

static void print_line(FILE *out, const char *word, const struct option *rows, unsigned count)
{
    fputs(word, out);
    for (unsigned i = 0; i < count; i++)
        if (has_arg(&rows[i]))
            print_arg(out, &rows[i]);
}

static bool hidden(const struct option *row)
{
    return row->kind == OPTION_IGNORED || row->kind == OPTION_REMOVED;
}

const char *option_usage_line(
    struct setup *setup, const char *word, const struct option *rows, unsigned count)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    if (out == NULL)
        return "";
    fputs("usage: ", out);
    print_line(out, word, rows, count);
    fclose(out);
    const char *copy = text != NULL ? arena_copy(setup->world, text, len) : NULL;
    free(text);
    return copy != NULL ? copy : "";
}

static unsigned args_count(const struct option *rows)
{
    unsigned count = 0;
    while (rows[count].word == NULL && !option_is_end(&rows[count]))
        count++;
    return count;
}

void options_usage(FILE *out, const char *name, const struct option *rows)
{
    unsigned at = rows != NULL ? args_count(rows) : 0;
    print_line(out, name, rows, at);
    bool open = false;
    while (rows != NULL && !option_is_end(&rows[at])) {
        unsigned count = option_group(rows, at);
        if (!hidden(&rows[at])) {
            fputs(open ? "; " : " { ", out);
            print_line(out, strcmp(rows[at].word, "*") == 0 ? "" : rows[at].word, &rows[at], count);
            open = true;
        }
        at += count;
    }
    fputs(open ? " }\n" : "\n", out);
}

static void print_value(FILE *out, const struct option *row, int64_t value)
{
    char text[32];
    if (row->kind == OPTION_DURATION)
        duration_print(value, text);
    else
        snprintf(text, sizeof text, "%lld", (long long)value);
    fputs(text, out);
}

static void print_range(FILE *out, const struct option *row)
{
    if (row->kind == OPTION_ADDRESSES) {
        if (row->min != 0)
            fprintf(out, "The port is %lld when none is given.", (long long)row->min);
        return;
    }
    if (row->min == 0 && row->max == 0)
        return;
    fputs(row->max != 0 ? "From " : "At least ", out);
    print_value(out, row, row->min);
    if (row->max != 0) {
        fputs(" to ", out);
        print_value(out, row, row->max);
    }
    fputc('.', out);
}

static bool has_range(const struct option *row)
{
    return row->kind == OPTION_ADDRESSES ? row->min != 0 : row->min != 0 || row->max != 0;
}

static void man_row(FILE *out, const struct option *row)
{
    if (row->help != NULL) {
        print_help(out, row->help);
        fputc('\n', out);
    }
    if (has_range(row)) {
        print_range(out, row);
        fputc('\n', out);
    }
    if (row->fallback != NULL)
        fprintf(out, "Default:\n.Ql %s .\n", row->fallback);
    if (row->implied != NULL)
        fprintf(out, "Without its argument:\n.Ql %s .\n", row->implied);
}

static void man_head(FILE *out, const struct option *rows, unsigned count)
{
    fputs(".It", out);
    if (rows[0].word != NULL && strcmp(rows[0].word, "*") != 0)
        fprintf(out, " Ic %s", rows[0].word);
    for (unsigned i = 0; i < count; i++) {
        if (!has_arg(&rows[i]) || hidden(&rows[i]))
            continue;
        fprintf(
            out, may_be_missing(&rows[i]) ? " Op Ar %s%s" : " Ar %s%s", arg_name(&rows[i]), dots(&rows[i]));
    }
    fputc('\n', out);
}

static void tell_row(FILE *out, const struct option *row)
{
    fputs("      ", out);
    print_help(out, row->help);
    if (has_range(row)) {
        fputc(' ', out);
        print_range(out, row);
    }
    if (row->fallback != NULL)
        fprintf(out, " Default: %s.", row->fallback);
    if (row->implied != NULL)
        fprintf(out, " Without its argument: %s.", row->implied);
    fputc('\n', out);
}

void options_tell(FILE *out, const struct option *rows)
{
    unsigned at = 0;
    while (rows != NULL && !option_is_end(&rows[at])) {
        unsigned count = rows[at].word != NULL ? option_group(rows, at) : 1;
        fputs("  ", out);
        if (rows[at].word != NULL)
            print_line(out, rows[at].word, &rows[at], hidden(&rows[at]) ? 0 : count);
        else
            fprintf(out, "%s%s", arg_name(&rows[at]), dots(&rows[at]));
        fputc('\n', out);
        for (unsigned i = 0; i < count; i++)
            tell_row(out, &rows[at + i]);
        at += count;
    }
}

void options_man(FILE *out, const struct option *rows)
{
    unsigned at = 0;
    fputs(".Bl -tag -width Ds\n", out);
    while (rows != NULL && !option_is_end(&rows[at])) {
        /* Arguments of the directive's own line are entries of their own, those of an option share one. */
        unsigned count = rows[at].word != NULL ? option_group(rows, at) : 1;
        man_head(out, &rows[at], count);
        for (unsigned i = 0; i < count; i++)
            man_row(out, &rows[at + i]);
        at += count;
    }
    fputs(".El\n", out);
}
