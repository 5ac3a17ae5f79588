/* Serials: RFC 1982 arithmetic, the place of the serial in a zone's text, and the rules by which serials are
 * made from history. Pure functions. */
#ifndef GITSYNC_SERIAL_H
#define GITSYNC_SERIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gitsync/settings.h"
#include "zone/base/attr.h"

/* RFC 1982 3.2: is A later than B? Never when they are equal or half the circle apart. */
bool serial_later(uint32_t a, uint32_t b);

/* Where the number stands in the text, LEN octets of it; its value. False with a phrase in *WHY when the text
 * itself has no SOA with a plain number. */
struct serial_place {
    size_t at, len;
    uint32_t value;
};
bool serial_find(const char *text, size_t len, struct serial_place *place, const char **why) NODISCARD
    NONNULL(1, 3, 4);

/* The serial of a change that was committed at TIME_S: the later of what the rule makes of the date, of one
 * more than PREVIOUS, and of WRITTEN, the number in the text. PREVIOUS is NULL for a new zone. A function of
 * history alone: equal wherever it is computed. */
uint32_t serial_make(enum serial_mode mode, int64_t time_s, uint32_t written, const uint32_t *previous);

/* Calls EACH for every file that the text includes, as written there. */
void serial_includes(const char *text, size_t len,
    void (*each)(void *context, const char *path, size_t path_len), void *context) NONNULL(1, 3);

#endif
