#include "gitsync/publish.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gitsync/crash.h"
#include "gitsync/secondaries.h"
#include "gitsync/story.h"
#include "gitsync/tree_sync.h"

static uint64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

void publish_name(const struct store *store, const char *commit, char out[STORE_NAME_MAX])
{
    snprintf(out, STORE_NAME_MAX, "%.40s", commit);
    for (unsigned n = 2; store_has(store, out) && n < 100000; n++)
        snprintf(out, STORE_NAME_MAX, "%.40s.%u", commit, n);
}

/* ---- what must be served, from a plan or from the journal ---- */

static enum outcome no_memory(struct problem *problem)
{
    return problem_set(problem, OUTCOME_LOCAL, NULL, "out of memory");
}

/* BACK: what was there before. */
static void expect_zone(struct expected *expected, const struct zone_plan *zone, bool back)
{
    expected->zone = zone->zone;
    memcpy(expected->name, zone->name, sizeof expected->name);
    expected->serial = back ? zone->old_serial : zone->new_serial;
    expected->removed = zone->change == (back ? ZONE_ADDED : ZONE_REMOVED);
}

static enum outcome expect_plan(struct expectations *expectations, const struct publishing *publishing,
    bool back, struct problem *problem)
{
    const struct plan *plan = publishing->plan;
    *expectations = (struct expectations){.settings_name = publishing->settings->name,
        .at = calloc(plan->zone_count + 1, sizeof *expectations->at)};
    if (expectations->at == NULL)
        return no_memory(problem);
    for (unsigned i = 0; i < plan->zone_count; i++)
        if (plan->zones[i].zone[0] != '\0')
            expect_zone(&expectations->at[expectations->count++], &plan->zones[i], back);
    expectations->only_changed = plan->other_changed == 0;
    for (unsigned i = 0; i < plan->zone_count; i++)
        expectations->only_changed &= plan->zones[i].change == ZONE_CHANGED;
    return OUTCOME_FINE;
}

struct recalling {
    struct expectations *expectations;
    struct arena *arena;
    bool back, failed;
};

static uint32_t number_of(const char *object, const char *name)
{
    char text[16];
    return json_get(object, name, text, sizeof text) ? (uint32_t)strtoul(text, NULL, 10) : 0;
}

static void recall(void *context, const char *object)
{
    struct recalling *recalling = context;
    struct expectations *expectations = recalling->expectations;
    char zone[NAME_TEXT_MAX], change[16] = "";
    size_t len;
    if (!json_get(object, "zone", zone, sizeof zone))
        return;
    (void)json_get(object, "change", change, sizeof change);
    struct expected *more = realloc(expectations->at, (expectations->count + 1) * sizeof *more);
    if (more == NULL) {
        recalling->failed = true;
        return;
    }
    expectations->at = more;
    struct expected *expected = &more[expectations->count];
    *expected = (struct expected){.zone = arena_printf(recalling->arena, "%s", zone),
        .serial = number_of(object, recalling->back ? "old_serial" : "serial"),
        .removed = strcmp(change, zone_change_word(recalling->back ? ZONE_ADDED : ZONE_REMOVED)) == 0,
        .was_served = false};
    if (expected->zone != NULL && name_parse(zone, strlen(zone), NULL, expected->name, &len, NULL) == ERR_OK)
        expectations->count++;
}

static enum outcome expect_entry(struct expectations *expectations, const struct settings *settings,
    const struct journal_entry *entry, bool back, struct arena *arena, struct problem *problem)
{
    *expectations = (struct expectations){.settings_name = settings->name};
    struct recalling recalling = {.expectations = expectations, .arena = arena, .back = back};
    json_each(entry->line, "zones", recall, &recalling);
    return recalling.failed ? no_memory(problem) : OUTCOME_FINE;
}

/* ---- the journal ---- */

static void put_zones(struct json *json, const struct plan *plan)
{
    json_open(json, "zones", '[');
    for (unsigned i = 0; i < plan->zone_count; i++) {
        const struct zone_plan *zone = &plan->zones[i];
        json_open(json, NULL, '{');
        json_text(json, "zone", zone->zone);
        json_text(json, "path", zone->path);
        json_text(json, "change", zone_change_word(zone->change));
        json_number(json, "old_serial", zone->old_serial);
        json_number(json, "serial", zone->new_serial);
        json_close(json, '}');
    }
    json_close(json, ']');
}

