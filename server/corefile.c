/* The grammar: server blocks, directives, nested blocks, and the mistakes people make with them. */
#include "server/corefile.h"

#include <stdlib.h>
#include <string.h>

#include "server/corefile_names.h"
#include "server/corefile_parser.h"

const char corefile_builtin[] = ". {\n    whoami\n    log\n}\n";

/* What a line ended with. */
enum line_end { LINE_PLAIN, LINE_OPENS };

static void finding(
    struct parser *parser, const char *rule, const struct token *token, const char *hint, const char *message)
{
    report(&parser->reporter, SEVERITY_ERROR, rule, token, hint, "%s", message);
}

/* "name:1053{" : CoreDNS splits words at blanks only, and reads the brace as part of the name. The brace is
 * taken off the token and made one of its own: the reading goes on as if the blank were there. */
static bool brace_glued(struct parser *parser, struct token *token, struct token *brace)
{
    if (token->quoted || token->len < 2 || token->text[token->len - 1] != '{' ||
        token->text[token->len - 2] == '{')
        return false;
    report(&parser->reporter, SEVERITY_ERROR, "glued-brace", token, "put a blank before the '{'",
        "'%s' is read as one word, the brace included", token->text);
    char *text = arena_copy(parser->world, token->text, token->len - 1);
    if (text == NULL) {
        parser->failed = ERR_MEMORY;
        return false;
    }
    token->text = text;
    token->len--;
    *brace = *token;
    brace->text = "{";
    brace->len = brace->source_len = 1;
    brace->column += token->len;
    return true;
}

static void parse_lines(
    struct parser *parser, const struct token *opened, unsigned depth, struct vector *lines);

static void seal(
    struct parser *parser, struct directive *line, const struct vector *args, const struct vector *lines)
{
    line->args = vector_seal(parser, args, sizeof *line->args, _Alignof(struct token));
    line->args_count = args->count;
    line->lines = vector_seal(parser, lines, sizeof *line->lines, _Alignof(struct directive));
    line->lines_count = lines->count;
}

/* Arguments up to the end of the line or a brace. */
static enum line_end parse_args(struct parser *parser, struct vector *args, struct token *brace)
{
    for (;;) {
        const struct token *token = parser_peek(parser);
        if (token == NULL || token->starts_line || token_is(token, "{") || token_is(token, "}"))
            return LINE_PLAIN;
        struct token *arg = vector_add(parser, args, sizeof *arg, _Alignof(struct token));
        if (arg == NULL)
            return LINE_PLAIN;
        *arg = *token;
        parser_take(parser);
        const struct token *next = parser_peek(parser);
        if ((next == NULL || next->starts_line) && brace_glued(parser, arg, brace))
            return LINE_OPENS;
    }
}

static void parse_block_of(struct parser *parser, struct directive *line, const struct token *opened,
    unsigned depth, struct vector *lines)
{
    line->has_block = true;
    if (depth < COREFILE_DEPTH_MAX) {
        parse_lines(parser, opened, depth + 1, lines);
        return;
    }
    finding(parser, "nesting-limit", opened, NULL, "blocks are nested too deeply");
    parser->failed = ERR_LIMIT;
}

static void parse_directive(struct parser *parser, unsigned depth, struct directive *line)
{
    struct vector args = {0}, lines = {0};
    line->name = *parser_peek(parser);
    parser_take(parser);
    struct token opened;
    bool opens = brace_glued(parser, &line->name, &opened);
    if (!opens)
        opens = parse_args(parser, &args, &opened) == LINE_OPENS;
    if (!opens && token_is(parser_peek(parser), "{")) {
        opened = *parser_peek(parser);
        parser_take(parser);
        opens = true;
    }
    if (opens)
        parse_block_of(parser, line, &opened, depth, &lines);
    seal(parser, line, &args, &lines);
}

/* True when the line that begins with TOKEN, the current one, ends in an opening brace. */
static bool line_opens_block(const struct parser *parser)
{
    const struct frame *frame = parser->frame;
    const struct token *last = &frame->tokens[frame->at];
    unsigned at = frame->at + 1;
    while (at < frame->count && !frame->tokens[at].starts_line && !token_is(last, "{"))
        last = &frame->tokens[at++];
    bool next_line = at < frame->count && token_is(&frame->tokens[at], "{");
    return token_is(last, "{") || next_line ||
           (!last->quoted && last->len > 1 && last->text[last->len - 1] == '{');
}

/* A word that can be no plugin's name but a server block's key. */
static bool looks_like_key(const struct token *token)
{
    if (token->quoted || token->text[0] == '{' || token->text[0] == '}')
        return false;
    return strpbrk(token->text, ".:") != NULL || (token->text[0] == '(' && strchr(token->text, ')') != NULL);
}

