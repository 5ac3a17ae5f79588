/* What a set of names is to hold from now on, record by record on a tape, on the way to an overlay or to a
 * new image. Inner header of change_apply.c and change_build.c. */
#ifndef ZONE_STORE_EDIT_H
#define ZONE_STORE_EDIT_H

#include "zone/store/change.h"
#include "zone/store/overlay.h"
#include "zone/text/tape.h"

/* One name; its records are one run of the tape, or there are none. */
struct edit {
    uint8_t *name; /* relative, in `names` */
    size_t run_at; /* offset in the tape; SIZE_MAX: the name goes */
    uint8_t name_len;
    bool nsec3;
};

struct edits {
    struct tape tape;
    struct arena names;
    struct edit *items; /* canonical order, the NSEC3 set behind */
    size_t count, room;
    struct overlay_change *changes;
    struct sort_entry *entries;
};

enum err edits_init(struct edits *edits) NODISCARD NONNULL(1);
void edits_clear(struct edits *edits) NONNULL(1);

/* Begins the next name; records follow by edits_record. */
enum err edits_name(struct edits *edits, const uint8_t *name, unsigned name_len, bool nsec3) NODISCARD
    NONNULL(1, 2);
enum err edits_record(struct edits *edits, const uint8_t *owner, uint16_t type, uint32_t ttl,
    const uint8_t *rdata, size_t rdata_len) NODISCARD NONNULL(1, 2);

/* The edits as overlay_make wants them; memory of EDITS. */
enum err edits_finish(struct edits *edits, struct overlay_change **out) NODISCARD NONNULL(1, 2);

/* The snapshot that follows: CURRENT's image with an overlay, or a new image when that would grow too large.
 * WHY (CHANGE_WHY_MAX octets) may be NULL. */
enum err edits_apply(struct snapshot *current, struct edits *edits, unsigned threads, char *why,
    struct snapshot **out) NODISCARD NONNULL(1, 2, 5);

/* A new image: all names of CURRENT as the edits have them. EDITS may be NULL. */
enum err edits_build(struct snapshot *current, const struct edits *edits, unsigned threads, char *why,
    struct image **out) NODISCARD NONNULL(1, 5);

#endif
