/* $ORIGIN, $TTL and $INCLUDE (RFC 1035 5.1, RFC 2308 4). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "zone/text/reader.h"
#include "zone/wire/name.h"

#define INCLUDE_DEPTH_MAX 32

static bool is_word(const struct token *token, const char *word)
{
    return token->len == strlen(word) && strncasecmp(token->text, word, token->len) == 0;
}

static bool need_token(struct reader *reader, struct lexer *lexer, const struct token *name, const char *what,
    struct token *token)
{
    if (lexer_next(lexer, token))
        return true;
    reader_report(reader, SEVERITY_ERROR, "directive-syntax", name->text, name->len, NULL, "%.*s needs %s",
        (int)name->len, name->text, what);
    return false;
}

static bool parse_origin(struct reader *reader, const struct token *token, uint8_t *out, size_t *len)
{
    const char *why;
    if (name_parse(token->text, token->len, reader->context.origin, out, len, &why) == ERR_OK)
        return true;
    reader_report(reader, SEVERITY_ERROR, "directive-syntax", token->text, token->len, NULL,
        "origin \"%.*s\": %s", (int)(token->len > 80 ? 80 : token->len), token->text, why);
    return false;
}

/* "$ORIGIN example.org" inside of example.org. is example.org.example.org. */
static void check_dot(struct reader *reader, const struct token *token)
{
    uint8_t written[NAME_MAX], text[NAME_MAX + 1];
    size_t len;
    if (token->len == 0 || token->text[token->len - 1] == '.' ||
        name_parse(token->text, token->len, NULL, written, &len, NULL) != ERR_OK || len < 2)
        return;
    name_lower(text, written);
    if (name_under(reader->context.origin, text) || name_equal(reader->context.origin, text))
        reader_report(reader, SEVERITY_WARNING, "trailing-dot", token->text, token->len,
            "end the name with a dot", "the origin %.*s repeats the one before: a missing final dot?",
            (int)(token->len > 80 ? 80 : token->len), token->text);
}

static void set_origin(struct reader *reader, struct lexer *lexer, const struct token *name)
{
    struct token token;
    uint8_t origin[NAME_MAX];
    size_t len;
    if (!need_token(reader, lexer, name, "a domain name", &token) ||
        !parse_origin(reader, &token, origin, &len))
        return;
    check_dot(reader, &token);
    memcpy(reader->context.origin, origin, len);
    reader->context.origin_len = (uint8_t)len;
    reader->owner_text = NULL; /* the same text now means another name */
}

static void set_ttl(struct reader *reader, struct lexer *lexer, const struct token *name)
{
    struct token token;
    uint32_t ttl;
    if (!need_token(reader, lexer, name, "a TTL", &token))
        return;
    if (!reader_ttl(token.text, token.len, &ttl) || ttl == UINT32_MAX) {
        reader_report(reader, SEVERITY_ERROR, "ttl-range", token.text, token.len,
            "write seconds up to 2147483647, or units such as 1h30m", "not a TTL: \"%.*s\"",
            (int)(token.len > 80 ? 80 : token.len), token.text);
        return;
    }
    reader->context.default_ttl = ttl;
    reader->context.has_default_ttl = true;
}

/* The octet of the escape behind the backslash at AT, as in any character string (RFC 1035 5.1); moves AT to
 * its last character. */
static char unescape_one(const struct token *token, uint32_t *at)
{
    const char *digits = token->text + *at + 1;
    unsigned value = 0;
    for (unsigned i = 0; i < 3; i++) {
        if (*at + 1 + i >= token->len || (uint8_t)(digits[i] - '0') > 9) {
            ++*at;
            return *digits;
        }
        value = value * 10 + (unsigned)(digits[i] - '0');
    }
    *at += 3;
    return (char)(uint8_t)value;
}

/* The file name with its escapes undone. */
static char *unescape(const struct token *token)
{
    char *path = malloc((size_t)token->len + 1);
    if (path == NULL)
        return NULL;
    size_t len = 0;
    for (uint32_t i = 0; i < token->len; i++) {
        bool escape = token->text[i] == '\\' && i + 1 < token->len;
        path[len++] = escape ? unescape_one(token, &i) : token->text[i];
    }
    path[len] = '\0';
    return path;
}

/* A relative path is sought beside the including file, then in the working directory; in a revision of a
 * repository (FETCHED) only beside it. */
static char *beside(const char *including, const char *path, bool fetched)
{
    const char *slash = strrchr(including, '/');
    if (path[0] == '/' || slash == NULL)
        return strdup(path);
    size_t folder = (size_t)(slash - including) + 1;
    char *joined = malloc(folder + strlen(path) + 1);
    if (joined == NULL)
        return NULL;
    memcpy(joined, including, folder);
    memcpy(joined + folder, path, strlen(path) + 1);
    if (!fetched && access(joined, F_OK) != 0 && access(path, F_OK) == 0)
        memcpy(joined, path, strlen(path) + 1);
    return joined;
}

static bool includes_itself(const struct reader *reader, uint16_t file)
{
    const struct input_stamp *wanted = &sources_get(reader->sources, file)->input.stamp;
    for (; reader != NULL; reader = reader->includer) {
        const struct input_stamp *open = &sources_get(reader->sources, reader->file)->input.stamp;
        if (reader->file == file ||
            (wanted->inode != 0 && open->inode == wanted->inode && open->device == wanted->device))
            return true;
    }
    return false;
}