static void report_lost_close(struct parser *parser, const struct token *token, const struct token *opened)
{
    const char *hint = arena_printf(parser->world,
        opened->text[0] == '{'
            ? "the block opened at %s:%u seems to lack its '}'"
            : "the block that begins at %s:%u has no braces; with several blocks each needs them",
        opened->file, opened->line);
    report(&parser->reporter, SEVERITY_ERROR, "block-in-block", token, hint,
        "'%s' looks like the start of a server block, but stands inside of another", token->text);
}

static void skip_nameless_block(struct parser *parser, const struct token *brace, unsigned depth)
{
    struct vector lost = {0};
    finding(parser, "stray-brace", brace, "a block follows a name on the same line",
        "'{' without a name before it");
    parser_take(parser);
    parse_lines(parser, brace, depth + 1, &lost);
}

/* Reads lines up to the '}' that matches OPENED, or to the end of all text when OPENED is no brace. */
static void parse_lines(
    struct parser *parser, const struct token *opened, unsigned depth, struct vector *lines)
{
    bool braces = token_is(opened, "{");
    for (const struct token *token = parser_peek(parser); token != NULL; token = parser_peek(parser)) {
        if (token_is(token, "}")) {
            if (!braces)
                finding(parser, "stray-brace", token, NULL, "'}' closes nothing: no block is open here");
            parser_take(parser);
            if (braces)
                return;
        } else if (token_is(token, "{")) {
            struct token brace = *token;
            if (depth >= COREFILE_DEPTH_MAX) {
                parser->failed = ERR_LIMIT;
                return;
            }
            skip_nameless_block(parser, &brace, depth);
        } else if (depth == 1 && looks_like_key(token) && line_opens_block(parser)) {
            report_lost_close(parser, token, opened);
            return;
        } else {
            struct directive *line = vector_add(parser, lines, sizeof *line, _Alignof(struct directive));
            if (line != NULL)
                parse_directive(parser, depth, line);
        }
    }
    if (braces && parser->failed == ERR_OK)
        finding(parser, "unclosed-block", opened, "write its '}' on a line of its own",
            "the block opened here is never closed");
}

/* Splits a word of the key line at its commas, and at blanks, which a variable's value may hold. True when it
 * ends in a comma: another key follows, if need be on the next line. */
static bool parse_key_word(struct parser *parser, const struct token *token, struct vector *keys)
{
    const char *at = token->text;
    for (;;) {
        size_t len = strcspn(at, ", \t\r\n");
        if (len != 0)
            parser_key(parser, token, at, len, keys);
        if (at[len] == '\0')
            return token->len != 0 && token->text[token->len - 1] == ',';
        at += len + 1;
    }
}

/* The key line. OPENED becomes the brace when it was glued to a key, else the first key. */
static enum line_end parse_keys(struct parser *parser, struct vector *keys, struct token *opened)
{
    bool more = false;
    *opened = *parser_peek(parser);
    struct token last = *opened;
    for (bool first = true;; first = false) {
        const struct token *token = parser_peek(parser);
        bool done = token == NULL || (token->starts_line && !more && !first) || token_is(token, "{") ||
                    token_is(token, "}");
        if (done && more)
            finding(parser, "stray-comma", &last, "remove the comma",
                "a comma promises another zone, but none follows");
        if (done)
            return LINE_PLAIN;
        last = *token;
        parser_take(parser);
        bool glued = brace_glued(parser, &last, opened);
        more = parse_key_word(parser, &last, keys);
        if (glued)
            return LINE_OPENS;
    }
}

static bool is_snippet_head(const struct token *token)
{
    return !token->quoted && token->len > 2 && token->text[0] == '(' && token->text[token->len - 1] == ')';
}

/* A line after a closed block that opens none: the commonest cause is a brace closed too early. */
static void report_outside(
    struct parser *parser, const struct token *first, const struct server_block *before)
{
    const char *hint = plugin_word(first->text) ? arena_printf(parser->world,
                                                      "move it before the '}' of the block opened at %s:%u",
                                                      before->opened.file, before->opened.line)
                                                : "begin a block with '{' at the end of this line";
    report(&parser->reporter, SEVERITY_ERROR, "outside-of-blocks", first, hint,
        plugin_word(first->text)
            ? "the directive '%s' stands outside of any server block"
            : "'%s' would begin a second server block, but only a single one may go without braces",
        first->text);
}

static void skip_line(struct parser *parser)
{
    const struct token *token = parser_peek(parser);
    while (token != NULL && !token->starts_line && !token_is(token, "}")) {
        parser_take(parser);
        token = parser_peek(parser);
    }
}

static void warn_plugin_as_zone(struct parser *parser, const struct token *first)
{
    if (!first->quoted && plugin_word(first->text))
        report(&parser->reporter, SEVERITY_WARNING, "plugin-as-zone", first,
            "the first line names zones; begin with a line '. {' to serve all names",
            "'%s' is taken for a zone here, not for the plugin", first->text);
}

