/* What all threads share that sign a zone, and what each has for itself. Inner header of zonesign*.c. */
#ifndef ZONE_SEC_ZONESIGN_PLAN_H
#define ZONE_SEC_ZONESIGN_PLAN_H

#include "zone/base/arena.h"
#include "zone/sec/outline.h"
#include "zone/sec/sign.h"
#include "zone/sec/zonesign.h"
#include "zone/text/tape.h"

#define APEX_SETS_MAX 4096

/* Frozen while threads work. */
struct sign_plan {
    const struct zonesign_options *options;
    const struct snapshot *zone;
    const struct snapshot *earlier; /* or NULL */
    const uint8_t *apex;            /* lower case */
    uint8_t apex_len;
    struct arena arena;
    const struct rrset **apex_sets; /* all of the apex but NSEC, ascending */
    unsigned apex_count;
    uint32_t serial;
    uint32_t denial_ttl;
    uint32_t inception, expiration, expiration_keys;
    uint64_t seed; /* of the jitter */
    struct zonesign_result *result;
};

/* Works out the apex as it is to be published. */
enum err sign_plan_make(struct sign_plan *plan, const struct zonesign_options *options,
    const struct snapshot *zone, const struct snapshot *earlier, struct zonesign_result *result) NODISCARD
    NONNULL(1, 2, 3, 5);
void sign_plan_clear(struct sign_plan *plan) NONNULL(1);

/* The set of that type at the apex as it is to be published, or NULL. */
const struct rrset *sign_plan_set(const struct sign_plan *plan, uint16_t type) NONNULL(1);

/* The next serial by the policy; EARLIER is the serial of the earlier signed form. */
uint32_t serial_next(
    enum serial_policy policy, uint32_t text, bool has_earlier, uint32_t earlier, int64_t now);

struct edits;

/* One thread's means. */
struct sign_maker {
    const struct sign_plan *plan;
    struct signing *signings[ZONESIGN_KEYS_MAX]; /* NULL for keys that do not sign */
    struct rrset_form form, old_form;
    struct arena scratch;
    struct tape *tape;   /* where records go */
    struct edits *edits; /* or here */
    uint64_t made, kept, chain;
    uint32_t earliest; /* expiration */
    bool any;
};

/* Opens the keys; each proves itself. ERR_INVALID with result->why. */
enum err sign_maker_init(struct sign_maker *maker, const struct sign_plan *plan) NODISCARD NONNULL(1, 2);
void sign_maker_clear(struct sign_maker *maker) NONNULL(1);

/* Adds what the maker counted to the result. One thread at a time. */
void sign_maker_count(const struct sign_maker *maker, struct zonesign_result *result) NONNULL(1, 2);

/* All records of a name that are not NSEC3: its own, their signatures, and, when NEXT is not NULL, its NSEC
 * that points to it. */
enum err sign_name(struct sign_maker *maker, const struct place *place, const uint8_t *next) NODISCARD
    NONNULL(1, 2);

/* The NSEC3 record of a place, or of none (an empty non-terminal): HASH to NEXT. */
enum err sign_nsec3(struct sign_maker *maker, const struct place *place, const uint8_t hash[20],
    const uint8_t next[20]) NODISCARD NONNULL(1, 2, 3, 4);

/* An NSEC3 record of the earlier form, NODE, that is to point to another NEXT. */
enum err sign_nsec3_moved(struct sign_maker *maker, const struct node *node, const uint8_t hash[20],
    const uint8_t next[20]) NODISCARD NONNULL(1, 2, 3, 4);

/* Puts the digest into a signed zone that has a place for it: *SNAPSHOT is replaced. */
enum err sign_zonemd(const struct sign_plan *plan, struct snapshot **snapshot) NODISCARD NONNULL(1, 2);

/* The owner of an NSEC3 record, lower case; returns its length. */
size_t nsec3_owner(const struct sign_plan *plan, const uint8_t hash[20], uint8_t *out) NONNULL(1, 2, 3);

/* One RRset with its signatures. EARLIER is the same RRset in the earlier form, or NULL. */
enum err sign_set(struct sign_maker *maker, const uint8_t *owner, const struct rrset *rrset, bool sign,
    const struct rrset *earlier) NODISCARD NONNULL(1, 2, 3);

/* A name in the NSEC3 chain. */
struct nsec3_link {
    uint8_t hash[20];
    uint32_t place;
};

/* The chain of the outline's names in order of hashes (malloced). ERR_INVALID: two names have one hash. */
enum err nsec3_links(const struct sign_plan *plan, const struct outline *outline, struct nsec3_link **out,
    uint32_t *count) NODISCARD NONNULL(1, 2, 3, 4);

#endif