static enum outcome note_publish(const struct publishing *publishing)
{
    struct journal_writing writing;
    const struct plan *plan = publishing->plan;
    if (journal_begin(&writing, EVENT_PUBLISH, publishing->problem) != OUTCOME_FINE)
        return OUTCOME_LOCAL;
    struct json *json = &writing.json;
    json_text(json, "release", publishing->release);
    json_text(json, "commit", plan->commit.id);
    json_text(json, "previous", publishing->previous);
    json_text(json, "held", publishing->held);
    json_text(json, "note", publishing->note);
    if (publishing->settles)
        json_number(json, "settles", 1);
    json_text(json, "signer", plan->signer);
    json_text(json, "author", plan->commit.author);
    json_text(json, "summary", plan->commit.summary);
    put_zones(json, plan);
    return journal_end(&writing, publishing->store, publishing->problem);
}

/* With how many servers were asked: a release that nobody could confirm is a good one, but is not called so.
 */
static enum outcome note_confirmed(const struct settings *settings, const struct store *store,
    const char *release, const struct expectations *expectations, struct problem *problem)
{
    struct journal_writing writing;
    unsigned asked = (settings->control != NULL) + settings->secondaries.count;
    const char *word = asked > 0 ? journal_event_word(EVENT_CONFIRMED) : JOURNAL_UNASKED;
    if (journal_begin_as(&writing, word, problem) != OUTCOME_FINE)
        return OUTCOME_LOCAL;
    json_text(&writing.json, "release", release);
    json_number(&writing.json, "asked", asked);
    if (expectations->lagging[0] != '\0')
        json_text(&writing.json, "lagging", expectations->lagging);
    return journal_end(&writing, store, problem);
}

/* RETURNING or RETURNED. */
static enum outcome note_return(const struct store *store, enum journal_event event, const char *release,
    const char *commit, const char *to, const char *why, bool served, struct problem *problem)
{
    struct journal_writing writing;
    if (journal_begin(&writing, event, problem) != OUTCOME_FINE)
        return OUTCOME_LOCAL;
    json_text(&writing.json, "release", release);
    json_text(&writing.json, "commit", commit);
    json_text(&writing.json, "to", to);
    json_text(&writing.json, "why", why);
    if (served)
        json_number(&writing.json, "served", 1);
    return journal_end(&writing, store, problem);
}

/* It was never switched to: nobody has seen it. */
static enum outcome abandon(const struct store *store, const char *release, struct problem *problem)
{
    struct journal_writing writing;
    char path[STORE_PATH_MAX];
    store_release_path(store, release, path);
    if (!tree_remove(path))
        return problem_errno(problem, "cannot remove", path);
    if (journal_begin(&writing, EVENT_ABANDONED, problem) != OUTCOME_FINE)
        return OUTCOME_LOCAL;
    json_text(&writing.json, "release", release);
    return journal_end(&writing, store, problem);
}

/* ---- going back ---- */

struct returning {
    const struct settings *settings;
    const struct store *store;
    const char *release, *commit; /* that was not confirmed */
    const char *good;             /* to go back to */
    bool served;                  /* others may know its serials */
    struct expectations *expectations;
};

/* PROBLEM says why the new release was not confirmed; it is told with what came of the return. */
static enum outcome go_back(const struct returning *returning, struct problem *problem)
{
    struct problem back = {0};
    char directory[STORE_PATH_MAX], why[PROBLEM_TEXT_MAX];
    snprintf(why, sizeof why, "%s", problem->text);
    if (*returning->good == '\0')
        return problem_set(problem, OUTCOME_UNCONFIRMED, "there is no earlier release to go back to",
            "%.1200s; it stays published, as the first one", why);
    story_tell(
        returning->settings->name, LOG_WARNING, "returning", "%s; going back to %.12s", why, returning->good);
    store_release_path(returning->store, returning->good, directory);
    crash_point("returning-before");
    enum outcome outcome = note_return(returning->store, EVENT_RETURNING, returning->release,
        returning->commit, returning->good, why, returning->served, &back);
    if (outcome == OUTCOME_LOCAL)
        outcome = OUTCOME_FINE; /* a full disk is no reason to keep serving what is not good */
    if (outcome == OUTCOME_FINE)
        outcome = store_switch(returning->store, returning->good, &back);
    crash_point("returning");
    if (outcome == OUTCOME_FINE)
        outcome = confirm_after(returning->expectations, returning->settings, directory, true, &back);
    if (outcome != OUTCOME_FINE)
        return problem_set(problem, OUTCOME_STUCK, "look at the server; gitsync once tries again",
            "%.600s; and going back to %.12s failed: %.600s", why, returning->good, back.text);
    outcome = note_return(returning->store, EVENT_RETURNED, returning->release, returning->commit,
        returning->good, why, returning->served, &back);
    if (outcome != OUTCOME_FINE)
        return problem_set(problem, outcome, NULL, "%s", back.text);
    return problem_set(problem, OUTCOME_UNCONFIRMED,
        "mend the cause and push a new commit, or try this one again: gitsync once --force",
        "%.1000s; the last good release %.12s is served again", why, returning->good);
}

