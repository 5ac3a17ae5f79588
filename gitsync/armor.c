#include "gitsync/armor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zone/base/codec.h"

bool armor_base64(const char *text, size_t len, uint8_t *out, size_t room, size_t *out_len)
{
    uint32_t bits = 0;
    unsigned held = 0;
    size_t used = 0;
    while (len > 0 && text[len - 1] == '=')
        len--;
    if (len % 4 == 1)
        return false;
    for (size_t i = 0; i < len; i++) {
        int digit = base64_digit(text[i]);
        if (digit < 0)
            return false;
        bits = bits << 6 | (uint32_t)digit;
        held += 6;
        if (held < 8)
            continue;
        held -= 8;
        if (used == room)
            return false;
        out[used++] = (uint8_t)(bits >> held);
    }
    *out_len = used;
    return true;
}

bool armor_block(const char *text, const char *label, uint8_t *out, size_t room, size_t *out_len)
{
    char mark[80];
    snprintf(mark, sizeof mark, "-----BEGIN %s-----", label);
    const char *from = strstr(text, mark);
    if (from == NULL)
        return false;
    from += strlen(mark);
    snprintf(mark, sizeof mark, "-----END %s-----", label);
    const char *to = strstr(from, mark);
    char *joined = to != NULL ? malloc((size_t)(to - from) + 1) : NULL;
    size_t len = 0;
    if (joined == NULL)
        return false;
    for (; from < to; from++)
        if (strchr(" \t\r\n", *from) == NULL)
            joined[len++] = *from;
    bool fine = armor_base64(joined, len, out, room, out_len);
    free(joined);
    return fine;
}
