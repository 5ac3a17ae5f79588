#include "zone/sec/keyfile.h"

#include <dirent.h>
#include <errno.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "zone/base/file.h"
#include "zone/sec/keyfile_text.h"

#define FILE_MAX (1u << 16) /* octets of a key file that are read */

enum err keyfile_complain(
    struct keyfile_trouble *trouble, enum err err, const char *path, unsigned line, const char *format, ...)
{
    va_list rest;
    va_start(rest, format);
    vsnprintf(trouble->message, sizeof trouble->message, format, rest);
    va_end(rest);
    snprintf(trouble->path, sizeof trouble->path, "%.1000s", path);
    trouble->line = line;
    return err;
}

static void make_path(char path[PATH_ROOM], const char *base, const char *ending)
{
    snprintf(path, PATH_ROOM, "%s%s", base, ending);
}

/* The file's text with a NUL, malloced. Private text must be wiped. */
static enum err read_text(const char *path, char **text, size_t *len, struct keyfile_trouble *trouble)
{
    struct arena arena;
    char *bytes, *copy = NULL;
    arena_init(&arena, 0);
    enum err err = file_read(path, FILE_MAX, &arena, &bytes, len);
    if (err == ERR_OK) {
        copy = malloc(*len + 1);
        if (copy != NULL)
            memcpy(copy, bytes, *len + 1);
        else
            err = ERR_MEMORY;
        sodium_memzero(bytes, *len);
    }
    arena_clear(&arena);
    if (err != ERR_OK)
        return keyfile_complain(trouble, err, path, 0, "%s", err == ERR_IO ? strerror(errno) : err_text(err));
    *text = copy;
    return ERR_OK;
}

void keyfile_wipe(char *text, size_t len)
{
    if (text != NULL)
        sodium_memzero(text, len);
    free(text);
}

/* ---- lines "Tag: value" ---- */

bool tagged_line(const char **at, struct tagged *line, unsigned *number)
{
    while (**at != '\0') {
        const char *begin = *at, *end = begin + strcspn(begin, "\r\n"),
                   *colon = memchr(begin, ':', (size_t)(end - begin));
        *at = end + (*end == '\r' && end[1] == '\n') + (*end != '\0');
        ++*number;
        if (begin == end || *begin == ';')
            continue;
        line->tag = begin;
        line->whole_len = (size_t)(end - begin);
        line->tag_len = colon != NULL ? (size_t)(colon - begin) : line->whole_len;
        line->value = colon != NULL ? colon + 1 : end;
        line->value += strspn(line->value, " \t");
        line->value_len = line->value < end ? (size_t)(end - line->value) : 0;
        return true;
    }
    return false;
}

bool tagged_is(const struct tagged *line, const char *tag)
{
    return strlen(tag) == line->tag_len && strncasecmp(tag, line->tag, line->tag_len) == 0;
}

bool tagged_number(const struct tagged *line, unsigned long most, unsigned long *number)
{
    char *end;
    *number = strtoul(line->value, &end, 10);
    return line->value_len > 0 && *line->value >= '0' && *line->value <= '9' && *number <= most;
}

/* YYYYMMDDHHMMSS, perhaps with a comment behind. */
bool tagged_time(const struct tagged *line, int64_t *time)
{
    char digits[16] = "";
    if (line->value_len < 14)
        return false;
    memcpy(digits, line->value, 14);
    return time_parse(digits, 0, time);
}

/* ---- the .key file ---- */

/* The next word of TEXT; parentheses and line ends are blanks here, comments are passed over. */
static bool next_word(const char **text, char *word, size_t size)
{
    const char *at = *text;
    for (;;) {
        at += strspn(at, " \t\r\n()");
        if (*at != ';')
            break;
        at += strcspn(at, "\n");
    }
    size_t len = strcspn(at, " \t\r\n();");
    *text = at + len;
    if (len == 0 || len >= size)
        return false;
    memcpy(word, at, len);
    word[len] = '\0';
    return true;
}

struct key_line {
    char owner[NAME_TEXT_MAX];
    uint32_t ttl;
    bool has_ttl;
    unsigned numbers[3]; /* flags, protocol, algorithm */
    const char *rest;
};

/* "OWNER [TTL] [CLASS] DNSKEY FLAGS PROTOCOL ALGORITHM KEY". */
static bool split_key_line(const char *text, struct key_line *line)
{
    char word[NAME_TEXT_MAX];
    char *end;
    *line = (struct key_line){0};
    if (!next_word(&text, line->owner, sizeof line->owner))
        return false;
    for (;;) {
        if (!next_word(&text, word, sizeof word))
            return false;
        if (strcasecmp(word, "DNSKEY") == 0 || strcasecmp(word, "CDNSKEY") == 0)
            break;
        unsigned long ttl = strtoul(word, &end, 10);
        if (*word >= '0' && *word <= '9' && *end == '\0' && ttl <= INT32_MAX) {
            line->ttl = (uint32_t)ttl;
            line->has_ttl = true;
        } else if (strcasecmp(word, "IN") != 0) {
            return false;
        }
    }
    for (unsigned i = 0; i < 3; i++) {
        if (!next_word(&text, word, sizeof word))
            return false;
        unsigned long value = strtoul(word, &end, 10);
        if (*end != '\0' || value > (i == 0 ? 0xffff : 0xff))
            return false;
        line->numbers[i] = (unsigned)value;
    }
    line->rest = text;
    return true;
}

