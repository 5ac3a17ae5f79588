/* NOTIFY to secondaries (RFC 1996): one thread for all zones and blocks, begun with the first message, that
 * sends, waits for the answers and sends again: five times in about a minute. A zone that changes while its
 * NOTIFY is on its way is told of with the new serial; at most NOTIFIER_RATE messages leave in a second, so
 * that a start with a hundred thousand zones floods nobody. */
#ifndef PLUGINS_TRANSFER_NOTIFIER_H
#define PLUGINS_TRANSFER_NOTIFIER_H

#include "plugins/zones.h"
#include "zone/net/peer.h"

#define NOTIFIER_RATE 500

/* Tells TARGET that ZONE has version SERIAL. SOURCE (family AF_UNSPEC: any) is where from; KEY may be NULL;
 * it is held. Any thread. */
void notifier_tell(struct zone *zone, uint32_t serial, const union peer_address *target,
    const union peer_address *source, const struct tsig_key *key) NONNULL(1, 3, 4);

/* Users of the thread; when the last has gone, it ends, and what has not been sent is forgotten. Control
 * thread. */
void notifier_join(void);
void notifier_part(void);

#endif
