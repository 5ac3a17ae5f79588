/* What a killed fetch leaves in the mirror: locks of refs, which nobody would ever release, and packs half
 * received. The mirror is ours alone (the store's lock is held), so whatever of this is there when a fetch
 * begins is of a dead one. A mark says whether there can be any: refs are many, and are not to be walked at
 * each look. One thread. */
#ifndef GITSYNC_LEFTOVERS_H
#define GITSYNC_LEFTOVERS_H

#include "zone/base/attr.h"

/* Before anything is received: sets the mark. A disk that does not take it will tell the fetch, too. */
void leftovers_expect(const char *mirror) NONNULL(1);
/* All was received in order. */
void leftovers_none(const char *mirror) NONNULL(1);
/* When the mark is there: removes them. */
void leftovers_remove(const char *mirror) NONNULL(1);

#endif
