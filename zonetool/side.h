/* One side of a comparison, as the command line names it: a zone file, a zone image, a file in a revision of
 * the git repository ("HEAD~1:zones/db.example"), or a server that is asked for the zone ("@192.0.2.1",
 * "@[::1]:5353",
 * "@tls://192.0.2.1"). The rows of SERVER_OPTION_ROWS say how to speak to servers. Opened in pairs, because
 * one may tell the name of the zone that the other needs. */
#ifndef ZONETOOL_SIDE_H
#define ZONETOOL_SIDE_H

#include "zone/net/transfer.h"
#include "zone/store/versions.h"
#include "zone/text/report.h"
#include "zonetool/git.h"
#include "zonetool/server.h"

struct side {
    const char *name; /* as it was given */
    struct version version;
    struct snapshot *snapshot; /* of an image, or made by side_snapshot */
    struct git *git;
    struct sources sources;
    struct transfer transfer;
    struct server server;
    bool has_sources, has_transfer, has_server;
    uint8_t origin[NAME_MAX + 1];
};

/* Opens both; whatever comes of it, sides_close is due. */
enum outcome sides_open(struct side sides[2], char *const names[2], const struct arguments *arguments,
    struct report *report) NODISCARD NONNULL(1, 2, 3, 4);

/* Makes the side's snapshot, for what asks questions. APEX NULL: the zone's name is what the side says. */
enum outcome side_snapshot(struct side *side, const uint8_t *apex, const struct arguments *arguments,
    struct report *report) NODISCARD NONNULL(1, 3, 4);

void sides_close(struct side sides[2]) NONNULL(1);

#endif