/* ---- forward ---- */

static enum outcome switch_and_confirm(struct publishing *publishing, struct expectations *expectations)
{
    char directory[STORE_PATH_MAX];
    uint64_t from = now_us();
    store_release_path(publishing->store, publishing->release, directory);
    enum outcome outcome = note_publish(publishing);
    if (outcome == OUTCOME_FINE)
        outcome = store_switch(publishing->store, publishing->release, publishing->problem);
    publishing->publish_us += now_us() - from;
    if (outcome != OUTCOME_FINE || !publishing->tell_server)
        return outcome;
    from = now_us();
    outcome = confirm_after(expectations, publishing->settings, directory, false, publishing->problem);
    publishing->confirm_us = now_us() - from;
    return outcome;
}

static enum outcome return_from(struct publishing *publishing, bool served)
{
    struct expectations expectations;
    enum outcome outcome = expect_plan(&expectations, publishing, true, publishing->problem);
    struct returning returning = {.settings = publishing->settings,
        .store = publishing->store,
        .release = publishing->release,
        .commit = publishing->plan->commit.id,
        .good = publishing->previous,
        .served = served && !publishing->settles,
        .expectations = &expectations};
    if (outcome == OUTCOME_FINE)
        outcome = go_back(&returning, publishing->problem);
    free(expectations.at);
    return outcome;
}

enum outcome publish_stage(struct publishing *publishing, struct stage *stage)
{
    struct expectations expectations;
    uint64_t from = now_us();
    enum outcome outcome = expect_plan(&expectations, publishing, false, publishing->problem);
    if (outcome == OUTCOME_FINE && publishing->tell_server)
        outcome = confirm_before(&expectations, publishing->settings, publishing->problem);
    if (outcome == OUTCOME_FINE)
        outcome = stage_finish(stage, publishing->release);
    publishing->publish_us = now_us() - from;
    if (outcome == OUTCOME_FINE)
        outcome = switch_and_confirm(publishing, &expectations);
    free(expectations.at);
    if (outcome == OUTCOME_UNCONFIRMED) {
        char now[STORE_NAME_MAX];
        store_current(publishing->store, now);
        return strcmp(now, publishing->release) == 0 ? return_from(publishing, expectations.served) : outcome;
    }
    crash_point("before-confirmed");
    return outcome == OUTCOME_FINE ? note_confirmed(publishing->settings, publishing->store,
                                         publishing->release, &expectations, publishing->problem)
                                   : outcome;
}

/* ---- finishing ---- */

static enum outcome confirm_again(struct expectations *expectations, const struct settings *settings,
    const struct store *store, const struct journal_entry *entry, struct arena *arena,
    struct problem *problem)
{
    char directory[STORE_PATH_MAX];
    store_release_path(store, entry->release, directory);
    enum outcome outcome = expect_entry(expectations, settings, entry, false, arena, problem);
    if (outcome == OUTCOME_FINE)
        outcome = confirm_after(expectations, settings, directory, false, problem);
    free(expectations->at);
    return outcome;
}

static enum outcome return_again(const struct settings *settings, const struct store *store,
    const struct journal_entry *entry, const char *good, bool served, struct arena *arena,
    struct problem *problem)
{
    struct expectations expectations;
    enum outcome outcome = expect_entry(&expectations, settings, entry, true, arena, problem);
    struct returning returning = {.settings = settings,
        .store = store,
        .release = entry->release,
        .commit = entry->commit,
        .good = good,
        .served = served,
        .expectations = &expectations};
    if (outcome == OUTCOME_FINE)
        outcome = go_back(&returning, problem);
    free(expectations.at);
    return outcome;
}

