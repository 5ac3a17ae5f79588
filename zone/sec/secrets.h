/* What opens private keys that do not lie open: the passphrase or key file and the identity of sealed ones
 * (seal.h), the PKCS#11 module of those in a token (pkcs11.h), whose PIN the passphrase is where its URI has
 * none. One door for all programs: `signer` gives it the values of its options, the sign plugin those of its
 * block. Secrets lie in guarded memory (sodium_malloc) until secrets_clear. Frozen once read: then any thread
 * may open and seal. */
#ifndef ZONE_SEC_SECRETS_H
#define ZONE_SEC_SECRETS_H

#include <stdbool.h>

#include "zone/sec/keyfile.h"
#include "zone/sec/seal.h"

#define SECRETS_WHY_MAX 300

struct secrets {
    const char *module;  /* path of the PKCS#11 module, or NULL; the caller's memory */
    uint8_t *passphrase; /* guarded; NULL: none */
    size_t passphrase_len;
    uint8_t *identity; /* guarded, SEAL_KEY_LEN; NULL: none */
    struct key_opener opener;
    struct key_sealer sealer;
    struct seal_locks locks; /* who may open what is sealed from now on */
};

/* Where they are read from; each may be NULL. With neither file given, the credentials that systemd hands to
 * a service count (systemd.exec(5), LoadCredential=): signer.passphrase, signer.identity. */
struct secrets_sources {
    const char *passphrase_file, *identity_file, *module;
};

/* ERR_OK also when there are none. Else WHY tells which file is wrong, and SECRETS is clear. */
enum err secrets_read(const struct secrets_sources *sources, struct secrets *secrets,
    char why[SECRETS_WHY_MAX]) NODISCARD NONNULL(1, 2, 3);
void secrets_clear(struct secrets *secrets) NONNULL(1);

/* For keyfile_read. */
const struct key_opener *secrets_opener(struct secrets *secrets) NONNULL(1);

/* For keyfile_write: the passphrase and the recipients of `locks`; with none of these, the identity's own
 * public key. NULL: nobody could open it again, keys are written openly. */
const struct key_sealer *secrets_sealer(struct secrets *secrets) NONNULL(1);

#endif
