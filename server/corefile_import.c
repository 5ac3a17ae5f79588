/* Where tokens come from: frames, snippets and imports. */
#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "server/corefile_parser.h"
#include "zone/base/file.h"

void *vector_add(struct parser *parser, struct vector *vector, size_t size, size_t align)
{
    if (vector->count == vector->room) {
        unsigned room = vector->room != 0 ? vector->room * 2 : 4;
        void *grown = arena_zalloc(&parser->scratch, room * size, align);
        if (grown == NULL) {
            parser->failed = ERR_MEMORY;
            return NULL;
        }
        if (vector->count != 0)
            memcpy(grown, vector->items, vector->count * size);
        vector->items = grown;
        vector->room = room;
    }
    return (char *)vector->items + size * vector->count++;
}

const void *vector_seal(struct parser *parser, const struct vector *vector, size_t size, size_t align)
{
    if (vector->count == 0)
        return NULL;
    void *items = arena_alloc(parser->world, vector->count * size, align);
    if (items == NULL)
        parser->failed = ERR_MEMORY;
    else
        memcpy(items, vector->items, vector->count * size);
    return items;
}

bool token_is(const struct token *token, const char *word)
{
    return token != NULL && !token->quoted && strcmp(token->text, word) == 0;
}

const struct token *parser_peek_raw(struct parser *parser)
{
    struct frame *frame = parser->frame;
    return parser->failed == ERR_OK && frame != NULL && frame->at < frame->count ? &frame->tokens[frame->at]
                                                                                 : NULL;
}

const struct token *parser_peek(struct parser *parser)
{
    while (parser->failed == ERR_OK && parser->frame != NULL) {
        const struct token *token = parser_peek_raw(parser);
        if (token == NULL) {
            parser->frame = parser->frame->outer;
            parser->depth--;
        } else if (token->starts_line && token_is(token, "import")) {
            parser_import(parser);
        } else {
            return token;
        }
    }
    return NULL;
}

void parser_take(struct parser *parser)
{
    parser->frame->at++;
}

static void push(struct parser *parser, const char *source, struct lexed body)
{
    struct frame *frame = ARENA_NEW(&parser->scratch, struct frame);
    if (frame == NULL) {
        parser->failed = ERR_MEMORY;
        return;
    }
    *frame =
        (struct frame){.outer = parser->frame, .source = source, .tokens = body.tokens, .count = body.count};
    parser->frame = frame;
    parser->depth++;
}

enum err parser_open_text(
    struct parser *parser, const char *name, const char *source, const char *text, size_t len)
{
    struct lexed body;
    enum err err = corefile_lex(
        name, text, len, parser->environment, parser->world, &parser->scratch, &parser->reporter, &body);
    if (err != ERR_OK)
        return err;
    push(parser, source, body);
    return parser->failed;
}

/* The real path, so that two spellings of one file are one link of a loop. */
static const char *real_path(struct parser *parser, const char *path)
{
    char *real = realpath(path, NULL);
    const char *copy = real != NULL ? arena_copy(parser->world, real, strlen(real)) : path;
    free(real);
    return copy;
}

static enum err note_file(struct parser *parser, const char *path)
{
    for (unsigned i = 0; i < parser->files.count; i++)
        if (strcmp(((const char **)parser->files.items)[i], path) == 0)
            return ERR_OK;
    const char **file = vector_add(parser, &parser->files, sizeof *file, _Alignof(const char *));
    if (file != NULL)
        *file = path;
    return parser->failed;
}

#define SUGGESTIONS_MAX 64

/* A word without a dot or slash was meant for a snippet, which must be defined before it is imported. */
static const char *missing_hint(struct parser *parser, const struct token *token)
{
    const char *names[SUGGESTIONS_MAX];
    unsigned count = 0;
    for (const struct snippet *snippet = parser->snippets; snippet != NULL; snippet = snippet->next)
        if (count < SUGGESTIONS_MAX)
            names[count++] = snippet->name.text;
    const char *near = nearest_word(token->text, names, count);
    if (near != NULL)
        return arena_printf(&parser->scratch, "did you mean the snippet '%s'?", near);
    return strpbrk(token->text, "./") != NULL
               ? "the path begins at the directory of the importing file"
               : "no snippet of that name stands above, and a file is looked for beside the importing one";
}

