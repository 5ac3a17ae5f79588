/* Work in a process of its own, with a time limit: what hangs, crashes or eats memory there does not do it
 * here, and what it leaves open ends with it. The caller is a process of one thread, and waits. */
#ifndef GITSYNC_APART_H
#define GITSYNC_APART_H

#include <stddef.h>
#include <stdint.h>

#include "zone/base/attr.h"

enum apart_end {
    APART_DONE,   /* the answer is there */
    APART_LATE,   /* it was ended */
    APART_DIED,   /* of itself */
    APART_FAILED, /* it could not be started: errno */
};

/* When FD can be read, nobody wants the answers any more: what is under way then ends as if it were late. For
 * the process; -1 (as in the beginning): there is none. */
void apart_heed(int fd);

/* Runs WORK, which fills ANSWER (LEN octets, zeroed before) from CONTEXT. */
enum apart_end apart_run(void (*work)(void *context, void *answer), void *context, void *answer, size_t len,
    uint32_t limit_s) NODISCARD NONNULL(1, 3);

#endif
