#include "zone/store/answer.h"

#include "zone/store/answering.h"
#include "zone/wire/message.h"
#include "zone/wire/type.h"

/* The ladder of RFC 1034 4.3.2 (as updated) for one name. Steps that leave the name by an alias return
 * VERDICT_ALIAS, and the chain is followed from there. */

static struct rr_ref *add_answer(struct answering *answering, const struct rrset *rrset, unsigned label)
{
    struct rr_ref *ref = answering_add(answering, SECTION_ANSWER, rrset);
    answering->additional |= additional_wanted(rrset->type);
    answering_own(answering, ref, label);
    return ref;
}

/* QTYPE ANY: all there is, the signatures among it. (RFC 8482's shorter answers are a plugin's choice.) */
static bool answer_any(struct answering *answering, const struct node *node)
{
    const struct rrset *rrset = node_rrsets(node);
    for (unsigned i = 0; i < node->rrset_count; i++, rrset = rrset_next(rrset))
        add_answer(answering, rrset, 0)->signatures = true;
    return node->rrset_count > 0;
}

/* QTYPE RRSIG: the signatures of every type (RFC 4035 3.1). */
static bool answer_signatures(struct answering *answering, const struct node *node)
{
    const struct rrset *rrset = node_rrsets(node);
    bool any = false;
    for (unsigned i = 0; i < node->rrset_count; i++, rrset = rrset_next(rrset)) {
        if (rrset->sig_count == 0)
            continue;
        struct rr_ref *ref = add_answer(answering, rrset, 0);
        ref->records = false;
        ref->signatures = true;
        any = true;
    }
    return any;
}

/* RFC 2181 10.1 (as updated by RFC 4034 3, 4): a CNAME does not redirect questions for the security records
 * that stand beside it. */
static bool redirects(uint16_t type)
{
    return type != TYPE_CNAME && type != TYPE_RRSIG && type != TYPE_NSEC;
}

static bool answered_already(const struct answering *answering, const struct rrset *rrset)
{
    for (unsigned i = 0; i < answering->reply->count; i++) {
        if (answering->reply->refs[i].rrset == rrset)
            return true;
    }
    return false;
}

/* RFC 1034 4.3.2 step 3a: the data of NODE, in the name of the present name. */
static enum verdict answer_node(struct answering *answering, const struct node *node)
{
    uint16_t type = answering->type;
    if (UNLIKELY(type == TYPE_ANY))
        return answer_any(answering, node) ? VERDICT_HIT : VERDICT_NODATA;
    if (UNLIKELY(type == TYPE_RRSIG))
        return answer_signatures(answering, node) ? VERDICT_HIT : VERDICT_NODATA;
    const struct rrset *rrset = node_rrset(node, type);
    if (LIKELY(rrset != NULL && rrset->count > 0)) {
        /* a chain may end at the DNAME that it went through */
        bool told = UNLIKELY(type == TYPE_DNAME && answering->aliased) && answering->find->exact &&
                    answered_already(answering, rrset);
        if (!told)
            add_answer(answering, rrset, 0);
        return VERDICT_HIT;
    }
    if (UNLIKELY((node->flags & NODE_CNAME) != 0) && redirects(type)) {
        const struct rrset *cname = node_rrset(node, TYPE_CNAME);
        /* a loop over several zones is back where it began */
        if (UNLIKELY(answering->first_answer > 0) && answering->find->exact &&
            answered_already(answering, cname))
            return VERDICT_HIT;
        add_answer(answering, cname, 0);
        return VERDICT_ALIAS;
    }
    return VERDICT_NODATA;
}

static enum verdict answer_exact(struct answering *answering, const struct node *node)
{
    enum verdict verdict = answer_node(answering, node);
    if (verdict == VERDICT_NODATA)
        denial_no_data(answering, node);
    return verdict;
}

