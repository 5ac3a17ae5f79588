/* When was the zone published last by what the keys' files say? `signer roll` takes a step, `signer sign`
 * publishes it, perhaps hours later, perhaps not at all because the zone file is broken; and what caches can
 * hold follows from the second. So sign notes the time among the keys ("example.org.signed-at"), and corrects
 * the times of the steps that have become visible only now; steps that are younger than the note have been
 * seen by nobody yet. Where there is no note, something else signs, and the files' times are believed. One
 * thread at a time. */
#ifndef ZONE_SEC_ROLLSTAMP_H
#define ZONE_SEC_ROLLSTAMP_H

#include "zone/sec/keyfile.h"
#include "zone/sec/roll.h"

/* The note for the zone of KEY; 0: there is none. */
int64_t roll_stamp_read(const char *directory, const struct key *key) NODISCARD NONNULL(1, 2);

/* Steps of ROLL that nobody has seen, by the note STAMP_S, begin now. How many there are. */
unsigned roll_stamp_hold(struct roll *roll, int64_t stamp_s, int64_t now_s) NONNULL(1);

/* The zone of KEYS is published at NOW_S: the files of keys with new steps, and the note. */
enum err roll_stamp_write(const char *directory, const struct key_list *keys, int64_t now_s,
    struct keyfile_trouble *trouble) NODISCARD NONNULL(1, 2, 4);

/* Something else than sign publishes from now on. */
void roll_stamp_remove(const char *directory, const struct key *key) NONNULL(1, 2);

#endif
