#include "gitsync/deploying.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "gitsync/crash.h"
#include "gitsync/journal.h"
#include "gitsync/publish.h"
#include "gitsync/serial.h"
#include "gitsync/story.h"
#include "gitsync/tree_sync.h"
#include "gitsync/who.h"
#include "zone/base/file.h"
#include "zone/base/json.h"

#define LINES_MAX 20 /* zones told one by one */

const char *phase_word(enum phase phase)
{
    static const char *const words[PHASES] = {"fetch", "verify", "check", "publish", "confirm"};
    return words[phase];
}

static uint64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void lap(struct deploying *deploying, enum phase phase)
{
    uint64_t now = now_us();
    deploying->deployment->phase_us[phase] += now - deploying->since_us;
    deploying->since_us = now;
}

/* ---- beginning and ending ---- */

/* Which releases were taken back: their serials may be known to secondaries. */
static void collect_floor(void *context, const char *object)
{
    struct paths *floors = context;
    char path[STORE_PATH_MAX], serial[16];
    if (!json_get(object, "path", path, sizeof path) || !json_get(object, "serial", serial, sizeof serial))
        return;
    uint32_t number = (uint32_t)strtoul(serial, NULL, 10);
    struct path_entry *entry = paths_get(floors, path);
    if (entry == NULL || (entry->set && !serial_later(number, entry->number)))
        return;
    entry->number = number;
    entry->set = true;
}

static void collect_floors(struct deploying *deploying)
{
    const struct journal *journal = &deploying->journal;
    for (unsigned i = 0; i < journal->count; i++) {
        const struct journal_entry *entry = &journal->entries[i];
        const struct journal_entry *made =
            entry->event == EVENT_RETURNED ? journal_publish(journal, entry->release) : NULL;
        if (made != NULL)
            json_each(made->line, "zones", collect_floor, &deploying->floors);
    }
}

static void learn_lagging(struct deploying *deploying)
{
    const struct journal_entry *lagging = deploying->journal.lagging;
    deploying->deployment->lagging[0] = '\0';
    if (lagging != NULL)
        (void)json_get(
            lagging->line, "lagging", deploying->deployment->lagging, sizeof deploying->deployment->lagging);
}

static void learn_current(struct deploying *deploying)
{
    struct deployment *deployment = deploying->deployment;
    learn_lagging(deploying);
    store_current(&deploying->store, deploying->current);
    deploying->published[0] = '\0';
    if (deploying->current[0] == '\0')
        return;
    store_release_path(&deploying->store, deploying->current, deploying->published);
    const struct journal_entry *entry = journal_publish(&deploying->journal, deploying->current);
    memcpy(deployment->release, deploying->current, sizeof deployment->release);
    if (entry != NULL)
        memcpy(deployment->deployed, entry->commit, sizeof deployment->deployed);
}

static enum outcome read_state(struct deploying *deploying)
{
    journal_clear(&deploying->journal);
    enum outcome outcome = journal_read(&deploying->journal, &deploying->store, deploying->problem);
    if (outcome == OUTCOME_FINE)
        learn_current(deploying);
    return outcome;
}

enum outcome deploying_begin(
    struct deploying *deploying, const struct settings *settings, struct deployment *deployment, bool finish)
{
    memset(deployment, 0, sizeof *deployment);
    *deploying = (struct deploying){.settings = settings,
        .deployment = deployment,
        .problem = &deployment->problem,
        .store = {.lock = -1}};
    plan_init(&deployment->plan, settings->name);
    arena_init(&deploying->arena, 0);
    paths_init(&deploying->floors, &deploying->arena);
    enum outcome outcome = store_open(&deploying->store, settings->dest, true, deploying->problem);
    if (outcome == OUTCOME_FINE)
        outcome = read_state(deploying);
    if (outcome == OUTCOME_FINE && finish && deploying->journal.open != NULL) {
        outcome = publish_finish(settings, &deploying->store, &deploying->journal, deploying->problem);
        if (outcome == OUTCOME_FINE)
            outcome = read_state(deploying);
    }
    if (outcome == OUTCOME_FINE)
        collect_floors(deploying);
    deploying->since_us = now_us();
    return outcome;
}

