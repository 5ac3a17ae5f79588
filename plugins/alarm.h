/* Alarms on a worker: calls at a later time, in the worker's own thread, as cheap to set and to clear as a
 * list is to link: thousands may run at once, one for each question that waits for an answer. They are exact
 * to ALARM_TICK_MS. An alarm is part of what it wakes (its owner's memory, which stays until the alarm has
 * rung or is cleared) and is zeroed before its first use.
 *
 * Only in the thread of the worker, where a query is at hand (serve, finish, alarms, inquiries). */
#ifndef PLUGINS_ALARM_H
#define PLUGINS_ALARM_H

#include <stdbool.h>
#include <stdint.h>

#include "zone/base/attr.h"

#define ALARM_TICK_MS 8

struct alarm {
    struct alarm *next, **link; /* `link` is NULL when it is not set */
    uint64_t tick;
    /* ENDING: the worker ends, nothing new is to be begun. */
    void (*ring)(struct alarm *alarm, bool ending);
};

/* Rings in IN_MS at the earliest; an alarm that is set already is set anew. */
void alarm_set(struct alarm *alarm, unsigned worker, uint32_t in_ms) NONNULL(1);

/* Does nothing when it is not set. */
void alarm_clear(struct alarm *alarm) NONNULL(1);

/* Milliseconds of the worker's clock: monotonic, of the current event. */
uint64_t worker_now_ms(unsigned worker);

#endif
