/* What each key of a zone is to do at a moment: by its states where the rollover machine manages it, else by
 * its times. CSKs, and lone KSKs or ZSKs of an algorithm, sign everything (RFC 4035 2.2: each algorithm signs
 * the DNSKEY set and all others). Pure; any thread. */
#ifndef ZONE_SEC_ASSIGN_H
#define ZONE_SEC_ASSIGN_H

#include "zone/sec/key.h"
#include "zone/sec/zonesign.h"

/* KEYS has room for ZONESIGN_KEYS_MAX; returns how many there are. */
unsigned keys_assign(const struct key_list *list, int64_t now, struct zonesign_key *keys) NONNULL(1, 3);

#endif
