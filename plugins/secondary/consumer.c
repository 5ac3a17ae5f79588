#include "plugins/secondary/consumer.h"

#include <stdlib.h>
#include <string.h>

#include "plugins/secondary/catalog.h"
#include "zone/base/log.h"
#include "zone/base/parallel.h"

/* ---- the Corefile ---- */

void consumer_init(struct consumer *consumer, const void *mark, const struct block *block)
{
    *consumer = (struct consumer){.mark = mark, .block = block};
    consumer->end = &consumer->lines;
}

static enum err read_group(struct setup *setup, struct catalog_line *line, const struct directive *from)
{
    struct catalog_group *group = ARENA_NEW(setup->world, struct catalog_group);
    struct settings settings;
    if (group == NULL)
        return ERR_MEMORY;
    enum err err = settings_read_group(setup, from, &line->settings, &settings);
    if (err != ERR_OK)
        return err;
    *group = (struct catalog_group){.next = line->groups, .name = settings.group, .plan = settings.plan};
    line->groups = group;
    return ERR_OK;
}

enum err consumer_read(struct setup *setup, struct consumer *consumer, struct follower *follower,
    const struct settings *settings)
{
    struct catalog_line *line = ARENA_NEW(setup->world, struct catalog_line);
    if (line == NULL)
        return ERR_MEMORY;
    if (settings->catalogs.count > 1)
        return setup_error(setup, &settings->catalogs.at[1]->name, NULL, "there is a catalog block already");
    line->catalog = follower;
    enum err err = settings_read_members(setup, settings->catalogs.at[0], settings, &line->settings);
    if (err != ERR_OK)
        return err;
    line->scope = line->settings.zones;
    *consumer->end = line;
    consumer->end = &line->next;
    for (unsigned i = 0; i < line->settings.catalogs.count && err == ERR_OK; i++)
        err = read_group(setup, line, line->settings.catalogs.at[i]);
    return err;
}

static struct plan *plan_for(const struct catalog_line *line, const char *group)
{
    for (const struct catalog_group *at = line->groups; at != NULL && group != NULL; at = at->next) {
        if (strcmp(at->name, group) == 0)
            return at->plan;
    }
    return line->settings.plan;
}

/* ---- members ---- */

static void entry_free(struct entry *entry)
{
    follower_put(entry->follower);
    plan_release(entry->plan);
    free((void *)(uintptr_t)entry->coo);
    free(entry);
}

static const uint8_t *copy_name(const uint8_t *name)
{
    uint8_t *copy = name != NULL ? malloc(name_len(name)) : NULL;
    if (copy != NULL)
        memcpy(copy, name, name_len(name));
    return copy;
}

static void note_properties(struct entry *entry, const struct catalog_member *member)
{
    free((void *)(uintptr_t)entry->coo);
    entry->coo = copy_name(member->coo);
    memcpy(entry->label, member->label, member->label[0] + 1u);
}

static struct entry *entry_new(struct catalog_line *line, const struct catalog_member *member)
{
    struct entry *entry = calloc(1, sizeof *entry);
    struct follower *follower = entry != NULL ? follower_get(member->zone, line->settings.state) : NULL;
    if (follower == NULL) {
        free(entry);
        return NULL;
    }
    follower->zone->journal_max = (uint64_t)line->settings.journal;
    *entry = (struct entry){.served = {.zone = follower->zone,
                                .fall = line->settings.fallthrough.at,
                                .fall_count = line->settings.fallthrough.count,
                                .iterations = (uint16_t)line->settings.iterations},
        .follower = follower,
        .plan = plan_hold(plan_for(line, member->group)),
        .line = line,
        .listed = true};
    note_properties(entry, member);
    return entry;
}

/* ---- comparing ---- */

/* What one version of a catalog comes to. */
struct comparing {
    struct consumer *consumer;
    struct catalog_line *line;
    const struct roster *roster;
    struct entries members, gone, fresh;
    unsigned added, removed;
};

static void tell(const struct catalog_line *line, const uint8_t *zone, const char *what)
{
    char catalog[NAME_TEXT_MAX], name[NAME_TEXT_MAX];
    name_print(line->catalog->zone->name, catalog);
    name_print(zone, name);
    log_warning("plugin/secondary: catalog %s: %s %s", catalog, name, what);
}

