/* Base64 as keys and signatures come in: one word, or lines between BEGIN and END. Pure functions. */
#ifndef GITSYNC_ARMOR_H
#define GITSYNC_ARMOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zone/base/attr.h"

/* Decodes LEN characters, padding included or left out, into OUT of ROOM octets. False when a character is
 * none of base64 or the room is too small. */
bool armor_base64(const char *text, size_t len, uint8_t *out, size_t room, size_t *out_len) NODISCARD
    NONNULL(1, 3, 5);

/* Decodes the lines between "-----BEGIN LABEL-----" and "-----END LABEL-----" of a text with a NUL at its
 * end. */
bool armor_block(const char *text, const char *label, uint8_t *out, size_t room, size_t *out_len) NODISCARD
    NONNULL(1, 2, 3, 5);

#endif
