#include "zone/check/collect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "zone/base/file.h"

#define TOLD_DEFAULT 200u
#define NO_FILE UINT32_MAX

void collect_init(struct collect *collect, const struct check_options *options, const struct levels *levels)
{
    memset(collect, 0, sizeof *collect);
    arena_init(&collect->arena, 0);
    collect->options = options;
    collect->levels = levels;
}

void collect_clear(struct collect *collect)
{
    for (size_t i = 0; i < collect->file_count; i++)
        ignores_clear(&collect->files[i].ignores);
    free(collect->files);
    free(collect->items);
    arena_clear(&collect->arena);
}

/* Names of rules are static texts, and mostly the same one after the other. */
static size_t number_of(const char *name)
{
    const struct rule *rule = name != NULL ? rule_find(name) : NULL;
    return rule != NULL ? rule_number(rule) : RULES_MAX;
}

static void append(struct collect *collect, const struct collected *item)
{
    if (collect->count == collect->capacity) {
        size_t capacity = collect->capacity * 2 + 64;
        struct collected *items = realloc(collect->items, capacity * sizeof *items);
        if (items == NULL) {
            collect->failed = true;
            return;
        }
        collect->items = items;
        collect->capacity = capacity;
    }
    collect->items[collect->count] = *item;
    collect->items[collect->count].order = (uint32_t)collect->count;
    collect->count++;
}

static char *copy(struct collect *collect, const char *text, size_t len)
{
    char *made = text != NULL ? arena_copy(&collect->arena, text, len) : NULL;
    collect->failed |= text != NULL && made == NULL;
    return made;
}

#define TOKEN_MAX 400u

static void keep(struct collect *collect, const struct finding *finding, size_t rule, uint32_t file)
{
    struct collected item = {.finding = *finding, .file = file, .rule = (uint16_t)rule};
    uint32_t token_len = finding->token_len < TOKEN_MAX ? finding->token_len : TOKEN_MAX;
    item.finding.message = copy(collect, finding->message, strlen(finding->message));
    item.finding.file = file != NO_FILE ? collect->files[file].path : NULL;
    item.finding.token = copy(collect, finding->token, token_len);
    if (item.finding.message != NULL)
        append(collect, &item);
}

/* Comments that name no rule are mistakes themselves: they silence nothing. */
static void tell_unknown(struct collect *collect, uint32_t file, const char *text)
{
    size_t rule = number_of("ignore-unknown");
    const struct ignores *ignores = &collect->files[file].ignores;
    if (rule == RULES_MAX || collect->levels->of[rule] == LEVEL_OFF)
        return;
    const char *at = text;
    uint32_t line = 1;
    for (size_t i = 0; i < ignores->unknown_count && i < TOLD_DEFAULT; i++) {
        const struct ignore_unknown *unknown = &ignores->unknown[i];
        for (; line < unknown->line; line++)
            at = strchr(at, '\n') + 1;
        char name[64], message[200];
        snprintf(name, sizeof name, "%.*s", (int)(unknown->len < 60 ? unknown->len : 60),
            at + unknown->column - 1);
        const char *near = rule_suggest(name);
        snprintf(message, sizeof message, "there is no rule \"%s\"%s%s%s", name,
            near != NULL ? " (did you mean " : "", near != NULL ? near : "", near != NULL ? "?)" : "");
        keep(collect,
            &(struct finding){.severity = (enum severity)collect->levels->of[rule],
                .rule = rule_at(rule)->name,
                .line = unknown->line,
                .column = unknown->column,
                .token = at + unknown->column - 1,
                .token_len = unknown->len,
                .message = message,
                .hint = rule_at(rule)->hint},
            rule, file);
    }
}

static void read_ignores(struct collect *collect, uint32_t file)
{
    struct collect_file *known = &collect->files[file];
    size_t len;
    struct arena arena;
    char *text;
    if (strcmp(known->path, "-") == 0 || !collect->options->ignore_comments)
        return;
    arena_init(&arena, 0);
    if (file_read(known->path, (size_t)1 << 32, &arena, &text, &len) == ERR_OK) {
        if (ignores_scan(&known->ignores, text, len) != ERR_OK)
            collect->failed = true;
        tell_unknown(collect, file, text);
    }
    arena_clear(&arena);
}

