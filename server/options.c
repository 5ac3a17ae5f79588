#include "server/options.h"

#include <stdarg.h>
#include <string.h>

#include "server/report.h"

#define ROWS_MAX 64

/* One directive being read along its rows. */
struct walk {
    struct setup *setup;
    const struct directive *line;
    const struct option *rows;
    char *into;
    bool given[ROWS_MAX];
};

enum err setup_error(
    struct setup *setup, const struct token *token, const char *hint, const char *format, ...)
{
    struct reporter reporter = {.sink = setup->sink};
    va_list args;
    va_start(args, format);
    report_list(&reporter, SEVERITY_ERROR, "option", token, hint, format, args);
    va_end(args);
    setup->errors++;
    return ERR_INVALID;
}

void setup_warning(struct setup *setup, const struct token *token, const char *hint, const char *format, ...)
{
    struct reporter reporter = {.sink = setup->sink};
    va_list args;
    va_start(args, format);
    report_list(&reporter, SEVERITY_WARNING, "option", token, hint, format, args);
    va_end(args);
}

bool option_is_end(const struct option *row)
{
    return row->word == NULL && row->arg == NULL && row->help == NULL;
}

unsigned option_group(const struct option *rows, unsigned at)
{
    unsigned count = 1;
    while (!option_is_end(&rows[at + count])) {
        const char *a = rows[at].word, *b = rows[at + count].word;
        if ((a == NULL) != (b == NULL) || (a != NULL && strcmp(a, b) != 0))
            break;
        count++;
    }
    return count;
}

static unsigned rows_count(const struct option *rows)
{
    unsigned count = 0;
    while (rows != NULL && !option_is_end(&rows[count]))
        count++;
    return count;
}

/* A first value replaces the fallback; what lines add after it stays. */
static void *fresh_field(struct walk *walk, unsigned row)
{
    char *field = walk->into + walk->rows[row].offset;
    size_t size = option_size(walk->rows[row].kind);
    if (!walk->given[row] && size != 0)
        memset(field, 0, size);
    walk->given[row] = true;
    return field;
}

static enum err take_text(struct walk *walk, const char *text, const struct token *place, unsigned row)
{
    struct token one = *place, *tokens = &one;
    unsigned count = 1;
    const struct option *option = &walk->rows[row];
    enum err err = ERR_OK;
    one.text = text; /* values keep the text, which is the plugin's, and no token */
    one.len = (uint32_t)strlen(text);
    if (one.len == 0 || strchr(text, ' ') != NULL)
        err = option_split(walk->setup, text, place, &tokens, &count);
    if (err != ERR_OK)
        return err;
    void *field = walk->into + option->offset;
    if (option->kind == OPTION_FLAG)
        *(bool *)field = true;
    else if (option_is_list(option->kind))
        err = option_list_add(walk->setup, tokens, count, option, field);
    else if (count == 1)
        err = option_value(walk->setup, tokens, option, field);
    return err;
}

static enum err take_fallbacks(struct walk *walk, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        size_t size = option_size(walk->rows[i].kind);
        if (size != 0)
            memset(walk->into + walk->rows[i].offset, 0, size);
    }
    for (unsigned i = 0; i < count; i++) {
        if (walk->rows[i].fallback == NULL)
            continue;
        enum err err = take_text(walk, walk->rows[i].fallback, &walk->line->name, i);
        if (err != ERR_OK)
            return err;
    }
    return ERR_OK;
}

/* What one line of an option may hold: COUNT rows from AT on. */
struct form {
    unsigned at, count;
};

static const char *usage_of(const struct walk *walk, const struct directive *line, const struct form *form)
{
    return option_usage_line(walk->setup, line->name.text, &walk->rows[form->at], form->count);
}

/* The argument of ROW is not written. */
static enum err take_nothing(
    struct walk *walk, const struct directive *line, unsigned row, const struct form *form)
{
    const struct option *option = &walk->rows[row];
    if (option->implied != NULL) {
        fresh_field(walk, row);
        return take_text(walk, option->implied, &line->name, row);
    }
    bool positional = option->word == NULL;
    if (option->kind == OPTION_ZONES && option->fallback == NULL) {
        walk->given[row] = true;
        return option_zones_default(walk->setup, (struct option_zones *)(walk->into + option->offset));
    }
    bool wanted =
        positional ? (option->flags & OPTION_REQUIRED) != 0 : (option->flags & OPTION_OPTIONAL) == 0;
    if (!wanted)
        return ERR_OK;
    return setup_error(walk->setup, &line->name, usage_of(walk, line, form), "'%s' lacks its argument %s",
        line->name.text, option->arg != NULL ? option->arg : "");
}

static void refuse_rest(
    struct walk *walk, const struct directive *line, const struct token *extra, const struct form *form)
{
    (void)setup_error(walk->setup, extra, usage_of(walk, line, form), "'%s' takes no further argument '%s'",
        line->name.text, extra->text);
}

