/* load_changes: a zone's text against the snapshot in service. The text is read once and only sums are kept:
 * per name, of the hashes of its records, compared with the same sums of the snapshot. Names whose sums
 * differ (none in the usual case) are read again for their records, and only those become an overlay. No
 * second copy of the zone is ever made. */
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
#define UNKNOWN UINT32_MAX /* a name that the snapshot has not */
#define GROUP 16

/* The sum of one run's records, for the node with a slot. */
struct part_sum {
    uint32_t slot;
    uint64_t sum;
};

struct part_sums {
    struct part_sum *items;
    size_t count;
    bool failed;
};

/* Slots: the image's nodes by number, its NSEC3 nodes, the overlay's nodes, its NSEC3 nodes. */
struct comparing {
    const struct snapshot *snapshot;
    const struct image_header *header;
    struct sources sources;
    uint16_t file;
    const struct load_options *options;
    struct part_sums *chunks;
    size_t chunk_count;
    uint64_t *sums;
    uint8_t *changed; /* a bit per slot */
    uint32_t slots;
    uint32_t changed_count;
    bool unknown; /* names came that were not there */
};

/* ---- slots ---- */

static uint32_t overlay_base(const struct comparing *comparing)
{
    return comparing->header->node_count + comparing->header->nsec3_count;
}

static uint32_t slot_of_node(const struct comparing *comparing, const struct node *node, bool in_overlay)
{
    const struct overlay *overlay = comparing->snapshot->overlay;
    bool nsec3 = (node->flags & NODE_NSEC3) != 0;
    if (in_overlay)
        return overlay_base(comparing) + node->number + (nsec3 ? overlay->count : 0);
    return node->number + (nsec3 ? comparing->header->node_count : 0);
}

static const struct node *node_of_slot(const struct comparing *comparing, uint32_t slot)
{
    const struct image *image = comparing->snapshot->image;
    uint32_t nodes = comparing->header->node_count, base = overlay_base(comparing);
    if (slot < nodes)
        return image_node(image, image->order[slot]);
    if (slot < base)
        return image_node(image, image->nsec3_order[slot - nodes]);
    const struct overlay *overlay = comparing->snapshot->overlay;
    slot -= base;
    return slot < overlay->count ? overlay_nth(overlay, false, slot)
                                 : overlay_nth(overlay, true, slot - overlay->count);
}

static bool same_name(const struct node *node, const uint8_t *name, unsigned len)
{
    return node->name_len == len && memcmp(node->name, name, len) == 0;
}

static uint32_t find_nsec3_slot(const struct comparing *comparing, const uint8_t *name, unsigned len)
{
    const struct snapshot *snapshot = comparing->snapshot;
    const struct overlay *overlay = snapshot->overlay;
    if (overlay != NULL) {
        const struct node *node = overlay_nth(overlay, true, overlay_lower_bound(overlay, true, name, len));
        if (node != NULL && same_name(node, name, len))
            return overlay_removed(node) ? UNKNOWN : slot_of_node(comparing, node, true);
    }
    const struct image *image = snapshot->image;
    uint32_t low = 0, high = image->header->nsec3_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct node *node = image_node(image, image->nsec3_order[middle]);
        if (relative_compare(node->name, node->name_len, name, len) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == image->header->nsec3_count)
        return UNKNOWN;
    const struct node *node = image_node(image, image->nsec3_order[low]);
    return same_name(node, name, len) ? slot_of_node(comparing, node, false) : UNKNOWN;
}

static uint32_t find_slot(const struct comparing *comparing, uint64_t hash, const uint8_t *name, unsigned len)
{
    const struct snapshot *snapshot = comparing->snapshot;
    if (snapshot->overlay != NULL) {
        const struct node *node = overlay_find(snapshot->overlay, hash, name, len);
        if (node != NULL)
            return overlay_removed(node) ? UNKNOWN : slot_of_node(comparing, node, true);
    }
    uint32_t ref = index_find(snapshot->image, hash, name, len);
    return ref == 0 ? UNKNOWN : slot_of_node(comparing, image_node(snapshot->image, ref), false);
}

/* ---- sums ---- */

static uint64_t record_hash(uint16_t type, uint32_t ttl, const uint8_t *rdata, size_t len)
{
    return hash_bytes((uint64_t)type << 32 | ttl, rdata, len);
}

static bool is_nsec3_record(const struct tape_record *record)
{
    return record->type == TYPE_NSEC3 || (record->type == TYPE_RRSIG && record->rdata_len >= 2 &&
                                             record->rdata[0] == 0 && record->rdata[1] == TYPE_NSEC3);
}

static void run_sums(const struct run *run, uint64_t *sum, uint64_t *nsec3_sum)
{
    const struct tape_record *record = run_first(run);
    *sum = *nsec3_sum = 0;
    for (uint32_t i = 0; i < run->record_count; i++, record = tape_record_next(record))
        *(is_nsec3_record(record) ? nsec3_sum : sum) +=
            record_hash(record->type, record->ttl, record->rdata, record->rdata_len);
}