static enum err key_of_text(
    const char *path, const char *text, struct key **out, struct keyfile_trouble *trouble)
{
    struct key_line line;
    uint8_t owner[NAME_MAX + 1], rdata[DNSKEY_RDATA_MAX];
    size_t len = 0;
    if (!split_key_line(text, &line))
        return keyfile_complain(trouble, ERR_SYNTAX, path, 0, "holds no DNSKEY record");
    if (name_parse(line.owner, strlen(line.owner), (const uint8_t *)"", owner, NULL, NULL) != ERR_OK)
        return keyfile_complain(
            trouble, ERR_SYNTAX, path, 0, "the owner \"%s\" is no domain name", line.owner);
    const char *stop = NULL;
    if (sodium_base642bin(rdata + 4, sizeof rdata - 4, line.rest, strcspn(line.rest, ";"), " \t\r\n()", &len,
            &stop, sodium_base64_VARIANT_ORIGINAL) != 0 ||
        len == 0)
        return keyfile_complain(trouble, ERR_SYNTAX, path, 0, "the public key is not base64");
    rdata[0] = (uint8_t)(line.numbers[0] >> 8);
    rdata[1] = (uint8_t)line.numbers[0];
    rdata[2] = (uint8_t)line.numbers[1];
    rdata[3] = (uint8_t)line.numbers[2];
    enum err err = key_from_dnskey(owner, rdata, len + 4, out);
    if (err == ERR_UNSUPPORTED)
        return keyfile_complain(
            trouble, err, path, 0, "algorithm %u, protocol %u: not known", line.numbers[2], line.numbers[1]);
    if (err != ERR_OK)
        return keyfile_complain(
            trouble, err, path, 0, "the public key does not suit algorithm %u", line.numbers[2]);
    (*out)->ttl = line.ttl;
    (*out)->has_ttl = line.has_ttl;
    return ERR_OK;
}

/* Times as comments: "; Publish: 20260102030405 (...)". They count when there is no .private file. */
static void times_of_comments(struct key *key, const char *text)
{
    for (const char *at = text; at != NULL; at = strchr(at, '\n')) {
        at += strspn(at, "\n");
        if (at[0] != ';' || at[1] != ' ')
            continue;
        struct tagged line;
        unsigned number = 0;
        const char *from = at + 2;
        if (!tagged_line(&from, &line, &number))
            continue;
        for (unsigned i = 0; i < KEY_TIMES; i++) {
            if (tagged_is(&line, key_time_name(i)))
                (void)!tagged_time(&line, &key->times[i]);
        }
    }
}

/* ---- all of a key ---- */

static enum err read_state(struct key *key, const char *base, struct keyfile_trouble *trouble)
{
    char path[PATH_ROOM], *text;
    size_t len;
    make_path(path, base, ".state");
    enum err err = read_text(path, &text, &len, trouble);
    if (err == ERR_MISSING)
        return ERR_OK;
    if (err != ERR_OK)
        return err;
    err = keyfile_take_state(key, path, text, trouble);
    free(text);
    return err;
}

/* The text of the private file, plain or sealed. ERR_MISSING: there is none of them. */
static enum err private_text(const char *base, const struct key_opener *opener, char path[PATH_ROOM],
    char **text, size_t *len, struct keyfile_trouble *trouble)
{
    char *sealed;
    size_t sealed_len;
    make_path(path, base, ".private");
    enum err err = read_text(path, text, len, trouble);
    if (err != ERR_MISSING)
        return err;
    *trouble = (struct keyfile_trouble){0};
    make_path(path, base, ".sealed");
    err = read_text(path, &sealed, &sealed_len, trouble);
    if (err == ERR_MISSING) {
        make_path(path, base, ".private");
        return keyfile_complain(trouble, err, path, 0, "no such file, and no .sealed one");
    }
    if (err != ERR_OK)
        return err;
    if (opener == NULL || opener->unseal == NULL)
        err = keyfile_complain(
            trouble, ERR_UNSUPPORTED, path, 0, "is sealed: a passphrase, key file or credential is wanted");
    else
        err = opener->unseal(opener->context, sealed, sealed_len, text, len, trouble);
    if (err != ERR_OK && trouble->path[0] == '\0')
        snprintf(trouble->path, sizeof trouble->path, "%.1000s", path);
    free(sealed);
    return err;
}

static enum err read_private(
    struct key *key, const char *base, const struct key_opener *opener, struct keyfile_trouble *trouble)
{
    char path[PATH_ROOM], *text;
    size_t len;
    enum err err = private_text(base, opener, path, &text, &len, trouble);
    if (err != ERR_OK)
        return err;
    err = keyfile_take_private(key, path, text, opener, trouble);
    keyfile_wipe(text, len);
    return err;
}

