/* The state of reading one record's rdata from text: the inner tool of the rdata_parse files. A field
 * parser reads tokens and writes wire octets at `at`; on refusal it fills the complaint and returns false.
 * One owner. */
#ifndef ZONE_TEXT_RDATA_PARSER_H
#define ZONE_TEXT_RDATA_PARSER_H

#include <stdbool.h>
#include <stdint.h>

#include "zone/text/lexer.h"
#include "zone/wire/field.h"
#include "zone/wire/rdata.h"
#include "zone/wire/type.h"

struct rdata_parser {
    struct lexer *lexer;
    const uint8_t *origin;
    const struct type_info *info;
    const struct field *field; /* the one being read */
    uint8_t *start;            /* of the rdata */
    uint8_t *at;               /* next octet to write */
    uint8_t *end;              /* of the room */
    struct token token;        /* the last one taken */
    struct token first;        /* first token of the field being read, for rules about it */
    bool waiting;              /* `token` was looked at but not taken */
    enum err err;
    struct complaint *why;
};

/* Takes the next token; false, without complaint, at the end of the entry (`err` tells a lexer's error).
 * A short ordinary token behind blanks and before a blank is taken here: most are. */
static inline bool parser_more(struct rdata_parser *p)
{
    if (p->waiting) {
        p->waiting = false;
        return true;
    }
#if defined(__SSE2__)
    const char *at = p->lexer->at;
    while (*at == ' ')
        at++;
    unsigned special = lexer_special16(at);
    const char *end = at + __builtin_ctz(special | 0x10000);
    if (LIKELY(end != at && end < p->lexer->end && (*end == ' ' || *end == '\n'))) {
        p->token.text = at;
        p->token.len = (uint32_t)(end - at);
        p->token.quoted = false;
        p->lexer->at = end;
        return true;
    }
    if (*at == '\n' && p->lexer->depth == 0 && at < p->lexer->end) {
        p->lexer->at = at;
        return false;
    }
#endif
    return lexer_next(p->lexer, &p->token);
}

/* Complains about the token in hand: `MX preference "abc" is not a number`, the part behind the token given
 * as FORMAT. HINT may be NULL. Returns false always. */
bool parser_refuse(struct rdata_parser *p, const char *hint, const char *format, ...) PRINTF(3, 4)
    NONNULL(1, 3);

/* The same about LEN octets at AT, a part of the token. */
bool parser_refuse_at(struct rdata_parser *p, const char *at, size_t len, const char *hint,
    const char *format, ...) PRINTF(5, 6) NONNULL(1, 2, 5);

/* Complains that a field is missing (or about the lexer's error). Returns false. */
bool parser_missing(struct rdata_parser *p, const char *what) NONNULL(1, 2);

/* Complains that the rdata grows too long. Returns false. */
bool parser_full(struct rdata_parser *p) NONNULL(1);

/* Takes a token that must be there. */
static inline bool parser_take(struct rdata_parser *p)
{
    return LIKELY(parser_more(p)) ? true : parser_missing(p, p->field->name);
}

/* Takes a token that must be there and not be quoted. */
static inline bool parser_word(struct rdata_parser *p)
{
    if (UNLIKELY(!parser_take(p)))
        return false;
    return LIKELY(!p->token.quoted) ? true : parser_refuse(p, "remove the quotes", " must not be quoted");
}

static inline size_t parser_room(const struct rdata_parser *p)
{
    return (size_t)(p->end - p->at);
}

static inline void parser_put(struct rdata_parser *p, uint64_t value, unsigned octets)
{
    while (octets-- > 0)
        *p->at++ = (uint8_t)(value >> octets * 8);
}

/* True when the unquoted token TEXT equals WORD but for case. */
bool parser_is(const struct token *token, const char *word) NONNULL(1, 2);

/* An unsigned decimal number of at most MAX; false when TEXT is anything else. */
bool parser_number(const char *text, size_t len, uint64_t max, uint64_t *value) NODISCARD NONNULL(1, 4);

/* Octets of the token in hand with its escapes undone (RFC 1035 5.1) into OUT of ROOM; its length in *LEN. */
bool parser_unescape(struct rdata_parser *p, uint8_t *out, size_t room, size_t *len) NODISCARD NONNULL(1, 4);

/* Base64 or hex of the tokens up to the end of the entry. */
bool parser_base64(struct rdata_parser *p, bool empty) NODISCARD NONNULL(1);
bool parser_hex(struct rdata_parser *p, bool empty) NODISCARD NONNULL(1);

/* Pieces that odd types share: each reads one token. */
bool parser_u8(struct rdata_parser *p, const char *what, unsigned max) NODISCARD NONNULL(1, 2);
bool parser_name(struct rdata_parser *p) NODISCARD NONNULL(1);
bool parser_ip4(struct rdata_parser *p) NODISCARD NONNULL(1);
bool parser_ip6(struct rdata_parser *p) NODISCARD NONNULL(1);

/* The field parsers, by kind. */
bool parse_number(struct rdata_parser *p);
bool parse_period(struct rdata_parser *p);
bool parse_time(struct rdata_parser *p);
bool parse_type(struct rdata_parser *p);
bool parse_bitmap(struct rdata_parser *p);
bool parse_nxt(struct rdata_parser *p);
bool parse_names(struct rdata_parser *p);
bool parse_id64(struct rdata_parser *p);
bool parse_eui(struct rdata_parser *p);
bool parse_string(struct rdata_parser *p);
bool parse_strings(struct rdata_parser *p);
bool parse_rest(struct rdata_parser *p);
bool parse_tag(struct rdata_parser *p);
bool parse_hex(struct rdata_parser *p);
bool parse_base64(struct rdata_parser *p);
bool parse_dash(struct rdata_parser *p);
bool parse_salt(struct rdata_parser *p);
bool parse_hash(struct rdata_parser *p);
bool parse_loc(struct rdata_parser *p);
bool parse_apl(struct rdata_parser *p);
bool parse_wks(struct rdata_parser *p);
bool parse_nsap(struct rdata_parser *p);
bool parse_atma(struct rdata_parser *p);
bool parse_a6(struct rdata_parser *p);
bool parse_gateway(struct rdata_parser *p);
bool parse_relay(struct rdata_parser *p);
bool parse_hip(struct rdata_parser *p);
bool parse_params(struct rdata_parser *p);

#endif
