/* A tape: what the reader makes of a stretch of text. Runs of records that follow each other with one
 * owner, in the order of the text; one growing buffer, no allocation per record. One thread writes it;
 * afterwards it is frozen. */
#ifndef ZONE_TEXT_TAPE_H
#define ZONE_TEXT_TAPE_H

#include <stddef.h>
#include <stdint.h>

#include "zone/base/attr.h"
#include "zone/base/err.h"
#include "zone/wire/name.h"

/* One record: 4-aligned, followed by its rdata and padding. */
struct tape_record {
    uint16_t type;
    uint16_t rdata_len;
    uint32_t ttl;
    uint32_t behind; /* octets of text from the run's `at` to this record's entry */
    uint8_t rdata[];
};

/* A run: 8-aligned, followed by its records. */
struct run {
    uint64_t at;         /* offset in its file of the first record's entry */
    uint32_t size;       /* octets to the next run */
    uint32_t records_at; /* octets from the run to its first record */
    uint32_t record_count;
    uint16_t file;  /* index in the list of source files */
    uint8_t labels; /* root label not counted */
    uint8_t name_len;
    uint8_t name[]; /* absolute, lower case, wire form */
};

#define RUN_NAME_AT 24

struct tape {
    uint8_t *base;
    size_t len;
    size_t capacity;
    size_t run_at; /* of the run being written */
    size_t run_count;
    size_t record_count;
};

/* Room that one record can need: its header, 64 KiB of rdata, padding and slack for wide stores. */
#define TAPE_RECORD_ROOM (65536 + 64 + 512)

enum err tape_init(struct tape *tape, size_t expected) NODISCARD NONNULL(1);
void tape_clear(struct tape *tape) NONNULL(1);
enum err tape_grow(struct tape *tape) NODISCARD NONNULL(1);

/* Makes sure that a run header and a record fit. Pointers into the tape may change. */
static inline NODISCARD enum err tape_reserve(struct tape *tape)
{
    return LIKELY(tape->capacity - tape->len >= TAPE_RECORD_ROOM) ? ERR_OK : tape_grow(tape);
}

/* Puts a record from elsewhere than a text on the tape; OWNER in lower case. One with the owner of the record
 * before goes into its run. */
enum err tape_put(struct tape *tape, const uint8_t *owner, uint16_t type, uint32_t ttl, const uint8_t *rdata,
    size_t rdata_len) NODISCARD NONNULL(1, 2);

static inline const struct run *tape_first(const struct tape *tape)
{
    return (const struct run *)(const void *)tape->base;
}

static inline const struct run *run_next(const struct run *run)
{
    return (const struct run *)(const void *)((const uint8_t *)run + run->size);
}

static inline const struct tape_record *run_first(const struct run *run)
{
    return (const struct tape_record *)(const void *)((const uint8_t *)run + run->records_at);
}

static inline const struct tape_record *tape_record_next(const struct tape_record *record)
{
    size_t size = (sizeof *record + record->rdata_len + 3) & ~(size_t)3;
    return (const struct tape_record *)(const void *)((const uint8_t *)record + size);
}

#endif
