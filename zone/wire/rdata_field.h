/* How long a field of rdata is on the wire and whether it is well formed: the inner work of rdata.c and
 * rdata_print.c. Any thread. */
#ifndef ZONE_WIRE_RDATA_FIELD_H
#define ZONE_WIRE_RDATA_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "zone/base/attr.h"
#include "zone/wire/field.h"

#define FIELD_BAD SIZE_MAX

/* One field in its rdata: it begins at `at` and has at most `left` octets. */
struct field_view {
    const struct field *field;
    const uint8_t *at;
    size_t left;
    const uint8_t *rdata; /* the beginning: what a field means may hang on earlier ones */
};

/* Octets of the field, or FIELD_BAD with a phrase in *WHY. */
size_t field_measure(const struct field_view *view, const char **why) NODISCARD NONNULL(1, 2);

/* Where a name stands in a field that may hold one (a name, an A6 prefix, a gateway of type 3): offset
 * from the field's beginning, FIELD_BAD when there is none. LEN is what field_measure said. */
size_t field_name_at(const struct field_view *view, size_t len) NONNULL(1);

static inline unsigned read16(const uint8_t *at)
{
    return (unsigned)at[0] << 8 | at[1];
}

static inline uint32_t read32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static inline uint64_t read64(const uint8_t *at)
{
    return (uint64_t)read32(at) << 32 | read32(at + 4);
}

#endif
