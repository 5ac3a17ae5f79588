#include "zone/text/rdata_parse.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "zone/base/ip.h"
#include "zone/text/rdata_parser.h"
#include "zone/wire/name.h"
#include "zone/wire/rdata_rule.h"

static bool parse_any(struct rdata_parser *p);

static bool (*const parses[FIELD_KINDS])(struct rdata_parser *p) = {
    [FIELD_NAME] = parser_name,
    [FIELD_NAMES] = parse_names,
    [FIELD_U8] = parse_number,
    [FIELD_U16] = parse_number,
    [FIELD_U32] = parse_number,
    [FIELD_U64] = parse_number,
    [FIELD_PERIOD] = parse_period,
    [FIELD_TIME] = parse_time,
    [FIELD_TYPE] = parse_type,
    [FIELD_IP4] = parser_ip4,
    [FIELD_IP6] = parser_ip6,
    [FIELD_ID64] = parse_id64,
    [FIELD_EUI48] = parse_eui,
    [FIELD_EUI64] = parse_eui,
    [FIELD_STRING] = parse_string,
    [FIELD_STRINGS] = parse_strings,
    [FIELD_REST] = parse_rest,
    [FIELD_TAG] = parse_tag,
    [FIELD_HEX] = parse_hex,
    [FIELD_BASE64] = parse_base64,
    [FIELD_BASE64_DASH] = parse_dash,
    [FIELD_SALT] = parse_salt,
    [FIELD_HASH] = parse_hash,
    [FIELD_BITMAP] = parse_bitmap,
    [FIELD_NXT] = parse_nxt,
    [FIELD_LOC] = parse_loc,
    [FIELD_APL] = parse_apl,
    [FIELD_WKS] = parse_wks,
    [FIELD_NSAP] = parse_nsap,
    [FIELD_ATMA] = parse_atma,
    [FIELD_A6] = parse_a6,
    [FIELD_GATEWAY] = parse_gateway,
    [FIELD_RELAY] = parse_relay,
    [FIELD_HIP] = parse_hip,
    [FIELD_PARAMS] = parse_params,
    [FIELD_ANY] = parse_any,
};

static bool parse_generic(struct rdata_parser *p);
static bool parse_fields(struct rdata_parser *p);

enum err rdata_parse(uint16_t type, struct lexer *lexer, const uint8_t *origin, uint8_t *out, size_t *out_len,
    struct complaint *why)
{
    struct rdata_parser p;
    p.lexer = lexer;
    p.origin = origin;
    p.info = type_info(type);
    p.field = p.info->fields;
    p.start = p.at = out;
    p.end = out + RDATA_MAX;
    p.err = ERR_OK;
    p.first = (struct token){.text = lexer->at};
    p.why = why;
    p.token = (struct token){.text = lexer->at};
    p.waiting = false;
    p.waiting = parser_more(&p);
    bool generic = p.waiting && p.token.len == 2 && !p.token.quoted && memcmp(p.token.text, "\\#", 2) == 0;
    if (!(generic ? parse_generic(&p) : parse_fields(&p)))
        return p.err != ERR_OK ? p.err : ERR_SYNTAX;
    *out_len = (size_t)(p.at - p.start);
    return ERR_OK;
}

static const char *extra_hint(const struct rdata_parser *p)
{
    const struct field *last = p->field > p->info->fields ? p->field - 1 : p->field;
    switch (last->kind) {
    case FIELD_REST:
    case FIELD_STRING:
        return "put text with blanks in quotes";
    case FIELD_NAME:
        return "a comment begins with a semicolon";
    default:
        return NULL;
    }
}

/* Nothing may follow the last field, and the entry must end without an error of the lexer. */
static bool parse_end(struct rdata_parser *p)
{
    if (UNLIKELY(parser_more(p)))
        return parser_refuse(p, extra_hint(p), " stands behind its last field");
    return LIKELY(p->lexer->error == NULL) ? true : parser_missing(p, "end");
}

static bool rule_refuse(struct rdata_parser *p, const struct rdata_rule *rule, size_t len)
{
    p->token = p->first;
    if (rule->digest_len == 0)
        return parser_refuse_at(p, p->token.text, p->token.len, NULL,
            " has %zu octet%s, at least %u are needed", len, len == 1 ? "" : "s", rule->least);
    const char *hint = len < rule->digest_len ? "the digest is cut short, or the algorithm's number is wrong"
                                              : "the digest is too long, or the algorithm's number is wrong";
    return parser_refuse_at(p, p->token.text, p->token.len, hint, " has %zu octet%s, %s gives %u", len,
        len == 1 ? "" : "s", rule->name, rule->digest_len);
}

