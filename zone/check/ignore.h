/* Comments that silence findings:
 *
 *     www A 192.0.2.1   ; zonecheck:ignore ttl-long        this entry
 *     ; zonecheck:ignore ttl-long, glue-unused             the next entry
 *     ; zonecheck:ignore-file ttl-long                     the whole file
 *
 * An entry is all of its lines, over parentheses. "all" stands for every rule. Found in one pass over the
 * text, and only in texts that have the word at all. One thread at a time. */
#ifndef ZONE_CHECK_IGNORE_H
#define ZONE_CHECK_IGNORE_H

#include <stdint.h>

#include "zone/base/err.h"
#include "zone/check/rule.h"

struct ignore {
    uint32_t from, to; /* lines from 1 */
    uint16_t rule;     /* rule_number, or IGNORE_ALL */
};

#define IGNORE_ALL UINT16_MAX
#define IGNORES_MAX 100000u

/* A name in such a comment that no rule has. */
struct ignore_unknown {
    uint32_t line, column, len;
};

struct ignores {
    struct ignore *items;
    size_t count, capacity;
    struct ignore_unknown *unknown;
    size_t unknown_count, unknown_capacity;
};

/* LEN octets of a zone file. What is found before memory runs out stays. */
enum err ignores_scan(struct ignores *ignores, const char *text, size_t len) NODISCARD NONNULL(1);
void ignores_clear(struct ignores *ignores) NONNULL(1);

bool ignores_has(const struct ignores *ignores, uint32_t line, size_t rule) NONNULL(1);

#endif
