#include "signer/keystore.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zone/sec/pkcs11.h"
#include "zone/sec/secrets.h"

const char *keystore_directory = ".";
const char *keystore_passphrase_file, *keystore_identity, *keystore_module;
struct seal_locks keystore_locks;

/* ---- secrets ---- */

static struct secrets secrets;
static bool looked;

static bool look_for_secrets(void)
{
    struct secrets_sources sources = {keystore_passphrase_file, keystore_identity, keystore_module};
    char why[SECRETS_WHY_MAX];
    if (looked)
        return true;
    if (secrets_read(&sources, &secrets, why) != ERR_OK) {
        complain("%s", why[0] != '\0' ? why : "out of memory");
        return false;
    }
    return looked = true;
}

const struct key_opener *keystore_opener(void)
{
    return look_for_secrets() ? secrets_opener(&secrets) : NULL;
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
    if (!look_for_secrets())
        return NULL;
    memcpy(secrets.locks.recipients, keystore_locks.recipients, sizeof keystore_locks.recipients);
    secrets.locks.recipient_count = keystore_locks.recipient_count;
    return secrets_sealer(&secrets);
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

bool keystore_load_signing(const uint8_t *zone, bool quiet, struct key_list *list)
{
    bool refused = false;
    if (!keystore_secrets_good())
        return false;
    enum err err =
        keyfile_read_signing(keystore_directory, zone, keystore_opener(), list, tell_refused, &refused);
    if (err != ERR_OK)
        complain_of(keystore_directory, err);
    for (unsigned i = 0; i < list->count && !quiet; i++) {
        char name[KEYFILE_NAME_MAX];
        if (key_has_private(list->keys[i]))
            continue;
        keyfile_name(list->keys[i], name);
        complain("%s: no private part is here: it is published, and others sign with it", name);
    }
    return err == ERR_OK && !refused;
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
