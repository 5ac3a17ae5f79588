/* The keys a subcommand works with: where they lie, how sealed ones are opened, and what each is to do at a
 * time. The option rows here are shared by the subcommands that need keys. */
#ifndef SIGNER_KEYSTORE_H
#define SIGNER_KEYSTORE_H

#include "signer/signer.h"
#include "zone/sec/keyfile.h"
#include "zone/sec/seal.h"
#include "zone/sec/zonesign.h"

extern const char *keystore_directory; /* -K, the current directory if not given */

/* For the tables of rows. */
#define KEYSTORE_ROW                                                                                         \
    {                                                                                                        \
        'K', "keys", "DIRECTORY", "where the keys lie (.)", NULL, &keystore_directory, NULL                  \
    }
#define SECRET_ROWS                                                                                          \
    {0, "passphrase-file", "FILE", "opens sealed keys: the passphrase", NULL, &keystore_passphrase_file,     \
        NULL},                                                                                               \
        {0, "identity", "FILE", "opens sealed keys: a recipient's secret key", NULL, &keystore_identity,     \
            NULL},                                                                                           \
    {                                                                                                        \
        0, "pkcs11-module", "PATH", "the PKCS#11 module that keeps private keys", NULL, &keystore_module,    \
            NULL                                                                                             \
    }
extern const char *keystore_passphrase_file, *keystore_identity, *keystore_module;

/* The opener for keyfile_read: passphrase file, identity, systemd credential, PKCS#11 module, as given. */
const struct key_opener *keystore_opener(void);

/* False when a secret that was asked for cannot be had; told. */
bool keystore_secrets_good(void);

/* Who may open what is sealed from now on: the secret given, and recipients. */
extern struct seal_locks keystore_locks;
bool keystore_take_recipient(const char *value);
#define RECIPIENT_ROW                                                                                        \
    {                                                                                                        \
        0, "recipient", "PUBLIC", "who may open it, too; may be given again", NULL, NULL,                    \
            keystore_take_recipient                                                                          \
    }

/* The sealer for keyfile_write; NULL when no secret and no recipient is given. */
const struct key_sealer *keystore_sealer(void);

/* All keys of ZONE (NULL: of any). What is refused is told; false: with PRIVATE that is fatal. */
bool keystore_load(const uint8_t *zone, bool private, struct key_list *list);

/* The same for signing: with private parts, but for those keys that have none here, neither open nor sealed
 * nor in a token. These are another signer's (RFC 8901) or wait in a safe: published, never signing. They are
 * told, unless QUIET. */
bool keystore_load_signing(const uint8_t *zone, bool quiet, struct key_list *list);

/* One key by the name of its files, in the directory or by path. NULL: told. */
struct key *keystore_open(const char *name, bool private);

/* Tells a refusal; returns OUTCOME_TROUBLE. */
enum outcome keystore_complain(const struct keyfile_trouble *trouble);

/* pkcs11_generate with the module and PIN given. */
enum err keystore_generate_in_token(const char *uri, const uint8_t *zone, const struct algorithm *algorithm,
    unsigned bits, uint16_t flags, struct key **out, char *why, size_t why_size);

/* Writes a key that is new: sealed when a secret is given, else as BIND does. */
enum err keystore_write(struct key *key, struct keyfile_trouble *trouble);

#endif
