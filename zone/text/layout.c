#include "zone/text/layout.h"

#include <stdlib.h>
#include <string.h>

/* Longer ones get their own place and do not move the rest of the block. */
#define OWNER_WIDE 48
#define FIELD_WIDE 20
#define DATA_WIDE 64

#define BLANK_LINES_MAX 2

void layout_init(struct layout *layout)
{
    memset(layout, 0, sizeof *layout);
    entry_init(&layout->entry);
}

void layout_clear(struct layout *layout)
{
    entry_clear(&layout->entry);
    free(layout->blocks);
    free(layout->text);
    memset(layout, 0, sizeof *layout);
}

/* ---- blocks ---- */

static NODISCARD bool open_block(struct layout *layout)
{
    if (layout->block_count == layout->block_room) {
        size_t room = layout->block_room * 2 + 8;
        struct layout_block *blocks = realloc(layout->blocks, room * sizeof *blocks);
        if (blocks == NULL) {
            layout->failure = ERR_MEMORY;
            return false;
        }
        layout->blocks = blocks;
        layout->block_room = room;
    }
    layout->blocks[layout->block_count++] = (struct layout_block){.used = false};
    return true;
}

/* An end in the first block always ends it: what came before it may have used it. */
static bool ends_block(const struct entry *entry)
{
    return entry->kind == ENTRY_BLANK || entry->kind == ENTRY_DIRECTIVE;
}

static void widen(uint8_t *width, size_t len, size_t most)
{
    if (len <= most && len > *width)
        *width = (uint8_t)len;
}

static void widen_to(uint8_t *width, const struct entry *entry, uint32_t piece, size_t most)
{
    if (piece != ENTRY_NONE)
        widen(width, entry->pieces[piece].len, most);
}

/* Octets of the tokens from piece I to the end of their line, with the blanks between; *I moves there. */
static size_t line_width(const struct entry *entry, uint32_t *i)
{
    size_t width = 0;
    for (; *i < entry->count && entry->pieces[*i].kind == PIECE_TOKEN; ++*i) {
        const struct piece *piece = &entry->pieces[*i];
        width += piece->len + (width > 0 && !piece->glued);
    }
    return width;
}

static uint32_t data_at(const struct entry *entry)
{
    return entry->type == ENTRY_NONE ? 0 : entry->type + 1;
}

static void measure_record(struct layout_block *block, const struct entry *entry)
{
    block->used = true;
    widen_to(&block->owner, entry, entry->owner, OWNER_WIDE);
    widen_to(&block->ttl, entry, entry->ttl, FIELD_WIDE);
    widen_to(&block->class, entry, entry->class, FIELD_WIDE);
    widen_to(&block->type, entry, entry->type, FIELD_WIDE);
    uint32_t i = data_at(entry);
    size_t width = line_width(entry, &i);
    if (entry->one_line && i < entry->count)
        widen(&block->data, width, DATA_WIDE);
}

/* Columns end below 48 + 3 * 20 + 64 and some: within LAYOUT_PAD_MAX. Each piece may stand on a line of its
 * own. */
static size_t lines_of(const struct entry *entry)
{
    return entry->one_line && entry->kind == ENTRY_RECORD ? 1 : entry->count + 4;
}

const char *layout_measure(struct layout *layout, const char *at, const char *stop, const char *end)
{
    struct entry *entry = &layout->entry;
    layout->block_count = 0;
    if (!open_block(layout))
        return at;
    while (at < stop && layout->failure == ERR_OK) {
        layout->failure = entry_scan(entry, at, end);
        if (layout->failure != ERR_OK)
            break;
        struct layout_block *block = &layout->blocks[layout->block_count - 1];
        layout->lines += lines_of(entry);
        if (entry->kind == ENTRY_RECORD)
            measure_record(block, entry);
        else if (ends_block(entry) && (block->used || layout->block_count == 1) && !open_block(layout))
            break;
        at = entry->next;
    }
    return at;
}

static void raise(uint8_t *a, uint8_t *b)
{
    *a = *b = *a > *b ? *a : *b;
}

void layout_join(struct layout *before, struct layout *after)
{
    struct layout_block *a = &before->blocks[before->block_count - 1], *b = &after->blocks[0];
    raise(&a->owner, &b->owner);
    raise(&a->ttl, &b->ttl);
    raise(&a->class, &b->class);
    raise(&a->type, &b->type);
    raise(&a->data, &b->data);
}

/* ---- printing ---- */

struct columns {
    unsigned ttl, class, type, data, comment;
};

static unsigned next_stop(unsigned width)
{
    return (width / 8 + 1) * 8;
}

