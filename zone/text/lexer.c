#include "zone/text/lexer.h"

#include <stddef.h>
#include <string.h>

#include "zone/wire/type.h"

void lexer_init(struct lexer *lexer, const char *text, size_t len)
{
    memset(lexer, 0, sizeof *lexer);
    lexer->at = text;
    lexer->end = text + len;
}

/* What ends or interrupts an unquoted token. */
enum { ORDINARY, BLANK, NEWLINE, COMMENT, OPEN, CLOSE, QUOTE, ESCAPE };
static const uint8_t kinds[256] = {[' '] = BLANK,
    ['\t'] = BLANK,
    ['\r'] = BLANK,
    ['\n'] = NEWLINE,
    [';'] = COMMENT,
    ['('] = OPEN,
    [')'] = CLOSE,
    ['"'] = QUOTE,
    ['\\'] = ESCAPE};

static bool complain(struct lexer *lexer, const char *at, const char *why)
{
    lexer->complain = at;
    lexer->error = why;
    return false;
}

static const char *skip_comment(const char *at, const char *end)
{
    const char *newline = memchr(at, '\n', (size_t)(end - at));
    return newline != NULL ? newline : end;
}

#define WRAPPED_MAX ((ptrdiff_t)4 * 255) /* octets of text: each may be written as \DDD */

/* A word that only an entry has at its beginning: a type in capitals, or a class. */
static bool is_entry_word(const char *text, size_t len)
{
    uint16_t type;
    for (size_t i = 0; i < len; i++) {
        if (text[i] >= 'a' && text[i] <= 'z')
            return false;
    }
    return type_parse(text, len, &type) || class_parse(text, len, &type);
}

/* Does the line at AT, inside of a quoted string, look as if the string should have ended before it? */
static bool reads_like_entry(const char *at, const char *end)
{
    if (at < end && *at == '$')
        return true;
    bool owner = at < end && kinds[(uint8_t)*at] != BLANK;
    for (unsigned word = 0; word < 4; word++) {
        while (at < end && kinds[(uint8_t)*at] == BLANK)
            at++;
        const char *from = at;
        while (at < end && kinds[(uint8_t)*at] == ORDINARY)
            at++;
        if (at == from)
            return false;
        if (!(owner && word == 0) && is_entry_word(from, (size_t)(at - from)))
            return true;
    }
    return false;
}

static bool can_follow_token(const char *at, const char *end)
{
    uint8_t kind = at < end ? kinds[(uint8_t)*at] : NEWLINE;
    return kind == BLANK || kind == NEWLINE || kind == COMMENT || kind == CLOSE;
}

const char *lexer_quote_end(const char *open, const char *end)
{
    const char *at = open + 1;
    bool wrapped = false;
    for (; at < end && *at != '"'; at++) {
        if (*at == '\\' && at + 1 < end && at[1] != '\n')
            at++;
        else if (*at == '\n') {
            if (at - open > WRAPPED_MAX || reads_like_entry(at + 1, end))
                return NULL;
            wrapped = true;
        }
    }
    if (at >= end || (wrapped && (at - open > WRAPPED_MAX || !can_follow_token(at + 1, end))))
        return NULL;
    return at;
}

static bool quoted_token(struct lexer *lexer, struct token *token)
{
    const char *open = lexer->at, *close = lexer_quote_end(open, lexer->end);
    if (UNLIKELY(close == NULL)) {
        const char *newline = memchr(open, '\n', (size_t)(lexer->end - open));
        lexer->at = newline != NULL ? newline : lexer->end;
        return complain(lexer, open,
            newline != NULL ? "a quoted string is not closed on its line" : "a quoted string is not closed");
    }
    token->text = open + 1;
    token->len = (uint32_t)(close - open - 1);
    token->quoted = true;
    lexer->at = close + 1;
    if (lexer->wrapped == NULL && UNLIKELY(memchr(token->text, '\n', token->len) != NULL))
        lexer->wrapped = open;
    return true;
}

/* The next octet that may end or interrupt a token, at or behind AT; it may lie behind the end of input,
 * into whose padding the wide loads reach. */
#if defined(__SSE2__)
static inline const char *find_special(const char *at, const char *end)
{
    for (; at < end; at += 16) {
        unsigned special = lexer_special16(at);
        if (special != 0)
            return at + __builtin_ctz(special);
    }
    return end;
}
#else
static inline const char *find_special(const char *at, const char *end)
{
    while (at < end && kinds[(uint8_t)*at] == ORDINARY)
        at++;
    return at;
}
#endif

static inline bool plain_token(struct lexer *lexer, struct token *token)
{
    const char *at = lexer->at, *end = lexer->end;
    while ((at = find_special(at, end)) < end) {
        uint8_t kind = kinds[(uint8_t)*at];
        if (LIKELY(kind != ORDINARY && kind != ESCAPE))
            break;
        at += kind == ESCAPE && at + 1 < end && at[1] != '\n' ? 2 : 1;
    }
    if (at > end)
        at = end;
    token->text = lexer->at;
    token->len = (uint32_t)(at - lexer->at);
    token->quoted = false;
    lexer->at = at;
    return true;
}

bool lexer_next(struct lexer *lexer, struct token *token)
{
    while (lexer->at < lexer->end) {
        switch (kinds[(uint8_t)*lexer->at]) {
        case BLANK:
            lexer->at++;
            break;
        case NEWLINE:
            if (lexer->depth == 0)
                return false;
            lexer->at++;
            break;
        case COMMENT:
            lexer->at = skip_comment(lexer->at, lexer->end);
            break;
        case OPEN:
            lexer->depth++;
            lexer->at++;
            break;
        case CLOSE:
            if (lexer->depth == 0)
                return complain(lexer, lexer->at, "a closing parenthesis without an opening one");
            lexer->depth--;
            lexer->at++;
            break;
        case QUOTE:
            return quoted_token(lexer, token);
        default:
            return plain_token(lexer, token);
        }
    }
    if (lexer->depth != 0)
        return complain(lexer, lexer->end, "an opening parenthesis is never closed");
    return false;
}

void lexer_skip_entry(struct lexer *lexer)
{
    struct token token;
    bool broken = lexer->error != NULL;
    lexer->error = NULL;
    while (lexer->at < lexer->end) {
        if (lexer_next(lexer, &token))
            continue;
        if (lexer->error != NULL) {
            /* A stray parenthesis or quote: the entry's shape is unknown, so begin anew at the next line. */
            broken = true;
            lexer->error = NULL;
            lexer->at = skip_comment(lexer->at, lexer->end);
        }
        if (lexer->at < lexer->end && *lexer->at == '\n') {
            lexer->at++;
            break;
        }
    }
    if (broken)
        lexer->depth = 0;
}