static bool in_scope(const struct catalog_line *line, const uint8_t *zone)
{
    for (unsigned i = 0; i < line->scope.count; i++) {
        if (name_under(zone, line->scope.at[i]))
            return true;
    }
    return false;
}

/* RFC 9432 4.4.1: it goes to the catalog that its present one names; 6.1: else it stays where it is. */
static bool may_have(struct comparing *comparing, const struct entry *entry, const uint8_t *zone)
{
    const struct catalog_line *line = comparing->line;
    if (entry->line == line)
        return true;
    if (entry->line != NULL && entry->coo != NULL && name_equal(entry->coo, line->catalog->zone->name))
        return true;
    if (!line->clashes)
        tell(line, zone, "is served from elsewhere already, and stays there");
    comparing->line->clashes = true;
    return false;
}

static enum err add(struct comparing *comparing, const struct catalog_member *member)
{
    struct entry *entry = entry_new(comparing->line, member);
    if (entry == NULL)
        return ERR_MEMORY;
    enum err err = entries_add(&comparing->members, entry);
    return err == ERR_OK ? entries_add(&comparing->fresh, entry) : err;
}

static enum err take_member(struct comparing *comparing, const struct catalog_member *member)
{
    struct catalog_line *line = comparing->line;
    struct entry *entry = roster_find(comparing->roster, member->zone);
    if (!in_scope(line, member->zone) || name_equal(member->zone, line->catalog->zone->name)) {
        tell(line, member->zone, "is not among the zones that it may list here");
        return ERR_OK;
    }
    if (entry == NULL) {
        if (block_zone(comparing->consumer->block, member->zone) != NULL) {
            tell(line, member->zone, "is served by another plugin already");
            return ERR_OK;
        }
        comparing->added++;
        return add(comparing, member);
    }
    if (!may_have(comparing, entry, member->zone))
        return ERR_OK;
    entry->listed = true;
    bool reset = memcmp(entry->label, member->label, member->label[0] + 1u) != 0; /* 5.4 */
    if (entry->line == line && entry->plan == plan_for(line, member->group)) {
        note_properties(entry, member);
        if (reset)
            follower_reset(entry->follower, false);
        return ERR_OK;
    }
    entry->listed = false;
    entry->replaced = true;
    enum err err = add(comparing, member);
    if (err == ERR_OK && reset)
        follower_reset(entry->follower, false);
    return err;
}

/* Those that are listed no more are forgotten with all that is kept of them (5.3), unless they have a new
 * place. */
static enum err sort_out(struct comparing *comparing)
{
    struct consumer *consumer = comparing->consumer;
    enum err err = ERR_OK;
    for (unsigned i = 0; i < consumer->members.count && err == ERR_OK; i++) {
        struct entry *entry = consumer->members.at[i];
        if (!entry->replaced && (entry->listed || entry->line != comparing->line)) {
            err = entries_add(&comparing->members, entry);
            continue;
        }
        err = entries_add(&comparing->gone, entry);
        if (!entry->replaced && err == ERR_OK) {
            comparing->removed++;
            follower_reset(entry->follower, true);
        }
    }
    return err;
}

/* ---- the new roster ---- */

static void retire_roster(void *arg)
{
    struct roster *roster = arg;
    for (unsigned i = 0; i < roster->gone_count; i++)
        entry_free(roster->gone[i]);
    roster_free(roster);
}

static void recover_one(void *context, size_t i)
{
    struct entry *const *entries = context;
    follower_recover(entries[i]->follower);
}

/* Zones are recovered before they are served, and followed from then on. */
static enum err swap(struct comparing *comparing)
{
    struct consumer *consumer = comparing->consumer;
    struct roster *roster = roster_new(consumer->mark, &consumer->fixed, &comparing->members, NULL, NULL);
    enum err err = roster != NULL ? ERR_OK : ERR_MEMORY;
    if (err != ERR_OK)
        return err;
    parallel_each(0, comparing->fresh.count, recover_one, comparing->fresh.at);
    for (unsigned i = 0; i < comparing->fresh.count && err == ERR_OK; i++)
        err = follower_start(comparing->fresh.at[i]->follower, comparing->fresh.at[i]->plan);
    struct roster *old = atomic_exchange(&consumer->roster, roster);
    old->gone = comparing->gone.at;
    old->gone_count = comparing->gone.count;
    comparing->gone = (struct entries){0};
    host_retire(retire_roster, old);
    free(consumer->members.at);
    consumer->members = comparing->members;
    comparing->members = (struct entries){0};
    return err;
}

