#include "zone/sec/seal.h"

#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zone/sec/keyfile_text.h"

#define KEY_LEN crypto_aead_xchacha20poly1305_ietf_KEYBYTES
#define NONCE_LEN crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_LEN crypto_aead_xchacha20poly1305_ietf_ABYTES
#define LOCKED_LEN (NONCE_LEN + KEY_LEN + TAG_LEN)
#define BOX_LEN (KEY_LEN + crypto_box_SEALBYTES)
#define TEXT_MAX 65536
#define MEMORY_MAX ((size_t)1 << 31) /* what a stranger's file may ask of Argon2id */
#define OPERATIONS_MAX 64

#define VARIANT sodium_base64_VARIANT_ORIGINAL

struct sheet {
    char *text;
    size_t len, size;
};

static void put(struct sheet *sheet, const char *format, ...) PRINTF(2, 3);

static void put(struct sheet *sheet, const char *format, ...)
{
    va_list rest;
    va_start(rest, format);
    int len = vsnprintf(sheet->text + sheet->len, sheet->size - sheet->len, format, rest);
    va_end(rest);
    if (len > 0 && sheet->len + (size_t)len < sheet->size)
        sheet->len += (size_t)len;
}

static void put_base64(struct sheet *sheet, const uint8_t *bytes, size_t len)
{
    size_t room = sodium_base64_encoded_len(len, VARIANT);
    if (sheet->len + room + 1 >= sheet->size)
        return;
    sodium_bin2base64(sheet->text + sheet->len, room, bytes, len, VARIANT);
    sheet->len += room - 1; /* its NUL */
}

/* ---- the lock of a passphrase ---- */

static bool derive(const uint8_t *passphrase, size_t len, const uint8_t *salt, unsigned long long operations,
    size_t memory, uint8_t key[KEY_LEN])
{
    return crypto_pwhash(key, KEY_LEN, (const char *)passphrase, len, salt, operations, memory,
               crypto_pwhash_ALG_ARGON2ID13) == 0;
}

static enum err lock_passphrase(struct sheet *sheet, const struct seal_locks *locks, const uint8_t *file_key)
{
    uint8_t salt[crypto_pwhash_SALTBYTES], key[KEY_LEN], locked[LOCKED_LEN];
    unsigned long long operations =
        locks->quick ? crypto_pwhash_OPSLIMIT_MIN : crypto_pwhash_OPSLIMIT_MODERATE;
    size_t memory = locks->quick ? crypto_pwhash_MEMLIMIT_MIN : crypto_pwhash_MEMLIMIT_MODERATE;
    randombytes_buf(salt, sizeof salt);
    if (!derive(locks->passphrase, locks->passphrase_len, salt, operations, memory, key))
        return ERR_MEMORY;
    randombytes_buf(locked, NONCE_LEN);
    crypto_aead_xchacha20poly1305_ietf_encrypt(
        locked + NONCE_LEN, NULL, file_key, KEY_LEN, NULL, 0, NULL, locked, key);
    put(sheet, "Passphrase: %llu %zu ", operations, memory);
    put_base64(sheet, salt, sizeof salt);
    put(sheet, " ");
    put_base64(sheet, locked, sizeof locked);
    put(sheet, "\n");
    sodium_memzero(key, sizeof key);
    return ERR_OK;
}

static enum err lock_recipients(struct sheet *sheet, const struct seal_locks *locks, const uint8_t *file_key)
{
    for (unsigned i = 0; i < locks->recipient_count; i++) {
        uint8_t box[BOX_LEN];
        if (crypto_box_seal(box, file_key, KEY_LEN, locks->recipients[i]) != 0)
            return ERR_INVALID;
        put(sheet, "Recipient: ");
        put_base64(sheet, locks->recipients[i], SEAL_KEY_LEN);
        put(sheet, " ");
        put_base64(sheet, box, sizeof box);
        put(sheet, "\n");
    }
    return ERR_OK;
}

static enum err encrypt(struct sheet *sheet, const char *text, size_t len, const uint8_t *file_key)
{
    uint8_t *sealed = malloc(NONCE_LEN + len + TAG_LEN);
    if (sealed == NULL)
        return ERR_MEMORY;
    randombytes_buf(sealed, NONCE_LEN);
    crypto_aead_xchacha20poly1305_ietf_encrypt(sealed + NONCE_LEN, NULL, (const uint8_t *)text, len,
        (const uint8_t *)sheet->text, sheet->len, NULL, sealed, file_key);
    put(sheet, "Sealed: ");
    put_base64(sheet, sealed, NONCE_LEN + len + TAG_LEN);
    put(sheet, "\n");
    free(sealed);
    return ERR_OK;
}

enum err seal_text(const struct seal_locks *locks, const char *text, size_t len, char **out, size_t *out_len)
{
    if (locks->passphrase == NULL && locks->recipient_count == 0)
        return ERR_MISSING;
    if (sodium_init() < 0)
        return ERR_UNSUPPORTED;
    struct sheet sheet = {.size = len * 2 + 2048 + locks->recipient_count * 512};
    uint8_t *file_key = sodium_malloc(KEY_LEN);
    sheet.text = malloc(sheet.size);
    enum err err = sheet.text != NULL && file_key != NULL && len < TEXT_MAX ? ERR_OK : ERR_MEMORY;
    if (err == ERR_OK) {
        randombytes_buf(file_key, KEY_LEN);
        put(&sheet, "Sealed-key-format: v1\n");
        err = locks->passphrase != NULL ? lock_passphrase(&sheet, locks, file_key) : ERR_OK;
    }
    if (err == ERR_OK)
        err = lock_recipients(&sheet, locks, file_key);
    if (err == ERR_OK)
        err = encrypt(&sheet, text, len, file_key);
    if (file_key != NULL)
        sodium_free(file_key);
    if (err != ERR_OK) {
        free(sheet.text);
        return err;
    }
    *out = sheet.text;
    *out_len = sheet.len;
    return ERR_OK;
}

