/* load_changes: a zone's text against the snapshot in service. The text is read once and only sums are kept:
 * per name, of the hashes of its records, compared with the same sums of the snapshot. Names whose sums
 * differ (none in the usual case) are read again for their records, and only those become an overlay. No
 * second copy of the zone is ever made. */
#include "zone/store/compare.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "zone/base/hash.h"
#include "zone/base/parallel.h"
#include "zone/store/find.h"
#include "zone/store/index.h"
#include "zone/store/lint.h"
#include "zone/store/load.h"
#include "zone/store/overlay.h"
#include "zone/text/chunks.h"
#include "zone/wire/name.h"
#include "zone/wire/type.h"

#define CHANGED_MAX 65536u

/* ---- the changed names' records ---- */

static bool run_matters(const struct comparing *comparing, const struct run *run, bool nsec3)
{
    unsigned len = comparing_relative_len(comparing, run);
    uint8_t hashed[20];
    if (nsec3)
        return gather_hashed_owner(run, comparing->header->apex_labels, hashed) &&
               comparing_is_changed(comparing, comparing_nsec3_slot(comparing, run->name, len));
    uint64_t hash = index_hash(comparing->header->seed, run->name, len);
    return comparing_is_changed(comparing, comparing_slot(comparing, hash, run->name, len));
}

static bool chunk_matters(void *context, size_t chunk)
{
    const struct comparing *comparing = context;
    return comparing_chunk_changed(comparing, chunk);
}

struct change_list {
    struct sort_entry *entries; /* names, then those of the NSEC3 set */
    size_t count, capacity, names;
    struct overlay_change *changes;
    size_t change_count;
};

static enum err push_entry(struct change_list *list, const struct comparing *comparing, const struct run *run)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity * 2 + 64;
        struct sort_entry *entries = realloc(list->entries, capacity * sizeof *entries);
        if (entries == NULL)
            return ERR_MEMORY;
        list->entries = entries;
        list->capacity = capacity;
    }
    struct sort_entry *entry = &list->entries[list->count++];
    entry->run = run;
    sort_key(run, comparing->header->apex_labels, entry->key);
    return ERR_OK;
}

static enum err collect_entries(
    struct comparing *comparing, const struct zone_text *text, bool nsec3, struct change_list *list)
{
    enum err err = ERR_OK;
    for (size_t c = 0; c < text->count; c++) {
        const struct tape *tape = &text->chunks[c].tape;
        const struct run *run = tape_first(tape);
        for (size_t i = 0; i < tape->run_count && err == ERR_OK; i++, run = run_next(run)) {
            bool has_nsec3, other;
            gather_kinds(run, &has_nsec3, &other);
            if ((nsec3 ? has_nsec3 : other) && comparing_in_zone(comparing, run) &&
                run_matters(comparing, run, nsec3))
                err = push_entry(list, comparing, run);
        }
    }
    return err;
}

static enum err collect_all(
    struct comparing *comparing, const struct zone_text *text, struct change_list *list)
{
    enum err err = collect_entries(comparing, text, false, list);
    list->names = list->count;
    if (err == ERR_OK)
        err = collect_entries(comparing, text, true, list);
    if (err == ERR_OK)
        err = sort_entries(list->entries, list->names, 1);
    return err == ERR_OK ? sort_entries(list->entries + list->names, list->count - list->names, 1) : err;
}

/* The same sum over what a name's records come to: without duplicates, with the TTL of their set. */
static uint64_t gathered_sum(const struct gathered *gathered)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < gathered->set_count; i++) {
        const struct gathered_set *set = &gathered->sets[i];
        for (uint32_t r = set->from; r < set->from + set->records; r++) {
            const struct gathered_record *record = &gathered->records[r];
            if (!record->duplicate)
                sum += comparing_record_hash(
                    record->record->type, set->ttl, record->record->rdata, record->record->rdata_len);
        }
    }
    return sum;
}

/* Duplicates and unequal TTLs make a name's sum differ though it means what it meant. */
static enum err means_the_same(
    const struct comparing *comparing, const struct overlay_change *change, bool *same)
{
    struct gathered gathered = {0};
    uint64_t hash = index_hash(comparing->header->seed, change->name, change->name_len);
    uint32_t slot = change->nsec3 ? comparing_nsec3_slot(comparing, change->name, change->name_len)
                                  : comparing_slot(comparing, hash, change->name, change->name_len);
    enum err err = gather(&gathered, change->entries, change->count, change->nsec3);
    if (err == ERR_OK && gathered.set_count == 0)
        *same = slot == UNKNOWN; /* not there before, nor now */
    else
        *same = err == ERR_OK && slot != UNKNOWN &&
                comparing_node_sum(comparing_node(comparing, slot)) == gathered_sum(&gathered);
    gather_clear(&gathered);
    return err;
}

