/* The outline of a zone as DNSSEC sees it: all its names in canonical order, and of each what it is to a
 * signer: authoritative data, a cut, an empty non-terminal, or hidden below a cut (RFC 4035 2.2, 2.3; RFC
 * 5155 7.1). Records of DNSSEC itself that a signer makes anew (NSEC, NSEC3, RRSIG) do not count: a name that
 * has nothing else is not there. Made for one snapshot, which outlives it; one thread makes it, any reads it.
 */
#ifndef ZONE_SEC_OUTLINE_H
#define ZONE_SEC_OUTLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zone/base/err.h"
#include "zone/store/snapshot.h"

enum place_kind {
    PLACE_CONTENT = 1, /* has records */
    PLACE_HIDDEN = 2,  /* below a delegation or a DNAME: neither signed nor in a chain */
    PLACE_CUT = 4,     /* a delegation: only its DS is signed (RFC 4035 2.2) */
    PLACE_SECURE = 8,  /* a delegation with DS */
    PLACE_EMPTY = 16,  /* an empty non-terminal with something authoritative below it */
    PLACE_NEEDED = 32  /* for a PLACE_EMPTY: something else below than insecure delegations (RFC 5155 7.1) */
};

struct place {
    const struct node *node;
    uint16_t kind;
};

struct outline {
    const struct snapshot *snapshot;
    struct place *places;
    uint32_t count, room;
};

enum err outline_make(const struct snapshot *snapshot, struct outline *out) NODISCARD NONNULL(1, 2);
void outline_clear(struct outline *outline) NONNULL(1);

/* The kind of a node by itself, without EMPTY and NEEDED. */
uint16_t place_kind_of(const struct node *node) NONNULL(1);

/* Has the name an NSEC record? Hidden names have none, nor have empty non-terminals. */
static inline bool place_has_nsec(uint16_t kind)
{
    return (kind & (PLACE_CONTENT | PLACE_HIDDEN)) == PLACE_CONTENT;
}

/* Has the name an NSEC3 record? With opt-out insecure delegations have none, nor have the empty non-terminals
 * above nothing but those. */
static inline bool place_has_nsec3(uint16_t kind, bool opt_out)
{
    if ((kind & PLACE_HIDDEN) != 0)
        return false;
    if ((kind & PLACE_EMPTY) != 0)
        return !opt_out || (kind & PLACE_NEEDED) != 0;
    return (kind & PLACE_CONTENT) != 0 && !(opt_out && (kind & (PLACE_CUT | PLACE_SECURE)) == PLACE_CUT);
}

/* Does a signer make the records of this type itself? */
bool type_is_made(uint16_t type);

/* Is the RRset at a name of that kind signed? */
bool place_signs(uint16_t kind, uint16_t type);

#define TYPE_BITMAP_MAX 8704 /* 256 windows of 34 octets */

/* Writes the bitmap of COUNT types, ascending, each once (RFC 4034 4.1.2); returns its length. */
size_t type_bitmap_write(const uint16_t *types, size_t count, uint8_t *out) NONNULL(3);

/* The same for the types of a name as its records tell them: TYPES has room for two more. Adds RRSIG when
 * IS_SIGNED and NSEC when NSEC, and sorts. */
size_t type_bitmap_finish(uint16_t *types, size_t count, bool is_signed, bool nsec, uint8_t *out)
    NONNULL(1, 5);

#endif