static void compare(struct consumer *consumer, struct catalog_line *line, const struct catalog *catalog)
{
    struct comparing comparing = {
        .consumer = consumer, .line = line, .roster = atomic_load(&consumer->roster)};
    char name[NAME_TEXT_MAX];
    enum err err = ERR_OK;
    for (unsigned i = 0; i < consumer->members.count; i++)
        consumer->members.at[i]->listed = consumer->members.at[i]->replaced = false;
    for (unsigned i = 0; i < catalog->count && err == ERR_OK; i++)
        err = take_member(&comparing, &catalog->members[i]);
    if (err == ERR_OK)
        err = sort_out(&comparing);
    if (err == ERR_OK && (comparing.fresh.count > 0 || comparing.gone.count > 0))
        err = swap(&comparing);
    name_print(line->catalog->zone->name, name);
    if (err != ERR_OK)
        log_error("plugin/secondary: catalog %s: its members cannot be taken: %s", name, err_text(err));
    else if (comparing.added > 0 || comparing.removed > 0)
        log_info("plugin/secondary: catalog %s: %u zones, %u came, %u went", name, catalog->count,
            comparing.added, comparing.removed);
    free(comparing.members.at);
    free(comparing.gone.at);
    free(comparing.fresh.at);
}

/* ---- versions of the catalogs ---- */

static void look(struct consumer *consumer, struct catalog_line *line)
{
    struct snapshot *snapshot = zone_take(line->catalog->zone);
    struct catalog catalog;
    char why[CATALOG_WHY_MAX], name[NAME_TEXT_MAX];
    if (snapshot == NULL)
        return;
    enum err err = catalog_read(snapshot, &catalog, why);
    if (err == ERR_OK) {
        line->clashes = false;
        compare(consumer, line, &catalog);
        catalog_clear(&catalog);
    } else {
        name_print(line->catalog->zone->name, name);
        zone_note(line->catalog->zone, ZONE_FAILED, "the catalog is broken: %s",
            why[0] != '\0' ? why : err_text(err));
        log_error("plugin/secondary: catalog %s: serial %u is broken and changes nothing: %s", name,
            snapshot->serial, why[0] != '\0' ? why : err_text(err));
    }
    snapshot_release(snapshot);
}

static void heard(
    struct zone_listener *listener, struct zone *zone, enum zone_event event, uint32_t serial UNUSED)
{
    struct consumer *consumer =
        (struct consumer *)(void *)((char *)listener - offsetof(struct consumer, listener));
    bool ours = false;
    for (struct catalog_line *line = consumer->lines; line != NULL && event == ZONE_NEW_VERSION;
         line = line->next) {
        if (line->catalog->zone == zone) {
            look(consumer, line);
            ours = true;
        }
    }
    /* What one of them lets go another one may want. */
    for (struct catalog_line *line = consumer->lines; line != NULL && ours; line = line->next) {
        if (line->clashes && line->catalog->zone != zone)
            look(consumer, line);
    }
}

enum err consumer_start(struct consumer *consumer)
{
    if (consumer->lines == NULL)
        return ERR_OK;
    consumer->listener.heard = heard;
    consumer->listens = true;
    zones_listen(&consumer->listener);
    for (struct catalog_line *line = consumer->lines; line != NULL; line = line->next)
        look(consumer, line);
    return ERR_OK;
}

void consumer_stop(struct consumer *consumer)
{
    if (consumer->listens)
        zones_unlisten(&consumer->listener);
    for (unsigned i = 0; i < consumer->members.count; i++)
        entry_free(consumer->members.at[i]);
    for (unsigned i = 0; i < consumer->fixed.count; i++) {
        follower_put(consumer->fixed.at[i]->follower);
        plan_release(consumer->fixed.at[i]->plan);
    }
    for (struct catalog_line *line = consumer->lines; line != NULL; line = line->next) {
        for (struct catalog_group *group = line->groups; group != NULL; group = group->next)
            plan_release(group->plan);
        plan_release(line->settings.plan);
    }
    free(consumer->members.at);
    free(consumer->fixed.at);
    roster_free(atomic_load(&consumer->roster));
}
