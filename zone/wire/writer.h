/* Writing RRset references into a message under construction: the inner half of encode.h, which owns
 * the writer, writes the plain references itself and leaves the others to this. Compression follows the links
 * of rrset.h; the writer only remembers where the names in rdata came to stand, because later owners (glue)
 * and records (NS names of one host domain) point to them.
 *
 * What is not remembered (a reply of more than TRACKED_REFS references, a place beyond the reach of a
 * pointer) is written in full: longer, never wrong. */
#ifndef ZONE_WIRE_WRITER_H
#define ZONE_WIRE_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "zone/base/attr.h"
#include "zone/base/copy.h"
#include "zone/wire/question.h"
#include "zone/wire/reply.h"

#define POINTER_MAX 0x3fff /* a compression pointer has 14 bits (RFC 1035 4.1.4) */
#define TRACKED_REFS 64    /* references whose rdata names later ones may point to */
#define TRACKED_NAMES 256  /* names remembered, of all references together */
#define UNTRACKED 0xffff

struct writer {
    uint8_t *out; /* the message */
    uint8_t *at;
    uint8_t *end; /* what is behind it is kept for OPT and TSIG */
    const struct question *question;
    const struct reply *reply;
    uint64_t counts; /* records written, as they stand in the header: see writer_count */
    uint16_t class;
    bool truncated;
    uint16_t names_used;             /* of `names` */
    uint16_t names_of[TRACKED_REFS]; /* where the names of reference i begin in `names` */
    uint16_t names[TRACKED_NAMES];   /* place in the message; 0: cannot be pointed to */
};

/* Writes reference INDEX of the reply whatever it looks like, or as much of it as may be (encode.h). False
 * ends the message. */
bool writer_put(struct writer *writer, unsigned index) NODISCARD NONNULL(1);

/* Writes the records of a linked RRset that fit for sure, at AT, under an owner that can be pointed to
 * (OWNER, network order). Returns where they end; NULL when that cannot be done so simply. */
uint8_t *writer_put_linked(struct writer *writer, unsigned index, unsigned owner, uint8_t *at) NODISCARD
    NONNULL(1, 4);

static inline void write16(uint8_t *at, unsigned value)
{
    uint16_t swapped = __builtin_bswap16((uint16_t)value);
    memcpy(at, &swapped, 2);
}

static inline void write64(uint8_t *at, uint64_t value)
{
    value = __builtin_bswap64(value);
    memcpy(at, &value, 8);
}

/* The counts of the three sections are the lower 48 bits, the answer's the highest. */
static inline void writer_count(struct writer *writer, unsigned section, unsigned count)
{
    writer->counts += (uint64_t)count << (32 - 16 * section);
}

/* Type, class and TTL as one word. */
static inline uint64_t writer_head(const struct writer *writer, uint16_t type, uint32_t ttl)
{
    return (uint64_t)type << 48 | (uint64_t)writer->class << 32 | ttl;
}

/* Where the name in record RECORD of reference REF can be pointed to, or 0. */
static inline size_t writer_place(const struct writer *writer, unsigned ref, unsigned record)
{
    if (UNLIKELY(ref >= TRACKED_REFS) || UNLIKELY(writer->names_of[ref] == UNTRACKED))
        return 0;
    return writer->names[writer->names_of[ref] + record];
}

/* Owner (a pointer in network order), type, class, TTL and RDLENGTH. */
static inline uint8_t *writer_put_head(uint8_t *at, unsigned owner, uint64_t head, size_t rdata_len)
{
    uint16_t pointer = (uint16_t)owner;
    memcpy(at, &pointer, 2);
    write64(at + 2, head);
    write16(at + 10, (unsigned)rdata_len);
    return at + 12;
}

#endif
