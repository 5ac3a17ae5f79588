#include "zone/store/load.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "zone/store/build.h"
#include "zone/text/sources.h"
#include "zone/wire/name.h"

void load_guess_origin(const char *path, uint8_t *origin)
{
    static const char *const endings[] = {".zone", ".db", ".txt", ".signed", ".hosts", ".dns"};
    const char *slash = strrchr(path, '/'), *base = slash != NULL ? slash + 1 : path;
    if (strncasecmp(base, "db.", 3) == 0 || strncasecmp(base, "db-", 3) == 0)
        base += 3;
    size_t len = strlen(base);
    for (bool cut = true; cut;) {
        cut = false;
        for (size_t i = 0; i < ARRAY_COUNT(endings); i++) {
            size_t ending = strlen(endings[i]);
            if (len > ending && strncasecmp(base + len - ending, endings[i], ending) == 0) {
                len -= ending;
                cut = true;
            }
        }
    }
    uint8_t name[NAME_MAX];
    if (strcmp(path, "-") == 0 || name_parse(base, len, NULL, name, NULL, NULL) != ERR_OK) {
        origin[0] = 0;
        return;
    }
    name_lower(origin, name);
}

static void report_open(const char *path, const struct finding_sink *sink)
{
    struct finding finding = {
        .severity = SEVERITY_ERROR, .rule = "file", .file = path, .message = strerror(errno)};
    if (sink->report != NULL)
        sink->report(sink->context, &finding);
}

struct loading {
    struct sources *sources;
    uint8_t origin[NAME_MAX + 1];
    uint16_t file;
};

static enum err build(struct loading *loading, const struct zone_text *text,
    const struct load_options *options, bool skeleton, struct load_result *result, struct image **out)
{
    const uint8_t *apex = options->origin == NULL && text->soa_seen ? text->soa_owner : loading->origin;
    struct build_options build_options = {.apex = apex,
        .threads = options->threads,
        .checks = options->checks,
        .skeleton = skeleton,
        .remember = options->remember && !skeleton,
        .segment = options->segment,
        .hooks = options->hooks,
        .now = options->now,
        .whole_when_signed = options->whole_when_signed,
        .sink = &options->sink};
    struct build_result built;
    enum err err = build_image(text, &build_options, &built, out);
    result->errors += built.errors;
    result->warnings += built.warnings;
    return err;
}

static enum err load(struct sources *sources, uint16_t file, const struct load_options *options,
    bool skeleton, struct load_result *result, struct image **out)
{
    struct loading loading = {.sources = sources, .file = file};
    struct zone_text text;
    struct image *image = NULL;
    if (options->origin != NULL)
        name_lower(loading.origin, options->origin);
    else
        load_guess_origin(sources_get(sources, file)->path, loading.origin);
    struct text_options text_options = {
        .origin = loading.origin, .threads = options->threads, .chunk_size = options->chunk_size};
    enum err err = text_read(sources, file, &text_options, &text);
    if (err != ERR_OK)
        return err;
    text_report(&text, &options->sink);
    result->errors = text.errors;
    result->warnings = text.warnings;
    result->records = text.records;
    err = build(&loading, &text, options, skeleton, result, &image);
    unsigned changed = sources_report_changed(sources, &options->sink);
    result->errors += changed;
    if (err == ERR_OK && text.errors + changed > 0) {
        image_release(image);
        err = ERR_INVALID;
    }
    text_clear(&text);
    if (err == ERR_OK)
        *out = image;
    return err;
}

static enum err load_path(const char *path, const struct load_options *options, bool skeleton,
    struct load_result *result, struct image **out)
{
    struct sources sources;
    uint16_t file;
    memset(result, 0, sizeof *result);
    enum err err = sources_init(&sources);
    if (err != ERR_OK)
        return err;
    sources.limits = options->limits;
    err = sources_open(&sources, path, &file);
    if (err == ERR_OK)
        err = load(&sources, file, options, skeleton, result, out);
    else
        report_open(path, &options->sink);
    sources_clear(&sources);
    return err;
}

enum err load_source(struct sources *sources, uint16_t file, const struct load_options *options,
    struct load_result *result, struct image **out)
{
    memset(result, 0, sizeof *result);
    return load(sources, file, options, false, result, out);
}

enum err load_memory(const char *name, const char *text, size_t len, const struct load_options *options,
    struct load_result *result, struct image **out)
{
    struct sources sources;
    uint16_t file;
    enum err err = sources_init(&sources);
    if (err != ERR_OK)
        return err;
    err = sources_add(&sources, name, text, len, &file);
    if (err == ERR_OK)
        err = load_source(&sources, file, options, result, out);
    sources_clear(&sources);
    return err;
}

enum err load_image(
    const char *path, const struct load_options *options, struct load_result *result, struct image **out)
{
    return load_path(path, options, false, result, out);
}

enum err load_check(const char *path, const struct load_options *options, struct load_result *result)
{
    struct load_options checking = *options;
    struct image *skeleton = NULL;
    checking.checks = true;
    enum err err = load_path(path, &checking, true, result, &skeleton);
    if (err == ERR_OK)
        image_release(skeleton);
    return err;
}
