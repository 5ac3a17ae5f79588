#include "zone/text/sources.h"

#include <stdlib.h>
#include <string.h>

enum err sources_init(struct sources *sources)
{
    memset(sources, 0, sizeof *sources);
    return pthread_mutex_init(&sources->lock, NULL) == 0 ? ERR_OK : ERR_MEMORY;
}

static void source_free(struct source *source)
{
    if (source == NULL)
        return;
    input_close(&source->input);
    free(source->path);
    free(source);
}

void sources_clear(struct sources *sources)
{
    for (size_t i = 0; i < sources->count; i++)
        source_free(sources->files[i]);
    free(sources->files);
    pthread_mutex_destroy(&sources->lock);
    memset(sources, 0, sizeof *sources);
}

static enum err append(struct sources *sources, struct source *source, uint16_t *number)
{
    if (sources->count >= SOURCES_MAX)
        return ERR_LIMIT;
    if (sources->count == sources->capacity) {
        size_t capacity = sources->capacity * 2 + 4;
        struct source **files = realloc(sources->files, capacity * sizeof *files);
        if (files == NULL)
            return ERR_MEMORY;
        sources->files = files;
        sources->capacity = capacity;
    }
    *number = (uint16_t)sources->count;
    sources->files[sources->count++] = source;
    return ERR_OK;
}

static bool find_open(const struct sources *sources, const char *path, uint16_t *number)
{
    for (size_t i = 0; i < sources->count; i++) {
        if (strcmp(sources->files[i]->path, path) == 0) {
            *number = (uint16_t)i;
            return true;
        }
    }
    return false;
}

static struct source *source_new(const char *path)
{
    struct source *source = calloc(1, sizeof *source);
    if (source != NULL && (source->path = strdup(path)) == NULL) {
        free(source);
        source = NULL;
    }
    return source;
}

static enum err open_input(struct sources *sources, const char *path, struct input *input)
{
    enum err err = sources->fetch != NULL ? sources->fetch(sources->context, path, input) : ERR_MISSING;
    return err == ERR_MISSING ? input_open(input, path) : err;
}

/* Links are followed before they are judged. */
static bool is_confined(const struct sources *sources, const char *path)
{
    const char *directory = sources->limits != NULL ? sources->limits->directory : NULL;
    if (directory == NULL || strcmp(path, "-") == 0)
        return true;
    char *resolved = realpath(path, NULL);
    size_t len = strlen(directory);
    bool below = resolved != NULL && strncmp(resolved, directory, len) == 0 &&
                 (resolved[len] == '/' || (len > 0 && directory[len - 1] == '/'));
    free(resolved);
    return below;
}

static bool is_affordable(struct sources *sources, uint16_t number)
{
    sources->octets += sources->files[number]->input.len;
    return sources->limits == NULL || sources->octets <= sources->limits->octets;
}

bool sources_generate(struct sources *sources, uint64_t count)
{
    uint64_t sum = __atomic_add_fetch(&sources->generated, count, __ATOMIC_RELAXED);
    return sources->limits == NULL || sum <= sources->limits->records;
}

enum err sources_open(struct sources *sources, const char *path, uint16_t *number)
{
    enum err err = ERR_OK;
    pthread_mutex_lock(&sources->lock);
    if (++sources->openings > OPENINGS_MAX) {
        err = ERR_LIMIT;
    } else if (!is_confined(sources, path)) {
        err = ERR_UNSUPPORTED;
    } else if (!find_open(sources, path, number)) {
        struct source *source = source_new(path);
        err = source == NULL ? ERR_MEMORY : open_input(sources, path, &source->input);
        if (err == ERR_OK)
            err = append(sources, source, number);
        if (err != ERR_OK)
            source_free(source);
    }
    if (err == ERR_OK && !is_affordable(sources, *number))
        err = ERR_LIMIT;
    pthread_mutex_unlock(&sources->lock);
    return err;
}

enum err sources_adopt(struct sources *sources, const char *name, struct input *input, uint16_t *number)
{
    pthread_mutex_lock(&sources->lock);
    struct source *source = source_new(name);
    enum err err = source == NULL ? ERR_MEMORY : append(sources, source, number);
    if (err == ERR_OK)
        source->input = *input;
    else
        source_free(source);
    pthread_mutex_unlock(&sources->lock);
    return err;
}

enum err sources_add(
    struct sources *sources, const char *name, const char *text, size_t len, uint16_t *number)
{
    struct input input;
    enum err err = input_from_memory(&input, text, len);
    if (err != ERR_OK)
        return err;
    err = sources_adopt(sources, name, &input, number);
    if (err != ERR_OK)
        input_close(&input);
    return err;
}

struct source *sources_get(struct sources *sources, uint16_t number)
{
    pthread_mutex_lock(&sources->lock);
    struct source *source = sources->files[number];
    pthread_mutex_unlock(&sources->lock);
    return source;
}

void source_place(struct source *source, uint64_t at, uint32_t *line, uint32_t *column)
{
    const char *text = source->input.text;
    if (at > source->input.len)
        at = source->input.len;
    if (at < source->counted_to) {
        source->counted_to = 0;
        source->counted_lines = 0;
    }
    const char *from = text + source->counted_to, *to = text + at;
    for (const char *newline; (newline = memchr(from, '\n', (size_t)(to - from))) != NULL; from = newline + 1)
        source->counted_lines++;
    source->counted_to = at;
    const char *start = at == 0 ? NULL : memrchr(text, '\n', at);
    *line = source->counted_lines + 1;
    *column = (uint32_t)(to - (start == NULL ? text : start + 1)) + 1;
}

unsigned sources_report_changed(struct sources *sources, const struct finding_sink *sink)
{
    unsigned count = 0;
    for (size_t i = 0; i < sources->count; i++) {
        const struct source *source = sources->files[i];
        struct finding finding = {.severity = SEVERITY_ERROR,
            .rule = "file-changed",
            .file = source->path,
            .message = "the file was changed in place while it was read",
            .hint = "write the new one beside it and rename it over the old one"};
        if (!input_changed(&source->input, source->path))
            continue;
        count++;
        if (sink->report != NULL)
            sink->report(sink->context, &finding);
    }
    return count;
}
