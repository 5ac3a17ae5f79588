/* What the parent says about a zone: the DS set as one of the parent zone's servers publishes it, told to the
 * rollover machine. Asks and waits: not for threads that serve others. RFC 7583 3.3: a step that needs the
 * parent waits for what is seen, not for what was sent. */
#ifndef ZONE_NET_PARENT_H
#define ZONE_NET_PARENT_H

#include "zone/net/peer.h"
#include "zone/sec/key.h"
#include "zone/sec/roll.h"
#include "zone/store/snapshot.h"

#define PARENT_WHY_MAX 256

/* Asks PARENT for the DS set of ZONE (lower case) and notes in ROLL, for each key of KEYS that has a DS
 * record in its life, that it is there or is not. An error: nothing is noted, WHY says what was wrong. */
enum err parent_observe(const struct peer *parent, const uint8_t *zone, const struct key_list *keys,
    struct roll *roll, int64_t now_s, char why[PARENT_WHY_MAX]) NODISCARD NONNULL(1, 2, 3, 4, 6);

/* Asks PARENT for the DS set of ZONE, as it is to be published: *TRUSTS is false when the set has records,
 * and none of them names a key that signs the DNSKEY set (RFC 4035 5.2). An error: that is not known, WHY
 * says why.
 */
enum err parent_trusts(const struct peer *parent, const struct snapshot *zone, bool *trusts,
    char why[PARENT_WHY_MAX]) NODISCARD NONNULL(1, 2, 3, 4);

#endif
