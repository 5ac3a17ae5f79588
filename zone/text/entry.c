#include "zone/text/entry.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "zone/text/lexer.h"
#include "zone/text/reader.h"
#include "zone/wire/type.h"

void entry_init(struct entry *entry)
{
    memset(entry, 0, sizeof *entry);
}

void entry_clear(struct entry *entry)
{
    free(entry->pieces);
    memset(entry, 0, sizeof *entry);
}

static NODISCARD bool grow(struct entry *entry)
{
    uint32_t room = entry->room * 2 + 32;
    struct piece *pieces = realloc(entry->pieces, room * sizeof *pieces);
    if (pieces == NULL)
        return false;
    entry->pieces = pieces;
    entry->room = room;
    return true;
}

static inline NODISCARD bool add(struct entry *entry, enum piece_kind kind, const char *at, const char *end)
{
    if (UNLIKELY(entry->count == entry->room) && !grow(entry))
        return false;
    entry->pieces[entry->count++] =
        (struct piece){.at = at, .len = (uint32_t)(end - at), .kind = (uint8_t)kind};
    return true;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static const char *line_end(const char *at, const char *end)
{
    const char *newline = memchr(at, '\n', (size_t)(end - at));
    return newline != NULL ? newline : end;
}

/* A blank behind a backslash belongs to it. */
static const char *trim(const char *from, const char *to)
{
    while (to > from && is_blank(to[-1]) && !(to - 1 > from && to[-2] == '\\'))
        to--;
    return to;
}

static const char *trim_comment(const char *from, const char *to)
{
    while (to > from && is_blank(to[-1]))
        to--;
    return to;
}

/* The token at AT by the reader's own lexer. */
static NODISCARD bool add_token(struct entry *entry, const char **at, const char *end)
{
    struct lexer lexer = {.at = *at, .end = end};
    struct token token;
    if (!lexer_next(&lexer, &token)) { /* an open quote, which the reader refuses */
        const char *stop = line_end(*at, end);
        bool added = add(entry, PIECE_TOKEN, *at, stop);
        *at = stop;
        return added;
    }
    if (!add(entry, PIECE_TOKEN, *at, lexer.at))
        return false;
    if (token.quoted && entry->count > 1) {
        const struct piece *before = &entry->pieces[entry->count - 2];
        entry->pieces[entry->count - 1].glued =
            before->kind == PIECE_TOKEN && before->at + before->len == *at && *before->at != '"';
    }
    *at = lexer.at;
    return true;
}

static bool is_word(const struct piece *piece, const char *word)
{
    return piece->len == strlen(word) && strncasecmp(piece->at, word, piece->len) == 0;
}

/* Behind $GENERATE's range stands a template that is taken as it is, up to the end of the line. */
static NODISCARD bool add_template(struct entry *entry, const char **at, const char *end)
{
    const char *stop = line_end(*at, end);
    const char *from = *at;
    while (from < stop && is_blank(*from))
        from++;
    if (from < stop && *from != '(' && !add_token(entry, &from, stop))
        return false;
    while (from < stop && is_blank(*from))
        from++;
    const char *to = trim(from, stop);
    *at = stop;
    return to == from || add(entry, PIECE_TOKEN, from, to);
}

/* The first token of an entry tells whether it is a directive (reader.c: read_entry). */
static void note_kind(struct entry *entry, unsigned depth)
{
    const struct piece *first = &entry->pieces[entry->count - 1];
    entry->kind = ENTRY_RECORD;
    if (*first->at == '$' && (!entry->indented || (first->len > 3 && depth == 0)))
        entry->kind = ENTRY_DIRECTIVE;
}

/* Newlines inside parentheses are pieces; the one that ends the entry is consumed. */
static NODISCARD bool scan(struct entry *entry, const char *at, const char *end)
{
    unsigned depth = 0;
    bool seen = false; /* a token */
    for (; at < end; at++) {
        if (is_blank(*at))
            continue;
        if (*at == '\n') {
            if (depth == 0)
                break;
            if (!add(entry, PIECE_BREAK, at, at))
                return false;
        } else if (*at == ';') {
            const char *stop = line_end(at, end);
            if (!add(entry, PIECE_COMMENT, at, trim_comment(at, stop)))
                return false;
            at = stop - 1;
        } else if (*at == '(') {
            depth++;
        } else if (*at == ')') {
            depth -= depth > 0;
            if (!add(entry, PIECE_CLOSE, at, at + 1))
                return false;
        } else {
            if (!add_token(entry, &at, end))
                return false;
            if (!seen) {
                note_kind(entry, depth);
                if (entry->kind == ENTRY_DIRECTIVE &&
                    is_word(&entry->pieces[entry->count - 1], "$GENERATE") && !add_template(entry, &at, end))
                    return false;
            }
            seen = true;
            at--;
        }
    }
    entry->next = at < end ? at + 1 : end;
    return true;
}

#if defined(__SSE2__)
/* The common line, plain tokens with blanks between and perhaps a comment, by masks of sixteen octets. False:
 * it is not of that kind, or memory ran out. */
static NODISCARD bool scan_plain(struct entry *entry, const char *at, const char *end)
{
    const char *token = NULL;
    if (*at == '$')
        return false;
    for (;; at += 16) {
        if (UNLIKELY(entry->room - entry->count < 16) && !grow(entry))
            return false;
        __m128i octets = _mm_loadu_si128((const __m128i *)(const void *)at);
        __m128i blanks = _mm_or_si128(
            _mm_cmpeq_epi8(octets, _mm_set1_epi8(' ')), _mm_cmpeq_epi8(octets, _mm_set1_epi8('\t')));
        unsigned special = lexer_special16(at), ordinary = ~special & 0xffff;
        unsigned odd = special & ~(unsigned)_mm_movemask_epi8(blanks);
        unsigned edges = ordinary ^ (ordinary << 1 | (token != NULL));
        edges &= odd != 0 ? (odd ^ (odd - 1)) : 0xffff; /* up to the first odd one, itself included */
        for (; edges != 0; edges &= edges - 1) {
            const char *edge = at + __builtin_ctz(edges);
            if (token == NULL) {
                token = edge;
                continue;
            }
            entry->pieces[entry->count++] =
                (struct piece){.at = token, .len = (uint32_t)(edge - token), .kind = PIECE_TOKEN};
            token = NULL;
        }
        if (odd == 0)
            continue;
        at += __builtin_ctz(odd);
        if (*at == '\r' && at[1] == '\n')
            at++;
        entry->kind = entry->count > 0 ? ENTRY_RECORD : ENTRY_BLANK;
        if (*at == ';') {
            const char *stop = line_end(at, end);
            entry->kind = entry->count > 0 ? ENTRY_RECORD : ENTRY_COMMENT;
            if (!add(entry, PIECE_COMMENT, at, trim_comment(at, stop)))
                return false;
            at = stop;
        }
        entry->next = at + 1;
        return *at == '\n' && at < end && (entry->kind != ENTRY_RECORD || *entry->pieces->at != '$');
    }
}
#else
static bool scan_plain(struct entry *entry UNUSED, const char *at UNUSED, const char *end UNUSED)
{
    return false;
}
#endif

static bool is_in(const struct piece *piece)
{
    return piece->len == 2 && (piece->at[0] | 0x20) == 'i' && (piece->at[1] | 0x20) == 'n';
}

/* [TTL] [class] type as the reader takes them (reader.c: read_head). */
static void find_head(struct entry *entry)
{
    uint16_t number;
    uint32_t seconds;
    entry->owner = entry->ttl = entry->class = entry->type = ENTRY_NONE;
    for (uint32_t i = 0; i < entry->count; i++) {
        const struct piece *piece = &entry->pieces[i];
        if (piece->kind != PIECE_TOKEN)
            continue;
        if (entry->owner == ENTRY_NONE && !entry->indented)
            entry->owner = i;
        else if (entry->ttl == ENTRY_NONE && (uint8_t)(*piece->at - '0') < 10 &&
                 reader_ttl(piece->at, piece->len, &seconds))
            entry->ttl = i;
        else if (entry->class == ENTRY_NONE && is_in(piece))
            entry->class = i;
        else if (type_parse(piece->at, piece->len, &number)) {
            entry->type = i;
            return;
        } else if (entry->class == ENTRY_NONE && class_parse(piece->at, piece->len, &number))
            entry->class = i;
        else
            return;
    }
}

static bool is_head(const struct entry *entry, uint32_t i)
{
    return i == entry->owner || i == entry->ttl || i == entry->class || i == entry->type;
}

/* The head in front, comments that stood inside it behind it: it is written on one line. A break stays where
 * it ends a comment; of the closing parentheses the last one stays. */
static void gather_head(struct entry *entry)
{
    struct piece head[4];
    uint32_t moved = 0, kept = 0, last_close = 0;
    bool open_comment = false; /* one was moved, and no data stand behind it so far */
    for (uint32_t i = 0; i < entry->count; i++)
        last_close = entry->pieces[i].kind == PIECE_CLOSE ? i : last_close;
    for (uint32_t i = 0; i < entry->count; i++) {
        struct piece piece = entry->pieces[i];
        bool ends_comment = kept > 0 && entry->pieces[kept - 1].kind == PIECE_COMMENT;
        open_comment |= i < entry->type && piece.kind == PIECE_COMMENT;
        open_comment &= i <= entry->type || piece.kind != PIECE_TOKEN;
        if (is_head(entry, i))
            head[moved++] = piece;
        else if (piece.kind == PIECE_BREAK && !ends_comment && (i < entry->type || open_comment))
            continue;
        else if (piece.kind != PIECE_CLOSE || i == last_close)
            entry->pieces[kept++] = piece;
    }
    memmove(entry->pieces + moved, entry->pieces, kept * sizeof *entry->pieces);
    memcpy(entry->pieces, head, moved * sizeof *head);
    entry->count = moved + kept;
    find_head(entry);
}

/* Parentheses that group nothing go: an entry whose tokens stand on one line with no comment among them is
 * one of one line. */
static void simplify(struct entry *entry)
{
    uint32_t last = 0, comments = 0, breaks = 0, kept = 0;
    for (uint32_t i = 0; i < entry->count; i++)
        last = entry->pieces[i].kind <= PIECE_COMMENT ? i : last;
    for (uint32_t i = 0; i < last; i++) {
        comments += entry->pieces[i].kind == PIECE_COMMENT;
        breaks += entry->pieces[i].kind == PIECE_BREAK;
    }
    entry->one_line = breaks == 0 && comments == 0;
    if (!entry->one_line)
        return;
    for (uint32_t i = 0; i <= last; i++) {
        if (entry->pieces[i].kind <= PIECE_COMMENT)
            entry->pieces[kept++] = entry->pieces[i];
    }
    entry->count = kept;
    find_head(entry);
}

static bool has_kind(const struct entry *entry, enum piece_kind kind)
{
    for (uint32_t i = 0; i < entry->count; i++) {
        if (entry->pieces[i].kind == kind)
            return true;
    }
    return false;
}

static void settle(struct entry *entry)
{
    if (entry->kind == ENTRY_BLANK && has_kind(entry, PIECE_COMMENT))
        entry->kind = ENTRY_COMMENT;
    if (entry->kind != ENTRY_RECORD)
        return;
    find_head(entry);
    if (!has_kind(entry, PIECE_BREAK) && !has_kind(entry, PIECE_CLOSE))
        return;
    if (entry->type != ENTRY_NONE)
        gather_head(entry);
    simplify(entry);
}

enum err entry_scan(struct entry *entry, const char *at, const char *end)
{
    entry->kind = ENTRY_BLANK;
    entry->count = 0;
    entry->indented = at < end && (*at == ' ' || *at == '\t');
    entry->one_line = true;
    if (LIKELY(scan_plain(entry, at, end))) {
        if (entry->kind == ENTRY_RECORD)
            find_head(entry);
        return ERR_OK;
    }
    entry->kind = ENTRY_BLANK;
    entry->count = 0;
    if (!scan(entry, at, end))
        return ERR_MEMORY;
    settle(entry);
    return ERR_OK;
}
