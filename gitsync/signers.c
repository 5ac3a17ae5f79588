#include "gitsync/signers.h"

#include <ctype.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "gitsync/armor.h"

#define KEY_MAX 8192

struct line {
    const char *at;
    unsigned number;
    char *why;
};

static bool malformed(const struct line *line, const char *what)
{
    snprintf(line->why, SIGNERS_WHY_MAX, "line %u: %s", line->number, what);
    return false;
}

/* A word; blanks between double quotes belong to it. */
static size_t word_len(const char *at)
{
    bool quoted = false;
    size_t len = 0;
    for (; at[len] != '\0' && at[len] != '\n' && at[len] != '\r'; len++) {
        if (at[len] == '"')
            quoted = !quoted;
        else if (!quoted && (at[len] == ' ' || at[len] == '\t'))
            break;
    }
    return len;
}

static const char *take_word(struct line *line, struct arena *arena)
{
    line->at += strspn(line->at, " \t");
    size_t len = word_len(line->at);
    const char *word = len > 0 ? arena_copy(arena, line->at, len) : NULL;
    line->at += len;
    return word;
}

/* ---- options ---- */

/* "YYYYMMDD", "YYYYMMDDHHMM" or "YYYYMMDDHHMMSS", with Z or without: UTC either way, so that it means the
 * same on every machine. */
static bool read_time(const char *text, size_t len, int64_t *time_s)
{
    char digits[16] = "";
    struct tm tm = {0};
    if (len > 0 && text[len - 1] == 'Z')
        len--;
    if ((len != 8 && len != 12 && len != 14) || strspn(text, "0123456789") < len)
        return false;
    memcpy(digits, text, len);
    memset(digits + len, '0', 14 - len);
    if (sscanf(digits, "%4d%2d%2d%2d%2d%2d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour, &tm.tm_min,
            &tm.tm_sec) != 6 ||
        tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 || tm.tm_mday > 31)
        return false;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    *time_s = (int64_t)timegm(&tm);
    return true;
}

static bool take_option(
    struct signer *signer, const struct line *line, const char *at, size_t len, struct arena *arena)
{
    const char *equals = memchr(at, '=', len);
    size_t name = equals != NULL ? (size_t)(equals - at) : len;
    const char *value = equals != NULL ? equals + 1 : "";
    size_t value_len = equals != NULL ? len - name - 1 : 0;
    if (value_len >= 2 && *value == '"' && value[value_len - 1] == '"') {
        value++;
        value_len -= 2;
    }
    if (name == 10 && strncasecmp(at, "namespaces", name) == 0) {
        signer->namespaces = arena_copy(arena, value, value_len);
        return signer->namespaces != NULL || malformed(line, "out of memory");
    }
    if (name == 11 && strncasecmp(at, "valid-after", name) == 0)
        return read_time(value, value_len, &signer->valid_after_s) ||
               malformed(line, "valid-after is no time");
    if (name == 12 && strncasecmp(at, "valid-before", name) == 0)
        return read_time(value, value_len, &signer->valid_before_s) ||
               malformed(line, "valid-before is no time");
    if (name == 14 && strncasecmp(at, "cert-authority", name) == 0)
        return malformed(line, "certificates are not supported: list the keys themselves");
    return malformed(line, "unknown option or type of key");
}

static bool take_options(
    struct signer *signer, const struct line *line, const char *options, struct arena *arena)
{
    while (*options != '\0') {
        bool quoted = false;
        size_t len = 0;
        for (; options[len] != '\0' && (quoted || options[len] != ','); len++)
            quoted ^= options[len] == '"';
        if (!take_option(signer, line, options, len, arena))
            return false;
        options += len + (options[len] == ',');
    }
    return true;
}

/* ---- keys ---- */

static bool take_ssh(
    struct signer *signer, const struct line *line, const char *type, const char *word, struct arena *arena)
{
    uint8_t *bytes = arena_alloc(arena, KEY_MAX, 1);
    size_t len;
    if (bytes == NULL)
        return malformed(line, "out of memory");
    if (!armor_base64(word, strlen(word), bytes, KEY_MAX, &len))
        return malformed(line, "the key is no base64");
    struct ssh_reader reader = {.at = bytes, .len = len};
    struct ssh_string inner = ssh_read_string(&reader);
    if (reader.failed || !ssh_string_is(inner, type))
        return malformed(line, "the key is not of the type that stands before it");
    signer->kind = SIGNER_SSH;
    signer->ssh_key = (struct ssh_string){bytes, len};
    return true;
}