static enum err cannot_read(struct parser *parser, enum err err, const char *path, const struct token *token)
{
    struct token whole = {.file = path, .text = path, .len = (uint32_t)strlen(path)};
    const char *why = err == ERR_LIMIT ? "it is too large" : strerror(errno);
    if (err == ERR_MEMORY)
        return err;
    if (token == NULL)
        report(&parser->reporter, SEVERITY_ERROR, "unreadable-file", &whole, NULL,
            "cannot read the Corefile: %s", why);
    else
        report(&parser->reporter, SEVERITY_ERROR, "unreadable-file", token,
            err == ERR_MISSING ? missing_hint(parser, token) : NULL, "cannot import '%s': %s", path, why);
    return err;
}

enum err parser_open(struct parser *parser, const char *path, const struct token *token)
{
    char *text;
    size_t len;
    const char *source = real_path(parser, path);
    if (source == NULL)
        return ERR_MEMORY;
    enum err err = file_read(path, COREFILE_SIZE_MAX, &parser->scratch, &text, &len);
    if (err != ERR_OK)
        return cannot_read(parser, err, path, token);
    err = note_file(parser, path);
    return err == ERR_OK ? parser_open_text(parser, path, source, text, len) : err;
}

static bool in_loop(const struct parser *parser, const char *source)
{
    for (const struct frame *frame = parser->frame; frame != NULL; frame = frame->outer)
        if (strcmp(frame->source, source) == 0)
            return true;
    return false;
}

/* True when one more import may be opened. */
static bool import_allowed(struct parser *parser, const struct token *token, const char *source)
{
    if (in_loop(parser, source)) {
        report(&parser->reporter, SEVERITY_ERROR, "import-loop", token, NULL,
            "'%s' imports itself, directly or through another import", token->text);
        return false;
    }
    if (++parser->imports <= COREFILE_IMPORTS_MAX && parser->depth < COREFILE_DEPTH_MAX)
        return true;
    if (parser->imports <= COREFILE_IMPORTS_MAX || parser->imports == COREFILE_IMPORTS_MAX + 1)
        report(&parser->reporter, SEVERITY_ERROR, "import-limit", token, NULL,
            "too many imports: at most %d in all and %d within one another", COREFILE_IMPORTS_MAX,
            COREFILE_DEPTH_MAX);
    return false;
}

static struct snippet *snippet_find(const struct parser *parser, const char *name)
{
    for (struct snippet *snippet = parser->snippets; snippet != NULL; snippet = snippet->next)
        if (strcmp(snippet->name.text, name) == 0)
            return snippet;
    return NULL;
}

static void import_snippet(struct parser *parser, struct snippet *snippet, const struct token *token)
{
    const char *source = arena_printf(parser->world, "(%s)", snippet->name.text);
    snippet->used = true;
    if (source == NULL)
        parser->failed = ERR_MEMORY;
    else if (import_allowed(parser, token, source))
        push(parser, source, snippet->body);
}

static void import_file(struct parser *parser, const char *path, const struct token *token)
{
    const char *source = real_path(parser, path);
    if (source == NULL || !import_allowed(parser, token, source)) {
        parser->failed = source == NULL ? ERR_MEMORY : parser->failed;
        return;
    }
    const char *copy = arena_copy(parser->world, path, strlen(path));
    enum err err = copy != NULL ? parser_open(parser, copy, token) : ERR_MEMORY;
    if (err == ERR_MEMORY || err == ERR_LIMIT)
        parser->failed = err;
}

