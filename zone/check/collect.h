/* The findings of one zone on their way to the caller: each gets the level of its rule, those that comments
 * silence are dropped, what is told twice is told once, and all are put in the order of the text. Many of one
 * rule become some and a count. One thread. Inner header of check.c and across.c. */
#ifndef ZONE_CHECK_COLLECT_H
#define ZONE_CHECK_COLLECT_H

#include "zone/base/arena.h"
#include "zone/check/check.h"
#include "zone/check/ignore.h"

/* A source file that something was found in. */
struct collect_file {
    const char *path;
    struct ignores ignores;
};

struct collected {
    struct finding finding; /* its strings are the arena's */
    uint32_t file;          /* number of the file, in the order of meeting; UINT32_MAX for none */
    uint32_t order;
    uint16_t rule;
};

struct collect {
    struct arena arena;
    const struct check_options *options;
    const struct levels *levels;
    struct collected *items;
    size_t count, capacity;
    struct collect_file *files;
    size_t file_count, file_capacity;
    uint32_t of_rule[RULES_MAX];
    unsigned ignored, seen;
    bool failed; /* memory ran out */
};

void collect_init(struct collect *collect, const struct check_options *options, const struct levels *levels)
    NONNULL(1, 2, 3);
void collect_clear(struct collect *collect) NONNULL(1);

/* Takes findings in. */
struct finding_sink collect_sink(struct collect *collect) NONNULL(1);

/* Looks at the comments of PATH even if nothing is found in it, unless it is large. */
void collect_comments(struct collect *collect, const char *path) NONNULL(1, 2);

/* Hands them out in order and counts them. */
void collect_tell(struct collect *collect, const struct finding_sink *sink, struct check_result *result)
    NONNULL(1, 2, 3);

#endif
