/* What there is not, in one of two ways.
 *
 * Compact (RFC 9824): one NSEC record made on the spot. Its owner is the name that was asked for, its next
 * name the first one behind it, and its bitmap the types that are there; for a name that does not exist that
 * is NXNAME, and the reply says NOERROR, unless the client shows that it understands (CO).
 *
 * NSEC3 (RFC 5155) without salt and iterations: records that say something about one hash each, the closest
 * encloser, the name below it and the wildcard; the reply says NXDOMAIN. Three signatures where the other way
 * needs one.
 *
 * Worker threads. */
#ifndef PLUGINS_DNSSEC_DENIAL_H
#define PLUGINS_DNSSEC_DENIAL_H

#include "plugins/dnssec/online.h"

/* Adds to the reply of QUERY, a denial about NAME (lower case) in ZONE, the signed NSEC record of it. EXISTS:
 * false for NXDOMAIN. False: out of memory, or signing failed. */
bool denial_add(struct online *online, const struct online_zone *zone, struct query *query,
    const uint8_t *name, bool exists, uint32_t ttl) NODISCARD NONNULL(1, 2, 3, 4);

/* What there is to say about the DS set of the delegation NAME: that of the zone, which an unsigned zone does
 * not add to its referrals, or that there is none (RFC 4035 3.1.4.1). */
bool denial_add_delegation(struct online *online, const struct online_zone *zone, struct query *query,
    const uint8_t *name, uint32_t ttl) NODISCARD NONNULL(1, 2, 3, 4);

#endif
