/* Work shared out over threads that live for one call. */
#ifndef ZONE_BASE_PARALLEL_H
#define ZONE_BASE_PARALLEL_H

#include <stddef.h>

/* Cores this process may use (at least 1). */
unsigned parallel_cores(void);

/* Calls TASK(CONTEXT, i) once for every i below COUNT, on up to THREADS threads (0: all cores; the caller's
 * is one of them), lower numbers first. Returns when all are done. When threads cannot be made, fewer do
 * the work. */
void parallel_each(unsigned threads, size_t count, void (*task)(void *context, size_t i), void *context);

#endif
