/* What zones keep of their past: journals, and images of those that are nowhere else. Inner header of zones.c
 * and zones_store.c. The writer of a zone calls these. */
#ifndef SERVER_ZONES_STORE_H
#define SERVER_ZONES_STORE_H

#include "plugins/zones.h"
#include "zone/store/journal.h"

/* Before NEW (OLD before it, or NULL) is served: its step goes into the journal. */
enum err zones_record(struct zone *zone, struct snapshot *old, struct snapshot *new,
    const struct change *change, unsigned flags) NODISCARD NONNULL(1, 3);

/* After it is served: begins to fold a grown overlay in the background, where that is due. */
void zones_tend(struct zone *zone) NONNULL(1);

/* Puts SNAPSHOT (taken over) in the present one's place: nothing else. */
void zones_swap(struct zone *zone, struct snapshot *snapshot) NONNULL(1);

#endif