static uint64_t node_sum(const struct node *node)
{
    uint64_t sum = 0;
    const struct rrset *rrset = node_rrsets(node);
    for (unsigned i = 0; i < node->rrset_count; i++, rrset = rrset_next(rrset)) {
        const uint8_t *at = rrset->data;
        struct record record;
        for (unsigned r = 0; r < (unsigned)rrset->count + rrset->sig_count; r++) {
            bool signature = r >= rrset->count;
            at = record_read(at, !signature && rrset_linked(rrset->type), &record);
            sum +=
                record_hash(signature ? TYPE_RRSIG : rrset->type, rrset->ttl, record.rdata, record.rdata_len);
        }
    }
    return sum;
}

static bool in_zone(const struct comparing *comparing, const struct run *run)
{
    const struct image_header *header = comparing->header;
    return run->record_count > 0 && run->name_len >= header->apex_len && run->labels >= header->apex_labels &&
           memcmp(run->name + run->name_len - header->apex_len, header->apex_name, header->apex_len) == 0 &&
           name_under(run->name, header->apex_name);
}

static unsigned relative_len(const struct comparing *comparing, const struct run *run)
{
    return (unsigned)(run->name_len - comparing->header->apex_len);
}

static void add_sum(struct part_sums *sums, uint32_t slot, uint64_t sum)
{
    sums->items[sums->count++] = (struct part_sum){slot, sum};
}

struct pass_run {
    const struct run *run;
    uint64_t hash;
};

static void sum_group(
    const struct comparing *comparing, const struct pass_run *group, unsigned count, struct part_sums *sums)
{
    for (unsigned i = 0; i < count; i++) {
        const struct run *run = group[i].run;
        unsigned len = relative_len(comparing, run);
        uint64_t sum, nsec3_sum;
        uint8_t hashed[20];
        run_sums(run, &sum, &nsec3_sum);
        if (sum != 0)
            add_sum(sums, find_slot(comparing, group[i].hash, run->name, len), sum);
        if (nsec3_sum != 0 && gather_hashed_owner(run, comparing->header->apex_labels, hashed))
            add_sum(sums, find_nsec3_slot(comparing, run->name, len), nsec3_sum);
    }
}

static void sum_chunk(void *context, size_t chunk, struct tape *tape)
{
    struct comparing *comparing = context;
    struct part_sums *sums = &comparing->chunks[chunk];
    struct pass_run group[GROUP];
    unsigned count = 0;
    free(sums->items);
    sums->count = 0;
    sums->items = malloc((tape->run_count * 2 + 1) * sizeof *sums->items);
    sums->failed = sums->items == NULL;
    const struct run *run = tape_first(tape);
    for (size_t i = 0; i < tape->run_count && !sums->failed; i++, run = run_next(run)) {
        if (!in_zone(comparing, run))
            continue;
        group[count].run = run;
        group[count].hash = index_hash(comparing->header->seed, run->name, relative_len(comparing, run));
        index_prefetch(comparing->snapshot->image, group[count].hash);
        if (++count == GROUP) {
            sum_group(comparing, group, count, sums);
            count = 0;
        }
    }
    if (!sums->failed)
        sum_group(comparing, group, count, sums);
    tape_clear(tape);
}

/* ---- what differs ---- */

static enum err add_up(struct comparing *comparing)
{
    for (size_t c = 0; c < comparing->chunk_count; c++) {
        const struct part_sums *sums = &comparing->chunks[c];
        if (sums->failed)
            return ERR_MEMORY;
        for (size_t i = 0; i < sums->count; i++) {
            if (sums->items[i].slot == UNKNOWN)
                comparing->unknown = true;
            else
                comparing->sums[sums->items[i].slot] += sums->items[i].sum;
        }
    }
    return ERR_OK;
}

#define SLOT_PIECE 32768u /* a multiple of 8: no two pieces share an octet of the bits */

static bool is_live(const struct comparing *comparing, uint32_t slot, const struct node *node)
{
    if (comparing->snapshot->overlay == NULL)
        return true;
    if (slot >= overlay_base(comparing))
        return !overlay_removed(node);
    if ((node->flags & NODE_NSEC3) != 0)
        return find_nsec3_slot(comparing, node->name, node->name_len) == slot;
    uint64_t hash = index_hash(comparing->header->seed, node->name, node->name_len);
    return find_slot(comparing, hash, node->name, node->name_len) == slot;
}

static void compare_piece(void *context, size_t piece)
{
    struct comparing *comparing = context;
    uint32_t from = (uint32_t)piece * SLOT_PIECE;
    uint32_t to = comparing->slots - from < SLOT_PIECE ? comparing->slots : from + SLOT_PIECE;
    uint32_t changed = 0;
    for (uint32_t slot = from; slot < to; slot++) {
        const struct node *node = node_of_slot(comparing, slot);
        if (node_sum(node) == comparing->sums[slot] || !is_live(comparing, slot, node))
            continue;
        comparing->changed[slot / 8] |= (uint8_t)(1u << slot % 8);
        changed++;
    }
    __atomic_add_fetch(&comparing->changed_count, changed, __ATOMIC_RELAXED);
}

