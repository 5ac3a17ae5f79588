/* Telling the server that a release is there, and waiting until it serves it: bailiwickd says so by its
 * control socket, other servers and secondaries by their answers to SOA queries. */
#ifndef GITSYNC_CONFIRM_H
#define GITSYNC_CONFIRM_H

#include <stdint.h>

#include "gitsync/problem.h"
#include "gitsync/settings.h"
#include "zone/base/arena.h"
#include "zone/wire/name.h"

/* A zone whose serial must be served. */
struct expected {
    const char *zone; /* its name as text */
    uint8_t name[NAME_MAX + 1];
    uint32_t serial;
    uint32_t at_server; /* the serial there, when the server makes its own (signs); others must have that */
    bool has_at_server;
    bool removed; /* it must not be served any more; that it still is, is only told */
    bool was_served, seen;
    char trouble[200]; /* what stands against it, for people */
};

#define LAGGING_MAX 2048

struct expectations {
    struct expected *at;
    unsigned count;
    bool served; /* the server has read the zones: others may know their serials from now on */
    bool away[SETTINGS_LIST_MAX]; /* of --confirm: did not answer before the switch */
    char lagging[LAGGING_MAX];    /* of --confirm: those that have not confirmed, with blanks between */
    bool
        only_changed; /* known zones with new content, and nothing else: the configuration need not be read */

    const char *settings_name; /* for what is told on the way */
};

/* Before the switch: is the server there? Notes which of the zones it serves. */
enum outcome confirm_before(struct expectations *expectations, const struct settings *settings,
    struct problem *problem) NODISCARD NONNULL(1, 2, 3);

/* What the server serves of them now, as far as it can be asked: for those who are compared with it. */
void confirm_look(struct expectations *expectations, const struct settings *settings) NONNULL(1, 2);

/* After it: has the server read the zones again, waits for their serials there and at the listed others. The
 * outcome is OUTCOME_UNCONFIRMED when one of them does not come in time. DIRECTORY is that of the release. On
 * the way back the others are not asked: one of them may be the reason, and those that have the newer serial
 * keep it. */
enum outcome confirm_after(struct expectations *expectations, const struct settings *settings,
    const char *directory, bool back, struct problem *problem) NODISCARD NONNULL(1, 2, 3, 5);

#endif
