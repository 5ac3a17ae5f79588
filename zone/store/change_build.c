#include <stdlib.h>
#include <string.h>

#include "zone/store/edit.h"
#include "zone/store/whole.h"
#include "zone/wire/name.h"
#include "zone/wire/type.h"

#define NO_RUN SIZE_MAX

/* ---- edits ---- */

enum err edits_init(struct edits *edits)
{
    *edits = (struct edits){0};
    arena_init(&edits->names, 0);
    return tape_init(&edits->tape, 0);
}

void edits_clear(struct edits *edits)
{
    if (edits->tape.base != NULL)
        tape_clear(&edits->tape);
    arena_clear(&edits->names);
    free(edits->items);
    free(edits->changes);
    free(edits->entries);
}

enum err edits_name(struct edits *edits, const uint8_t *name, unsigned name_len, bool nsec3)
{
    if (edits->count == edits->room) {
        size_t room = edits->room * 2 + 64;
        struct edit *items = realloc(edits->items, room * sizeof *items);
        if (items == NULL)
            return ERR_MEMORY;
        edits->items = items;
        edits->room = room;
    }
    uint8_t *copy = (uint8_t *)arena_copy(&edits->names, name, name_len);
    if (copy == NULL)
        return ERR_MEMORY;
    edits->items[edits->count++] =
        (struct edit){.name = copy, .name_len = (uint8_t)name_len, .nsec3 = nsec3, .run_at = NO_RUN};
    return ERR_OK;
}

enum err edits_record(struct edits *edits, const uint8_t *owner, uint16_t type, uint32_t ttl,
    const uint8_t *rdata, size_t rdata_len)
{
    struct edit *edit = &edits->items[edits->count - 1];
    enum err err = tape_put(&edits->tape, owner, type, ttl, rdata, rdata_len);
    if (err == ERR_OK && edit->run_at == NO_RUN)
        edit->run_at =
            edits->tape.run_at; /* perhaps shared by a name in both sets: gather takes what belongs */
    return err;
}

enum err edits_finish(struct edits *edits, struct overlay_change **out)
{
    edits->changes = calloc(edits->count + 1, sizeof *edits->changes);
    edits->entries = calloc(edits->count + 1, sizeof *edits->entries);
    if (edits->changes == NULL || edits->entries == NULL)
        return ERR_MEMORY;
    for (size_t i = 0; i < edits->count; i++) {
        const struct edit *edit = &edits->items[i];
        edits->changes[i] =
            (struct overlay_change){.name = edit->name, .name_len = edit->name_len, .nsec3 = edit->nsec3};
        if (edit->run_at == NO_RUN)
            continue;
        edits->entries[i].run = (const struct run *)(const void *)(edits->tape.base + edit->run_at);
        edits->changes[i].entries = &edits->entries[i];
        edits->changes[i].count = 1;
    }
    *out = edits->changes;
    return ERR_OK;
}

/* ---- a zone on tapes ---- */

static enum err put_records(struct whole *whole, const uint8_t *owner, const struct rrset *rrset, bool sigs)
{
    const uint8_t *at = sigs ? rrset_signatures(rrset) : rrset->data;
    unsigned count = sigs ? rrset->sig_count : rrset->count;
    uint16_t type = sigs ? (uint16_t)TYPE_RRSIG : rrset->type;
    enum err err = ERR_OK;
    for (unsigned i = 0; i < count && err == ERR_OK; i++) {
        struct record record;
        at = record_read(at, !sigs && rrset_linked(type), &record);
        err = whole_add(whole, owner, type, rrset->ttl, record.rdata, record.rdata_len);
    }
    return err;
}

static enum err put_node(struct whole *whole, const struct snapshot *snapshot, const struct node *node)
{
    uint8_t owner[NAME_MAX + 1];
    const struct rrset *rrset = node_rrsets(node);
    enum err err = ERR_OK;
    (void)snapshot_owner(snapshot, node, owner);
    for (unsigned i = 0; i < node->rrset_count && err == ERR_OK; i++, rrset = rrset_next(rrset)) {
        err = put_records(whole, owner, rrset, false);
        if (err == ERR_OK)
            err = put_records(whole, owner, rrset, true);
    }
    return err;
}

static bool is_nsec3(const struct tape_record *record)
{
    return record->type == TYPE_NSEC3 || (record->type == TYPE_RRSIG && record->rdata_len >= 2 &&
                                             record->rdata[0] == 0 && record->rdata[1] == TYPE_NSEC3);
}

static enum err put_edit(struct whole *whole, const struct edits *edits, const struct edit *edit)
{
    if (edit->run_at == NO_RUN)
        return ERR_OK;
    const struct run *run = (const struct run *)(const void *)(edits->tape.base + edit->run_at);
    const struct tape_record *record = run_first(run);
    enum err err = ERR_OK;
    for (uint32_t i = 0; i < run->record_count && err == ERR_OK; i++, record = tape_record_next(record)) {
        if (is_nsec3(record) == edit->nsec3)
            err = whole_add(whole, run->name, record->type, record->ttl, record->rdata, record->rdata_len);
    }
    return err;
}

static int edit_order(const struct edit *edit, const struct node *node)
{
    bool nsec3 = (node->flags & NODE_NSEC3) != 0;
    if (edit->nsec3 != nsec3)
        return edit->nsec3 ? 1 : -1;
    return relative_compare(edit->name, edit->name_len, node->name, node->name_len);
}

/* All names of the snapshot and of the edits, those of the edits in place of the snapshot's. */
static enum err put_zone(struct whole *whole, const struct snapshot *snapshot, const struct edits *edits)
{
    struct snapshot_walk walk;
    size_t at = 0, count = edits != NULL ? edits->count : 0;
    snapshot_walk_start(&walk, snapshot);
    const struct node *node = snapshot_walk_next(&walk);
    enum err err = ERR_OK;
    while ((node != NULL || at < count) && err == ERR_OK) {
        const struct edit *edit = at < count ? &edits->items[at] : NULL;
        int order = edit == NULL ? 1 : node == NULL ? -1 : edit_order(edit, node);
        err = order <= 0 ? put_edit(whole, edits, edit) : put_node(whole, snapshot, node);
        at += order <= 0;
        if (order >= 0)
            node = snapshot_walk_next(&walk);
    }
    return err;
}

/* ---- building ---- */

enum err edits_build(
    struct snapshot *current, const struct edits *edits, unsigned threads, char *why, struct image **out)
{
    struct whole whole = {0};
    enum err err = put_zone(&whole, current, edits);
    if (err == ERR_OK)
        err = whole_build(&whole, current->image->header->apex_name, threads, why, out);
    whole_clear(&whole);
    return err;
}

enum err change_fold(struct snapshot *current, unsigned threads, struct image **out)
{
    return edits_build(current, NULL, threads, NULL, out);
}

enum err change_build(const uint8_t *apex, const struct change_list *list, unsigned threads,
    char why[CHANGE_WHY_MAX], struct image **out)
{
    struct whole whole = {0};
    struct change_record record;
    uint8_t lower[NAME_MAX + 1];
    enum err err = ERR_OK;
    name_lower(lower, apex);
    if (why != NULL)
        why[0] = '\0';
    for (size_t at = 0; err == ERR_OK && change_next(list, &at, &record);)
        err = whole_add(&whole, record.owner, record.type, record.ttl, record.rdata, record.rdata_len);
    if (err == ERR_OK)
        err = whole_build(&whole, lower, threads, why, out);
    whole_clear(&whole);
    return err;
}
