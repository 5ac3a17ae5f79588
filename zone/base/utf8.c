#include "zone/base/utf8.h"

#include <string.h>

/* The least code of a sequence of so many octets: longer forms of it are none (RFC 3629 3). */
static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};

unsigned utf8_read(const char *at, size_t len, uint32_t *code)
{
    const unsigned char *octets = (const unsigned char *)at;
    if (len == 0)
        return 0;
    unsigned count = octets[0] < 0x80   ? 1
                     : octets[0] < 0xc2 ? 0
                     : octets[0] < 0xe0 ? 2
                     : octets[0] < 0xf0 ? 3
                                        : 4;
    if (count == 0 || count > len || octets[0] > 0xf4)
        return 0;
    uint32_t value = count == 1 ? octets[0] : octets[0] & (0x7fu >> count);
    for (unsigned i = 1; i < count; i++) {
        if ((octets[i] & 0xc0) != 0x80)
            return 0;
        value = value << 6 | (octets[i] & 0x3f);
    }
    if (value < least[count] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
        return 0;
    *code = value;
    return count;
}

bool utf8_is_plain(uint32_t code)
{
    static const uint32_t ranges[][2] = {{0, 0x1f}, {0x7f, 0x9f}, {0xad, 0xad}, {0x61c, 0x61c},
        {0x180e, 0x180e}, {0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f}, {0xfeff, 0xfeff},
        {0xfff9, 0xfffb}, {0xfffe, 0xffff}, {0xe0000, 0xe0fff}};
    for (size_t i = 0; i < ARRAY_COUNT(ranges); i++) {
        if (code >= ranges[i][0] && code <= ranges[i][1])
            return false;
    }
    return true;
}

size_t utf8_count(const char *text, size_t len)
{
    size_t count = 0;
    for (size_t at = 0; at < len; count++) {
        uint32_t code;
        unsigned octets = utf8_read(text + at, len - at, &code);
        at += octets > 0 ? octets : 1;
    }
    return count;
}

size_t utf8_copy(char *out, const char *text, size_t len)
{
    char *to = out;
    for (size_t at = 0; at < len;) {
        uint32_t code;
        unsigned octets = utf8_read(text + at, len - at, &code);
        if (octets > 0 && utf8_is_plain(code)) {
            memcpy(to, text + at, octets);
            to += octets;
        } else {
            *to++ = text[at] == '\t' ? ' ' : '?';
        }
        at += octets > 0 ? octets : 1;
    }
    return (size_t)(to - out);
}

void utf8_print(FILE *out, const char *text, size_t len)
{
    char plain[512];
    for (size_t done = 0; done < len;) {
        size_t piece = len - done < sizeof plain ? len - done : sizeof plain;
        /* Cut between characters. */
        for (unsigned i = 0; i < 3 && done + piece < len && (text[done + piece] & 0xc0) == 0x80; i++)
            piece--;
        fwrite(plain, 1, utf8_copy(plain, text + done, piece), out);
        done += piece;
    }
}
