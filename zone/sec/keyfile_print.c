/* Key files written as BIND writes them: octet for octet, as far as the same is to be said. */
#include <errno.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "zone/base/codec.h"
#include "zone/base/file.h"
#include "zone/sec/keyfile_text.h"

#define TEXT_ROOM 16384

struct sheet {
    char *text;
    size_t len;
};

static void put(struct sheet *sheet, const char *format, ...) PRINTF(2, 3);

static void put(struct sheet *sheet, const char *format, ...)
{
    va_list rest;
    va_start(rest, format);
    int len = vsnprintf(sheet->text + sheet->len, TEXT_ROOM - sheet->len, format, rest);
    va_end(rest);
    if (len > 0)
        sheet->len = sheet->len + (size_t)len < TEXT_ROOM ? sheet->len + (size_t)len : TEXT_ROOM - 1;
}

/* Letters, digits and a few signs stand for themselves in file names, other octets as %XX
 * (dns_name_tofilenametext). */
static size_t file_name_of(const uint8_t *name, char *out)
{
    char *at = out;
    for (; *name != 0; name += *name + 1) {
        for (unsigned i = 1; i <= *name; i++) {
            uint8_t c = name[i];
            bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-' || c == '_';
            at += snprintf(at, 4, plain ? "%c" : "%%%02X", c);
        }
        *at++ = '.';
    }
    if (at == out)
        *at++ = '.';
    *at = '\0';
    return (size_t)(at - out);
}

void keyfile_name(const struct key *key, char *out)
{
    out[0] = 'K';
    size_t len = 1 + file_name_of(key->owner, out + 1);
    snprintf(out + len, 16, "+%03u+%05u", key->algorithm->number, key->tag);
}

bool keyfile_is_of(const char *path, const uint8_t *zone)
{
    char name[KEYFILE_NAME_MAX];
    if (zone == NULL)
        return true;
    uint8_t lower[NAME_MAX + 1];
    name_lower(lower, zone);
    size_t len = file_name_of(lower, name);
    const char *slash = strrchr(path, '/'), *file = slash != NULL ? slash + 1 : path;
    return strncmp(file + 1, name, len) == 0 && file[1 + len] == '+';
}

/* ---- .key ---- */

static void put_time(struct sheet *sheet, const char *lead, const char *tag, int64_t time, bool told)
{
    char digits[16], words[32];
    time_t value = (time_t)time;
    time_print(time, digits);
    put(sheet, "%s%s: %s", lead, tag, digits);
    if (told && ctime_r(&value, words) != NULL)
        put(sheet, " (%.24s)", words);
    put(sheet, "\n");
}

/* Base64 in words of 56 digits. */
static void put_public(struct sheet *sheet, const struct key *key)
{
    char digits[PUBLIC_MAX * 2];
    size_t len = base64_encode(digits, key->public_octets, key->public_len);
    for (size_t at = 0; at < len; at += 56)
        put(sheet, " %.*s", (int)(len - at < 56 ? len - at : 56), digits + at);
    put(sheet, "\n");
}

static void print_key(struct sheet *sheet, const struct key *key)
{
    char owner[NAME_TEXT_MAX];
    name_print(key->owner, owner);
    put(sheet, "; This is a %s%s-signing key, keyid %u, for %s\n",
        (key->flags & KEY_REVOKE) != 0 ? "revoked " : "", (key->flags & KEY_SEP) != 0 ? "key" : "zone",
        key->tag, owner);
    for (unsigned i = 0; i < KEY_TIMES; i++) {
        if (key->times[i] != 0)
            put_time(sheet, "; ", key_time_name(i), key->times[i], true);
    }
    put(sheet, "%s ", owner);
    if (key->has_ttl)
        put(sheet, "%u ", key->ttl);
    put(sheet, "IN DNSKEY %u 3 %u", key->flags, key->algorithm->number);
    put_public(sheet, key);
}

/* ---- .private ---- */