static bool rules_hold(struct rdata_parser *p, const struct token *firsts)
{
    size_t digest_len = 0;
    const struct rdata_rule *broken =
        rdata_rule_broken(p->info->type, p->start, (size_t)(p->at - p->start), &digest_len);
    if (LIKELY(broken == NULL)) {
        bool missing = rdata_key_missing(p->info->type, p->start, (size_t)(p->at - p->start));
        return !missing || parser_missing(p, "public key");
    }
    p->field = p->info->fields + broken->field;
    p->first = firsts[broken->field];
    return rule_refuse(p, broken, digest_len);
}

/* Not set in every record: only rules ask where the fields began. */
static bool parse_ruled_fields(struct rdata_parser *p)
{
    struct token firsts[FIELDS_MAX];
    for (struct token *first = firsts; p->field->kind != FIELD_END; p->field++, first++) {
        p->first.text = NULL;
        if (UNLIKELY(!parses[p->field->kind](p)))
            return false;
        *first = p->first.text != NULL ? p->first : p->token;
    }
    return parse_end(p) && rules_hold(p, firsts);
}

static bool parse_fields(struct rdata_parser *p)
{
    if ((p->info->flags & TYPE_FLAG_RULES) != 0)
        return parse_ruled_fields(p);
    for (; p->field->kind != FIELD_END; p->field++) {
        if (UNLIKELY((p->field->flags & FIELD_OPTIONAL) != 0)) {
            p->waiting = parser_more(p);
            if (!p->waiting)
                break;
        }
        if (UNLIKELY(!parses[p->field->kind](p)))
            return false;
    }
    return parse_end(p);
}

static bool parse_any(struct rdata_parser *p)
{
    static const char hint[] = "write \\# LENGTH HEX (RFC 3597 5)";
    if (!parser_take(p))
        return false;
    return parser_refuse_at(p, p->token.text, p->token.len, hint, " must be written in the generic form");
}

/* RFC 3597 5: "\#", a length, hexadecimal digits. */
static bool parse_generic(struct rdata_parser *p)
{
    static const struct field length = {.name = "length of the generic form"};
    static const struct field data = {.name = "generic data"};
    struct token mark = p->token;
    uint64_t len;
    const char *phrase = NULL;
    p->waiting = false;
    p->field = &length;
    if (!parser_word(p))
        return false;
    if (!parser_number(p->token.text, p->token.len, RDATA_MAX, &len))
        return parser_refuse(p, NULL, " is not a number up to %d", RDATA_MAX);
    struct token said = p->token;
    p->field = &data;
    if (!parser_hex(p, true))
        return false;
    size_t got = (size_t)(p->at - p->start);
    if (got != len) {
        p->token = said;
        return parser_refuse_at(
            p, said.text, said.len, NULL, " has %zu octets, announced were %u", got, (unsigned)len);
    }
    if (rdata_check(p->info->type, p->start, got, &phrase) != ERR_OK) {
        p->token = mark;
        p->err = ERR_WIRE;
        return parser_refuse_at(p, mark.text, mark.len, NULL, " does not fit the type: %s", phrase);
    }
    return parse_end(p); /* the digits may have ended at an open quote or parenthesis */
}

/* "TYPE field" or, for rdata of an unassigned type, "field". */
static size_t subject_print(const struct rdata_parser *p, char *out, size_t size)
{
    const char *type = p->info->name != NULL ? p->info->name : "record";
    const char *field = p->field->name != NULL ? p->field->name : "data";
    return (size_t)snprintf(out, size, "%s %s", type, field);
}

#define SHOWN 40 /* octets of a token that a message repeats */

static size_t token_print(const struct token *token, char *out)
{
    char *start = out;
    size_t len = token->len < SHOWN ? token->len : SHOWN;
    memcpy(out, " \"", 2);
    out += 2;
    for (size_t i = 0; i < len; i++) {
        char c = token->text[i];
        *out++ = (unsigned char)c < ' ' || c == 127 ? '?' : c;
    }
    const char *close = len < token->len ? "...\"" : "\"";
    memcpy(out, close, strlen(close) + 1);
    return (size_t)(out - start) + strlen(close);
}

