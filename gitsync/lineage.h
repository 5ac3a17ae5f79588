/* Serials made from history. The serial of a zone is a function of the commits alone: followed along first
 * parents from the oldest on, each commit that changes the zone (or a file that it includes) gives it its
 * next serial (serial.h). So every node that deploys a commit makes the same serials, and nobody has to keep
 * them anywhere.
 *
 * Where the published release's commit lies on that line, only the commits since are followed: the serials up
 * to there stand in the published files. */
#ifndef GITSYNC_LINEAGE_H
#define GITSYNC_LINEAGE_H

#include "gitsync/includes.h"
#include "gitsync/paths.h"
#include "gitsync/repo.h"
#include "gitsync/settings.h"

struct lineage {
    struct repo *repo;
    const struct settings *settings;
    const char *commit;        /* whose serials are sought */
    const char *deployed;      /* the commit published now, "" for none */
    const char *directory;     /* where its files are */
    struct includes *includes; /* of the deployed commit; changed on the way to that of the new one */
};

/* The number of each zone that changed since the deployed commit (or ever, when history does not go on from
 * there) in SERIALS. */
enum outcome lineage_serials(
    struct lineage *lineage, struct paths *serials, struct problem *problem) NODISCARD NONNULL(1, 2, 3);

#endif
