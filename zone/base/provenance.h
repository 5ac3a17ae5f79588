/* Where files come from: gitsync writes a file ".gitsync" at the top of each release, one JSON object that
 * says which commit it is. Any thread. */
#ifndef ZONE_BASE_PROVENANCE_H
#define ZONE_BASE_PROVENANCE_H

#include <stdbool.h>

#include "zone/base/attr.h"

#define PROVENANCE_NAME ".gitsync"

struct provenance {
    char commit[72]; /* hexadecimal */
    char repository[80];
    char signer[200];   /* "" when signatures are not asked for */
    char committed[32]; /* RFC 3339 */
};

/* Of the release that has DIRECTORY as its top. */
bool provenance_read(struct provenance *provenance, const char *directory) NODISCARD NONNULL(1, 2);

/* Of the release that the file PATH is in: the nearest directory above it that tells. */
bool provenance_find(struct provenance *provenance, const char *path) NODISCARD NONNULL(1, 2);

#endif
