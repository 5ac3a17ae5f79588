/* Gathering: all records of one owner name, from one run or several, become RRsets in ascending order of
 * type, exact duplicates dropped, signatures beside what they cover. What is gathered is measured first and
 * written second, so that an image is laid out exactly. One thread per struct; it is reused from name to
 * name. */
#ifndef ZONE_STORE_GATHER_H
#define ZONE_STORE_GATHER_H

#include <stdbool.h>

#include "zone/store/node.h"
#include "zone/store/sort.h"
#include "zone/text/reader.h"

struct gathered_record {
    const struct tape_record *record;
    const struct run *run;
    uint16_t type; /* for an RRSIG, the type it covers */
    bool signature;
    bool duplicate;
};

struct gathered_set {
    uint16_t type;
    uint32_t ttl;
    uint32_t from;             /* first of its records */
    uint32_t count, sig_count; /* duplicates not counted */
    uint32_t records;          /* all, duplicates counted */
    uint64_t data_len, sig_len;
};

struct gathered {
    struct gathered_record *records;
    struct gathered_set *sets;
    uint32_t record_count, record_capacity;
    uint32_t set_count, set_capacity;
    uint32_t kept;  /* records without duplicates, signatures included */
    uint16_t flags; /* NODE_DELEGATION, NODE_DNAME, NODE_CNAME, NODE_ADDRESSES, as the types tell */
    bool skeleton;  /* measure and write no more of a node than checks need: its name and a CNAME */
    enum err failure;
};

/* Gathers the records of COUNT entries with one owner name: those of the NSEC3 set (NSEC3 and the RRSIGs
 * that cover it) or all the others. The NSEC3 set comes to nothing without an NSEC3 record. */
enum err gather(struct gathered *gathered, const struct sort_entry *entries, size_t count,
    bool nsec3) NODISCARD NONNULL(1, 2);

void gather_clear(struct gathered *gathered) NONNULL(1);

/* Octets of the node with a relative name of NAME_LEN octets, padded to 8. */
size_t gather_size(const struct gathered *gathered, unsigned name_len) NONNULL(1);

/* Where a linked record went: its target is looked up when all nodes are in place. */
typedef void gather_link(void *context, struct link *link, uint16_t type, const uint8_t *target,
    const struct gathered_record *record);

/* Writes the RRsets behind the node's header and name. OWNER is the whole owner name. LINKED is told every
 * record of a linked type but SOA; in a skeleton LINK is NULL. */
void gather_write(const struct gathered *gathered, struct node *node, const uint8_t *owner,
    gather_link *linked, void *context) NONNULL(1, 2, 3);

/* Does the run hold records of the NSEC3 set, and others? */
void gather_kinds(const struct run *run, bool *nsec3, bool *other) NONNULL(1, 2, 3);

/* RFC 5155 3: the owner of the NSEC3 set is a hash in base32hex, one label below the apex. False for others:
 * they have no place in the set. */
bool gather_hashed_owner(const struct run *run, unsigned apex_labels, uint8_t hash[20]) NODISCARD
    NONNULL(1, 3);

#endif
