/* Lines of text from the workers to standard output, without a worker ever waiting: each has a ring of its
 * own, which one writer thread empties. When standard output cannot keep up (a full pipe), lines are
 * dropped, and their number is logged. */
#ifndef SERVER_LINES_H
#define SERVER_LINES_H

#include <stddef.h>

#include "zone/base/attr.h"
#include "zone/base/err.h"

/* Control thread. */
enum err lines_open(unsigned workers) NODISCARD;
/* Writes what is left and ends the thread. */
void lines_close(void);

/* Worker threads. */
void lines_add(unsigned worker, const char *line, size_t len) NONNULL(2);

#endif