void deployment_clear(struct deployment *deployment)
{
    plan_clear(&deployment->plan);
}

/* ---- fetching ---- */

/* A mirror that cannot be read holds nothing that the remote has not: it is made anew. */
static enum outcome fetch_anew(struct deploying *deploying, const char *mirror)
{
    story_tell(deploying->settings->name, LOG_WARNING, "mirror",
        "the local copy of the repository is damaged (%s); it is fetched anew", deploying->problem->text);
    if (!tree_remove(mirror))
        return problem_errno(deploying->problem, "cannot remove", mirror);
    deploying->problem->mirror_damaged = false;
    return repo_fetch(mirror, deploying->settings, &deploying->deployment->tip, deploying->problem);
}

static enum outcome fetch(struct deploying *deploying, bool anew)
{
    char mirror[STORE_PATH_MAX];
    struct deployment *deployment = deploying->deployment;
    const struct settings *settings = deploying->settings;
    store_state_path(&deploying->store, "repo.git", mirror);
    if (settings->repo == NULL)
        return problem_set(deploying->problem, OUTCOME_USAGE, NULL, "which repository? --repo is missing");
    repo_close(deploying->repo);
    deploying->repo = NULL;
    enum outcome outcome = anew ? fetch_anew(deploying, mirror)
                                : repo_fetch(mirror, settings, &deployment->tip, deploying->problem);
    if (outcome == OUTCOME_FETCH && deploying->problem->mirror_damaged && !anew)
        outcome = fetch_anew(deploying, mirror);
    if (outcome == OUTCOME_FINE)
        outcome = repo_open(mirror, &deploying->repo, deploying->problem);
    if (outcome == OUTCOME_FINE)
        outcome = repo_commit(deploying->repo, deployment->tip.id, &deployment->plan.arena,
            &deployment->plan.commit, deploying->problem);
    if (outcome == OUTCOME_FINE && deployment->tip.downloaded)
        story_tell(settings->name, LOG_INFO, "fetched", "%.12s \"%s\" by %s", deployment->tip.id,
            deployment->plan.commit.summary, deployment->plan.commit.author);
    return outcome;
}

/* ---- whether there is something to do ---- */

/* A commit that was rolled back from, or that the server did not confirm, is left alone until it is moved or
 * forced: otherwise the next look would deploy it again. */
static bool is_held(const struct deploying *deploying, bool *returned)
{
    const struct journal *journal = &deploying->journal;
    const char *tip = deploying->deployment->tip.id;
    char held[STORE_NAME_MAX];
    for (unsigned i = journal->count; i-- > 0;) {
        const struct journal_entry *entry = &journal->entries[i];
        if (entry->event == EVENT_RETURNED) {
            *returned = true;
            return strcmp(entry->commit, tip) == 0;
        }
        if (entry->event == EVENT_CONFIRMED) {
            char settles[4];
            const struct journal_entry *made = journal_publish(journal, entry->release);
            *returned = made != NULL && json_get(made->line, "settles", settles, sizeof settles);
            return made != NULL && json_get(made->line, "held", held, sizeof held) && strcmp(held, tip) == 0;
        }
    }
    return false;
}

static enum outcome leave_alone(struct deploying *deploying, bool returned)
{
    struct deployment *deployment = deploying->deployment;
    static const char hint[] = "push a new commit, or try this one again: gitsync once --force";
    deployment->held = true;
    if (returned)
        return problem_set(deploying->problem, OUTCOME_UNCONFIRMED, hint,
            "%.12s was not confirmed and was taken back; it is left alone, and the last good stays",
            deployment->tip.id);
    if (!deploying->settings->in_daemon)
        story_tell(deploying->settings->name, LOG_WARNING, "held",
            "%.12s was rolled back from and is left alone: %s", deployment->tip.id, hint);
    return OUTCOME_FINE;
}

