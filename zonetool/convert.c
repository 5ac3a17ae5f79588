/* zonetool convert: a zone from any of its forms (text, image, JSON) into any other. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zone/base/file.h"
#include "zone/base/json.h"
#include "zone/store/load.h"
#include "zone/store/print.h"
#include "zone/text/format.h"
#include "zone/wire/type.h"
#include "zonetool/rewrite.h"
#include "zonetool/show.h"
#include "zonetool/source.h"
#include "zonetool/zone_json.h"

/* ---- out ---- */

/* Canonical text, laid out. */
static enum outcome write_text(const struct image *image, FILE *out)
{
    struct print print;
    struct formatted formatted;
    struct format_options how = {.threads = 1};
    bool good = print_init(&print, image);
    for (uint32_t i = 0; i < image->header->node_count && good; i++)
        good = print_node(&print, image_node(image, image->order[i]));
    for (uint32_t i = 0; i < image->header->nsec3_count && good; i++)
        good = print_node(&print, image_node(image, image->nsec3_order[i]));
    if (good && format_text("zone", print.text, print.len, &how, &formatted) == ERR_OK) {
        fwrite(formatted.text.text, 1, formatted.text.len, out);
        input_close(&formatted.text);
    } else {
        good = false;
    }
    print_clear(&print);
    return good ? OUTCOME_CLEAN : complain("out of memory");
}

static enum outcome write_file(const struct image *image, const char *format, const char *path)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = path != NULL ? open_memstream(&text, &len) : stdout;
    if (out == NULL)
        return complain("out of memory");
    enum outcome outcome = OUTCOME_CLEAN;
    if (strcmp(format, "json") == 0)
        zone_json_print(image, out);
    else
        outcome = write_text(image, out);
    if (path == NULL)
        return outcome;
    if (fclose(out) != 0)
        outcome = complain("out of memory");
    if (outcome == OUTCOME_CLEAN && file_replace(path, text, len, 0666) != ERR_OK)
        outcome = complain("%s: %s", path, strerror(errno));
    free(text);
    return outcome;
}

static enum outcome write_image(const struct image *image, const char *path)
{
    if (path == NULL)
        return complain("an image needs a file: zonetool convert --format image FILE OUT");
    enum err err = image_write(image, path);
    return err == ERR_OK ? OUTCOME_CLEAN
                         : complain("%s: %s", path, err == ERR_IO ? strerror(errno) : err_text(err));
}

/* ---- in ---- */

static bool is_json(const char *text)
{
    return text[strspn(text, " \t\r\n")] == '{';
}

/* JSON becomes text, so that one reader checks all values. */
static enum outcome load_json(struct source *source, const char *path, const char *json,
    const struct arguments *arguments, struct report *report)
{
    char *text = NULL;
    size_t len = 0;
    struct load_result result;
    struct load_options options = {
        .origin = arguments->origin, .threads = arguments->threads, .sink = report_sink(report)};
    const char *why = zone_json_read(json, &text, &len);
    if (why != NULL) {
        free(text);
        complain("%s: %s", path, why);
        return OUTCOME_FINDINGS;
    }
    enum err err = load_memory(path, text, len, &options, &result, &source->image);
    free(text);
    if (err == ERR_INVALID)
        return OUTCOME_FINDINGS;
    return err == ERR_OK ? OUTCOME_CLEAN : complain("%s: %s", path, err_text(err));
}

#define JSON_MAX ((size_t)1 << 32)

static enum outcome open_any(
    struct source *source, const char *path, const struct arguments *arguments, struct report *report)
{
    struct arena arena;
    char *text = NULL;
    size_t len;
    *source = (struct source){.image = NULL};
    if (source_is_image(path) || strcmp(path, "-") == 0)
        return source_open(source, path, arguments, WANT_IMAGE, report);
    arena_init(&arena, 0);
    enum outcome outcome;
    if (file_read(path, JSON_MAX, &arena, &text, &len) == ERR_OK && is_json(text))
        outcome = load_json(source, path, text, arguments, report);
    else
        outcome = source_open(source, path, arguments, WANT_IMAGE, report);
    arena_clear(&arena);
    return outcome;
}

enum outcome convert_run(const struct arguments *arguments)
{
    struct report report;
    struct source source;
    const char *format = arguments->format != NULL ? arguments->format : "text";
    const char *path = arguments->operand_count > 1 ? arguments->operands[1] : NULL;
    report_init(&report, stderr);
    enum outcome outcome = open_any(&source, arguments->operands[0], arguments, &report);
    if (outcome == OUTCOME_CLEAN)
        outcome = strcmp(format, "image") == 0 ? write_image(source.image, path)
                                               : write_file(source.image, format, path);
    source_close(&source);
    report_clear(&report);
    return outcome;
}