/* RFC 1034 4.3.2 step 3c, RFC 4592 3.3: the source of synthesis stands right below the closest encloser. */
static enum verdict answer_wildcard(struct answering *answering, const struct node *wildcard)
{
    enum verdict verdict = answer_node(answering, wildcard);
    if (verdict == VERDICT_NODATA)
        denial_wildcard_no_data(answering, wildcard);
    else
        denial_nothing_closer(answering);
    return verdict;
}

static enum verdict answer_missing(struct answering *answering)
{
    answering->reply->rcode = RCODE_NXDOMAIN;
    denial_no_name(answering);
    return VERDICT_NXDOMAIN;
}

/* RFC 6672 2.2: the labels of the present name before LABEL, then the DNAME's target. 0 when too long. */
static unsigned substitute(
    const struct answering *answering, unsigned label, const uint8_t *target, uint8_t out[NAME_MAX])
{
    size_t prefix_len = answering->question->label_at[label], target_len = name_len(target);
    if (prefix_len + target_len > NAME_MAX)
        return 0;
    memcpy(out, answering->question->name, prefix_len);
    memcpy(out + prefix_len, target, target_len);
    return (unsigned)(prefix_len + target_len);
}

/* The CNAME that a DNAME makes of the present name; its target ends, at least where the zone's names do, as
 * the present name does, and is compressed with it. */
static struct rrset *make_alias(
    const struct answering *answering, const uint8_t *target, unsigned target_len, uint32_t ttl)
{
    struct rdata_ref rdata = {target, (uint16_t)target_len};
    struct rrset *cname = rrset_make(answering->scratch, TYPE_CNAME, ttl, &rdata, 1);
    unsigned shared = name_shared_labels(answering->question->name, target);
    if (cname == NULL || shared == 0)
        return cname;
    const uint8_t *suffix = name_skip(target, name_labels(target) - shared);
    struct link link = {.keep = (uint8_t)(suffix - target), .from = (uint8_t)shared};
    memcpy(cname->data + 2, &link, sizeof link);
    return cname;
}

/* RFC 6672 3.2: the DNAME, and a CNAME made from it with its TTL (3.1), which nothing signs. Nothing is
 * rewritten further for those who asked for the CNAME itself. */
static enum verdict answer_dname(struct answering *answering, const struct node *node)
{
    const struct rrset *dname = node_rrset(node, TYPE_DNAME);
    unsigned label = answering_label(answering, node);
    struct record record;
    uint8_t name[NAME_MAX];
    record_read(dname->data, false, &record);
    if (!answered_already(answering, dname))
        add_answer(answering, dname, label);
    unsigned len = substitute(answering, label, record.rdata, name);
    if (len == 0) {
        answering->reply->rcode = RCODE_YXDOMAIN;
        return VERDICT_HIT;
    }
    const struct rrset *cname = make_alias(answering, name, len, dname->ttl);
    if (cname == NULL) {
        answering->failed = true;
        return VERDICT_HIT;
    }
    add_answer(answering, cname, 0);
    return answering->type == TYPE_CNAME || answering->type == TYPE_ANY ? VERDICT_HIT : VERDICT_ALIAS;
}

/* RFC 1034 4.3.2 step 3b. Only DS is the parent's to answer at the cut itself (RFC 4035 3.1.4.1). */
static inline bool refers(const struct answering *answering, const struct node *node, bool exact)
{
    return (node->flags & NODE_DELEGATION) != 0 && !(exact && answering->type == TYPE_DS);
}

/* One name. What hangs below a delegation or a DNAME, whether found or not, is that one's affair: a hidden
 * node knows the topmost of them. */
