#include "signer/keystore.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "zone/base/file.h"
#include "zone/sec/pkcs11.h"

const char *keystore_directory = ".";
const char *keystore_passphrase_file, *keystore_identity, *keystore_module;
struct seal_locks keystore_locks;

/* ---- secrets ---- */

static struct {
    bool looked;
    uint8_t *passphrase; /* guarded */
    size_t passphrase_len;
    uint8_t *identity; /* guarded, SEAL_KEY_LEN */
} secrets;

#define SECRET_MAX 4096

/* A file's octets without a final line end, in guarded memory. */
static bool take_secret(const char *path, uint8_t **out, size_t *len)
{
    struct arena arena;
    char *bytes;
    arena_init(&arena, 0);
    enum err err = file_read(path, SECRET_MAX, &arena, &bytes, len);
    if (err == ERR_OK) {
        while (*len > 0 && (bytes[*len - 1] == '\n' || bytes[*len - 1] == '\r'))
            --*len;
        *out = *len > 0 ? sodium_malloc(*len) : NULL;
        if (*out != NULL)
            memcpy(*out, bytes, *len);
        else
            complain("%s: is empty", path);
        sodium_memzero(bytes, *len);
    } else {
        complain_of(path, err);
    }
    arena_clear(&arena);
    return err == ERR_OK && *out != NULL;
}

/* An identity is the base64 of a secret key, alone in its file. */
static bool take_identity(const char *path)
{
    uint8_t *text = NULL;
    size_t len, got = 0;
    secrets.identity = sodium_malloc(SEAL_KEY_LEN);
    if (secrets.identity == NULL || !take_secret(path, &text, &len))
        return false;
    bool good = sodium_base642bin(secrets.identity, SEAL_KEY_LEN, (const char *)text, len, NULL, &got, NULL,
                    sodium_base64_VARIANT_ORIGINAL) == 0 &&
                got == SEAL_KEY_LEN;
    sodium_free(text);
    if (!good)
        complain("%s: is no identity; signer identity makes one", path);
    return good;
}

/* Passphrase and identity as options or systemd credentials (systemd.exec(5), LoadCredential=) give them. */
static bool look_for_secrets(void)
{
    static char passphrase_path[4096], identity_path[4096];
    const char *credentials = getenv("CREDENTIALS_DIRECTORY");
    if (secrets.looked || !keypair_ready())
        return secrets.looked;
    if (credentials != NULL && keystore_passphrase_file == NULL && keystore_identity == NULL) {
        snprintf(passphrase_path, sizeof passphrase_path, "%s/signer.passphrase", credentials);
        snprintf(identity_path, sizeof identity_path, "%s/signer.identity", credentials);
        keystore_passphrase_file = access(passphrase_path, R_OK) == 0 ? passphrase_path : NULL;
        keystore_identity = access(identity_path, R_OK) == 0 ? identity_path : NULL;
    }
    if (keystore_passphrase_file != NULL &&
        !take_secret(keystore_passphrase_file, &secrets.passphrase, &secrets.passphrase_len))
        return false;
    if (keystore_identity != NULL && !take_identity(keystore_identity))
        return false;
    return secrets.looked = true;
}

static enum err unseal(void *context UNUSED, const char *text, size_t len, char **plain, size_t *plain_len,
    struct keyfile_trouble *trouble)
{
    struct seal_secrets given = {secrets.passphrase, secrets.passphrase_len, secrets.identity};
    enum err err = seal_open(&given, text, len, plain, plain_len);
    if (err != ERR_OK)
        snprintf(trouble->message, sizeof trouble->message, "%s",
            err == ERR_MISSING   ? "is sealed, and not for the secret given"
            : err == ERR_DAMAGED ? "was tampered with"
                                 : "is no sealed key");
    return err;
}

static enum err open_device(
    void *context UNUSED, struct key *key, const char *label, struct keyfile_trouble *trouble)
{
    enum err err = pkcs11_open(keystore_module, label, secrets.passphrase, secrets.passphrase_len, key,
        trouble->message, sizeof trouble->message);
    if (err != ERR_OK)
        snprintf(trouble->path, sizeof trouble->path, "%.1000s", label);
    return err;
}

const struct key_opener *keystore_opener(void)
{
    static struct key_opener opener;
    if (!look_for_secrets())
        return NULL;
    opener.unseal = secrets.passphrase != NULL || secrets.identity != NULL ? unseal : NULL;
    opener.device = keystore_module != NULL ? open_device : NULL;
    return &opener;
}

static enum err seal(void *context, const char *text, size_t len, char **sealed, size_t *sealed_len,
    struct keyfile_trouble *trouble UNUSED)
{
    return seal_text(context, text, len, sealed, sealed_len);
}

