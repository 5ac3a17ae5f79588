/* Fetching: the remote, its credentials and keys, the time limit. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gitsync/apart.h"
#include "gitsync/certificate.h"
#include "gitsync/leftovers.h"
#include "gitsync/repo_git.h"
#include "gitsync/ssh_exec.h"
#include "zone/base/file.h"

#define SECRET_MAX 4096

struct fetching {
    const struct settings *settings;
    const char *mirror;
    struct problem *problem;
    struct arena arena;
    git_repository *git;
    git_remote *remote;
    bool explained; /* a callback has said why */
    unsigned asked; /* for credentials: a second time means that they were refused */
    char branch[REPO_TAG_MAX];
    struct ssh_exec ssh;
};

/* ---- credentials ---- */

/* The first line of a file: a password, token or passphrase. */
static const char *read_secret(struct fetching *fetching, const char *path)
{
    char *text;
    size_t len;
    if (file_read(path, SECRET_MAX, &fetching->arena, &text, &len) != ERR_OK) {
        problem_set(fetching->problem, OUTCOME_FETCH, "the user that runs gitsync must be able to read it",
            "cannot read %s: %s", path, strerror(errno));
        fetching->explained = true;
        return NULL;
    }
    text[strcspn(text, "\r\n")] = '\0';
    return text;
}

static int refuse_credentials(struct fetching *fetching, const char *url, const char *hint)
{
    if (!fetching->explained)
        problem_set(fetching->problem, OUTCOME_FETCH, hint, "%s: the remote does not let us in", url);
    fetching->explained = true;
    return GIT_EAUTH;
}

static int give_credentials(
    git_credential **out, const char *url, const char *url_user, unsigned allowed, void *payload)
{
    struct fetching *fetching = payload;
    const struct settings *settings = fetching->settings;
    const char *user = settings->username != NULL ? settings->username : url_user != NULL ? url_user : "git";
    if (fetching->asked++ > 2)
        return refuse_credentials(
            fetching, url, "check --username, --password-file, and what the remote allows them");
    if ((allowed & GIT_CREDENTIAL_USERPASS_PLAINTEXT) != 0 && settings->password_file != NULL) {
        const char *password = read_secret(fetching, settings->password_file);
        if (password != NULL)
            return git_credential_userpass_plaintext_new(out, user, password);
    }
    return refuse_credentials(fetching, url, "the remote wants a password or token: --password-file");
}

/* ---- the remote's certificate ---- */

static int check_certificate(git_cert *cert, int valid, const char *host, void *payload)
{
    struct fetching *fetching = payload;
    const git_cert_x509 *x509 = (const git_cert_x509 *)(const void *)cert;
    if (valid)
        return 0;
    struct certificate_trouble trouble = cert->cert_type == GIT_CERT_X509
                                             ? certificate_trouble(x509->data, x509->len, host)
                                             : (struct certificate_trouble){"it shows no certificate", NULL};
    problem_set(fetching->problem, OUTCOME_FETCH, trouble.hint,
        "cannot fetch %s: %s cannot prove who it is: %s", fetching->settings->repo, host, trouble.why);
    fetching->explained = true;
    return GIT_ECERTIFICATE;
}

/* ---- what to fetch ---- */

/* What to do about what libgit2 says: the first that is found. */
static const char *remote_hint(void)
{
    static const struct {
        const char *said, *hint;
    } hints[] = {
        {"status code: 404", "check the path in --repo, and whether --username may see it"},
        {"status code: 403", "check --username and --password-file, and what the remote allows them"},
        {"proxy", "check --proxy, and the environment's https_proxy"},
        {"resolve address", "check the host in --repo, and the resolver"},
        {"failed to connect", "does the remote listen, and is it reachable from here?"},
        {"not find repository", "check the path in --repo"},
    };
    const git_error *error = git_error_last();
    for (unsigned i = 0; i < ARRAY_COUNT(hints) && error != NULL && error->message != NULL; i++)
        if (strcasestr(error->message, hints[i].said) != NULL)
            return hints[i].hint;
    return NULL;
}

