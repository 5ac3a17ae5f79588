#include "gitsync/examine.h"

#include <fnmatch.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gitsync/serial.h"
#include "gitsync/store.h"
#include "zone/base/file.h"
#include "zone/check/check.h"
#include "zone/check/config.h"
#include "zone/store/load.h"
#include "zone/store/snapshot.h"
#include "zone/wire/type.h"

#define FINDINGS_MAX 65536 /* octets of text kept for each zone */

bool examine_is_zone(const struct settings *settings, const char *path)
{
    static const char *const usual[] = {"*.zone", "db.*", "*.db"};
    const char *slash = strrchr(path, '/'), *base = slash != NULL ? slash + 1 : path;
    unsigned count = settings->zones.count;
    for (unsigned i = 0; i < (count != 0 ? count : ARRAY_COUNT(usual)); i++) {
        const char *pattern = count != 0 ? settings->zones.at[i] : usual[i];
        /* a pattern with a slash is for the whole path */
        if (fnmatch(pattern, strchr(pattern, '/') != NULL ? path : base, 0) == 0)
            return true;
    }
    return false;
}

/* ---- reading and checking ---- */

struct listening {
    struct zone_plan *zone;
    FILE *out;
    const char *directory; /* in front of the paths in findings, and of no interest */
    long written;
};

static void hear(void *context, const struct finding *finding)
{
    struct listening *listening = context;
    struct finding told = *finding;
    size_t len = strlen(listening->directory);
    if (told.file != NULL && strncmp(told.file, listening->directory, len) == 0 && told.file[len] == '/')
        told.file += len + 1;
    listening->zone->errors += finding->severity == SEVERITY_ERROR;
    listening->zone->warnings += finding->severity == SEVERITY_WARNING;
    if (listening->written < FINDINGS_MAX) {
        finding_print(listening->out, &told);
        listening->written = ftell(listening->out);
    }
}

static void ignore(void *context, const struct finding *finding)
{
    (void)context;
    (void)finding;
}

/* A directory must not make a file name of more than the path's room. */
static void join(char out[STORE_PATH_MAX], const char *directory, const char *path)
{
    snprintf(out, STORE_PATH_MAX, "%s/%s", directory, path);
}

/* The .zonecheck of the repository says how its zones are checked, as it does for zonetool in a review: what
 * is green there is accepted here. Mandatory rules stay what they are. */
struct rules {
    struct arena arena;
    struct config config;
    struct levels levels;
};

static enum err rules_read(
    struct rules *rules, const char *directory, const char *path, const struct finding_sink *sink)
{
    char found[PATH_MAX], *text;
    size_t len = strlen(directory);
    enum err err = ERR_OK;
    *rules = (struct rules){0};
    arena_init(&rules->arena, 0);
    if (config_find(path, found) && strncmp(found, directory, len) == 0 && found[len] == '/' &&
        file_read(found, CONFIG_SIZE_MAX, &rules->arena, &text, &len) == ERR_OK)
        err = config_parse(&rules->config, &rules->arena, found, text, len, path, sink);
    config_levels(
        &rules->config, rules->config.has_set ? rules->config.set : RULE_DEFAULT, true, &rules->levels);
    return err;
}

static void rules_clear(struct rules *rules)
{
    config_clear(&rules->config);
    arena_clear(&rules->arena);
}

static enum err check_text(const char *path, const char *directory, const struct rules *rules,
    const struct finding_sink *sink, struct check_result *result)
{
    struct check_options options = {.origin = rules->config.has_origin ? rules->config.origin : NULL,
        .levels = &rules->levels,
        .threads = 1,
        .ttl_max = rules->config.ttl_max,
        .verify = true,
        .untrusted = true,
        .confine = directory,
        .ignore_comments = true};
    if (rules->config.excluded)
        return ERR_OK;
    struct check *check = check_new(&options);
    enum err err = check != NULL ? check_zone(check, path, sink, result) : ERR_MEMORY;
    check_free(check);
    return err;
}

static enum err check_and_load(
    struct zone_plan *zone, const char *directory, struct listening *listening, struct image **image)
{
    char path[STORE_PATH_MAX];
    struct rules rules;
    struct finding_sink sink = {.report = hear, .context = listening};
    struct check_result checked = {0};
    struct load_result loaded = {0};
    join(path, directory, zone->path);
    enum err err = rules_read(&rules, directory, path, &sink);
    if (err == ERR_OK)
        err = check_text(path, directory, &rules, &sink, &checked);
    zone->new_records = checked.records;
    if (rules.config.werror)
        zone->errors += zone->warnings;
    if (err == ERR_OK && zone->errors > 0)
        err = ERR_INVALID;
    struct load_options options = {.origin = rules.config.has_origin ? rules.config.origin : NULL,
        .threads = 1,
        .sink = {.report = rules.config.excluded ? hear : ignore, .context = listening}};
    if (err == ERR_OK)
        err = load_image(path, &options, &loaded, image);
    rules_clear(&rules);
    return err;
}

