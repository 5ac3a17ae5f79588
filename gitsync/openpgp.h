/* OpenPGP signatures, verified by gpgv(1) against a keyring of its own form (gpg --export > FILE). */
#ifndef GITSYNC_OPENPGP_H
#define GITSYNC_OPENPGP_H

#include <stdbool.h>
#include <stddef.h>

#include "zone/base/attr.h"

#define OPENPGP_FINGERPRINT_MAX 65
#define OPENPGP_WHY_MAX 300

struct openpgp_signer {
    char fingerprint[OPENPGP_FINGERPRINT_MAX]; /* of the key that signed */
    char primary[OPENPGP_FINGERPRINT_MAX];     /* of the primary key it belongs to */
    char user[200];
    char why[OPENPGP_WHY_MAX]; /* when it is not good */
};

bool openpgp_is(const char *signature) NONNULL(1);

/* True when SIGNATURE is one over MESSAGE by a key of KEYRING. */
bool openpgp_verify(struct openpgp_signer *signer, const char *keyring, const char *signature,
    size_t signature_len, const char *message, size_t len) NODISCARD NONNULL(1, 2, 3, 5);

/* What gpgv's status lines say; pure. */
bool openpgp_read_status(struct openpgp_signer *signer, const char *status) NODISCARD NONNULL(1, 2);

#endif
