/* The canonical layout of a master file: what `zonetool fmt` writes.
 *
 *     $ORIGIN example.org.
 *     $TTL 1h
 *
 *     @               IN SOA  ns hostmaster (
 *                             2026010101 ; serial
 *                             7200       ; refresh
 *                             3600 1209600 300 )
 *     www         300 IN A    192.0.2.80      ; the web
 *                     AAAA    2001:db8::80    ; and its other address
 *
 * Owner, TTL, class, type and data stand in columns; so do comments behind data. A block is what stands
 * between blank lines and directives, and has columns of its own: their places are multiples of eight, so
 * that a new line seldom moves its neighbours. Tokens stay as they are written (relative names, units of
 * TTLs, escapes, quotes, case); class, type and directive are raised. Entries in parentheses keep their
 * lines; parentheses around what stands on one line go. At most two blank lines stand together, none at the
 * file's ends.
 *
 * Two passes over the same text: measuring finds the columns of each block, printing uses them. One thread
 * per struct; format.h runs several. */
#ifndef ZONE_TEXT_LAYOUT_H
#define ZONE_TEXT_LAYOUT_H

#include "zone/text/entry.h"

/* The widest of each column in a block, and the widest data with a comment behind them. */
struct layout_block {
    uint8_t owner, ttl, class, type, data;
    bool used; /* there are records in it */
};

struct layout {
    struct entry entry;
    struct layout_block *blocks; /* in the order of the text */
    size_t block_count, block_room;
    char *text; /* printed; owned */
    size_t len, room;
    size_t lines; /* measured; several for an entry in parentheses */
    enum err failure;
};

void layout_init(struct layout *layout) NONNULL(1);
void layout_clear(struct layout *layout) NONNULL(1);

/* Measures the entries from AT until one begins at STOP or behind it; returns where the next one begins. The
 * first block may have begun before AT and the last may go on behind STOP: layout_join. */
const char *layout_measure(struct layout *layout, const char *at, const char *stop, const char *end)
    NONNULL(1, 2, 3, 4);

/* No line is padded by more than this. */
#define LAYOUT_PAD_MAX 320

/* The last block of BEFORE and the first of AFTER are one. Called forwards for all, then backwards. */
void layout_join(struct layout *before, struct layout *after) NONNULL(1, 2);

/* Prints the same entries into layout->text. FIRST and LAST: the stretch begins or ends the file. */
void layout_print(struct layout *layout, const char *at, const char *stop, const char *end, bool first,
    bool last) NONNULL(1, 2, 3, 4);

#endif
