/* The consumer of catalog zones (RFC 9432): the members of each catalog that a `secondary` follows are
 * followed, too, from the primaries that its `catalog` block gives for their group. They come, change and go
 * with the versions of the catalog, without a reload.
 *
 *     catalog.new version --heard--> catalog_read --> compared with the members --> a new roster
 *
 * A broken catalog, or one that has expired, changes nothing. The control thread alone; that a catalog of a
 * hundred thousand zones takes it a tenth of a second holds up no query. */
#ifndef PLUGINS_SECONDARY_CONSUMER_H
#define PLUGINS_SECONDARY_CONSUMER_H

#include "plugins/secondary/roster.h"
#include "plugins/secondary/settings.h"

struct catalog_group {
    struct catalog_group *next;
    const char *name;
    struct plan *plan;
};

/* One catalog zone. */
struct catalog_line {
    struct catalog_line *next;
    struct follower *catalog;
    struct settings
        settings; /* what its members have in common, the plan of those without a group included */
    struct option_zones scope;
    struct catalog_group *groups;
    bool clashes; /* it lists zones that others have: it is looked at again when those change */
};

struct consumer {
    const void *mark;
    const struct block *block;
    struct entries fixed;   /* of the lines of the Corefile */
    struct entries members; /* of all catalogs */
    struct catalog_line *lines, **end;
    struct zone_listener listener;
    bool listens;
    _Atomic(struct roster *) roster;
};

void consumer_init(struct consumer *consumer, const void *mark, const struct block *block) NONNULL(1, 2, 3);

/* The line's `catalog` block; FOLLOWER is of the catalog itself. */
enum err consumer_read(struct setup *setup, struct consumer *consumer, struct follower *follower,
    const struct settings *settings) NODISCARD NONNULL(1, 2, 3, 4);

/* Follows the members that the catalogs have now, and listens. The fixed zones are followed already. */
enum err consumer_start(struct consumer *consumer) NODISCARD NONNULL(1);
void consumer_stop(struct consumer *consumer) NONNULL(1);

#endif
