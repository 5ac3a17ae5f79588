/* Files of TSIG keys: the two forms, one small lexer. */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "zone/base/file.h"
#include "zone/sec/tsig_key.h"

#define FILE_MAX ((size_t)4 << 20)
#define WORD_MAX 2048

struct file {
    const char *name;
    const char *at, *end, *line_at;
    uint32_t line;
    struct tsig_ring *ring;
    const struct finding_sink *sink;
    unsigned errors;
    const char *word_at; /* the last word, for findings */
    uint32_t word_line, word_column;
    bool quoted;
    char word[WORD_MAX];
};

static void complain(struct file *file, const char *message, const char *hint)
{
    struct finding finding = {.severity = SEVERITY_ERROR,
        .rule = "tsig-key",
        .file = file->name,
        .line = file->word_line,
        .column = file->word_column,
        .message = message,
        .hint = hint};
    file->errors++;
    if (file->sink != NULL && file->sink->report != NULL)
        file->sink->report(file->sink->context, &finding);
}

static void step(struct file *file)
{
    if (*file->at++ == '\n') {
        file->line++;
        file->line_at = file->at;
    }
}

static bool begins(const struct file *file, const char *what)
{
    size_t len = strlen(what);
    return (size_t)(file->end - file->at) >= len && memcmp(file->at, what, len) == 0;
}

/* Blanks, and the three kinds of comment that named.conf has. A // inside a word is base64. */
static void skip(struct file *file)
{
    while (file->at < file->end) {
        if (strchr(" \t\r\n", *file->at) != NULL) { /* a NUL, too */
            step(file);
        } else if (*file->at == '#' || begins(file, "//")) {
            while (file->at < file->end && *file->at != '\n')
                step(file);
        } else if (begins(file, "/*")) {
            while (file->at < file->end && !begins(file, "*/"))
                step(file);
            for (unsigned i = 0; i < 2 && file->at < file->end; i++)
                step(file);
        } else {
            return;
        }
    }
}

static bool is_mark(char c)
{
    return c == '{' || c == '}' || c == ';';
}

/* The next word into file->word: a mark by itself, a quoted string, or what stands up to the next blank or
 * mark. False at the end. */
static bool next(struct file *file)
{
    size_t len = 0;
    skip(file);
    file->word_at = file->at;
    file->word_line = file->line;
    file->word_column = (uint32_t)(file->at - file->line_at) + 1;
    file->quoted = file->at < file->end && *file->at == '"';
    file->word[0] = '\0';
    if (file->at == file->end)
        return false;
    if (file->quoted)
        step(file);
    for (; file->at < file->end; step(file)) {
        char c = *file->at;
        if (file->quoted ? c == '"' : strchr(" \t\r\n\"", c) != NULL || (is_mark(c) && len > 0))
            break;
        if (len + 1 < sizeof file->word)
            file->word[len++] = c;
        if (!file->quoted && is_mark(c)) {
            step(file);
            break;
        }
    }
    if (file->quoted && file->at < file->end)
        step(file);
    file->word[len] = '\0';
    return true;
}

static bool is(const struct file *file, const char *word)
{
    return !file->quoted && strcasecmp(file->word, word) == 0;
}

static bool expect(struct file *file, const char *mark)
{
    char message[64];
    if (next(file) && is(file, mark))
        return true;
    snprintf(message, sizeof message, "a \"%s\" is missing here", mark);
    complain(file, message, "key \"NAME\" { algorithm hmac-sha256; secret \"BASE64\"; };");
    return false;
}

static void add(struct file *file, struct tsig_key *key)
{
    enum err err = tsig_ring_add(file->ring, key);
    if (err == ERR_OK)
        return;
    tsig_key_release(key);
    complain(file, err == ERR_EXISTS ? "there is a key of this name already" : err_text(err), NULL);
}

/* What stands between the braces. */
static bool read_fields(struct file *file, char *algorithm, char *secret, size_t size)
{
    for (;;) {
        if (!next(file) || is(file, "}"))
            return file->word[0] == '}';
        char *into = is(file, "algorithm") ? algorithm : is(file, "secret") ? secret : NULL;
        if (into == NULL) {
            complain(file, "only algorithm and secret may stand here", NULL);
            return false;
        }
        if (!next(file))
            return false;
        snprintf(into, size, "%s", file->word);
        if (!expect(file, ";"))
            return false;
    }
}

/* key "NAME" { ... }; behind the word "key". */
static bool read_key(struct file *file)
{
    char name[WORD_MAX], algorithm[WORD_MAX] = "", secret[WORD_MAX] = "";
    struct tsig_key *key;
    const char *why = NULL;
    if (!next(file))
        return expect(file, "NAME");
    snprintf(name, sizeof name, "%s", file->word);
    uint32_t line = file->word_line, column = file->word_column;
    if (!expect(file, "{") || !read_fields(file, algorithm, secret, sizeof algorithm))
        return false;
    file->word_line = line;
    file->word_column = column;
    enum err err =
        tsig_key_from_words(name, algorithm[0] != '\0' ? algorithm : "hmac-sha256", secret, &key, &why);
    sodium_memzero(secret, sizeof secret);
    if (err == ERR_OK)
        add(file, key);
    else
        complain(file, why != NULL ? why : err_text(err), NULL);
    return expect(file, ";");
}

static void read_plain(struct file *file)
{
    struct tsig_key *key;
    const char *why = NULL;
    enum err err = tsig_key_parse(file->word, &key, &why);
    if (err == ERR_OK)
        add(file, key);
    else
        complain(file, why != NULL ? why : err_text(err), "a line is [ALGORITHM:]NAME:SECRET");
}

enum err tsig_file_parse(
    const char *name, const char *text, size_t len, struct tsig_ring *ring, const struct finding_sink *sink)
{
    struct file file = {
        .name = name, .at = text, .end = text + len, .line_at = text, .line = 1, .ring = ring, .sink = sink};
    bool fine = true;
    while (fine && next(&file)) {
        if (is(&file, "key"))
            fine = read_key(&file);
        else
            read_plain(&file);
    }
    sodium_memzero(file.word, sizeof file.word);
    if (!fine && file.errors == 0)
        complain(&file, "the file ends inside of a key", NULL);
    return file.errors == 0 ? ERR_OK : ERR_INVALID;
}

enum err tsig_file_read(const char *path, struct tsig_ring *ring, const struct finding_sink *sink)
{
    struct arena scratch;
    char *text;
    size_t len;
    arena_init(&scratch, 0);
    enum err err = file_read(path, FILE_MAX, &scratch, &text, &len);
    if (err == ERR_OK) {
        err = tsig_file_parse(path, text, len, ring, sink);
        sodium_memzero(text, len);
    } else {
        struct file file = {.name = path, .sink = sink};
        complain(
            &file, err == ERR_LIMIT ? "the file is too large for a file of keys" : strerror(errno), NULL);
        err = ERR_INVALID;
    }
    arena_clear(&scratch);
    return err;
}
