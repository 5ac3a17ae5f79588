/* One repository of the daemon, in a process of its own: looks at it when its time has come, when it is
 * woken, and on SIGHUP; what came of it stands in the watch, which is shared memory. So one that hangs, or a
 * fault in what reads foreign objects, holds up no other. Processes and not threads: each fetch forks, and a
 * process of one thread may do that without fear. SIGTERM ends it when the deployment under way is over, the
 * death of its parent at once. */
#ifndef GITSYNC_WORKER_H
#define GITSYNC_WORKER_H

#include <sys/types.h>

#include "gitsync/watch.h"

struct worker {
    struct settings *settings;
    struct watch *watch;
    unsigned index; /* in the watch */
    int wake;       /* eventfd: look now */
    int news;       /* eventfd of the daemon: a look is over */
    pid_t pid;      /* 0: none */
    int64_t born_ms;
};

/* Starts it; false with errno. */
bool worker_start(struct worker *worker) NODISCARD NONNULL(1);

#endif
