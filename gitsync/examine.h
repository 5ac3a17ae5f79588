/* Examining one changed zone: read and checked by the library behind `zonetool check`, compared with the zone
 * as it is published now, and held against the limits. Threads may examine different zones at once. */
#ifndef GITSYNC_EXAMINE_H
#define GITSYNC_EXAMINE_H

#include "gitsync/plan.h"

/* The directories of the published release ("" when there is none) and of the stage. Fills in ZONE, its
 * verdict included; texts go to ARENA. ERR_MEMORY is the only failure. */
enum err examine_zone(struct zone_plan *zone, const struct settings *settings, const char *old_directory,
    const char *new_directory, struct arena *arena) NODISCARD NONNULL(1, 2, 3, 4, 5);

/* Is the file of this name a zone? */
bool examine_is_zone(const struct settings *settings, const char *path) NONNULL(1, 2);

#endif
