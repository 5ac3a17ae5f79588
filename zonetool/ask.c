#include "zonetool/ask.h"

#include "zone/base/hash.h"
#include "zone/wire/type.h"

static const struct {
    const char *word, *phrase;
} kinds[] = {
    [TOLD_OUTSIDE] = {"outside", "not of this zone"},
    [TOLD_DATA] = {"data", "data"},
    [TOLD_WILDCARD] = {"wildcard", "data from a wildcard"},
    [TOLD_ALIAS] = {"alias", "an alias"},
    [TOLD_REFERRAL] = {"referral", "a referral to other servers"},
    [TOLD_NODATA] = {"nodata", "no data of this type"},
    [TOLD_NXDOMAIN] = {"nxdomain", "no such name"},
};

const char *told_word(enum told_kind kind)
{
    return kinds[kind].word;
}

const char *told_phrase(enum told_kind kind)
{
    return kinds[kind].phrase;
}

static uint64_t rrset_sum(const struct rr_ref *ref)
{
    const struct rrset *rrset = ref->rrset;
    const uint8_t *at = rrset->data;
    uint64_t sum = 0;
    for (unsigned i = 0; i < rrset->count; i++) {
        struct record record;
        at = record_read(at, rrset_linked(rrset->type), &record);
        size_t len = record.rdata_len;
        uint64_t tail = 0;
        if (rrset->type == TYPE_SOA && len > 20 && ref->section == SECTION_AUTHORITY) {
            tail = hash_bytes(1, record.rdata + len - 16, 16);
            len -= 20;
        }
        sum += hash_bytes(((uint64_t)rrset->type << 32 | ref->ttl) ^ tail, record.rdata, len);
    }
    /* The owner of a delegation or of a link in a chain, as its place in the question's name. */
    uint64_t place = ref->owner == OWNER_QNAME ? ref->label : 0x100u + ref->owner;
    return hash_mix(sum ^ HASH_K0, place << 8 ^ ref->section ^ HASH_K1);
}

static enum told_kind kind_of(enum verdict verdict, const struct find *found, const struct reply *reply)
{
    bool answers = reply->count > 0 && reply->refs[0].section == SECTION_ANSWER;
    switch (verdict) {
    case VERDICT_NXDOMAIN:
        return answers ? TOLD_ALIAS : TOLD_NXDOMAIN;
    case VERDICT_NODATA:
        return answers ? TOLD_ALIAS : TOLD_NODATA;
    case VERDICT_REFERRAL:
        return answers ? TOLD_ALIAS : TOLD_REFERRAL;
    case VERDICT_ALIAS:
        return TOLD_ALIAS;
    case VERDICT_OUTSIDE:
        return TOLD_OUTSIDE;
    case VERDICT_HIT:
        break;
    }
    uint16_t first = answers ? reply->refs[0].rrset->type : 0;
    if ((first == TYPE_CNAME || first == TYPE_DNAME) && found->question->type != first)
        return TOLD_ALIAS;
    return found->exact ? TOLD_DATA : TOLD_WILDCARD;
}

/* Type covered, algorithm, key tag and signer of each (RFC 4034 3.1). */
static uint64_t signers_sum(const struct rr_ref *ref)
{
    uint64_t sum = 0;
    const uint8_t *at = ref->signatures ? rrset_signatures(ref->rrset) : NULL;
    for (unsigned i = 0; at != NULL && i < ref->rrset->sig_count; i++) {
        struct record record;
        at = record_read(at, false, &record);
        if (record.rdata_len > 18)
            sum += hash_bytes(
                hash_bytes(3, record.rdata, 3), record.rdata + 16, 2 + name_len(record.rdata + 18));
    }
    return sum;
}

/* Is it there for validators only? */
static bool is_proof(const struct rr_ref *ref)
{
    uint16_t type = ref->rrset->type;
    return ref->section == SECTION_AUTHORITY && (type == TYPE_NSEC || type == TYPE_NSEC3 || type == TYPE_DS);
}

static uint64_t proof_sum(const struct rr_ref *ref)
{
    uint64_t owner = ref->name != NULL ? hash_bytes(5, ref->name, ref->name_len) : 0;
    return hash_mix(rrset_sum(ref) ^ HASH_K0, owner ^ HASH_K1);
}

static void add_ref(struct told *told, const struct rr_ref *ref)
{
    told->signers += signers_sum(ref);
    if (is_proof(ref)) {
        told->proof += proof_sum(ref);
        return;
    }
    told->sum += rrset_sum(ref);
    told->ttl = ref->ttl > told->ttl ? ref->ttl : told->ttl;
}

void ask(const struct snapshot *snapshot, const uint8_t *name, uint16_t type, bool dnssec,
    struct arena *scratch, struct told *told)
{
    struct answer_options options = {.dnssec = dnssec};
    struct question question;
    struct find found;
    struct reply reply;
    *told = (struct told){.kind = TOLD_OUTSIDE};
    if (!name_under(name, snapshot->image->header->apex_name))
        return;
    arena_reset(scratch);
    question_set(&question, name, type, CLASS_IN);
    reply_clear(&reply);
    find_name(&found, snapshot, &question);
    told->kind = kind_of(answer_found(&found, &options, &reply, scratch), &found, &reply);
    bool referral = told->kind == TOLD_REFERRAL;
    for (unsigned i = 0; i < reply.count; i++) {
        if (reply.refs[i].section != SECTION_ADDITIONAL || referral)
            add_ref(told, &reply.refs[i]);
    }
}
