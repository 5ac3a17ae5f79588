/* A primary, as all zones that follow it see it together: how much is under way with it, who waits, and
 * whether it answers at all. One that is dead holds a probe or two, however many thousand zones wait for it;
 * one that stalls holds a few threads of the crew. With the clock's lock. */
#ifndef PLUGINS_SECONDARY_PRIMARY_H
#define PLUGINS_SECONDARY_PRIMARY_H

#include "plugins/secondary/follower.h"

#define PRIMARY_ASKING_MAX 16 /* SOA queries under way */
#define PRIMARY_ASKING_DOWN 2 /* while it does not answer */
#define PRIMARY_FETCHING_MAX 3
#define PRIMARY_DOWN 4 /* failures in a row that make it "down" */

struct line {
    struct follower *first, **end;
};

struct primary {
    struct primary *next;
    union peer_address address;
    uint8_t transport;
    struct line ask, fetch;
    unsigned asking, fetching;
    unsigned failures;
};

/* The primary of PEER, made when it is not there. NULL: out of memory. */
struct primary *primary_get(const struct peer *peer) NONNULL(1);

void line_add(struct line *line, struct follower *follower) NONNULL(1, 2);
struct follower *line_take(struct line *line) NONNULL(1);
void line_remove(struct line *line, struct follower *follower) NONNULL(1, 2);

static inline bool primary_is_down(const struct primary *primary)
{
    return primary->failures >= PRIMARY_DOWN;
}

/* The next follower that may ask, or fetch; each primary has its turn. NULL: nobody may. */
struct follower *primaries_next_ask(void);
struct follower *primaries_next_fetch(void);
bool primaries_any_fetch(void); /* does anybody wait who may? */

/* Forgets those that nobody waits for and nothing is under way with. */
void primaries_sweep(void);

#endif
