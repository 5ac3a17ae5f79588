/* Whether an earlier signed file is as this program wrote it. The last line of a file it writes is a comment
 * with a keyed hash (BLAKE2b) of all that stands before; the key follows from the zone's private key, so that
 * only who could sign could have written it. Signatures of such a file need not be verified before they are
 * kept: that would cost more than to make them. */
#ifndef SIGNER_TRUST_H
#define SIGNER_TRUST_H

#include <stdbool.h>
#include <stdint.h>

#include "zone/sec/key.h"

#define TRUST_KEY_LEN 32
#define TRUST_LINE_MAX 96

/* The key; false when no private part is here (a token keeps them). To be wiped. */
bool trust_key(const struct key_list *keys, uint8_t out[TRUST_KEY_LEN]) NODISCARD NONNULL(1);

/* The line for the file at PATH as it is now; returns its length, 0 when it cannot be read. */
size_t trust_line(const char *path, const uint8_t key[TRUST_KEY_LEN], char out[TRUST_LINE_MAX]) NONNULL(1);

/* Does the file end in its line? */
bool trust_check(const char *path, const uint8_t key[TRUST_KEY_LEN]) NODISCARD NONNULL(1);

#endif
