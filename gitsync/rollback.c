/* Publishing an earlier release again. */
#include <string.h>
#include <unistd.h>

#include "gitsync/deploying.h"
#include "gitsync/examine.h"
#include "gitsync/fill.h"
#include "gitsync/includes.h"
#include "gitsync/paths.h"
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

struct comparing {
    struct deploying *deploying;
    struct includes includes; /* of the release that comes back */
    struct paths rows;        /* zones that have a row */
    bool failed;
};

static void add_zone(void *context, const char *path)
{
    struct comparing *comparing = context;
    struct deploying *deploying = comparing->deploying;
    struct path_entry *entry =
        examine_is_zone(deploying->settings, path) ? paths_get(&comparing->rows, path) : NULL;
    if (entry == NULL || entry->set)
        return;
    struct zone_plan *zone = plan_add(&deploying->deployment->plan, path);
    entry->set = true;
    if (zone != NULL)
        zone->change = ZONE_CHANGED;
    comparing->failed |= zone == NULL;
}

static void add_row(void *context, const char *path)
{
    struct comparing *comparing = context;
    if (strncmp(path, STORE_OWN, strlen(STORE_OWN)) == 0)
        return;
    comparing->deploying->deployment->plan.files_changed++;
    add_zone(comparing, path);
    includes_above(&comparing->includes, path, add_zone, comparing);
}

/* Zones that differ between what is published and the release at FROM, and those above a changed included
 * file. */
static enum outcome add_rows(struct deploying *deploying, const char *from)
{
    char path[STORE_PATH_MAX + 32], *text;
    size_t len;
    struct comparing comparing = {.deploying = deploying};
    includes_init(&comparing.includes);
    paths_init(&comparing.rows, &deploying->arena);
    snprintf(path, sizeof path, "%s/" FILL_INCLUDES, from);
    if (file_read(path, (size_t)1 << 30, &deploying->arena, &text, &len) == ERR_OK)
        includes_parse(&comparing.includes, text);
    bool fine = tree_differences(deploying->published, from, add_row, &comparing);
    enum outcome outcome = !fine ? problem_errno(deploying->problem, "cannot compare", from)
                           : comparing.failed
                               ? problem_set(deploying->problem, OUTCOME_LOCAL, NULL, "out of memory")
                               : OUTCOME_FINE;
    includes_clear(&comparing.includes);
    return outcome;
}

/* Behind what is published, and behind what was published and taken back. */
static uint32_t next_serial(const struct deploying *deploying, const struct zone_plan *zone)
{
    const struct path_entry *floor = paths_find(&deploying->floors, zone->path);
    uint32_t last = zone->old_serial;
    if (floor != NULL && floor->set && serial_later(floor->number, last))
        last = floor->number;
    return last + 1 != 0 ? last + 1 : 1;
}

/* In the text of a zone, whichever --serial is in use: a serial that went back would leave the secondaries
 * where they are (RFC 1982 3.2, RFC 1034 4.3.5). Where the serial cannot be found in the file that is all one
 * can do, and told. */
static enum outcome stamp(struct deploying *deploying, struct zone_plan *zone, const char *path)
{
    struct file_map map;
    struct problem problem = {0};
    if (file_map_open(&map, path) != ERR_OK)
        return problem_errno(deploying->problem, "cannot read", path);
    uint32_t serial = next_serial(deploying, zone);
    enum outcome outcome =
        fill_stamp(&deploying->stage, zone->path, (const char *)map.bytes, map.len, serial, &problem);
    file_map_close(&map);
    if (outcome == OUTCOME_FINE)
        zone->new_serial = serial;
    else if (outcome == OUTCOME_CHECK)
        story_tell(deploying->settings->name, LOG_WARNING, "serial",
            "%s stays at serial %u, so that secondaries keep what they have: %s", zone->zone,
            zone->new_serial, problem.text);
    else
        *deploying->problem = problem;
    return outcome == OUTCOME_CHECK ? OUTCOME_FINE : outcome;
}

