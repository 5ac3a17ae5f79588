/* Making an overlay: the last overlay's nodes, the changed names, and every node whose place in the tree
 * changes with them (empty non-terminals that come or go, names that a delegation hides or bares, parents of
 * wildcards) are brought together, put in order and written as one small block. */
#include "zone/store/making.h"

#include <stdlib.h>
#include <string.h>

#include "zone/base/arena.h"
#include "zone/base/hash.h"
#include "zone/store/find.h"
#include "zone/store/index.h"
#include "zone/store/lint.h"
#include "zone/store/overlay.h"
#include "zone/wire/name.h"
#include "zone/wire/type.h"

/* ---- laying out ---- */

static size_t node_size(const struct node *node)
{
    const struct rrset *rrset = node_rrsets(node);
    for (unsigned i = 0; i < node->rrset_count; i++)
        rrset = rrset_next(rrset);
    return ((size_t)((const uint8_t *)rrset - (const uint8_t *)node) + 7) & ~(size_t)7;
}

static void place_items(struct making *making)
{
    size_t at = 64; /* reference 0 is none */
    for (uint32_t i = 0; i < making->count; i++) {
        struct item *item = making->items[i];
        if (!item->exists || (item->change == NULL && item->copy == NULL) || !item->content)
            item->size = ((size_t)NODE_NAME_AT + item->name_len + 3 + 7) & ~(size_t)7;
        else if (item->copy != NULL)
            item->size = node_size(item->copy);
        item->ref = (uint32_t)(at / 8);
        at += item->size;
        struct overlay *overlay = making->overlay;
        *(item->nsec3 ? &overlay->nsec3_count : &overlay->count) += 1;
        overlay->removed += !item->exists;
        if (item->labels > overlay->max_labels)
            overlay->max_labels = item->labels;
    }
    making->overlay->size = at;
}

static uint32_t table_size(uint32_t count)
{
    uint32_t size = 16;
    while (size < count * 2)
        size *= 2;
    return size;
}

static bool allocate(struct making *making)
{
    struct overlay *overlay = making->overlay;
    uint32_t slots = table_size(overlay->count);
    overlay->base = calloc(1, overlay->size);
    overlay->order = calloc(overlay->count + 1, sizeof *overlay->order);
    overlay->nsec3_order = calloc(overlay->nsec3_count + 1, sizeof *overlay->nsec3_order);
    overlay->nsec_floor = calloc(overlay->count + 1, sizeof *overlay->nsec_floor);
    overlay->nsec3_floor = calloc(overlay->nsec3_count + 1, sizeof *overlay->nsec3_floor);
    overlay->slots = calloc(slots, sizeof *overlay->slots);
    overlay->replaced = calloc((size_t)slots * 2, sizeof *overlay->replaced);
    overlay->slot_mask = overlay->replaced_mask = slots - 1;
    return overlay->base != NULL && overlay->order != NULL && overlay->nsec3_order != NULL &&
           overlay->nsec_floor != NULL && overlay->nsec3_floor != NULL && overlay->slots != NULL &&
           overlay->replaced != NULL;
}

/* Reference and standing of a name's parent in the new snapshot. */
static void stand_below_parent(const struct making *making, struct item *item, uint32_t *parent_ref)
{
    *parent_ref = making->image->header->apex;
    if (item->name_len == 0 || item->nsec3) {
        if (item->name_len == 0)
            *parent_ref = item->ref | REF_OVERLAY;
        return;
    }
    const uint8_t *name = item->name + item->name[0] + 1u;
    unsigned len = item->name_len - (item->name[0] + 1u);
    const struct item *parent = making_find(making, name, len);
    uint16_t flags, above;
    uint32_t cut;
    if (parent != NULL) {
        *parent_ref = parent->ref | REF_OVERLAY;
        flags = parent->flags;
        cut = parent->cut;
        above = parent->above;
    } else {
        uint32_t ref = index_find(making->image, index_hash(making->seed, name, len), name, len);
        const struct node *node = image_node(making->image, ref);
        *parent_ref = ref;
        flags = node->flags;
        cut = node->cut;
        above = cut != 0 ? image_node(making->image, cut)->flags : 0;
    }
    item->cut = cut;
    item->above = above & (NODE_DELEGATION | NODE_DNAME);
    if (cut == 0 && (flags & (NODE_DELEGATION | NODE_DNAME)) != 0) {
        item->cut = *parent_ref;
        item->above = flags & (NODE_DELEGATION | NODE_DNAME);
    }
}

