#include "zone/base/ip.h"

#include <stdio.h>
#include <string.h>

#include "zone/base/codec.h"

bool ip4_parse(const char *text, size_t len, uint8_t out[4])
{
    uint8_t octets[4];
    size_t at = 0;
    for (unsigned i = 0; i < 4; i++) {
        size_t start = at;
        unsigned value = 0;
        for (; at < len && at - start < 3; at++) {
            unsigned digit = (unsigned char)text[at] - (unsigned)'0';
            if (digit > 9)
                break;
            value = value * 10 + digit;
        }
        if (at == start || value > 255 || (at - start > 1 && text[start] == '0'))
            return false;
        octets[i] = (uint8_t)value;
        if (i < 3 && (at >= len || text[at++] != '.'))
            return false;
    }
    if (at != len)
        return false;
    memcpy(out, octets, 4);
    return true;
}

static bool number_within(const char *text, size_t len)
{
    unsigned value = 0;
    for (size_t i = 0; i < len; i++) {
        value = value * 10 + (unsigned)(text[i] - '0');
        if (value > 255)
            return false;
    }
    return true;
}

void ip4_explain(const char *text, size_t len, char *why, size_t size)
{
    unsigned octet = 1;
    if (memchr(text, ':', len) != NULL) {
        snprintf(why, size, "it looks like an IPv6 address");
        return;
    }
    for (size_t at = 0, start = 0;; at++) {
        if (at < len && (unsigned char)(text[at] - '0') < 10)
            continue;
        if (at < len && text[at] != '.') {
            snprintf(why, size, "octet %u is not a decimal number", octet);
            return;
        }
        if (at == start) {
            snprintf(why, size, "octet %u is empty", octet);
            return;
        }
        if (!number_within(text + start, at - start)) {
            snprintf(why, size, "octet %u is above 255", octet);
            return;
        }
        if (at - start > 1 && text[start] == '0') {
            snprintf(why, size, "octet %u has a leading zero", octet);
            return;
        }
        if (at == len)
            break;
        octet++;
        start = at + 1;
    }
    snprintf(why, size, octet == 1 ? "%u octet instead of 4" : "%u octets instead of 4", octet);
}

/* One group of up to four hexadecimal digits at *AT. */
static bool group_parse(const char *text, size_t len, size_t *at, uint8_t out[2])
{
    unsigned value = 0;
    size_t start = *at;
    for (; *at < len && *at - start < 4; ++*at) {
        int digit = base16_digit(text[*at]);
        if (digit < 0)
            break;
        value = value << 4 | (unsigned)digit;
    }
    out[0] = (uint8_t)(value >> 8);
    out[1] = (uint8_t)value;
    return *at > start;
}

/* FILLED octets were read, a "::" stood after GAP of them: move what follows to the end. */
static void gap_open(uint8_t octets[16], size_t filled, size_t gap)
{
    size_t tail = filled - gap;
    memmove(octets + 16 - tail, octets + gap, tail);
    memset(octets + gap, 0, 16 - filled);
}

bool ip6_parse(const char *text, size_t len, uint8_t out[16])
{
    uint8_t octets[16];
    size_t at = 0, filled = 0, gap = 17;
    if (len >= 2 && text[0] == ':') {
        if (text[1] != ':')
            return false;
        gap = 0;
        at = 2;
    }
    while (at < len) {
        size_t start = at;
        if (filled == 16 || !group_parse(text, len, &at, octets + filled))
            return false;
        if (at < len && text[at] == '.') {
            if (filled > 12 || !ip4_parse(text + start, len - start, octets + filled))
                return false;
            filled += 4;
            break;
        }
        filled += 2;
        if (at == len)
            break;
        if (text[at++] != ':' || at == len)
            return false;
        if (text[at] == ':') {
            if (gap != 17)
                return false;
            gap = filled;
            at++;
        }
    }
    if (gap == 17 ? filled != 16 : filled > 14)
        return false;
    if (gap != 17)
        gap_open(octets, filled, gap);
    memcpy(out, octets, 16);
    return true;
}

void ip6_explain(const char *text, size_t len, char *why, size_t size)
{
    unsigned colons = 0, doubles = 0, digits = 0, dots = 0;
    if (memchr(text, '.', len) != NULL && memchr(text, ':', len) == NULL) {
        snprintf(why, size, "it looks like an IPv4 address");
        return;
    }
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (c == ':') {
            colons++;
            doubles += i > 0 && text[i - 1] == ':' ? 1 : 0;
            digits = 0;
        } else if (c == '.') {
            dots++;
        } else if (c == '%') {
            snprintf(why, size, "a zone identifier cannot stand in a record");
            return;
        } else if (base16_digit(c) < 0) {
            snprintf(why, size, "character %zu is no hexadecimal digit", i + 1);
            return;
        } else if (++digits > 4) {
            snprintf(why, size, "the group that ends at character %zu has more than 4 digits", i + 1);
            return;
        }
    }
    if (dots > 0)
        snprintf(why, size, "the IPv4 address in it is malformed or misplaced");
    else if (doubles > 1)
        snprintf(why, size, "\"::\" stands more than once");
    else if (doubles == 0)
        snprintf(why, size, colons == 0 ? "%u group instead of 8" : "%u groups instead of 8", colons + 1);
    else
        snprintf(why, size, colons > 7 ? "more than 8 groups" : "a colon stands alone at its edge");
}

static char *octet_print(char *out, unsigned value)
{
    if (value >= 100)
        *out++ = (char)('0' + value / 100);
    if (value >= 10)
        *out++ = (char)('0' + value / 10 % 10);
    *out++ = (char)('0' + value % 10);
    return out;
}

size_t ip4_print(const uint8_t ip[4], char *out)
{
    char *at = out;
    for (unsigned i = 0; i < 4; i++) {
        at = octet_print(at, ip[i]);
        *at++ = i < 3 ? '.' : '\0';
    }
    return (size_t)(at - out - 1);
}

static char *group_print(char *out, unsigned value)
{
    static const char digits[] = "0123456789abcdef";
    for (int shift = value > 0xfff ? 12 : value > 0xff ? 8 : value > 0xf ? 4 : 0; shift >= 0; shift -= 4)
        *out++ = digits[value >> shift & 15];
    return out;
}

/* RFC 5952 4.2: the first longest run of at least two zero groups; its length, 0 for none. */
static unsigned longest_zeros(const unsigned groups[8], unsigned *start)
{
    unsigned best = 1;
    for (unsigned i = 0; i < 8; i++) {
        unsigned run = 0;
        while (i + run < 8 && groups[i + run] == 0)
            run++;
        if (run > best) {
            best = run;
            *start = i;
        }
        i += run;
    }
    return best > 1 ? best : 0;
}

size_t ip6_print(const uint8_t ip[16], char *out)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    char *at = out;
    if (memcmp(ip, mapped, 12) == 0) { /* RFC 5952 5 */
        memcpy(out, "::ffff:", 7);
        return 7 + ip4_print(ip + 12, out + 7);
    }
    unsigned groups[8], start = 8;
    for (unsigned i = 0; i < 8; i++)
        groups[i] = (unsigned)ip[i * 2] << 8 | ip[i * 2 + 1];
    unsigned run = longest_zeros(groups, &start);
    for (unsigned i = 0; i < 8; i++) {
        if (run > 0 && i == start) {
            *at++ = ':';
            if (start + run == 8)
                *at++ = ':';
            i += run - 1;
            continue;
        }
        if (i > 0)
            *at++ = ':';
        at = group_print(at, groups[i]);
    }
    *at = '\0';
    return (size_t)(at - out);
}
