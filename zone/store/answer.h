/* The answer engine: what an authoritative server says about a question, as references (reply.h), by
 * RFC 1034 4.3.2 as updated by RFC 2308, 4035, 4592, 5155, 6604, 6672 and 8020. Pure: reads a frozen
 * snapshot, writes only the reply and the scratch memory. */
#ifndef ZONE_STORE_ANSWER_H
#define ZONE_STORE_ANSWER_H

#include "zone/base/arena.h"
#include "zone/store/find.h"
#include "zone/wire/question.h"
#include "zone/wire/reply.h"

enum verdict {
    VERDICT_HIT,    /* the RRset asked for */
    VERDICT_NODATA, /* the name is there, the type is not */
    VERDICT_NXDOMAIN,
    VERDICT_REFERRAL,
    VERDICT_ALIAS,  /* a CNAME or DNAME whose target this zone does not hold; the answer has the chain */
    VERDICT_OUTSIDE /* the name is not in this zone; nothing was added */
};

/* RFC 5155 10.3: nobody may have more iterations, whatever his keys. (RFC 9276 3.1 wants none.) */
#define ANSWER_ITERATIONS_MAX 2500

struct answer_options {
    bool dnssec;         /* the DO bit (RFC 3225): signatures and denial proofs */
    uint16_t iterations; /* of NSEC3 in a zone; with more, proofs are left out, as they would cost a server
                            milliseconds each, and EDE 27 says so. 0: ANSWER_ITERATIONS_MAX */
};

/* Answers from FOUND, a completed find for QUESTION. The reply is added to, so that a chain may go on in
 * another zone. */
enum verdict answer_found(const struct find *found, const struct answer_options *options, struct reply *reply,
    struct arena *scratch) NONNULL(1, 2, 3, 4);

#endif
