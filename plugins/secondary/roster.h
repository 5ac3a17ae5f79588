/* The zones that one `secondary` of a server block serves at a moment: those of its lines, and the members of
 * its catalogs, which come and go (consumer.h). A roster is frozen; a new one takes its place by one pointer,
 * and the old one goes when no query can see it any more.
 *
 * Made in the control thread (the first in a job); workers read. */
#ifndef PLUGINS_SECONDARY_ROSTER_H
#define PLUGINS_SECONDARY_ROSTER_H

#include <stdatomic.h>

#include "plugins/secondary/follower.h"
#include "plugins/serving.h"

struct catalog_line;

/* A zone as one block serves it. */
struct entry {
    struct serving_zone served; /* first: what is found in the table is an entry */
    struct follower *follower;
    struct plan *plan;
    const struct token *at; /* NULL for a member */

    /* Of a member, control thread. */
    struct catalog_line *line;
    const uint8_t *coo; /* malloced, or NULL */
    bool listed;        /* while a catalog is compared, */
    bool replaced;      /* and there is another entry for the zone now */
    uint8_t label[64];  /* its length first */
};

struct entries {
    struct entry **at;
    unsigned count, room;
};

struct roster {
    struct serving serving;
    struct entry **entries;
    unsigned count;
    struct entry **gone; /* entries that the next roster has not: they go with this one */
    unsigned gone_count;
};

/* malloced. */
enum err entries_add(struct entries *entries, struct entry *entry) NODISCARD NONNULL(1, 2);

/* Of FIXED entries and then MEMBERS, with MARK as what lookups are known by. TWICE hears of a fixed one whose
 * name is there already. NULL: out of memory. */
struct roster *roster_new(const void *mark, const struct entries *fixed, const struct entries *members,
    void (*twice)(void *context, const struct entry *entry), void *context) NODISCARD NONNULL(1, 2, 3);
void roster_free(struct roster *roster);

static inline struct entry *roster_find(const struct roster *roster, const uint8_t *name)
{
    return (struct entry *)(void *)serving_find(&roster->serving, name);
}

#endif
