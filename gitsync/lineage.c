#include "gitsync/lineage.h"

#include <stdlib.h>
#include <string.h>

#include "gitsync/examine.h"
#include "gitsync/serial.h"
#include "gitsync/store.h"
#include "zone/base/file.h"

#define ZONE_TEXT_MAX ((size_t)1 << 31)

struct commits {
    char (*ids)[REPO_ID_MAX];
    unsigned count, room;
};

struct tracing {
    struct lineage *lineage;
    struct paths *serials;
    struct problem *problem;
    struct arena arena;     /* for one commit */
    struct paths touched;   /* zones that the commit changes */
    char tree[REPO_ID_MAX]; /* of the commit */
    int64_t time_s;
    bool from_root;
    bool failed;
};

static enum outcome no_memory(struct problem *problem)
{
    return problem_set(problem, OUTCOME_LOCAL, NULL, "out of memory");
}

static enum outcome keep_commit(void *context, const char *id)
{
    struct commits *commits = context;
    if (commits->count == commits->room) {
        unsigned room = commits->room == 0 ? 64 : commits->room * 2;
        void *ids = realloc(commits->ids, (size_t)room * REPO_ID_MAX);
        if (ids == NULL)
            return OUTCOME_LOCAL;
        commits->ids = ids;
        commits->room = room;
    }
    memcpy(commits->ids[commits->count++], id, REPO_ID_MAX);
    return OUTCOME_FINE;
}

/* ---- one commit ---- */

static enum outcome scan(struct tracing *tracing, const char *path, const char *blob)
{
    char *text = NULL;
    size_t len = 0;
    const char *bad;
    enum outcome outcome =
        *blob != '\0' ? repo_blob(tracing->lineage->repo, blob, &text, &len, tracing->problem) : OUTCOME_FINE;
    /* a bad path was refused when its commit was to be deployed, or will be: here it has no part */
    if (outcome == OUTCOME_FINE)
        (void)!includes_set(tracing->lineage->includes, path, text, len, &bad);
    free(text);
    return outcome;
}

static void touch(void *context, const char *path)
{
    struct tracing *tracing = context;
    if (examine_is_zone(tracing->lineage->settings, path) && paths_get(&tracing->touched, path) == NULL)
        tracing->failed = true;
}

static enum outcome see_change(void *context, const struct repo_change *change)
{
    struct tracing *tracing = context;
    bool is_zone = examine_is_zone(tracing->lineage->settings, change->path);
    bool is_file = change->kind == REPO_FILE || change->kind == REPO_EXECUTABLE;
    touch(tracing, change->path);
    includes_above(tracing->lineage->includes, change->path, touch, tracing);
    if (!is_zone && !includes_has(tracing->lineage->includes, change->path))
        return OUTCOME_FINE;
    return scan(tracing, change->path, is_file ? change->new_id : "");
}

/* The serial in the file that is published for PATH. */
static void published_serial(struct tracing *tracing, struct path_entry *entry)
{
    char path[STORE_PATH_MAX];
    struct file_map map;
    struct serial_place place;
    const char *why;
    snprintf(path, sizeof path, "%s/%s", tracing->lineage->directory, entry->path);
    if (tracing->from_root || file_map_open(&map, path) != ERR_OK)
        return;
    if (serial_find((const char *)map.bytes, map.len, &place, &why)) {
        entry->number = place.value;
        entry->set = true;
    }
    file_map_close(&map);
}

/* The zone's next serial, as of this commit. */
static enum outcome advance(struct tracing *tracing, const char *path)
{
    char id[REPO_ID_MAX], *text;
    size_t len;
    struct serial_place place = {0};
    const char *why;
    bool known = paths_find(tracing->serials, path) != NULL;
    struct path_entry *entry = paths_get(tracing->serials, path);
    if (entry == NULL)
        return no_memory(tracing->problem);
    if (!known)
        published_serial(tracing, entry);
    if (!repo_entry(tracing->lineage->repo, tracing->tree, path, id))
        return OUTCOME_FINE; /* removed: when it comes back, its serials go on */
    enum outcome outcome = repo_blob(tracing->lineage->repo, id, &text, &len, tracing->problem);
    if (outcome != OUTCOME_FINE)
        return outcome;
    if (!serial_find(text, len, &place, &why))
        place.value = 0;
    free(text);
    entry->number = serial_make((enum serial_mode)tracing->lineage->settings->serial, tracing->time_s,
        place.value, entry->set ? &entry->number : NULL);
    entry->set = true;
    return OUTCOME_FINE;
}

