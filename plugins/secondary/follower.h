/* A zone that follows its primaries. There is one for each zone and state directory in the process, shared by
 * the server blocks that serve it and kept over a reload of the Corefile, so that nothing is transferred
 * again.
 *
 *     get -> recover (setup's job threads) -> start(plan) -> rounds, until put
 *
 * A round asks the primaries one after the other, until one has confirmed our version or brought a newer one:
 *
 *     IDLE --due, or NOTIFY--> ASKING (SOA by UDP) --newer--> FETCHING (IXFR, AXFR) --> IDLE
 *       |                         |next primary <-------failed----'
 *       '-- refresh, retry, expire: the SOA's own times (RFC 1035 3.3.13), with jitter
 *
 * get, put, start: control thread. Fields under "schedule" belong to whoever has the clock's lock (clock.h);
 * `wish` and what is told with it to workers, too. */
#ifndef PLUGINS_SECONDARY_FOLLOWER_H
#define PLUGINS_SECONDARY_FOLLOWER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "plugins/secondary/plan.h"
#include "plugins/zones.h"

enum stage {
    STAGE_IDLE,       /* waits for its time */
    STAGE_ASK_LINE,   /* waits for its turn to ask */
    STAGE_ASKING,     /* the SOA query is out */
    STAGE_FETCH_LINE, /* waits for its turn to transfer */
    STAGE_FETCHING    /* a thread of the crew is at it */
};

#define LEFT_UNKNOWN UINT32_MAX

struct primary;

/* Somebody waits for the end of the round (bailiwickctl). */
struct waiter {
    struct waiter *next;
    void (*done)(void *context);
    void *context;
};

struct follower {
    struct zone *zone;
    struct follower *next; /* in its bucket of the register */
    unsigned users;        /* configurations; control thread */
    bool recovered;
    bool forgotten; /* follower_reset is at it, and nobody has asked for the zone since; control thread */
    const void *written_in; /* the configuration that last named it, only to be compared, */
    struct plan *written;   /* and how; held */

    /* schedule */
    struct plan *plan; /* NULL until it is started */
    enum stage stage;
    uint32_t heap_at; /* place in the clock's heap + 1, 0: not in it */
    int64_t due_ms;   /* net_now_ms */
    struct follower *line_next;
    struct primary *at;    /* that it asks, or waits for */
    unsigned index, tried; /* of the plan's primaries: the present one, and how many have been tried */
    unsigned preferred;    /* the one that answered last */
    unsigned failures;     /* rounds that failed since the last success */
    bool fetch_only;       /* the round needs no SOA query: a primary has told */
    bool force;            /* transfer whatever the serials say */
    bool again;            /* a wish came while it was busy */
    bool gone;             /* nobody uses it any more */
    bool dirty;            /* `confirmed_s` has yet to be written down */
    int64_t confirmed_s;   /* CLOCK_REALTIME when a primary last said that this is its version; 0: never */
    uint32_t left_s;      /* the primary is a secondary itself, and has so long (RFC 7314); or LEFT_UNKNOWN */
    int64_t fruitless_ms; /* when a NOTIFY last led to nothing */
    uint32_t refresh_s, retry_s, expire_s; /* of the SOA; 0: there is no version yet */
    struct waiter *waiters;
    struct snapshot *kept; /* the expired version: IXFR can go on from it */

    /* wishes, by workers */
    atomic_bool wish;
    atomic_int wish_from; /* index of the primary that notified, -1: somebody else */
    struct follower *wish_next;
};

/* The zone of that name in that state directory (NULL: none), made when it is not there yet; one user more.
 * NULL: out of memory. */
struct follower *follower_get(const uint8_t *name, const char *state) NODISCARD NONNULL(1);
void follower_put(struct follower *follower) NONNULL(1);

/* Reads what an earlier process left, the first time. Any thread, before start. */
void follower_recover(struct follower *follower) NONNULL(1);

/* Follows PLAN (held) from now on. */
enum err follower_start(struct follower *follower, struct plan *plan) NODISCARD NONNULL(1, 2);

/* The zone is to be another one from now on (RFC 9432 5.4): what is served and kept of it goes, and it is
 * transferred anew. FORGETS: it is to be no zone any more; what is kept goes unless somebody else follows it.
 * Control thread. */
void follower_reset(struct follower *follower, bool forgets) NONNULL(1);

/* Takes over what the SOA of the present version says. With the clock's lock. */
void follower_note_soa(struct follower *follower, const struct snapshot *snapshot) NONNULL(1, 2);

/* When it will be given up, CLOCK_REALTIME; 0: never. */
int64_t follower_expires_s(const struct follower *follower) NONNULL(1);

/* All followers, for the ledger; with the clock's lock. */
void followers_each(void (*each)(void *context, struct follower *follower), void *context) NONNULL(1);

#endif
