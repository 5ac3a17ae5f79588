#include "gitsync/who.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gitsync/openpgp.h"
#include "gitsync/signers.h"
#include "gitsync/sshsig.h"
#include "zone/base/file.h"

#define SIGNERS_FILE_MAX (1 << 22)
#define NAMES_MAX 32
#define NAMESPACE "git"

/* The signers that were found for one commit. */
struct found {
    const char *names[NAMES_MAX];
    unsigned count;
};

struct vouching {
    struct repo *repo;
    const struct settings *settings;
    const struct repo_tip *tip;
    const char *deployed;
    struct plan *plan;
    struct problem *problem;
    struct arena arena;
    struct signers signers;
    bool any_openpgp; /* the signers file names no OpenPGP keys: all of the keyring will do */
    struct sshsig sig;
};

/* What one signature is worth. */
struct verdict {
    const char *name;   /* whose it is; NULL: nobody's */
    const char *method; /* "ssh-ed25519 SHA256:..." */
    const char *why;    /* when it is nobody's */
    bool of_id_only;    /* it covers the commit's id, not the tag's name */
};

static enum outcome no_memory(struct vouching *vouching)
{
    return problem_set(vouching->problem, OUTCOME_LOCAL, NULL, "out of memory");
}

/* ---- one signature ---- */

static void judge_ssh(
    struct vouching *vouching, const struct repo_signed *content, int64_t time_s, struct verdict *verdict)
{
    struct sshsig *sig = &vouching->sig;
    char fingerprint[SSHKEY_FINGERPRINT_MAX];
    verdict->why = sshsig_read(sig, content->signature);
    if (verdict->why != NULL)
        return;
    sshkey_fingerprint(sig->key, fingerprint);
    verdict->method = arena_printf(&vouching->arena, "ssh key %s", fingerprint);
    verdict->why = arena_printf(&vouching->arena, "%s is not among the allowed signers", verdict->method);
    for (unsigned i = 0; i < vouching->signers.count; i++) {
        const struct signer *signer = &vouching->signers.at[i];
        if (signer->kind != SIGNER_SSH || signer->ssh_key.len != sig->key.len ||
            memcmp(signer->ssh_key.bytes, sig->key.bytes, sig->key.len) != 0)
            continue;
        const char *why = signer_may(signer, NAMESPACE, time_s);
        if (why == NULL)
            why = sshsig_verify(sig, NAMESPACE, content->payload, content->payload_len);
        if (why == NULL) {
            verdict->name = signer->name;
            return;
        }
        verdict->why = arena_printf(&vouching->arena, "%s (%s): %s", verdict->method, signer->name, why);
    }
}

/* A signature over the content, or over the id of the commit that a tag names: the latter is what the
 * minisign program makes of `git rev-parse HEAD`. */
static const char *minisign_either(
    const struct minisign_key *key, const struct repo_signed *content, const char *target, bool *of_id_only)
{
    char line[REPO_ID_MAX + 1];
    const char *why = minisign_verify(key, content->signature, content->payload, content->payload_len);
    if (why == NULL || target == NULL)
        return why;
    int len = snprintf(line, sizeof line, "%s\n", target);
    *of_id_only = true;
    if (minisign_verify(key, content->signature, line, (size_t)len) == NULL)
        return NULL;
    return minisign_verify(key, content->signature, line, (size_t)len - 1);
}

static void judge_minisign(struct vouching *vouching, const struct repo_signed *content, const char *target,
    int64_t time_s, struct verdict *verdict)
{
    uint8_t id[8];
    if (!minisign_signer(content->signature, id)) {
        verdict->why = "the minisign signature is malformed";
        return;
    }
    uint64_t number = 0;
    for (unsigned i = 8; i-- > 0;)
        number = number << 8 | id[i];
    verdict->method = arena_printf(&vouching->arena, "minisign key %016llX", (unsigned long long)number);
    verdict->why = arena_printf(&vouching->arena, "%s is not among the allowed signers", verdict->method);
    for (unsigned i = 0; i < vouching->signers.count; i++) {
        const struct signer *signer = &vouching->signers.at[i];
        if (signer->kind != SIGNER_MINISIGN || memcmp(signer->minisign_key.id, id, sizeof id) != 0)
            continue;
        const char *why = signer_may(signer, NAMESPACE, time_s);
        if (why == NULL)
            why = minisign_either(&signer->minisign_key, content, target, &verdict->of_id_only);
        if (why == NULL) {
            verdict->name = signer->name;
            return;
        }
        verdict->why = arena_printf(&vouching->arena, "%s (%s): %s", verdict->method, signer->name, why);
    }
}

