#include "zone/wire/rdata_out.h"

#include "zone/base/codec.h"

void out_padded(struct out *out, uint64_t value, unsigned width)
{
    char digits[20];
    unsigned at = sizeof digits;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    while (sizeof digits - at < width)
        digits[--at] = '0';
    out_put(out, digits + at, sizeof digits - at);
}

void out_number(struct out *out, uint64_t value)
{
    out_padded(out, value, 1);
}

static inline bool is_plain(uint8_t c)
{
    return c >= ' ' && c < 127 && c != '"' && c != '\\';
}

static void escape_put(struct out *out, uint8_t c)
{
    out_char(out, '\\');
    if (c >= ' ' && c < 127)
        out_char(out, (char)c);
    else
        out_padded(out, c, 3);
}

void out_text(struct out *out, const uint8_t *bytes, size_t len)
{
    for (size_t at = 0; at < len;) {
        size_t run = at;
        while (run < len && is_plain(bytes[run]))
            run++;
        out_put(out, (const char *)bytes + at, run - at);
        if (run < len)
            escape_put(out, bytes[run++]);
        at = run;
    }
}

void out_quoted(struct out *out, const uint8_t *bytes, size_t len)
{
    out_char(out, '"');
    out_text(out, bytes, len);
    out_char(out, '"');
}

#define BLOCK 48 /* octets encoded at a time when the room is short */

void out_base64(struct out *out, const uint8_t *bytes, size_t len)
{
    if (out->len + (len + 2) / 3 * 4 <= out->size) {
        out->len += base64_encode(out->text + out->len, bytes, len);
        return;
    }
    char text[BLOCK / 3 * 4];
    for (size_t at = 0; at < len; at += BLOCK)
        out_put(out, text, base64_encode(text, bytes + at, len - at < BLOCK ? len - at : BLOCK));
}

void out_hex(struct out *out, const uint8_t *bytes, size_t len)
{
    char text[BLOCK * 2];
    for (size_t at = 0; at < len; at += BLOCK)
        out_put(out, text, base16_encode(text, bytes + at, len - at < BLOCK ? len - at : BLOCK));
}
