/* The form of a log line: text with placeholders, taken apart once, filled in for each query. Worker
 * threads write, the control thread parses. */
#ifndef PLUGINS_LOG_FORMAT_H
#define PLUGINS_LOG_FORMAT_H

#include "plugins/plugin.h"

#define FORMAT_LINE_MAX 2048

struct format_part;

struct format {
    const struct format_part *parts;
    unsigned count;
};

/* Placeholders as in CoreDNS; an unknown one is an error. */
enum err format_parse(struct format *format, const char *text, struct setup *setup) NODISCARD
    NONNULL(1, 2, 3);

/* The line with "[INFO] " in front and its newline into OUT of FORMAT_LINE_MAX octets; returns its length. */
size_t format_write(const struct format *format, const struct query *query, char *out) NONNULL(1, 2, 3);

#endif
