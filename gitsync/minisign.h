/* minisign signatures (and signify's, which have no trusted comment): Ed25519 over the content or over its
 * BLAKE2b-512. A key is the second line of minisign.pub, "RW...". Verified by libsodium. Pure functions. */
#ifndef GITSYNC_MINISIGN_H
#define GITSYNC_MINISIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zone/base/attr.h"

struct minisign_key {
    uint8_t id[8];
    uint8_t key[32];
};

/* The LEN characters of a public key; false when they are none. */
bool minisign_key_parse(struct minisign_key *key, const char *text, size_t len) NODISCARD NONNULL(1, 2);

/* Whether SIGNATURE, a text with a NUL, begins as one of minisign. */
bool minisign_is(const char *signature) NONNULL(1);

/* The id of the key that made SIGNATURE; false when it is malformed. */
bool minisign_signer(const char *signature, uint8_t id[8]) NODISCARD NONNULL(1, 2);

/* NULL when SIGNATURE is KEY's over MESSAGE, else why not. */
const char *minisign_verify(
    const struct minisign_key *key, const char *signature, const void *message, size_t len) NONNULL(1, 2, 3);

#endif
