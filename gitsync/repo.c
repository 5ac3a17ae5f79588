#include "gitsync/repo.h"

#include <stdlib.h>
#include <string.h>

#include "gitsync/repo_git.h"

#define DEPTH_MAX 64
#define BLOB_MAX ((git_object_size_t)1 << 31)

void repo_git_start(void)
{
    static bool started;
    if (started)
        return;
    started = true;
    git_libgit2_init();
    git_libgit2_opts(GIT_OPT_ENABLE_FSYNC_GITDIR, 1);
    git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0); /* nothing of a remote's configuration is obeyed */
}

enum outcome repo_git_problem(struct problem *problem, const char *hint, const char *what, const char *name)
{
    const git_error *error = git_error_last();
    int class = error != NULL ? error->klass : GIT_ERROR_NONE;
    problem_set(problem, OUTCOME_FETCH, hint, "%s %s: %s", what, name,
        error != NULL && error->message != NULL ? error->message : "unknown error");
    problem->mirror_damaged = class == GIT_ERROR_ODB || class == GIT_ERROR_OBJECT ||
                              class == GIT_ERROR_ZLIB || class == GIT_ERROR_TREE ||
                              class == GIT_ERROR_INDEXER || class == GIT_ERROR_REPOSITORY ||
                              class == GIT_ERROR_REFERENCE || class == GIT_ERROR_CONFIG;
    return problem->outcome;
}

enum outcome repo_open(const char *path, struct repo **out, struct problem *problem)
{
    struct repo *repo = calloc(1, sizeof *repo);
    if (repo == NULL)
        return problem_set(problem, OUTCOME_LOCAL, NULL, "out of memory");
    repo_git_start();
    if (git_repository_open_bare(&repo->git, path) != 0) {
        free(repo);
        return repo_git_problem(problem, NULL, "cannot open", path);
    }
    *out = repo;
    return OUTCOME_FINE;
}

void repo_close(struct repo *repo)
{
    if (repo == NULL)
        return;
    git_repository_free(repo->git);
    free(repo);
}

static void print_id(char out[REPO_ID_MAX], const git_oid *id)
{
    git_oid_tostr(out, REPO_ID_MAX, id);
}

/* ---- commits ---- */

static const char *person(struct arena *arena, const git_signature *who)
{
    return arena_printf(arena, "%s <%s>", who->name, who->email);
}

static git_commit *find_commit(struct repo *repo, const char *id, struct problem *problem)
{
    git_oid oid;
    git_commit *commit = NULL;
    if (git_oid_fromstr(&oid, id) != 0 || git_commit_lookup(&commit, repo->git, &oid) != 0)
        repo_git_problem(problem, NULL, "cannot read commit", id);
    return commit;
}

enum outcome repo_commit(
    struct repo *repo, const char *id, struct arena *arena, struct repo_commit *out, struct problem *problem)
{
    git_commit *commit = find_commit(repo, id, problem);
    if (commit == NULL)
        return problem->outcome;
    const char *summary = git_commit_summary(commit), *message = git_commit_message(commit);
    unsigned count = git_commit_parentcount(commit);
    print_id(out->id, git_commit_id(commit));
    print_id(out->tree, git_commit_tree_id(commit));
    out->author = person(arena, git_commit_author(commit));
    out->committer = person(arena, git_commit_committer(commit));
    out->summary = arena_printf(arena, "%s", summary != NULL ? summary : "");
    out->message = arena_printf(arena, "%s", message != NULL ? message : "");
    out->time_s = git_commit_time(commit);
    out->parent_count = count;
    out->parents = arena_zalloc(arena, (size_t)(count + 1) * REPO_ID_MAX, 1);
    for (unsigned i = 0; i < count && out->parents != NULL; i++)
        print_id(out->parents[i], git_commit_parent_id(commit, i));
    git_commit_free(commit);
    if (out->author == NULL || out->committer == NULL || out->summary == NULL || out->message == NULL ||
        out->parents == NULL)
        return problem_set(problem, OUTCOME_LOCAL, NULL, "out of memory");
    return OUTCOME_FINE;
}

