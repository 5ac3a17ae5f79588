/* Copying short runs of octets: names, addresses and most rdata are below 33 octets, for which a call of
 * memcpy (or the string instruction that compilers put in its place) costs more than the copy. Any thread. */
#ifndef ZONE_BASE_COPY_H
#define ZONE_BASE_COPY_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "zone/base/attr.h"

/* memcpy without a call or a loop for up to 32 octets. */
static inline void copy_octets(uint8_t *out, const uint8_t *in, size_t len)
{
    if (len >= 8) {
        if (LIKELY(len <= 16)) {
            memcpy(out, in, 8);
            memcpy(out + len - 8, in + len - 8, 8);
        } else if (len <= 32) {
            memcpy(out, in, 16);
            memcpy(out + len - 16, in + len - 16, 16);
        } else {
            memcpy(out, in, len);
        }
    } else if (len >= 4) {
        memcpy(out, in, 4);
        memcpy(out + len - 4, in + len - 4, 4);
    } else if (len > 0) {
        out[0] = in[0];
        out[len / 2] = in[len / 2];
        out[len - 1] = in[len - 1];
    }
}

#endif