static void columns_of(struct columns *columns, const struct layout_block *block)
{
    columns->ttl = next_stop(block->owner);
    columns->class = columns->ttl + (block->ttl > 0 ? block->ttl + 1u : 0);
    columns->type = columns->class + (block->class > 0 ? block->class + 1u : 0);
    columns->data = columns->type + next_stop(block->type);
    columns->comment = columns->data + block->data + 1;
}

struct print {
    char *at;
    char *line; /* where its line begins */
};

/* Blanks up to COLUMN, one at least between what stands on the line and what comes. */
static inline void pad(struct print *print, unsigned column)
{
    size_t here = (size_t)(print->at - print->line);
    size_t count = here < column ? column - here : here > 0;
    for (size_t i = 0; i < count; i += 16)
        memset(print->at + i, ' ', 16);
    print->at += count;
}

/* Wide copies: the input can be read and the output be written behind their ends. */
static inline void put(struct print *print, const struct piece *piece)
{
    memcpy(print->at, piece->at, 16);
    if (piece->len > 16)
        memcpy(print->at + 16, piece->at + 16, piece->len - 16);
    print->at += piece->len;
}

static void put_raised(struct print *print, const struct piece *piece)
{
    for (uint32_t i = 0; i < piece->len; i++) {
        char c = piece->at[i];
        *print->at++ = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
    }
}

static void put_octet(struct print *print, char c)
{
    *print->at++ = c;
}

static void end_line(struct print *print)
{
    *print->at++ = '\n';
    print->line = print->at;
}

static void put_tokens(struct print *print, const struct entry *entry, uint32_t *i, unsigned column)
{
    for (bool first = true; *i < entry->count && entry->pieces[*i].kind == PIECE_TOKEN; ++*i, first = false) {
        if (!entry->pieces[*i].glued)
            pad(print, first ? column : 0);
        put(print, &entry->pieces[*i]);
    }
}

static void put_head(struct print *print, const struct entry *entry, const struct columns *columns)
{
    const struct piece *pieces = entry->pieces;
    if (entry->owner != ENTRY_NONE)
        put(print, &pieces[entry->owner]);
    if (entry->ttl != ENTRY_NONE) {
        pad(print, columns->ttl);
        put(print, &pieces[entry->ttl]);
    }
    if (entry->class != ENTRY_NONE) {
        pad(print, columns->class);
        put_raised(print, &pieces[entry->class]);
    }
    if (entry->type != ENTRY_NONE) {
        pad(print, columns->type);
        put_raised(print, &pieces[entry->type]);
    }
}

/* Where the comments on the lines inside parentheses stand: an entry's own column. */
static unsigned inner_comment_column(const struct entry *entry, uint32_t i, const struct columns *columns)
{
    uint8_t widest = 0;
    bool first_line = true;
    while (i < entry->count) {
        size_t width = line_width(entry, &i);
        if (i < entry->count && entry->pieces[i].kind == PIECE_CLOSE) {
            width += width > 0 ? 2 : 1;
            i++;
        }
        if (i < entry->count && entry->pieces[i].kind == PIECE_COMMENT) {
            if (!first_line)
                widen(&widest, width, DATA_WIDE);
            i++;
        }
        if (i < entry->count && entry->pieces[i].kind == PIECE_BREAK) {
            first_line = false;
            i++;
        }
    }
    return columns->data + widest + 1;
}

static void put_lines(struct print *print, const struct entry *entry, const struct columns *columns)
{
    uint32_t i = data_at(entry);
    unsigned comment = inner_comment_column(entry, i, columns);
    bool blank = false; /* the last line was */
    put_tokens(print, entry, &i, columns->data);
    pad(print, 0);
    put_octet(print, '(');
    for (bool first_line = true; i < entry->count; first_line = false) {
        if (!first_line)
            put_tokens(print, entry, &i, columns->data);
        if (i < entry->count && entry->pieces[i].kind == PIECE_CLOSE) {
            pad(print, print->at == print->line ? columns->data : 0);
            put(print, &entry->pieces[i++]);
        }
        if (i < entry->count && entry->pieces[i].kind == PIECE_COMMENT) {
            bool alone = print->at == print->line;
            pad(print, first_line ? 0 : alone ? columns->data : comment);
            put(print, &entry->pieces[i++]);
        }
        if (i < entry->count && entry->pieces[i].kind == PIECE_BREAK) {
            bool empty = print->at == print->line;
            if (!empty || !blank)
                end_line(print);
            blank = empty;
            i++;
        }
    }
}