static enum verdict answer_name(struct answering *answering)
{
    const struct node *node = answering->find->node;
    bool exact = answering->find->exact;
    if (UNLIKELY((node->flags & NODE_HIDDEN) != 0)) {
        node = snapshot_node(answering->snapshot, node->cut);
        exact = false;
    }
    if (refers(answering, node, exact)) {
        answering->cut = node;
        return VERDICT_REFERRAL;
    }
    if (exact)
        return answer_exact(answering, node);
    if (UNLIKELY((node->flags & NODE_DNAME) != 0))
        return answer_dname(answering, node);
    if ((node->flags & NODE_WILDCARD_CHILD) != 0) {
        const struct node *wildcard = find_source(answering->find);
        if (LIKELY(wildcard != NULL))
            return answer_wildcard(answering, wildcard);
    }
    return answer_missing(answering);
}

/* The target of reference INDEX, a CNAME. */
static const uint8_t *alias_target(const struct answering *answering, unsigned index)
{
    struct record record;
    record_read(answering->reply->refs[index].rrset->data, true, &record);
    return record.rdata;
}

/* A chain ends at a name it has been to, or when it grows too long (RFC 1034 3.6.2). */
static bool been_to(const struct answering *answering, const uint8_t *first, const uint8_t *target)
{
    unsigned aliases = 0;
    for (unsigned i = 0; i < answering->alias; i++) {
        if (answering->reply->refs[i].rrset->type != TYPE_CNAME)
            continue;
        if (++aliases == CHAIN_MAX - 1 || name_equal(alias_target(answering, i), target))
            return true;
    }
    return name_equal(first, target);
}

static bool inside(const struct snapshot *snapshot, const struct question *question)
{
    const struct image_header *header = snapshot->image->header;
    if (question->labels < header->apex_labels)
        return false;
    unsigned at = question->label_at[question->labels - header->apex_labels];
    return (unsigned)question->name_len - at == header->apex_len &&
           memcmp(question->lower + at, header->apex_name, header->apex_len) == 0;
}

/* The present name of a chain. */
struct chain {
    struct question question;
    struct find find;
};

/* Follows aliases as long as they stay in the zone. The rcode will be that of the last name (RFC 6604 2). */
static enum verdict follow(struct answering *answering, struct chain *chain)
{
    const uint8_t *first = answering->question->name;
    enum verdict verdict = VERDICT_ALIAS;
    while (verdict == VERDICT_ALIAS && !answering->failed) {
        answering->alias = (uint16_t)(answering_answers(answering) - 1);
        const uint8_t *target = alias_target(answering, answering->alias);
        if (been_to(answering, first, target))
            return VERDICT_HIT;
        question_set(&chain->question, target, answering->type, CLASS_IN);
        if (!inside(answering->snapshot, &chain->question))
            return VERDICT_ALIAS;
        answering->question = &chain->question;
        answering->find = &chain->find;
        answering->aliased = true;
        find_name(&chain->find, answering->snapshot, &chain->question);
        verdict = answer_name(answering);
    }
    return verdict;
}

/* The referral's NS set, then DS or the proof that there is none (RFC 4035 3.1.4): in a signed zone only. */
static unsigned add_referral(struct answering *answering)
{
    const struct node *cut = answering->cut;
    unsigned label = answering_label(answering, cut), index = answering->reply->count;
    const struct rrset *ds = answering->proofs ? node_rrset(cut, TYPE_DS) : NULL;
    answering_own(answering, answering_add(answering, SECTION_AUTHORITY, node_rrset(cut, TYPE_NS)), label);
    if (ds != NULL && ds->count > 0)
        answering_own(answering, answering_add(answering, SECTION_AUTHORITY, ds), label);
    else if (answering->proofs)
        denial_no_ds(answering, cut);
    return index;
}

/* RFC 2308 3, 5: the SOA, its TTL and its signature's lowered to how long the denial may be remembered. */
static void add_soa(struct answering *answering)
{
    struct rr_ref *ref = answering_add(answering, SECTION_AUTHORITY, answering->snapshot->soa);
    ref->ttl = answering->snapshot->negative_ttl;
    answering_own(answering, ref, answering->find->depth);
}

/* Authority and additional sections. No NS set goes along with an answer: RFC 1034 does not ask for it, and
 * who got this answer knows the servers. */
