#include "gitsync/fill.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gitsync/examine.h"
#include "gitsync/includes.h"
#include "gitsync/lineage.h"
#include "gitsync/serial.h"
#include "zone/base/file.h"
#include "zone/base/json.h"

#define ZONE_TEXT_MAX ((size_t)1 << 31)
#define LFS "version https://git-lfs.github.com/spec/"

struct filling {
    struct fill *fill;
    struct arena arena;
    struct includes includes;
    struct paths serials; /* made from history */
    struct paths rows;    /* zones that have a row; number: its index */
    bool made;            /* serials are made */
    bool failed;          /* out of memory */
};

static enum outcome no_memory(struct filling *filling)
{
    return problem_set(filling->fill->problem, OUTCOME_LOCAL, NULL, "out of memory");
}

/* ---- rows ---- */

static struct zone_plan *row_of(struct filling *filling, const char *path, enum zone_change change)
{
    struct plan *plan = filling->fill->plan;
    struct path_entry *entry = paths_get(&filling->rows, path);
    if (entry == NULL)
        return NULL;
    if (entry->set)
        return &plan->zones[entry->number];
    struct zone_plan *zone = plan_add(plan, path);
    if (zone == NULL)
        return NULL;
    entry->number = plan->zone_count - 1;
    entry->set = true;
    zone->change = change;
    const struct path_entry *floor = paths_find(filling->fill->floors, path);
    if (floor != NULL) {
        zone->has_withdrawn = true;
        zone->withdrawn = floor->number;
    }
    return zone;
}

/* ---- serials ---- */

enum outcome fill_stamp(struct stage *stage, const char *path, const char *text, size_t len, uint32_t serial,
    struct problem *problem)
{
    struct serial_place place;
    const char *why;
    char digits[16];
    if (!serial_find(text, len, &place, &why))
        return problem_set(problem, OUTCOME_CHECK, "write it into the zone's own file, or use --serial file",
            "%s: its serial cannot be made from history: %s", path, why);
    size_t digits_len = (size_t)snprintf(digits, sizeof digits, "%u", serial);
    char *whole = malloc(len - place.len + digits_len + 1);
    if (whole == NULL)
        return problem_set(problem, OUTCOME_LOCAL, NULL, "out of memory");
    memcpy(whole, text, place.at);
    memcpy(whole + place.at, digits, digits_len);
    memcpy(whole + place.at + digits_len, text + place.at + place.len, len - place.at - place.len);
    enum outcome outcome = stage_put(stage, path, whole, len - place.len + digits_len, false);
    free(whole);
    return outcome;
}

static bool serial_in_file(const char *directory, const char *path, uint32_t *serial)
{
    char full[STORE_PATH_MAX];
    struct file_map map;
    struct serial_place place;
    const char *why;
    snprintf(full, sizeof full, "%s/%s", directory, path);
    if (*directory == '\0' || file_map_open(&map, full) != ERR_OK)
        return false;
    bool found = serial_find((const char *)map.bytes, map.len, &place, &why);
    *serial = place.value;
    file_map_close(&map);
    return found;
}

/* What history says, but never at or before what is published, or was published and taken back: that would
 * strand the secondaries. Only after a rewritten history, or a release taken back, does it make a difference.
 */
static uint32_t serial_for(struct filling *filling, const char *path, uint32_t made)
{
    uint32_t published;
    const struct path_entry *floor = paths_find(filling->fill->floors, path);
    if (serial_in_file(filling->fill->published, path, &published) && !serial_later(made, published))
        made = published + 1;
    if (floor != NULL && !serial_later(made, floor->number))
        made = floor->number + 1;
    return made != 0 ? made : 1;
}

/* ---- files ---- */

static enum outcome put_zone(struct filling *filling, const char *path, const char *text, size_t len)
{
    const struct path_entry *entry = filling->made ? paths_find(&filling->serials, path) : NULL;
    if (entry == NULL || !entry->set)
        return stage_put(filling->fill->stage, path, text, len, false);
    return fill_stamp(filling->fill->stage, path, text, len, serial_for(filling, path, entry->number),
        filling->fill->problem);
}