/* ---- opening ---- */

/* The next word of a line as base64 of exactly LEN octets. */
static bool take_octets(const char **at, const char *end, uint8_t *out, size_t len)
{
    size_t got;
    while (*at < end && **at == ' ')
        ++*at;
    const char *word = *at;
    while (*at < end && **at != ' ')
        ++*at;
    return sodium_base642bin(out, len, word, (size_t)(*at - word), NULL, &got, NULL, VARIANT) == 0 &&
           got == len;
}

static bool take_number(const char **at, const char *end, unsigned long long most, unsigned long long *number)
{
    while (*at < end && **at == ' ')
        ++*at;
    const char *begin = *at;
    for (*number = 0; *at < end && **at >= '0' && **at <= '9'; ++*at) {
        *number = *number * 10 + (unsigned long long)(**at - '0');
        if (*number > most)
            return false;
    }
    return *at > begin;
}

static bool open_passphrase(const struct seal_secrets *secrets, const struct tagged *line, uint8_t *file_key)
{
    const char *at = line->value, *end = line->value + line->value_len;
    unsigned long long operations, memory;
    uint8_t salt[crypto_pwhash_SALTBYTES], locked[LOCKED_LEN], key[KEY_LEN];
    if (secrets->passphrase == NULL || !take_number(&at, end, OPERATIONS_MAX, &operations) ||
        !take_number(&at, end, MEMORY_MAX, &memory) || !take_octets(&at, end, salt, sizeof salt) ||
        !take_octets(&at, end, locked, sizeof locked) ||
        !derive(secrets->passphrase, secrets->passphrase_len, salt, operations, (size_t)memory, key))
        return false;
    bool good = crypto_aead_xchacha20poly1305_ietf_decrypt(
                    file_key, NULL, NULL, locked + NONCE_LEN, KEY_LEN + TAG_LEN, NULL, 0, locked, key) == 0;
    sodium_memzero(key, sizeof key);
    return good;
}

static bool open_recipient(const struct seal_secrets *secrets, const struct tagged *line, uint8_t *file_key)
{
    const char *at = line->value, *end = line->value + line->value_len;
    uint8_t recipient[SEAL_KEY_LEN], box[BOX_LEN], own[SEAL_KEY_LEN];
    if (secrets->identity == NULL || !take_octets(&at, end, recipient, sizeof recipient) ||
        !take_octets(&at, end, box, sizeof box) || crypto_scalarmult_base(own, secrets->identity) != 0 ||
        sodium_memcmp(own, recipient, sizeof own) != 0)
        return false;
    return crypto_box_seal_open(file_key, box, sizeof box, own, secrets->identity) == 0;
}

/* What stands before the line is authenticated, too. */
static enum err decrypt(
    const char *sealed, const struct tagged *line, const uint8_t *file_key, char **out, size_t *out_len)
{
    size_t room = line->value_len, len;
    uint8_t *bytes = malloc(room + 1);
    char *text = malloc(room + 1);
    enum err err = bytes != NULL && text != NULL ? ERR_OK : ERR_MEMORY;
    if (err == ERR_OK &&
        (sodium_base642bin(bytes, room, line->value, line->value_len, NULL, &len, NULL, VARIANT) != 0 ||
            len < NONCE_LEN + TAG_LEN))
        err = ERR_SYNTAX;
    if (err == ERR_OK &&
        crypto_aead_xchacha20poly1305_ietf_decrypt((uint8_t *)text, NULL, NULL, bytes + NONCE_LEN,
            len - NONCE_LEN, (const uint8_t *)sealed, (size_t)(line->tag - sealed), bytes, file_key) != 0)
        err = ERR_DAMAGED;
    free(bytes);
    if (err != ERR_OK) {
        free(text);
        return err;
    }
    *out_len = len - NONCE_LEN - TAG_LEN;
    text[*out_len] = '\0';
    *out = text;
    return ERR_OK;
}

enum err seal_open(
    const struct seal_secrets *secrets, const char *sealed, size_t len, char **out, size_t *out_len)
{
    const char *at = sealed;
    struct tagged line;
    unsigned number = 0;
    bool format = false, opened = false;
    enum err err = ERR_SYNTAX;
    if (sodium_init() < 0 || memchr(sealed, '\0', len) != NULL || sealed[len] != '\0')
        return ERR_SYNTAX;
    uint8_t *file_key = sodium_malloc(KEY_LEN);
    if (file_key == NULL)
        return ERR_MEMORY;
    while (tagged_line(&at, &line, &number)) {
        if (tagged_is(&line, "Sealed-key-format"))
            format = line.value_len == 2 && memcmp(line.value, "v1", 2) == 0;
        else if (!opened && tagged_is(&line, "Passphrase"))
            opened = open_passphrase(secrets, &line, file_key);
        else if (!opened && tagged_is(&line, "Recipient"))
            opened = open_recipient(secrets, &line, file_key);
        else if (tagged_is(&line, "Sealed") && format) {
            err = opened ? decrypt(sealed, &line, file_key, out, out_len) : ERR_MISSING;
            break;
        }
    }
    sodium_free(file_key);
    return err;
}

void seal_identity(uint8_t public_key[SEAL_KEY_LEN], uint8_t secret_key[SEAL_KEY_LEN])
{
    if (sodium_init() >= 0)
        crypto_box_keypair(public_key, secret_key);
}
