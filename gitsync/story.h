/* What gitsync tells while it works: one line for each step on standard error, as text or as JSON objects
 * (--log json). One write(2) for each line; control characters never get through. Any thread. */
#ifndef GITSYNC_STORY_H
#define GITSYNC_STORY_H

#include "gitsync/problem.h"
#include "gitsync/settings.h"
#include "zone/base/attr.h"
#include "zone/base/log.h"

/* FORM and whether lines below a warning are dropped, for the whole process. */
void story_init(enum log_form form, bool quiet);

/* NAME is the repository's; EVENT a word for machines: "fetched". */
void story_tell(const char *name, enum log_level level, const char *event, const char *format, ...)
    PRINTF(4, 5) NONNULL(1, 3, 4);

/* The problem and its hint. */
void story_problem(const char *name, const struct problem *problem) NONNULL(1, 2);

#endif
