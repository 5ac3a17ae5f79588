/* Is the wall clock to be believed? What is signed by a clock that is wrong validates for nobody: its
 * signatures begin in the future, or have ended already. So nothing is signed
 *
 *   - before the newest signature of what is served begins, or, with nothing served yet, before this program
 *     was written: a machine without a clock of its own starts in 1970;
 *   - while the wall clock has gone another way than the time that has passed since the last round
 *     (CLOCK_BOOTTIME), by more than a quarter of an hour: until it goes right again, or has stayed so for an
 *     hour, or the server is started anew.
 *
 * One state for the process, kept by whoever calls; pure functions. */
#ifndef PLUGINS_SIGN_CLOCK_H
#define PLUGINS_SIGN_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "zone/base/attr.h"

#define CLOCK_WHY_MAX 200

/* Zeros: no round has been. */
struct sign_clock {
    int64_t wall_s, uptime_s; /* when it was believed last */
    int64_t doubted_s;        /* uptime at which it began to go another way; 0: it does not */
};

/* At WALL_S, with the system up for UPTIME_S, and NEWEST_S the inception of the newest signature that is
 * served (0: none). False: WHY tells. */
bool sign_clock_good(struct sign_clock *clock, int64_t wall_s, int64_t uptime_s, int64_t newest_s,
    char why[CLOCK_WHY_MAX]) NODISCARD NONNULL(1, 5);

#endif
