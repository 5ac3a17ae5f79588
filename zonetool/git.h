/* Files as they were in a revision of a git repository, by libgit2: the only place that knows it. "REV:PATH"
 * as git has it: REV is anything git rev-parse takes (a commit, HEAD~1, a branch, empty: the index), PATH
 * begins at the repository's root, or with "./" or "../" at the working directory. One thread. */
#ifndef ZONETOOL_GIT_H
#define ZONETOOL_GIT_H

#include <stdbool.h>
#include <stdint.h>

#include "zone/text/input.h"

struct git;

/* The repository the working directory is in. ERR_MISSING: none. */
enum err git_open(struct git **out) NODISCARD NONNULL(1);
void git_close(struct git *git);

/* The file named by SPEC. ERR_MISSING: no such revision or file; git_why tells. */
enum err git_read(struct git *git, const char *spec, struct input *input) NODISCARD NONNULL(1, 2, 3);

/* Is there a revision of that name? What looks like REV:PATH may be a file with a colon, or a slip. */
bool git_has(struct git *git, const char *spec) NONNULL(1, 2);

/* For sources (zone/text/sources.h): "REV:PATH" from the repository, anything else ERR_MISSING. */
enum err git_fetch(void *git, const char *path, struct input *input);

/* What libgit2 said last. */
const char *git_why(void);

/* The number of commits that the one checked out is built on, itself included. */
enum err git_commit_count(struct git *git, uint32_t *count) NODISCARD NONNULL(1, 2);

#endif
