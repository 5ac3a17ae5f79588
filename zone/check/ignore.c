#include "zone/check/ignore.h"

#include <stdlib.h>
#include <string.h>

#include "zone/text/lexer.h"

#define MARK "zonecheck:ignore"

struct scan {
    struct ignores *ignores;
    const char *text, *at, *end;
    const char *line_start;
    uint32_t line;
    unsigned depth;      /* of parentheses */
    bool content;        /* the entry has a token */
    uint32_t entry_line; /* where it begins */
    size_t open;         /* ignores from here on belong to the entry */
    enum err failure;
};

static void *room(void *items, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity)
        return items;
    size_t more = *capacity * 2 + 8;
    void *grown = more <= IGNORES_MAX * 2 ? realloc(items, more * size) : NULL;
    if (grown != NULL)
        *capacity = more;
    return grown;
}

static void add(struct scan *scan, uint16_t rule, bool file)
{
    struct ignores *ignores = scan->ignores;
    struct ignore *items = room(ignores->items, ignores->count, &ignores->capacity, sizeof *items);
    if (items == NULL) {
        scan->failure = ERR_MEMORY;
        return;
    }
    ignores->items = items;
    struct ignore *ignore = &items[ignores->count++];
    *ignore = (struct ignore){.from = file ? 0 : scan->line, .to = file ? UINT32_MAX : 0, .rule = rule};
}

static void add_unknown(struct scan *scan, const char *name, size_t len)
{
    struct ignores *ignores = scan->ignores;
    struct ignore_unknown *items =
        room(ignores->unknown, ignores->unknown_count, &ignores->unknown_capacity, sizeof *items);
    if (items == NULL) {
        scan->failure = ERR_MEMORY;
        return;
    }
    ignores->unknown = items;
    items[ignores->unknown_count++] = (struct ignore_unknown){
        .line = scan->line, .column = (uint32_t)(name - scan->line_start) + 1, .len = (uint32_t)len};
}

static void add_name(struct scan *scan, const char *name, size_t len, bool file)
{
    char word[64];
    if (len < sizeof word) {
        memcpy(word, name, len);
        word[len] = '\0';
        const struct rule *rule = strcmp(word, "all") != 0 ? rule_find(word) : NULL;
        if (rule != NULL || strcmp(word, "all") == 0) {
            add(scan, rule != NULL ? (uint16_t)rule_number(rule) : IGNORE_ALL, file);
            return;
        }
    }
    add_unknown(scan, name, len);
}

static bool is_name(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '-' || c == '_';
}

/* The names behind the mark, up to the first word that another comment begins with. */
static void take_comment(struct scan *scan, const char *at, const char *end)
{
    const char *mark = memmem(at, (size_t)(end - at), MARK, strlen(MARK));
    if (mark == NULL)
        return;
    mark += strlen(MARK);
    bool file = end - mark >= 5 && memcmp(mark, "-file", 5) == 0;
    mark += file ? 5 : 0;
    if (mark < end && is_name(*mark))
        return;
    bool more = true;
    while (more && scan->failure == ERR_OK) {
        while (mark < end && (*mark == ' ' || *mark == '\t' || *mark == '=' || *mark == ':'))
            mark++;
        const char *name = mark;
        while (mark < end && is_name(*mark))
            mark++;
        if (mark == name)
            return;
        add_name(scan, name, (size_t)(mark - name), file);
        while (mark < end && (*mark == ' ' || *mark == '\t'))
            mark++;
        more = mark < end && *mark == ',';
        mark += more;
    }
}

/* Gives the entry's ignores its lines; those of the file have theirs. */
static void close_entry(struct scan *scan)
{
    struct ignores *ignores = scan->ignores;
    for (size_t i = scan->open; i < ignores->count; i++) {
        if (ignores->items[i].to != 0)
            continue;
        if (ignores->items[i].from > scan->entry_line)
            ignores->items[i].from = scan->entry_line;
        ignores->items[i].to = scan->line;
    }
    scan->open = ignores->count;
    scan->content = false;
}

static void take_newline(struct scan *scan)
{
    if (scan->content && scan->depth == 0)
        close_entry(scan);
    scan->line++;
    scan->at++;
    scan->line_start = scan->at;
}

/* The lines of a string are those of its entry. */
static void take_quoted(struct scan *scan)
{
    const char *close = lexer_quote_end(scan->at, scan->end);
    if (close == NULL) {
        const char *newline = memchr(scan->at, '\n', (size_t)(scan->end - scan->at));
        scan->at = newline != NULL ? newline : scan->end;
        return;
    }
    for (; scan->at < close; scan->at++) {
        if (*scan->at == '\n') {
            scan->line++;
            scan->line_start = scan->at + 1;
        }
    }
    scan->at = close + 1;
}

static void begin_content(struct scan *scan)
{
    if (!scan->content)
        scan->entry_line = scan->line;
    scan->content = true;
}

static void step(struct scan *scan)
{
    switch (*scan->at) {
    case '\n':
        take_newline(scan);
        return;
    case ' ':
    case '\t':
    case '\r':
        scan->at++;
        return;
    case ';': {
        const char *newline = memchr(scan->at, '\n', (size_t)(scan->end - scan->at));
        const char *end = newline != NULL ? newline : scan->end;
        take_comment(scan, scan->at, end);
        scan->at = end;
        return;
    }
    case '"':
        begin_content(scan);
        take_quoted(scan);
        return;
    case '(':
    case ')':
        begin_content(scan);
        if (*scan->at == '(')
            scan->depth++;
        else if (scan->depth > 0)
            scan->depth--;
        scan->at++;
        return;
    default:
        begin_content(scan);
        scan->at += *scan->at == '\\' && scan->at + 1 < scan->end && scan->at[1] != '\n' ? 2 : 1;
    }
}

enum err ignores_scan(struct ignores *ignores, const char *text, size_t len)
{
    struct scan scan = {
        .ignores = ignores, .text = text, .at = text, .end = text + len, .line_start = text, .line = 1};
    memset(ignores, 0, sizeof *ignores);
    if (len == 0 || memmem(text, len, MARK, strlen(MARK)) == NULL)
        return ERR_OK;
    while (scan.at < scan.end && scan.failure == ERR_OK)
        step(&scan);
    close_entry(&scan);
    return scan.failure;
}

void ignores_clear(struct ignores *ignores)
{
    free(ignores->items);
    free(ignores->unknown);
    memset(ignores, 0, sizeof *ignores);
}

bool ignores_has(const struct ignores *ignores, uint32_t line, size_t rule)
{
    for (size_t i = 0; i < ignores->count; i++) {
        const struct ignore *ignore = &ignores->items[i];
        if (line >= ignore->from && line <= ignore->to &&
            (ignore->rule == IGNORE_ALL || ignore->rule == rule))
            return true;
    }
    return false;
}
