/* What the threads share that verify a zone. Inner header of zoneverify*.c. */
#ifndef ZONE_SEC_ZONEVERIFY_RUN_H
#define ZONE_SEC_ZONEVERIFY_RUN_H

#include "zone/base/arena.h"
#include "zone/sec/outline.h"
#include "zone/sec/sign.h"
#include "zone/sec/zoneverify.h"

#define VERIFY_KEYS_MAX 64
#define VERIFY_ALGORITHMS_MAX 16

struct fault {
    struct fault *next;
    enum severity severity;
    const char *rule;
    const char *message; /* with owner and type in front: `plain` is behind them */
    const char *plain;
    const uint8_t *owner;
    uint16_t type;
};

/* A name of the NSEC3 set. */
struct nsec3_member {
    uint8_t hash[20];
    const struct node *node;
    bool named; /* some name of the zone has this hash */
};

/* Frozen while threads work, but for `named`, which each name sets by itself. */
struct verifying {
    const struct snapshot *snapshot;
    const struct zoneverify_options *options;
    struct outline outline;
    struct key *keys[VERIFY_KEYS_MAX];
    unsigned key_count;
    uint8_t algorithms[VERIFY_ALGORITHMS_MAX]; /* that must sign */
    unsigned algorithm_count;
    bool nsec, nsec3;
    struct nsec3_member *members; /* in order of hashes */
    uint32_t member_count;
};

/* One thread's stretch. */
struct verify_part {
    const struct verifying *verifying;
    struct arena arena; /* of the findings */
    struct fault *first, **end;
    unsigned errors, warnings;
    uint64_t signatures, opinions, rrsets;
    uint64_t counter; /* for `every` */
    uint32_t earliest;
    bool any;
    struct rrset_form form;
    struct arena scratch;
};

void verify_tell(struct verify_part *part, enum severity severity, const char *rule, const uint8_t *owner,
    uint16_t type, const char *format, ...) PRINTF(6, 7) NONNULL(1, 3, 4);

/* The signatures of one RRset. */
void verify_set(struct verify_part *part, const uint8_t *owner, const struct rrset *rrset) NONNULL(1, 2, 3);

/* Reads the DNSKEY set and judges it with the DS. False: nothing can be verified. */
bool verify_keys(struct verifying *verifying, struct verify_part *part) NONNULL(1, 2);

/* The NSEC or NSEC3 of a place; NEXT is the next name with NSEC. */
void verify_nsec(struct verify_part *part, const struct place *place, const uint8_t *owner,
    const struct node *next) NONNULL(1, 2, 3, 4);
void verify_nsec3(struct verify_part *part, const struct place *place, const uint8_t *owner) NONNULL(1, 2, 3);

/* Gathers the NSEC3 set in order of hashes; tells PART of records that no NSEC3PARAM fits. */
enum err verify_gather_nsec3(struct verifying *verifying, struct verify_part *part) NODISCARD NONNULL(1, 2);

/* One member of the NSEC3 set: its signature, its parameters, and where it points. */
void verify_member(struct verify_part *part, uint32_t i) NONNULL(1);

#endif
