/* The threads that transfer: a few for all zones and primaries, made when there is work and gone when there
 * has been none for a while. Which zone is next is the lines' decision (primary.h). */
#ifndef PLUGINS_SECONDARY_CREW_H
#define PLUGINS_SECONDARY_CREW_H

#include <stdbool.h>

#define CREW_MAX 10

/* There may be work: with the clock's lock. */
void crew_call(void);

/* Gives up what is under way and waits until all threads are gone. Without the lock. */
void crew_end(void);

#endif