static void complete(struct answering *answering, enum verdict verdict)
{
    if (verdict == VERDICT_REFERRAL) {
        unsigned ns_ref = add_referral(answering);
        if (answering->proof_count > 0)
            denial_write(answering);
        if (LIKELY(!answering->failed))
            additional_glue(answering, ns_ref, answering->cut);
        return;
    }
    if (verdict == VERDICT_NODATA || verdict == VERDICT_NXDOMAIN)
        add_soa(answering);
    if (answering->proof_count > 0)
        denial_write(answering);
    if (answering->additional)
        additional_answer(answering);
}

static inline void begin(struct answering *answering, const struct find *found,
    const struct answer_options *options, struct reply *reply, struct arena *scratch)
{
    answering->snapshot = found->snapshot;
    answering->find = found;
    answering->question = found->question;
    answering->reply = reply;
    answering->scratch = scratch;
    answering->cut = NULL;
    answering->type = found->question->type;
    answering->alias = 0;
    answering->first_answer = 0;
    answering->apex_label = found->depth;
    answering->apex_in_qname = true;
    answering->aliased = false;
    answering->dnssec = options->dnssec;
    answering->proofs = false;
    answering->nsec3 = false;
    answering->costly = false;
    answering->failed = false;
    answering->additional = false;
    answering->proof_count = 0;
    if (answering->dnssec) {
        unsigned flags = found->snapshot->image->header->flags;
        answering->proofs = (flags & (IMAGE_NSEC | IMAGE_NSEC3)) != 0;
        answering->nsec3 = (flags & IMAGE_NSEC3) != 0;
        answering->costly =
            answering->nsec3 && found->snapshot->image->header->nsec3_iterations >
                                    (options->iterations != 0 ? options->iterations : ANSWER_ITERATIONS_MAX);
    }
    if (UNLIKELY(reply->count > 0))
        answering->first_answer = (uint16_t)answering_answers(answering);
    if (UNLIKELY(answering->first_answer > 0)) { /* a chain's last CNAME led here from another zone */
        answering->alias = (uint16_t)(answering->first_answer - 1);
        answering->apex_in_qname = false;
        answering->aliased = true;
    }
}

/* The usual question: the name is there, no cut is near, it has the type, and nothing more belongs to the
 * answer. The ladder comes to the same. */
static inline const struct rrset *plain_answer(const struct find *found, const struct reply *reply)
{
    const struct node *node = found->node;
    uint16_t type = found->question->type;
    if (!found->exact || (node->flags & (NODE_HIDDEN | NODE_DELEGATION)) != 0 || reply->count > 0 ||
        type == TYPE_RRSIG || additional_wanted(type))
        return NULL;
    const struct rrset *rrset = node_rrset(node, type);
    return rrset != NULL && rrset->count > 0 ? rrset : NULL;
}

enum verdict answer_found(const struct find *found, const struct answer_options *options, struct reply *reply,
    struct arena *scratch)
{
    const struct rrset *plain = plain_answer(found, reply);
    if (LIKELY(plain != NULL)) {
        /* an empty reply has room: its owner is all of QNAME */
        reply_add(reply, SECTION_ANSWER, plain, scratch)->signatures = options->dnssec;
        reply->authoritative = true;
        return VERDICT_HIT;
    }
    struct answering answering;
    struct chain chain;
    begin(&answering, found, options, reply, scratch);
    enum verdict verdict = answer_name(&answering);
    if (UNLIKELY(verdict == VERDICT_ALIAS))
        verdict = follow(&answering, &chain);
    /* RFC 1035 4.1.1: AA speaks of the first owner name in the answer */
    reply->authoritative = verdict != VERDICT_REFERRAL || reply->count > 0;
    complete(&answering, verdict);
    if (UNLIKELY(answering.failed)) {
        reply->count = 0;
        reply->authoritative = false;
        reply->rcode = RCODE_SERVFAIL;
    }
    return verdict;
}
