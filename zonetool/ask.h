/* One question asked to a version of a zone, by the server's own answer engine: what kind of answer it is,
 * and a sum by which two answers are told apart. Additional records count in referrals only (glue), the SOA's
 * serial never: it stands in every negative answer. With DNSSEC the question has the DO bit, and what
 * validators get beside has sums of its own: who signs (not the signatures: a zone signed again by the same
 * keys answers the same), and the proofs. One thread. */
#ifndef ZONETOOL_ASK_H
#define ZONETOOL_ASK_H

#include "zone/store/answer.h"

enum told_kind {
    TOLD_OUTSIDE,
    TOLD_DATA,
    TOLD_WILDCARD,
    TOLD_ALIAS,
    TOLD_REFERRAL,
    TOLD_NODATA,
    TOLD_NXDOMAIN
};

struct told {
    enum told_kind kind;
    uint32_t ttl; /* for how long a cache may keep it */
    uint64_t sum;
    uint64_t signers; /* of the keys that sign what is in it; 0: it is not signed */
    uint64_t proof;   /* of NSEC, NSEC3 and the DS of a referral */
};

/* NAME is a whole wire name; it must outlive the call only. SCRATCH is reset. */
void ask(const struct snapshot *snapshot, const uint8_t *name, uint16_t type, bool dnssec,
    struct arena *scratch, struct told *told) NONNULL(1, 2, 5, 6);

/* "data", "wildcard", "alias", "referral", "nodata", "nxdomain". */
const char *told_word(enum told_kind kind);

/* The same for people: "no such name". */
const char *told_phrase(enum told_kind kind);

static inline bool told_same(const struct told *a, const struct told *b)
{
    return a->kind == b->kind && a->sum == b->sum && a->signers == b->signers && a->proof == b->proof;
}

/* Do they say the same to who does not validate? */
static inline bool told_same_plainly(const struct told *a, const struct told *b)
{
    return a->kind == b->kind && a->sum == b->sum;
}

#endif