static void put_part(struct sheet *sheet, const struct keypair_part *part)
{
    char digits[2 * PUBLIC_MAX];
    size_t len = base64_encode(digits, part->bytes, part->len);
    put(sheet, "%s: %.*s\n", part->name, (int)len, digits);
    sodium_memzero(digits, sizeof digits);
}

static void put_times(struct sheet *sheet, const struct key *key)
{
    for (unsigned i = 0; i < KEY_TIMES; i++) {
        if (key->times[i] != 0)
            put_time(sheet, "", key_time_name(i), key->times[i], false);
    }
    if (key->has_predecessor)
        put(sheet, "Predecessor: %u\n", key->predecessor);
    if (key->has_successor)
        put(sheet, "Successor: %u\n", key->successor);
}

enum err keyfile_print_private(const struct key *key, char **out, size_t *out_len)
{
    struct keypair_part parts[KEYPAIR_PARTS_MAX];
    unsigned count = 0;
    uint8_t *room = keypair_ready() ? sodium_malloc(KEYPAIR_PARTS_OCTETS) : NULL;
    struct sheet sheet = {.text = malloc(TEXT_ROOM)};
    if (room == NULL || sheet.text == NULL) {
        sodium_free(room);
        free(sheet.text);
        return ERR_MEMORY;
    }
    enum err err = keypair_parts(key->pair, parts, &count, room);
    bool device = err == ERR_UNSUPPORTED && key->extra != NULL;
    if (err == ERR_OK || device) {
        put(&sheet, "Private-key-format: v1.3\nAlgorithm: %u (%s)\n", key->algorithm->number,
            key->algorithm->name);
        for (unsigned i = 0; i < count; i++)
            put_part(&sheet, &parts[i]);
        put_times(&sheet, key);
        if (key->extra != NULL)
            put(&sheet, "%s", key->extra);
        *out = sheet.text;
        *out_len = sheet.len;
        err = ERR_OK;
    } else {
        free(sheet.text);
    }
    sodium_free(room);
    return err;
}

/* ---- .state ---- */

static void put_state_numbers(struct sheet *sheet, const struct key *key)
{
    const struct key_state *state = key->state;
    put(sheet, "; This is the state of key %u, for ", key->tag);
    char owner[NAME_TEXT_MAX];
    name_print(key->owner, owner);
    put(sheet, "%s\nAlgorithm: %u\nLength: %u\nLifetime: %u\n", owner, key->algorithm->number, state->bits,
        state->lifetime);
    if (state->has_predecessor)
        put(sheet, "Predecessor: %u\n", state->predecessor);
    if (state->has_successor)
        put(sheet, "Successor: %u\n", state->successor);
    put(sheet, "KSK: %s\nZSK: %s\n", state->ksk ? "yes" : "no", state->zsk ? "yes" : "no");
}

static void print_state(struct sheet *sheet, const struct key *key)
{
    put_state_numbers(sheet, key);
    for (unsigned i = 0; i < STATED_TIMES; i++) {
        if (key->state->times[i] != 0)
            put_time(sheet, "", keyfile_state_time_tags[i], key->state->times[i], true);
    }
    for (unsigned i = 0; i < STATES; i++) {
        if (key->state->states[i] != STATE_NA)
            put(sheet, "%s: %s\n", keyfile_state_tags[i], rumour_name(key->state->states[i]));
    }
}

/* ---- writing ---- */

static enum err replace(const char *base, const char *ending, const char *text, size_t len, mode_t mode,
    struct keyfile_trouble *trouble)
{
    char path[PATH_ROOM];
    snprintf(path, sizeof path, "%s%s", base, ending);
    enum err err = file_replace(path, text, len, mode);
    if (err != ERR_OK)
        return keyfile_complain(trouble, err, path, 0, "%s", err == ERR_IO ? strerror(errno) : err_text(err));
    return ERR_OK;
}

static bool is_there(const char *base, const char *ending)
{
    char path[PATH_ROOM];
    struct stat status;
    snprintf(path, sizeof path, "%s%s", base, ending);
    return lstat(path, &status) == 0;
}

