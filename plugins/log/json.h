/* A log line as one JSON object: the same fields as a format, under the same names. Worker threads. */
#ifndef PLUGINS_LOG_JSON_H
#define PLUGINS_LOG_JSON_H

#include "plugins/plugin.h"

/* The line with its newline into OUT of FORMAT_LINE_MAX octets; returns its length. */
size_t json_write(const struct query *query, char *out) NONNULL(1, 2);

#endif
