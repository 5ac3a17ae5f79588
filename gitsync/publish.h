/* From a finished stage to a confirmed release, and back when it is not confirmed. Used by deployments,
 * rollbacks, and by whoever finishes what was interrupted. Under the store's lock. */
#ifndef GITSYNC_PUBLISH_H
#define GITSYNC_PUBLISH_H

#include "gitsync/confirm.h"
#include "gitsync/journal.h"
#include "gitsync/plan.h"
#include "gitsync/store.h"

struct publishing {
    const struct settings *settings;
    const struct store *store;
    struct problem *problem;
    const struct plan *plan;
    char release[STORE_NAME_MAX];  /* the new one */
    char previous[STORE_NAME_MAX]; /* what is published now, "" for nothing */
    const char *held;              /* rollback: the commit to leave alone from now on; or NULL */
    const char *note;              /* why an earlier content is published again; or NULL */
    bool settles;     /* it is, because others know the serials of a release that was taken back */
    bool tell_server; /* something that it reads has changed */
    uint64_t publish_us, confirm_us;
};

/* The name for a release of COMMIT that is not taken yet. */
void publish_name(const struct store *store, const char *commit, char out[STORE_NAME_MAX]) NONNULL(1, 2, 3);

/* STAGE becomes the release, and is served when this returns OUTCOME_FINE. */
enum outcome publish_stage(struct publishing *publishing, struct stage *stage) NODISCARD NONNULL(1, 2);

/* A publish that was begun and not concluded: it is confirmed now, or gone back from. */
enum outcome publish_finish(const struct settings *settings, const struct store *store,
    const struct journal *journal, struct problem *problem) NODISCARD NONNULL(1, 2, 3, 4);

/* Asks the secondaries that were behind again. LAGGING: those that are so still, "" for none. */
enum outcome publish_catch_up(const struct settings *settings, const struct store *store,
    const struct journal *journal, char lagging[LAGGING_MAX], struct problem *problem) NODISCARD
    NONNULL(1, 2, 3, 4, 5);

#endif
