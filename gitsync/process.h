/* Other programs: started with a time limit, what they print kept, they and their children ended when the
 * time is over. One call, one process; the caller waits. */
#ifndef GITSYNC_PROCESS_H
#define GITSYNC_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "zone/base/attr.h"
#include "zone/base/err.h"

struct process {
    const char *const *argv; /* NULL behind the last */
    const char *directory;   /* to run in, or NULL */
    uint32_t timeout_s;
    char *out; /* what it prints, both streams, with a NUL; cut when the room is full */
    uint32_t room;
    int status; /* of exit; 127: not found; -1: ended by a signal or by us */
    bool late;  /* by us, for the time */
};

/* ERR_IO (errno) when it cannot be started. */
enum err process_run(struct process *process) NODISCARD NONNULL(1);

#endif