static uint32_t file_of(struct collect *collect, const char *path)
{
    if (path == NULL)
        return NO_FILE;
    for (size_t i = collect->file_count; i-- > 0;) {
        if (strcmp(collect->files[i].path, path) == 0)
            return (uint32_t)i;
    }
    if (collect->file_count == collect->file_capacity) {
        size_t capacity = collect->file_capacity * 2 + 4;
        struct collect_file *files = realloc(collect->files, capacity * sizeof *files);
        if (files == NULL)
            return NO_FILE;
        collect->files = files;
        collect->file_capacity = capacity;
    }
    const char *name = copy(collect, path, strlen(path));
    if (name == NULL)
        return NO_FILE;
    uint32_t number = (uint32_t)collect->file_count++;
    collect->files[number] = (struct collect_file){.path = name};
    read_ignores(collect, number);
    return number;
}

/* What comes from an untrusted zone does not silence what keeps it from working. */
static bool is_ignored(
    const struct collect *collect, const struct finding *finding, size_t rule, uint32_t file)
{
    bool guarded = collect->options->untrusted && rule < RULES_MAX && rule_at(rule)->set == RULE_MANDATORY;
    return file != NO_FILE && finding->line != 0 && !guarded &&
           ignores_has(&collect->files[file].ignores, finding->line, rule);
}

static void take(void *context, const struct finding *finding)
{
    struct collect *collect = context;
    size_t rule = number_of(finding->rule);
    struct finding leveled = *finding;
    collect->seen++;
    if (rule < RULES_MAX) {
        uint8_t level = collect->levels->of[rule];
        if (level == LEVEL_OFF)
            return;
        leveled.severity = (enum severity)level;
        leveled.rule = rule_at(rule)->name;
        if (leveled.hint == NULL)
            leveled.hint = rule_at(rule)->hint;
    }
    uint32_t file = file_of(collect, finding->file);
    if (is_ignored(collect, finding, rule, file))
        collect->ignored++;
    else
        keep(collect, &leveled, rule, file);
}

struct finding_sink collect_sink(struct collect *collect)
{
    return (struct finding_sink){take, collect};
}

#define COMMENTS_SIZE_MAX ((int64_t)16 << 20)

void collect_comments(struct collect *collect, const char *path)
{
    struct stat st;
    if (stat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= COMMENTS_SIZE_MAX)
        file_of(collect, path);
}

static int compare(const void *a, const void *b)
{
    const struct collected *x = a, *y = b;
    if (x->file != y->file)
        return x->file < y->file ? -1 : 1;
    if (x->finding.line != y->finding.line)
        return x->finding.line < y->finding.line ? -1 : 1;
    if (x->finding.column != y->finding.column)
        return x->finding.column < y->finding.column ? -1 : 1;
    return x->order < y->order ? -1 : 1;
}

/* One place, one rule: told once. */
static bool repeats(
    const struct collected *item, const struct collected *before, const struct collected *first)
{
    while (before-- > first) {
        if (before->file != item->file || before->finding.line != item->finding.line ||
            item->finding.line == 0)
            return false;
        if (before->rule == item->rule && before->finding.column == item->finding.column)
            return true;
    }
    return false;
}

static void tell_one(const struct finding *finding, const struct finding_sink *sink)
{
    if (sink->report != NULL)
        sink->report(sink->context, finding);
}

static void count_one(const struct finding *finding, struct check_result *result)
{
    result->errors += finding->severity == SEVERITY_ERROR;
    result->warnings += finding->severity == SEVERITY_WARNING;
    result->infos += finding->severity == SEVERITY_INFO;
}

static void tell_rest(struct collect *collect, const struct finding_sink *sink, uint32_t most)
{
    const char *path = collect->file_count > 0 ? collect->files[0].path : NULL;
    for (size_t i = 0; i < rule_count(); i++) {
        char message[160];
        if (collect->of_rule[i] <= most)
            continue;
        snprintf(message, sizeof message, "%u findings more of the rule %s", collect->of_rule[i] - most,
            rule_at(i)->name);
        tell_one(
            &(struct finding){
                .severity = SEVERITY_INFO, .rule = "findings-left-out", .file = path, .message = message},
            sink);
    }
}

void collect_tell(struct collect *collect, const struct finding_sink *sink, struct check_result *result)
{
    uint32_t most = collect->options->told_max != 0 ? collect->options->told_max : TOLD_DEFAULT;
    if (collect->count > 0)
        qsort(collect->items, collect->count, sizeof *collect->items, compare);
    for (size_t i = 0; i < collect->count; i++) {
        const struct collected *item = &collect->items[i];
        if (repeats(item, item, collect->items))
            continue;
        count_one(&item->finding, result);
        if (item->rule >= RULES_MAX || ++collect->of_rule[item->rule] <= most)
            tell_one(&item->finding, sink);
    }
    tell_rest(collect, sink, most);
    result->ignored += collect->ignored;
}