static enum outcome advance_all(struct tracing *tracing)
{
    enum outcome outcome = OUTCOME_FINE;
    for (uint32_t i = 0; i < tracing->touched.bucket_count; i++)
        for (struct path_entry *entry = tracing->touched.buckets[i]; entry != NULL && outcome == OUTCOME_FINE;
             entry = entry->next)
            outcome = advance(tracing, entry->path);
    return outcome;
}

static enum outcome follow(struct tracing *tracing, const char *id)
{
    struct lineage *lineage = tracing->lineage;
    struct repo_commit commit;
    char before[REPO_ID_MAX] = "";
    arena_reset(&tracing->arena);
    paths_init(&tracing->touched, &tracing->arena);
    enum outcome outcome = repo_commit(lineage->repo, id, &tracing->arena, &commit, tracing->problem);
    if (outcome == OUTCOME_FINE)
        outcome =
            repo_tree(lineage->repo, id, lineage->settings->subdirectory, tracing->tree, tracing->problem);
    if (outcome == OUTCOME_FINE && commit.parent_count > 0)
        outcome = repo_tree(
            lineage->repo, commit.parents[0], lineage->settings->subdirectory, before, tracing->problem);
    tracing->time_s = commit.time_s;
    if (outcome == OUTCOME_FINE)
        outcome = repo_compare(lineage->repo, before, tracing->tree, see_change, tracing, tracing->problem);
    if (outcome == OUTCOME_FINE)
        outcome = advance_all(tracing);
    return outcome == OUTCOME_FINE && tracing->failed ? no_memory(tracing->problem) : outcome;
}

/* ---- the line ---- */

/* Does the oldest of the commits found go on from the deployed one? */
static bool continues(struct tracing *tracing, const struct commits *commits)
{
    struct repo_commit oldest;
    struct problem unused;
    if (commits->count == 0)
        return true;
    return repo_commit(tracing->lineage->repo, commits->ids[commits->count - 1], &tracing->arena, &oldest,
               &unused) == OUTCOME_FINE &&
           oldest.parent_count > 0 && strcmp(oldest.parents[0], tracing->lineage->deployed) == 0;
}

static enum outcome find_line(struct tracing *tracing, struct commits *commits)
{
    const struct lineage *lineage = tracing->lineage;
    enum outcome outcome = OUTCOME_FINE;
    if (*lineage->deployed != '\0' && repo_has(lineage->repo, lineage->deployed)) {
        outcome = repo_walk(
            lineage->repo, lineage->commit, lineage->deployed, true, keep_commit, commits, tracing->problem);
        if (outcome != OUTCOME_FINE || continues(tracing, commits))
            return outcome;
    }
    commits->count = 0;
    tracing->from_root = true;
    includes_clear(lineage->includes);
    includes_init(lineage->includes);
    return repo_walk(lineage->repo, lineage->commit, "", true, keep_commit, commits, tracing->problem);
}

enum outcome lineage_serials(struct lineage *lineage, struct paths *serials, struct problem *problem)
{
    struct tracing tracing = {.lineage = lineage, .serials = serials, .problem = problem};
    struct commits commits = {0};
    arena_init(&tracing.arena, 0);
    problem->text[0] = '\0';
    enum outcome outcome = find_line(&tracing, &commits);
    for (unsigned i = commits.count; i-- > 0 && outcome == OUTCOME_FINE;)
        outcome = follow(&tracing, commits.ids[i]);
    if (outcome == OUTCOME_LOCAL && problem->text[0] == '\0')
        outcome = no_memory(problem);
    free(commits.ids);
    arena_clear(&tracing.arena);
    return outcome;
}
