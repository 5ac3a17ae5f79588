/* The text is read once and only sums are kept: per name, of the hashes of its records, compared with the
 * same sums of the snapshot. */
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

#define GROUP 16 /* runs looked up together, so that their memory reads overlap */

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

const struct node *comparing_node(const struct comparing *comparing, uint32_t slot)
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

uint32_t comparing_nsec3_slot(const struct comparing *comparing, const uint8_t *name, unsigned len)
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

uint32_t comparing_slot(const struct comparing *comparing, uint64_t hash, const uint8_t *name, unsigned len)
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

uint64_t comparing_record_hash(uint16_t type, uint32_t ttl, const uint8_t *rdata, size_t len)
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
            comparing_record_hash(record->type, record->ttl, record->rdata, record->rdata_len);
}

uint64_t comparing_node_sum(const struct node *node)
{
    uint64_t sum = 0;
    const struct rrset *rrset = node_rrsets(node);
    for (unsigned i = 0; i < node->rrset_count; i++, rrset = rrset_next(rrset)) {
        const uint8_t *at = rrset->data;
        struct record record;
        for (unsigned r = 0; r < (unsigned)rrset->count + rrset->sig_count; r++) {
            bool signature = r >= rrset->count;
            at = record_read(at, !signature && rrset_linked(rrset->type), &record);
            sum += comparing_record_hash(
                signature ? TYPE_RRSIG : rrset->type, rrset->ttl, record.rdata, record.rdata_len);
        }
    }
    return sum;
}

bool comparing_in_zone(const struct comparing *comparing, const struct run *run)
{
    const struct image_header *header = comparing->header;
    return run->record_count > 0 && run->name_len >= header->apex_len && run->labels >= header->apex_labels &&
           memcmp(run->name + run->name_len - header->apex_len, header->apex_name, header->apex_len) == 0 &&
           name_under(run->name, header->apex_name);
}

unsigned comparing_relative_len(const struct comparing *comparing, const struct run *run)
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
        unsigned len = comparing_relative_len(comparing, run);
        uint64_t sum, nsec3_sum;
        uint8_t hashed[20];
        run_sums(run, &sum, &nsec3_sum);
        if (sum != 0)
            add_sum(sums, comparing_slot(comparing, group[i].hash, run->name, len), sum);
        if (nsec3_sum != 0 && gather_hashed_owner(run, comparing->header->apex_labels, hashed))
            add_sum(sums, comparing_nsec3_slot(comparing, run->name, len), nsec3_sum);
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
        if (!comparing_in_zone(comparing, run))
            continue;
        group[count].run = run;
        group[count].hash =
            index_hash(comparing->header->seed, run->name, comparing_relative_len(comparing, run));
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
        return comparing_nsec3_slot(comparing, node->name, node->name_len) == slot;
    uint64_t hash = index_hash(comparing->header->seed, node->name, node->name_len);
    return comparing_slot(comparing, hash, node->name, node->name_len) == slot;
}

static void compare_piece(void *context, size_t piece)
{
    struct comparing *comparing = context;
    uint32_t from = (uint32_t)piece * SLOT_PIECE;
    uint32_t to = comparing->slots - from < SLOT_PIECE ? comparing->slots : from + SLOT_PIECE;
    uint32_t changed = 0;
    for (uint32_t slot = from; slot < to; slot++) {
        const struct node *node = comparing_node(comparing, slot);
        if (comparing_node_sum(node) == comparing->sums[slot] || !is_live(comparing, slot, node))
            continue;
        comparing->changed[slot / 8] |= (uint8_t)(1u << slot % 8);
        changed++;
    }
    __atomic_add_fetch(&comparing->changed_count, changed, __ATOMIC_RELAXED);
}

bool comparing_is_changed(const struct comparing *comparing, uint32_t slot)
{
    return slot == UNKNOWN || (comparing->changed[slot / 8] >> slot % 8 & 1) != 0;
}

bool comparing_chunk_changed(const struct comparing *comparing, size_t chunk)
{
    const struct part_sums *sums = &comparing->chunks[chunk];
    for (size_t i = 0; i < sums->count; i++) {
        if (comparing_is_changed(comparing, sums->items[i].slot))
            return true;
    }
    return false;
}

/* The first reading: findings of the text, and sums. */
enum err comparing_read(struct comparing *comparing, struct load_result *result)
{
    struct zone_text *text = &comparing->text;
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
    enum err err = text_read(&comparing->sources, comparing->file, &options, text);
    if (err != ERR_OK)
        return err;
    text_report(text, &comparing->options->sink);
    result->errors = text->errors;
    result->warnings = text->warnings;
    result->records = text->records;
    return result->errors > 0 ? ERR_INVALID : ERR_OK;
}

enum err comparing_compare(struct comparing *comparing)
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

void comparing_clear(struct comparing *comparing)
{
    for (size_t i = 0; i < comparing->chunk_count && comparing->chunks != NULL; i++)
        free(comparing->chunks[i].items);
    free(comparing->chunks);
    text_clear(&comparing->text);
    free(comparing->sums);
    free(comparing->changed);
    sources_clear(&comparing->sources);
}
