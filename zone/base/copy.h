/* Copying and comparing short runs of octets: names, addresses and most rdata are below 33 octets, for which
 * a call of memcpy (or the string instruction that compilers put in its place) costs more than the work
 * itself. Any thread. */
#ifndef ZONE_BASE_COPY_H
#define ZONE_BASE_COPY_H

#include <stdbool.h>
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

/* Whether two runs of LEN octets are the same: without a call for up to 16. */
static inline bool same_octets(const uint8_t *a, const uint8_t *b, size_t len)
{
    if (len >= 8) {
        uint64_t a_first, a_last, b_first, b_last;
        if (UNLIKELY(len > 16))
            return memcmp(a, b, len) == 0;
        memcpy(&a_first, a, 8);
        memcpy(&a_last, a + len - 8, 8);
        memcpy(&b_first, b, 8);
        memcpy(&b_last, b + len - 8, 8);
        return ((a_first ^ b_first) | (a_last ^ b_last)) == 0;
    }
    if (len >= 4) {
        uint32_t a_first, a_last, b_first, b_last;
        memcpy(&a_first, a, 4);
        memcpy(&a_last, a + len - 4, 4);
        memcpy(&b_first, b, 4);
        memcpy(&b_last, b + len - 4, 4);
        return ((a_first ^ b_first) | (a_last ^ b_last)) == 0;
    }
    return len == 0 || (a[0] == b[0] && a[len / 2] == b[len / 2] && a[len - 1] == b[len - 1]);
}

#endif
