#include "zone/base/codec_vector.h"

#include <stdbool.h>
#include <string.h>

#include "zone/base/attr.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define VECTOR __attribute__((target("ssse3")))

static inline bool have_vectors(void)
{
    return __builtin_cpu_supports("ssse3") != 0;
}

/* 0xff where LOW <= octet <= HIGH; the octets are compared as signed, so those above 127 never match. */
VECTOR static inline __m128i within(__m128i octets, char low, char high)
{
    return _mm_and_si128(_mm_cmpgt_epi8(octets, _mm_set1_epi8((char)(low - 1))),
        _mm_cmpgt_epi8(_mm_set1_epi8((char)(high + 1)), octets));
}

/* Digits '0'-'9' and letters from 'a' up to LAST in either case to their values; false if others occur. */
VECTOR static inline bool digits_letters(__m128i octets, char last, __m128i *values)
{
    __m128i small = _mm_or_si128(octets, _mm_set1_epi8(0x20));
    __m128i digit = within(octets, '0', '9'), letter = within(small, 'a', last);
    if (_mm_movemask_epi8(_mm_or_si128(digit, letter)) != 0xffff)
        return false;
    __m128i offset = _mm_or_si128(
        _mm_and_si128(digit, _mm_set1_epi8('0')), _mm_and_si128(letter, _mm_set1_epi8('a' - 10)));
    *values = _mm_sub_epi8(_mm_or_si128(small, _mm_and_si128(digit, octets)), offset);
    return true;
}

VECTOR static size_t decode16(uint8_t *out, const char *text, size_t len)
{
    size_t at = 0;
    for (; at + 16 <= len; at += 16) {
        __m128i values;
        if (!digits_letters(_mm_loadu_si128((const __m128i *)(const void *)(text + at)), 'f', &values))
            break;
        __m128i pairs = _mm_maddubs_epi16(values, _mm_set1_epi16(0x0110)); /* high * 16 + low */
        _mm_storel_epi64((__m128i *)(void *)(out + at / 2), _mm_packus_epi16(pairs, pairs));
    }
    return at;
}

/* Eight digits of five bits make five octets: pairs to 10 bits, pairs of those to 20, then to 40. */
VECTOR static size_t decode32(uint8_t *out, const char *text, size_t len)
{
    size_t at = 0;
    for (; at + 16 <= len; at += 16, out += 10) {
        __m128i values;
        if (!digits_letters(_mm_loadu_si128((const __m128i *)(const void *)(text + at)), 'v', &values))
            break;
        __m128i tens = _mm_maddubs_epi16(values, _mm_set1_epi16(0x0120));
        __m128i twenties = _mm_madd_epi16(tens, _mm_set1_epi32(0x00010400));
        uint64_t halves[2];
        _mm_storeu_si128((__m128i *)(void *)halves, twenties);
        for (unsigned i = 0; i < 2; i++) {
            uint64_t forty = (halves[i] & 0xfffff) << 20 | halves[i] >> 32;
            uint64_t big = __builtin_bswap64(forty << 24);
            memcpy(out + i * 5, &big, 5);
        }
    }
    return at;
}

/* Sixteen digits of six bits to twelve octets. The high nibble of a character tells its range and so what
 * to add ('/' alone differs from its range: it is moved to another row); a character is wrong when the
 * sets of its two nibbles meet. */
VECTOR static inline bool values64(__m128i octets, __m128i *values)
{
    const __m128i low_sets = _mm_setr_epi8(
        0x15, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x13, 0x1a, 0x1b, 0x1b, 0x1b, 0x1a);
    const __m128i high_sets = _mm_setr_epi8(
        0x10, 0x10, 0x01, 0x02, 0x04, 0x08, 0x04, 0x08, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10);
    const __m128i add = _mm_setr_epi8(
        0, 63 - '/', 62 - '+', 52 - '0', -'A', -'A', 26 - 'a', 26 - 'a', 0, 0, 0, 0, 0, 0, 0, 0);
    const __m128i nibble = _mm_set1_epi8(0x0f), slash = _mm_set1_epi8('/');
    __m128i high = _mm_and_si128(_mm_srli_epi32(octets, 4), nibble), low = _mm_and_si128(octets, nibble);
    __m128i wrong = _mm_and_si128(_mm_shuffle_epi8(low_sets, low), _mm_shuffle_epi8(high_sets, high));
    if (_mm_movemask_epi8(_mm_cmpgt_epi8(wrong, _mm_setzero_si128())) != 0)
        return false;
    __m128i row = _mm_add_epi8(high, _mm_cmpeq_epi8(octets, slash));
    *values = _mm_add_epi8(octets, _mm_shuffle_epi8(add, row));
    return true;
}