static void name_openpgp(
    struct vouching *vouching, const struct openpgp_signer *found, int64_t time_s, struct verdict *verdict)
{
    verdict->method = arena_printf(&vouching->arena, "OpenPGP key %s", found->primary);
    if (vouching->any_openpgp) {
        verdict->name = arena_printf(&vouching->arena, "%s", found->user);
        return;
    }
    verdict->why = arena_printf(
        &vouching->arena, "%s (%s) is not among the allowed signers", verdict->method, found->user);
    for (unsigned i = 0; i < vouching->signers.count; i++) {
        const struct signer *signer = &vouching->signers.at[i];
        if (signer->kind != SIGNER_OPENPGP || (strcmp(signer->fingerprint, found->primary) != 0 &&
                                                  strcmp(signer->fingerprint, found->fingerprint) != 0))
            continue;
        verdict->why = signer_may(signer, NAMESPACE, time_s);
        if (verdict->why == NULL) {
            verdict->name = signer->name;
            return;
        }
    }
}

static void judge_openpgp(
    struct vouching *vouching, const struct repo_signed *content, int64_t time_s, struct verdict *verdict)
{
    struct openpgp_signer found;
    if (vouching->settings->keyring == NULL)
        verdict->why = "it is signed by OpenPGP, and there is no --keyring";
    else if (openpgp_verify(&found, vouching->settings->keyring, content->signature, content->signature_len,
                 content->payload, content->payload_len))
        name_openpgp(vouching, &found, time_s, verdict);
    else
        verdict->why = arena_printf(&vouching->arena, "OpenPGP: %s", found.why);
}

/* TARGET: of a tag, the commit's id; else NULL. */
static struct verdict judge(
    struct vouching *vouching, const struct repo_signed *content, const char *target, int64_t time_s)
{
    struct verdict verdict = {0};
    if (content->signature == NULL)
        verdict.why = "it is not signed";
    else if (openpgp_is(content->signature))
        judge_openpgp(vouching, content, time_s, &verdict);
    else if (minisign_is(content->signature))
        judge_minisign(vouching, content, target, time_s, &verdict);
    else
        judge_ssh(vouching, content, time_s, &verdict);
    if (verdict.name == NULL && verdict.why == NULL)
        verdict.why = "out of memory";
    return verdict;
}

/* ---- all that speaks for one commit ---- */

static void add(struct found *found, const char *name)
{
    for (unsigned i = 0; i < found->count; i++)
        if (strcmp(found->names[i], name) == 0)
            return;
    if (found->count < NAMES_MAX)
        found->names[found->count++] = name;
}

struct collecting {
    struct vouching *vouching;
    struct found *found;
    const char *method, *why;
    int64_t now_s;
    const char *followed; /* the name of the tag that is deployed, or NULL */
    bool followed_good;
};

static enum outcome look_at_tag(void *context, const struct repo_tag *tag)
{
    struct collecting *collecting = context;
    if (tag->content.signature == NULL)
        return OUTCOME_FINE;
    struct verdict verdict = judge(collecting->vouching, &tag->content, tag->target, collecting->now_s);
    if (verdict.name == NULL) {
        if (collecting->why == NULL)
            collecting->why =
                arena_printf(&collecting->vouching->arena, "tag %s: %s", tag->name, verdict.why);
        return OUTCOME_FINE;
    }
    add(collecting->found, verdict.name);
    collecting->method = collecting->method != NULL ? collecting->method : verdict.method;
    /* the name inside the object: a tag that was moved to another name vouches for nothing under that one */
    collecting->followed_good |=
        collecting->followed != NULL && !verdict.of_id_only && strcmp(tag->name, collecting->followed) == 0;
    return OUTCOME_FINE;
}

