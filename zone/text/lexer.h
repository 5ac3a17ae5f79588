/* The lexer of master files (RFC 1035 5.1): tokens of one entry at a time, without copying. Blanks,
 * comments and parentheses vanish; a token is a span of the input with its escapes still in it. The
 * input is followed by at least LEXER_PAD readable octets, so tokens may be read past their end in wide
 * loads. One thread per lexer. */
#ifndef ZONE_TEXT_LEXER_H
#define ZONE_TEXT_LEXER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "zone/base/attr.h"

#define LEXER_PAD 64

struct token {
    const char *text; /* first octet; inside the quotes of a quoted token */
    uint32_t len;
    bool quoted;
};

struct lexer {
    const char *at;       /* next octet to look at */
    const char *end;      /* end of input */
    const char *complain; /* where an error of the lexer itself lies, with `error` */
    const char *error;    /* NULL, or a phrase: unbalanced parenthesis, open quote ... */
    const char *wrapped;  /* the opening quote of a string that goes over its line's end; NULL: none so far */
    unsigned depth;       /* open parentheses */
};

#if defined(__SSE2__)
/* Of the sixteen octets at AT, which may end or interrupt a token: bit i for octet i. Control characters that
 * are ordinary are among them. */
static inline unsigned lexer_special16(const char *at)
{
    __m128i b = _mm_loadu_si128((const __m128i *)(const void *)at);
    __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(b, _mm_set1_epi8(' ')), b);
    __m128i parens = _mm_cmpeq_epi8(_mm_and_si128(b, _mm_set1_epi8((char)0xfe)), _mm_set1_epi8('('));
    __m128i marks = _mm_or_si128(_mm_cmpeq_epi8(b, _mm_set1_epi8(';')),
        _mm_or_si128(_mm_cmpeq_epi8(b, _mm_set1_epi8('"')), _mm_cmpeq_epi8(b, _mm_set1_epi8('\\'))));
    return (unsigned)_mm_movemask_epi8(_mm_or_si128(low, _mm_or_si128(parens, marks)));
}
#endif

void lexer_init(struct lexer *lexer, const char *text, size_t len) NONNULL(1, 2);

/* The quote that closes the one at OPEN, or NULL. In a quoted string any octet can stand, a newline, too (RFC
 * 1035 5.1); but one that was never closed would swallow what follows up to the next quote. So a string goes
 * over a line's end only when it fits a character string, its last quote stands where a token can end, and
 * none of its further lines reads like an entry. */
const char *lexer_quote_end(const char *open, const char *end) NONNULL(1, 2);

/* The next token of the current entry; false at the end of the entry (newline outside parentheses, or
 * end of input) or on an error of the lexer (`error` is set). The newline itself is not consumed. */
bool lexer_next(struct lexer *lexer, struct token *token) NODISCARD NONNULL(1, 2);

/* Skips what is left of the entry with its newline. After an error it resynchronises at the next line
 * that begins outside quotes and parentheses. */
void lexer_skip_entry(struct lexer *lexer) NONNULL(1);

#endif