static enum outcome bad_include(struct filling *filling, const char *path, const char *bad)
{
    return problem_set(filling->fill->problem, OUTCOME_CHECK,
        "include files of the repository, by relative paths", "%s: $INCLUDE %s leaves the repository", path,
        bad);
}

static enum outcome put_file(struct filling *filling, const struct repo_change *change, bool is_zone)
{
    struct fill *fill = filling->fill;
    char *text;
    size_t len;
    const char *bad = NULL;
    enum outcome outcome = repo_blob(fill->repo, change->new_id, &text, &len, fill->problem);
    if (outcome != OUTCOME_FINE)
        return outcome;
    bool is_text = is_zone || includes_has(&filling->includes, change->path);
    if (is_text && !includes_set(&filling->includes, change->path, text, len, &bad))
        outcome = bad_include(filling, change->path, bad != NULL ? bad : "");
    else if (is_zone && strncmp(text, LFS, strlen(LFS)) == 0)
        outcome =
            problem_set(fill->problem, OUTCOME_CHECK, "keep zones in git itself: git lfs migrate export",
                "%s: the repository has only a pointer of git-lfs", change->path);
    else if (is_zone)
        outcome = put_zone(filling, change->path, text, len);
    else
        outcome = stage_put(fill->stage, change->path, text, len, change->kind == REPO_EXECUTABLE);
    free(text);
    return outcome;
}

/* A link must not lead out of the release: the server follows it with its own rights. */
static enum outcome put_link(struct filling *filling, const struct repo_change *change)
{
    struct fill *fill = filling->fill;
    char *target;
    size_t len;
    enum outcome outcome = repo_blob(fill->repo, change->new_id, &target, &len, fill->problem);
    if (outcome != OUTCOME_FINE)
        return outcome;
    if (strlen(target) != len || includes_resolve(&filling->arena, change->path, target, len) == NULL)
        outcome = problem_set(fill->problem, OUTCOME_CHECK, "use relative links that stay inside",
            "%s: the symbolic link leads out of the repository", change->path);
    else
        outcome = stage_link(fill->stage, change->path, target);
    free(target);
    return outcome;
}

static void touch(void *context, const char *path)
{
    struct filling *filling = context;
    if (examine_is_zone(filling->fill->settings, path) && row_of(filling, path, ZONE_CHANGED) == NULL)
        filling->failed = true;
}

static enum outcome take_change(void *context, const struct repo_change *change)
{
    struct filling *filling = context;
    struct fill *fill = filling->fill;
    bool is_zone = examine_is_zone(fill->settings, change->path);
    const char *bad;
    fill->plan->files_changed++;
    if (strncmp(change->path, STORE_OWN, strlen(STORE_OWN)) == 0)
        return problem_set(fill->problem, OUTCOME_CHECK, NULL,
            "%s: names that begin with %s are gitsync's own", change->path, STORE_OWN);
    enum zone_change kind = change->new_id[0] == '\0'                              ? ZONE_REMOVED
                            : change->old_id[0] == '\0' && *fill->deployed != '\0' ? ZONE_ADDED
                                                                                   : ZONE_CHANGED;
    if (is_zone && row_of(filling, change->path, kind) == NULL)
        return no_memory(filling);
    fill->plan->other_changed += !is_zone && !includes_has(&filling->includes, change->path);
    includes_above(&filling->includes, change->path, touch, filling);
    if (change->new_id[0] == '\0') {
        (void)!includes_set(&filling->includes, change->path, NULL, 0, &bad);
        return stage_remove(fill->stage, change->path);
    }
    switch (change->kind) {
    case REPO_LINK:
        return put_link(filling, change);
    case REPO_SUBMODULE:
        return OUTCOME_FINE; /* not followed; the manual says so */
    default:
        return put_file(filling, change, is_zone);
    }
}

/* ---- included files ---- */