bool repo_has(struct repo *repo, const char *id)
{
    git_oid oid;
    git_commit *commit = NULL;
    bool has = git_oid_fromstr(&oid, id) == 0 && git_commit_lookup(&commit, repo->git, &oid) == 0;
    git_commit_free(commit);
    return has;
}

bool repo_descends(struct repo *repo, const char *newer, const char *older)
{
    git_oid new_oid, old_oid;
    if (strcmp(newer, older) == 0)
        return true;
    return git_oid_fromstr(&new_oid, newer) == 0 && git_oid_fromstr(&old_oid, older) == 0 &&
           git_graph_descendant_of(repo->git, &new_oid, &old_oid) == 1;
}

bool repo_merge_base(struct repo *repo, const char *a, const char *b, char out[REPO_ID_MAX])
{
    git_oid one, two, base;
    if (git_oid_fromstr(&one, a) != 0 || git_oid_fromstr(&two, b) != 0 ||
        git_merge_base(&base, repo->git, &one, &two) != 0)
        return false;
    print_id(out, &base);
    return true;
}

enum outcome repo_walk(struct repo *repo, const char *from, const char *hide, bool first_parent,
    enum outcome (*each)(void *context, const char *id), void *context, struct problem *problem)
{
    git_revwalk *walk = NULL;
    git_oid from_oid, hide_oid, oid;
    enum outcome outcome = OUTCOME_FINE;
    if (git_oid_fromstr(&from_oid, from) != 0 || git_revwalk_new(&walk, repo->git) != 0 ||
        git_revwalk_push(walk, &from_oid) != 0 ||
        (*hide != '\0' && (git_oid_fromstr(&hide_oid, hide) != 0 || git_revwalk_hide(walk, &hide_oid) != 0)))
        outcome = repo_git_problem(problem, NULL, "cannot follow the history of", from);
    if (outcome == OUTCOME_FINE) {
        git_revwalk_sorting(walk, GIT_SORT_TOPOLOGICAL);
        if (first_parent)
            git_revwalk_simplify_first_parent(walk);
        int code;
        while (outcome == OUTCOME_FINE && (code = git_revwalk_next(&oid, walk)) != GIT_ITEROVER) {
            char id[REPO_ID_MAX];
            if (code != 0) {
                outcome = repo_git_problem(problem, NULL, "cannot follow the history of", from);
                break;
            }
            print_id(id, &oid);
            outcome = each(context, id);
        }
    }
    git_revwalk_free(walk);
    return outcome;
}

/* ---- trees ---- */

enum outcome repo_tree(struct repo *repo, const char *commit_id, const char *path, char out[REPO_ID_MAX],
    struct problem *problem)
{
    git_commit *commit = find_commit(repo, commit_id, problem);
    if (commit == NULL)
        return problem->outcome;
    print_id(out, git_commit_tree_id(commit));
    git_commit_free(commit);
    char top[REPO_ID_MAX];
    memcpy(top, out, sizeof top);
    if (path != NULL && !repo_entry(repo, top, path, out))
        out[0] = '\0';
    return OUTCOME_FINE;
}

bool repo_entry(struct repo *repo, const char *tree_id, const char *path, char out[REPO_ID_MAX])
{
    git_oid oid;
    git_tree *tree = NULL;
    git_tree_entry *entry = NULL;
    bool found = *tree_id != '\0' && git_oid_fromstr(&oid, tree_id) == 0 &&
                 git_tree_lookup(&tree, repo->git, &oid) == 0 &&
                 git_tree_entry_bypath(&entry, tree, path) == 0;
    if (found)
        print_id(out, git_tree_entry_id(entry));
    git_tree_entry_free(entry);
    git_tree_free(tree);
    return found;
}

struct comparing {
    struct repo *repo;
    enum outcome (*each)(void *context, const struct repo_change *change);
    void *context;
    struct problem *problem;
    char path[4096];
    unsigned depth;
};

