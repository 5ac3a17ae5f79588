#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "zonetool/source.h"

/* A slip of the order or of the name must not cost anybody a zone file, or a device. */
static bool may_replace(const char *path)
{
    struct stat status;
    return stat(path, &status) != 0 ||
           (S_ISREG(status.st_mode) && (status.st_size == 0 || source_is_image(path)));
}

static enum outcome write_image(
    const struct source *source, const char *path, const struct arguments *arguments)
{
    if (!may_replace(path))
        return complain("%s: is there and is no zone image; it is not written over", path);
    enum err err = image_write(source->image, path);
    if (err != ERR_OK)
        return complain("%s: %s", path, err == ERR_IO ? strerror(errno) : err_text(err));
    if (!arguments->quiet)
        printf("%s: %u records, %" PRIu64 " octets\n", path, source->image->header->record_count,
            source->image->header->size);
    return OUTCOME_CLEAN;
}

enum outcome compile_run(const struct arguments *arguments)
{
    struct report report;
    struct source source;
    report_init(&report, stderr);
    enum outcome outcome =
        source_open(&source, arguments->operands[0], arguments, WANT_CHECKED_IMAGE, &report);
    if (outcome == OUTCOME_CLEAN)
        outcome = write_image(&source, arguments->operands[1], arguments);
    /* There are errors that forbid no serving: the image is there, and the exit status tells. */
    if (outcome == OUTCOME_CLEAN && report.errors > 0)
        outcome = OUTCOME_FINDINGS;
    source_close(&source);
    report_clear(&report);
    return outcome;
}
