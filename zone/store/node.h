/* A node: one owner name of a zone with all its RRsets, as it lies in an image or an overlay. Nodes
 * refer to each other by node references: an offset in units of 8 octets from the image's start, or,
 * with the top bit set, from the overlay's start (see snapshot.h). Reference 0 is none.
 *
 *     | number | parent | cut | flags | rrsets | labels | name_len | name ... | pad | rrset | rrset ...
 *
 * The name is relative to the apex, in lower case and without the root label: the apex has length 0.
 * Every ancestor up to the apex exists as a node: one without RRsets is an empty non-terminal
 * (RFC 4592 2.2.2). Names that hold only NSEC3 records (RFC 5155) live in a separate, hash-ordered set and
 * are invisible to name lookups. */
#ifndef ZONE_STORE_NODE_H
#define ZONE_STORE_NODE_H

#include <stdint.h>

#include "zone/base/attr.h"
#include "zone/wire/rrset.h"

enum node_flag {
    NODE_APEX = 1,
    NODE_DELEGATION = 2, /* has NS and is not the apex */
    NODE_DNAME = 4,
    NODE_CNAME = 8,
    NODE_WILDCARD_CHILD = 16, /* a child whose label is "*" exists (RFC 4592 2.1.1) */
    NODE_WILDCARD = 32,       /* its own first label is "*" */
    NODE_HIDDEN = 64,         /* below a delegation or a DNAME: glue or occluded data */
    NODE_ADDRESSES = 256,     /* has A or AAAA */
    NODE_NAMED = 512,         /* a NS record of the zone names it; in the skeletons of checks only */
    NODE_NSEC3 = 128          /* belongs to the NSEC3 set */
};

struct node {
    uint32_t number;      /* place in canonical order in its image; 0 is the apex. In the NSEC3 set, place
                             in hash order. In an overlay, place in the overlay's order */
    uint32_t parent;      /* reference; the apex refers to itself */
    uint32_t cut;         /* for hidden nodes: reference of the topmost delegation or DNAME above; else 0 */
    uint16_t flags;       /* enum node_flag */
    uint16_t rrset_count; /* 0: empty non-terminal (or, in an overlay, a removed node: see overlay.h) */
    uint8_t labels;       /* below the apex */
    uint8_t name_len;
    uint8_t name[];
};

#define NODE_NAME_AT 18 /* offset of name: not sizeof, which is padded */

static inline const struct rrset *node_rrsets(const struct node *node)
{
    size_t at = (NODE_NAME_AT + (size_t)node->name_len + 3) & ~(size_t)3;
    return (const struct rrset *)(const void *)((const uint8_t *)node + at);
}

/* The RRset of TYPE, or NULL. RRsets stand in ascending order of type. */
static inline const struct rrset *node_rrset(const struct node *node, uint16_t type)
{
    const struct rrset *rrset = node_rrsets(node);
    for (unsigned i = 0; i < node->rrset_count; i++, rrset = rrset_next(rrset)) {
        if (rrset->type >= type)
            return rrset->type == type ? rrset : NULL;
    }
    return NULL;
}

#endif
