/* One answer being put together: the state shared by answer.c (which walks the ladder of RFC 1034 4.3.2),
 * denial.c (which proves what is not there) and additional.c (which adds addresses). Lives on the stack of
 * answer_found; nobody else includes this.
 *
 * A chain of aliases changes the name sought. Owners are always named as suffixes of that present name: of
 * QNAME at first, later of the target of the last CNAME written, so that the encoder finds them in the
 * message. */
#ifndef ZONE_STORE_ANSWERING_H
#define ZONE_STORE_ANSWERING_H

#include "zone/store/answer.h"
#include "zone/wire/type.h"

#define CHAIN_MAX 16  /* CNAMEs in one answer */
#define PROOFS_MAX 24 /* nodes whose NSEC or NSEC3 goes along: one per wildcard of a chain, and the end's */

struct answering {
    const struct snapshot *snapshot;
    const struct find *find; /* of the present name */
    const struct question *question;
    struct reply *reply;
    struct arena *scratch;
    const struct node *cut; /* REFERRAL: the delegation */
    uint16_t type;          /* QTYPE */
    uint16_t alias;         /* the CNAME whose target is the present name, when `aliased` */
    uint16_t first_answer;  /* references before it were there when we began */
    uint8_t apex_label;     /* where the apex begins in QNAME, when `apex_in_qname` */
    bool apex_in_qname;
    bool aliased;
    bool dnssec;     /* signatures are wanted */
    bool proofs;     /* and there is a chain of denial in the zone */
    bool nsec3;      /* of NSEC3 records */
    bool costly;     /* whose hashes take too long to compute */
    bool failed;     /* out of memory */
    bool additional; /* there is an answer that wants additional data */
    uint8_t proof_count;
    struct rr_ref spare; /* written to when out of memory */
    const struct node *proof[PROOFS_MAX];
};

/* A new last reference with the RRset's own TTL; never NULL. */
static inline struct rr_ref *answering_add(
    struct answering *answering, enum section section, const struct rrset *rrset)
{
    struct rr_ref *ref = reply_add(answering->reply, section, rrset, answering->scratch);
    if (UNLIKELY(ref == NULL)) {
        answering->failed = true;
        ref = &answering->spare;
    }
    ref->signatures = answering->dnssec;
    return ref;
}

/* Where NODE, the present name or an ancestor of it, begins among the labels of the present name. */
static inline unsigned answering_label(const struct answering *answering, const struct node *node)
{
    return (unsigned)answering->find->depth - node->labels;
}

/* References in the answer section; they stand before all others. */
static inline unsigned answering_answers(const struct answering *answering)
{
    unsigned count = answering->reply->count;
    while (count > 0 && answering->reply->refs[count - 1].section != SECTION_ANSWER)
        count--;
    return count;
}

/* Names the owner of REF: the present name without its first LABEL labels. */
static inline void answering_own(const struct answering *answering, struct rr_ref *ref, unsigned label)
{
    ref->owner = answering->aliased ? OWNER_TARGET : OWNER_QNAME;
    ref->ref = answering->alias;
    ref->label = (uint8_t)label;
}

/* Proofs: each notes the nodes it needs, once; denial_write adds them to the authority section. */
void denial_no_name(struct answering *answering);
void denial_no_data(struct answering *answering, const struct node *node);
void denial_no_ds(struct answering *answering, const struct node *cut);
void denial_nothing_closer(struct answering *answering);
void denial_wildcard_no_data(struct answering *answering, const struct node *wildcard);
void denial_write(struct answering *answering);

/* Addresses of the name servers in reference NS_REF at the delegation CUT. */
void additional_glue(struct answering *answering, unsigned ns_ref, const struct node *cut);

/* NS, MX, SRV, NAPTR, SVCB, HTTPS: types whose records name hosts that the client asks for next. */
static inline bool additional_wanted(uint16_t type)
{
    return type == TYPE_NS || type == TYPE_MX || type == TYPE_SRV || type == TYPE_NAPTR ||
           type == TYPE_SVCB || type == TYPE_HTTPS;
}

/* What the answer section's records make useful (RFC 1034 4.3.2 step 6). */
void additional_answer(struct answering *answering);

#endif