/* *DONE: there is nothing to do; the outcome is that of the whole run then. */
static enum outcome look_for_work(struct deploying *deploying, bool *done)
{
    struct deployment *deployment = deploying->deployment;
    const char *known_bad = deploying->settings->known_bad;
    bool returned = false;
    *done = true;
    if (known_bad != NULL && !deployment->tip.downloaded && strcmp(known_bad, deployment->tip.id) == 0) {
        deployment->still_refused = true;
        return OUTCOME_FINE;
    }
    if (strcmp(deployment->tip.id, deployment->deployed) == 0) {
        if (deploying->journal.lagging != NULL)
            return publish_catch_up(deploying->settings, &deploying->store, &deploying->journal,
                deployment->lagging, deploying->problem);
        if (!deploying->settings->in_daemon)
            story_tell(deploying->settings->name, LOG_INFO, "current", "%.12s is deployed already",
                deployment->tip.id);
        return OUTCOME_FINE;
    }
    if (is_held(deploying, &returned) && !deploying->settings->force)
        return leave_alone(deploying, returned);
    *done = false;
    return OUTCOME_FINE;
}

/* A history that does not go on from what is deployed is a mistake or an attack, until somebody says no. */
static enum outcome check_descent(struct deploying *deploying)
{
    const struct deployment *deployment = deploying->deployment;
    const struct settings *settings = deploying->settings;
    const char *deployed = deployment->deployed;
    if (*deployed == '\0' || settings->allow_rewind || settings->force)
        return OUTCOME_FINE;
    if (repo_has(deploying->repo, deployed) && repo_descends(deploying->repo, deployment->tip.id, deployed))
        return OUTCOME_FINE;
    if (!repo_has(deploying->repo, deployed) && !deploying->renewed) {
        deploying->problem->mirror_damaged = true; /* to be sure that it is not for this that it is missing */
        return problem_set(
            deploying->problem, OUTCOME_FETCH, NULL, "the deployed commit %.12s cannot be read", deployed);
    }
    return problem_set(deploying->problem, OUTCOME_POLICY,
        "if the history was rewritten on purpose: gitsync once --force, or --allow-rewind",
        "%.12s does not descend from the deployed %.12s: was the branch force-pushed?", deployment->tip.id,
        deployed);
}

/* ---- deploying ---- */

void deploying_tell_zones(const struct deploying *deploying)
{
    const struct plan *plan = &deploying->deployment->plan;
    char line[2048];
    for (unsigned i = 0; i < plan->zone_count && i < LINES_MAX; i++) {
        plan_zone_line(&plan->zones[i], line, sizeof line);
        story_tell(deploying->settings->name, LOG_INFO, "zone", "%s", line);
    }
    if (plan->zone_count > LINES_MAX)
        story_tell(
            deploying->settings->name, LOG_INFO, "zone", "and %u more zones", plan->zone_count - LINES_MAX);
}

static void tell_deployed(const struct deploying *deploying)
{
    const struct deployment *deployment = deploying->deployment;
    char phases[200] = "";
    uint64_t total = 0;
    for (unsigned i = 0; i < PHASES; i++) {
        size_t at = strlen(phases);
        total += deployment->phase_us[i];
        snprintf(phases + at, sizeof phases - at, "%s%s %.0f", i > 0 ? ", " : "", phase_word((enum phase)i),
            (double)deployment->phase_us[i] / 1e3);
    }
    bool confirmed = deploying->settings->control != NULL || deploying->settings->secondaries.count > 0;
    story_tell(deploying->settings->name, LOG_INFO, "deployed", "%.12s is %s (%u zone%s, %.0f ms: %s)",
        deployment->tip.id, confirmed ? "served, and confirmed" : "published", deployment->plan.zone_count,
        deployment->plan.zone_count == 1 ? "" : "s", (double)total / 1e3, phases);
}

struct keeping {
    const struct journal *journal;
    unsigned keep;
};

/* The newest confirmed releases. */
static bool keep_release(void *context, const char *release)
{
    const struct keeping *keeping = context;
    const struct journal *journal = keeping->journal;
    unsigned newer = 0;
    for (unsigned i = journal->count; i-- > 0 && newer < keeping->keep;) {
        if (journal->entries[i].event != EVENT_CONFIRMED)
            continue;
        if (strcmp(journal->entries[i].release, release) == 0)
            return true;
        newer++;
    }
    return false;
}