static bool is_directory(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

/* Frames are a stack, so the last match goes in first. A directory that a glob happens to match is
 * passed over; one that is named gives an error when it is read. */
static void import_glob(struct parser *parser, const char *pattern, const struct token *token)
{
    glob_t found = {0};
    int result = glob(pattern, 0, NULL, &found);
    if (result == GLOB_NOMATCH)
        report(&parser->reporter, SEVERITY_WARNING, "import-nothing", token, NULL,
            "no file matches '%s'; nothing is imported", pattern);
    else if (result != 0)
        report(
            &parser->reporter, SEVERITY_ERROR, "unreadable-file", token, NULL, "cannot list '%s'", pattern);
    for (size_t i = result == 0 ? found.gl_pathc : 0; i-- != 0 && parser->failed == ERR_OK;)
        if (!is_directory(found.gl_pathv[i]))
            import_file(parser, found.gl_pathv[i], token);
    globfree(&found);
}

static bool one_wildcard(const char *pattern)
{
    unsigned stars = 0, marks = 0;
    for (const char *at = pattern; *at != '\0'; at++) {
        stars += *at == '*';
        marks += *at == '?';
    }
    return stars <= 1 && marks <= 1 && !(strchr(pattern, '[') != NULL && strchr(pattern, ']') != NULL);
}

/* An import is relative to the file it stands in, not to the working directory. */
static const char *beside(struct parser *parser, const struct token *token)
{
    const char *slash = strrchr(token->file, '/');
    if (token->text[0] == '/' || slash == NULL)
        return token->text;
    return arena_printf(parser->world, "%.*s/%s", (int)(slash - token->file), token->file, token->text);
}

static void import_argument(struct parser *parser, const struct token *token)
{
    struct snippet *snippet = snippet_find(parser, token->text);
    if (snippet != NULL) {
        import_snippet(parser, snippet, token);
        return;
    }
    const char *pattern = beside(parser, token);
    if (parser->context->sealed)
        report(
            &parser->reporter, SEVERITY_ERROR, "import-refused", token, NULL, "files are not imported here");
    else if (pattern == NULL)
        parser->failed = ERR_MEMORY;
    else if (!one_wildcard(token->text))
        report(&parser->reporter, SEVERITY_ERROR, "import-pattern", token,
            "import the directories one by one", "a pattern to import may hold one wildcard only");
    else if (strpbrk(token->text, "*?") != NULL)
        import_glob(parser, pattern, token);
    else
        import_file(parser, pattern, token);
}

void parser_import(struct parser *parser)
{
    const struct token *word = parser_peek_raw(parser);
    parser_take(parser);
    const struct token *argument = parser_peek_raw(parser);
    if (argument == NULL || argument->starts_line || argument->len == 0 || token_is(argument, "}")) {
        if (argument != NULL && argument->len == 0)
            parser_take(parser);
        report(&parser->reporter, SEVERITY_ERROR, "import-argument", word, "import NAME, or import FILE",
            "import needs the name of a snippet or a file");
        return;
    }
    parser_take(parser);
    const struct token *extra = parser_peek_raw(parser);
    if (extra != NULL && !extra->starts_line && !token_is(extra, "}")) {
        report(&parser->reporter, SEVERITY_ERROR, "import-argument", extra, "write one import for each",
            "import takes one argument only");
        while (extra != NULL && !extra->starts_line) {
            parser_take(parser);
            extra = parser_peek_raw(parser);
        }
    }
    import_argument(parser, argument);
}

/* Takes tokens up to the brace that closes the one just taken. */
static struct lexed take_body(struct parser *parser, const struct token *opened)
{
    struct lexed body = {.tokens = opened + 1};
    unsigned nesting = 1;
    for (const struct token *token = parser_peek_raw(parser); token != NULL;
         token = parser_peek_raw(parser)) {
        parser_take(parser);
        nesting += token_is(token, "{");
        nesting -= token_is(token, "}");
        if (nesting == 0)
            return body;
        body.count++;
    }
    report(&parser->reporter, SEVERITY_ERROR, "unclosed-block", opened, "write its '}' on a line of its own",
        "the snippet opened here is never closed");
    return body;
}

void parser_define(struct parser *parser)
{
    const struct token *name = parser_peek_raw(parser);
    parser_take(parser);
    const struct token *opened = parser_peek_raw(parser);
    if (!token_is(opened, "{")) {
        report(&parser->reporter, SEVERITY_ERROR, "snippet-body", name, "(name) { directives }",
            "the snippet '%s' has no body in braces", name->text);
        return;
    }
    parser_take(parser);
    struct snippet *snippet = ARENA_NEW(&parser->scratch, struct snippet);
    char *text = arena_copy(parser->world, name->text + 1, name->len - 2);
    if (snippet == NULL || text == NULL) {
        parser->failed = ERR_MEMORY;
        return;
    }
    snippet->name = *name;
    snippet->name.text = text;
    snippet->name.len = name->len - 2;
    const struct snippet *earlier = snippet_find(parser, text);
    if (earlier != NULL)
        report(&parser->reporter, SEVERITY_ERROR, "duplicate-snippet", name, NULL,
            "the snippet '%s' is already defined at %s:%u", text, earlier->name.file, earlier->name.line);
    snippet->body = take_body(parser, opened);
    snippet->next = parser->snippets;
    parser->snippets = snippet;
}
