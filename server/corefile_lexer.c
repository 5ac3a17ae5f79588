#include "server/corefile_lexer.h"

#include <string.h>

#define TOKENS_MAX 4000000u
#define ENVIRONMENT_NAME_MAX 256

struct lexer {
    const char *name;
    const char *at, *end;
    const char *line_start;
    uint32_t line;
    bool line_begun; /* a token stands on this line already */
    const char *(*environment)(const char *name);
    struct arena *world, *scratch;
    struct reporter *reporter;
    struct token *tokens;
    unsigned count, room;
    char *word; /* the token being read; as long as the text, so it never overflows */
    uint32_t word_len;
};

/* Octets of a blank at AT, 0 when there is none. CoreDNS splits at everything Unicode calls a space; the
 * ones past ASCII come with text pasted from web pages. */
static unsigned blank_len(const char *at, const char *end)
{
    static const char *const wide[] = {"\xc2\x85", "\xc2\xa0", "\xe1\x9a\x80", "\xe2\x80\xa8", "\xe2\x80\xa9",
        "\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80"};
    unsigned char c = (unsigned char)*at;
    if (c < 0x80)
        return c == ' ' || (c >= '\t' && c <= '\r');
    if (c == 0xe2 && end - at >= 3 && at[1] == '\x80' && (unsigned char)at[2] >= 0x80 &&
        (unsigned char)at[2] <= 0x8a)
        return 3;
    for (unsigned i = 0; i < ARRAY_COUNT(wide); i++) {
        size_t len = strlen(wide[i]);
        if ((size_t)(end - at) >= len && memcmp(at, wide[i], len) == 0)
            return (unsigned)len;
    }
    return 0;
}

static void newline(struct lexer *lexer)
{
    lexer->line++;
    lexer->line_start = lexer->at + 1;
    lexer->line_begun = false;
}

static void skip_comment(struct lexer *lexer)
{
    const char *stop = memchr(lexer->at, '\n', (size_t)(lexer->end - lexer->at));
    lexer->at = stop != NULL ? stop : lexer->end;
}

static void skip_blanks(struct lexer *lexer)
{
    while (lexer->at < lexer->end) {
        unsigned len = blank_len(lexer->at, lexer->end);
        if (*lexer->at == '\n')
            newline(lexer);
        if (len != 0)
            lexer->at += len;
        else if (*lexer->at == '#')
            skip_comment(lexer);
        else
            return;
    }
}

static struct token *token_new(struct lexer *lexer)
{
    if (lexer->count == lexer->room) {
        unsigned room = lexer->room != 0 ? lexer->room * 2 : 64;
        struct token *grown = room <= TOKENS_MAX ? ARENA_ARRAY(lexer->scratch, struct token, room) : NULL;
        if (grown == NULL)
            return NULL;
        if (lexer->count != 0)
            memcpy(grown, lexer->tokens, lexer->count * sizeof *grown);
        lexer->tokens = grown;
        lexer->room = room;
    }
    struct token *token = &lexer->tokens[lexer->count++];
    *token = (struct token){.file = lexer->name,
        .line = lexer->line,
        .column = (uint32_t)(lexer->at - lexer->line_start) + 1,
        .starts_line = !lexer->line_begun};
    lexer->line_begun = true;
    return token;
}

static void read_quoted(struct lexer *lexer, struct token *token)
{
    token->quoted = true;
    for (lexer->at++; lexer->at < lexer->end && *lexer->at != '"'; lexer->at++) {
        if (lexer->at[0] == '\\' && lexer->end - lexer->at > 1 && lexer->at[1] == '"')
            lexer->at++;
        if (*lexer->at == '\n') {
            newline(lexer);
            lexer->line_begun = true; /* what follows the closing quote is still this line of tokens */
        }
        lexer->word[lexer->word_len++] = *lexer->at;
    }
    if (lexer->at < lexer->end) {
        lexer->at++;
        return;
    }
    report(lexer->reporter, SEVERITY_ERROR, "open-quote", token, "end the text with another \"",
        "quoted text that begins here is never closed");
}

static void read_plain(struct lexer *lexer, struct token *token)
{
    while (lexer->at < lexer->end && *lexer->at != '#') {
        if (*lexer->at != '\r' && blank_len(lexer->at, lexer->end) != 0)
            return;
        if (*lexer->at != '\r')
            lexer->word[lexer->word_len++] = *lexer->at;
        lexer->at++;
    }
    if (lexer->at == lexer->end)
        return;
    report(lexer->reporter, SEVERITY_WARNING, "comment-in-word", token,
        "put the word in quotes to keep the #",
        "'#' begins a comment even inside a word: what follows it is not read");
    skip_comment(lexer);
}

