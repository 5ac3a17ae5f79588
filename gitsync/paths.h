/* A set of paths, each with a number: which zones a step touches, and their serials. A hash table in an
 * arena; one thread. */
#ifndef GITSYNC_PATHS_H
#define GITSYNC_PATHS_H

#include <stdbool.h>
#include <stdint.h>

#include "zone/base/arena.h"
#include "zone/base/attr.h"

struct path_entry {
    struct path_entry *next;
    uint32_t number;
    bool set; /* the number counts */
    char path[];
};

struct paths {
    struct arena *arena;
    struct path_entry **buckets;
    uint32_t bucket_count, count;
};

void paths_init(struct paths *paths, struct arena *arena) NONNULL(1, 2);
/* The entry of PATH, or NULL. */
struct path_entry *paths_find(const struct paths *paths, const char *path) NONNULL(1, 2);
/* The same, made when it is not there; NULL: out of memory. */
struct path_entry *paths_get(struct paths *paths, const char *path) NODISCARD NONNULL(1, 2);

#endif