/* Reads the included file in the place of the directive. Origin and owner are the includer's again
 * afterwards (RFC 1035 5.1); $TTL and the last TTL stay, as BIND has it. */
static void read_included(struct reader *reader, uint16_t file, const uint8_t *origin)
{
    struct reader *inner = malloc(sizeof *inner);
    if (inner == NULL) {
        reader->failure = ERR_MEMORY;
        return;
    }
    reader_init(inner, reader->sources, file, reader->tape, reader->findings, origin);
    struct context *context = &inner->context;
    context->default_ttl = reader->context.default_ttl;
    context->has_default_ttl = reader->context.has_default_ttl;
    context->last_ttl = reader->context.last_ttl;
    context->has_last_ttl = reader->context.has_last_ttl;
    context->soa_minimum = reader->context.soa_minimum;
    context->has_soa_minimum = reader->context.has_soa_minimum;
    inner->class = reader->class;
    inner->soa_seen = reader->soa_seen;
    inner->includer = reader;
    inner->depth = reader->depth + 1;
    memcpy(inner->owner, reader->owner, reader->owner_len);
    inner->owner_len = reader->owner_len;
    inner->owner_labels = reader->owner_labels;
    inner->owner_bad = reader->owner_bad;
    reader_run(inner, inner->end);
    struct context outer = reader->context;
    reader->context = *context;
    memcpy(reader->context.origin, outer.origin, sizeof outer.origin);
    reader->context.origin_len = outer.origin_len;
    reader->class = inner->class;
    if (!reader->soa_seen && inner->soa_seen)
        memcpy(reader->soa_owner, inner->soa_owner, sizeof inner->soa_owner);
    reader->soa_seen = inner->soa_seen;
    reader->used_inherited_ttl |= inner->used_inherited_ttl;
    reader->used_inherited_owner |= inner->used_inherited_owner;
    reader->failure = inner->failure;
    reader->run_open = false; /* the tape's last run belongs to the other file */
    free(inner);
}

/* A pipe could keep the reader waiting for ever, and a device could feed it for ever. */
static bool is_odd_file(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
}

static void include_path(
    struct reader *reader, const struct token *token, const char *path, const uint8_t *origin)
{
    uint16_t file;
    if (is_odd_file(path)) {
        reader_report(reader, SEVERITY_ERROR, "include", token->text, token->len, NULL,
            "cannot include %s: not a plain file", path);
        return;
    }
    enum err err = sources_open(reader->sources, path, &file);
    if (err != ERR_OK) {
        reader_report(reader, SEVERITY_ERROR, "include", token->text, token->len, NULL,
            "cannot include %s: %s", path,
            err == ERR_IO      ? strerror(errno)
            : err == ERR_LIMIT ? "too many files are included, or too large ones"
            : err == ERR_UNSUPPORTED
                ? "it lies outside of the directory that this zone is confined to, or is not there"
                : err_text(err));
        return;
    }
    if (includes_itself(reader, file) || reader->depth >= INCLUDE_DEPTH_MAX) {
        reader_report(reader, SEVERITY_ERROR, "include", token->text, token->len, NULL,
            reader->depth >= INCLUDE_DEPTH_MAX ? "%s: files are included more than 32 deep"
                                               : "%s includes itself, directly or through another file",
            path);
        return;
    }
    read_included(reader, file, origin);
}

static void include(struct reader *reader, struct lexer *lexer, const struct token *name)
{
    struct token path_token, origin_token;
    uint8_t origin[NAME_MAX];
    size_t len;
    if (!need_token(reader, lexer, name, "a file name", &path_token))
        return;
    memcpy(origin, reader->context.origin, reader->context.origin_len);
    if (lexer_next(lexer, &origin_token) && !parse_origin(reader, &origin_token, origin, &len))
        return;
    char *written = unescape(&path_token);
    const char *including = sources_get(reader->sources, reader->file)->path;
    char *path = written == NULL ? NULL : beside(including, written, reader->sources->fetch != NULL);
    if (path == NULL)
        reader->failure = ERR_MEMORY;
    else
        include_path(reader, &path_token, path, origin);
    free(written);
    free(path);
}

static const struct {
    const char *word;
    void (*run)(struct reader *reader, struct lexer *lexer, const struct token *name);
} directives[] = {
    {"$ORIGIN", set_origin},
    {"$TTL", set_ttl},
    {"$INCLUDE", include},
    {"$GENERATE", reader_generate},
};

void reader_directive(struct reader *reader, struct lexer *lexer, const struct token *name)
{
    if (lexer->depth != 0) {
        reader_report(reader, SEVERITY_ERROR, "directive-syntax", name->text, name->len, NULL,
            "a directive inside parentheses");
        return;
    }
    for (size_t i = 0; i < ARRAY_COUNT(directives); i++) {
        if (is_word(name, directives[i].word)) {
            directives[i].run(reader, lexer, name);
            return;
        }
    }
    reader_report(reader, SEVERITY_ERROR, "directive-unknown", name->text, name->len,
        "the directives are $ORIGIN, $TTL, $INCLUDE and $GENERATE; write \\$ for a name that begins with $",
        "unknown directive %.*s", (int)(name->len > 40 ? 40 : name->len), name->text);
}