/* "Approved-by: NAME" lines at the end of a message; NAME must be one of the signers file. */
static void look_at_trailers(struct vouching *vouching, const char *message, struct found *found)
{
    static const char trailer[] = "Approved-by:";
    for (const char *line = message; *line != '\0';) {
        size_t len = strcspn(line, "\n");
        if (len > strlen(trailer) && strncasecmp(line, trailer, strlen(trailer)) == 0) {
            const char *at = line + strlen(trailer), *end = line + len;
            const char *open = memchr(at, '<', (size_t)(end - at));
            at = open != NULL ? open + 1 : at + strspn(at, " \t");
            size_t name_len = strcspn(at, open != NULL ? ">\n" : " \t\r\n");
            char *name = arena_copy(&vouching->arena, at, name_len);
            for (unsigned i = 0; name != NULL && i < vouching->signers.count; i++)
                if (signer_is(&vouching->signers.at[i], name))
                    add(found, vouching->signers.at[i].name);
        }
        line += len + (line[len] == '\n');
    }
}

/* Fills in FOUND: first whoever signed the commit itself. *OWN: somebody did. */
static enum outcome collect(struct vouching *vouching, const struct repo_commit *commit, int64_t time_s,
    struct collecting *collecting, bool *own)
{
    struct repo_signed content;
    enum outcome outcome = repo_signature(vouching->repo, commit->id, &content, vouching->problem);
    if (outcome != OUTCOME_FINE)
        return outcome;
    struct verdict verdict = judge(vouching, &content, NULL, time_s);
    repo_signed_clear(&content);
    *own = verdict.name != NULL;
    if (*own) {
        add(collecting->found, verdict.name);
        collecting->method = verdict.method;
        if (vouching->settings->trust_trailers)
            look_at_trailers(vouching, commit->message, collecting->found);
    } else {
        collecting->why = verdict.why;
    }
    return repo_tags(vouching->repo, commit->id, look_at_tag, collecting, vouching->problem);
}

static const char *join(struct vouching *vouching, const struct found *found, unsigned from)
{
    const char *text = "";
    for (unsigned i = from; i < found->count && text != NULL; i++)
        text = arena_printf(&vouching->arena, "%s%s%s", text, i > from ? ", " : "", found->names[i]);
    return text != NULL ? text : "";
}

static enum outcome unsigned_problem(struct vouching *vouching, const char *why)
{
    const struct repo_commit *commit = &vouching->plan->commit;
    return problem_set(vouching->problem, OUTCOME_SIGNATURE,
        "sign it with an allowed key (git commit -S), or have a signer tag it (git tag -s); if the signer is "
        "right, add the key to the file of --signers",
        "%.12s \"%.100s\" by %s is refused: %s", commit->id, commit->summary, commit->author, why);
}

static enum outcome judge_tip(struct vouching *vouching, struct found *found)
{
    const struct repo_commit *commit = &vouching->plan->commit;
    const char *tag = vouching->settings->tag;
    struct collecting collecting = {
        .vouching = vouching, .found = found, .now_s = (int64_t)time(NULL), .followed = tag};
    bool own = false;
    enum outcome outcome = collect(vouching, commit, collecting.now_s, &collecting, &own);
    if (outcome != OUTCOME_FINE)
        return outcome;
    if (found->count == 0)
        return unsigned_problem(vouching, collecting.why);
    /* whoever can push can move a tag: the tag that is followed must be signed itself, by its name */
    if (tag != NULL && !collecting.followed_good)
        return unsigned_problem(vouching, "the tag that is followed is not signed itself under its name");
    if (found->count < vouching->settings->approvals + 1)
        return problem_set(vouching->problem, OUTCOME_SIGNATURE,
            "another signer approves it by a signed tag: git tag -s -m approved approve-1 COMMIT, and pushes "
            "that",
            "%.12s by %s is refused: %u of %u approvals (signed by %s)", commit->id, commit->author,
            found->count - 1, vouching->settings->approvals, join(vouching, found, 0));
    vouching->plan->signature_checked = true;
    vouching->plan->signer = arena_printf(&vouching->plan->arena, "signed by %s (%s)%s%s", found->names[0],
        collecting.method != NULL ? collecting.method : "", found->count > 1 ? ", approved by " : "",
        join(vouching, found, 1));
    return vouching->plan->signer != NULL ? OUTCOME_FINE : no_memory(vouching);
}

