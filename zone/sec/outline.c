#include "zone/sec/outline.h"

#include <stdlib.h>
#include <string.h>

#include "zone/wire/type.h"

bool type_is_made(uint16_t type)
{
    return type == TYPE_NSEC || type == TYPE_NSEC3 || type == TYPE_RRSIG;
}

bool place_signs(uint16_t kind, uint16_t type)
{
    if ((kind & PLACE_HIDDEN) != 0)
        return false;
    return (kind & PLACE_CUT) == 0 || type == TYPE_DS || type == TYPE_NSEC;
}

uint16_t place_kind_of(const struct node *node)
{
    uint16_t kind = 0;
    const struct rrset *rrset = node_rrsets(node);
    bool cut = (node->flags & (NODE_DELEGATION | NODE_APEX)) == NODE_DELEGATION;
    for (unsigned i = 0; i < node->rrset_count; i++, rrset = rrset_next(rrset)) {
        if (rrset->count == 0 || type_is_made(rrset->type))
            continue;
        kind |= PLACE_CONTENT;
        if (cut && rrset->type == TYPE_DS)
            kind |= PLACE_SECURE;
    }
    if ((node->flags & NODE_HIDDEN) != 0)
        return kind | PLACE_HIDDEN;
    return cut ? kind | PLACE_CUT : kind;
}

static enum err add_place(struct outline *outline, const struct node *node)
{
    if (outline->count == outline->room) {
        uint32_t room = outline->room != 0 ? outline->room * 2 : 256;
        struct place *places = realloc(outline->places, room * sizeof *places);
        if (places == NULL)
            return ERR_MEMORY;
        outline->places = places;
        outline->room = room;
    }
    outline->places[outline->count++] = (struct place){node, place_kind_of(node)};
    return ERR_OK;
}

/* ABOVE[n] is the last name seen with n labels: those are the ancestors of what comes next. */
static void mark_ancestors(struct outline *outline, const uint32_t *above, unsigned labels, uint16_t marks)
{
    for (unsigned n = labels; n-- > 0;) {
        struct place *place = &outline->places[above[n]];
        if ((place->kind & PLACE_CONTENT) != 0)
            continue;
        if ((place->kind & marks) == marks)
            return; /* and so have all empty ones above it */
        place->kind |= marks;
    }
}

enum err outline_make(const struct snapshot *snapshot, struct outline *out)
{
    struct outline outline = {.snapshot = snapshot};
    struct snapshot_walk walk;
    uint32_t above[NAME_LABELS_MAX + 1] = {0};
    const struct node *node;
    outline.room = snapshot->image->header->node_count + 16;
    outline.places = malloc(outline.room * sizeof *outline.places);
    if (outline.places == NULL)
        return ERR_MEMORY;
    snapshot_walk_start(&walk, snapshot);
    while ((node = snapshot_walk_next(&walk)) != NULL && (node->flags & NODE_NSEC3) == 0) {
        enum err err = add_place(&outline, node);
        if (err != ERR_OK) {
            outline_clear(&outline);
            return err;
        }
        uint16_t kind = outline.places[outline.count - 1].kind;
        above[node->labels] = outline.count - 1;
        if ((kind & PLACE_HIDDEN) == 0 && (kind & PLACE_CONTENT) != 0) {
            bool insecure = (kind & (PLACE_CUT | PLACE_SECURE)) == PLACE_CUT;
            mark_ancestors(
                &outline, above, node->labels, insecure ? PLACE_EMPTY : PLACE_EMPTY | PLACE_NEEDED);
        }
    }
    *out = outline;
    return ERR_OK;
}

void outline_clear(struct outline *outline)
{
    free(outline->places);
    *outline = (struct outline){0};
}

size_t type_bitmap_write(const uint16_t *types, size_t count, uint8_t *out)
{
    uint8_t *at = out;
    for (size_t i = 0; i < count;) {
        unsigned window = types[i] >> 8u, octets = 0;
        uint8_t *bits = at + 2;
        memset(bits, 0, 32);
        for (; i < count && types[i] >> 8u == window; i++) {
            unsigned low = types[i] & 0xff;
            bits[low / 8] |= (uint8_t)(0x80 >> low % 8);
            octets = low / 8 + 1;
        }
        at[0] = (uint8_t)window;
        at[1] = (uint8_t)octets;
        at = bits + octets;
    }
    return (size_t)(at - out);
}

size_t type_bitmap_finish(uint16_t *types, size_t count, bool is_signed, bool nsec, uint8_t *out)
{
    if (is_signed)
        types[count++] = TYPE_RRSIG;
    if (nsec)
        types[count++] = TYPE_NSEC;
    for (size_t i = 1; i < count; i++) {
        uint16_t type = types[i];
        size_t at = i;
        for (; at > 0 && types[at - 1] > type; at--)
            types[at] = types[at - 1];
        types[at] = type;
    }
    return type_bitmap_write(types, count, out);
}