static enum outcome remote_problem(struct fetching *fetching)
{
    const char *url = fetching->settings->repo;
    if (fetching->explained)
        return fetching->problem->outcome;
    if (fetching->ssh.failed)
        return ssh_exec_problem(&fetching->ssh, fetching->problem);
    if (strstr(url, "://") == NULL && access(url, F_OK) != 0)
        return problem_set(fetching->problem, OUTCOME_FETCH, "a path, or a URL of https, ssh or file",
            "cannot fetch %s: %s", url, strerror(errno));
    enum outcome outcome =
        repo_git_problem(fetching->problem, remote_hint(), "cannot fetch", fetching->settings->repo);
    /* What went wrong may be there or here: the mirror is made anew only when reading it fails. */
    fetching->problem->mirror_damaged = false;
    return outcome;
}

/* The branch to follow: as told, or the one that the remote's HEAD names. */
static enum outcome choose_branch(struct fetching *fetching)
{
    const struct settings *settings = fetching->settings;
    git_buf name = {0};
    if (settings->tag != NULL || settings->commit != NULL)
        return OUTCOME_FINE;
    if (settings->branch != NULL) {
        snprintf(fetching->branch, sizeof fetching->branch, "%s", settings->branch);
        return OUTCOME_FINE;
    }
    if (git_remote_default_branch(&name, fetching->remote) == 0 && strncmp(name.ptr, "refs/heads/", 11) == 0)
        snprintf(fetching->branch, sizeof fetching->branch, "%s", name.ptr + 11);
    git_buf_dispose(&name);
    if (fetching->branch[0] == '\0')
        return problem_set(fetching->problem, OUTCOME_FETCH, "name the branch: --branch",
            "%s: the remote does not tell its branch; is it empty?", settings->repo);
    return OUTCOME_FINE;
}

static bool wants_tags(const struct settings *settings)
{
    return settings->tag != NULL || settings->signers != NULL || settings->keyring != NULL;
}

/* The refspecs; returns their number. */
static unsigned choose_refs(struct fetching *fetching, char *specs[2])
{
    unsigned count = 0;
    if (fetching->settings->commit != NULL)
        specs[count++] = arena_printf(&fetching->arena, "+refs/heads/*:%s*", REPO_REF_BRANCHES);
    else if (fetching->branch[0] != '\0')
        specs[count++] = arena_printf(
            &fetching->arena, "+refs/heads/%s:%s%s", fetching->branch, REPO_REF_BRANCHES, fetching->branch);
    if (wants_tags(fetching->settings))
        specs[count++] = arena_printf(&fetching->arena, "+refs/tags/*:refs/tags/*");
    return count;
}

static bool has_ref(git_repository *git, const char *name, const git_oid *id)
{
    git_oid ours;
    git_odb *odb = NULL;
    bool has = git_reference_name_to_id(&ours, git, name) == 0 && git_oid_equal(&ours, id) &&
               git_repository_odb(&odb, git) == 0 && git_odb_exists(odb, id);
    git_odb_free(odb);
    return has;
}

/* Counts the references that the remote has and we follow; false as soon as one of them is not ours. */
static bool same_refs(struct fetching *fetching, const git_remote_head **heads, size_t count, size_t *tags)
{
    char name[REPO_TAG_MAX + 64];
    *tags = 0;
    for (size_t i = 0; i < count; i++) {
        const char *theirs = heads[i]->name;
        if (strncmp(theirs, "refs/heads/", 11) == 0 && strcmp(theirs + 11, fetching->branch) == 0)
            snprintf(name, sizeof name, "%s%s", REPO_REF_BRANCHES, fetching->branch);
        else if (strncmp(theirs, "refs/tags/", 10) == 0 && strstr(theirs, "^{}") == NULL &&
                 wants_tags(fetching->settings)) {
            snprintf(name, sizeof name, "%s", theirs);
            *tags += 1;
        } else
            continue;
        if (!has_ref(fetching->git, name, &heads[i]->oid))
            return false;
    }
    return true;
}

