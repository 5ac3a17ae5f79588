/* Publishing an earlier release again. */
#include <string.h>
#include <unistd.h>

#include "gitsync/deploying.h"
#include "gitsync/examine.h"
#include "gitsync/fill.h"
#include "gitsync/publish.h"
#include "gitsync/serial.h"
#include "gitsync/story.h"
#include "gitsync/tree_sync.h"
#include "zone/base/file.h"
#include "zone/base/json.h"

static bool names(const struct journal_entry *entry, const char *target)
{
    size_t len = strlen(target);
    return strcmp(entry->release, target) == 0 || (len >= 4 && strncmp(entry->commit, target, len) == 0);
}

/* The newest confirmed release that TARGET names and that is still there; NULL: the one before the current.
 */
static const struct journal_entry *choose(const struct deploying *deploying, const char *target)
{
    const struct journal *journal = &deploying->journal;
    for (unsigned i = journal->count; i-- > 0;) {
        const struct journal_entry *entry = &journal->entries[i];
        if (entry->event != EVENT_CONFIRMED || strcmp(entry->release, deploying->current) == 0 ||
            !store_has(&deploying->store, entry->release))
            continue;
        const struct journal_entry *made = journal_publish(journal, entry->release);
        if (made != NULL && (target == NULL || names(made, target)))
            return made;
    }
    return NULL;
}

static void add_row(void *context, const char *path)
{
    struct deploying *deploying = context;
    struct plan *plan = &deploying->deployment->plan;
    if (strncmp(path, STORE_OWN, strlen(STORE_OWN)) == 0)
        return;
    plan->files_changed++;
    struct zone_plan *zone = examine_is_zone(deploying->settings, path) ? plan_add(plan, path) : NULL;
    if (zone != NULL)
        zone->change = ZONE_CHANGED;
}

/* Old content with serials that go on: otherwise no secondary would take it. In file mode they are what they
 * are, and that is told. */
static enum outcome restamp(struct deploying *deploying)
{
    struct plan *plan = &deploying->deployment->plan;
    enum outcome outcome = OUTCOME_FINE;
    for (unsigned i = 0; i < plan->zone_count && outcome == OUTCOME_FINE; i++) {
        struct zone_plan *zone = &plan->zones[i];
        char path[STORE_PATH_MAX];
        struct file_map map;
        snprintf(path, sizeof path, "%s/%s", deploying->stage.path, zone->path);
        if (access(path, R_OK) != 0)
            zone->change = ZONE_REMOVED;
        if (examine_zone(zone, deploying->settings, deploying->published, deploying->stage.path,
                &plan->arena) != ERR_OK)
            return problem_set(deploying->problem, OUTCOME_LOCAL, NULL, "out of memory");
        zone->outcome = OUTCOME_FINE; /* it was checked when it was new */
        if (zone->change != ZONE_CHANGED || zone->in_text_only ||
            serial_later(zone->new_serial, zone->old_serial))
            continue;
        if (deploying->settings->serial == SERIAL_FILE) {
            story_tell(deploying->settings->name, LOG_WARNING, "serial",
                "%s goes back from serial %u to %u: secondaries keep the newer one until a commit raises it",
                zone->zone, zone->old_serial, zone->new_serial);
            continue;
        }
        if (file_map_open(&map, path) != ERR_OK)
            return problem_errno(deploying->problem, "cannot read", path);
        zone->new_serial = zone->old_serial + 1 != 0 ? zone->old_serial + 1 : 1;
        outcome = fill_stamp(&deploying->stage, zone->path, (const char *)map.bytes, map.len,
            zone->new_serial, deploying->problem);
        file_map_close(&map);
    }
    return outcome;
}

static enum outcome recall_commit(struct deploying *deploying, const struct journal_entry *target)
{
    struct plan *plan = &deploying->deployment->plan;
    char signer[300] = "", author[300] = "", summary[600] = "";
    (void)json_get(target->line, "signer", signer, sizeof signer);
    (void)json_get(target->line, "author", author, sizeof author);
    (void)json_get(target->line, "summary", summary, sizeof summary);
    memcpy(plan->commit.id, target->commit, REPO_ID_MAX);
    plan->commit.author = arena_printf(&plan->arena, "%s", author);
    plan->commit.summary = arena_printf(&plan->arena, "%s", summary);
    plan->signer = arena_printf(&plan->arena, "%s", signer);
    snprintf(plan->from, sizeof plan->from, "%.40s", deploying->deployment->deployed);
    if (plan->commit.author == NULL || plan->commit.summary == NULL || plan->signer == NULL)
        return problem_set(deploying->problem, OUTCOME_LOCAL, NULL, "out of memory");
    return OUTCOME_FINE;
}

static enum outcome stage_again(struct deploying *deploying, const char *target, const char *release)
{
    char from[STORE_PATH_MAX];
    store_release_path(&deploying->store, target, from);
    enum outcome outcome = stage_begin(&deploying->stage, &deploying->store, target, deploying->problem);
    deploying->staged = true;
    if (outcome == OUTCOME_FINE && !tree_differences(deploying->published, from, add_row, deploying))
        outcome = problem_errno(deploying->problem, "cannot compare", from);
    if (outcome == OUTCOME_FINE)
        outcome = restamp(deploying);
    return outcome == OUTCOME_FINE
               ? fill_own(&deploying->stage, &deploying->deployment->plan, release, deploying->problem)
               : outcome;
}

/* What the branch points to now stays where it is: it must not be deployed again at the next look. */
static void find_tip(struct deploying *deploying)
{
    char mirror[STORE_PATH_MAX];
    struct repo *repo;
    struct problem unused;
    struct repo_tip *tip = &deploying->deployment->tip;
    store_state_path(&deploying->store, "repo.git", mirror);
    memcpy(tip->id, deploying->deployment->deployed, REPO_ID_MAX);
    if (deploying->settings->branch == NULL || repo_open(mirror, &repo, &unused) != OUTCOME_FINE)
        return;
    struct repo_tip found = {0};
    if (repo_resolve(repo, deploying->settings, &found, &unused) == OUTCOME_FINE)
        *tip = found;
    repo_close(repo);
}

static enum outcome roll_back(struct deploying *deploying, const char *target)
{
    char release[STORE_NAME_MAX];
    const struct journal_entry *entry = choose(deploying, target);
    if (entry == NULL)
        return problem_set(deploying->problem, OUTCOME_USAGE, "gitsync history lists them", "%s",
            target != NULL ? "there is no such release that was confirmed and is still kept"
                           : "there is no earlier release");
    find_tip(deploying);
    publish_name(&deploying->store, entry->commit, release);
    enum outcome outcome = recall_commit(deploying, entry);
    if (outcome == OUTCOME_FINE)
        outcome = stage_again(deploying, entry->release, release);
    if (outcome != OUTCOME_FINE)
        return outcome;
    deploying_tell_zones(deploying);
    outcome = deploying_publish(deploying, release, deploying->deployment->tip.id);
    if (outcome == OUTCOME_FINE)
        story_tell(deploying->settings->name, LOG_INFO, "rolled-back",
            "%.12s is served again; %.12s is left alone until the branch moves", entry->commit,
            deploying->deployment->tip.id);
    return outcome;
}

enum outcome deploy_rollback(
    const struct settings *settings, const char *target, struct deployment *deployment)
{
    struct deploying deploying;
    enum outcome outcome = deploying_begin(&deploying, settings, deployment, true);
    if (outcome == OUTCOME_FINE)
        outcome = roll_back(&deploying, target);
    deploying_end(&deploying, outcome);
    return outcome;
}
