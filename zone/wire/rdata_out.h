/* Text going out into room of a given size, counting on when the room is used up, as snprintf does.
 * The inner tool of rdata_print.c and svcb.c. One owner. */
#ifndef ZONE_WIRE_RDATA_OUT_H
#define ZONE_WIRE_RDATA_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "zone/base/attr.h"

struct out {
    char *text;
    size_t size; /* room */
    size_t len;  /* what was printed, also beyond the room */
};

static inline void out_put(struct out *out, const char *text, size_t len)
{
    if (LIKELY(out->len + len <= out->size))
        memcpy(out->text + out->len, text, len);
    else if (out->len < out->size)
        memcpy(out->text + out->len, text, out->size - out->len);
    out->len += len;
}

static inline void out_char(struct out *out, char c)
{
    if (LIKELY(out->len < out->size))
        out->text[out->len] = c;
    out->len++;
}

void out_number(struct out *out, uint64_t value);

/* NUMBER with leading zeros to WIDTH digits, at most 20. */
void out_padded(struct out *out, uint64_t value, unsigned width);

/* Octets of a character string: quotes and backslashes escaped, what is not printable as \DDD. */
void out_text(struct out *out, const uint8_t *bytes, size_t len);

/* The same between quotes. */
void out_quoted(struct out *out, const uint8_t *bytes, size_t len);

void out_base64(struct out *out, const uint8_t *bytes, size_t len);
void out_hex(struct out *out, const uint8_t *bytes, size_t len);

#endif
