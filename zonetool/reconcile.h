/* A stretch of a zone file that two people have changed, in the three versions that git's merge of lines
 * leaves: put together by RRset. Changes to different RRsets stand side by side; where both have changed one
 * RRset (or one made a CNAME of a name the other changed, RFC 2181 10.1) just that is left as a conflict,
 * between git's markers. */
#ifndef ZONETOOL_RECONCILE_H
#define ZONETOOL_RECONCILE_H

#include <stdbool.h>
#include <stdio.h>

#include "zone/base/arena.h"
#include "zonetool/git.h"

struct reconcile {
    struct arena arena; /* of one merge */
    FILE *out;
    unsigned marker_size;
    unsigned conflicts;
    char owner[1100]; /* as written: of the last record put out; empty: none yet */
};

enum reconciled {
    RECONCILED,     /* put out, perhaps with conflicts by RRset */
    RECONCILED_NOT, /* directives, or entries cut in two: nothing was put out */
    RECONCILED_NO_MEMORY
};

/* OURS, BASE and THEIRS are followed by LEXER_PAD readable octets. */
enum reconciled reconcile(struct reconcile *reconcile, const struct git_text *ours,
    const struct git_text *base, const struct git_text *theirs) NODISCARD NONNULL(1, 2, 3, 4);

/* Notes the owner that TEXT, put out as it is, leaves behind. */
enum err reconcile_pass(struct reconcile *reconcile, const struct git_text *text) NODISCARD NONNULL(1, 2);

#endif
