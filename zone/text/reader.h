/* The master-file reader (RFC 1035 5, RFC 2308 4, RFC 3597 5): text to tapes of records. An entry in the
 * common form takes the fast path (reader_fast.c, vectors); whatever that does not understand is read
 * again by the careful path (reader.c), the only one that reports. Every error of the text is reported, in
 * order; a bad record does not hide the next.
 *
 * One struct reader is one position in one text and belongs to one thread; chunks.h runs several side by
 * side over a large file. */
#ifndef ZONE_TEXT_READER_H
#define ZONE_TEXT_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "zone/base/arena.h"
#include "zone/text/finding.h"
#include "zone/text/lexer.h"
#include "zone/text/sources.h"
#include "zone/text/tape.h"
#include "zone/wire/rdata.h"

/* A finding that waits for its turn, its place still an offset. */
struct pending {
    struct pending *next;
    uint64_t at;
    uint32_t token_len;
    uint16_t file;
    uint8_t part; /* enum part + 1: AT is the entry's beginning, and that part of it is meant */
    enum severity severity;
    const char *rule, *message, *hint;
};

#define PENDING_MAX 5000 /* kept in one list; garbage makes one a line, and nobody reads more */

/* Findings in the order they were made; memory from an arena. */
struct pending_list {
    struct arena *arena;
    struct pending *first, **end;
    unsigned errors, warnings; /* those left out are counted, too */
    unsigned count, left_out;
};

/* What an entry inherits from those before it. */
struct context {
    uint8_t origin[NAME_MAX + 1];
    uint8_t origin_len;
    uint32_t default_ttl; /* $TTL */
    uint32_t last_ttl;    /* the last TTL written */
    uint32_t soa_minimum;
    bool has_default_ttl, has_last_ttl, has_soa_minimum;
};

struct reader {
    const char *at;
    const char *end;
    const char *text; /* where the file begins, for offsets */
    struct tape *tape;
    const char *owner_text; /* the owner token that `owner` came from, NULL when it cannot be compared */
    uint32_t owner_text_len;
    bool run_open;  /* the tape's last run has this owner */
    bool owner_bad; /* the last owner was refused: records that inherit it are passed over */
    uint16_t file;
    uint16_t class;    /* of the zone; 0 until one is written */
    uint8_t owner_len; /* 0: none yet */
    uint8_t owner_labels;
    uint8_t owner[NAME_MAX + 33]; /* absolute, lower case; room for wide stores */
    struct context context;
    bool used_inherited_ttl;   /* a TTL was needed that nothing read by this reader had given */
    bool used_inherited_owner; /* likewise, an owner */
    bool soa_seen;
    uint8_t soa_owner[NAME_MAX + 1];
    uint32_t unclosed; /* parentheses that were never closed */
    enum err failure;  /* memory or a limit ended the reading */
    struct sources *sources;
    struct pending_list *findings;
    const char *generated; /* inside $GENERATE: the directive's place in the file */
    const struct reader *includer;
    unsigned depth; /* of includes */
};

void reader_init(struct reader *reader, struct sources *sources, uint16_t file, struct tape *tape,
    struct pending_list *findings, const uint8_t *origin) NONNULL(1, 2, 4, 5, 6);

/* Reads whole entries from `at` on, until one begins at STOP or behind it. */
void reader_run(struct reader *reader, const char *stop) NONNULL(1, 2);

/* One entry by the careful path. */
void reader_entry(struct reader *reader) NONNULL(1);

/* As many entries as it can by the fast path, none that begins at STOP or behind it; one per set of
 * instructions. */
void reader_fast_base(struct reader *reader, const char *stop) NONNULL(1, 2);
void reader_fast_avx2(struct reader *reader, const char *stop) NONNULL(1, 2);

/* Adds a finding about LEN octets at AT. MESSAGE is copied; RULE and HINT are static. */
void reader_report(struct reader *reader, enum severity severity, const char *rule, const char *at,
    uint32_t len, const char *hint, const char *format, ...) PRINTF(7, 8) NONNULL(1);
void pending_add(struct pending_list *list, enum severity severity, const char *rule, uint16_t file,
    uint64_t at, uint32_t token_len, const char *hint, const char *message) NONNULL(1, 3);

/* The same about a part of the entry that begins at AT; the part is sought when the finding is told. */
void pending_add_part(struct pending_list *list, enum severity severity, const char *rule, uint16_t file,
    uint64_t at, unsigned part, const char *hint, const char *message) NONNULL(1, 3);

/* $ORIGIN, $TTL, $INCLUDE, $GENERATE; NAME is the directive's token, the lexer stands behind it. */
void reader_directive(struct reader *reader, struct lexer *lexer, const struct token *name) NONNULL(1, 2, 3);
void reader_generate(struct reader *reader, struct lexer *lexer, const struct token *name) NONNULL(1, 2, 3);

/* A TTL, also with units (1h30m); false when malformed. Values above 2^31-1 (RFC 2181 8) are told apart:
 * *VALUE is then UINT32_MAX. */
bool reader_ttl(const char *text, uint32_t len, uint32_t *value) NODISCARD NONNULL(1, 3);

/* Room for one record on the tape, in a run of the current owner; NULL when memory ran out. */
struct tape_record *reader_record(struct reader *reader, const char *entry) NONNULL(1, 2);

/* Seals the record that reader_record gave room for; its rdata is in place. */
static inline void reader_record_done(
    struct reader *reader, struct tape_record *record, uint16_t type, uint32_t ttl, size_t rdata_len)
{
    struct tape *tape = reader->tape;
    struct run *run = (struct run *)(void *)(tape->base + tape->run_at);
    record->type = type;
    record->rdata_len = (uint16_t)rdata_len;
    record->ttl = ttl;
    size_t end = (size_t)(record->rdata + rdata_len - tape->base);
    tape->len = (end + 3) & ~(size_t)3;
    tape->record_count++;
    run->record_count++;
    run->size = (uint32_t)(((tape->len + 7) & ~(size_t)7) - tape->run_at);
}

#endif