static enum repo_kind kind_of(const git_tree_entry *entry)
{
    switch (git_tree_entry_filemode(entry)) {
    case GIT_FILEMODE_BLOB_EXECUTABLE:
        return REPO_EXECUTABLE;
    case GIT_FILEMODE_LINK:
        return REPO_LINK;
    case GIT_FILEMODE_COMMIT:
        return REPO_SUBMODULE;
    default:
        return REPO_FILE;
    }
}

static bool is_tree(const git_tree_entry *entry)
{
    return entry != NULL && git_tree_entry_filemode(entry) == GIT_FILEMODE_TREE;
}

static enum outcome compare_trees(struct comparing *comparing, const git_oid *old_id, const git_oid *new_id);

static enum outcome tell_change(
    struct comparing *comparing, const git_tree_entry *old_entry, const git_tree_entry *new_entry)
{
    struct repo_change change = {.path = comparing->path};
    if (old_entry != NULL)
        print_id(change.old_id, git_tree_entry_id(old_entry));
    if (new_entry != NULL) {
        print_id(change.new_id, git_tree_entry_id(new_entry));
        change.kind = kind_of(new_entry);
    }
    return comparing->each(comparing->context, &change);
}

/* One name, in either tree or both: a file, a directory, or one become the other. */
static enum outcome compare_entries(
    struct comparing *comparing, const git_tree_entry *old_entry, const git_tree_entry *new_entry)
{
    const char *name = git_tree_entry_name(new_entry != NULL ? new_entry : old_entry);
    size_t at = strlen(comparing->path);
    enum outcome outcome = OUTCOME_FINE;
    if (at + strlen(name) + 2 > sizeof comparing->path || *name == '\0' || strchr(name, '/') != NULL ||
        strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return problem_set(comparing->problem, OUTCOME_CHECK, NULL,
            "%s: there is a file name that cannot be used", comparing->path);
    snprintf(comparing->path + at, sizeof comparing->path - at, "%s%s", at > 0 ? "/" : "", name);
    const git_oid *old_tree = is_tree(old_entry) ? git_tree_entry_id(old_entry) : NULL;
    const git_oid *new_tree = is_tree(new_entry) ? git_tree_entry_id(new_entry) : NULL;
    const git_tree_entry *old_file = old_tree == NULL ? old_entry : NULL;
    const git_tree_entry *new_file = new_tree == NULL ? new_entry : NULL;
    /* What goes first goes first: a file must make room for a directory of its name, and the reverse. */
    if (old_file != NULL && new_file == NULL)
        outcome = tell_change(comparing, old_file, NULL);
    if (outcome == OUTCOME_FINE && (old_tree != NULL || new_tree != NULL))
        outcome = compare_trees(comparing, old_tree, new_tree);
    if (outcome == OUTCOME_FINE && new_file != NULL)
        outcome = tell_change(comparing, old_file, new_file);
    comparing->path[at] = '\0';
    return outcome;
}

static bool same_entry(const git_tree_entry *a, const git_tree_entry *b)
{
    return a != NULL && git_oid_equal(git_tree_entry_id(a), git_tree_entry_id(b)) &&
           git_tree_entry_filemode(a) == git_tree_entry_filemode(b);
}

static enum outcome compare_each(struct comparing *comparing, git_tree *old_tree, git_tree *new_tree)
{
    enum outcome outcome = OUTCOME_FINE;
    size_t old_count = old_tree != NULL ? git_tree_entrycount(old_tree) : 0;
    size_t new_count = new_tree != NULL ? git_tree_entrycount(new_tree) : 0;
    for (size_t i = 0; i < old_count && outcome == OUTCOME_FINE; i++) {
        const git_tree_entry *entry = git_tree_entry_byindex(old_tree, i);
        if (new_tree == NULL || git_tree_entry_byname(new_tree, git_tree_entry_name(entry)) == NULL)
            outcome = compare_entries(comparing, entry, NULL);
    }
    for (size_t i = 0; i < new_count && outcome == OUTCOME_FINE; i++) {
        const git_tree_entry *entry = git_tree_entry_byindex(new_tree, i);
        const git_tree_entry *before =
            old_tree != NULL ? git_tree_entry_byname(old_tree, git_tree_entry_name(entry)) : NULL;
        if (!same_entry(before, entry))
            outcome = compare_entries(comparing, before, entry);
    }
    return outcome;
}

static enum outcome compare_trees(struct comparing *comparing, const git_oid *old_id, const git_oid *new_id)
{
    git_tree *old_tree = NULL, *new_tree = NULL;
    enum outcome outcome;
    if (old_id != NULL && new_id != NULL && git_oid_equal(old_id, new_id))
        return OUTCOME_FINE;
    if (++comparing->depth > DEPTH_MAX)
        return problem_set(
            comparing->problem, OUTCOME_CHECK, NULL, "%s: directories nested too deeply", comparing->path);
    if ((old_id != NULL && git_tree_lookup(&old_tree, comparing->repo->git, old_id) != 0) ||
        (new_id != NULL && git_tree_lookup(&new_tree, comparing->repo->git, new_id) != 0))
        outcome = repo_git_problem(comparing->problem, NULL, "cannot read directory", comparing->path);
    else
        outcome = compare_each(comparing, old_tree, new_tree);
    git_tree_free(old_tree);
    git_tree_free(new_tree);
    comparing->depth--;
    return outcome;
}

enum outcome repo_compare(struct repo *repo, const char *old_tree, const char *new_tree,
    enum outcome (*each)(void *context, const struct repo_change *change), void *context,
    struct problem *problem)
{
    struct comparing comparing = {.repo = repo, .each = each, .context = context, .problem = problem};
    git_oid old_oid, new_oid;
    if ((*old_tree != '\0' && git_oid_fromstr(&old_oid, old_tree) != 0) ||
        (*new_tree != '\0' && git_oid_fromstr(&new_oid, new_tree) != 0))
        return repo_git_problem(problem, NULL, "cannot read tree", new_tree);
    return compare_trees(
        &comparing, *old_tree != '\0' ? &old_oid : NULL, *new_tree != '\0' ? &new_oid : NULL);
}

enum outcome repo_blob(struct repo *repo, const char *id, char **bytes, size_t *len, struct problem *problem)
{
    git_oid oid;
    git_blob *blob = NULL;
    if (git_oid_fromstr(&oid, id) != 0 || git_blob_lookup(&blob, repo->git, &oid) != 0)
        return repo_git_problem(problem, NULL, "cannot read file content", id);
    size_t size = (size_t)git_blob_rawsize(blob);
    char *copy = git_blob_rawsize(blob) < (git_object_size_t)BLOB_MAX ? malloc(size + 1) : NULL;
    if (copy != NULL) {
        memcpy(copy, git_blob_rawcontent(blob), size);
        copy[size] = '\0';
        *bytes = copy;
        *len = size;
    }
    git_blob_free(blob);
    return copy != NULL ? OUTCOME_FINE : problem_set(problem, OUTCOME_LOCAL, NULL, "out of memory");
}

/* ---- signatures ---- */

void repo_signed_clear(struct repo_signed *content)
{
    free(content->payload);
    free(content->signature);
    memset(content, 0, sizeof *content);
}

static char *copy_octets_of(const char *bytes, size_t len)
{
    char *copy = malloc(len + 1);
    if (copy != NULL) {
        memcpy(copy, bytes, len);
        copy[len] = '\0';
    }
    return copy;
}

enum outcome repo_signature(
    struct repo *repo, const char *commit, struct repo_signed *out, struct problem *problem)
{
    git_oid oid;
    git_buf signature = {0}, payload = {0};
    memset(out, 0, sizeof *out);
    int code = git_oid_fromstr(&oid, commit);
    if (code == 0)
        code = git_commit_extract_signature(&signature, &payload, repo->git, &oid, NULL);
    if (code == 0) {
        out->payload = copy_octets_of(payload.ptr, payload.size);
        out->signature = copy_octets_of(signature.ptr, signature.size);
        out->payload_len = payload.size;
        out->signature_len = signature.size;
    }
    git_buf_dispose(&signature);
    git_buf_dispose(&payload);
    if (code != 0 && code != GIT_ENOTFOUND)
        return repo_git_problem(problem, NULL, "cannot read commit", commit);
    return code == 0 && (out->payload == NULL || out->signature == NULL)
               ? problem_set(problem, OUTCOME_LOCAL, NULL, "out of memory")
               : OUTCOME_FINE;
}

/* git appends a tag's signature to its message: the payload is all before the line that begins it. */
static const char *signature_at(const char *bytes, size_t len)
{
    static const char *const marks[] = {"-----BEGIN SSH SIGNATURE-----", "-----BEGIN PGP SIGNATURE-----",
        "-----BEGIN PGP MESSAGE-----", "untrusted comment:"};
    const char *found = NULL;
    for (unsigned i = 0; i < ARRAY_COUNT(marks); i++) {
        for (const char *at = bytes;
             (at = memmem(at, len - (size_t)(at - bytes), marks[i], strlen(marks[i]))) != NULL; at++)
            if (at > bytes && at[-1] == '\n' && (found == NULL || at > found))
                found = at;
    }
    return found;
}

static enum outcome read_tag(struct repo *repo, git_tag *tag,
    enum outcome (*each)(void *context, const struct repo_tag *tag), void *context, struct problem *problem)
{
    git_odb *odb = NULL;
    git_odb_object *object = NULL;
    char target[REPO_ID_MAX];
    enum outcome outcome;
    if (git_repository_odb(&odb, repo->git) != 0 || git_odb_read(&object, odb, git_tag_id(tag)) != 0) {
        outcome = repo_git_problem(problem, NULL, "cannot read tag", git_tag_name(tag));
    } else {
        const char *bytes = git_odb_object_data(object), *message = git_tag_message(tag);
        size_t len = git_odb_object_size(object);
        const char *at = signature_at(bytes, len);
        size_t payload_len = at != NULL ? (size_t)(at - bytes) : len;
        print_id(target, git_tag_target_id(tag));
        struct repo_tag found = {.name = git_tag_name(tag),
            .target = target,
            .message = message != NULL ? message : "",
            .content = {.payload = copy_octets_of(bytes, payload_len),
                .payload_len = payload_len,
                .signature = at != NULL ? copy_octets_of(at, len - payload_len) : NULL,
                .signature_len = len - payload_len}};
        outcome = found.content.payload != NULL ? each(context, &found)
                                                : problem_set(problem, OUTCOME_LOCAL, NULL, "out of memory");
        repo_signed_clear(&found.content);
    }
    git_odb_object_free(object);
    git_odb_free(odb);
    return outcome;
}

enum outcome repo_tags(struct repo *repo, const char *commit,
    enum outcome (*each)(void *context, const struct repo_tag *tag), void *context, struct problem *problem)
{
    git_reference_iterator *references = NULL;
    git_reference *reference;
    git_oid oid;
    enum outcome outcome = OUTCOME_FINE;
    if (git_oid_fromstr(&oid, commit) != 0 ||
        git_reference_iterator_glob_new(&references, repo->git, "refs/tags/*") != 0)
        return repo_git_problem(problem, NULL, "cannot list tags of", commit);
    while (outcome == OUTCOME_FINE && git_reference_next(&reference, references) == 0) {
        const git_oid *target = git_reference_target(reference);
        git_tag *tag = NULL;
        if (target != NULL && git_tag_lookup(&tag, repo->git, target) == 0 &&
            git_oid_equal(git_tag_target_id(tag), &oid))
            outcome = read_tag(repo, tag, each, context, problem);
        git_tag_free(tag);
        git_reference_free(reference);
    }
    git_reference_iterator_free(references);
    return outcome;
}
