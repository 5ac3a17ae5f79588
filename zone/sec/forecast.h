/* A forecast: the rollover machine (zone/sec/roll.h) run against a clock that is made up, beside a world that
 * keeps account of what was truly published, when, and how long some cache may have kept it. `signer plan`
 * prints its steps; `signer whatif` asks it whether every resolver could have validated at every moment, also
 * when the parent is slow, the signer is off, or the clock jumps.
 *
 * The world does not believe the machine's states: it sees the DNSKEY set, the signers and the parent's DS
 * change, and counts TTLs itself. A version enters the proof when it is published and leaves it when the last
 * cache has dropped it; what caches may hold changes only at those moments, so that proving it there proves
 * it for every minute between. Pure but for the memory of the caller; one thread at a time. */
#ifndef ZONE_SEC_FORECAST_H
#define ZONE_SEC_FORECAST_H

#include "zone/sec/roll.h"

#define FORECAST_OUTAGES_MAX 16

/* From AT_S for FOR_S seconds. */
struct forecast_outage {
    int64_t at_s, for_s;
};

/* The clock of the signer shows BY_S too much (or, negative, too little) from AT_S on, for FOR_S seconds. */
struct forecast_jump {
    int64_t at_s, for_s, by_s;
};

/* What happens around the signer. */
struct forecast_world {
    int64_t parent_takes_s;                                 /* from our CDS to the DS at the parent */
    struct forecast_outage parent[FORECAST_OUTAGES_MAX];    /* the parent acts on nothing */
    struct forecast_outage observing[FORECAST_OUTAGES_MAX]; /* we cannot see the parent */
    struct forecast_outage signer[FORECAST_OUTAGES_MAX];    /* the signer is off */
    struct forecast_jump jumps[FORECAST_OUTAGES_MAX];
    unsigned parent_count, observing_count, signer_count, jumps_count;
    uint64_t roll_id;    /* a rollover of this key is asked for, 0: of none */
    int64_t roll_at_s;   /* at this time */
    int64_t policy_at_s; /* from this time on (0: never) the second policy holds */
    const struct policy *policy_next;
    /* A mistake to be made at this time (0: none): RECORD of the key with BREAK_ID is withdrawn at once. */
    int64_t break_at_s;
    uint64_t break_id;
    enum roll_record break_record;
};

enum forecast_fault { FORECAST_VALID, FORECAST_BOGUS, FORECAST_EXPIRED, FORECAST_REFUSED, FORECAST_TOO_MANY };

struct forecast {
    enum forecast_fault fault;
    int64_t at_s;                /* when it happens */
    struct view_failure failure; /* the view, for FORECAST_BOGUS: bits are places in `tags` */
    uint16_t tags[VIEWS_KEYS_MAX];
    uint64_t ids[VIEWS_KEYS_MAX];
    unsigned steps;  /* events told */
    unsigned proofs; /* moments at which every view was proved */
    uint64_t views;  /* views looked at */
};

/* Runs ROLL (a copy is made) from FROM_S to UNTIL_S. EVENT (may be NULL) hears what the machine does; keys
 * that it makes have invented tags and ids above 2^32. Stops at the first fault. With PROVE_BREAK false a
 * mistake is tried as the machine's guard would see it, and is FORECAST_REFUSED when the guard refuses it;
 * with true it is published, to see what it would have done. */
struct forecast forecast_run(const struct roll *roll, const struct policy *policy,
    const struct forecast_world *world, int64_t from_s, int64_t until_s, bool publish_break,
    void (*event)(void *context, const struct roll_event *event), void *context) NODISCARD NONNULL(1, 2, 3);

#endif
