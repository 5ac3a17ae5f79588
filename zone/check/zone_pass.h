/* The checks that need the zone as a whole: when all names have been visited, names are looked up and the
 * chain of what is above and below is followed. Called by the store (lint.h: hooks), once. Inner header. */
#ifndef ZONE_CHECK_ZONE_PASS_H
#define ZONE_CHECK_ZONE_PASS_H

#include "zone/check/visit.h"
#include "zone/store/segment.h"

struct zone_pass {
    struct visits *shared;
    struct lint *lint;
    const struct lint_zone *zone;
    const struct build *build;
    const uint8_t *apex;
    struct gathered gathered; /* of the name looked at */
};

void zone_pass(struct visits *shared, struct lint *lint, const struct lint_zone *zone) NONNULL(1, 2, 3);

/* What is known of a name that the zone itself should have. */
enum standing { STANDS_OUTSIDE, STANDS_COVERED, STANDS_MISSING, STANDS_ALIAS, STANDS_BARE, STANDS_HOST };

enum standing zone_pass_standing(const struct zone_pass *pass, const uint8_t *name) NONNULL(1, 2);

/* The walk over all nodes of the image: unused glue, long chains of aliases. */
void zone_walk(struct zone_pass *pass) NONNULL(1);

/* The walk over all records with targets, which few zones need: aliases by DNAME, glue of siblings. */
void zone_walk_targets(struct zone_pass *pass) NONNULL(1);

/* Signatures, denial and digests of a signed zone; its image is whole. */
void zone_signed(struct zone_pass *pass, bool keys) NONNULL(1);

/* Names beside a wildcard that lack its types. */
void zone_walk_wildcards(struct zone_pass *pass) NONNULL(1);

/* AT is a struct gathered_record, or another with a run and a record. */
#define TELL_RECORD(pass, name, at, part, ...)                                                               \
    TELL_AT((pass)->shared, (pass)->lint, name, (at)->run, (at)->record, part, __VA_ARGS__)

/* The entries of NAME, a whole lower-case wire name in the zone: the first and their count, 0 for none. */
size_t zone_pass_find(const struct build *build, const uint8_t *name, size_t *count) NONNULL(1, 2, 3);

/* The node of NAME in the image, or NULL. */
const struct node *zone_pass_node(const struct zone_pass *pass, const uint8_t *name) NONNULL(1, 2);

/* Gathers the records of NAME; false when there are none. */
bool zone_pass_gather(struct zone_pass *pass, const uint8_t *name) NODISCARD NONNULL(1, 2);

#endif
