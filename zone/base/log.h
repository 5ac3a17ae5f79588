/* Log lines for operators: "[INFO] text" on standard error, one write(2) for each line, so that lines
 * of several threads never mix. No memory is allocated; a line longer than LOG_LINE_MAX is cut and ends in
 * "...". Control characters are written as \xNN, so that a name from the network cannot forge a line.
 * Any thread; not for the path of a query, where the log plugin has its own buffers. */
#ifndef ZONE_BASE_LOG_H
#define ZONE_BASE_LOG_H

#include <stdbool.h>

#include "zone/base/attr.h"

#define LOG_LINE_MAX 4096

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR, LOG_FATAL };

/* Lines below LEVEL are dropped; LOG_INFO at the start. */
void log_set_level(enum log_level level);
bool log_wants(enum log_level level);

/* Where lines go: 2 at the start. Tests put a pipe here. */
void log_set_fd(int fd);

/* Puts "<3>" and the like before each line, by which journald tells its priority (sd-daemon(3)). Off at the
 * start. */
void log_mark_priorities(bool on);

void log_write(enum log_level level, const char *format, ...) PRINTF(2, 3) NONNULL(2);

#define log_debug(...) (log_wants(LOG_DEBUG) ? log_write(LOG_DEBUG, __VA_ARGS__) : (void)0)
#define log_info(...) log_write(LOG_INFO, __VA_ARGS__)
#define log_warning(...) log_write(LOG_WARNING, __VA_ARGS__)
#define log_error(...) log_write(LOG_ERROR, __VA_ARGS__)
#define log_fatal(...) log_write(LOG_FATAL, __VA_ARGS__)

#endif
