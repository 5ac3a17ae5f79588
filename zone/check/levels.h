/* The level of each rule: what the chosen set gives it, then what the command line and .zonecheck say. A
 * plain value; copy it to change it for one path. */
#ifndef ZONE_CHECK_LEVELS_H
#define ZONE_CHECK_LEVELS_H

#include <stdint.h>

#include "zone/base/err.h"
#include "zone/check/rule.h"

#define LEVEL_OFF UINT8_MAX

struct levels {
    uint8_t of[RULES_MAX]; /* enum severity, or LEVEL_OFF; by rule_number */
};

void levels_init(struct levels *levels, enum rule_set set) NONNULL(1);

/* "mandatory", "default", "strict". */
bool levels_parse_set(const char *word, enum rule_set *set) NODISCARD NONNULL(1, 2);

/* "RULE=error", "RULE=warning", "RULE=info", "RULE=off", or "RULE LEVEL"; RULE may be "all" or an alias. On
 * failure *WHY gets a phrase. */
enum err levels_set(struct levels *levels, const char *text, const char **why) NODISCARD NONNULL(1, 2, 3);

/* The same, but for rules of the mandatory set only upwards: what comes with an untrusted zone. */
enum err levels_set_guarded(struct levels *levels, const char *text, const char **why) NODISCARD
    NONNULL(1, 2, 3);

#endif
