/* The checks that need the zone as a whole: when all names have been visited, names are looked up and the
 * chain of what is above and below is followed. Called by the store (lint.h: hooks), once. Inner header. */
#ifndef ZONE_CHECK_ZONE_PASS_H
#define ZONE_CHECK_ZONE_PASS_H

#include "zone/check/visit.h"
#include "zone/store/segment.h"

struct zone_pass {
    const struct visits *shared;
    struct lint *lint;
    const struct lint_zone *zone;
    const struct build *build;
    const uint8_t *apex;
    struct gathered gathered; /* of the name looked at */
};

void zone_pass(const struct visits *shared, struct lint *lint, const struct lint_zone *zone) NONNULL(1, 2, 3);

/* The entries of NAME, a whole lower-case wire name in the zone: the first and their count, 0 for none. */
size_t zone_pass_find(const struct build *build, const uint8_t *name, size_t *count) NONNULL(1, 2, 3);

/* The node of NAME in the image, or NULL. */
const struct node *zone_pass_node(const struct zone_pass *pass, const uint8_t *name) NONNULL(1, 2);

/* Gathers the records of NAME; false when there are none. */
bool zone_pass_gather(struct zone_pass *pass, const uint8_t *name) NODISCARD NONNULL(1, 2);

#endif
