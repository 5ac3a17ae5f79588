/* Where releases live, and the one atomic step from one to the next.
 *
 *     DEST/current -> releases/NAME     one symbolic link, replaced by rename(2)
 *     DEST/releases/NAME/...            a whole tree; NAME is the commit's id, which addresses its content
 *     DEST/.gitsync/                    ours: lock, journal, repo.git, stage, spare-NAME
 *
 * A file that does not change is one inode in all releases (hard links), so that a new release costs work for
 * what changed. Its directory comes from the spare: a copy of the current release, made of the oldest one
 * after each deployment, when nobody waits. Files are never written in place, and all is on the disk before
 * the link is switched. Whoever is killed leaves a stage behind, which the next one removes.
 *
 * One thread, under the lock. */
#ifndef GITSYNC_STORE_H
#define GITSYNC_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gitsync/problem.h"

#define STORE_NAME_MAX 64
#define STORE_PATH_MAX 4096
#define STORE_OWN ".gitsync" /* at the top of a release: what it is */

struct store {
    char dest[STORE_PATH_MAX - 256];
    int lock; /* descriptor, -1 without */
};

/* A release that is being made. */
struct stage {
    const struct store *store;
    struct problem *problem;
    char path[STORE_PATH_MAX - 128];
    char based_on[STORE_NAME_MAX]; /* the release it began as, "" for an empty one */
    int64_t time_s;   /* of the commit: all files get it, on every node the same; 0: the time of writing */
    unsigned written; /* files */
    char last_directory[STORE_PATH_MAX];
};

/* Makes the directories if they are not there. With LOCK, OUTCOME_BUSY tells that another gitsync is at it.
 */
enum outcome store_open(struct store *store, const char *dest, bool lock, struct problem *problem) NODISCARD
    NONNULL(1, 2, 4);
void store_close(struct store *store) NONNULL(1);

/* PATH below the state directory, or of a release (NAME NULL: DEST/current itself). */
void store_state_path(const struct store *store, const char *name, char out[STORE_PATH_MAX]) NONNULL(1, 2, 3);
void store_release_path(const struct store *store, const char *name, char out[STORE_PATH_MAX]) NONNULL(1, 3);

/* The release that the link names; "" when there is none. */
void store_current(const struct store *store, char out[STORE_NAME_MAX]) NONNULL(1, 2);
bool store_has(const struct store *store, const char *release) NONNULL(1, 2);

/* Begins a stage as a copy of release FROM (NULL: empty). */
enum outcome stage_begin(struct stage *stage, const struct store *store, const char *from,
    struct problem *problem) NODISCARD NONNULL(1, 2, 4);
enum outcome stage_put(struct stage *stage, const char *path, const void *bytes, size_t len,
    bool executable) NODISCARD NONNULL(1, 2, 3);
enum outcome stage_link(struct stage *stage, const char *path, const char *target) NODISCARD NONNULL(1, 2, 3);
enum outcome stage_remove(struct stage *stage, const char *path) NODISCARD NONNULL(1, 2);
/* Everything on the disk, and the stage is release NAME. */
enum outcome stage_finish(struct stage *stage, const char *name) NODISCARD NONNULL(1, 2);
void stage_abandon(struct stage *stage) NONNULL(1);

/* The switch. On failure the link is as it was. */
enum outcome store_switch(const struct store *store, const char *release, struct problem *problem) NODISCARD
    NONNULL(1, 2, 3);

/* Keeps the releases that KEEP says, removes the others but makes the spare of one. Failing here harms
 * nobody: the next release just costs more. */
void store_tidy(const struct store *store, bool (*keep)(void *context, const char *release), void *context)
    NONNULL(1, 2);

#endif
