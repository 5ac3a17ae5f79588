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

/* The number of commits that the one checked out is built on, itself included: the same in every clone.
 * ERR_UNSUPPORTED: this one is shallow, and cannot know. */
enum err git_commit_count(struct git *git, uint32_t *count) NODISCARD NONNULL(1, 2);

/* The three-way merge of lines that git itself does, conflicts in the diff3 style (ours, base, theirs), with
 * markers of SIZE characters. *OUT is malloced; *CLEAN: there is no conflict. ERR_UNSUPPORTED: one of them
 * has NUL octets, and git merges no such files. */
struct git_text {
    const char *text;
    size_t len;
};
enum err git_merge_lines(const struct git_text *base, const struct git_text *ours,
    const struct git_text *theirs, unsigned size, char **out, size_t *out_len, bool *clean) NODISCARD
    NONNULL(1, 2, 3, 5, 6, 7);

/* The repository's own configuration; VALUE NULL removes KEY. */
enum err git_configure(struct git *git, const char *key, const char *value) NODISCARD NONNULL(1, 2);

/* A path below the repository's administrative directory ("info/attributes"), or of a hook
 * ("hooks/pre-commit", wherever hooks are kept); malloced, NULL: out of memory. */
char *git_admin_path(struct git *git, const char *name) NODISCARD NONNULL(1, 2);

#endif
