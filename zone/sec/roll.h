/* Key rollovers as a pure state machine: the keys of a zone, a policy, and the time go in; what is to be done
 * comes out. No clock is read, no file touched, nothing kept between calls but what stands in struct roll.
 *
 * Each key has four records that the world may see: its DNSKEY, the signatures it makes over the DNSKEY set
 * (KRRSIG) and over all other sets (ZRRSIG), and its DS at the parent. Each of them goes round, with BIND's
 * names for the states, so that BIND's .state files say the same:
 *
 *     HIDDEN --publish--> RUMOURED --every cache can have it--> OMNIPRESENT
 *        ^                                                          |
 *        +---no cache can have it any more--- UNRETENTIVE <--withdraw-+
 *
 * The steps that time alone allows follow RFC 7583. A step that changes what is published is taken only when
 * the policy wants it now and every view that some resolver may have stays valid (zone/sec/views.h); so
 * ZSK, KSK, CSK and algorithm rollovers, going secure and going insecure need no scripts of their own, and a
 * step in the middle of another rollover cannot break it.
 *
 * The parent is never assumed to have acted: roll_ds_seen and roll_ds_gone say what was observed there.
 * A struct roll belongs to one thread at a time. */
#ifndef ZONE_SEC_ROLL_H
#define ZONE_SEC_ROLL_H

#include "zone/sec/policy.h"
#include "zone/sec/views.h"

#define ROLL_KEYS_MAX VIEWS_KEYS_MAX
#define ROLL_NEVER INT64_MAX
#define ROLL_REASON_MAX 200

enum roll_record { ROLL_DNSKEY, ROLL_KRRSIG, ROLL_ZRRSIG, ROLL_DS, ROLL_RECORDS };

enum roll_state {
    ROLL_NONE, /* a key of this role has no such record */
    ROLL_HIDDEN,
    ROLL_RUMOURED,
    ROLL_OMNIPRESENT,
    ROLL_UNRETENTIVE
};

struct roll_stage {
    enum roll_state state;
    int64_t since_s; /* when it got there */
};

/* Times are seconds since the epoch, 0 when there is none. */
struct roll_key {
    uint64_t id; /* chosen by the host, not 0; never used again */
    uint16_t tag;
    uint8_t algorithm;
    uint16_t bits;
    enum policy_role role;
    bool wanted;  /* its goal is to be OMNIPRESENT */
    bool standby; /* ready, not in use */
    bool foreign; /* another signer's (RFC 8901): in our DNSKEY set, signs for itself */
    int64_t lifetime_s, created_s;
    int64_t active_s;             /* it began to sign, or its goal was set */
    int64_t retire_s;             /* a successor is to take over at this time; 0: never */
    int64_t ds_seen_s, ds_gone_s; /* observed at the parent since the DS last changed its state */
    uint64_t predecessor, successor;
    struct roll_stage stages[ROLL_RECORDS];
};

struct roll {
    struct roll_key keys[ROLL_KEYS_MAX];
    unsigned count;
    int64_t stepped_s; /* the last step's time: time never goes back */
    int64_t clock_s; /* roll_time's last answer, when the system had been up for uptime_s in the run `boot` */
    int64_t uptime_s;
    uint64_t boot;
};

enum roll_verb {
    ROLL_CREATE, /* a key was made */
    ROLL_WANT,   /* its goal became OMNIPRESENT: a standby key is taken into use */
    ROLL_RETIRE, /* its goal became HIDDEN */
    ROLL_MOVE,   /* RECORD went to STATE */
    ROLL_PURGE,  /* gone from everywhere for purge-keys: its files may go */
    ROLL_REFUSED /* the host could not make a key, or there are too many */
};

struct roll_event {
    int64_t at_s;
    enum roll_verb verb;
    const struct roll_key *key; /* NULL for ROLL_REFUSED */
    enum roll_record record;
    enum roll_state state;
    const char *reason; /* a sentence; valid during the call */
};

/* What the machine needs from outside. `create` makes a key for WANT and fills in id, tag, algorithm and
 * bits; an error leaves all as it is until the next step. `event` may be NULL. */
struct roll_host {
    enum err (*create)(void *context, const struct policy_key *want, int64_t now_s, struct roll_key *key);
    void (*event)(void *context, const struct roll_event *event);
    void *context;
};

/* Does all that is due at NOW_S. *NEXT_S: when time alone makes something due again, or ROLL_NEVER. A time
 * before the last step's is taken for the last step's: nothing is undone by a clock that was set back. */
void roll_step(struct roll *roll, const struct policy *policy, int64_t now_s, const struct roll_host *host,
    int64_t *next_s) NONNULL(1, 2, 4, 5);

/* The time to give to roll_step. The wall clock may jump; what has passed since the last call is told by
 * UPTIME_S (CLOCK_BOOTTIME), as long as the system has not been started again (BOOT is the same). Only over a
 * new start is the wall clock believed. */
int64_t roll_time(struct roll *roll, int64_t wall_s, int64_t uptime_s, uint64_t boot) NODISCARD NONNULL(1);

/* The parent publishes the key's DS / no longer does, seen at NOW_S. */
void roll_ds_seen(struct roll *roll, uint64_t id, int64_t now_s) NONNULL(1);
void roll_ds_gone(struct roll *roll, uint64_t id, int64_t now_s) NONNULL(1);

/* Asks for a successor of this key as soon as may be. ERR_MISSING: no such key in use. */
enum err roll_request(struct roll *roll, uint64_t id, int64_t now_s) NODISCARD NONNULL(1);

struct roll_key *roll_find(struct roll *roll, uint64_t id) NODISCARD NONNULL(1);

/* Adds a key that exists: in use everywhere already (SETTLED), or yet to be published. NULL when full. */
struct roll_key *roll_add(
    struct roll *roll, const struct roll_key *key, bool settled, int64_t now_s) NODISCARD NONNULL(1, 2);

/* What is to be published now. */
bool roll_publishes(const struct roll_key *key, enum roll_record record) NODISCARD NONNULL(1);

/* The versions that some cache may hold, as the states tell; key N of ROLL is bit N. False: more than fit. */
bool roll_views(const struct roll *roll, struct views *views) NODISCARD NONNULL(1, 2);

/* Seconds from the change of RECORD (for a DS: from its observation) until every cache has followed; for
 * states RUMOURED and UNRETENTIVE (RFC 7583 3.2.1, 3.3.1). */
int64_t roll_interval(const struct roll *roll, const struct policy *policy, const struct roll_key *key,
    enum roll_record record) NODISCARD NONNULL(1, 2, 3);

/* When time lets RECORD of KEY go on: ROLL_NEVER when it waits for something else. */
int64_t roll_due(const struct roll *roll, const struct policy *policy, const struct roll_key *key,
    enum roll_record record) NODISCARD NONNULL(1, 2, 3);

/* Why RECORD of KEY is not yet where it is to be, as a sentence in OUT; false when it is there. */
bool roll_waits(const struct roll *roll, const struct policy *policy, const struct roll_key *key,
    enum roll_record record, char out[ROLL_REASON_MAX]) NODISCARD NONNULL(1, 2, 3, 5);

/* "12345", the tag; "new-1" for a key that a forecast has made up, by its id. */
#define ROLL_INVENTED ((uint64_t)1 << 32)
#define ROLL_KEY_TEXT_MAX 24
const char *roll_key_text(const struct roll_key *key, char out[ROLL_KEY_TEXT_MAX]) NONNULL(1, 2);

const char *roll_state_text(enum roll_state state);    /* "rumoured" */
const char *roll_record_text(enum roll_record record); /* "DNSKEY" */

#endif