/* ---- protected subtrees ---- */

struct protecting {
    struct vouching *vouching;
    const char *rule; /* "PATH WHO..." */
    char path[512];
    unsigned checked;
};

static void subtree(struct protecting *protecting, const char *commit, char out[REPO_ID_MAX])
{
    char top[REPO_ID_MAX];
    struct problem unused;
    out[0] = '\0';
    if (repo_tree(protecting->vouching->repo, commit, NULL, top, &unused) == OUTCOME_FINE &&
        !repo_entry(protecting->vouching->repo, top, protecting->path, out))
        out[0] = '\0';
}

static bool is_listed(const struct protecting *protecting, const struct found *found)
{
    char word[256];
    const char *at = protecting->rule + strcspn(protecting->rule, " \t");
    for (;;) {
        at += strspn(at, " \t,");
        size_t len = strcspn(at, " \t,");
        if (len == 0)
            return false;
        snprintf(word, sizeof word, "%.*s", len < sizeof word ? (int)len : (int)sizeof word - 1, at);
        for (unsigned i = 0; i < found->count; i++)
            if (strcmp(found->names[i], word) == 0)
                return true;
        at += len;
    }
}

/* A merge that only takes one side's changes has touched nothing: the subtree is as in one parent, and the
 * other parents left it as it was where they parted. */
static bool merge_is_clean(struct protecting *protecting, const struct repo_commit *commit, const char *tree)
{
    char side[REPO_ID_MAX], other[REPO_ID_MAX], base[REPO_ID_MAX], base_tree[REPO_ID_MAX];
    for (unsigned i = 0; i < commit->parent_count; i++) {
        subtree(protecting, commit->parents[i], side);
        if (strcmp(side, tree) != 0)
            continue;
        bool clean = true;
        for (unsigned j = 0; j < commit->parent_count && clean; j++) {
            subtree(protecting, commit->parents[j], other);
            if (j == i || strcmp(other, tree) == 0)
                continue;
            clean = repo_merge_base(protecting->vouching->repo, commit->parents[i], commit->parents[j], base);
            if (clean)
                subtree(protecting, base, base_tree);
            clean = clean && strcmp(base_tree, other) == 0;
        }
        if (clean)
            return true;
    }
    return false;
}

static bool touches(struct protecting *protecting, const struct repo_commit *commit)
{
    char tree[REPO_ID_MAX], before[REPO_ID_MAX] = "";
    subtree(protecting, commit->id, tree);
    if (commit->parent_count > 1)
        return !merge_is_clean(protecting, commit, tree);
    if (commit->parent_count == 1)
        subtree(protecting, commit->parents[0], before);
    return strcmp(tree, before) != 0;
}

static enum outcome check_protected(void *context, const char *id)
{
    struct protecting *protecting = context;
    struct vouching *vouching = protecting->vouching;
    struct repo_commit commit;
    struct found found = {0};
    int64_t now = (int64_t)time(NULL);
    bool own;
    enum outcome outcome = repo_commit(vouching->repo, id, &vouching->arena, &commit, vouching->problem);
    if (outcome != OUTCOME_FINE || !touches(protecting, &commit))
        return outcome;
    /* a key may have run out since it signed; a date in the future makes it no better */
    int64_t then = commit.time_s < now ? commit.time_s : now;
    struct collecting collecting = {.vouching = vouching, .found = &found, .now_s = then};
    outcome = collect(vouching, &commit, then, &collecting, &own);
    if (outcome != OUTCOME_FINE || is_listed(protecting, &found))
        return outcome;
    return problem_set(vouching->problem, OUTCOME_SIGNATURE,
        "one of the listed signers signs the change, or approves it by a signed tag on that commit",
        "%.12s \"%.100s\" by %s is refused: it changes %s, which is protected (%s); it is %s%s", commit.id,
        commit.summary, commit.author, protecting->path, protecting->rule,
        found.count > 0 ? "signed by " : "not signed by anybody known", join(vouching, &found, 0));
}