/* Nothing to download: what the remote names is here already, and no tag has gone. */
static bool is_current(struct fetching *fetching)
{
    const git_remote_head **heads;
    size_t count, tags;
    git_strarray ours = {0};
    if (fetching->settings->commit != NULL || git_remote_ls(&heads, &count, fetching->remote) != 0 ||
        !same_refs(fetching, heads, count, &tags))
        return false;
    bool gone =
        wants_tags(fetching->settings) && (git_tag_list(&ours, fetching->git) != 0 || ours.count != tags);
    git_strarray_dispose(&ours);
    return !gone;
}

static enum outcome download(struct fetching *fetching, const git_remote_callbacks *callbacks)
{
    git_fetch_options options;
    char *specs[2];
    git_strarray refs = {specs, choose_refs(fetching, specs)};
    git_fetch_options_init(&options, GIT_FETCH_OPTIONS_VERSION);
    options.callbacks = *callbacks;
    options.prune = GIT_FETCH_PRUNE;
    options.download_tags = GIT_REMOTE_DOWNLOAD_TAGS_NONE;
    for (size_t i = 0; i < refs.count; i++)
        if (specs[i] == NULL)
            return problem_set(fetching->problem, OUTCOME_LOCAL, NULL, "out of memory");
    leftovers_expect(fetching->mirror);
    if (git_remote_fetch(fetching->remote, &refs, &options, NULL) != 0)
        return remote_problem(fetching);
    leftovers_none(fetching->mirror);
    return OUTCOME_FINE;
}

static enum outcome connect_and_fetch(struct fetching *fetching, bool *downloaded)
{
    git_remote_connect_options options;
    git_remote_connect_options_init(&options, GIT_REMOTE_CONNECT_OPTIONS_VERSION);
    options.callbacks.credentials = give_credentials;
    options.callbacks.certificate_check = check_certificate;
    options.callbacks.payload = fetching;
    options.proxy_opts.type = fetching->settings->proxy != NULL ? GIT_PROXY_SPECIFIED : GIT_PROXY_AUTO;
    options.proxy_opts.url = fetching->settings->proxy;
    if (git_remote_connect_ext(fetching->remote, GIT_DIRECTION_FETCH, &options) != 0)
        return remote_problem(fetching);
    enum outcome outcome = choose_branch(fetching);
    if (outcome == OUTCOME_FINE && !is_current(fetching)) {
        outcome = download(fetching, &options.callbacks);
        *downloaded = true;
    }
    git_remote_disconnect(fetching->remote);
    return outcome;
}

/* ---- what came ---- */

static enum outcome not_there(
    struct problem *problem, const struct settings *settings, const char *what, const char *name)
{
    return problem_set(problem, OUTCOME_FETCH, "the last good release stays", "%s: there is no %s %s",
        settings->repo, what, name);
}

static enum outcome resolve_tag(
    git_repository *git, const struct settings *settings, struct repo_tip *tip, struct problem *problem)
{
    char name[REPO_TAG_MAX + 16];
    git_reference *reference = NULL;
    git_object *object = NULL;
    git_tag *tag = NULL;
    enum outcome outcome = OUTCOME_FINE;
    snprintf(name, sizeof name, "refs/tags/%s", settings->tag);
    if (git_reference_lookup(&reference, git, name) != 0 ||
        git_reference_peel(&object, reference, GIT_OBJECT_COMMIT) != 0) {
        outcome = not_there(problem, settings, "tag", settings->tag);
    } else {
        git_oid_tostr(tip->id, sizeof tip->id, git_object_id(object));
        if (git_tag_lookup(&tag, git, git_reference_target(reference)) == 0)
            git_oid_tostr(tip->tag_id, sizeof tip->tag_id, git_tag_id(tag));
    }
    git_tag_free(tag);
    git_object_free(object);
    git_reference_free(reference);
    return outcome;
}

