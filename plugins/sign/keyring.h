/* The keys of one zone being signed: read from their files, assigned by their times, or moved on by the
 * rollover machine when there is a policy. What the machine decides is noted in the files only after the zone
 * that follows from it is published (keyring_commit): a state on disk never tells of what nobody could see.
 * One thread at a time: that of the zone's round. */
#ifndef PLUGINS_SIGN_KEYRING_H
#define PLUGINS_SIGN_KEYRING_H

#include <time.h>

#include "plugins/sign/terms.h"
#include "zone/sec/bundle.h"
#include "zone/sec/key.h"
#include "zone/sec/roll.h"

#define KEYRING_WHY_MAX 400

struct keyring {
    struct key_list list;
    struct timespec read_at; /* the directory's time of change when they were read; 0: not read */
    bool offline; /* a safe signs the DNSKEY set (signer take): BUNDLES has it, no policy moves keys */
    struct bundles bundles;
    struct roll roll; /* after the last step */
    bool moved;       /* by it: files are to be written */
    int64_t signed_s; /* the round's: when what is served was signed; 0: nothing is */
    int64_t parent_s; /* when the parent is to be asked */
    uint64_t purged[ROLL_KEYS_MAX];
    unsigned purged_count;
};

/* Assigns the keys of ZONE at NOW_S into OUT (room for ZONESIGN_KEYS_MAX) and says in *NEXT_S when that
 * changes by time alone. An error: WHY tells. */
enum err keyring_assign(struct keyring *keyring, struct terms *terms, const uint8_t *zone, int64_t now_s,
    struct zonesign_key *out, unsigned *count, int64_t *next_s, char why[KEYRING_WHY_MAX]) NODISCARD
    NONNULL(1, 2, 3, 5, 6, 7, 8);

/* With a safe: the sets that it has signed for NOW_S, into SETS (BUNDLE_SETS of room), owned by the keyring;
 * returns how many, and in *FROM_S since when (0: there is no safe). */
unsigned keyring_ready(const struct keyring *keyring, int64_t now_s, const struct rrset **sets,
    int64_t *from_s) NONNULL(1, 3, 4);

/* The zone is published: writes states, removes what is to be purged. */
enum err keyring_commit(struct keyring *keyring, char why[KEYRING_WHY_MAX]) NODISCARD NONNULL(1, 2);

/* It is not: what the machine decided is forgotten. */
void keyring_clear(struct keyring *keyring) NONNULL(1);

/* When the directory of keys has changed last; zeros: there is none. */
struct timespec keyring_stamp(const struct terms *terms) NONNULL(1);

#endif
