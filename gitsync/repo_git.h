/* What repo.c and repo_fetch.c share of libgit2. Nobody else includes it. */
#ifndef GITSYNC_REPO_GIT_H
#define GITSYNC_REPO_GIT_H

#include <git2.h>

#include "gitsync/repo.h"

struct repo {
    git_repository *git;
};

#define REPO_REF_BRANCHES "refs/remotes/origin/"

/* Once in the process. */
void repo_git_start(void);

/* libgit2's last error as a problem of fetching; where it tells of damage, mirror_damaged is set. */
enum outcome repo_git_problem(struct problem *problem, const char *hint, const char *what, const char *name)
    NONNULL(1, 3, 4);

#endif