static void complain(struct rdata_parser *p, const char *at, size_t len, const char *hint)
{
    p->why->at = at;
    p->why->len = (uint32_t)len;
    p->why->hint = hint;
}

bool parser_refuse(struct rdata_parser *p, const char *hint, const char *format, ...)
{
    char *message = p->why->message;
    size_t size = sizeof p->why->message, len = subject_print(p, message, size / 2);
    va_list arguments;
    complain(p, p->token.text, p->token.len, hint);
    len += token_print(&p->token, message + len);
    va_start(arguments, format);
    vsnprintf(message + len, size - len, format, arguments);
    va_end(arguments);
    return false;
}

bool parser_refuse_at(
    struct rdata_parser *p, const char *at, size_t at_len, const char *hint, const char *format, ...)
{
    char *message = p->why->message;
    size_t size = sizeof p->why->message, len = subject_print(p, message, size / 2);
    va_list arguments;
    complain(p, at, at_len, hint);
    va_start(arguments, format);
    vsnprintf(message + len, size - len, format, arguments);
    va_end(arguments);
    return false;
}

static const char *missing_hint(const struct rdata_parser *p)
{
    bool text =
        p->field->kind == FIELD_STRING || p->field->kind == FIELD_STRINGS || p->field->kind == FIELD_REST;
    const char *from = p->token.text != NULL ? p->token.text + p->token.len : p->lexer->at;
    if (text && from < p->lexer->at && memchr(from, ';', (size_t)(p->lexer->at - from)) != NULL)
        return "a semicolon begins a comment: put text that has one in quotes";
    return NULL;
}

bool parser_missing(struct rdata_parser *p, const char *what)
{
    if (p->lexer->error != NULL) {
        complain(p, p->lexer->complain, p->lexer->complain < p->lexer->end ? 1 : 0, NULL);
        snprintf(p->why->message, sizeof p->why->message, "%s", p->lexer->error);
        return false;
    }
    complain(p, p->token.text + p->token.len, 0, missing_hint(p));
    snprintf(p->why->message, sizeof p->why->message, "%s %s is missing",
        p->info->name != NULL ? p->info->name : "record", what);
    return false;
}

bool parser_full(struct rdata_parser *p)
{
    p->err = ERR_LIMIT;
    return parser_refuse_at(
        p, p->token.text, p->token.len, NULL, " makes the record's data longer than %d octets", RDATA_MAX);
}

bool parser_is(const struct token *token, const char *word)
{
    return strlen(word) == token->len && strncasecmp(token->text, word, token->len) == 0;
}

bool parser_name(struct rdata_parser *p)
{
    const char *phrase = "";
    size_t len;
    if (!parser_word(p))
        return false;
    if (UNLIKELY(parser_room(p) < NAME_MAX))
        return parser_full(p);
    if (UNLIKELY(name_parse(p->token.text, p->token.len, p->origin, p->at, &len, &phrase) != ERR_OK))
        return parser_refuse(p, NULL, ": %s", phrase);
    p->at += len;
    return true;
}

bool parse_names(struct rdata_parser *p)
{
    while (parser_more(p)) {
        p->waiting = true;
        if (!parser_name(p))
            return false;
    }
    return true;
}

bool parser_ip4(struct rdata_parser *p)
{
    char phrase[80];
    if (!parser_word(p))
        return false;
    if (UNLIKELY(!ip4_parse(p->token.text, p->token.len, p->at))) {
        bool six = memchr(p->token.text, ':', p->token.len) != NULL;
        ip4_explain(p->token.text, p->token.len, phrase, sizeof phrase);
        return parser_refuse(p, six ? "an IPv6 address belongs in an AAAA record" : NULL, ": %s", phrase);
    }
    p->at += 4;
    return true;
}

bool parser_ip6(struct rdata_parser *p)
{
    char phrase[80];
    if (!parser_word(p))
        return false;
    if (UNLIKELY(!ip6_parse(p->token.text, p->token.len, p->at))) {
        bool four = memchr(p->token.text, ':', p->token.len) == NULL &&
                    memchr(p->token.text, '.', p->token.len) != NULL;
        ip6_explain(p->token.text, p->token.len, phrase, sizeof phrase);
        return parser_refuse(p, four ? "an IPv4 address belongs in an A record" : NULL, ": %s", phrase);
    }
    p->at += 16;
    return true;
}
