/* What deploy.c and rollback.c share: a deployment in the making. Nobody else includes it. */
#ifndef GITSYNC_DEPLOYING_H
#define GITSYNC_DEPLOYING_H

#include "gitsync/deploy.h"
#include "gitsync/journal.h"
#include "gitsync/paths.h"
#include "gitsync/store.h"

struct deploying {
    const struct settings *settings;
    struct deployment *deployment;
    struct problem *problem; /* the deployment's */
    struct store store;
    struct journal journal;
    struct repo *repo;
    struct stage stage;
    struct paths floors;
    struct arena arena;
    char current[STORE_NAME_MAX];
    char published[STORE_PATH_MAX]; /* its directory, "" for none */
    bool staged;
    bool renewed; /* the mirror was made anew in this run */
    uint64_t since_us;
};

/* Takes the lock and reads the state; with FINISH, what was interrupted is finished first. */
enum outcome deploying_begin(struct deploying *deploying, const struct settings *settings,
    struct deployment *deployment, bool finish) NODISCARD NONNULL(1, 2, 3);

/* The stage becomes RELEASE, and is served when this is fine. HELD: the commit to be left alone, or NULL. */
enum outcome deploying_publish(struct deploying *deploying, const char *release, const char *held) NODISCARD
    NONNULL(1, 2);

void deploying_tell_zones(const struct deploying *deploying) NONNULL(1);

/* The outcome into the deployment, old releases away, the lock given back. */
void deploying_end(struct deploying *deploying, enum outcome outcome) NONNULL(1);

#endif