bool keystore_take_recipient(const char *value)
{
    size_t len = 0;
    unsigned at = keystore_locks.recipient_count;
    if (keypair_ready() && at < SEAL_RECIPIENTS_MAX &&
        sodium_base642bin(keystore_locks.recipients[at], SEAL_KEY_LEN, value, strlen(value), NULL, &len, NULL,
            sodium_base64_VARIANT_ORIGINAL) == 0 &&
        len == SEAL_KEY_LEN) {
        keystore_locks.recipient_count++;
        return true;
    }
    complain(
        "--recipient %s: what signer identity prints is wanted (at most %u)", value, SEAL_RECIPIENTS_MAX);
    return false;
}

const struct key_sealer *keystore_sealer(void)
{
    static struct key_sealer sealer = {.seal = seal, .context = &keystore_locks};
    if (!look_for_secrets())
        return NULL;
    keystore_locks.passphrase = secrets.passphrase;
    keystore_locks.passphrase_len = secrets.passphrase_len;
    if (secrets.identity != NULL && keystore_locks.recipient_count == 0 &&
        crypto_scalarmult_base(keystore_locks.recipients[0], secrets.identity) == 0)
        keystore_locks.recipient_count = 1;
    return keystore_locks.passphrase != NULL || keystore_locks.recipient_count > 0 ? &sealer : NULL;
}

bool keystore_secrets_good(void)
{
    return look_for_secrets();
}

enum outcome keystore_complain(const struct keyfile_trouble *trouble)
{
    if (trouble->line != 0)
        return complain("%s:%u: %s", trouble->path, trouble->line, trouble->message);
    return complain("%s: %s", trouble->path, trouble->message);
}

static void tell_refused(void *context, const struct keyfile_trouble *trouble)
{
    *(bool *)context = true;
    (void)keystore_complain(trouble);
}

bool keystore_load(const uint8_t *zone, bool private, struct key_list *list)
{
    bool refused = false;
    if (!keystore_secrets_good())
        return false;
    enum err err =
        keyfile_read_all(keystore_directory, zone, private, keystore_opener(), list, tell_refused, &refused);
    if (err != ERR_OK)
        complain_of(keystore_directory, err);
    return err == ERR_OK && !(refused && private);
}

/* Is there a private part that could not be had? Then that is told. */
static bool has_all(const struct key *key, bool quiet)
{
    char name[KEYFILE_NAME_MAX];
    if (key_has_private(key))
        return true;
    if (key->foreign) {
        keyfile_name(key, name);
        if (!quiet)
            complain("%s: no private part is here: it is published, and others sign with it", name);
        return true;
    }
    struct key *again = NULL;
    struct keyfile_trouble trouble;
    enum err err = keyfile_read(key->base, true, keystore_opener(), &again, &trouble);
    if (err == ERR_OK)
        key_release(again);
    else
        (void)keystore_complain(&trouble);
    return false;
}

bool keystore_load_signing(const uint8_t *zone, bool quiet, struct key_list *list)
{
    bool refused = false, all = true;
    if (!keystore_secrets_good())
        return false;
    enum err err =
        keyfile_read_all(keystore_directory, zone, false, keystore_opener(), list, tell_refused, &refused);
    if (err != ERR_OK)
        complain_of(keystore_directory, err);
    for (unsigned i = 0; i < list->count && err == ERR_OK; i++)
        all &= has_all(list->keys[i], quiet);
    return err == ERR_OK && !refused && all;
}

struct key *keystore_open(const char *name, bool private)
{
    char path[4096];
    struct key *key;
    struct keyfile_trouble trouble;
    if (!keystore_secrets_good())
        return NULL;
    if (strchr(name, '/') != NULL)
        snprintf(path, sizeof path, "%s", name);
    else
        snprintf(path, sizeof path, "%s/%s", keystore_directory, name);
    enum err err = keyfile_read(path, private, keystore_opener(), &key, &trouble);
    if (err == ERR_OK)
        return key;
    (void)keystore_complain(&trouble);
    return NULL;
}

/* ---- new keys ---- */

enum err keystore_write(struct key *key, struct keyfile_trouble *trouble)
{
    bool token = keypair_is_foreign(key->pair); /* there is nothing to seal: the secret may be its PIN */
    return keyfile_write(key, keystore_directory, false, token ? NULL : keystore_sealer(), trouble);
}

enum err keystore_generate_in_token(const char *uri, const uint8_t *zone, const struct algorithm *algorithm,
    unsigned bits, uint16_t flags, struct key **out, char *why, size_t why_size)
{
    size_t room = strlen(uri) + 32;
    struct key *key;
    if (!look_for_secrets())
        return ERR_MISSING;
    enum err err = pkcs11_generate(keystore_module, uri, secrets.passphrase, secrets.passphrase_len, zone,
        algorithm, bits, flags, &key, why, why_size);
    if (err != ERR_OK)
        return err;
    key->extra = malloc(room); /* as BIND writes it for its keys in tokens */
    if (key->extra == NULL) {
        key_release(key);
        return ERR_MEMORY;
    }
    snprintf(key->extra, room, "Engine: pkcs11\nLabel: %s\n", uri);
    *out = key;
    return ERR_OK;
}
