/* seal, unseal, identity: private parts encrypted at rest, and who may open them. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "signer/keystore.h"
#include "zone/base/file.h"

const struct option_row seal_rows[] = {
    KEYSTORE_ROW,
    SECRET_ROWS,
    RECIPIENT_ROW,
    {0},
};

const struct option_row unseal_rows[] = {
    KEYSTORE_ROW,
    SECRET_ROWS,
    {0},
};

const struct option_row identity_rows[] = {
    {0},
};

/* Reads the key, and writes it again the other way. */
static enum outcome rewrite(const char *name, const struct key_sealer *sealer)
{
    struct keyfile_trouble trouble;
    struct key *key = keystore_open(name, true);
    if (key == NULL)
        return OUTCOME_TROUBLE;
    char directory[4200];
    snprintf(directory, sizeof directory, "%s", key->base);
    char *slash = strrchr(directory, '/');
    if (slash != NULL)
        *slash = '\0';
    enum err err = keyfile_write(key, slash != NULL ? directory : ".", true, sealer, &trouble);
    key_release(key);
    return err == ERR_OK ? OUTCOME_GOOD : keystore_complain(&trouble);
}

enum outcome seal_run(const struct operands *operands)
{
    enum outcome worst = OUTCOME_GOOD;
    const struct key_sealer *sealer = keystore_sealer();
    if (sealer == NULL)
        return complain("who is to open it? --passphrase-file, --identity or --recipient says so");
    for (unsigned i = 0; i < operands->count; i++) {
        enum outcome outcome = rewrite(operands->words[i], sealer);
        worst = outcome > worst ? outcome : worst;
    }
    return worst;
}

enum outcome unseal_run(const struct operands *operands)
{
    enum outcome worst = OUTCOME_GOOD;
    for (unsigned i = 0; i < operands->count; i++) {
        enum outcome outcome = rewrite(operands->words[i], NULL);
        worst = outcome > worst ? outcome : worst;
    }
    return worst;
}

enum outcome identity_run(const struct operands *operands)
{
    const char *path = operands->words[0];
    uint8_t public_key[SEAL_KEY_LEN], secret_key[SEAL_KEY_LEN];
    char text[64], public_text[64];
    struct stat status;
    if (lstat(path, &status) == 0)
        return complain("%s: is there already", path);
    if (!keypair_ready())
        return complain("the system has no randomness");
    seal_identity(public_key, secret_key);
    sodium_bin2base64(text, sizeof text - 1, secret_key, sizeof secret_key, sodium_base64_VARIANT_ORIGINAL);
    sodium_bin2base64(
        public_text, sizeof public_text, public_key, sizeof public_key, sodium_base64_VARIANT_ORIGINAL);
    size_t len = strlen(text);
    text[len++] = '\n';
    enum err err = file_replace(path, text, len, 0600);
    sodium_memzero(text, sizeof text);
    sodium_memzero(secret_key, sizeof secret_key);
    if (err != ERR_OK)
        return complain_of(path, err);
    puts(public_text);
    return OUTCOME_GOOD;
}