VECTOR static size_t decode64(uint8_t *out, const char *text, size_t len)
{
    const __m128i gather = _mm_setr_epi8(2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1);
    size_t at = 0;
    for (; at + 16 <= len; at += 16, out += 12) {
        __m128i values;
        if (!values64(_mm_loadu_si128((const __m128i *)(const void *)(text + at)), &values))
            break;
        __m128i twelves = _mm_maddubs_epi16(values, _mm_set1_epi16(0x0140));
        __m128i packed = _mm_shuffle_epi8(_mm_madd_epi16(twelves, _mm_set1_epi32(0x00011000)), gather);
        uint8_t block[16];
        _mm_storeu_si128((__m128i *)(void *)block, packed);
        memcpy(out, block, 12);
    }
    return at;
}

/* Twelve octets to sixteen digits. Reads sixteen octets, so it stops while four are left behind. */
VECTOR static size_t encode64(char *out, const uint8_t *bytes, size_t len)
{
    const __m128i spread = _mm_setr_epi8(1, 0, 2, 1, 4, 3, 5, 4, 7, 6, 8, 7, 10, 9, 11, 10);
    size_t at = 0;
    for (; at + 16 <= len; at += 12, out += 16) {
        __m128i in = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(const void *)(bytes + at)), spread);
        __m128i first =
            _mm_mulhi_epu16(_mm_and_si128(in, _mm_set1_epi32(0x0fc0fc00)), _mm_set1_epi32(0x04000040));
        __m128i second =
            _mm_mullo_epi16(_mm_and_si128(in, _mm_set1_epi32(0x003f03f0)), _mm_set1_epi32(0x01000010));
        __m128i values = _mm_or_si128(first, second);
        __m128i shift = _mm_set1_epi8('A');
        __m128i above25 = _mm_cmpgt_epi8(values, _mm_set1_epi8(25)),
                above51 = _mm_cmpgt_epi8(values, _mm_set1_epi8(51));
        __m128i is62 = _mm_cmpeq_epi8(values, _mm_set1_epi8(62)),
                is63 = _mm_cmpeq_epi8(values, _mm_set1_epi8(63));
        shift = _mm_add_epi8(shift, _mm_and_si128(above25, _mm_set1_epi8('a' - 26 - 'A')));
        shift = _mm_add_epi8(shift, _mm_and_si128(above51, _mm_set1_epi8(('0' - 52) - ('a' - 26))));
        shift = _mm_add_epi8(shift, _mm_and_si128(is62, _mm_set1_epi8(('+' - 62) - ('0' - 52))));
        shift = _mm_add_epi8(shift, _mm_and_si128(is63, _mm_set1_epi8(('/' - 63) - ('0' - 52))));
        _mm_storeu_si128((__m128i *)(void *)out, _mm_add_epi8(values, shift));
    }
    return at;
}

size_t vector16_decode(uint8_t *out, const char *text, size_t len)
{
    return len >= 16 && have_vectors() ? decode16(out, text, len) : 0;
}

size_t vector32_decode(uint8_t *out, const char *text, size_t len)
{
    return len >= 16 && have_vectors() ? decode32(out, text, len) : 0;
}

size_t vector64_decode(uint8_t *out, const char *text, size_t len)
{
    return len >= 16 && have_vectors() ? decode64(out, text, len) : 0;
}

size_t vector64_encode(char *out, const uint8_t *bytes, size_t len)
{
    return len >= 16 && have_vectors() ? encode64(out, bytes, len) : 0;
}

#else

size_t vector16_decode(uint8_t *out UNUSED, const char *text UNUSED, size_t len UNUSED)
{
    return 0;
}

size_t vector32_decode(uint8_t *out UNUSED, const char *text UNUSED, size_t len UNUSED)
{
    return 0;
}

size_t vector64_decode(uint8_t *out UNUSED, const char *text UNUSED, size_t len UNUSED)
{
    return 0;
}

size_t vector64_encode(char *out UNUSED, const uint8_t *bytes UNUSED, size_t len UNUSED)
{
    return 0;
}

#endif