/* Reads the arguments of LINE by the COUNT rows from AT on. Returns only what cannot be reported. */
static enum err take_args(struct walk *walk, const struct directive *line, unsigned at, unsigned count)
{
    const struct form form = {.at = at, .count = count};
    unsigned used = 0;
    for (unsigned row = at; row < at + count; row++) {
        const struct option *option = &walk->rows[row];
        unsigned left = line->args_count - used;
        enum err err = ERR_OK;
        if (option->kind == OPTION_FLAG) {
            *(bool *)fresh_field(walk, row) = true;
        } else if (left == 0) {
            err = take_nothing(walk, line, row, &form);
        } else if (option_is_list(option->kind)) {
            err = option_list_add(walk->setup, &line->args[used], left, option, fresh_field(walk, row));
            used = line->args_count;
        } else {
            err = option_value(walk->setup, &line->args[used++], option, fresh_field(walk, row));
        }
        if (err == ERR_INVALID && left == 0)
            return ERR_OK; /* one missing argument is told once */
        if (err != ERR_OK && err != ERR_INVALID)
            return err;
    }
    if (used < line->args_count)
        refuse_rest(walk, line, &line->args[used], &form);
    return ERR_OK;
}

/* Kinds that take the whole line. False when ROW's is none of them. */
static bool take_whole(struct walk *walk, const struct directive *line, unsigned row, enum err *err)
{
    const struct option *option = &walk->rows[row];
    if (option->kind == OPTION_IGNORED)
        setup_warning(walk->setup, &line->name, option->help, "'%s' has no effect", line->name.text);
    else if (option->kind == OPTION_REMOVED)
        (void)setup_error(walk->setup, &line->name, option->help, "'%s' is not supported", line->name.text);
    else if (option->kind == OPTION_LINES)
        *err = option_line_add(walk->setup, line, fresh_field(walk, row));
    else
        return false;
    walk->given[row] = true;
    return true;
}

static unsigned find_word(const struct walk *walk, const char *word, unsigned count)
{
    unsigned at = 0;
    while (at < count && (walk->rows[at].word == NULL || strcmp(walk->rows[at].word, word) != 0))
        at++;
    return at;
}

static void refuse_unknown(struct walk *walk, const struct directive *line, unsigned count)
{
    const char *words[ROWS_MAX];
    unsigned words_count = 0;
    for (unsigned i = 0; i < count; i++)
        if (walk->rows[i].word != NULL)
            words[words_count++] = walk->rows[i].word;
    const char *near = nearest_word(line->name.text, words, words_count);
    const char *hint = near != NULL ? arena_printf(walk->setup->world, "did you mean '%s'?", near) : NULL;
    (void)setup_error(walk->setup, &line->name, hint, "unknown option '%s' of '%s'", line->name.text,
        walk->line->name.text);
}

static enum err take_line(struct walk *walk, const struct directive *line, unsigned count)
{
    enum err err = ERR_OK;
    unsigned row = find_word(walk, line->name.text, count);
    if (row == count)
        row = find_word(walk, "*", count);
    if (row == count) {
        refuse_unknown(walk, line, count);
        return ERR_OK;
    }
    const struct option *option = &walk->rows[row];
    if (walk->given[row] && (option->flags & OPTION_ONCE) != 0)
        (void)setup_error(
            walk->setup, &line->name, "remove one of the two", "'%s' is given twice", option->word);
    if (take_whole(walk, line, row, &err))
        return err;
    if (line->has_block)
        (void)setup_error(walk->setup, &line->name, NULL, "'%s' takes no block in braces", option->word);
    return take_args(walk, line, row, option_group(walk->rows, row));
}

static enum err take_lines(struct walk *walk, unsigned count)
{
    bool words = false;
    for (unsigned i = 0; i < count; i++)
        words = words || walk->rows[i].word != NULL;
    if (!words && walk->line->lines_count != 0) {
        (void)setup_error(walk->setup, &walk->line->lines[0].name, NULL, "'%s' takes no options in braces",
            walk->line->name.text);
        return ERR_OK;
    }
    for (unsigned i = 0; i < walk->line->lines_count; i++) {
        enum err err = take_line(walk, &walk->line->lines[i], count);
        if (err != ERR_OK)
            return err;
    }
    return ERR_OK;
}

static void check_required(struct walk *walk, unsigned count)
{
    for (unsigned i = 0; i < count; i += option_group(walk->rows, i)) {
        const struct option *option = &walk->rows[i];
        if (option->word == NULL || (option->flags & OPTION_REQUIRED) == 0 || walk->given[i])
            continue;
        const char *usage = option_usage_line(walk->setup, option->word, option, option_group(walk->rows, i));
        (void)setup_error(walk->setup, &walk->line->name, usage, "'%s' needs the option '%s'",
            walk->line->name.text, option->word);
    }
}

enum err options_parse_line(
    struct setup *setup, const struct directive *line, const struct option *rows, void *into)
{
    static const struct option none[] = {OPTIONS_END};
    struct walk walk = {.setup = setup, .line = line, .rows = rows != NULL ? rows : none, .into = into};
    unsigned count = rows_count(walk.rows), args = 0, before = setup->errors;
    if (count > ROWS_MAX)
        return setup_error(setup, &line->name, NULL, "the plugin has more than %d option rows", ROWS_MAX);
    while (args < count && walk.rows[args].word == NULL)
        args++;
    enum err err = take_fallbacks(&walk, count);
    if (err == ERR_OK)
        err = take_args(&walk, line, 0, args);
    if (err == ERR_OK)
        err = take_lines(&walk, count);
    if (err != ERR_OK)
        return err;
    check_required(&walk, count);
    return setup->errors != before ? ERR_INVALID : ERR_OK;
}

enum err options_parse(struct setup *setup, const struct option *rows, void *into)
{
    return options_parse_line(setup, setup->directive, rows, into);
}
