/* One question asked to a version of a zone, by the server's own answer engine: what kind of answer it is,
 * and a sum by which two answers are told apart. Additional records count in referrals only (glue), the SOA's
 * serial never: it stands in every negative answer. Without DNSSEC records: a zone signed again answers the
 * same. One thread. */
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
};

/* NAME is a whole wire name; it must outlive the call only. SCRATCH is reset. */
void ask(const struct snapshot *snapshot, const uint8_t *name, uint16_t type, struct arena *scratch,
    struct told *told) NONNULL(1, 2, 4, 5);

/* "data", "wildcard", "alias", "referral", "nodata", "nxdomain". */
const char *told_word(enum told_kind kind);

/* The same for people: "no such name". */
const char *told_phrase(enum told_kind kind);

static inline bool told_same(const struct told *a, const struct told *b)
{
    return a->kind == b->kind && a->sum == b->sum;
}

#endif
