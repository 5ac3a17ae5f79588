/* Which names an overlay speaks of: what has changed, and what changes with it. Empty non-terminals come and
 * go with the names below them, delegations and DNAMEs hide or bare what is below, and a parent knows of its
 * wildcard child. */
#include "zone/store/making.h"

#include <stdlib.h>
#include <string.h>

#include "zone/base/hash.h"
#include "zone/store/index.h"
#include "zone/wire/name.h"

static uint64_t slot_hash(const struct making *making, const uint8_t *name, unsigned len, bool nsec3)
{
    return index_hash(making->seed, name, len) ^ (nsec3 ? HASH_K1 : 0);
}

static struct item **slot_of(const struct making *making, const uint8_t *name, unsigned len, bool nsec3)
{
    uint32_t at = (uint32_t)slot_hash(making, name, len, nsec3) & making->slot_mask;
    for (;; at = (at + 1) & making->slot_mask) {
        struct item *item = making->slots[at];
        if (item == NULL ||
            (item->nsec3 == nsec3 && item->name_len == len && memcmp(item->name, name, len) == 0))
            return &making->slots[at];
    }
}

struct item *making_find(const struct making *making, const uint8_t *name, unsigned len)
{
    return *slot_of(making, name, len, false);
}

/* Most overlays have a few names: what is cleared for each is little. */
bool making_grow(struct making *making)
{
    uint32_t room = making->room != 0 ? making->room * 4 : 64;
    struct item **slots = calloc((size_t)room * 2, sizeof *slots);
    struct item **items = realloc(making->items, room * sizeof *items);
    if (items != NULL)
        making->items = items;
    if (slots == NULL || items == NULL) {
        free(slots);
        return false;
    }
    free(making->slots);
    making->slots = slots;
    making->slot_mask = room * 2 - 1;
    making->room = room;
    for (uint32_t i = 0; i < making->count; i++)
        *slot_of(making, items[i]->name, items[i]->name_len, items[i]->nsec3) = items[i];
    return true;
}

static unsigned label_count(const uint8_t *name, unsigned len)
{
    unsigned labels = 0;
    for (unsigned at = 0; at < len; at += name[at] + 1u)
        labels++;
    return labels;
}

static struct item *add_item(struct making *making, const uint8_t *name, unsigned len, bool nsec3)
{
    struct item **slot = slot_of(making, name, len, nsec3);
    if (*slot != NULL)
        return *slot;
    bool may = making->count < ITEMS_MAX;
    bool fits = may && (making->count < making->room || making_grow(making));
    struct item *item = fits ? ARENA_NEW(&making->arena, struct item) : NULL;
    if (item == NULL) {
        making->failure = may ? ERR_MEMORY : ERR_LIMIT;
        return NULL;
    }
    slot = slot_of(making, name, len, nsec3); /* the table may have grown */
    item->name = (const uint8_t *)arena_copy(&making->arena, name, len);
    item->name_len = (uint8_t)len;
    item->labels = (uint8_t)label_count(name, len);
    item->nsec3 = nsec3;
    making->items[making->count++] = item;
    return *slot = item;
}

/* The image's own node of a name; the current overlay does not count. */
const struct node *making_in_image(const struct making *making, const uint8_t *name, unsigned len)
{
    uint32_t ref = index_find(making->image, index_hash(making->seed, name, len), name, len);
    return ref != 0 ? image_node(making->image, ref) : NULL;
}

static void copy_from(struct item *item, const struct node *node)
{
    item->copy = node;
    item->content = node->rrset_count > 0;
    item->flags = node->flags & TYPE_FLAGS;
}

static void take_last_overlay(struct making *making, bool nsec3)
{
    const struct node *node;
    for (uint32_t i = 0; (node = overlay_nth(making->current->overlay, nsec3, i)) != NULL; i++) {
        struct item *item = add_item(making, node->name, node->name_len, nsec3);
        if (item == NULL)
            return;
        if (!overlay_removed(node))
            copy_from(item, node);
    }
}

static void take_change(struct making *making, const struct overlay_change *change)
{
    struct item *item = add_item(making, change->name, change->name_len, change->nsec3);
    if (item == NULL)
        return;
    item->copy = NULL;
    item->change = change;
    item->content = change->count > 0;
    item->flags = 0;
    if (!item->content)
        return;
    enum err err = gather(&making->gathered, change->entries, change->count, change->nsec3);
    if (err != ERR_OK)
        making->failure = err;
    item->content = making->gathered.set_count > 0;
    item->flags = making->gathered.flags;
    if (change->name_len == 0)
        item->flags &= (uint16_t)~NODE_DELEGATION;
    item->size = gather_size(&making->gathered, change->name_len);
}

/* ---- the tree ---- */

/* Every ancestor of something that exists exists (RFC 4592 2.2.2). */
static void need_ancestors(struct making *making, const struct item *item)
{
    const uint8_t *name = item->name;
    unsigned len = item->name_len;
    while (len > 0 && making->failure == ERR_OK) {
        len -= name[0] + 1u;
        name += name[0] + 1u;
        struct item *ancestor = making_find(making, name, len);
        if (ancestor == NULL && making_in_image(making, name, len) != NULL)
            continue;
        if (ancestor == NULL)
            ancestor = add_item(making, name, len, false);
        if (ancestor == NULL || ancestor->needed)
            return;
        ancestor->needed = true;
    }
}

