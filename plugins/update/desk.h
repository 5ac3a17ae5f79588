/* The desk where updates are worked: queries that wait, handed over by workers without a lock, taken by one
 * background thread at a time, zone by zone. Those of one zone that wait together become one new version: a
 * step of the journal, one wait for the disk. There is one desk, whatever the configurations come and go.
 *
 *     worker: desk_put --> | errand | errand | ... --> host_work: draft, apply, zone_publish --> query_resume
 */
#ifndef PLUGINS_UPDATE_DESK_H
#define PLUGINS_UPDATE_DESK_H

#include <stdatomic.h>
#include <stdbool.h>

#include "plugins/update/policy.h"
#include "plugins/zones.h"

/* One query; in its scratch memory. */
struct errand {
    struct errand *next;
    struct query *query; /* suspended */
    struct zone *zone;   /* held */
    const struct policy *policy;
    struct policy_client client;
    const char *state;
    bool changes; /* it has changed something, which has yet to be published */
};

/* Workers; the query is suspended by who calls. */
void desk_put(struct errand *errand) NONNULL(1);

/* Has what UPDATE makes of ZONE kept in STATE from now on; with RECOVER, goes on from what is there. The
 * writer's. */
void desk_prepare(struct zone *zone, const char *state, bool recover) NONNULL(1);

#endif
