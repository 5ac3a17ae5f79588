/* When each zone was last confirmed by a primary, so that `expire` survives a restart: a text file
 * "secondary.confirmed" in the state directory, a line "NAME - SECONDS" for each zone, replaced whole from
 * time to time and at the end. What a crash loses makes zones look older than they are, by a minute at most.
 */
#ifndef PLUGINS_SECONDARY_LEDGER_H
#define PLUGINS_SECONDARY_LEDGER_H

#include <stdint.h>

#include "zone/base/attr.h"

/* When the zone was last confirmed, CLOCK_REALTIME; 0 when nobody knows. Any thread. */
int64_t ledger_find(const char *state, const uint8_t *name) NONNULL(1, 2);

/* Writes the files of those directories in which something has changed. Not in the control thread. */
void ledger_save(void);

#endif