static enum outcome check_rule(struct vouching *vouching, const char *rule, const struct found *tip)
{
    struct protecting protecting = {.vouching = vouching, .rule = rule};
    size_t len = strcspn(rule, " \t");
    while (len > 0 && rule[len - 1] == '/')
        len--;
    const char *base = vouching->deployed;
    char was[REPO_ID_MAX] = "", is[REPO_ID_MAX];
    if (len == 0 || len >= sizeof protecting.path || rule[strcspn(rule, " \t")] == '\0')
        return problem_set(
            vouching->problem, OUTCOME_USAGE, NULL, "--protect '%s': a path and signers are wanted", rule);
    memcpy(protecting.path, rule, len);
    subtree(&protecting, vouching->tip->id, is);
    bool goes_on = *base != '\0' && repo_has(vouching->repo, base);
    if (goes_on)
        subtree(&protecting, base, was);
    if (strcmp(is, was) == 0 || is_listed(&protecting, tip))
        return OUTCOME_FINE;
    return repo_walk(vouching->repo, vouching->tip->id, goes_on ? base : "", false, check_protected,
        &protecting, vouching->problem);
}

/* ---- all of it ---- */

static enum outcome read_signers(struct vouching *vouching)
{
    const char *path = vouching->settings->signers;
    char *text, why[SIGNERS_WHY_MAX];
    size_t len;
    vouching->any_openpgp = true;
    if (path == NULL)
        return OUTCOME_FINE;
    if (file_read(path, SIGNERS_FILE_MAX, &vouching->arena, &text, &len) != ERR_OK)
        return problem_errno(vouching->problem, "cannot read the allowed signers in", path);
    if (!signers_parse(&vouching->signers, text, &vouching->arena, why))
        return problem_set(vouching->problem, OUTCOME_USAGE, NULL, "%s: %s", path, why);
    if (vouching->signers.count == 0)
        return problem_set(vouching->problem, OUTCOME_USAGE, NULL, "%s: there is no signer in it", path);
    for (unsigned i = 0; i < vouching->signers.count; i++)
        vouching->any_openpgp &= vouching->signers.at[i].kind != SIGNER_OPENPGP;
    return OUTCOME_FINE;
}

static enum outcome vouch(struct vouching *vouching)
{
    const struct settings *settings = vouching->settings;
    struct found found = {0};
    enum outcome outcome = read_signers(vouching);
    if (outcome == OUTCOME_FINE)
        outcome = judge_tip(vouching, &found);
    for (unsigned i = 0; i < settings->protect.count && outcome == OUTCOME_FINE; i++)
        outcome = check_rule(vouching, settings->protect.at[i], &found);
    return outcome;
}

enum outcome who_vouches(struct repo *repo, const struct settings *settings, const struct repo_tip *tip,
    const char *deployed, struct plan *plan, struct problem *problem)
{
    if (settings->signers == NULL && settings->keyring == NULL) {
        plan->signer = "signatures are not required (no --signers)";
        if (settings->approvals == 0 && settings->protect.count == 0)
            return OUTCOME_FINE;
        return problem_set(problem, OUTCOME_USAGE, NULL, "--approvals and --protect need --signers");
    }
    struct vouching *vouching = calloc(1, sizeof *vouching);
    if (vouching == NULL)
        return problem_set(problem, OUTCOME_LOCAL, NULL, "out of memory");
    vouching->repo = repo;
    vouching->settings = settings;
    vouching->tip = tip;
    vouching->deployed = deployed;
    vouching->plan = plan;
    vouching->problem = problem;
    arena_init(&vouching->arena, 0);
    enum outcome outcome = vouch(vouching);
    arena_clear(&vouching->arena);
    free(vouching);
    return outcome;
}