static enum err load_new(
    struct zone_plan *zone, const char *directory, struct arena *arena, struct image **image)
{
    char *text = NULL;
    size_t len = 0;
    struct listening listening = {.zone = zone, .directory = directory, .out = open_memstream(&text, &len)};
    if (listening.out == NULL)
        return ERR_MEMORY;
    enum err err = check_and_load(zone, directory, &listening, image);
    if (err != ERR_OK && zone->errors == 0)
        fprintf(listening.out, "%s: %s\n", zone->path, err_text(err));
    bool whole = fclose(listening.out) == 0;
    const char *copy = whole ? arena_copy(arena, text, len) : NULL;
    free(text);
    if (copy == NULL) {
        if (err == ERR_OK)
            image_release(*image);
        return ERR_MEMORY;
    }
    zone->findings = copy;
    return err;
}

/* What is published was checked before: it is only read. */
static struct image *load_old(const struct zone_plan *zone, const char *directory)
{
    char path[STORE_PATH_MAX];
    struct image *image;
    struct load_options options = {.threads = 1, .sink = {.report = ignore}};
    struct load_result result = {0};
    if (*directory == '\0')
        return NULL;
    join(path, directory, zone->path);
    return access(path, R_OK) == 0 && load_image(path, &options, &result, &image) == ERR_OK ? image : NULL;
}

/* ---- comparing ---- */

static bool same_records(const struct rrset *a, const struct rrset *b)
{
    bool linked = rrset_linked(a->type);
    const uint8_t *at = a->data, *bt = b->data;
    if (a->type != b->type || a->count != b->count || a->ttl != b->ttl || a->sig_len != b->sig_len ||
        a->sig_count != b->sig_count)
        return false;
    for (unsigned i = 0; i < a->count; i++) {
        struct record one, two;
        at = record_read(at, linked, &one);
        bt = record_read(bt, linked, &two);
        if (one.rdata_len != two.rdata_len || memcmp(one.rdata, two.rdata, one.rdata_len) != 0)
            return false;
    }
    return memcmp(rrset_signatures(a), rrset_signatures(b), a->sig_len) == 0;
}

/* The SOA changes with every serial: it does not make the apex a changed name. Its timers do. */
static bool same_soa(const struct rrset *a, const struct rrset *b)
{
    struct record one, two;
    (void)record_read(a->data, true, &one);
    (void)record_read(b->data, true, &two);
    size_t len = one.rdata_len;
    return len == two.rdata_len && a->ttl == b->ttl && memcmp(one.rdata, two.rdata, len - 20) == 0 &&
           memcmp(one.rdata + len - 16, two.rdata + len - 16, 16) == 0;
}

static bool same_node(const struct node *a, const struct node *b)
{
    const struct rrset *one = node_rrsets(a), *two = node_rrsets(b);
    if (a->rrset_count != b->rrset_count)
        return false;
    for (unsigned i = 0; i < a->rrset_count; i++, one = rrset_next(one), two = rrset_next(two)) {
        if (one->type == TYPE_SOA && two->type == TYPE_SOA ? !same_soa(one, two) : !same_records(one, two))
            return false;
    }
    return true;
}

struct side {
    struct snapshot *snapshot;
    struct snapshot_walk walk;
    const struct node *node;
    uint8_t owner[NAME_MAX + 1];
};

static void step(struct side *side)
{
    side->node = side->snapshot != NULL ? snapshot_walk_next(&side->walk) : NULL;
    if (side->node != NULL && (side->node->flags & NODE_NSEC3) != 0)
        side->node = NULL; /* they follow all others, and say nothing of their own */
    if (side->node != NULL)
        snapshot_owner(side->snapshot, side->node, side->owner);
}

static bool side_open(struct side *side, struct image *image)
{
    side->snapshot = image != NULL ? snapshot_new(image_hold(image)) : NULL;
    if (side->snapshot != NULL)
        snapshot_walk_start(&side->walk, side->snapshot);
    step(side);
    return image == NULL || side->snapshot != NULL;
}

static enum err note(struct name_list *list, const uint8_t *name, struct arena *arena)
{
    char text[NAME_TEXT_MAX];
    if (list->count++ >= PLAN_EXAMPLES)
        return ERR_OK;
    name_print(name, text);
    list->examples[list->count - 1] = arena_printf(arena, "%s", text);
    return list->examples[list->count - 1] != NULL ? ERR_OK : ERR_MEMORY;
}

