/* The clock of all followed zones: one thread that keeps their times in a heap, asks primaries for their SOA
 * (many at once, no thread each), hands transfers to the crew, and gives zones up that have expired. It runs
 * while there is a zone to follow.
 *
 * clock_lock guards the schedule of all followers, the primaries and their lines; held for moments only. */
#ifndef PLUGINS_SECONDARY_CLOCK_H
#define PLUGINS_SECONDARY_CLOCK_H

#include <pthread.h>

#include "plugins/secondary/follower.h"
#include "zone/base/err.h"

extern pthread_mutex_t clock_lock;

/* One user more: the first starts the threads, the last ends them. Control thread. */
enum err clock_start(void) NODISCARD;
void clock_stop(void);
bool clock_ends(void); /* the next clock_stop is the last */

/* Wakes the clock: something in the schedule has changed. Any thread. */
void clock_kick(void);

/* A NOTIFY for FOLLOWER came from primary INDEX (-1: from somebody else). Workers. */
void clock_wish(struct follower *follower, int index) NONNULL(1);

/* ---- with the lock ---- */

/* Puts it into the heap, or moves it there. */
enum err clock_schedule(struct follower *follower, int64_t due_ms) NODISCARD NONNULL(1);
void clock_unschedule(struct follower *follower) NONNULL(1);

/* What came of asking or fetching at the present primary. */
void clock_confirmed(struct follower *follower) NONNULL(1);
void clock_failed(struct follower *follower) NONNULL(1);
/* The primary has a newer version: it is to be fetched there. */
void clock_newer(struct follower *follower) NONNULL(1);

#endif
