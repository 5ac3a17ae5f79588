/* Corefile text to tokens, as CoreDNS reads it: words between blanks; "..." where a word may begin, over
 * several lines if need be, with \" as its only escape; # starts a comment, even inside a word; a byte
 * order mark at the start and CR anywhere are skipped; {$NAME} and {%NAME%} are replaced by the environment.
 */
#ifndef SERVER_COREFILE_LEXER_H
#define SERVER_COREFILE_LEXER_H

#include "plugins/options.h"
#include "server/report.h"

struct lexed {
    const struct token *tokens;
    unsigned count;
};

/* Splits LEN octets of the file called NAME. Errors go through REPORTER and do not end the reading.
 * ENVIRONMENT gives the value of a variable or NULL. The words lie in WORLD, the array of tokens
 * in SCRATCH. */
enum err corefile_lex(const char *name, const char *text, size_t len,
    const char *(*environment)(const char *name), struct arena *world, struct arena *scratch,
    struct reporter *reporter, struct lexed *out) NODISCARD;

#endif