static void parse_block(struct parser *parser, struct vector *blocks)
{
    struct token opened, first = *parser_peek(parser);
    struct vector keys = {0}, lines = {0};
    unsigned errors = parser->reporter.errors;
    enum line_end end = parse_keys(parser, &keys, &opened);
    const struct token *brace = parser_peek(parser);
    if (end == LINE_PLAIN && token_is(brace, "{")) {
        opened = *brace;
        parser_take(parser);
        end = LINE_OPENS;
    }
    if (end == LINE_PLAIN && blocks->count != 0) {
        report_outside(parser, &first, (struct server_block *)blocks->items + blocks->count - 1);
        skip_line(parser);
        return;
    }
    warn_plugin_as_zone(parser, &first);
    if (keys.count == 0 && parser->reporter.errors == errors)
        finding(parser, "no-zone", &opened, "'.' stands for all names", "a server block without a zone");
    struct server_block *block = vector_add(parser, blocks, sizeof *block, _Alignof(struct server_block));
    if (block == NULL)
        return;
    block->opened = opened;
    parse_lines(parser, &opened, 1, &lines);
    block = (struct server_block *)blocks->items + blocks->count - 1;
    block->keys = vector_seal(parser, &keys, sizeof *block->keys, _Alignof(struct server_key));
    block->keys_count = keys.count;
    block->directives = vector_seal(parser, &lines, sizeof *block->directives, _Alignof(struct directive));
    block->directives_count = lines.count;
}

static void warn_unused_snippets(struct parser *parser)
{
    for (const struct snippet *snippet = parser->snippets; snippet != NULL; snippet = snippet->next)
        if (!snippet->used)
            report(&parser->reporter, SEVERITY_WARNING, "unused-snippet", &snippet->name, NULL,
                "nothing imports the snippet '%s'", snippet->name.text);
}

static void warn_no_block(struct parser *parser, unsigned blocks)
{
    struct token whole = {.file = parser->name, .text = "", .len = 0};
    if (blocks == 0 && parser->reporter.errors == 0)
        report(&parser->reporter, SEVERITY_WARNING, "no-block", &whole, "a block: example.org { ... }",
            "there is no server block: nothing is served");
}

static enum err parse_all(struct parser *parser, struct corefile *out)
{
    struct vector blocks = {0};
    for (const struct token *token = parser_peek(parser); token != NULL; token = parser_peek(parser)) {
        if (is_snippet_head(token)) {
            parser_define(parser);
        } else if (token_is(token, "}")) {
            finding(parser, "stray-brace", token, NULL, "'}' closes nothing: no block is open here");
            parser_take(parser);
        } else {
            parse_block(parser, &blocks);
        }
    }
    warn_unused_snippets(parser);
    warn_no_block(parser, blocks.count);
    *out = (struct corefile){
        .blocks = vector_seal(parser, &blocks, sizeof *out->blocks, _Alignof(struct server_block)),
        .blocks_count = blocks.count,
        .files = vector_seal(parser, &parser->files, sizeof *out->files, _Alignof(const char *)),
        .files_count = parser->files.count};
    struct reporter *reporter = &parser->reporter;
    if (parser->failed != ERR_OK && parser->failed != ERR_LIMIT)
        return parser->failed;
    corefile_check_duplicates(out, reporter);
    if (parser->failed == ERR_LIMIT && reporter->errors == 0)
        finding(parser, "limit", NULL, NULL, "the Corefile is larger than this server is built for");
    out->errors = reporter->errors;
    return reporter->errors != 0 ? ERR_INVALID : ERR_OK;
}

static const char *process_environment(const char *name)
{
    return getenv(name);
}

static void parser_begin(
    struct parser *parser, const char *name, const struct corefile_context *context, struct arena *world)
{
    *parser = (struct parser){.context = context,
        .name = name,
        .environment = context->environment != NULL ? context->environment : process_environment,
        .world = world,
        .reporter = {.sink = context->sink}};
    arena_init(&parser->scratch, 0);
}

static enum err parser_end(struct parser *parser, enum err err, struct corefile *out)
{
    if (err == ERR_OK)
        err = parse_all(parser, out);
    arena_clear(&parser->scratch);
    return err;
}

enum err corefile_read(
    const char *path, const struct corefile_context *context, struct arena *world, struct corefile *out)
{
    struct parser parser;
    parser_begin(&parser, path, context, world);
    const char *name = arena_copy(world, path, strlen(path));
    return parser_end(&parser, name != NULL ? parser_open(&parser, name, NULL) : ERR_MEMORY, out);
}

enum err corefile_parse(const char *name, const char *text, size_t len,
    const struct corefile_context *context, struct arena *world, struct corefile *out)
{
    struct parser parser;
    parser_begin(&parser, name, context, world);
    const char *copy = arena_copy(world, name, strlen(name));
    enum err err = copy != NULL ? parser_open_text(&parser, copy, copy, text, len) : ERR_MEMORY;
    return parser_end(&parser, err, out);
}

unsigned block_find(const struct server_block *block, const char *name, unsigned at)
{
    while (at < block->directives_count && strcmp(block->directives[at].name.text, name) != 0)
        at++;
    return at;
}
