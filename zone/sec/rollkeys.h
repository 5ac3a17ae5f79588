/* The rollover machine and the keys on disk: what stands in the files of keys (BIND's .state: states, their
 * times, the goal) as struct roll, and back. A key without states has not met the machine yet: where it
 * stands follows from its times, and a key that has signed for more than a day is taken to have its DS at the
 * parent, because the mistake in that direction harms nobody. One thread at a time. */
#ifndef ZONE_SEC_ROLLKEYS_H
#define ZONE_SEC_ROLLKEYS_H

#include "zone/sec/key.h"
#include "zone/sec/roll.h"
#include "zone/sec/zonesign.h"

uint64_t roll_key_id(const struct key *key) NONNULL(1);
struct key *roll_key_of(const struct key_list *list, uint64_t id) NODISCARD NONNULL(1);

/* Has the machine been asked about KEY before? */
bool roll_manages(const struct key *key) NONNULL(1);

/* Reads LIST. ERR_LIMIT: more keys than fit. Revoked keys are left alone. */
enum err roll_keys_read(const struct key_list *list, int64_t now_s, struct roll *roll) NODISCARD
    NONNULL(1, 3);

/* Keys that the machine has not met, and that are in use since before SIGNED_S, when the zone was signed last
 * (0: never): every cache is taken to have them, and the parent their DS, however young they are. Who has
 * signed may have given the DS to the parent a minute later; a machine that thought the zone insecure would
 * withdraw at once. */
void roll_keys_settle(struct roll *roll, const struct key_list *list, int64_t signed_s) NONNULL(1, 2);

/* Notes in KEY what the machine says: states, and the times that follow from them for programs that look at
 * times only. */
enum err roll_key_write(const struct roll_key *from, struct key *key) NODISCARD NONNULL(1, 2);

/* A new key of ZONE for WANT whose tag is that of none of OTHERS, revoked or not. Not on disk yet. */
enum err roll_key_make(const uint8_t *zone, const struct policy_key *want, const struct key_list *others,
    int64_t now_s, struct key **out) NODISCARD NONNULL(1, 2, 3, 5);

/* What a key that the machine manages is to do now. */
void roll_key_assign(const struct key *key, struct zonesign_key *out) NONNULL(1, 2);

#endif
