/* Thirty-two octets at a time: the few vector operations that the reader's fast path needs, over AVX2, SSE2
 * or plain C. A mask has bit i for octet i. The file that includes this is compiled once per instruction set
 * (see the Makefile); nothing here is for other files. */
#ifndef ZONE_TEXT_SIMD_H
#define ZONE_TEXT_SIMD_H

#include <stdint.h>
#include <string.h>

#include "zone/base/attr.h"

#define BLOCK 32

#if defined(__AVX2__)

#include <immintrin.h>

typedef __m256i block;

ALWAYS_INLINE block block_load(const void *at)
{
    return _mm256_loadu_si256((const __m256i *)at);
}

ALWAYS_INLINE void block_store(void *at, block b)
{
    _mm256_storeu_si256((__m256i *)at, b);
}

ALWAYS_INLINE uint32_t block_eq(block b, char c)
{
    return (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(b, _mm256_set1_epi8(c)));
}

ALWAYS_INLINE uint32_t block_same(block a, block b)
{
    return (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(a, b));
}

/* Octets that end an ordinary token: up to blank, and ( ) ; " \ */
ALWAYS_INLINE uint32_t block_special(block b)
{
    block low = _mm256_cmpeq_epi8(_mm256_max_epu8(b, _mm256_set1_epi8(0x20)), _mm256_set1_epi8(0x20));
    block parens =
        _mm256_cmpeq_epi8(_mm256_and_si256(b, _mm256_set1_epi8((char)0xfe)), _mm256_set1_epi8('('));
    block marks = _mm256_or_si256(_mm256_cmpeq_epi8(b, _mm256_set1_epi8(';')),
        _mm256_or_si256(
            _mm256_cmpeq_epi8(b, _mm256_set1_epi8('"')), _mm256_cmpeq_epi8(b, _mm256_set1_epi8('\\'))));
    return (uint32_t)_mm256_movemask_epi8(_mm256_or_si256(low, _mm256_or_si256(parens, marks)));
}

ALWAYS_INLINE block block_lower(block b)
{
    block shifted = _mm256_add_epi8(b, _mm256_set1_epi8((char)(128 - 'A')));
    block upper = _mm256_cmpgt_epi8(_mm256_set1_epi8(-128 + 26), shifted);
    return _mm256_or_si256(b, _mm256_and_si256(upper, _mm256_set1_epi8(0x20)));
}

#elif defined(__SSE2__)

#include <emmintrin.h>

typedef struct {
    __m128i half[2];
} block;

ALWAYS_INLINE block block_load(const void *at)
{
    return (block){{_mm_loadu_si128((const __m128i *)at), _mm_loadu_si128((const __m128i *)at + 1)}};
}

ALWAYS_INLINE void block_store(void *at, block b)
{
    _mm_storeu_si128((__m128i *)at, b.half[0]);
    _mm_storeu_si128((__m128i *)at + 1, b.half[1]);
}

ALWAYS_INLINE uint32_t halves(__m128i low, __m128i high)
{
    return (uint32_t)_mm_movemask_epi8(low) | (uint32_t)_mm_movemask_epi8(high) << 16;
}

ALWAYS_INLINE uint32_t block_eq(block b, char c)
{
    __m128i wanted = _mm_set1_epi8(c);
    return halves(_mm_cmpeq_epi8(b.half[0], wanted), _mm_cmpeq_epi8(b.half[1], wanted));
}

ALWAYS_INLINE uint32_t block_same(block a, block b)
{
    return halves(_mm_cmpeq_epi8(a.half[0], b.half[0]), _mm_cmpeq_epi8(a.half[1], b.half[1]));
}

ALWAYS_INLINE __m128i half_special(__m128i b)
{
    __m128i low = _mm_cmpeq_epi8(_mm_max_epu8(b, _mm_set1_epi8(0x20)), _mm_set1_epi8(0x20));
    __m128i parens = _mm_cmpeq_epi8(_mm_and_si128(b, _mm_set1_epi8((char)0xfe)), _mm_set1_epi8('('));
    __m128i marks = _mm_or_si128(_mm_cmpeq_epi8(b, _mm_set1_epi8(';')),
        _mm_or_si128(_mm_cmpeq_epi8(b, _mm_set1_epi8('"')), _mm_cmpeq_epi8(b, _mm_set1_epi8('\\'))));
    return _mm_or_si128(low, _mm_or_si128(parens, marks));
}

ALWAYS_INLINE uint32_t block_special(block b)
{
    return halves(half_special(b.half[0]), half_special(b.half[1]));
}

ALWAYS_INLINE __m128i half_lower(__m128i b)
{
    __m128i shifted = _mm_add_epi8(b, _mm_set1_epi8((char)(128 - 'A')));
    __m128i upper = _mm_cmplt_epi8(shifted, _mm_set1_epi8(-128 + 26));
    return _mm_or_si128(b, _mm_and_si128(upper, _mm_set1_epi8(0x20)));
}

ALWAYS_INLINE block block_lower(block b)
{
    return (block){{half_lower(b.half[0]), half_lower(b.half[1])}};
}

#else

typedef struct {
    uint8_t octet[BLOCK];
} block;

ALWAYS_INLINE block block_load(const void *at)
{
    block b;
    memcpy(&b, at, sizeof b);
    return b;
}

ALWAYS_INLINE void block_store(void *at, block b)
{
    memcpy(at, &b, sizeof b);
}

ALWAYS_INLINE uint32_t block_eq(block b, char c)
{
    uint32_t mask = 0;
    for (unsigned i = 0; i < BLOCK; i++)
        mask |= (uint32_t)(b.octet[i] == (uint8_t)c) << i;
    return mask;
}

ALWAYS_INLINE uint32_t block_same(block a, block b)
{
    uint32_t mask = 0;
    for (unsigned i = 0; i < BLOCK; i++)
        mask |= (uint32_t)(a.octet[i] == b.octet[i]) << i;
    return mask;
}

ALWAYS_INLINE uint32_t block_special(block b)
{
    uint32_t mask = 0;
    for (unsigned i = 0; i < BLOCK; i++) {
        uint8_t c = b.octet[i];
        mask |= (uint32_t)(c <= 0x20 || (c & 0xfe) == '(' || c == ';' || c == '"' || c == '\\') << i;
    }
    return mask;
}

ALWAYS_INLINE block block_lower(block b)
{
    for (unsigned i = 0; i < BLOCK; i++)
        b.octet[i] = (uint8_t)(b.octet[i] + ((uint8_t)(b.octet[i] - 'A') < 26 ? 32 : 0));
    return b;
}

#endif

#endif
