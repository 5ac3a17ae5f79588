/* Places where a test lets the program die: GITSYNC_CRASH=NAME kills it there, as a power cut would. They
 * stand between the steps of a deployment, so that a test can prove each of them harmless. */
#ifndef GITSYNC_CRASH_H
#define GITSYNC_CRASH_H

#include <signal.h>
#include <stdlib.h>
#include <string.h>

static inline void crash_point(const char *name)
{
    const char *wanted = getenv("GITSYNC_CRASH");
    if (wanted != NULL && strcmp(wanted, name) == 0)
        raise(SIGKILL);
}

#endif
