/* The input of a subcommand: a zone file or a zone image, told apart by the image's magic, either way as
 * an image in memory. */
#ifndef ZONETOOL_SOURCE_H
#define ZONETOOL_SOURCE_H

#include "zone/store/image.h"
#include "zonetool/report.h"
#include "zonetool/zonetool.h"

struct source {
    struct image *image;
    bool compiled; /* the input was an image */
    uint64_t records;
};

/* Opens PATH. CHECKS: run the semantic checks on a zone file, and the audit on an image. Findings go to
 * REPORT, what is no finding is told on standard error; the image is there when the outcome is
 * OUTCOME_CLEAN. */
enum outcome source_open(struct source *source, const char *path, const struct arguments *arguments,
    bool checks, struct report *report) NODISCARD NONNULL(1, 2, 3, 5);

void source_close(struct source *source) NONNULL(1);

#endif
