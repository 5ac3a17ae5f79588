/* errors: a log line for each error that a plugin met with while answering. Errors that match a pattern of
 * `consolidate` are counted instead, and told once in its period. */
#include <stdlib.h>
#include <string.h>

#include "plugins/plugin.h"
#include "plugins/regex.h"
#include "zone/base/log.h"
#include "zone/wire/type.h"

struct pattern {
    const struct regex *regex;
    const char *text;
    int64_t period_ms;
    enum log_level level;
    bool show_first;
    uint64_t count; /* since it was told last */
    struct host_timer *timer;
};

struct errors {
    struct pattern *patterns;
    unsigned count;
};

struct written {
    bool stacktrace;
    struct option_lines consolidate;
};

static const struct option options[] = {
    {.word = "stacktrace",
        .kind = OPTION_IGNORED,
        .help = "errors here carry no stack; a crash leaves a core file"},
    {.word = "consolidate",
        .arg = "DURATION REGEXP [LEVEL] [show_first]",
        .kind = OPTION_LINES,
        .offset = offsetof(struct written, consolidate),
        .help = "count errors that match, and tell the number once in each period"},
    OPTIONS_END,
};

struct written_pattern {
    int64_t period_ms;
    const char *regex;
    struct option_strings more;
};

static const struct option pattern_options[] = {
    {.arg = "DURATION",
        .kind = OPTION_DURATION,
        .flags = OPTION_REQUIRED,
        .offset = offsetof(struct written_pattern, period_ms),
        .min = 1,
        .max = INT64_C(86400000),
        .help = "the period"},
    {.arg = "REGEXP",
        .kind = OPTION_STRING,
        .flags = OPTION_REQUIRED,
        .offset = offsetof(struct written_pattern, regex),
        .help = "regular expression"},
    {.arg = "LEVEL",
        .kind = OPTION_STRINGS,
        .offset = offsetof(struct written_pattern, more),
        .help = "warning, error, info or debug, and show_first"},
    OPTIONS_END,
};

static const struct {
    const char *word;
    enum log_level level;
} levels[] = {
    {"warning", LOG_WARNING},
    {"error", LOG_ERROR},
    {"info", LOG_INFO},
    {"debug", LOG_DEBUG},
};

static bool read_word(struct pattern *pattern, const char *word)
{
    for (unsigned i = 0; i < ARRAY_COUNT(levels); i++) {
        if (strcmp(word, levels[i].word) == 0) {
            pattern->level = levels[i].level;
            return true;
        }
    }
    pattern->show_first |= strcmp(word, "show_first") == 0;
    return strcmp(word, "show_first") == 0;
}

static enum err read_pattern(struct setup *setup, const struct directive *line, struct pattern *pattern)
{
    struct written_pattern written = {0};
    enum err err = options_parse_line(setup, line, pattern_options, &written);
    if (err != ERR_OK)
        return err;
    pattern->regex = regex_compile(setup, &line->args[1], written.regex);
    if (pattern->regex == NULL)
        return ERR_INVALID;
    pattern->text = written.regex;
    pattern->period_ms = written.period_ms;
    pattern->level = LOG_ERROR;
    for (unsigned i = 0; i < written.more.count; i++) {
        if (!read_word(pattern, written.more.at[i]))
            return setup_error(setup, &line->args[2 + i], "warning, error, info, debug or show_first",
                "unknown word '%s'", written.more.at[i]);
    }
    return ERR_OK;
}

static enum err setup(struct setup *setup, void **self)
{
    struct written written = {0};
    struct errors *errors = ARENA_NEW(setup->world, struct errors);
    if (errors == NULL)
        return ERR_MEMORY;
    if (*self != NULL)
        return setup_error(setup, &setup->directive->name, NULL, "errors is there twice in this block");
    enum err err = options_parse(setup, options, &written);
    if (err != ERR_OK)
        return err;
    errors->patterns = ARENA_ARRAY(setup->world, struct pattern, written.consolidate.count + 1);
    if (errors->patterns == NULL)
        return ERR_MEMORY;
    *self = errors;
    for (unsigned i = 0; i < written.consolidate.count && err == ERR_OK; i++) {
        err = read_pattern(setup, written.consolidate.at[i], &errors->patterns[i]);
        errors->count += err == ERR_OK;
    }
    return err;
}

/* ---- consolidating ---- */

static void tell(void *arg)
{
    struct pattern *pattern = arg;
    uint64_t count = __atomic_exchange_n(&pattern->count, 0, __ATOMIC_ACQ_REL);
    if (count == 0 || !log_wants(pattern->level))
        return;
    log_write(pattern->level, "plugin/errors: %llu errors like '%s' occurred in last %gs",
        (unsigned long long)count, pattern->text, (double)pattern->period_ms / 1000);
}

static enum err start(void *self)
{
    struct errors *errors = self;
    for (unsigned i = 0; i < errors->count; i++) {
        struct pattern *pattern = &errors->patterns[i];
        pattern->timer = host_timer_start(pattern->period_ms, tell, pattern);
        if (pattern->timer == NULL)
            return ERR_MEMORY;
    }
    return ERR_OK;
}

static void stop(void *self)
{
    struct errors *errors = self;
    for (unsigned i = 0; i < errors->count; i++) {
        host_timer_stop(errors->patterns[i].timer);
        tell(&errors->patterns[i]);
    }
}

/* ---- telling ---- */

static void tell_query(enum log_level level, const struct query *query)
{
    char name[NAME_TEXT_MAX], type[16];
    name_print(query->message.question.lower, name);
    type_print(query->message.question.type, type);
    log_write(level, "plugin/errors: %u %s %s: plugin/%s: %s", query->reply.rcode, name, type,
        query->error_by != NULL ? query->error_by : "?", query->error);
}

static void sent(void *self, const struct query *query)
{
    struct errors *errors = self;
    if (LIKELY(query->error == NULL))
        return;
    for (unsigned i = 0; i < errors->count; i++) {
        struct pattern *pattern = &errors->patterns[i];
        if (!regex_match(pattern->regex, query->error, strlen(query->error), NULL))
            continue;
        if (__atomic_fetch_add(&pattern->count, 1, __ATOMIC_ACQ_REL) == 0 && pattern->show_first)
            tell_query(pattern->level, query);
        return;
    }
    tell_query(LOG_ERROR, query);
}

static const struct plugin errors_plugin = {
    .abi = PLUGIN_ABI,
    .name = "errors",
    .options = options,
    .setup = setup,
    .start = start,
    .sent = sent,
    .stop = stop,
};
PLUGIN(errors)