static enum outcome scan_included(struct filling *filling, const char *path)
{
    char full[STORE_PATH_MAX];
    struct file_map map;
    const char *bad = NULL;
    snprintf(full, sizeof full, "%s/%s", filling->fill->stage->path, path);
    if (file_map_open(&map, full) != ERR_OK)
        return OUTCOME_FINE; /* the check of the zone will say so */
    bool fine = includes_set(&filling->includes, path, (const char *)map.bytes, map.len, &bad);
    file_map_close(&map);
    return fine ? OUTCOME_FINE : bad_include(filling, path, bad != NULL ? bad : "");
}

/* What a changed zone includes may include more. Pairs are appended while we go. */
static enum outcome scan_all_included(struct filling *filling, unsigned from)
{
    struct paths seen;
    enum outcome outcome = OUTCOME_FINE;
    paths_init(&seen, &filling->arena);
    for (unsigned i = from; i < filling->includes.count && outcome == OUTCOME_FINE; i++) {
        const char *path = filling->includes.pairs[i].included;
        struct path_entry *entry = paths_get(&seen, path);
        if (entry == NULL)
            return no_memory(filling);
        if (!entry->set)
            outcome = scan_included(filling, path);
        entry->set = true;
    }
    return outcome;
}

/* ---- zones whose own file is as it was ---- */

static enum outcome stamp_again(struct filling *filling, const char *path, uint32_t serial)
{
    char full[STORE_PATH_MAX];
    struct file_map map;
    snprintf(full, sizeof full, "%s/%s", filling->fill->stage->path, path);
    if (file_map_open(&map, full) != ERR_OK)
        return OUTCOME_FINE;
    enum outcome outcome = fill_stamp(
        filling->fill->stage, path, (const char *)map.bytes, map.len, serial, filling->fill->problem);
    file_map_close(&map);
    return outcome;
}

/* History gave it a new serial (an included file changed, or it changed and changed back). */
static enum outcome stamp_other(struct filling *filling, const struct path_entry *entry)
{
    uint32_t published;
    const struct path_entry *row = paths_find(&filling->rows, entry->path);
    bool included = row != NULL && filling->fill->plan->zones[row->number].change == ZONE_CHANGED;
    if (!serial_in_file(filling->fill->stage->path, entry->path, &published))
        return OUTCOME_FINE; /* removed again */
    if (!serial_in_file(filling->fill->published, entry->path, &published) ||
        (!included && !serial_later(entry->number, published)))
        return OUTCOME_FINE;
    if (row_of(filling, entry->path, ZONE_CHANGED) == NULL)
        return no_memory(filling);
    return stamp_again(filling, entry->path, serial_for(filling, entry->path, entry->number));
}

static enum outcome stamp_others(struct filling *filling)
{
    enum outcome outcome = OUTCOME_FINE;
    for (uint32_t i = 0; i < filling->serials.bucket_count; i++)
        for (const struct path_entry *entry = filling->serials.buckets[i];
             entry != NULL && outcome == OUTCOME_FINE; entry = entry->next)
            if (entry->set)
                outcome = stamp_other(filling, entry);
    return outcome;
}

/* ---- what stands at the top of a release ---- */

static enum outcome put_includes(struct filling *filling)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    if (out == NULL)
        return no_memory(filling);
    includes_print(&filling->includes, out);
    enum outcome outcome = fclose(out) == 0 ? OUTCOME_FINE : no_memory(filling);
    if (outcome == OUTCOME_FINE)
        outcome = len > 0 ? stage_put(filling->fill->stage, FILL_INCLUDES, text, len, false)
                          : stage_remove(filling->fill->stage, FILL_INCLUDES);
    free(text);
    return outcome;
}

static void put_time(struct json *json, const char *name, int64_t seconds)
{
    char text[40];
    time_t time = (time_t)seconds;
    struct tm tm;
    if (gmtime_r(&time, &tm) != NULL && strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm) > 0)
        json_text(json, name, text);
}

