/* Which file includes which ($INCLUDE): an included file that changes changes the zones above it. The list is
 * kept with each release, so that it is brought up to date by what changed, never read from all zones. One
 * line for each pair: "INCLUDER<TAB>INCLUDED", both paths from the top. One thread. */
#ifndef GITSYNC_INCLUDES_H
#define GITSYNC_INCLUDES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "zone/base/arena.h"
#include "zone/base/attr.h"

struct include_pair {
    const char *includer, *included;
    bool gone;
};

struct includes {
    struct arena arena;
    struct include_pair *pairs;
    unsigned count, room;
    bool failed; /* out of memory */
};

void includes_init(struct includes *includes) NONNULL(1);
void includes_clear(struct includes *includes) NONNULL(1);

/* The list as it was printed; TEXT with a NUL. */
void includes_parse(struct includes *includes, const char *text) NONNULL(1, 2);
void includes_print(const struct includes *includes, FILE *out) NONNULL(1, 2);

/* PATH has a new content, or none (TEXT NULL). False when it includes a file outside of the tree: that is
 * *BAD then. */
bool includes_set(struct includes *includes, const char *path, const char *text, size_t len,
    const char **bad) NODISCARD NONNULL(1, 2, 5);

bool includes_has(const struct includes *includes, const char *included) NONNULL(1, 2);

/* Calls EACH for every file above PATH, at any distance; one may come several times. */
void includes_above(const struct includes *includes, const char *path,
    void (*each)(void *context, const char *includer), void *context) NONNULL(1, 2, 3);

/* What a path WRITTEN in the file FROM means, from the top; NULL when it leaves the tree. */
const char *includes_resolve(struct arena *arena, const char *from, const char *written, size_t len)
    NONNULL(1, 2, 3);

#endif