/* A reference at AT: sets the variable's name and returns the octets it takes, 0 when it is none. */
static uint32_t reference(const char *at, const char *end, char name[ENVIRONMENT_NAME_MAX])
{
    if (end - at < 4 || at[0] != '{' || (at[1] != '$' && at[1] != '%'))
        return 0;
    const char *closing = at[1] == '$' ? "}" : "%}";
    size_t closing_len = strlen(closing);
    const char *stop = memmem(at + 2, (size_t)(end - at - 2), closing, closing_len);
    if (stop == NULL || stop == at + 2 || stop - at - 2 >= ENVIRONMENT_NAME_MAX)
        return 0;
    size_t len = (size_t)(stop - at - 2);
    memcpy(name, at + 2, len);
    name[len] = '\0';
    return (uint32_t)(len + 2 + closing_len);
}

static const char *variable(struct lexer *lexer, const struct token *token, const char *name)
{
    const char *value = lexer->environment(name);
    if (value != NULL)
        return value;
    report(lexer->reporter, SEVERITY_WARNING, "unset-variable", token, NULL,
        "environment variable '%s' is not set; nothing stands in its place", name);
    return "";
}

/* The replaced text is not read again, so that a value that holds {$...} cannot loop. */
static char *expand(struct lexer *lexer, struct token *token, bool write, char *out, size_t *out_len)
{
    char name[ENVIRONMENT_NAME_MAX];
    const char *at = lexer->word, *end = lexer->word + lexer->word_len;
    size_t len = 0;
    while (at < end) {
        uint32_t taken = reference(at, end, name);
        const char *piece =
            taken != 0 ? (write ? lexer->environment(name) : variable(lexer, token, name)) : at;
        size_t piece_len = taken != 0 ? (piece != NULL ? strlen(piece) : 0) : 1;
        if (write && piece_len != 0)
            memcpy(out + len, piece, piece_len);
        len += piece_len;
        at += taken != 0 ? taken : 1;
    }
    *out_len = len;
    return out;
}

/* What came from the environment is never a brace or a keyword, so it counts as quoted. */
static enum err finish_word(struct lexer *lexer, struct token *token)
{
    size_t len = lexer->word_len;
    bool reference_seen =
        memmem(lexer->word, len, "{$", 2) != NULL || memmem(lexer->word, len, "{%", 2) != NULL;
    char *text;
    if (reference_seen) {
        expand(lexer, token, false, NULL, &len);
        text = arena_alloc(lexer->world, len + 1, 1);
        if (text == NULL)
            return ERR_MEMORY;
        expand(lexer, token, true, text, &len);
        text[len] = '\0';
        token->quoted = token->quoted || len != lexer->word_len || memcmp(text, lexer->word, len) != 0;
    } else {
        text = arena_copy(lexer->world, lexer->word, len);
        if (text == NULL)
            return ERR_MEMORY;
    }
    token->text = text;
    token->len = (uint32_t)len;
    if (memchr(text, '\0', len) == NULL)
        return ERR_OK;
    token->len = (uint32_t)strlen(text);
    report(lexer->reporter, SEVERITY_ERROR, "nul-octet", token, "is this a text file?",
        "the word holds a NUL octet");
    return ERR_OK;
}

/* What stands behind a brace is like the beginning of a line: ". { import common }". */
static bool is_brace(const struct token *token)
{
    return !token->quoted && token->len == 1 && (token->text[0] == '{' || token->text[0] == '}');
}

static enum err read_token(struct lexer *lexer)
{
    const char *start = lexer->at;
    struct token *token = token_new(lexer);
    if (token == NULL)
        return lexer->room >= TOKENS_MAX / 2 ? ERR_LIMIT : ERR_MEMORY;
    lexer->word_len = 0;
    token->text = "";
    if (*lexer->at == '"')
        read_quoted(lexer, token);
    else
        read_plain(lexer, token);
    token->source_len = (uint32_t)(lexer->at - start);
    enum err err = finish_word(lexer, token);
    if (err == ERR_OK && is_brace(token))
        lexer->line_begun = false;
    return err;
}

enum err corefile_lex(const char *name, const char *text, size_t len,
    const char *(*environment)(const char *name), struct arena *world, struct arena *scratch,
    struct reporter *reporter, struct lexed *out)
{
    struct lexer lexer = {.name = name,
        .at = text,
        .end = text + len,
        .line = 1,
        .environment = environment,
        .world = world,
        .scratch = scratch,
        .reporter = reporter};
    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        lexer.at += 3;
    lexer.line_start = lexer.at;
    lexer.word = arena_alloc(scratch, len + 1, 1);
    if (lexer.word == NULL)
        return ERR_MEMORY;
    for (skip_blanks(&lexer); lexer.at < lexer.end; skip_blanks(&lexer)) {
        enum err err = read_token(&lexer);
        if (err != ERR_OK)
            return err;
    }
    *out = (struct lexed){.tokens = lexer.tokens, .count = lexer.count};
    return ERR_OK;
}
