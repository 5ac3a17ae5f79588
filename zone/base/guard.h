/* Files that are cut short while they are mapped. Reading a page behind the new end raises SIGBUS, which
 * would end the process: an editor that writes a zone file in place could kill the server. A guarded range
 * gets zeros there instead and is marked as torn, so that its reader can refuse what it read.
 *
 * A guard installs a handler of SIGBUS for the process if it is not there; signals that have nothing to do
 * with a guarded range go to the handler that was there before. Any thread. */
#ifndef ZONE_BASE_GUARD_H
#define ZONE_BASE_GUARD_H

#include <stdbool.h>
#include <stddef.h>

#include "zone/base/attr.h"

/* Guards LEN octets from BASE (a page's start); a number for the other two, or -1 when too many ranges are
 * guarded (GUARDS_MAX): then copy the file. */
int guard_add(const void *base, size_t len) NODISCARD NONNULL(1);

/* Whether zeros stand in where the file had ended. */
bool guard_torn(int guard);

/* Before the range is unmapped. */
void guard_remove(int guard);

#define GUARDS_MAX 256

#endif
