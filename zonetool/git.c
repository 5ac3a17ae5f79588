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
    if (git_repository_is_shallow(git->repository) != 0)
        return ERR_UNSUPPORTED;
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

enum err git_merge_lines(const struct git_text *base, const struct git_text *ours,
    const struct git_text *theirs, unsigned size, char **out, size_t *out_len, bool *clean)
{
    const struct git_text *const texts[] = {base, ours, theirs};
    static const char *const labels[] = {"base", "ours", "theirs"};
    git_merge_file_input inputs[3];
    git_merge_file_options how;
    git_merge_file_result result = {0};
    for (unsigned i = 0; i < 3; i++) {
        if (texts[i]->len > 0 && memchr(texts[i]->text, '\0', texts[i]->len) != NULL)
            return ERR_UNSUPPORTED;
    }
    git_libgit2_init();
    git_merge_file_options_init(&how, GIT_MERGE_FILE_OPTIONS_VERSION);
    for (unsigned i = 0; i < 3; i++) {
        git_merge_file_input_init(&inputs[i], GIT_MERGE_FILE_INPUT_VERSION);
        inputs[i].ptr = texts[i]->text;
        inputs[i].size = texts[i]->len;
        inputs[i].path = labels[i];
    }
    how.ancestor_label = labels[0];
    how.our_label = labels[1];
    how.their_label = labels[2];
    how.flags = GIT_MERGE_FILE_STYLE_DIFF3;
    how.marker_size = (unsigned short)size;
    enum err err = ERR_MEMORY;
    if (git_merge_file(&result, &inputs[0], &inputs[1], &inputs[2], &how) == 0 &&
        (*out = malloc(result.len + 65)) != NULL) {
        memcpy(*out, result.ptr, result.len);
        memset(*out + result.len, 0, 65); /* LEXER_PAD */
        *out_len = result.len;
        *clean = result.automergeable != 0;
        err = ERR_OK;
    }
    git_merge_file_result_free(&result);
    git_libgit2_shutdown();
    return err;
}

enum err git_configure(struct git *git, const char *key, const char *value)
{
    git_config *all = NULL, *own = NULL;
    enum err err = ERR_IO;
    if (git_repository_config(&all, git->repository) == 0 &&
        git_config_open_level(&own, all, GIT_CONFIG_LEVEL_LOCAL) == 0) {
        int done = value != NULL ? git_config_set_string(own, key, value) : git_config_delete_entry(own, key);
        err = done == 0 || (value == NULL && done == GIT_ENOTFOUND) ? ERR_OK : ERR_IO;
    }
    git_config_free(own);
    git_config_free(all);
    return err;
}

/* Where core.hooksPath leads, if it is set (git-config(1)). */
static char *hook_path(struct git *git, const char *name)
{
    git_config *config = NULL;
    git_buf path = GIT_BUF_INIT_CONST("", 0);
    char *out = NULL;
    if (git_repository_config_snapshot(&config, git->repository) == 0 &&
        git_config_get_path(&path, config, "core.hooksPath") == 0) {
        const char *root = path.ptr[0] != '/' ? git_repository_workdir(git->repository) : "";
        if (asprintf(&out, "%s%s/%s", root != NULL ? root : "", path.ptr, name + strlen("hooks/")) < 0)
            out = NULL;
        git_buf_dispose(&path);
    }
    git_config_free(config);
    return out;
}

char *git_admin_path(struct git *git, const char *name)
{
    char *out = strncmp(name, "hooks/", 6) == 0 ? hook_path(git, name) : NULL;
    if (out == NULL && asprintf(&out, "%s%s", git_repository_commondir(git->repository), name) < 0)
        out = NULL;
    return out;
}
