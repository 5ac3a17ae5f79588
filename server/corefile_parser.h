/* Inside of the Corefile reader: the stream of tokens that the grammar (corefile.c) pulls from, with
 * imports opened on the way (corefile_import.c), and the keys of server blocks (corefile_key.c).
 *
 * Frames make a stack: the Corefile at the bottom, above it the file or snippet being imported. A frame
 * that is used up falls away, so the grammar never sees where text came from; the tokens remember. */
#ifndef SERVER_COREFILE_PARSER_H
#define SERVER_COREFILE_PARSER_H

#include "server/corefile.h"
#include "server/corefile_lexer.h"

#define COREFILE_IMPORTS_MAX 10000 /* CoreDNS's bound */
#define COREFILE_DEPTH_MAX 64      /* imports within imports, blocks within blocks */
#define COREFILE_SIZE_MAX ((size_t)256 << 20)

struct frame {
    struct frame *outer;
    const char *source; /* real path of a file, or a snippet's name in parentheses: finds loops */
    const struct token *tokens;
    unsigned count, at;
};

struct snippet {
    struct snippet *next;
    struct token name; /* without the parentheses */
    struct lexed body;
    bool used;
};

/* A growing array in the parser's scratch; count and room are in items. */
struct vector {
    void *items;
    unsigned count, room;
};

struct parser {
    const struct corefile_context *context;
    const char *name; /* of the Corefile */
    const char *(*environment)(const char *name);
    struct arena *world;
    struct arena scratch; /* what only the reading needs: tokens, frames, snippets, growing arrays */
    struct reporter reporter;
    struct frame *frame;
    struct snippet *snippets;
    struct vector files; /* const char * */
    unsigned imports;
    unsigned depth;
    enum err failed; /* set once, by what cannot be reported: parser_peek then says the end is reached */
};

/* Room for one more item of SIZE octets, zeroed; NULL (and parser->failed) when memory is exhausted. */
void *vector_add(struct parser *parser, struct vector *vector, size_t size, size_t align);
/* The items in an array of just their size in the world. */
const void *vector_seal(struct parser *parser, const struct vector *vector, size_t size, size_t align);

/* The next token, imports opened; NULL at the end. It stays until parser_take. */
const struct token *parser_peek(struct parser *parser);
/* The same without opening imports, only in the present frame. */
const struct token *parser_peek_raw(struct parser *parser);
void parser_take(struct parser *parser);

bool token_is(const struct token *token, const char *word);

/* Makes PATH's text the current frame. TOKEN is the import's argument, NULL for the Corefile. */
enum err parser_open(struct parser *parser, const char *path, const struct token *token) NODISCARD;
enum err parser_open_text(
    struct parser *parser, const char *name, const char *source, const char *text, size_t len) NODISCARD;

/* Reads "import ARGUMENT" at the current place and opens what it names. */
void parser_import(struct parser *parser);
/* Stores the body of "(NAME) { ... }", whose first token is the current one. */
void parser_define(struct parser *parser);

/* Adds the zones that the key TEXT (part of TOKEN) stands for. */
void parser_key(
    struct parser *parser, const struct token *token, const char *text, size_t len, struct vector *keys);

#endif