static void put_record(
    struct print *print, const struct entry *entry, const struct columns *columns, bool *commented)
{
    put_head(print, entry, columns);
    *commented = false;
    if (!entry->one_line) {
        put_lines(print, entry, columns);
    } else {
        uint32_t i = data_at(entry);
        put_tokens(print, entry, &i, columns->data);
        if (i < entry->count) {
            pad(print, columns->comment);
            put(print, &entry->pieces[i]);
            *commented = true;
        }
    }
    end_line(print);
}

/* One line; of several comments inside parentheses the last stays on it, the others stand before. */
static void put_directive(struct print *print, const struct entry *entry)
{
    uint32_t last = ENTRY_NONE;
    bool word = true;
    for (uint32_t i = 0; i < entry->count; i++) {
        if (entry->pieces[i].kind != PIECE_COMMENT)
            continue;
        if (last != ENTRY_NONE) {
            put(print, &entry->pieces[last]);
            end_line(print);
        }
        last = i;
    }
    for (uint32_t i = 0; i < entry->count; i++) {
        const struct piece *piece = &entry->pieces[i];
        if (piece->kind != PIECE_TOKEN)
            continue;
        if (!piece->glued)
            pad(print, 0);
        if (word)
            put_raised(print, piece);
        else
            put(print, piece);
        word = false;
    }
    if (last != ENTRY_NONE) {
        pad(print, 0);
        put(print, &entry->pieces[last]);
    }
    end_line(print);
}

/* A comment on a line of its own: at the margin if it began there; below a comment behind data, in that
 * column; else where the owner's records begin. */
static void put_comment(
    struct print *print, const struct entry *entry, const struct columns *columns, bool commented)
{
    for (uint32_t i = 0; i < entry->count; i++) {
        if (entry->pieces[i].kind != PIECE_COMMENT)
            continue;
        if (entry->indented)
            pad(print, commented ? columns->comment : columns->ttl);
        put(print, &entry->pieces[i]);
        end_line(print);
    }
}

static NODISCARD bool reserve(struct layout *layout, const char *from)
{
    const struct entry *entry = &layout->entry;
    size_t need = 2 * (size_t)(entry->next - from) + LAYOUT_PAD_MAX * lines_of(entry);
    if (LIKELY(layout->room - layout->len >= need))
        return true;
    size_t room = layout->room + layout->room / 2 + need;
    char *text = realloc(layout->text, room);
    if (text == NULL) {
        layout->failure = ERR_MEMORY;
        return false;
    }
    layout->text = text;
    layout->room = room;
    return true;
}

/* What printing remembers from line to line. */
struct state {
    size_t block;
    struct columns columns;
    unsigned blank_lines; /* to be printed before the next entry */
    bool used;            /* the block has records */
    bool commented;       /* the last record had a comment behind it */
};

static void put_entry(struct layout *layout, struct state *state)
{
    const struct entry *entry = &layout->entry;
    struct print print = {.at = layout->text + layout->len};
    for (; state->blank_lines > 0; state->blank_lines--)
        *print.at++ = '\n';
    print.line = print.at;
    if (entry->kind == ENTRY_RECORD)
        put_record(&print, entry, &state->columns, &state->commented);
    else if (entry->kind == ENTRY_DIRECTIVE)
        put_directive(&print, entry);
    else
        put_comment(&print, entry, &state->columns, state->commented);
    layout->len = (size_t)(print.at - layout->text);
}

static void next_block(struct layout *layout, struct state *state)
{
    state->commented = false;
    if (!state->used && state->block > 0)
        return;
    state->used = false;
    columns_of(&state->columns, &layout->blocks[++state->block]);
}

void layout_print(
    struct layout *layout, const char *at, const char *stop, const char *end, bool first, bool last)
{
    struct entry *entry = &layout->entry;
    struct state state = {.block = 0};
    bool begun = !first;
    columns_of(&state.columns, &layout->blocks[0]);
    layout->len = 0;
    for (; at < stop && layout->failure == ERR_OK; at = entry->next) {
        layout->failure = entry_scan(entry, at, end);
        if (layout->failure != ERR_OK || !reserve(layout, at))
            return;
        if (ends_block(entry))
            next_block(layout, &state);
        if (entry->kind == ENTRY_BLANK) {
            state.blank_lines += begun && state.blank_lines < BLANK_LINES_MAX;
            continue;
        }
        begun = true;
        state.used |= entry->kind == ENTRY_RECORD;
        put_entry(layout, &state);
    }
    for (; state.blank_lines > 0 && !last && layout->failure == ERR_OK; state.blank_lines--)
        layout->text[layout->len++] = '\n';
}
