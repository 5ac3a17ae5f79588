#include "zonetool/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "zone/store/load.h"

bool source_is_image(const char *path)
{
    char magic[sizeof(IMAGE_MAGIC) - 1];
    int fd = strcmp(path, "-") != 0 ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
    if (fd < 0)
        return false;
    /* pread leaves a pipe alone: what it fails on is read as text. */
    ssize_t got = pread(fd, magic, sizeof(magic), 0);
    close(fd);
    return got == (ssize_t)sizeof(magic) && memcmp(magic, IMAGE_MAGIC, sizeof(magic)) == 0;
}

static enum err audit(const struct image *image, const char *path, const struct finding_sink *sink)
{
    const char *why = NULL;
    enum err err = image_audit(image, &why);
    if (err == ERR_OK)
        return ERR_OK;
    struct finding finding = {
        .severity = SEVERITY_ERROR,
        .rule = "image-structure",
        .file = path,
        .message = why != NULL ? why : err_text(err),
        .hint = "make the image anew from its zone file with zonetool compile",
    };
    sink->report(sink->context, &finding);
    return err;
}

static enum err open_image(struct source *source, const char *path, unsigned threads, enum want want,
    const struct finding_sink *sink)
{
    enum err err = image_open(path, threads, sink, &source->image);
    if (err != ERR_OK)
        return err;
    source->records = source->image->header->record_count;
    err = want != WANT_IMAGE ? audit(source->image, path, sink) : ERR_OK;
    if (err != ERR_OK)
        source_close(source);
    return err;
}

static enum err open_text(struct source *source, const char *path, const struct arguments *arguments,
    enum want want, const struct finding_sink *sink)
{
    struct load_options options = {.origin = arguments->origin,
        .threads = arguments->threads,
        .sink = *sink,
        .checks = want != WANT_IMAGE,
        .remember = want == WANT_CHECKED_IMAGE};
    struct load_result result = {0};
    enum err err = want == WANT_FINDINGS ? load_check(path, &options, &result)
                                         : load_image(path, &options, &result, &source->image);
    source->records = result.records;
    return err;
}

/* Findings have spoken for themselves; other failures are told here. */
static enum outcome outcome_of(enum err err, const char *path, unsigned findings)
{
    switch (err) {
    case ERR_OK:
        return OUTCOME_CLEAN;
    case ERR_IO:
        return findings > 0 ? OUTCOME_FAILED : complain("%s: %s", path, strerror(errno));
    case ERR_MISSING:
        return findings > 0 ? OUTCOME_FAILED : complain("%s: no such file", path);
    case ERR_MEMORY:
        return complain("%s: %s", path, err_text(err));
    default:
        return findings > 0 ? OUTCOME_FINDINGS : complain("%s: %s", path, err_text(err));
    }
}

struct counting {
    struct finding_sink sink;
    unsigned errors;
};

static void count(void *context, const struct finding *finding)
{
    struct counting *counting = context;
    counting->errors += finding->severity == SEVERITY_ERROR;
    counting->sink.report(counting->sink.context, finding);
}

enum outcome source_open_telling(struct source *source, const char *path, const struct arguments *arguments,
    enum want want, struct finding_sink sink)
{
    struct counting counting = {.sink = sink};
    struct finding_sink counted = {count, &counting};
    *source = (struct source){.compiled = source_is_image(path)};
    enum err err = source->compiled ? open_image(source, path, arguments->threads, want, &counted)
                                    : open_text(source, path, arguments, want, &counted);
    return outcome_of(err, path, counting.errors);
}

enum outcome source_open(struct source *source, const char *path, const struct arguments *arguments,
    enum want want, struct report *report)
{
    return source_open_telling(source, path, arguments, want, report_sink(report));
}

void source_close(struct source *source)
{
    if (source->image != NULL)
        image_release(source->image);
    source->image = NULL;
}