enum outcome fill_own(
    struct stage *stage, const struct plan *plan, const char *release, struct problem *problem)
{
    char *text = NULL;
    size_t len = 0;
    struct json json;
    FILE *out = open_memstream(&text, &len);
    if (out == NULL)
        return problem_set(problem, OUTCOME_LOCAL, NULL, "out of memory");
    json_init(&json, out);
    json_open(&json, NULL, '{');
    json_text(&json, "commit", plan->commit.id);
    json_text(&json, "release", release);
    json_text(&json, "repository", plan->repository);
    json_text(&json, "summary", plan->commit.summary);
    json_text(&json, "author", plan->commit.author);
    json_text(&json, "signer", plan->signature_checked ? plan->signer : NULL);
    put_time(&json, "committed", plan->commit.time_s);
    json_close(&json, '}');
    fputc('\n', out);
    enum outcome outcome = fclose(out) == 0 ? stage_put(stage, STORE_OWN, text, len, false)
                                            : problem_set(problem, OUTCOME_LOCAL, NULL, "out of memory");
    free(text);
    return outcome;
}

static void read_includes(struct includes *includes, const char *published, struct arena *arena)
{
    char path[STORE_PATH_MAX], *text;
    size_t len;
    includes_init(includes);
    snprintf(path, sizeof path, "%s/" FILL_INCLUDES, published);
    if (*published != '\0' && file_read(path, (size_t)1 << 30, arena, &text, &len) == ERR_OK)
        includes_parse(includes, text);
}

static enum outcome make_serials(struct filling *filling)
{
    struct fill *fill = filling->fill;
    struct includes includes;
    if (!filling->made)
        return OUTCOME_FINE;
    read_includes(&includes, *fill->deployed != '\0' ? fill->published : "", &filling->arena);
    struct lineage lineage = {.repo = fill->repo,
        .settings = fill->settings,
        .commit = fill->plan->commit.id,
        .deployed = fill->deployed,
        .directory = fill->published,
        .includes = &includes};
    enum outcome outcome = lineage_serials(&lineage, &filling->serials, fill->problem);
    includes_clear(&includes);
    return outcome;
}

static enum outcome take_all(struct filling *filling)
{
    struct fill *fill = filling->fill;
    char old_tree[REPO_ID_MAX] = "", new_tree[REPO_ID_MAX];
    const char *subdirectory = fill->settings->subdirectory;
    enum outcome outcome =
        repo_tree(fill->repo, fill->plan->commit.id, subdirectory, new_tree, fill->problem);
    if (outcome == OUTCOME_FINE && new_tree[0] == '\0')
        return problem_set(fill->problem, OUTCOME_CHECK, "--subdirectory names a directory of the repository",
            "%s is not there in %.12s", subdirectory, fill->plan->commit.id);
    if (outcome == OUTCOME_FINE && *fill->deployed != '\0')
        outcome = repo_tree(fill->repo, fill->deployed, subdirectory, old_tree, fill->problem);
    unsigned pairs = filling->includes.count;
    if (outcome == OUTCOME_FINE)
        outcome = repo_compare(fill->repo, old_tree, new_tree, take_change, filling, fill->problem);
    if (outcome == OUTCOME_FINE)
        outcome = scan_all_included(filling, pairs);
    return outcome;
}

enum outcome fill_stage(struct fill *fill)
{
    struct filling filling = {.fill = fill, .made = fill->settings->serial != SERIAL_FILE};
    arena_init(&filling.arena, 0);
    paths_init(&filling.serials, &filling.arena);
    paths_init(&filling.rows, &filling.arena);
    fill->stage->time_s = fill->plan->commit.time_s;
    read_includes(&filling.includes, *fill->deployed != '\0' ? fill->published : "", &filling.arena);
    enum outcome outcome = make_serials(&filling);
    if (outcome == OUTCOME_FINE)
        outcome = take_all(&filling);
    if (outcome == OUTCOME_FINE && filling.made)
        outcome = stamp_others(&filling);
    if (outcome == OUTCOME_FINE)
        outcome = put_includes(&filling);
    if (outcome == OUTCOME_FINE)
        outcome = fill_own(fill->stage, fill->plan, fill->release, fill->problem);
    if (outcome == OUTCOME_FINE && (filling.failed || filling.includes.failed))
        outcome = no_memory(&filling);
    includes_clear(&filling.includes);
    arena_clear(&filling.arena);
    return outcome;
}
