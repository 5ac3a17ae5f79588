/* Making one directory tree a copy of another by hard links: what both hold already (the same inode under the
 * same name) is left alone, found by reading the two lists of names, without a look at any file. */
#ifndef GITSYNC_TREE_SYNC_H
#define GITSYNC_TREE_SYNC_H

#include <stdbool.h>

#include "zone/base/attr.h"

/* Makes the directory TO (there already) as FROM is. False with errno when it fails. */
bool tree_sync(const char *from, const char *to) NODISCARD NONNULL(1, 2);

/* Calls EACH for each file of either tree that is not the same inode in both, with its path below them. */
bool tree_differences(const char *a, const char *b, void (*each)(void *context, const char *path),
    void *context) NODISCARD NONNULL(1, 2, 3);

/* Calls EACH for each file of a tree. */
bool tree_list(const char *path, void (*each)(void *context, const char *path), void *context) NODISCARD
    NONNULL(1, 2);

/* Removes a tree with all that is in it. A directory that is not there is fine. */
bool tree_remove(const char *path) NONNULL(1);

#endif
