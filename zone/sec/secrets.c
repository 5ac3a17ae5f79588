#include "zone/sec/secrets.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "zone/base/file.h"
#include "zone/sec/keypair.h"
#include "zone/sec/pkcs11.h"

#define SECRET_MAX 4096

/* ---- reading ---- */

/* A file's octets without a final line end, in guarded memory. */
static enum err take_file(const char *path, uint8_t **out, size_t *len, char *why)
{
    struct arena arena;
    char *octets;
    arena_init(&arena, 0);
    enum err err = file_read(path, SECRET_MAX, &arena, &octets, len);
    if (err == ERR_OK) {
        while (*len > 0 && (octets[*len - 1] == '\n' || octets[*len - 1] == '\r'))
            --*len;
        *out = *len > 0 ? sodium_malloc(*len) : NULL;
        if (*out != NULL)
            memcpy(*out, octets, *len);
        else
            err = *len > 0 ? ERR_MEMORY : ERR_INVALID;
        sodium_memzero(octets, *len);
    }
    if (err != ERR_OK)
        snprintf(why, SECRETS_WHY_MAX, "%.250s: %s", path, err == ERR_INVALID ? "is empty" : err_text(err));
    arena_clear(&arena);
    return err;
}

/* An identity is the base64 of a secret key, alone in its file. */
static enum err take_identity(const char *path, struct secrets *secrets, char *why)
{
    uint8_t *text = NULL;
    size_t len, got = 0;
    enum err err = take_file(path, &text, &len, why);
    if (err != ERR_OK)
        return err;
    secrets->identity = sodium_malloc(SEAL_KEY_LEN);
    if (secrets->identity == NULL)
        err = ERR_MEMORY;
    else if (sodium_base642bin(secrets->identity, SEAL_KEY_LEN, (const char *)text, len, NULL, &got, NULL,
                 sodium_base64_VARIANT_ORIGINAL) != 0 ||
             got != SEAL_KEY_LEN)
        err = ERR_SYNTAX;
    sodium_free(text);
    if (err != ERR_OK)
        snprintf(why, SECRETS_WHY_MAX, "%.200s: %s", path,
            err == ERR_SYNTAX ? "is no identity; signer identity makes one" : err_text(err));
    return err;
}

static const char *credential(const char *name, char path[4096])
{
    const char *directory = getenv("CREDENTIALS_DIRECTORY");
    if (directory == NULL || snprintf(path, 4096, "%s/%s", directory, name) >= 4096)
        return NULL;
    return access(path, R_OK) == 0 ? path : NULL;
}

enum err secrets_read(
    const struct secrets_sources *sources, struct secrets *secrets, char why[SECRETS_WHY_MAX])
{
    char passphrase_path[4096], identity_path[4096];
    const char *passphrase = sources->passphrase_file, *identity = sources->identity_file;
    enum err err = keypair_ready() ? ERR_OK : ERR_MEMORY;
    *secrets = (struct secrets){.module = sources->module};
    why[0] = '\0';
    if (passphrase == NULL && identity == NULL) {
        passphrase = credential("signer.passphrase", passphrase_path);
        identity = credential("signer.identity", identity_path);
    }
    if (err == ERR_OK && passphrase != NULL)
        err = take_file(passphrase, &secrets->passphrase, &secrets->passphrase_len, why);
    if (err == ERR_OK && identity != NULL)
        err = take_identity(identity, secrets, why);
    secrets->locks.passphrase = secrets->passphrase;
    secrets->locks.passphrase_len = secrets->passphrase_len;
    if (err != ERR_OK)
        secrets_clear(secrets);
    return err;
}

void secrets_clear(struct secrets *secrets)
{
    if (secrets->passphrase != NULL)
        sodium_free(secrets->passphrase);
    if (secrets->identity != NULL)
        sodium_free(secrets->identity);
    *secrets = (struct secrets){.module = NULL};
}

/* ---- opening ---- */

static enum err unseal(void *context, const char *text, size_t len, char **plain, size_t *plain_len,
    struct keyfile_trouble *trouble)
{
    const struct secrets *secrets = context;
    struct seal_secrets given = {secrets->passphrase, secrets->passphrase_len, secrets->identity};
    enum err err = seal_open(&given, text, len, plain, plain_len);
    if (err != ERR_OK)
        snprintf(trouble->message, sizeof trouble->message, "%s",
            err == ERR_MISSING   ? "is sealed, and not for the secret given"
            : err == ERR_DAMAGED ? "was tampered with"
            : err == ERR_MEMORY  ? "out of memory: a passphrase takes some to open"
                                 : "is no sealed key");
    return err;
}

static enum err open_device(
    void *context, struct key *key, const char *label, struct keyfile_trouble *trouble)
{
    const struct secrets *secrets = context;
    enum err err = pkcs11_open(secrets->module, label, secrets->passphrase, secrets->passphrase_len, key,
        trouble->message, sizeof trouble->message);
    if (err != ERR_OK)
        snprintf(trouble->path, sizeof trouble->path, "%.1000s", label);
    return err;
}

const struct key_opener *secrets_opener(struct secrets *secrets)
{
    bool opens = secrets->passphrase != NULL || secrets->identity != NULL;
    secrets->opener = (struct key_opener){.unseal = opens ? unseal : NULL,
        .device = secrets->module != NULL ? open_device : NULL,
        .context = secrets};
    return &secrets->opener;
}

/* ---- sealing ---- */

static enum err seal(void *context, const char *text, size_t len, char **sealed, size_t *sealed_len,
    struct keyfile_trouble *trouble UNUSED)
{
    return seal_text(context, text, len, sealed, sealed_len);
}

const struct key_sealer *secrets_sealer(struct secrets *secrets)
{
    struct seal_locks *locks = &secrets->locks;
    if (secrets->identity != NULL && locks->recipient_count == 0 &&
        crypto_scalarmult_base(locks->recipients[0], secrets->identity) == 0)
        locks->recipient_count = 1;
    secrets->sealer = (struct key_sealer){.seal = seal, .context = locks};
    return locks->passphrase != NULL || locks->recipient_count > 0 ? &secrets->sealer : NULL;
}
