/* A zone as an UPDATE makes it, while it is made: the names that the message speaks of, each with the records
 * that it has, and what has come and gone so far. What differs in the end is the change set.
 *
 *     draft_begin -> draft_require -> draft_apply -> draft_finish
 *
 * One thread; all memory is the arena's. The snapshot stays the caller's. */
#ifndef PLUGINS_UPDATE_DRAFT_H
#define PLUGINS_UPDATE_DRAFT_H

#include "plugins/update/section.h"
#include "zone/store/change.h"
#include "zone/store/snapshot.h"

#define DRAFT_BUCKETS 64

struct draft_name;

struct draft {
    const struct snapshot *snapshot;
    const uint8_t *apex; /* lower case */
    struct arena *memory;
    struct draft_name *buckets[DRAFT_BUCKETS];
    struct draft_name *first, **end;
};

void draft_begin(struct draft *draft, const struct snapshot *snapshot, const uint8_t *apex,
    struct arena *memory) NONNULL(1, 2, 3, 4);

/* RFC 2136 3.2: NOERROR when all prerequisites are met. */
enum rcode draft_require(struct draft *draft, const struct update_section *prerequisites) NODISCARD
    NONNULL(1, 2);

/* RFC 2136 3.4.2: all updates, in order. */
enum rcode draft_apply(struct draft *draft, const struct update_section *updates) NODISCARD NONNULL(1, 2);

/* What it comes to; nothing (both lists empty) when the zone stays as it was. A serial that the message did
 * not raise is raised here (3.6). */
enum err draft_finish(struct draft *draft, struct change *out) NODISCARD NONNULL(1, 2);

#endif
