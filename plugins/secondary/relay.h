/* UPDATE messages for a zone that is followed go on to its primary (RFC 2136 6). Blocks for as long as the
 * primary takes, a few seconds at most; background threads. */
#ifndef PLUGINS_SECONDARY_RELAY_H
#define PLUGINS_SECONDARY_RELAY_H

#include "plugins/zones.h"

/* See struct zone_kind, pass_on. */
enum err relay_update(struct zone *zone, const uint8_t *message, size_t len, const struct tsig *tsig,
    uint16_t *rcode, char why[ZONE_ERROR_MAX]) NODISCARD NONNULL(1, 2, 5, 6);

#endif
