/* What stands in a destination, told to people and programs: the subcommands status and history. They take no
 * lock and change nothing. */
#ifndef GITSYNC_SHOW_H
#define GITSYNC_SHOW_H

#include <stdio.h>

#include "gitsync/problem.h"
#include "gitsync/settings.h"

/* OUTCOME_FINE: the release published is the one confirmed; else the cause that stands in the journal. */
enum outcome show_status(FILE *out, const struct settings *settings, struct problem *problem) NODISCARD
    NONNULL(1, 2, 3);
enum outcome show_history(FILE *out, const struct settings *settings, struct problem *problem) NODISCARD
    NONNULL(1, 2, 3);

/* The same as one JSON object, for the daemon's /status. */
enum outcome show_status_json(FILE *out, const struct settings *settings, struct problem *problem) NODISCARD
    NONNULL(1, 2, 3);

#endif
