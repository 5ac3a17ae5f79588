/* What the reading of a zone file has to tell, on its way to the operator: the errors, a few of the warnings
 * (a large zone can have a million), and the first error kept for status. One thread. */
#ifndef PLUGINS_FILE_TOLD_H
#define PLUGINS_FILE_TOLD_H

#include "plugins/file/zonefile.h"
#include "zone/text/finding.h"

struct told {
    const struct finding_sink *outer; /* NULL: the log */
    const char *path;
    bool all; /* -check: leave nothing out */
    unsigned errors, warnings;
    char first[ZONEFILE_ERROR_MAX]; /* of the errors */
};

/* Use `.report = told_report, .context = told` as the sink. */
void told_report(void *told, const struct finding *finding) NONNULL(1, 2);

/* Adds an error of our own, for failures that nothing was told about. */
void told_failure(struct told *told, const char *message, const char *hint) NONNULL(1, 2);

/* Says how many were left out. */
void told_end(const struct told *told) NONNULL(1);

#endif