/* Old content with serials that go on. */
static enum outcome restamp(struct deploying *deploying, bool all)
{
    struct plan *plan = &deploying->deployment->plan;
    enum outcome outcome = OUTCOME_FINE;
    for (unsigned i = 0; i < plan->zone_count && outcome == OUTCOME_FINE; i++) {
        struct zone_plan *zone = &plan->zones[i];
        char path[STORE_PATH_MAX];
        snprintf(path, sizeof path, "%s/%s", deploying->stage.path, zone->path);
        if (access(path, R_OK) != 0)
            zone->change = ZONE_REMOVED;
        if (examine_zone(zone, deploying->settings, deploying->published, deploying->stage.path,
                &plan->arena) != ERR_OK)
            return problem_set(deploying->problem, OUTCOME_LOCAL, NULL, "out of memory");
        zone->outcome = OUTCOME_FINE; /* it was checked when it was new */
        bool goes_on = serial_later(zone->new_serial, zone->old_serial) ||
                       (zone->in_text_only && zone->new_serial == zone->old_serial);
        if (zone->change == ZONE_CHANGED && (all || !goes_on))
            outcome = stamp(deploying, zone, path);
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
    if (outcome == OUTCOME_FINE)
        outcome = add_rows(deploying, from);
    if (outcome == OUTCOME_FINE)
        outcome = restamp(deploying, false);
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
    char release[STORE_NAME_MAX], note[200];
    const struct journal_entry *entry = choose(deploying, target);
    if (entry == NULL)
        return problem_set(deploying->problem, OUTCOME_USAGE, "gitsync history lists them", "%s",
            target != NULL ? "there is no such release that was confirmed and is still kept"
                           : "there is no earlier release");
    find_tip(deploying);
    publish_name(&deploying->store, entry->commit, release);
    snprintf(
        note, sizeof note, "rolled back by hand from %.12s; serials go on", deploying->deployment->deployed);
    enum outcome outcome = recall_commit(deploying, entry);
    if (outcome == OUTCOME_FINE)
        outcome = stage_again(deploying, entry->release, release);
    if (outcome != OUTCOME_FINE)
        return outcome;
    deploying_tell_zones(deploying);
    outcome = deploying_publish(
        deploying, release, &(struct deploying_why){.held = deploying->deployment->tip.id, .note = note});
    if (outcome == OUTCOME_FINE)
        story_tell(deploying->settings->name, LOG_INFO, "rolled-back",
            "%.12s is served again; %.12s is left alone until the branch moves", entry->commit,
            deploying->deployment->tip.id);
    return outcome;
}

/* ---- after a return ---- */

/* A zone of the release that was taken back, if the current one has it, too. */
static void add_seen(void *context, const char *object)
{
    struct deploying *deploying = context;
    char path[STORE_PATH_MAX], full[STORE_PATH_MAX * 2], change[16] = "";
    if (!json_get(object, "path", path, sizeof path) || !json_get(object, "change", change, sizeof change) ||
        strcmp(change, zone_change_word(ZONE_CHANGED)) != 0)
        return;
    snprintf(full, sizeof full, "%s/%s", deploying->published, path);
    struct zone_plan *zone = access(full, R_OK) == 0 ? plan_add(&deploying->deployment->plan, path) : NULL;
    if (zone != NULL)
        zone->change = ZONE_CHANGED;
}

enum outcome deploying_settle(struct deploying *deploying)
{
    char release[STORE_NAME_MAX], note[200];
    const struct journal_entry *returned = deploying->journal.unsettled;
    const struct journal_entry *made = journal_publish(&deploying->journal, returned->release);
    const struct journal_entry *good = journal_publish(&deploying->journal, deploying->current);
    struct plan *plan = &deploying->deployment->plan;
    if (made == NULL || good == NULL)
        return OUTCOME_FINE;
    publish_name(&deploying->store, good->commit, release);
    snprintf(
        note, sizeof note, "again, under new serials: secondaries may have those of %.12s", returned->commit);
    enum outcome outcome = recall_commit(deploying, good);
    json_each(made->line, "zones", add_seen, deploying);
    plan->files_changed = plan->zone_count;
    if (outcome == OUTCOME_FINE && plan->zone_count > 0)
        outcome = stage_begin(&deploying->stage, &deploying->store, deploying->current, deploying->problem);
    deploying->staged = plan->zone_count > 0;
    if (outcome == OUTCOME_FINE && deploying->staged)
        outcome = restamp(deploying, true);
    if (outcome == OUTCOME_FINE && deploying->staged)
        outcome = fill_own(&deploying->stage, plan, release, deploying->problem);
    if (outcome != OUTCOME_FINE || !deploying->staged)
        return outcome;
    deploying_tell_zones(deploying);
    return deploying_publish(
        deploying, release, &(struct deploying_why){.held = returned->commit, .note = note, .settles = true});
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
