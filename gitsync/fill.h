/* Filling a stage with what a commit changes: files out of the repository, zones with their serials made
 * where the rule says so, the list of includes, and the word of what the release is. Each zone that is not as
 * it was becomes a row of the plan. */
#ifndef GITSYNC_FILL_H
#define GITSYNC_FILL_H

#include "gitsync/paths.h"
#include "gitsync/plan.h"
#include "gitsync/repo.h"
#include "gitsync/store.h"

#define FILL_INCLUDES ".gitsync-includes" /* at the top of a release */

struct fill {
    struct repo *repo;
    const struct settings *settings;
    struct plan *plan; /* its commit and signer are known */
    struct stage *stage;
    struct problem *problem;
    const char *release;   /* the name it will have */
    const char *published; /* the directory published now, "" for none */
    const char *deployed;  /* its commit, "" when it is not known (any more) */
    struct paths *floors;  /* zones' paths, with serials that were taken back */
};

enum outcome fill_stage(struct fill *fill) NODISCARD NONNULL(1);

/* Puts TEXT with another serial into the stage. */
enum outcome fill_stamp(struct stage *stage, const char *path, const char *text, size_t len, uint32_t serial,
    struct problem *problem) NODISCARD NONNULL(1, 2, 3, 6);

/* The word of what a release is: the file STORE_OWN at its top. */
enum outcome fill_own(struct stage *stage, const struct plan *plan, const char *release,
    struct problem *problem) NODISCARD NONNULL(1, 2, 3, 4);

#endif