static void check_item(struct making *making, const struct item *item)
{
    const struct run *run = item->change->entries[0].run;
    struct lint_place place = {.owner = run->name,
        .apex_name = name_skip(run->name, run->labels - (unsigned)making->image->header->apex_labels),
        .run = run,
        .apex = item->name_len == 0,
        .wildcard = item->name_len > 1 && item->name[0] == 1 && item->name[1] == '*',
        .above = item->above};
    lint_node(making->lint, &place, &making->gathered);
}

static void write_content(struct making *making, const struct item *item, struct node *node)
{
    if (item->copy != NULL) {
        const struct rrset *from = node_rrsets(item->copy);
        size_t head = (size_t)((const uint8_t *)from - (const uint8_t *)item->copy);
        node->rrset_count = item->copy->rrset_count;
        memcpy((uint8_t *)node + head, from, item->size - head);
        return;
    }
    making->failure = gather(&making->gathered, item->change->entries, item->change->count, item->nsec3);
    if (making->failure != ERR_OK)
        return;
    if (!item->nsec3)
        check_item(making, item);
    gather_write(&making->gathered, node, item->change->entries[0].run->name, NULL, NULL);
}

static void write_item(struct making *making, struct item *item, uint32_t number)
{
    struct overlay *overlay = making->overlay;
    uint32_t parent_ref = 0;
    struct node *node = (struct node *)(void *)(overlay->base + (uint64_t)item->ref * 8);
    if (item->exists)
        stand_below_parent(making, item, &parent_ref);
    if (item->exists && !item->nsec3 && making_has_wildcard_child(making, item))
        item->flags |= NODE_WILDCARD_CHILD;
    node->number = number;
    node->parent = parent_ref;
    node->cut = item->cut;
    node->labels = item->labels;
    node->name_len = item->name_len;
    memcpy(node->name, item->name, item->name_len);
    node->flags =
        (uint16_t)(item->flags | (item->nsec3 ? NODE_NSEC3 : 0) | (item->name_len == 0 ? NODE_APEX : 0) |
                   (item->cut != 0 ? NODE_HIDDEN : 0) | (item->exists ? 0 : NODE_REMOVED) |
                   (item->name_len > 1 && item->name[0] == 1 && item->name[1] == '*' ? NODE_WILDCARD : 0));
    if (item->exists && item->content)
        write_content(making, item, node);
}

static void enter_tables(struct making *making, const struct item *item)
{
    struct overlay *overlay = making->overlay;
    uint64_t hash = index_hash(making->seed, item->name, item->name_len);
    uint32_t at = (uint32_t)hash & overlay->slot_mask;
    while (overlay->slots[at] != 0)
        at = (at + 1) & overlay->slot_mask;
    overlay->slots[at] = item->ref;
    uint32_t old = index_find(making->image, hash, item->name, item->name_len);
    if (old == 0)
        return;
    at = (uint32_t)hash_mix(old, HASH_K0) & overlay->replaced_mask;
    while (overlay->replaced[at * 2] != 0)
        at = (at + 1) & overlay->replaced_mask;
    overlay->replaced[at * 2] = old;
    overlay->replaced[at * 2 + 1] = item->ref | REF_OVERLAY;
}

static void write_items(struct making *making)
{
    struct overlay *overlay = making->overlay;
    uint32_t names = 0, nsec3s = 0;
    for (uint32_t i = 0; i < making->count && making->failure == ERR_OK; i++) {
        struct item *item = making->items[i];
        uint32_t *number = item->nsec3 ? &nsec3s : &names;
        (item->nsec3 ? overlay->nsec3_order : overlay->order)[*number] = item->ref;
        write_item(making, item, (*number)++);
        if (!item->nsec3)
            enter_tables(making, item);
    }
}

/* Targets are found by name in the new snapshot: those of the last overlay mean nothing any more. */
static void link_node(const struct snapshot *made, struct node *node)
{
    const struct rrset *rrset = node_rrsets(node);
    for (unsigned i = 0; i < node->rrset_count; i++, rrset = rrset_next(rrset)) {
        if (!rrset_linked(rrset->type) || rrset->type == TYPE_SOA)
            continue;
        const uint8_t *at = rrset->data;
        struct record record;
        for (unsigned r = 0; r < rrset->count; r++) {
            at = record_read(at, true, &record);
            struct link *link = (struct link *)(uintptr_t)record.link;
            uint32_t ref = link_target(link);
            if (ref != 0 && (ref & REF_OVERLAY) == 0)
                continue;
            ref = find_target_ref(made, rrset->type, &record);
            memcpy(link->target, &ref, 4);
        }
    }
}