/* Seals TEXT, or writes it as it is; and removes what would say otherwise. */
static enum err write_secret(const char *base, const char *text, size_t len, const struct key_sealer *sealer,
    struct keyfile_trouble *trouble)
{
    char *sealed = NULL, path[PATH_ROOM];
    size_t sealed_len = 0;
    enum err err =
        sealer != NULL ? sealer->seal(sealer->context, text, len, &sealed, &sealed_len, trouble) : ERR_OK;
    if (err != ERR_OK)
        return trouble->message[0] != '\0' ? err
                                           : keyfile_complain(trouble, err, base, 0, "%s", err_text(err));
    err = sealer != NULL ? replace(base, ".sealed", sealed, sealed_len, 0600, trouble)
                         : replace(base, ".private", text, len, 0600, trouble);
    free(sealed);
    snprintf(path, sizeof path, "%s%s", base, sealer != NULL ? ".private" : ".sealed");
    if (err == ERR_OK && unlink(path) != 0 && errno != ENOENT)
        return keyfile_complain(trouble, ERR_IO, path, 0, "%s", strerror(errno));
    return err;
}

/* The private part goes first: a .key without it could be published and never sign. */
static enum err write_private(
    const struct key *key, const char *base, const struct key_sealer *sealer, struct keyfile_trouble *trouble)
{
    char *text;
    size_t len;
    if (!key_has_private(key))
        return ERR_OK;
    enum err err = keyfile_print_private(key, &text, &len);
    if (err != ERR_OK)
        return keyfile_complain(
            trouble, err, base, 0, "the private key cannot be written: %s", err_text(err));
    err = write_secret(base, text, len, sealer, trouble);
    keyfile_wipe(text, len);
    return err;
}

static enum err write_public(const struct key *key, const char *base, struct keyfile_trouble *trouble)
{
    struct sheet sheet = {.text = malloc(TEXT_ROOM)};
    if (sheet.text == NULL)
        return ERR_MEMORY;
    enum err err = ERR_OK;
    if (key->state != NULL) {
        print_state(&sheet, key);
        err = replace(base, ".state", sheet.text, sheet.len, 0644, trouble);
        sheet.len = 0;
    }
    if (err == ERR_OK) {
        print_key(&sheet, key);
        err = replace(base, ".key", sheet.text, sheet.len, 0644, trouble);
    }
    free(sheet.text);
    return err;
}

enum err keyfile_write(struct key *key, const char *directory, bool over, const struct key_sealer *sealer,
    struct keyfile_trouble *trouble)
{
    char name[KEYFILE_NAME_MAX], base[BASE_ROOM];
    *trouble = (struct keyfile_trouble){0};
    keyfile_name(key, name);
    snprintf(base, sizeof base, "%s/%s", directory, name);
    if (!over && (is_there(base, ".key") || is_there(base, ".private") || is_there(base, ".sealed")))
        return keyfile_complain(trouble, ERR_EXISTS, base, 0, "files of this name are there already");
    enum err err = write_private(key, base, sealer, trouble);
    if (err == ERR_OK)
        err = write_public(key, base, trouble);
    if (err != ERR_OK)
        return err;
    free(key->base);
    key->base = strdup(base);
    return key->base != NULL ? ERR_OK : ERR_MEMORY;
}

enum err keyfile_update(struct key *key, struct keyfile_trouble *trouble)
{
    *trouble = (struct keyfile_trouble){0};
    if (key->base == NULL)
        return ERR_MISSING;
    enum err err = is_there(key->base, ".private") ? write_private(key, key->base, NULL, trouble) : ERR_OK;
    return err == ERR_OK ? write_public(key, key->base, trouble) : err;
}

enum err keyfile_remove(const struct key *key)
{
    static const char *const endings[] = {".key", ".state", ".sealed", ".private"};
    if (key->base == NULL)
        return ERR_MISSING;
    for (size_t i = 0; i < ARRAY_COUNT(endings); i++) {
        char path[PATH_ROOM];
        snprintf(path, sizeof path, "%s%s", key->base, endings[i]);
        if (unlink(path) != 0 && errno != ENOENT)
            return ERR_IO;
    }
    return file_sync_directory(key->base);
}