static bool take_openpgp(struct signer *signer, const struct line *line, char *word)
{
    size_t len = strlen(word);
    if ((len != 40 && len != 64) || strspn(word, "0123456789abcdefABCDEF") != len)
        return malformed(line, "an OpenPGP key is named by its whole fingerprint, 40 or 64 digits");
    for (size_t i = 0; i < len; i++)
        word[i] = (char)toupper((unsigned char)word[i]);
    signer->kind = SIGNER_OPENPGP;
    signer->fingerprint = word;
    return true;
}

static bool is_type(const char *word)
{
    struct ssh_string type = {(const uint8_t *)word, strlen(word)};
    return sshkey_supported(type) || strcmp(word, "minisign") == 0 || strcmp(word, "openpgp") == 0;
}

static bool take_key(
    struct signer *signer, const struct line *line, const char *type, const char *word, struct arena *arena)
{
    if (strcmp(type, "minisign") == 0) {
        signer->kind = SIGNER_MINISIGN;
        return minisign_key_parse(&signer->minisign_key, word, strlen(word)) ||
               malformed(line, "it is no minisign key (the second line of minisign.pub)");
    }
    if (strcmp(type, "openpgp") == 0) {
        char *copy = arena_copy(arena, word, strlen(word));
        return copy != NULL ? take_openpgp(signer, line, copy) : malformed(line, "out of memory");
    }
    return take_ssh(signer, line, type, word, arena);
}

static bool take_line(struct signers *signers, struct line *line)
{
    struct arena *arena = signers->arena;
    struct signer signer = {.line = line->number};
    line->at += strspn(line->at, " \t");
    if (*line->at == '#' || *line->at == '\n' || *line->at == '\r' || *line->at == '\0')
        return true;
    signer.names = take_word(line, arena);
    const char *type = take_word(line, arena);
    if (type != NULL && !is_type(type)) {
        if (!take_options(&signer, line, type, arena))
            return false;
        type = take_word(line, arena);
    }
    const char *key = take_word(line, arena);
    if (signer.names == NULL || type == NULL || key == NULL)
        return malformed(line, "names, a type and a key are wanted");
    if (!is_type(type))
        return malformed(line, "unknown type of key");
    signer.name = arena_copy(arena, signer.names, strcspn(signer.names, ","));
    if (signer.name == NULL || !take_key(&signer, line, type, key, arena))
        return signer.name != NULL ? false : malformed(line, "out of memory");
    if (signers->count == signers->room) {
        unsigned room = signers->room == 0 ? 16 : signers->room * 2;
        struct signer *more = ARENA_ARRAY(arena, struct signer, room);
        if (more == NULL)
            return malformed(line, "out of memory");
        if (signers->count > 0)
            memcpy(more, signers->at, signers->count * sizeof *more);
        signers->at = more;
        signers->room = room;
    }
    signers->at[signers->count++] = signer;
    return true;
}

bool signers_parse(struct signers *signers, const char *text, struct arena *arena, char *why)
{
    struct line line = {.at = text, .why = why};
    *signers = (struct signers){.arena = arena};
    while (*text != '\0') {
        line.number++;
        line.at = text;
        if (!take_line(signers, &line))
            return false;
        text += strcspn(text, "\n");
        text += *text == '\n';
    }
    return true;
}

/* ---- asking ---- */

static bool in_list(const char *list, const char *word, bool patterns)
{
    char part[300];
    while (*list != '\0') {
        size_t len = strcspn(list, ",");
        snprintf(part, sizeof part, "%.*s", len < sizeof part ? (int)len : (int)sizeof part - 1, list);
        if (strcmp(part, word) == 0 || (patterns && fnmatch(part, word, 0) == 0))
            return true;
        list += len + (list[len] == ',');
    }
    return false;
}

bool signer_is(const struct signer *signer, const char *name)
{
    return in_list(signer->names, name, false);
}

const char *signer_may(const struct signer *signer, const char *name_space, int64_t time_s)
{
    if (signer->namespaces != NULL && !in_list(signer->namespaces, name_space, true))
        return "the key is not allowed for git (namespaces)";
    if (signer->valid_after_s != 0 && time_s < signer->valid_after_s)
        return "the key is not valid yet";
    if (signer->valid_before_s != 0 && time_s >= signer->valid_before_s)
        return "the key is not valid any more";
    return NULL;
}
