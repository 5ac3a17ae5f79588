/* A change set: what makes one version of a zone of another. The one form of it: IXFR sends it, the journal
 * stores it, diff finds it, UPDATE and the signer make it.
 *
 *     from 7 to 9:   removed  SOA 7, A, TXT ...      the order of RFC 1995 4: old SOA first, then what goes,
 *                    added    SOA 9, AAAA ...        new SOA first, then what comes
 *
 * Each list is records one behind the other in uncompressed wire form (RFC 1035 4.1.3): owner in lower case,
 * type, class IN, TTL, RDLENGTH, rdata. The SOA stands first whenever it is put in. A record whose TTL
 * changes goes and comes: all records of an RRset, and the RRSIGs that cover it, have one TTL here (rrset.h).
 *
 * Owned by one thread at a time while it is made; then frozen, and for any thread to read. */
#ifndef ZONE_STORE_CHANGE_H
#define ZONE_STORE_CHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zone/base/attr.h"
#include "zone/base/err.h"
#include "zone/store/snapshot.h"

/* Records in wire form; BYTES is malloced. */
struct change_list {
    uint8_t *bytes;
    size_t len, room;
    uint32_t count;
};

struct change {
    uint32_t from, to; /* serials of the two SOAs; 0 while they are not in */
    struct change_list removed, added;
};

/* One record of a list, in place. */
struct change_record {
    const uint8_t *owner; /* whole wire name */
    const uint8_t *rdata;
    uint32_t ttl;
    uint16_t type;
    uint16_t rdata_len;
};

/* A zeroed change set is an empty one. */
void change_clear(struct change *change) NONNULL(1);

/* Puts a record in; OWNER is copied in lower case. A SOA goes to the front of its list and sets `from` or
 * `to`. ERR_WIRE: a SOA's rdata is too short; ERR_EXISTS: there is a SOA already. */
enum err change_remove(struct change *change, const uint8_t *owner, uint16_t type, uint32_t ttl,
    const uint8_t *rdata, size_t rdata_len) NODISCARD NONNULL(1, 2);
enum err change_add(struct change *change, const uint8_t *owner, uint16_t type, uint32_t ttl,
    const uint8_t *rdata, size_t rdata_len) NODISCARD NONNULL(1, 2);

/* Steps through a list: *AT begins at 0; false at the end. */
bool change_next(const struct change_list *list, size_t *at, struct change_record *record) NONNULL(1, 2, 3);

/* Is each list whole records of sound rdata, the SOA first and nowhere else? For what came from a disk. */
bool change_check(const struct change *change) NONNULL(1);

/* Nothing but the SOA differs. */
static inline bool change_only_soa(const struct change *change)
{
    return change->removed.count <= 1 && change->added.count <= 1;
}

/* Octets of both lists: what it costs to send or to keep. */
static inline size_t change_size(const struct change *change)
{
    return change->removed.len + change->added.len;
}

/* One change set of COUNT successive ones (RFC 1995 5): what comes and goes again, or goes and comes again,
 * is left out. ERR_INVALID when they do not follow each other. Records stand in canonical order of their
 * names. */
enum err change_condense(const struct change *const *changes, size_t count, struct change *out) NODISCARD
    NONNULL(1, 3);

/* RFC 1982 3.2: serial A is behind B. */
static inline bool serial_after(uint32_t a, uint32_t b)
{
    return a != b && a - b < 0x80000000u;
}

#define CHANGE_WHY_MAX 256

/* The zone that follows from CURRENT by CHANGE: the same image with an overlay, or, when that would grow too
 * large, a new image. Strict, as RFC 1995 wants it: what is removed must be there (its TTL does not matter),
 * what is added must not, and the SOA removed must be the present one; else ERR_INVALID and WHY (may be NULL)
 * says which record. The zone that results must be one that a server may serve (lint.h). THREADS share the
 * making of a new image, 0 for all cores. CURRENT is only read; *OUT is the caller's. */
enum err change_apply(struct snapshot *current, const struct change *change, unsigned threads,
    char why[CHANGE_WHY_MAX], struct snapshot **out) NODISCARD NONNULL(1, 2, 5);

/* The same zone with nothing but an image: the overlay is worked into a new one. In the background: a million
 * names take a second of one core. */
enum err change_fold(struct snapshot *current, unsigned threads, struct image **out) NODISCARD NONNULL(1, 3);

/* Any zone as one long addition: an image of records in any order, as AXFR brings them. LIST is only read;
 * the SOA is among it. What the checks refuse is ERR_INVALID with WHY. */
enum err change_build(const uint8_t *apex, const struct change_list *list, unsigned threads,
    char why[CHANGE_WHY_MAX], struct image **out) NODISCARD NONNULL(1, 2, 5);

/* Puts one more record at the end of a list that is for change_build. */
enum err change_list_add(struct change_list *list, const uint8_t *owner, uint16_t type, uint32_t ttl,
    const uint8_t *rdata, size_t rdata_len) NODISCARD NONNULL(1, 2);
void change_list_clear(struct change_list *list) NONNULL(1);

#endif
