#include "gitsync/includes.h"

#include <string.h>

#include "gitsync/serial.h"

#define DEPTH_MAX 32 /* as the reader of zone files has it */

void includes_init(struct includes *includes)
{
    *includes = (struct includes){0};
    arena_init(&includes->arena, 0);
}

void includes_clear(struct includes *includes)
{
    arena_clear(&includes->arena);
    *includes = (struct includes){0};
}

static void add(struct includes *includes, const char *includer, const char *included)
{
    if (includes->count == includes->room) {
        unsigned room = includes->room == 0 ? 32 : includes->room * 2;
        struct include_pair *pairs = ARENA_ARRAY(&includes->arena, struct include_pair, room);
        if (pairs == NULL) {
            includes->failed = true;
            return;
        }
        if (includes->count > 0)
            memcpy(pairs, includes->pairs, includes->count * sizeof *pairs);
        includes->pairs = pairs;
        includes->room = room;
    }
    struct include_pair pair = {.includer = arena_printf(&includes->arena, "%s", includer),
        .included = arena_printf(&includes->arena, "%s", included)};
    if (pair.includer == NULL || pair.included == NULL)
        includes->failed = true;
    else
        includes->pairs[includes->count++] = pair;
}

void includes_parse(struct includes *includes, const char *text)
{
    char line[8192];
    while (*text != '\0') {
        size_t len = strcspn(text, "\n");
        if (len < sizeof line) {
            memcpy(line, text, len);
            line[len] = '\0';
            char *tab = strchr(line, '\t');
            if (tab != NULL) {
                *tab = '\0';
                add(includes, line, tab + 1);
            }
        }
        text += len + (text[len] == '\n');
    }
}

void includes_print(const struct includes *includes, FILE *out)
{
    for (unsigned i = 0; i < includes->count; i++)
        if (!includes->pairs[i].gone)
            fprintf(out, "%s\t%s\n", includes->pairs[i].includer, includes->pairs[i].included);
}

const char *includes_resolve(struct arena *arena, const char *from, const char *written, size_t len)
{
    const char *slash = strrchr(from, '/');
    char *path =
        arena_printf(arena, "%.*s/%.*s", slash != NULL ? (int)(slash - from) : 0, from, (int)len, written);
    char *out = path;
    if (path == NULL || len == 0 || *written == '/')
        return NULL;
    /* "." and ".." are taken out in place: the result is never longer */
    for (const char *at = path; *at != '\0';) {
        at += strspn(at, "/");
        size_t part = strcspn(at, "/");
        if (part == 2 && memcmp(at, "..", 2) == 0) {
            if (out == path)
                return NULL;
            while (out > path && *--out != '/')
                continue;
        } else if (part > 0 && !(part == 1 && *at == '.')) {
            if (out > path)
                *out++ = '/';
            memmove(out, at, part);
            out += part;
        }
        at += part;
    }
    *out = '\0';
    return *path != '\0' ? path : NULL;
}

struct setting {
    struct includes *includes;
    const char *path, *bad;
};

static void take(void *context, const char *written, size_t len)
{
    struct setting *setting = context;
    struct arena *arena = &setting->includes->arena;
    const char *included = includes_resolve(arena, setting->path, written, len);
    if (included != NULL)
        add(setting->includes, setting->path, included);
    else if (setting->bad == NULL)
        setting->bad = arena_printf(arena, "%.*s", (int)len, written);
}

bool includes_set(struct includes *includes, const char *path, const char *text, size_t len, const char **bad)
{
    struct setting setting = {.includes = includes, .path = path};
    for (unsigned i = 0; i < includes->count; i++)
        if (strcmp(includes->pairs[i].includer, path) == 0)
            includes->pairs[i].gone = true;
    if (text != NULL)
        serial_includes(text, len, take, &setting);
    *bad = setting.bad;
    return setting.bad == NULL;
}

bool includes_has(const struct includes *includes, const char *included)
{
    for (unsigned i = 0; i < includes->count; i++)
        if (!includes->pairs[i].gone && strcmp(includes->pairs[i].included, included) == 0)
            return true;
    return false;
}

static void above(const struct includes *includes, const char *path,
    void (*each)(void *context, const char *includer), void *context, unsigned depth)
{
    for (unsigned i = 0; i < includes->count && depth < DEPTH_MAX; i++) {
        if (includes->pairs[i].gone || strcmp(includes->pairs[i].included, path) != 0)
            continue;
        each(context, includes->pairs[i].includer);
        above(includes, includes->pairs[i].includer, each, context, depth + 1);
    }
}

void includes_above(const struct includes *includes, const char *path,
    void (*each)(void *context, const char *includer), void *context)
{
    above(includes, path, each, context, 0);
}
