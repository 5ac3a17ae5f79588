/* The names of an overlay in the making, and the tree they form with the image beneath. Inner header of
 * overlay_make.c and overlay_tree.c. */
#ifndef ZONE_STORE_MAKING_H
#define ZONE_STORE_MAKING_H

#include "zone/base/arena.h"
#include "zone/store/gather.h"
#include "zone/store/lint.h"
#include "zone/store/overlay.h"

#define ITEMS_MAX 131072u /* beyond this a new image is the better way */
#define TYPE_FLAGS (NODE_DELEGATION | NODE_DNAME | NODE_CNAME | NODE_ADDRESSES)

/* One name of the new overlay. */
struct item {
    const uint8_t *name; /* relative */
    uint8_t name_len;
    uint8_t labels;
    bool nsec3;
    bool content; /* has records */
    bool needed;  /* something exists below it */
    bool exists;
    uint16_t flags;
    uint32_t cut;   /* reference in the new snapshot */
    uint16_t above; /* flags of the cut */
    uint32_t ref;   /* where it is written, without REF_OVERLAY */
    size_t size;
    const struct node *copy;             /* its records come from this node ... */
    const struct overlay_change *change; /* ... or from these */
};

struct making {
    struct snapshot *current;
    const struct image *image;
    uint64_t seed;
    struct item **slots; /* by name */
    uint32_t slot_mask;
    struct item **items;
    uint32_t count, room;
    struct arena arena;
    struct gathered gathered;
    struct lint *lint;
    struct overlay *overlay;
    struct snapshot *made;
    enum err failure;
};

/* The item of an ordinary name, or NULL. */
struct item *making_find(const struct making *making, const uint8_t *name, unsigned len) NONNULL(1);

/* The image's own node of a name, whatever the current overlay says; or NULL. */
const struct node *making_in_image(const struct making *making, const uint8_t *name, unsigned len) NONNULL(1);

/* Room for more items; the first time for some. False: out of memory. */
bool making_grow(struct making *making) NODISCARD NONNULL(1);

/* Brings together all items: the last overlay's names, the changed ones, and those whose place in the tree
 * changes with them; tells of each whether it exists. */
void making_gather(struct making *making, const struct overlay_change *changes, size_t count) NONNULL(1);

bool making_has_wildcard_child(const struct making *making, const struct item *item) NONNULL(1, 2);

/* Canonical order, the NSEC3 set last; for qsort. */
int making_canonical(const void *a, const void *b);

#endif
