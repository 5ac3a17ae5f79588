/* Regular expressions for plugins: Go's syntax as CoreDNS's documents use it, (?P<name>...) included, which
 * PCRE2 understands. Unlike Go's they are not linear in time, so that a match that takes too many steps is
 * given up. Compiled in setup (control thread), freed with the configuration; matching takes no memory, any
 * worker. */
#ifndef PLUGINS_REGEX_H
#define PLUGINS_REGEX_H

#include "plugins/options.h"

#define REGEX_GROUPS_MAX 32 /* groups whose places are told, the whole match included */

struct regex;

struct regex_match {
    const char *subject;
    unsigned count;
    struct {
        uint32_t begin, end; /* begin above end: the group took no part */
    } groups[REGEX_GROUPS_MAX];
};

/* NULL when PATTERN is none, which has been reported at TOKEN. */
struct regex *regex_compile(struct setup *setup, const struct token *token, const char *pattern) NODISCARD
    NONNULL(1, 2, 3);

/* MATCH may be NULL. False, too, when the search was given up. */
bool regex_match(const struct regex *regex, const char *subject, size_t len, struct regex_match *match)
    NONNULL(1, 2);

/* The number of the group called NAME, or -1. */
int regex_group(const struct regex *regex, const char *name) NONNULL(1, 2);

/* The text of group NUMBER and its length; an empty text when it took no part. */
const char *regex_text(const struct regex_match *match, unsigned number, size_t *len) NONNULL(1, 3);

#endif