/* BASE without an ending that a person may have typed. */
static void strip(char base[BASE_ROOM], const char *given)
{
    static const char *const endings[] = {".key", ".private", ".state", ".sealed"};
    snprintf(base, BASE_ROOM, "%s", given);
    size_t len = strlen(base);
    for (size_t i = 0; i < ARRAY_COUNT(endings); i++) {
        size_t ending = strlen(endings[i]);
        if (len > ending && strcmp(base + len - ending, endings[i]) == 0) {
            base[len - ending] = '\0';
            return;
        }
    }
}

enum err keyfile_read(const char *given, bool private, const struct key_opener *opener, struct key **out,
    struct keyfile_trouble *trouble)
{
    char base[BASE_ROOM], path[PATH_ROOM], *text;
    size_t len;
    struct key *key;
    *trouble = (struct keyfile_trouble){0};
    strip(base, given);
    make_path(path, base, ".key");
    enum err err = read_text(path, &text, &len, trouble);
    if (err != ERR_OK)
        return err;
    err = key_of_text(path, text, &key, trouble);
    if (err == ERR_OK) {
        times_of_comments(key, text);
        err = read_private(key, base, opener, trouble);
        make_path(path, base, ".sealed");
        key->sealed = access(path, F_OK) == 0;
        make_path(path, base, ".private");
        key->foreign = !key->sealed && access(path, F_OK) != 0;
        if (err == ERR_OK && key->sealed) {
            memset(key->times, 0, sizeof key->times);
            times_of_comments(key, text); /* they may have been set since it was sealed */
        }
        if ((err == ERR_MISSING || err == ERR_UNSUPPORTED) && !private)
            err = ERR_OK;
        if (err == ERR_OK)
            err = read_state(key, base, trouble);
        if (err == ERR_OK && (key->base = strdup(base)) == NULL)
            err = ERR_MEMORY;
        if (err == ERR_OK)
            *out = key;
        else
            key_release(key);
    }
    free(text);
    return err;
}

static int is_key_file(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);
    return entry->d_name[0] == 'K' && len > 13 && strcmp(entry->d_name + len - 4, ".key") == 0 &&
           entry->d_name[len - 14] == '+' && entry->d_name[len - 10] == '+';
}

static bool is_there(const char *base, const char *ending)
{
    char path[PATH_ROOM];
    make_path(path, base, ending);
    return access(path, F_OK) == 0;
}

/* Private parts are wanted of all keys, of none, or of those that have one. */
enum wanted { WANT_PUBLIC, WANT_PRIVATE, WANT_SIGNING };

static enum err read_one(const char *path, enum wanted wanted, const struct key_opener *opener,
    struct key **out, struct keyfile_trouble *trouble)
{
    char base[BASE_ROOM];
    strip(base, path);
    bool private = wanted == WANT_PRIVATE ||
                   (wanted == WANT_SIGNING && (is_there(base, ".private") || is_there(base, ".sealed")));
    return keyfile_read(path, private, opener, out, trouble);
}

static enum err read_directory(const char *directory, const uint8_t *zone, enum wanted wanted,
    const struct key_opener *opener, struct key_list *list,
    void (*refused)(void *context, const struct keyfile_trouble *trouble), void *context)
{
    struct dirent **entries;
    struct keyfile_trouble trouble;
    int count = scandir(directory, &entries, is_key_file, alphasort);
    if (count < 0)
        return errno == ENOENT ? ERR_MISSING : ERR_IO;
    enum err result = ERR_OK;
    for (int i = 0; i < count; i++) {
        char path[PATH_ROOM];
        struct key *key;
        snprintf(path, sizeof path, "%s/%s", directory, entries[i]->d_name);
        free(entries[i]);
        if (result != ERR_OK || !keyfile_is_of(path, zone))
            continue;
        enum err err = read_one(path, wanted, opener, &key, &trouble);
        if (err == ERR_OK && zone != NULL && !name_equal(key->owner, zone))
            key_release(key);
        else if (err == ERR_OK)
            result = key_list_add(list, key);
        else if (refused != NULL)
            refused(context, &trouble);
    }
    free(entries);
    return result;
}

enum err keyfile_read_all(const char *directory, const uint8_t *zone, bool private,
    const struct key_opener *opener, struct key_list *list,
    void (*refused)(void *context, const struct keyfile_trouble *trouble), void *context)
{
    return read_directory(
        directory, zone, private ? WANT_PRIVATE : WANT_PUBLIC, opener, list, refused, context);
}

enum err keyfile_read_signing(const char *directory, const uint8_t *zone, const struct key_opener *opener,
    struct key_list *list, void (*refused)(void *context, const struct keyfile_trouble *trouble),
    void *context)
{
    return read_directory(directory, zone, WANT_SIGNING, opener, list, refused, context);
}
