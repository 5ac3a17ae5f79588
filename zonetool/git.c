#include "zonetool/git.h"

#include <git2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct git {
    git_repository *repository;
};

enum err git_open(struct git **out)
{
    struct git *git = calloc(1, sizeof *git);
    if (git == NULL)
        return ERR_MEMORY;
    git_libgit2_init();
    if (git_repository_open_ext(&git->repository, ".", 0, NULL) != 0) {
        git_close(git);
        return ERR_MISSING;
    }
    *out = git;
    return ERR_OK;
}

void git_close(struct git *git)
{
    if (git == NULL)
        return;
    git_repository_free(git->repository);
    git_libgit2_shutdown();
    free(git);
}

const char *git_why(void)
{
    const git_error *error = git_error_last();
    return error != NULL && error->message != NULL ? error->message : "git cannot tell";
}

/* The working directory as seen from the repository's root: "" or "a/b/". False outside of it. */
static bool prefix_of(const struct git *git, char *out, size_t size)
{
    const char *root = git_repository_workdir(git->repository);
    char *here = getcwd(NULL, 0), *real = root != NULL ? realpath(root, NULL) : NULL;
    size_t len = real != NULL ? strlen(real) : 0;
    bool inside = here != NULL && real != NULL && strncmp(here, real, len) == 0 &&
                  (here[len] == '/' || here[len] == '\0');
    if (inside)
        snprintf(out, size, "%s%s", here[len] == '/' ? here + len + 1 : "", here[len] == '/' ? "/" : "");
    free(here);
    free(real);
    return inside;
}

/* Undoes ".", ".." and empty parts, in place. False when it leads out. */
static bool normalise(char *path)
{
    char *out = path;
    bool more = true;
    for (const char *at = path; more; at++) {
        size_t len = strcspn(at, "/");
        more = at[len] == '/'; /* asked before it is written over */
        if (len == 2 && memcmp(at, "..", 2) == 0) {
            if (out == path)
                return false;
            out--;
            while (out > path && out[-1] != '/')
                out--;
        } else if (len > 0 && !(len == 1 && *at == '.')) {
            memmove(out, at, len);
            out += len;
            *out++ = '/'; /* where the slash or the end was */
        }
        at += len;
    }
    if (out > path)
        out--;
    *out = '\0';
    return true;
}

/* SPEC with a path from the root of the repository; to be freed. */
static char *resolve(const struct git *git, const char *spec)
{
    const char *colon = strchr(spec, ':');
    char prefix[4096] = "";
    if (colon == NULL || (colon[1] == '.' && !prefix_of(git, prefix, sizeof prefix)))
        return NULL;
    size_t rev = (size_t)(colon - spec) + 1, size = rev + strlen(prefix) + strlen(colon) + 2;
    char *out = malloc(size);
    if (out == NULL)
        return NULL;
    snprintf(out, size, "%.*s%s%s", (int)rev, spec, prefix, colon + 1);
    if (!normalise(out + rev)) {
        free(out);
        return NULL;
    }
    return out;
}

static git_object *find(struct git *git, const char *spec)
{
    git_object *object = NULL, *blob = NULL;
    char *resolved = resolve(git, spec);
    if (resolved != NULL && git_revparse_single(&object, git->repository, resolved) == 0 &&
        git_object_peel(&blob, object, GIT_OBJECT_BLOB) != 0)
        blob = NULL;
    git_object_free(object);
    free(resolved);
    return blob;
}

bool git_has(struct git *git, const char *spec)
{
    git_object *object = find(git, spec);
    git_object_free(object);
    return object != NULL;
}

enum err git_read(struct git *git, const char *spec, struct input *input)
{
    git_object *object = find(git, spec);
    if (object == NULL)
        return ERR_MISSING;
    const git_blob *blob = (const git_blob *)object;
    enum err err = input_from_memory(input, git_blob_rawcontent(blob), (size_t)git_blob_rawsize(blob));
    git_object_free(object);
    return err;
}

enum err git_fetch(void *git, const char *path, struct input *input)
{
    const char *colon = strchr(path, ':');
    if (colon == NULL || colon == path || path[0] == '/' || path[0] == '.')
        return ERR_MISSING;
    return git_read(git, path, input);
}

enum err git_commit_count(struct git *git, uint32_t *count)
{
    git_revwalk *walk = NULL;
    git_oid id;
    uint32_t commits = 0;
    if (git_revwalk_new(&walk, git->repository) != 0)
        return ERR_MEMORY;
    bool begun = git_revwalk_push_head(walk) == 0;
    while (begun && git_revwalk_next(&id, walk) == 0)
        commits++;
    git_revwalk_free(walk);
    if (!begun)
        return ERR_MISSING;
    *count = commits;
    return ERR_OK;
}