static bool under(const struct node *node, const uint8_t *name, unsigned len)
{
    return node->name_len > len && memcmp(node->name + node->name_len - len, name, len) == 0;
}

/* Does the image hold a node below the name that no item speaks of? */
static bool image_holds_below(const struct making *making, const struct item *item)
{
    const struct node *node = making_in_image(making, item->name, item->name_len);
    if (node == NULL)
        return false;
    for (uint32_t i = node->number + 1; i < making->image->header->node_count; i++) {
        const struct node *below = image_node(making->image, making->image->order[i]);
        if (!under(below, item->name, item->name_len))
            return false;
        if (making_find(making, below->name, below->name_len) == NULL)
            return true;
    }
    return false;
}

/* A name that has gone may have been all that its empty parent was there for. */
static void doubt_parent(struct making *making, const struct item *item)
{
    if (item->name_len == 0)
        return;
    const uint8_t *name = item->name + item->name[0] + 1u;
    unsigned len = item->name_len - (item->name[0] + 1u);
    const struct node *node = making_in_image(making, name, len);
    if (node == NULL || node->rrset_count > 0 || making_find(making, name, len) != NULL)
        return;
    (void)add_item(making, name, len, false); /* decided when its depth comes */
}

/* Names that were doubted only after what stands below them had been looked at. */
static void need_parents(struct making *making, unsigned depth)
{
    for (uint32_t i = 0; i < making->count; i++) {
        const struct item *item = making->items[i];
        if (!item->exists || item->nsec3 || item->labels != depth || depth == 0)
            continue;
        unsigned label_len = item->name[0] + 1u;
        struct item *parent = making_find(making, item->name + label_len, item->name_len - label_len);
        if (parent != NULL)
            parent->needed = true;
    }
}

/* Deepest names first, so that what is below a name is decided before it. */
static void decide_existence(struct making *making)
{
    for (uint32_t i = 0; i < making->count && making->failure == ERR_OK; i++) {
        struct item *item = making->items[i];
        item->exists = item->content;
        if (item->content && !item->nsec3)
            need_ancestors(making, item);
    }
    for (unsigned depth = NAME_LABELS_MAX + 1; depth-- > 0;) {
        need_parents(making, depth + 1);
        for (uint32_t i = 0; i < making->count && making->failure == ERR_OK; i++) {
            struct item *item = making->items[i];
            if (item->content || item->labels != depth || item->nsec3)
                continue;
            item->exists = item->needed || image_holds_below(making, item);
            if (item->exists)
                need_ancestors(making, item);
            else
                doubt_parent(making, item);
        }
    }
}

/* The image's names below one whose delegation or DNAME came or went say the wrong thing of their cut. */
static void take_below(struct making *making, const struct item *item)
{
    const struct node *node = making_in_image(making, item->name, item->name_len);
    uint16_t before = node != NULL ? node->flags & (NODE_DELEGATION | NODE_DNAME) : 0;
    uint16_t after = item->exists ? item->flags & (NODE_DELEGATION | NODE_DNAME) : 0;
    if (node == NULL || before == after || item->nsec3)
        return;
    for (uint32_t i = node->number + 1; i < making->image->header->node_count; i++) {
        const struct node *below = image_node(making->image, making->image->order[i]);
        if (!under(below, item->name, item->name_len))
            return;
        if (making_find(making, below->name, below->name_len) != NULL)
            continue;
        struct item *copy = add_item(making, below->name, below->name_len, false);
        if (copy == NULL)
            return;
        copy_from(copy, below);
        copy->exists = true;
    }
}

/* The parent's flag says whether it has a wildcard child. */
static void take_wildcard_parent(struct making *making, const struct item *item)
{
    if (item->nsec3 || item->name_len < 2 || item->name[0] != 1 || item->name[1] != '*')
        return;
    const uint8_t *name = item->name + 2;
    unsigned len = item->name_len - 2u;
    const struct node *node = making_in_image(making, name, len);
    if (making_find(making, name, len) != NULL || node == NULL ||
        item->exists == ((node->flags & NODE_WILDCARD_CHILD) != 0))
        return;
    struct item *parent = add_item(making, name, len, false);
    if (parent == NULL)
        return;
    copy_from(parent, node);
    parent->exists = true;
}

bool making_has_wildcard_child(const struct making *making, const struct item *item)
{
    uint8_t name[NAME_MAX + 2] = {1, '*'};
    if (item->name_len + 2u > NAME_MAX)
        return false;
    memcpy(name + 2, item->name, item->name_len);
    const struct item *child = making_find(making, name, item->name_len + 2u);
    return child != NULL ? child->exists : making_in_image(making, name, item->name_len + 2u) != NULL;
}

int making_canonical(const void *a, const void *b)
{
    const struct item *x = *(struct item *const *)a, *y = *(struct item *const *)b;
    if (x->nsec3 != y->nsec3)
        return x->nsec3 ? 1 : -1;
    return relative_compare(x->name, x->name_len, y->name, y->name_len);
}

/* ---- all together ---- */

void making_gather(struct making *making, const struct overlay_change *changes, size_t count)
{
    take_last_overlay(making, false);
    take_last_overlay(making, true);
    for (size_t i = 0; i < count && making->failure == ERR_OK; i++)
        take_change(making, &changes[i]);
    if (making->failure == ERR_OK)
        decide_existence(making);
    for (uint32_t i = 0; i < making->count && making->failure == ERR_OK; i++) {
        take_below(making, making->items[i]);
        take_wildcard_parent(making, making->items[i]);
    }
}
