#include "zonetool/found.h"

#include <stdlib.h>
#include <string.h>

#include "zone/base/file.h"
#include "zone/base/hash.h"
#include "zone/base/utf8.h"

#define EXCERPT_MAX 400u

void found_init(struct found_list *list)
{
    memset(list, 0, sizeof *list);
    arena_init(&list->arena, 0);
    arena_init(&list->quoted_arena, 0);
}

void found_clear(struct found_list *list)
{
    free(list->items);
    free(list->files);
    free(list->quoted);
    arena_clear(&list->quoted_arena);
    arena_clear(&list->arena);
}

static char *copy(struct found_list *list, const char *text, size_t len)
{
    char *made = text != NULL ? arena_copy(&list->arena, text, len) : NULL;
    list->failed |= text != NULL && made == NULL;
    return made;
}

/* What a zone puts into a message is not to forge lines, to steer terminals or to turn text around. */
static char *copy_plain(struct found_list *list, const char *text)
{
    char *made = copy(list, text, strlen(text));
    if (made != NULL)
        made[utf8_copy(made, text, strlen(text))] = '\0';
    return made;
}

static bool open_file(struct found_list *list, const char *path)
{
    char *text;
    if (list->quoted != NULL && strcmp(list->quoted, path) == 0)
        return list->quoted_text != NULL;
    free(list->quoted);
    arena_clear(&list->quoted_arena);
    list->quoted = strdup(path);
    list->quoted_text = NULL;
    if (list->quoted == NULL || strcmp(path, "-") == 0 ||
        file_read(path, (size_t)1 << 32, &list->quoted_arena, &text, &list->quoted_len) != ERR_OK)
        return false;
    list->quoted_text = text;
    return true;
}

/* Line LINE of the file opened last, without its end. */
static const char *find_line(const struct found_list *list, uint32_t line, size_t *len)
{
    const char *at = list->quoted_text, *end = at + list->quoted_len;
    for (uint32_t i = 1; i < line; i++) {
        at = memchr(at, '\n', (size_t)(end - at));
        if (at == NULL)
            return NULL;
        at++;
    }
    const char *stop = memchr(at, '\n', (size_t)(end - at));
    *len = (size_t)((stop != NULL ? stop : end) - at);
    if (*len > 0 && at[*len - 1] == '\r')
        --*len;
    return at;
}

static void *grow(void *items, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity)
        return items;
    size_t more = *capacity * 2 + 32;
    void *grown = realloc(items, more * size);
    if (grown != NULL)
        *capacity = more;
    return grown;
}

/* The text around moves, the line's own blanks change: neither makes a new finding of it. */
static uint64_t fingerprint(const struct found *found)
{
    uint64_t hash = hash_bytes(1, found->finding.rule, strlen(found->finding.rule));
    const char *file = found->finding.file != NULL ? found->finding.file : "", *slash = strrchr(file, '/');
    file = slash != NULL ? slash + 1 : file; /* however the way to it was written */
    hash = hash_bytes(hash, file, strlen(file));
    for (const char *at = found->excerpt; *at != '\0';) {
        at += strspn(at, " \t");
        size_t len = strcspn(at, " \t");
        hash = hash_bytes(hash, at, len);
        at += len;
    }
    return found->excerpt[0] == '\0'
               ? hash_bytes(hash, found->finding.message, strlen(found->finding.message))
               : hash;
}

static void take(void *context, const struct finding *finding)
{
    struct found_list *list = context;
    struct found *items = grow(list->items, list->count, &list->capacity, sizeof *items);
    const char *line = NULL;
    size_t len = 0;
    if (items == NULL) {
        list->failed = true;
        return;
    }
    list->items = items;
    struct found found = {
        .finding = *finding, .rule = finding->rule != NULL ? rule_find(finding->rule) : NULL};
    if (finding->file != NULL && finding->line != 0 && open_file(list, finding->file))
        line = find_line(list, finding->line, &len);
    found.excerpt = line != NULL ? copy(list, line, len < EXCERPT_MAX ? len : EXCERPT_MAX) : "";
    found.finding.message = copy_plain(list, finding->message);
    found.finding.file = finding->file != NULL ? copy(list, finding->file, strlen(finding->file)) : NULL;
    found.finding.token = ""; /* its length is what is wanted */
    found.finding.rule = finding->rule != NULL ? copy(list, finding->rule, strlen(finding->rule)) : "finding";
    if (list->failed)
        return;
    found.fingerprint = fingerprint(&found);
    items[list->count++] = found;
}

struct finding_sink found_sink(struct found_list *list)
{
    return (struct finding_sink){take, list};
}

void found_begin(struct found_list *list, const char *path)
{
    struct found_file *files = grow(list->files, list->file_count, &list->file_capacity, sizeof *files);
    const char *name = copy(list, path, strlen(path));
    list->failed |= files == NULL;
    if (files == NULL || name == NULL)
        return;
    list->files = files;
    files[list->file_count++] = (struct found_file){.path = name, .from = list->count, .to = list->count};
}

void found_end(struct found_list *list, uint64_t records, unsigned ignored)
{
    struct found_file *file = &list->files[list->file_count - 1];
    file->to = list->count;
    file->records = records;
    file->ignored = ignored;
}

unsigned found_count(const struct found_list *list, size_t from, size_t to, enum severity severity)
{
    unsigned count = 0;
    for (size_t i = from; i < to; i++)
        count += !list->items[i].known && list->items[i].finding.severity == severity;
    return count;
}

void found_columns(const struct found *found, uint32_t *from, uint32_t *end)
{
    size_t len = strlen(found->excerpt), column = found->finding.column, token = found->finding.token_len;
    *from = *end = 0;
    if (column == 0)
        return;
    size_t at = column - 1 < len ? column - 1 : len;
    token = token > 0 ? token : 1;
    *from = (uint32_t)utf8_count(found->excerpt, at) + 1;
    *end = *from + (uint32_t)utf8_count(found->excerpt + at, token < len - at ? token : len - at);
}

struct numbered {
    uint64_t fingerprint;
    size_t at;
};

static int compare_numbered(const void *a, const void *b)
{
    const struct numbered *x = a, *y = b;
    if (x->fingerprint != y->fingerprint)
        return x->fingerprint < y->fingerprint ? -1 : 1;
    return x->at < y->at ? -1 : x->at > y->at;
}

void found_number(struct found_list *list)
{
    struct numbered *order = malloc((list->count + 1) * sizeof *order);
    list->failed |= order == NULL;
    if (order == NULL)
        return;
    for (size_t i = 0; i < list->count; i++)
        order[i] = (struct numbered){list->items[i].fingerprint, i};
    qsort(order, list->count, sizeof *order, compare_numbered);
    for (size_t i = 0; i < list->count; i++) {
        bool again = i > 0 && order[i - 1].fingerprint == order[i].fingerprint;
        list->items[order[i].at].repetition = again ? list->items[order[i - 1].at].repetition + 1 : 0;
    }
    free(order);
}

static const struct found_format formats[] = {{"json", found_put_json}, {"sarif", found_put_sarif},
    {"junit", found_put_junit}, {"github", found_put_github}, {"gitlab", found_put_gitlab},
    {"markdown", found_put_markdown}};

const struct found_format *found_format(const char *name)
{
    for (size_t i = 0; i < ARRAY_COUNT(formats); i++) {
        if (strcmp(formats[i].name, name) == 0)
            return &formats[i];
    }
    return NULL;
}
