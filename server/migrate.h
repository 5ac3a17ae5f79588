/* bailiwickd -migrate: a Corefile of an older CoreDNS (2019, say) in today's form. Lines that mean the same
 * stay as they are, comments included; what is changed or cannot be is said in a remark above it. */
#ifndef SERVER_MIGRATE_H
#define SERVER_MIGRATE_H

#include <stdio.h>

#include "zone/base/attr.h"
#include "zone/base/err.h"

/* Prints the file at PATH, migrated. What is wrong with the file itself is told on standard error. */
enum err migrate(const char *path, FILE *out) NODISCARD NONNULL(1, 2);

/* The same for text that ends in a NUL. */
enum err migrate_text(const char *text, FILE *out) NODISCARD NONNULL(1, 2);

#endif