/* One change per name of the entries, and one without records for each changed node that no entry names. */
static enum err make_changes(struct comparing *comparing, struct change_list *list)
{
    list->changes = calloc(list->count + comparing->changed_count + 1, sizeof *list->changes);
    if (list->changes == NULL)
        return ERR_MEMORY;
    for (size_t from = 0, to; from < list->count; from = to) {
        const struct run *run = list->entries[from].run;
        size_t end = from < list->names ? list->names : list->count;
        for (to = from + 1; to < end && sort_compare(&list->entries[from], &list->entries[to]) == 0; to++)
            continue;
        struct overlay_change change = {.name = run->name,
            .name_len = (uint8_t)comparing_relative_len(comparing, run),
            .nsec3 = from >= list->names,
            .entries = list->entries + from,
            .count = to - from};
        bool same;
        enum err err = means_the_same(comparing, &change, &same);
        if (err != ERR_OK)
            return err;
        if (!same)
            list->changes[list->change_count++] = change;
    }
    for (uint32_t slot = 0; slot < comparing->slots; slot++) {
        if (slot % 8 == 0 && comparing->changed[slot / 8] == 0) {
            slot += 7;
            continue;
        }
        if (!comparing_is_changed(comparing, slot) || comparing->sums[slot] != 0)
            continue;
        const struct node *node = comparing_node(comparing, slot);
        if (node->rrset_count > 0)
            list->changes[list->change_count++] = (struct overlay_change){
                .name = node->name, .name_len = node->name_len, .nsec3 = (node->flags & NODE_NSEC3) != 0};
    }
    return ERR_OK;
}

static void tell(struct comparing *comparing, const struct lint *lint, struct load_result *result)
{
    result->errors += lint->findings.errors;
    result->warnings += lint->findings.warnings;
    pending_report(&lint->findings, &comparing->sources, &comparing->options->sink);
}

static enum err make_snapshot(
    struct comparing *comparing, struct change_list *list, struct load_result *result, struct snapshot **out)
{
    struct arena arena;
    arena_init(&arena, 0);
    struct lint lint = {.findings = {.arena = &arena}, .all = comparing->options->checks};
    enum err err = overlay_make(
        (struct snapshot *)(uintptr_t)comparing->snapshot, list->changes, list->change_count, &lint, out);
    if (err != ERR_LIMIT)
        tell(comparing, &lint, result);
    arena_clear(&arena);
    return err;
}

static enum err read_changed(
    struct comparing *comparing, struct load_result *result, uint32_t *changes, struct snapshot **out)
{
    struct change_list list = {0};
    struct text_options options = {.origin = comparing->header->apex_name,
        .threads = comparing->options->threads,
        .chunk_size = comparing->options->chunk_size,
        .context = comparing};
    enum err err = text_reread(&comparing->text, &options, chunk_matters);
    if (err == ERR_OK)
        err = collect_all(comparing, &comparing->text, &list);
    if (err == ERR_OK)
        err = make_changes(comparing, &list);
    if (err == ERR_OK && list.change_count == 0)
        *out = snapshot_hold((struct snapshot *)(uintptr_t)comparing->snapshot);
    else if (err == ERR_OK)
        err = make_snapshot(comparing, &list, result, out);
    if (err == ERR_OK)
        *changes = (uint32_t)list.change_count;
    free(list.entries);
    free(list.changes);
    return err;
}

static enum err load_anew(const char *path, const struct load_options *options, struct snapshot *current,
    struct load_result *result, uint32_t *changes, struct snapshot **out)
{
    struct image *image;
    struct load_options again = *options;
    again.origin = current->image->header->apex_name;
    enum err err = load_image(path, &again, result, &image);
    if (err != ERR_OK)
        return err;
    *changes = image->header->node_count;
    *out = snapshot_new(image);
    if (*out != NULL)
        return ERR_OK;
    image_release(image);
    return ERR_MEMORY;
}

static enum err open_source(struct comparing *comparing, const char *path)
{
    enum err err = sources_init(&comparing->sources);
    if (err != ERR_OK)
        return err;
    err = sources_open(&comparing->sources, path, &comparing->file);
    if (err == ERR_IO && comparing->options->sink.report != NULL) {
        struct finding finding = {
            .severity = SEVERITY_ERROR, .rule = "file", .file = path, .message = strerror(errno)};
        comparing->options->sink.report(comparing->options->sink.context, &finding);
    }
    return err;
}

enum err load_changes(const char *path, const struct load_options *options, struct snapshot *current,
    struct load_result *result, uint32_t *changes, struct snapshot **out)
{
    struct comparing comparing = {.snapshot = current, .header = current->image->header, .options = options};
    struct snapshot *made = NULL;
    uint32_t count = 0;
    bool anew = false;
    memset(result, 0, sizeof *result);
    enum err err = open_source(&comparing, path);
    if (err == ERR_OK)
        err = comparing_read(&comparing, result);
    if (err == ERR_OK)
        err = comparing_compare(&comparing);
    if (err == ERR_OK) {
        if (comparing.changed_count == 0 && !comparing.unknown) {
            made = snapshot_hold(current);
        } else if (comparing.changed_count > CHANGED_MAX) {
            anew = true;
        } else {
            err = read_changed(&comparing, result, &count, &made);
            anew = err == ERR_LIMIT;
        }
    }
    /* It is read twice: both have to have seen the same. */
    unsigned torn = sources_report_changed(&comparing.sources, &options->sink);
    result->errors += torn;
    if (err == ERR_OK && torn > 0) {
        if (made != NULL)
            snapshot_release(made);
        err = ERR_INVALID;
        anew = false;
    }
    if (err == ERR_OK && !anew) {
        *changes = count;
        *out = made;
    }
    comparing_clear(&comparing);
    return anew ? load_anew(path, options, current, result, changes, out) : err;
}