static bool was_served(const struct journal_entry *returning)
{
    char text[4];
    return json_get(returning->line, "served", text, sizeof text);
}

/* Killed while it went back: the link is right already, the server perhaps not. */
static enum outcome finish_return(const struct settings *settings, const struct store *store,
    const struct journal *journal, const char *current, struct arena *arena, struct problem *problem)
{
    struct expectations expectations;
    const struct journal_entry *entry = journal->open;
    char directory[STORE_PATH_MAX], why[PROBLEM_TEXT_MAX] = "";
    store_release_path(store, current, directory);
    (void)json_get(journal->returning->line, "why", why, sizeof why);
    enum outcome outcome = expect_entry(&expectations, settings, entry, true, arena, problem);
    if (outcome == OUTCOME_FINE && *current != '\0')
        outcome = confirm_after(&expectations, settings, directory, true, problem);
    free(expectations.at);
    return outcome == OUTCOME_FINE ? note_return(store, EVENT_RETURNED, entry->release, entry->commit,
                                         current, why, was_served(journal->returning), problem)
                                   : outcome;
}

/* Switched to, and not concluded. */
static enum outcome finish_switched(const struct settings *settings, const struct store *store,
    const struct journal *journal, struct arena *arena, struct problem *problem)
{
    const struct journal_entry *entry = journal->open;
    struct expectations expectations = {0};
    enum outcome outcome = OUTCOME_UNCONFIRMED;
    if (journal->returning == NULL) {
        outcome = confirm_again(&expectations, settings, store, entry, arena, problem);
    } else {
        (void)json_get(journal->returning->line, "why", problem->text, sizeof problem->text);
        expectations.served = was_served(journal->returning);
    }
    if (outcome == OUTCOME_FINE)
        return note_confirmed(settings, store, entry->release, &expectations, problem);
    return outcome == OUTCOME_UNCONFIRMED
               ? return_again(settings, store, entry, journal->good, expectations.served, arena, problem)
               : outcome;
}

enum outcome publish_finish(const struct settings *settings, const struct store *store,
    const struct journal *journal, struct problem *problem)
{
    const struct journal_entry *entry = journal->open;
    char current[STORE_NAME_MAX];
    struct arena arena;
    if (entry == NULL)
        return OUTCOME_FINE;
    store_current(store, current);
    arena_init(&arena, 0);
    enum outcome outcome;
    story_tell(
        settings->name, LOG_INFO, "finishing", "the deployment of %.12s was interrupted", entry->commit);
    if (strcmp(current, entry->release) == 0)
        outcome = finish_switched(settings, store, journal, &arena, problem);
    else if (journal->returning != NULL)
        outcome = finish_return(settings, store, journal, current, &arena, problem);
    else
        outcome = abandon(store, entry->release, problem);
    arena_clear(&arena);
    return outcome;
}

/* ---- those that were behind ---- */

enum outcome publish_catch_up(const struct settings *settings, const struct store *store,
    const struct journal *journal, char lagging[LAGGING_MAX], struct problem *problem)
{
    const struct journal_entry *entry = journal_publish(journal, journal->good);
    struct expectations expectations;
    struct journal_writing writing;
    struct arena arena;
    char before[LAGGING_MAX];
    (void)json_get(journal->lagging->line, "lagging", lagging, LAGGING_MAX);
    if (entry == NULL)
        return OUTCOME_FINE;
    memcpy(before, lagging, sizeof before);
    arena_init(&arena, 0);
    enum outcome outcome = expect_entry(&expectations, settings, entry, false, &arena, problem);
    if (outcome == OUTCOME_FINE)
        confirm_look(&expectations, settings);
    if (outcome == OUTCOME_FINE)
        secondaries_again(&expectations, lagging);
    free(expectations.at);
    arena_clear(&arena);
    if (outcome != OUTCOME_FINE || strcmp(before, lagging) == 0)
        return outcome;
    if (journal_begin(&writing, EVENT_CAUGHT_UP, problem) != OUTCOME_FINE)
        return OUTCOME_LOCAL;
    json_text(&writing.json, "release", journal->good);
    json_text(&writing.json, "lagging", lagging);
    return journal_end(&writing, store, problem);
}
