/* One entry of a master file with all that a reader throws away: its comments, its line breaks inside
 * parentheses, how it was written. For what rewrites text without changing its meaning (layout.h); the reader
 * of records is reader.h, and the two agree on where an entry ends and which token is what (RFC 1035 5.1).
 *
 * Entries are scanned one at a time into a list of pieces that is used again for the next. One thread per
 * struct. The text needs LEXER_PAD readable octets behind it. */
#ifndef ZONE_TEXT_ENTRY_H
#define ZONE_TEXT_ENTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zone/base/attr.h"
#include "zone/base/err.h"

enum entry_kind {
    ENTRY_BLANK,     /* nothing but blanks */
    ENTRY_COMMENT,   /* nothing but a comment (several, inside parentheses) */
    ENTRY_DIRECTIVE, /* $WORD ... */
    ENTRY_RECORD
};

enum piece_kind {
    PIECE_TOKEN,   /* with its quotes */
    PIECE_COMMENT, /* from the semicolon on, without blanks at its end */
    PIECE_BREAK,   /* the end of a line inside parentheses */
    PIECE_CLOSE    /* a closing parenthesis */
};

struct piece {
    const char *at;
    uint32_t len;
    uint8_t kind;
    bool glued; /* a quoted token right behind a plain one: key="value" (RFC 9460 2.1) */
};

#define ENTRY_NONE UINT32_MAX

struct entry {
    enum entry_kind kind;
    bool indented;  /* its line begins with a blank: a record inherits the owner */
    bool one_line;  /* no PIECE_BREAK among the pieces */
    uint32_t count; /* pieces */
    uint32_t room;
    /* Of a record: the place of each among the pieces, or ENTRY_NONE. */
    uint32_t owner, ttl, class, type;
    struct piece *pieces;
    const char *next; /* behind the entry's newline */
};

void entry_init(struct entry *entry) NONNULL(1);
void entry_clear(struct entry *entry) NONNULL(1);

/* Scans the entry that begins at AT. A text that the reader refuses gives pieces, too, but nothing holds of
 * them. ERR_MEMORY only. */
enum err entry_scan(struct entry *entry, const char *at, const char *end) NODISCARD NONNULL(1, 2, 3);

#endif