enum outcome deploying_publish(
    struct deploying *deploying, const char *release, const struct deploying_why *why)
{
    struct deployment *deployment = deploying->deployment;
    struct publishing publishing = {.settings = deploying->settings,
        .store = &deploying->store,
        .problem = deploying->problem,
        .plan = &deployment->plan,
        .held = why != NULL ? why->held : NULL,
        .note = why != NULL ? why->note : NULL,
        .settles = why != NULL && why->settles,
        .tell_server = deployment->plan.files_changed > 0};
    memcpy(publishing.release, release, STORE_NAME_MAX);
    memcpy(publishing.previous, deploying->current, sizeof publishing.previous);
    enum outcome outcome = publish_stage(&publishing, &deploying->stage);
    deployment->phase_us[PHASE_PUBLISH] += publishing.publish_us;
    deployment->phase_us[PHASE_CONFIRM] += publishing.confirm_us;
    store_current(&deploying->store, deployment->release);
    if (outcome != OUTCOME_FINE)
        return outcome;
    deployment->changed = true;
    memcpy(deployment->deployed, deployment->plan.commit.id, REPO_ID_MAX);
    return OUTCOME_FINE;
}

/* When nobody waits any more. */
static void tidy(struct deploying *deploying)
{
    struct problem unused;
    journal_clear(&deploying->journal);
    if (journal_read(&deploying->journal, &deploying->store, &unused) != OUTCOME_FINE)
        return;
    learn_lagging(deploying);
    struct keeping keeping = {.journal = &deploying->journal,
        .keep = deploying->settings->keep > 0 ? deploying->settings->keep : 1};
    store_tidy(&deploying->store, keep_release, &keeping);
}

static void keep_house(struct deploying *deploying)
{
    char mirror[STORE_PATH_MAX];
    struct problem problem = {0};
    store_state_path(&deploying->store, "repo.git", mirror);
    if (!repo_pack(mirror, &problem))
        story_tell(deploying->settings->name, LOG_WARNING, "mirror", "%s", problem.text);
}

void deploying_end(struct deploying *deploying, enum outcome outcome)
{
    deploying->deployment->problem.outcome = outcome;
    if (deploying->deployment->changed)
        tidy(deploying);
    if (deploying->staged)
        stage_abandon(&deploying->stage);
    repo_close(deploying->repo);
    if (deploying->deployment->tip.downloaded)
        keep_house(deploying);
    journal_clear(&deploying->journal);
    arena_clear(&deploying->arena);
    store_close(&deploying->store);
}

/* Told once, however often it is looked at. */
static void note_refused(struct deploying *deploying)
{
    struct journal_writing writing;
    struct problem unused;
    const struct problem *problem = deploying->problem;
    const struct journal_entry *last = deploying->journal.refused;
    char why[PROBLEM_TEXT_MAX];
    if (last != NULL && strcmp(last->commit, deploying->deployment->tip.id) == 0 &&
        json_get(last->line, "why", why, sizeof why) && strcmp(why, problem->text) == 0)
        return;
    if (journal_begin(&writing, EVENT_REFUSED, &unused) != OUTCOME_FINE)
        return;
    json_text(&writing.json, "commit", deploying->deployment->tip.id);
    json_text(&writing.json, "cause", outcome_word(problem->outcome));
    json_text(&writing.json, "why", problem->text);
    json_text(&writing.json, "author", deploying->deployment->plan.commit.author);
    (void)!journal_end(&writing, &deploying->store, &unused);
}

static bool is_refusal(enum outcome outcome)
{
    return outcome == OUTCOME_SIGNATURE || outcome == OUTCOME_CHECK || outcome == OUTCOME_POLICY;
}

static enum outcome verify(struct deploying *deploying)
{
    struct deployment *deployment = deploying->deployment;
    enum outcome outcome = who_vouches(deploying->repo, deploying->settings, &deployment->tip,
        deployment->deployed, &deployment->plan, deploying->problem);
    if (outcome == OUTCOME_FINE)
        story_tell(deploying->settings->name, LOG_INFO, "verified", "%.12s: %s", deployment->tip.id,
            deployment->plan.signer);
    return outcome == OUTCOME_FINE ? check_descent(deploying) : outcome;
}

