/* An RRset as it lies in a zone image, in an overlay, or in a query's scratch memory: ready to be
 * written to a reply without parsing. Fields are in host order but for rdata, which is wire form. The
 * block is 4-aligned, position-independent and followed by the next RRset of the node.
 *
 *     | type | count | ttl | data_len | sig_len | sig_count | records ... | RRSIG records ... | pad |
 *
 * A record is its 16-bit rdata length and its rdata. For the types of rrset_linked() a struct link
 * stands between the two: what the encoder would otherwise search for at each answer (compression
 * targets, the address node of the target) is found once, when the zone is built.
 *
 * The RRSIGs that cover the type stand in the same block (RFC 4034 3: they have the TTL of the RRset
 * they cover). An RRset with count 0 holds only signatures for a type that the node has not. */
#ifndef ZONE_WIRE_RRSET_H
#define ZONE_WIRE_RRSET_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "zone/base/arena.h"
#include "zone/base/attr.h"

struct rrset {
    uint16_t type;
    uint16_t count;
    uint32_t ttl;
    uint32_t data_len; /* octets of the records, links and length fields included */
    uint16_t sig_len;  /* octets of the RRSIG records, length fields included */
    uint16_t sig_count;
    uint8_t data[];
};

/* How the name in a record's rdata is compressed. `from` 0: not at all, `keep` is its whole length.
 * 1..127: write `keep` octets, then a pointer to the suffix of that many labels (root not counted) of the
 * owner name. 128+j: write `keep` octets, then a pointer to octet `at` of the name in record j of this
 * RRset, an octet that record j writes out itself. SOA has a second name, its link in `second`; its
 * 128+0 means its own first name. */
struct link {
    uint8_t keep;
    uint8_t from;
    uint8_t at;
    union {
        uint8_t target[4]; /* node reference of the name's addresses in this zone, 0 when none */
        struct {
            uint8_t keep, from, at, unused;
        } second;
    };
} PACKED;

#define LINK_RECORD 128 /* `from` at and above this names an earlier record */

/* One record, taken apart. */
struct record {
    const uint8_t *rdata;
    const struct link *link; /* NULL for types without */
    uint16_t rdata_len;
};

/* Types whose records carry a struct link: NS CNAME PTR MX SOA (names compressible, RFC 3597 4) and
 * SRV, whose name is not compressed but has a target. */
static inline bool rrset_linked(uint16_t type)
{
    return type == 2 || type == 5 || type == 6 || type == 12 || type == 15 || type == 33;
}

/* Where the first name begins in the rdata of a linked type. */
static inline unsigned rrset_name_at(uint16_t type)
{
    return type == 15 ? 2 : type == 33 ? 6 : 0;
}

/* Octets of the whole block, padding included. */
static inline size_t rrset_size(const struct rrset *rrset)
{
    return (sizeof(struct rrset) + rrset->data_len + rrset->sig_len + 3) & ~(size_t)3;
}

static inline const struct rrset *rrset_next(const struct rrset *rrset)
{
    return (const struct rrset *)((const uint8_t *)rrset + rrset_size(rrset));
}

/* Takes the record at AT apart and returns the position of the next one. */
static inline const uint8_t *record_read(const uint8_t *at, bool linked, struct record *record)
{
    memcpy(&record->rdata_len, at, 2);
    at += 2;
    record->link = linked ? (const struct link *)(const void *)at : NULL;
    at += linked ? sizeof(struct link) : 0;
    record->rdata = at;
    return at + record->rdata_len;
}

static inline uint32_t link_target(const struct link *link)
{
    uint32_t ref;
    memcpy(&ref, link->target, 4);
    return ref;
}

/* First signature record; they are unlinked records of type RRSIG. */
static inline const uint8_t *rrset_signatures(const struct rrset *rrset)
{
    return rrset->data + rrset->data_len;
}

/* Rdata handed to rrset_make. */
struct rdata_ref {
    const uint8_t *bytes;
    uint16_t len;
};

/* Builds an RRset in ARENA for an answer made on the spot (whoami, a synthesised CNAME, template ...).
 * Names in it are not compressed. NULL when out of memory. */
struct rrset *rrset_make(struct arena *scratch, uint16_t type, uint32_t ttl, const struct rdata_ref *rdata,
    unsigned count) NODISCARD;

#endif
