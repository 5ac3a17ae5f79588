/* A catalog zone (RFC 9432) read: the zones that it lists, each under a label of its own, with the properties
 * that we know.
 *
 *     version.CATALOG                   TXT "2"
 *     LABEL.zones.CATALOG               PTR member.example.
 *     group.LABEL.zones.CATALOG         TXT "NAME"
 *     coo.LABEL.zones.CATALOG           PTR other-catalog.example.
 *
 * A catalog in which anything of this is not as it must be is broken as a whole (4.1, 4.3, 5.1) and is not to
 * be used. What else stands in it is passed over. Pure; any thread. */
#ifndef PLUGINS_SECONDARY_CATALOG_H
#define PLUGINS_SECONDARY_CATALOG_H

#include <stdint.h>

#include "zone/base/arena.h"
#include "zone/base/err.h"
#include "zone/store/snapshot.h"

struct catalog_member {
    const uint8_t *zone;  /* lower case */
    const uint8_t *label; /* its length first */
    const uint8_t *coo;   /* the catalog that may take it over, lower case; or NULL */
    const char *group;    /* or NULL */
};

struct catalog {
    struct catalog_member *members; /* in the order of their labels */
    unsigned count;
    struct arena memory;
};

#define CATALOG_WHY_MAX 400

/* ERR_INVALID, and WHY, when it is broken. */
enum err catalog_read(const struct snapshot *snapshot, struct catalog *out,
    char why[CATALOG_WHY_MAX]) NODISCARD NONNULL(1, 2, 3);
void catalog_clear(struct catalog *catalog) NONNULL(1);

#endif
