#include "zone/base/codec.h"

#include <string.h>

#include "zone/base/codec_vector.h"

/* Values of digits plus one, so that an absent row means "none". */
static const uint8_t values16[256] = {['0'] = 1,
    ['1'] = 2,
    ['2'] = 3,
    ['3'] = 4,
    ['4'] = 5,
    ['5'] = 6,
    ['6'] = 7,
    ['7'] = 8,
    ['8'] = 9,
    ['9'] = 10,
    ['A'] = 11,
    ['B'] = 12,
    ['C'] = 13,
    ['D'] = 14,
    ['E'] = 15,
    ['F'] = 16,
    ['a'] = 11,
    ['b'] = 12,
    ['c'] = 13,
    ['d'] = 14,
    ['e'] = 15,
    ['f'] = 16};

static const char digits16[] = "0123456789ABCDEF";
static const char digits32[] = "0123456789ABCDEFGHIJKLMNOPQRSTUV";
static const char digits64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int base16_digit(char c)
{
    return (int)values16[(uint8_t)c] - 1;
}

int base32hex_digit(char c)
{
    unsigned char u = (unsigned char)c;
    if ((unsigned char)(u - '0') < 10)
        return u - '0';
    unsigned char letter = (unsigned char)((u | 0x20) - 'a');
    return letter < 22 ? letter + 10 : -1;
}

int base64_digit(char c)
{
    unsigned char u = (unsigned char)c;
    unsigned char letter = (unsigned char)((u | 0x20) - 'a');
    if (letter < 26)
        return (u & 0x20) != 0 ? letter + 26 : letter;
    if ((unsigned char)(u - '0') < 10)
        return u - '0' + 52;
    return u == '+' ? 62 : u == '/' ? 63 : -1;
}

size_t base16_decode(uint8_t *out, const char *text, size_t len)
{
    size_t at = vector16_decode(out, text, len);
    for (out += at / 2; at + 1 < len; at += 2) {
        int high = base16_digit(text[at]), low = base16_digit(text[at + 1]);
        if (high < 0)
            return at;
        if (low < 0)
            return at + 1;
        *out++ = (uint8_t)(high << 4 | low);
    }
    return at;
}

size_t base16_encode(char *out, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        out[i * 2] = digits16[bytes[i] >> 4];
        out[i * 2 + 1] = digits16[bytes[i] & 15];
    }
    return len * 2;
}

size_t base32hex_decode(uint8_t *out, const char *text, size_t len, size_t *out_len)
{
    size_t at = vector32_decode(out, text, len), filled = at / 8 * 5;
    unsigned bits = 0;
    uint32_t value = 0;
    for (; at < len; at++) {
        int digit = base32hex_digit(text[at]);
        if (digit < 0)
            return at;
        value = (value << 5 | (uint32_t)digit) & 0xfff;
        bits += 5;
        if (bits >= 8) {
            bits -= 8;
            out[filled++] = (uint8_t)(value >> bits);
        }
    }
    if (bits >= 5 || (value & ((1u << bits) - 1)) != 0)
        return len - 1;
    *out_len = filled;
    return len;
}

size_t base32hex_encode(char *out, const uint8_t *bytes, size_t len)
{
    size_t filled = 0;
    unsigned bits = 0;
    uint32_t value = 0;
    for (size_t i = 0; i < len; i++) {
        value = value << 8 | bytes[i];
        for (bits += 8; bits >= 5; bits -= 5)
            out[filled++] = digits32[value >> (bits - 5) & 31];
    }
    if (bits > 0)
        out[filled++] = digits32[value << (5 - bits) & 31];
    return filled;
}

size_t base64_decode(uint8_t *out, const char *text, size_t len)
{
    size_t at = vector64_decode(out, text, len);
    for (out += at / 4 * 3; at + 3 < len; at += 4, out += 3) {
        uint32_t value = 0;
        for (unsigned i = 0; i < 4; i++) {
            int digit = base64_digit(text[at + i]);
            if (digit < 0)
                return at + i;
            value = value << 6 | (uint32_t)digit;
        }
        out[0] = (uint8_t)(value >> 16);
        out[1] = (uint8_t)(value >> 8);
        out[2] = (uint8_t)value;
    }
    return at;
}

size_t base64_encode(char *out, const uint8_t *bytes, size_t len)
{
    char *start = out;
    size_t at = vector64_encode(out, bytes, len);
    out += at / 3 * 4;
    for (; at < len; at += 3) {
        size_t left = len - at;
        uint32_t value = (uint32_t)bytes[at] << 16 | (left > 1 ? (uint32_t)bytes[at + 1] << 8 : 0) |
                         (left > 2 ? bytes[at + 2] : 0u);
        *out++ = digits64[value >> 18];
        *out++ = digits64[value >> 12 & 63];
        *out++ = left > 1 ? digits64[value >> 6 & 63] : '=';
        *out++ = left > 2 ? digits64[value & 63] : '=';
    }
    return (size_t)(out - start);
}