/* An empty non-terminal is no name that anybody could miss. */
static enum err compare_pair(
    struct zone_plan *zone, const struct side *old, const struct side *new, int order, struct arena *arena)
{
    const struct node *was = order <= 0 ? old->node : NULL, *is = order >= 0 ? new->node : NULL;
    bool had = was != NULL && was->rrset_count > 0, has = is != NULL && is->rrset_count > 0;
    enum err err = ERR_OK;
    zone->old_names += had;
    bool delegated = had && (was->flags & NODE_DELEGATION) != 0;
    zone->old_delegations += delegated;
    if (delegated && (!has || (is->flags & NODE_DELEGATION) == 0))
        err = note(&zone->delegations_lost, old->owner, arena);
    if (err == ERR_OK && had && !has)
        return note(&zone->removed, old->owner, arena);
    if (err == ERR_OK && !had && has)
        return note(&zone->added, new->owner, arena);
    return err == ERR_OK && had && has && !same_node(was, is) ? note(&zone->changed, old->owner, arena) : err;
}

static enum err compare_names(struct zone_plan *zone, struct side *old, struct side *new, struct arena *arena)
{
    enum err err = ERR_OK;
    while (err == ERR_OK && (old->node != NULL || new->node != NULL)) {
        int order = old->node == NULL ? 1 : new->node == NULL ? -1 : name_compare(old->owner, new->owner);
        err = compare_pair(zone, old, new, order, arena);
        if (order <= 0)
            step(old);
        if (order >= 0)
            step(new);
    }
    return err;
}

/* Does the apex have a record of TYPE that it had before? */
static bool keeps_any(const struct node *old, const struct node *new, uint16_t type)
{
    const struct rrset *was = node_rrset(old, type), *is = node_rrset(new, type);
    bool linked = rrset_linked(type);
    if (was == NULL || was->count == 0)
        return true;
    const uint8_t *at = was->data;
    for (unsigned i = 0; i < was->count; i++) {
        struct record one, two;
        at = record_read(at, linked, &one);
        const uint8_t *bt = is != NULL ? is->data : NULL;
        for (unsigned j = 0; is != NULL && j < is->count; j++) {
            bt = record_read(bt, linked, &two);
            if (one.rdata_len == two.rdata_len && memcmp(one.rdata, two.rdata, one.rdata_len) == 0)
                return true;
        }
    }
    return false;
}

static enum err compare(
    struct zone_plan *zone, struct image *old_image, struct image *new_image, struct arena *arena)
{
    struct side old = {0}, new = {0};
    enum err err = ERR_MEMORY;
    if (side_open(&old, old_image) && side_open(&new, new_image)) {
        if (old.snapshot != NULL && new.snapshot != NULL) {
            const struct node *was = old.snapshot->apex, *is = new.snapshot->apex;
            zone->apex_replaced = !keeps_any(was, is, TYPE_NS);
            zone->unsigned_now =
                (old_image->header->flags & IMAGE_SIGNED) != 0 &&
                ((new_image->header->flags & IMAGE_SIGNED) == 0 || !keeps_any(was, is, TYPE_DNSKEY));
        }
        err = compare_names(zone, &old, &new, arena);
    }
    snapshot_release(old.snapshot);
    snapshot_release(new.snapshot);
    return err;
}

/* ---- the limits ---- */

static void refuse(
    struct zone_plan *zone, struct arena *arena, enum outcome outcome, const char *hint, const char *why)
{
    zone->outcome = outcome;
    zone->hint = hint;
    zone->why = why != NULL ? why : arena_printf(arena, "out of memory");
}

static bool exceeds(const struct limit *limit, uint32_t lost, uint32_t of)
{
    if (!limit->set || lost == 0)
        return false;
    return limit->percent ? (uint64_t)lost * 100 > (uint64_t)of * limit->value : lost > limit->value;
}

static const char raise[] = "raise the serial in the SOA, or let gitsync make serials: --serial date";

static void judge_serial(struct zone_plan *zone, struct arena *arena)
{
    if (zone->change != ZONE_CHANGED || zone->in_text_only)
        return;
    if (zone->old_serial == zone->new_serial)
        refuse(zone, arena, OUTCOME_POLICY, raise,
            arena_printf(arena,
                "%s its records changed but its serial is still %u: secondaries would not notice", zone->zone,
                zone->new_serial));
    else if (!serial_later(zone->new_serial, zone->old_serial))
        refuse(zone, arena, OUTCOME_POLICY, raise,
            arena_printf(arena,
                "%s its serial went back from %u to %u (RFC 1982): secondaries would not notice", zone->zone,
                zone->old_serial, zone->new_serial));
}