/* A directory that no journal knows was left behind by one who was killed before he could publish it. */
static enum outcome choose_name(struct deploying *deploying, char release[STORE_NAME_MAX])
{
    char path[STORE_PATH_MAX];
    const char *commit = deploying->deployment->tip.id;
    if (store_has(&deploying->store, commit) && journal_publish(&deploying->journal, commit) == NULL) {
        store_release_path(&deploying->store, commit, path);
        if (!tree_remove(path))
            return problem_errno(deploying->problem, "cannot remove", path);
    }
    publish_name(&deploying->store, commit, release);
    return OUTCOME_FINE;
}

static enum outcome deploy(struct deploying *deploying, bool plan_only)
{
    char release[STORE_NAME_MAX];
    enum outcome outcome = verify(deploying);
    lap(deploying, PHASE_VERIFY);
    if (outcome == OUTCOME_FINE)
        outcome = choose_name(deploying, release);
    if (outcome == OUTCOME_FINE)
        outcome = deploying_check(deploying, release);
    lap(deploying, PHASE_CHECK);
    if (plan_only)
        return outcome;
    if (is_refusal(outcome))
        note_refused(deploying);
    if (outcome != OUTCOME_FINE)
        return outcome;
    deploying_tell_zones(deploying);
    outcome = deploying_publish(deploying, release, NULL);
    if (outcome == OUTCOME_FINE)
        tell_deployed(deploying);
    return outcome;
}

/* Fetched well but not readable: the damage is in the mirror. Once more, with a new one. */
static enum outcome deploy_anew(struct deploying *deploying, bool plan_only)
{
    struct deployment *deployment = deploying->deployment;
    if (deploying->staged)
        stage_abandon(&deploying->stage);
    plan_clear(&deployment->plan);
    plan_init(&deployment->plan, deploying->settings->name);
    deploying->staged = deployment->has_plan = false;
    deploying->renewed = true;
    enum outcome outcome = fetch(deploying, true);
    lap(deploying, PHASE_FETCH);
    return outcome == OUTCOME_FINE ? deploy(deploying, plan_only) : outcome;
}

/* A run of its own, before a deployment or after one that was taken back. What comes of it is told, and does
 * not stand in the way. */
static void settle(const struct settings *settings)
{
    struct deployment deployment;
    struct deploying deploying;
    struct settings alone = *settings;
    enum outcome outcome = deploying_begin(&deploying, settings, &deployment, true);
    alone.secondaries.count = 0; /* one of them may be why it was taken back */
    deploying.settings = &alone;
    if (outcome == OUTCOME_FINE && deploying.journal.unsettled != NULL)
        outcome = deploying_settle(&deploying);
    deploying_end(&deploying, outcome);
    if (outcome != OUTCOME_FINE)
        story_problem(settings->name, &deployment.problem);
    deployment_clear(&deployment);
}

/* Begins, and again when something had to be settled first. */
static enum outcome begin_settled(
    struct deploying *deploying, const struct settings *settings, struct deployment *deployment)
{
    enum outcome outcome = deploying_begin(deploying, settings, deployment, true);
    if (outcome != OUTCOME_FINE || deploying->journal.unsettled == NULL)
        return outcome;
    deploying_end(deploying, OUTCOME_FINE);
    deployment_clear(deployment);
    settle(settings);
    return deploying_begin(deploying, settings, deployment, true);
}

enum outcome deploy_run(const struct settings *settings, bool plan_only, struct deployment *deployment)
{
    struct deploying deploying;
    bool done = false;
    enum outcome outcome = plan_only ? deploying_begin(&deploying, settings, deployment, false)
                                     : begin_settled(&deploying, settings, deployment);
    if (outcome == OUTCOME_FINE)
        outcome = fetch(&deploying, false);
    lap(&deploying, PHASE_FETCH);
    if (outcome == OUTCOME_FINE && !plan_only)
        outcome = look_for_work(&deploying, &done);
    if (outcome == OUTCOME_FINE && !done)
        outcome = deploy(&deploying, plan_only);
    if (outcome == OUTCOME_FETCH && deployment->problem.mirror_damaged && !deploying.renewed)
        outcome = deploy_anew(&deploying, plan_only);
    deploying_end(&deploying, outcome);
    deployment->plan.problem = deployment->problem;
    crash_point("unsettled");
    if (outcome == OUTCOME_UNCONFIRMED && !plan_only && !deployment->held)
        settle(settings);
    return outcome;
}