static enum outcome resolve(git_repository *git, const struct settings *settings, const char *branch,
    struct repo_tip *tip, struct problem *problem)
{
    char name[REPO_TAG_MAX + 64];
    git_oid oid;
    git_commit *commit = NULL;
    tip->tag_id[0] = '\0';
    snprintf(tip->branch, sizeof tip->branch, "%s", branch);
    if (settings->tag != NULL)
        return resolve_tag(git, settings, tip, problem);
    if (settings->commit != NULL) {
        bool found = strlen(settings->commit) == REPO_ID_MAX - 1 &&
                     git_oid_fromstr(&oid, settings->commit) == 0 &&
                     git_commit_lookup(&commit, git, &oid) == 0;
        git_commit_free(commit);
        if (!found)
            return not_there(problem, settings, "commit", settings->commit);
    } else {
        snprintf(name, sizeof name, "%s%s", REPO_REF_BRANCHES, branch);
        if (git_reference_name_to_id(&oid, git, name) != 0)
            return not_there(problem, settings, "branch", branch);
    }
    git_oid_tostr(tip->id, sizeof tip->id, &oid);
    return OUTCOME_FINE;
}

enum outcome repo_resolve(
    struct repo *repo, const struct settings *settings, struct repo_tip *tip, struct problem *problem)
{
    return resolve(
        repo->git, settings, settings->branch != NULL ? settings->branch : tip->branch, tip, problem);
}

static enum outcome open_mirror(struct fetching *fetching, const char *path)
{
    struct stat status;
    leftovers_remove(path);
    const char *authorities = fetching->settings->ca_file;
    if (authorities != NULL && git_libgit2_opts(GIT_OPT_SET_SSL_CERT_LOCATIONS, authorities, NULL) != 0)
        return problem_set(fetching->problem, OUTCOME_FETCH, "it must hold certificates in PEM",
            "cannot read the certificates of --ca-file %s", authorities);
    int code = stat(path, &status) != 0 ? git_repository_init(&fetching->git, path, 1)
                                        : git_repository_open_bare(&fetching->git, path);
    if (code != 0)
        return repo_git_problem(fetching->problem, NULL, "cannot open", path);
    return git_remote_create_anonymous(&fetching->remote, fetching->git, fetching->settings->repo) == 0
               ? OUTCOME_FINE
               : remote_problem(fetching);
}

static enum outcome fetch(
    const char *path, const struct settings *settings, struct repo_tip *tip, struct problem *problem)
{
    struct fetching fetching = {
        .settings = settings, .mirror = path, .problem = problem, .ssh = {.settings = settings}};
    arena_init(&fetching.arena, 0);
    repo_git_start();
    tip->downloaded = false;
    enum outcome outcome = ssh_exec_use(&fetching.ssh, problem);
    if (outcome == OUTCOME_FINE)
        outcome = open_mirror(&fetching, path);
    if (outcome == OUTCOME_FINE)
        outcome = connect_and_fetch(&fetching, &tip->downloaded);
    if (outcome == OUTCOME_FINE)
        outcome = resolve(fetching.git, settings, fetching.branch, tip, problem);
    git_remote_free(fetching.remote);
    git_repository_free(fetching.git);
    arena_clear(&fetching.arena);
    return outcome;
}

/* ---- in a process of its own ---- */

struct asking {
    const char *path;
    const struct settings *settings;
};

struct answer {
    enum outcome outcome;
    struct repo_tip tip;
    struct problem problem;
};

static void work(void *context, void *out)
{
    const struct asking *asking = context;
    struct answer *answer = out;
    answer->outcome = fetch(asking->path, asking->settings, &answer->tip, &answer->problem);
}

enum outcome repo_fetch(
    const char *path, const struct settings *settings, struct repo_tip *tip, struct problem *problem)
{
    struct asking asking = {path, settings};
    struct answer answer;
    repo_git_start(); /* here and not there: it reads all certificates of the system */
    switch (apart_run(work, &asking, &answer, sizeof answer, settings->fetch_timeout_s)) {
    case APART_DONE:
        break;
    case APART_FAILED:
        return problem_errno(problem, "cannot start", "a process");
    case APART_LATE:
        return problem_set(problem, OUTCOME_FETCH, "is the remote reachable from here? --fetch-timeout",
            "%s: fetching took too long", settings->repo);
    case APART_DIED:
        return problem_set(problem, OUTCOME_FETCH, NULL, "%s: fetching crashed", settings->repo);
    }
    if (answer.outcome != OUTCOME_FINE)
        *problem = answer.problem;
    *tip = answer.tip;
    return answer.outcome;
}