static void judge_withdrawn(struct zone_plan *zone, struct arena *arena)
{
    if (zone->has_withdrawn && zone->outcome == OUTCOME_FINE && !zone->in_text_only &&
        !serial_later(zone->new_serial, zone->withdrawn))
        refuse(zone, arena, OUTCOME_POLICY, raise,
            arena_printf(arena,
                "%s serial %u was published before and taken back (it was %u): secondaries may hold it",
                zone->zone, zone->new_serial, zone->withdrawn));
}

static void judge(struct zone_plan *zone, const struct settings *settings, struct arena *arena)
{
    static const char force[] = "if this is meant, raise the limit or deploy it with: gitsync once --force";
    judge_serial(zone, arena);
    judge_withdrawn(zone, arena);
    if (zone->outcome != OUTCOME_FINE || settings->force)
        return;
    if (exceeds(&settings->max_names_removed, zone->removed.count, zone->old_names))
        refuse(zone, arena, OUTCOME_POLICY, force,
            arena_printf(arena, "%s %u of its %u names are removed, more than --max-names-removed allows",
                zone->zone, zone->removed.count, zone->old_names));
    else if (exceeds(&settings->max_delegations_lost, zone->delegations_lost.count, zone->old_delegations))
        refuse(zone, arena, OUTCOME_POLICY, force,
            arena_printf(arena,
                "%s %u of its %u delegations are lost, more than --max-delegations-lost allows", zone->zone,
                zone->delegations_lost.count, zone->old_delegations));
    else if (zone->apex_replaced && !settings->allow_apex_change)
        refuse(zone, arena, OUTCOME_POLICY, "exchange them in two steps, or say --allow-apex-change",
            arena_printf(arena, "%s all its name servers are exchanged at once", zone->zone));
    else if (zone->unsigned_now && !settings->allow_unsigned)
        refuse(zone, arena, OUTCOME_POLICY,
            "validators would call it bogus; when its DS is gone from the parent, say --allow-unsigned",
            arena_printf(arena, "%s its DNSSEC chain is broken: it was signed, and none of its keys is left",
                zone->zone));
}

/* ---- all of it ---- */

static enum err know(struct zone_plan *zone, const struct image *image, struct arena *arena)
{
    char text[NAME_TEXT_MAX];
    memcpy(zone->name, image->header->apex_name, sizeof zone->name);
    name_print(zone->name, text);
    zone->zone = arena_printf(arena, "%s", text);
    return zone->zone != NULL ? ERR_OK : ERR_MEMORY;
}

static const char *first_error(const char *findings, struct arena *arena)
{
    const char *at = strstr(findings, " error: "), *line = findings;
    for (const char *newline; at != NULL && (newline = strchr(line, '\n')) != NULL && newline < at;)
        line = newline + 1;
    return arena_printf(arena, "%.*s", (int)strcspn(line, "\n"), line);
}

static enum err examine_new(struct zone_plan *zone, const struct settings *settings, struct image *old,
    const char *directory, struct arena *arena)
{
    struct image *new;
    enum err err = load_new(zone, directory, arena, &new);
    if (err == ERR_MEMORY)
        return err;
    unsigned against = zone->errors + (settings->warnings_are_errors ? zone->warnings : 0);
    if (err != ERR_OK || against > 0)
        refuse(zone, arena, OUTCOME_CHECK, "mend the zone; `zonetool check` finds the same",
            first_error(zone->findings, arena));
    if (err != ERR_OK)
        return ERR_OK;
    err = know(zone, new, arena);
    zone->new_serial = new->header->serial;
    zone->new_records = new->header->record_count;
    if (err == ERR_OK)
        err = compare(zone, old, new, arena);
    zone->in_text_only = zone->change == ZONE_CHANGED && zone->added.count + zone->removed.count == 0 &&
                         zone->changed.count == 0 && zone->new_records == zone->old_records;
    if (err == ERR_OK && zone->outcome == OUTCOME_FINE)
        judge(zone, settings, arena);
    image_release(new);
    return err;
}

enum err examine_zone(struct zone_plan *zone, const struct settings *settings, const char *old_directory,
    const char *new_directory, struct arena *arena)
{
    struct image *old = zone->change != ZONE_ADDED ? load_old(zone, old_directory) : NULL;
    enum err err = ERR_OK;
    zone->outcome = OUTCOME_FINE;
    if (old != NULL) {
        zone->old_serial = old->header->serial;
        zone->old_records = old->header->record_count;
        err = know(zone, old, arena);
    } else if (zone->change == ZONE_CHANGED) {
        zone->change = ZONE_ADDED; /* what was published there was no zone */
    }
    if (err == ERR_OK && zone->change != ZONE_REMOVED)
        err = examine_new(zone, settings, old, new_directory, arena);
    if (old != NULL)
        image_release(old);
    return err;
}
