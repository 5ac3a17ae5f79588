/* How one name becomes another: by comparing it whole, its beginning, its end or a part of it, or by a
 * regular expression. Names are text in lower case with the final dot here. Made in setup, then frozen; any
 * thread. */
#ifndef PLUGINS_REWRITE_REWRITER_H
#define PLUGINS_REWRITE_REWRITER_H

#include "plugins/options.h"
#include "plugins/regex.h"
#include "zone/wire/name.h"
#include "zone/wire/question.h"

#define REWRITER_OUT_MAX (4 * NAME_TEXT_MAX)

enum rewriter_kind {
    REWRITE_EXACT,
    REWRITE_PREFIX,
    REWRITE_SUFFIX,
    REWRITE_SUBSTRING,
    REWRITE_REGEX,
    REWRITE_REMAP /* a whole name, and the end of names below it */
};

struct rewriter {
    enum rewriter_kind kind;
    const char *from, *to;
    size_t from_len, to_len;
    const struct regex *regex;
    const uint8_t *wire; /* exact: FROM; suffix: FROM from its second label on; NULL: not known */
};

/* The kind called WORD, or -1. */
int rewriter_kind(const char *word) NONNULL(1);

/* FROM and TO as written; TO is NULL where there is only something to match. */
enum err rewriter_init(struct rewriter *rewriter, enum rewriter_kind kind, struct setup *setup,
    const struct token *from, const struct token *to) NODISCARD NONNULL(1, 3, 4);

/* True when it cannot match, told from the wire name alone: most rules do not match most names, and the name
 * need not be printed to see that. */
static inline NONNULL(1, 2) bool rewriter_passes(const struct rewriter *r, const struct question *question)
{
    if (r->wire == NULL)
        return false;
    return r->kind == REWRITE_EXACT ? !name_equal(question->lower, r->wire)
                                    : !question_under(question, r->wire);
}

bool rewriter_matches(const struct rewriter *rewriter, const char *name, size_t len) NONNULL(1, 2);

/* The new name into OUT of REWRITER_OUT_MAX octets with a NUL; false when the name does not match. */
bool rewriter_apply(const struct rewriter *rewriter, const char *name, size_t len, char *out) NODISCARD
    NONNULL(1, 2, 4);

/* The same for wire names, OUT of NAME_MAX. ERR_MISSING: no match. ERR_SYNTAX: what came out is no name. */
enum err rewriter_apply_name(const struct rewriter *rewriter, const uint8_t *name, uint8_t *out) NODISCARD
    NONNULL(1, 2, 3);

#endif
