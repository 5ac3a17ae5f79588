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

/* Fills the stage, and the plan with what may be said of each zone. Fine: RELEASE may be published. */
enum outcome deploying_check(struct deploying *deploying, const char *release) NODISCARD NONNULL(1, 2);

/* Why something is published that no new commit asks for. */
struct deploying_why {
    const char *held; /* the commit to be left alone from now on */
    const char *note; /* for people */
    bool settles;
};

/* The stage becomes RELEASE, and is served when this is fine. WHY: NULL for a commit of its own. */
enum outcome deploying_publish(struct deploying *deploying, const char *release,
    const struct deploying_why *why) NODISCARD NONNULL(1, 2);

/* A release was taken back after others may have seen its serials: publishes the content of the last good one
 * under later serials, so that they take it (RFC 1982). The journal says so (unsettled). */
enum outcome deploying_settle(struct deploying *deploying) NODISCARD NONNULL(1);

void deploying_tell_zones(const struct deploying *deploying) NONNULL(1);

/* The outcome into the deployment, old releases away, the lock given back. */
void deploying_end(struct deploying *deploying, enum outcome outcome) NONNULL(1);

#endif
