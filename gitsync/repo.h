/* The repository: a bare mirror of our own below the state directory, and what is read from it. All that is
 * known of libgit2 stands in repo*.c. Object ids are 40 hexadecimal digits with a NUL everywhere outside.
 *
 *     remote --repo_fetch--> mirror --repo_commit, repo_compare, repo_blob--> the rest of gitsync
 *
 * libgit2 verifies the hash of each object that it reads, so that a damaged mirror is noticed; a problem says
 * then mirror_damaged. One thread. */
#ifndef GITSYNC_REPO_H
#define GITSYNC_REPO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gitsync/problem.h"
#include "gitsync/settings.h"
#include "zone/base/arena.h"

#define REPO_ID_MAX 41
#define REPO_TAG_MAX 200

struct repo;

/* What is to be deployed. */
struct repo_tip {
    char id[REPO_ID_MAX];      /* of the commit */
    char tag_id[REPO_ID_MAX];  /* of the annotated tag that was followed, "" without one */
    char branch[REPO_TAG_MAX]; /* the branch followed, "" for a tag or a commit */
    bool downloaded;           /* something new came */
};

struct repo_commit {
    char id[REPO_ID_MAX], tree[REPO_ID_MAX];
    const char *author, *committer; /* "Name <address>" */
    const char *summary, *message;
    int64_t time_s; /* of the committer */
    unsigned parent_count;
    char (*parents)[REPO_ID_MAX];
};

enum repo_kind { REPO_FILE, REPO_EXECUTABLE, REPO_LINK, REPO_SUBMODULE };

/* A path that differs between two trees; old_id or new_id is "" where it was not or is not any more. */
struct repo_change {
    const char *path;
    enum repo_kind kind; /* of the new one, where there is one */
    char old_id[REPO_ID_MAX], new_id[REPO_ID_MAX];
};

struct repo_signed {
    char *payload, *signature; /* malloced; signature NULL: there is none */
    size_t payload_len, signature_len;
};

struct repo_tag {
    const char *name;    /* as its object says */
    const char *target;  /* the commit's id */
    const char *message; /* without the signature */
    struct repo_signed content;
};

/* Brings what SETTINGS name from the remote into the mirror at PATH, making it if need be, in a process of
 * its own that is ended after the time limit: a remote that hangs cannot hold us up. */
enum outcome repo_fetch(const char *path, const struct settings *settings, struct repo_tip *tip,
    struct problem *problem) NODISCARD NONNULL(1, 2, 3, 4);

/* Housekeeping in the mirror, when enough has gathered there; nobody should wait for it. False when it
 * failed: the mirror is as it was. In a process of its own, for two minutes at most. */
bool repo_pack(const char *path, struct problem *problem) NODISCARD NONNULL(1, 2);

/* The same without the remote: what the mirror holds already. */
enum outcome repo_resolve(struct repo *repo, const struct settings *settings, struct repo_tip *tip,
    struct problem *problem) NODISCARD NONNULL(1, 2, 3, 4);

enum outcome repo_open(const char *path, struct repo **out, struct problem *problem) NODISCARD
    NONNULL(1, 2, 3);
void repo_close(struct repo *repo);

/* Texts lie in ARENA. */
enum outcome repo_commit(struct repo *repo, const char *id, struct arena *arena, struct repo_commit *out,
    struct problem *problem) NODISCARD NONNULL(1, 2, 3, 4, 5);

/* Whether the mirror has the commit. */
bool repo_has(struct repo *repo, const char *id) NONNULL(1, 2);

/* The tree at PATH (NULL: the whole) of a commit; "" when there is none. */
enum outcome repo_tree(struct repo *repo, const char *commit, const char *path, char out[REPO_ID_MAX],
    struct problem *problem) NODISCARD NONNULL(1, 2, 4, 5);

/* The id of whatever stands at PATH below TREE; false when nothing does. */
bool repo_entry(struct repo *repo, const char *tree, const char *path, char out[REPO_ID_MAX])
    NONNULL(1, 2, 3, 4);

/* Calls EACH for every path that differs, in the order of git; subtrees of equal id are not even opened. An
 * id of "" is an empty tree. Stops at the first outcome that is not fine, and returns it. */
enum outcome repo_compare(struct repo *repo, const char *old_tree, const char *new_tree,
    enum outcome (*each)(void *context, const struct repo_change *change), void *context,
    struct problem *problem) NODISCARD NONNULL(1, 2, 3, 4, 6);

/* A file's content, malloced, with a NUL behind it. */
enum outcome repo_blob(struct repo *repo, const char *id, char **bytes, size_t *len,
    struct problem *problem) NODISCARD NONNULL(1, 2, 3, 4, 5);

/* What was signed, and the signature. */
enum outcome repo_signature(struct repo *repo, const char *commit, struct repo_signed *out,
    struct problem *problem) NODISCARD NONNULL(1, 2, 3, 4);
void repo_signed_clear(struct repo_signed *content) NONNULL(1);

/* Calls EACH for every annotated tag whose target is COMMIT. */
enum outcome repo_tags(struct repo *repo, const char *commit,
    enum outcome (*each)(void *context, const struct repo_tag *tag), void *context,
    struct problem *problem) NODISCARD NONNULL(1, 2, 3, 5);

/* Is OLDER an ancestor of NEWER, or the same? */
bool repo_descends(struct repo *repo, const char *newer, const char *older) NONNULL(1, 2, 3);

/* The best common ancestor; false without one. */
bool repo_merge_base(struct repo *repo, const char *a, const char *b, char out[REPO_ID_MAX])
    NONNULL(1, 2, 3, 4);

/* Calls EACH for the commits that are reachable from FROM and not from HIDE ("": all), children first; along
 * first parents only if so asked. */
enum outcome repo_walk(struct repo *repo, const char *from, const char *hide, bool first_parent,
    enum outcome (*each)(void *context, const char *id), void *context, struct problem *problem) NODISCARD
    NONNULL(1, 2, 3, 5, 7);

#endif