static void link_all(struct making *making)
{
    for (uint32_t i = 0; i < making->count; i++) {
        const struct item *item = making->items[i];
        if (item->exists && !item->nsec3)
            link_node(making->made, (struct node *)(void *)(making->overlay->base + (uint64_t)item->ref * 8));
    }
}

static bool begin(struct making *making, struct snapshot *current, struct lint *lint)
{
    memset(making, 0, sizeof *making);
    making->current = current;
    making->image = current->image;
    making->seed = current->image->header->seed;
    making->lint = lint;
    arena_init(&making->arena, 0);
    making->overlay = calloc(1, sizeof *making->overlay);
    return making->overlay != NULL && making_grow(making);
}

static void end(struct making *making)
{
    free(making->slots);
    free(making->items);
    gather_clear(&making->gathered);
    arena_clear(&making->arena);
    overlay_free(making->overlay);
}

/* What the image's header says of the chain must stay true (RFC 5155 4). */
static bool same_nsec3param(const struct node *a, const struct node *b)
{
    const struct rrset *x = node_rrset(a, TYPE_NSEC3PARAM), *y = node_rrset(b, TYPE_NSEC3PARAM);
    if (x == NULL || y == NULL)
        return x == y;
    return x->count == y->count && x->data_len == y->data_len && memcmp(x->data, y->data, x->data_len) == 0;
}

static bool has_nsec(const struct snapshot *snapshot)
{
    const struct rrset *nsec = node_rrset(snapshot->apex, TYPE_NSEC);
    return nsec != NULL && nsec->count > 0;
}

static bool has_nsec3(const struct snapshot *snapshot)
{
    static const uint8_t hash[20];
    bool exact;
    return find_nsec3(snapshot, hash, &exact) != NULL;
}

static bool same_kind(const struct snapshot *current, const struct snapshot *made)
{
    return same_nsec3param(current->apex, made->apex) && has_nsec(current) == has_nsec(made) &&
           has_nsec3(current) == has_nsec3(made) &&
           (current->soa->sig_count == 0) == (made->soa->sig_count == 0) &&
           ((current->apex->flags ^ made->apex->flags) & NODE_DNAME) == 0;
}

/* RFC 1035 5.2: a zone without a SOA is none. Its place is the text's beginning. */
static bool keeps_soa(struct making *making)
{
    const struct item *apex = making_find(making, (const uint8_t *)"", 0);
    const struct node *node = making->current->apex;
    if (apex != NULL)
        node = (const struct node *)(const void *)(making->overlay->base + (uint64_t)apex->ref * 8);
    const struct rrset *soa = node_rrset(node, TYPE_SOA);
    if (soa != NULL && soa->count > 0)
        return true;
    char name[NAME_TEXT_MAX];
    name_print(making->image->header->apex_name, name);
    lint_report(making->lint, LINT_SOA_MISSING, NULL, NULL,
        "the zone %s has no SOA record at its apex any more", name);
    return false;
}

static void make(struct making *making, const struct overlay_change *changes, size_t count)
{
    making_gather(making, changes, count);
    if (making->failure != ERR_OK)
        return;
    qsort(making->items, making->count, sizeof *making->items, making_canonical);
    place_items(making);
    if (!allocate(making)) {
        making->failure = ERR_MEMORY;
        return;
    }
    write_items(making);
    if (making->failure == ERR_OK && (!keeps_soa(making) || making->lint->fatal > 0))
        making->failure = ERR_INVALID;
    if (making->failure != ERR_OK)
        return;
    overlay_note_floors(making->image, making->overlay);
    making->made = snapshot_with(image_hold(making->current->image), making->overlay);
    if (making->made == NULL) {
        image_release(making->current->image);
        making->failure = ERR_MEMORY;
        return;
    }
    link_all(making);
    making->overlay = NULL; /* the snapshot's now */
    if (!same_kind(making->current, making->made)) {
        snapshot_release(making->made);
        making->failure = ERR_LIMIT;
    }
}

enum err overlay_make(struct snapshot *current, const struct overlay_change *changes, size_t count,
    struct lint *lint, struct snapshot **out)
{
    struct making *making = malloc(sizeof *making);
    if (making == NULL)
        return ERR_MEMORY;
    if (!begin(making, current, lint))
        making->failure = ERR_MEMORY;
    else
        make(making, changes, count);
    enum err err = making->failure;
    if (err == ERR_OK)
        *out = making->made;
    end(making);
    free(making);
    return err;
}
