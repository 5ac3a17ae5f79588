/* The input of a subcommand: a zone file or a zone image, told apart by the image's magic, either way as
 * an image in memory. */
#ifndef ZONETOOL_SOURCE_H
#define ZONETOOL_SOURCE_H

#include "zone/store/image.h"
#include "zone/text/report.h"
#include "zonetool/zonetool.h"

struct source {
    struct image *image;
    bool compiled; /* the input was an image */
    uint64_t records;
};

/* What the caller needs of it. */
enum want {
    WANT_IMAGE,         /* the image; only findings that forbid one are told */
    WANT_CHECKED_IMAGE, /* the image and all findings; it can be told later whether it is current */
    WANT_FINDINGS       /* all findings; of a zone file no image is made */
};

/* Opens PATH. A compiled image is audited unless just the image is wanted. Findings go to
 * REPORT, what is no finding is told on standard error; the image is there when the outcome is
 * OUTCOME_CLEAN. */
enum outcome source_open(struct source *source, const char *path, const struct arguments *arguments,
    enum want want, struct report *report) NODISCARD NONNULL(1, 2, 3, 5);

/* The same with findings told to SINK. */
enum outcome source_open_telling(struct source *source, const char *path, const struct arguments *arguments,
    enum want want, struct finding_sink sink) NODISCARD NONNULL(1, 2, 3);

void source_close(struct source *source) NONNULL(1);

#endif