static bool is_changed(const struct comparing *comparing, uint32_t slot)
{
    return slot == UNKNOWN || (comparing->changed[slot / 8] >> slot % 8 & 1) != 0;
}

/* ---- the changed names' records ---- */

static bool run_matters(const struct comparing *comparing, const struct run *run, bool nsec3)
{
    unsigned len = relative_len(comparing, run);
    uint8_t hashed[20];
    if (nsec3)
        return gather_hashed_owner(run, comparing->header->apex_labels, hashed) &&
               is_changed(comparing, find_nsec3_slot(comparing, run->name, len));
    uint64_t hash = index_hash(comparing->header->seed, run->name, len);
    return is_changed(comparing, find_slot(comparing, hash, run->name, len));
}

/* Chunks without a changed name give their memory back at once. */
static void keep_chunk(void *context, size_t chunk, struct tape *tape)
{
    struct comparing *comparing = context;
    const struct run *run = tape_first(tape);
    (void)chunk;
    for (size_t i = 0; i < tape->run_count; i++, run = run_next(run)) {
        bool nsec3, other;
        gather_kinds(run, &nsec3, &other);
        if (in_zone(comparing, run) &&
            ((other && run_matters(comparing, run, false)) || (nsec3 && run_matters(comparing, run, true))))
            return;
    }
    tape_clear(tape);
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
            if ((nsec3 ? has_nsec3 : other) && in_zone(comparing, run) && run_matters(comparing, run, nsec3))
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
                sum += record_hash(
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
    uint32_t slot = change->nsec3 ? find_nsec3_slot(comparing, change->name, change->name_len)
                                  : find_slot(comparing, hash, change->name, change->name_len);
    enum err err = gather(&gathered, change->entries, change->count, change->nsec3);
    if (err == ERR_OK && gathered.set_count == 0)
        *same = slot == UNKNOWN; /* not there before, nor now */
    else
        *same = err == ERR_OK && slot != UNKNOWN &&
                node_sum(node_of_slot(comparing, slot)) == gathered_sum(&gathered);
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
            .name_len = (uint8_t)relative_len(comparing, run),
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
        if (!is_changed(comparing, slot) || comparing->sums[slot] != 0)
            continue;
        const struct node *node = node_of_slot(comparing, slot);
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
    struct zone_text text;
    struct change_list list = {0};
    struct text_options options = {.origin = comparing->header->apex_name,
        .threads = comparing->options->threads,
        .chunk_size = comparing->options->chunk_size,
        .consume = keep_chunk,
        .context = comparing};
    enum err err = text_read(&comparing->sources, comparing->file, &options, &text);
    if (err != ERR_OK)
        return err;
    err = collect_all(comparing, &text, &list);
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
    text_clear(&text);
    return err;
}

/* The first reading: findings of the text, and sums. */
static enum err read_sums(struct comparing *comparing, struct load_result *result)
{
    struct zone_text text;
    size_t chunk_size =
        comparing->options->chunk_size != 0 ? comparing->options->chunk_size : (size_t)1 << 20;
    comparing->chunk_count = sources_get(&comparing->sources, comparing->file)->input.len / chunk_size + 1;
    comparing->chunks = calloc(comparing->chunk_count, sizeof *comparing->chunks);
    if (comparing->chunks == NULL)
        return ERR_MEMORY;
    struct text_options options = {.origin = comparing->header->apex_name,
        .threads = comparing->options->threads,
        .chunk_size = chunk_size,
        .consume = sum_chunk,
        .context = comparing};
    enum err err = text_read(&comparing->sources, comparing->file, &options, &text);
    if (err != ERR_OK)
        return err;
    text_report(&text, &comparing->options->sink);
    result->errors = text.errors;
    result->warnings = text.warnings;
    result->records = text.records;
    text_clear(&text);
    return result->errors > 0 ? ERR_INVALID : ERR_OK;
}

static enum err compare(struct comparing *comparing)
{
    const struct overlay *overlay = comparing->snapshot->overlay;
    comparing->slots =
        overlay_base(comparing) + (overlay != NULL ? overlay->count + overlay->nsec3_count : 0);
    comparing->sums = calloc(comparing->slots, sizeof *comparing->sums);
    comparing->changed = calloc(comparing->slots / 8 + 1, 1);
    if (comparing->sums == NULL || comparing->changed == NULL)
        return ERR_MEMORY;
    enum err err = add_up(comparing);
    if (err == ERR_OK)
        parallel_each(
            comparing->options->threads, comparing->slots / SLOT_PIECE + 1, compare_piece, comparing);
    return err;
}

static void comparing_clear(struct comparing *comparing)
{
    for (size_t i = 0; i < comparing->chunk_count && comparing->chunks != NULL; i++)
        free(comparing->chunks[i].items);
    free(comparing->chunks);
    free(comparing->sums);
    free(comparing->changed);
    sources_clear(&comparing->sources);
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
        err = read_sums(&comparing, result);
    if (err == ERR_OK)
        err = compare(&comparing);
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
