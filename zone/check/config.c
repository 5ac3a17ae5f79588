#include "zone/check/config.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "zone/text/reader.h"

struct parsing {
    struct config *config;
    const char *file;
    const struct finding_sink *sink;
    const char *relative; /* the zone's path, from the file's directory */
    uint32_t line;
    const char *line_text;
    bool matches; /* the section is for this path */
    unsigned wrong;
    enum err failure;
};

/* ---- finding it ---- */

/* The directory of PATH as an absolute path, into OUT of PATH_MAX. */
static bool directory_of(const char *path, char *out)
{
    char part[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t len = slash != NULL ? (size_t)(slash - path) : 0;
    if (len >= sizeof part)
        return false;
    memcpy(part, path, len);
    part[len] = '\0';
    return realpath(slash == NULL ? "." : len == 0 ? "/" : part, out) != NULL;
}

bool config_find(const char *path, char *found)
{
    char directory[PATH_MAX];
    if (!directory_of(path, directory))
        return false;
    for (;;) {
        size_t len = strlen(directory);
        const char *slash = len > 1 ? "/" : "";
        if (snprintf(found, PATH_MAX, "%s%s%s", directory, slash, CONFIG_NAME) < PATH_MAX &&
            access(found, F_OK) == 0)
            return true;
        char top[PATH_MAX];
        if (len <= 1 ||
            (snprintf(top, sizeof top, "%s/.git", directory) < PATH_MAX && access(top, F_OK) == 0))
            return false;
        char *last = strrchr(directory, '/');
        last[last == directory ? 1 : 0] = '\0';
    }
}

/* PATH from the directory of the file on; PATH itself when it lies elsewhere. */
static const char *relative_path(const char *config_path, const char *path, char *room)
{
    char base[PATH_MAX], directory[PATH_MAX];
    const char *slash = strrchr(path, '/');
    if (!directory_of(config_path, base) || !directory_of(path, directory))
        return path;
    const char *name = slash != NULL ? slash + 1 : path;
    if (snprintf(room, PATH_MAX, "%s/%s", strcmp(directory, "/") == 0 ? "" : directory, name) >= PATH_MAX)
        return path;
    size_t len = strcmp(base, "/") == 0 ? 0 : strlen(base);
    return strncmp(room, base, len) == 0 && room[len] == '/' ? room + len + 1 : path;
}

/* ---- its lines ---- */

static void complain(struct parsing *parsing, const char *at, size_t len, const char *what, const char *hint)
{
    parsing->wrong++;
    if (parsing->sink->report == NULL)
        return;
    parsing->sink->report(parsing->sink->context, &(struct finding){.severity = SEVERITY_ERROR,
                                                      .rule = "config-syntax",
                                                      .file = parsing->file,
                                                      .line = parsing->line,
                                                      .column = (uint32_t)(at - parsing->line_text) + 1,
                                                      .token = at,
                                                      .token_len = (uint32_t)len,
                                                      .message = what,
                                                      .hint = hint});
}

static char *keep(struct parsing *parsing, const char *text, size_t len)
{
    char *copy = arena_copy(parsing->config->arena, text, len);
    if (copy == NULL)
        parsing->failure = ERR_MEMORY;
    return copy;
}

static void take_rules(struct parsing *parsing, const char *value, size_t len)
{
    char word[32];
    enum rule_set set;
    snprintf(word, sizeof word, "%.*s", (int)(len < 31 ? len : 31), value);
    if (!levels_parse_set(word, &set)) {
        complain(parsing, value, len, "no set of rules", "the sets are mandatory, default and strict");
        return;
    }
    if (parsing->matches) {
        parsing->config->set = set;
        parsing->config->has_set = true;
    }
}

static void take_level(struct parsing *parsing, const char *value, size_t len)
{
    struct config *config = parsing->config;
    struct levels levels;
    const char *why = NULL, *text = keep(parsing, value, len);
    if (text == NULL)
        return;
    levels_init(&levels, RULE_STRICT);
    if (levels_set(&levels, text, &why) != ERR_OK) {
        complain(parsing, value, len, why, "write: level RULE=error|warning|info|off");
        return;
    }
    if (!parsing->matches)
        return;
    if (config->level_count == config->level_capacity) {
        size_t capacity = config->level_capacity * 2 + 16;
        struct config_level *grown = realloc(config->levels, capacity * sizeof *grown);
        if (grown == NULL) {
            parsing->failure = ERR_MEMORY;
            return;
        }
        config->levels = grown;
        config->level_capacity = capacity;
    }
    config->levels[config->level_count++] = (struct config_level){text, parsing->line};
}

static void take_ttl(struct parsing *parsing, const char *value, size_t len)
{
    uint32_t ttl;
    if (len > 20 || !reader_ttl(value, (uint32_t)len, &ttl) || ttl == UINT32_MAX || ttl == 0)
        complain(parsing, value, len, "no time", "write seconds, or units such as 2w");
    else if (parsing->matches)
        parsing->config->ttl_max = ttl;
}

/* A path in the file is relative to it. */
static void take_baseline(struct parsing *parsing, const char *value, size_t len)
{
    const char *slash = strrchr(parsing->file, '/');
    if (!parsing->matches || len == 0) {
        if (len == 0)
            complain(parsing, value, 1, "a file name is missing", NULL);
        return;
    }
    size_t folder = *value == '/' || slash == NULL ? 0 : (size_t)(slash - parsing->file) + 1;
    char *path =
        arena_printf(parsing->config->arena, "%.*s%.*s", (int)folder, parsing->file, (int)len, value);
    if (path == NULL)
        parsing->failure = ERR_MEMORY;
    parsing->config->baseline = path;
}

static void take_origin(struct parsing *parsing, const char *value, size_t len)
{
    uint8_t name[NAME_MAX + 1];
    const char *why = NULL;
    if (name_parse(value, len, (const uint8_t *)"", name, NULL, &why) != ERR_OK) {
        complain(parsing, value, len, why != NULL ? why : "no name", NULL);
        return;
    }
    if (parsing->matches) {
        name_lower(parsing->config->origin, name);
        parsing->config->has_origin = true;
    }
}

static void take_werror(struct parsing *parsing, const char *value, size_t len)
{
    bool yes = len == 0 || (len == 3 && strncasecmp(value, "yes", 3) == 0);
    if (!yes && !(len == 2 && strncasecmp(value, "no", 2) == 0))
        complain(parsing, value, len, "yes or no is wanted", NULL);
    else if (parsing->matches)
        parsing->config->werror = yes;
}

static void take_exclude(struct parsing *parsing, const char *value, size_t len)
{
    char *glob = keep(parsing, value, len);
    if (glob != NULL && parsing->matches && fnmatch(glob, parsing->relative, 0) == 0)
        parsing->config->excluded = true;
}

static const struct {
    const char *word;
    void (*take)(struct parsing *parsing, const char *value, size_t len);
} words[] = {{"rules", take_rules}, {"level", take_level}, {"max-ttl", take_ttl}, {"baseline", take_baseline},
    {"origin", take_origin}, {"werror", take_werror}, {"exclude", take_exclude}};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static void take_section(struct parsing *parsing, const char *at, const char *end)
{
    if (end - at < 3 || end[-1] != ']') {
        complain(parsing, at, (size_t)(end - at), "a section is written [GLOB]", NULL);
        parsing->matches = false;
        return;
    }
    char *glob = keep(parsing, at + 1, (size_t)(end - at - 2));
    parsing->matches = glob != NULL && fnmatch(glob, parsing->relative, 0) == 0;
}

static void take_line(struct parsing *parsing, const char *at, const char *end)
{
    while (at < end && is_blank(*at))
        at++;
    while (end > at && is_blank(end[-1]))
        end--;
    if (at == end || *at == '#' || *at == ';')
        return;
    if (*at == '[') {
        take_section(parsing, at, end);
        return;
    }
    const char *stop = at;
    while (stop < end && !is_blank(*stop) && *stop != '=' && *stop != ':')
        stop++;
    const char *value = stop;
    while (value < end && (is_blank(*value) || *value == '=' || *value == ':'))
        value++;
    for (size_t i = 0; i < ARRAY_COUNT(words); i++) {
        if (strlen(words[i].word) == (size_t)(stop - at) &&
            memcmp(words[i].word, at, (size_t)(stop - at)) == 0) {
            words[i].take(parsing, value, (size_t)(end - value));
            return;
        }
    }
    complain(parsing, at, (size_t)(stop - at), "no such setting",
        "the settings are rules, level, max-ttl, baseline, origin, werror and exclude");
}

enum err config_parse(struct config *config, struct arena *arena, const char *config_path, const char *text,
    size_t len, const char *path, const struct finding_sink *sink)
{
    char room[PATH_MAX];
    memset(config, 0, sizeof *config);
    config->arena = arena;
    struct parsing parsing = {.config = config,
        .file = config_path,
        .sink = sink,
        .relative = relative_path(config_path, path, room),
        .matches = true};
    for (const char *at = text, *end = text + len; at < end && parsing.failure == ERR_OK;) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *stop = newline != NULL ? newline : end;
        parsing.line++;
        parsing.line_text = at;
        take_line(&parsing, at, stop);
        at = newline != NULL ? newline + 1 : end;
    }
    return parsing.failure != ERR_OK ? parsing.failure : parsing.wrong > 0 ? ERR_INVALID : ERR_OK;
}

void config_clear(struct config *config)
{
    free(config->levels);
    config->levels = NULL;
    config->level_count = config->level_capacity = 0;
}

void config_levels(const struct config *config, enum rule_set set, bool guarded, struct levels *levels)
{
    const char *why;
    levels_init(levels, set);
    for (size_t i = 0; i < config->level_count; i++) {
        enum err err = guarded ? levels_set_guarded(levels, config->levels[i].text, &why)
                               : levels_set(levels, config->levels[i].text, &why);
        (void)err; /* looked at when it was parsed */
    }
}
