/* Writing what a subcommand made: over the file it came from, whole or not at all, or to standard output. */
#ifndef ZONETOOL_REWRITE_H
#define ZONETOOL_REWRITE_H

#include <stddef.h>

#include "zonetool/zonetool.h"

/* Replaces the file at PATH (through symbolic links, with the mode it had). */
enum outcome rewrite_file(const char *path, const char *text, size_t len) NODISCARD NONNULL(1, 2);

/* To standard output, past stdio's buffer. */
enum outcome print_octets(const char *text, size_t len) NODISCARD NONNULL(1);

#endif
