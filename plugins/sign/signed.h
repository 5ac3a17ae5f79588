/* A zone kept signed: the handle that is served, and the zone it is made of (the input): the handle of
 * another plugin of the block, or a text. One for each input in the process, kept over a reload of the
 * Corefile.
 *
 *     input handle (file, auto, secondary) --new version--> round --zone_publish--> signed handle -->
 * transfer ^                | clock: next_s--+                +--> journal, image: signatures outlive a
 * restart
 *
 * A round (round.c) is what is done at one time, on a background thread; never two at once for one zone. The
 * register and the wishes for rounds are for the control thread. */
#ifndef PLUGINS_SIGN_SIGNED_H
#define PLUGINS_SIGN_SIGNED_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "plugins/sign/keyring.h"
#include "plugins/sign/terms.h"
#include "plugins/zones.h"

struct waiter {
    struct waiter *next;
    void (*done)(void *context);
    void *context;
};

struct signed_zone {
    struct zone *zone;        /* what is served */
    struct zone *input;       /* held; NULL: the text of terms->path */
    struct signed_zone *next; /* in the register */
    unsigned users;           /* configurations */
    /* The control thread's. */
    struct terms *terms;
    struct waiter *waiters; /* for the end of the next round */
    bool busy, again, force, stopped;
    /* The round's. */
    struct terms *by; /* the terms of the last version */
    struct keyring keyring;
    struct snapshot *before; /* the input of what is served; NULL: not known (a restart) */
    uint64_t assigned;       /* hash of what the keys did then */
    int64_t earliest;        /* its first signature expires; 0: not known */
    struct timespec stamp;   /* of a text */
    unsigned failures;       /* rounds in a row */
    /* Either's. */
    _Atomic(struct snapshot *) tried; /* held: the last input that was looked at */
    _Atomic int64_t next_s;           /* when the clock wants a round; INT64_MAX: never */
    _Atomic int64_t retry_s;       /* after a failure: by the system's uptime, whatever the clock does; 0 */
    _Atomic uint64_t made, rounds; /* signatures; rounds that published */
    _Atomic bool failed;
};

/* One more user of the zone for INPUT (or the text of TERMS->path with NAME), made and recovered from the
 * state directory when it is new. NULL: out of memory. */
struct signed_zone *signed_get(struct zone *input, const uint8_t *name, struct terms *terms) NODISCARD
    NONNULL(2, 3);
void signed_put(struct signed_zone *signed_zone) NONNULL(1);

/* Wishes a round, by the terms given last. FORCE: also where nothing seems to have changed. */
void signed_wish(struct signed_zone *signed_zone, bool force) NONNULL(1);
void signed_set_terms(struct signed_zone *signed_zone, struct terms *terms) NONNULL(1, 2);

/* Whether the clock or a new input wants a round at NOW_S, UPTIME_S after the system's start. */
bool signed_is_due(const struct signed_zone *signed_zone, int64_t now_s, int64_t uptime_s) NONNULL(1);
int64_t signed_uptime_s(void);

/* The round: background thread, one at a time. */
void round_run(struct signed_zone *signed_zone, struct terms *terms, bool force) NONNULL(1, 2);

#endif
