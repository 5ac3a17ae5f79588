/* What a catalog zone lists (RFC 9432 4): the zones of a server block as records. A member's label is the
 * hash of its name, in hexadecimal, so that it is the same after every restart and on every server. Control
 * thread. */
#ifndef PLUGINS_CATALOG_MEMBERS_H
#define PLUGINS_CATALOG_MEMBERS_H

#include "plugins/zones.h"

struct members_property {
    struct members_property *next;
    const char *group;  /* or */
    const uint8_t *coo; /* the other catalog */
    const uint8_t *const *zones;
    unsigned zones_count;
};

struct members_rules {
    const uint8_t *catalog;
    struct option_zones zones; /* which zones are listed: those at or below one of these */
    struct members_property *properties;
};

/* Sum of the hashes of the names that are to be listed: another sum is another members. */
uint64_t members_sum(const struct members_rules *rules, const struct block *block) NONNULL(1, 2);

/* All records of the catalog with SERIAL, appended to LIST. */
enum err members_make(const struct members_rules *rules, const struct block *block, uint32_t serial,
    struct change_list *list) NODISCARD NONNULL(1, 2, 4);

/* Do two versions of one serial say the same? */
bool members_same(const struct snapshot *a, const struct snapshot *b) NONNULL(1, 2);

#endif
