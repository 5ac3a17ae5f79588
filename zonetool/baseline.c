/* The baseline of `check`: findings that were there when the rule came, and may stay for now. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "zone/base/file.h"
#include "zonetool/found.h"

#define BASELINE_SIZE_MAX ((size_t)64 << 20)
#define HEADING "# findings that zonetool check passes over; made by zonetool check --write-baseline\n"

/* Marks up to COUNT findings that were not known. */
static void mark(struct found_list *list, const char *rule, uint64_t fingerprint, unsigned long count)
{
    for (size_t i = 0; i < list->count && count > 0; i++) {
        struct found *found = &list->items[i];
        if (found->known || found->fingerprint != fingerprint || strcmp(found->finding.rule, rule) != 0)
            continue;
        found->known = true;
        count--;
    }
}

static void take_line(struct found_list *list, char *line)
{
    char *rest, *rule, *end;
    unsigned long count = strtoul(line, &rest, 10);
    if (*line == '#' || rest == line || *rest != '\t')
        return;
    rule = rest + 1;
    rest = strchr(rule, '\t');
    if (rest == NULL)
        return;
    *rest++ = '\0';
    uint64_t fingerprint = strtoull(rest, &end, 16);
    if (end != rest)
        mark(list, rule, fingerprint, count);
}

enum err baseline_read(struct found_list *list, const char *path)
{
    struct arena arena;
    char *text;
    size_t len;
    arena_init(&arena, 0);
    enum err err = file_read(path, BASELINE_SIZE_MAX, &arena, &text, &len);
    for (char *line = err == ERR_OK ? text : NULL, *next; line != NULL; line = next) {
        next = strchr(line, '\n');
        if (next != NULL)
            *next++ = '\0';
        take_line(list, line);
    }
    arena_clear(&arena);
    return err;
}

static int order(const void *a, const void *b)
{
    const struct found *x = *(const struct found *const *)a, *y = *(const struct found *const *)b;
    const char *file_x = x->finding.file != NULL ? x->finding.file : "";
    const char *file_y = y->finding.file != NULL ? y->finding.file : "";
    int difference = strcmp(file_x, file_y);
    if (difference == 0)
        difference = strcmp(x->finding.rule, y->finding.rule);
    return difference != 0                    ? difference
           : x->fingerprint == y->fingerprint ? 0
           : x->fingerprint < y->fingerprint  ? -1
                                              : 1;
}

static void put_all(FILE *out, const struct found **sorted, size_t count)
{
    fputs(HEADING, out);
    for (size_t i = 0, next; i < count; i = next) {
        for (next = i + 1; next < count && order(&sorted[i], &sorted[next]) == 0; next++)
            continue;
        const struct found *found = sorted[i];
        fprintf(out, "%zu\t%s\t%016" PRIx64 "\t%s\n", next - i, found->finding.rule, found->fingerprint,
            found->finding.file != NULL ? found->finding.file : "");
    }
}

enum err baseline_write(const struct found_list *list, const char *path)
{
    char *text = NULL;
    size_t len = 0, count = 0;
    const struct found **sorted = calloc(list->count + 1, sizeof(struct found *));
    FILE *out = sorted != NULL ? open_memstream(&text, &len) : NULL;
    if (out == NULL) {
        free(sorted);
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i].finding.severity != SEVERITY_INFO)
            sorted[count++] = &list->items[i];
    }
    qsort(sorted, count, sizeof *sorted, order);
    put_all(out, sorted, count);
    enum err err = fclose(out) == 0 ? file_replace(path, text, len, 0666) : ERR_MEMORY;
    free(text);
    free(sorted);
    return err;
}
