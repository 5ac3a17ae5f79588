/* Private keys sealed at rest. A text (a .private file's) is encrypted with a key of its own,
 * XChaCha20-Poly1305, and that key is locked for those who may open it: by a passphrase or key file
 * (Argon2id), and for any number of recipients (X25519, sealed boxes). The result is text again:
 *
 *     Sealed-key-format: v1
 *     Passphrase: OPSLIMIT MEMLIMIT SALT LOCKED
 *     Recipient: PUBLIC LOCKED
 *     Sealed: NONCE-AND-CIPHERTEXT
 *
 * All binary parts are base64. The lines before the last are authenticated with it. Any thread; all by
 * libsodium.
 */
#ifndef ZONE_SEC_SEAL_H
#define ZONE_SEC_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zone/base/err.h"

#define SEAL_KEY_LEN 32 /* of X25519 keys */
#define SEAL_RECIPIENTS_MAX 16

/* Who may open it: a passphrase (PASSPHRASE may be NULL), recipients, or both. */
struct seal_locks {
    const uint8_t *passphrase;
    size_t passphrase_len;
    uint8_t recipients[SEAL_RECIPIENTS_MAX][SEAL_KEY_LEN]; /* public keys */
    unsigned recipient_count;
    bool quick; /* Argon2id at its least: for tests only */
};

/* What is at hand to open it: either or both. */
struct seal_secrets {
    const uint8_t *passphrase;
    size_t passphrase_len;
    const uint8_t *identity; /* an X25519 secret key, or NULL */
};

/* The sealed text is malloced. ERR_MISSING: LOCKS is empty; ERR_MEMORY also when Argon2id gets none. */
enum err seal_text(const struct seal_locks *locks, const char *text, size_t len, char **out,
    size_t *out_len) NODISCARD NONNULL(1, 2, 4, 5);

/* The plain text is malloced and to be wiped. ERR_SYNTAX: it is no sealed text; ERR_MISSING: it is not for
 * these secrets, or the passphrase is another; ERR_DAMAGED: it was tampered with. */
enum err seal_open(const struct seal_secrets *secrets, const char *sealed, size_t len, char **out,
    size_t *out_len) NODISCARD NONNULL(1, 2, 4, 5);

/* A new identity. */
void seal_identity(uint8_t public_key[SEAL_KEY_LEN], uint8_t secret_key[SEAL_KEY_LEN]) NONNULL(1, 2);

#endif
