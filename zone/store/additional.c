/* Additional data: addresses of the names that records point to (RFC 1034 4.3.2 step 6; RFC 9471 for
 * referrals). The zone's builder has linked records to the nodes of their targets. */
#include "zone/store/answering.h"
#include "zone/wire/type.h"

static const uint16_t address_types[] = {TYPE_A, TYPE_AAAA};

/* A record's target in this zone. */
struct target {
    const struct node *node; /* NULL: none, or nothing that may be told */
    const struct node *cut;  /* the topmost delegation above, or NULL */
};

/* What a DNAME hides does not exist (RFC 6672 2.4); what a delegation hides is glue. */
static inline struct target target_of(
    const struct answering *answering, uint16_t type, const struct record *record)
{
    struct target target = {find_target(answering->snapshot, type, record), NULL};
    if (target.node != NULL && (target.node->flags & NODE_HIDDEN) != 0) {
        target.cut = snapshot_node(answering->snapshot, target.node->cut);
        if (target.cut == NULL || (target.cut->flags & NODE_DELEGATION) == 0)
            target.node = NULL;
    }
    return target;
}

static bool present(const struct answering *answering, const struct rrset *rrset)
{
    const struct reply *reply = answering->reply;
    for (unsigned i = 0; i < reply->count; i++) {
        if (reply->refs[i].rrset == rrset)
            return true;
    }
    return false;
}

/* Adds the addresses of NODE, the target of record RECORD of reference REF_INDEX. UNIQUE: they cannot be in
 * the reply yet (the names in an NS RRset are distinct). */
static inline void add_addresses(struct answering *answering, const struct node *node, unsigned ref_index,
    unsigned record, bool glue, bool unique)
{
    const struct rrset *rrset = node_rrsets(node);
    for (unsigned i = 0; i < node->rrset_count && rrset->type <= TYPE_AAAA; i++, rrset = rrset_next(rrset)) {
        if ((rrset->type != TYPE_A && rrset->type != TYPE_AAAA) || rrset->count == 0 ||
            (!unique && present(answering, rrset)))
            continue;
        struct rr_ref *ref = answering_add(answering, SECTION_ADDITIONAL, rrset);
        ref->owner = OWNER_TARGET;
        ref->ref = (uint16_t)ref_index;
        ref->record = (uint16_t)record;
        ref->glue = glue;
    }
}

/* In-domain glue (RFC 9471 2.1): the target is at or below the delegation. */
static inline bool in_domain(struct target target, const struct node *cut)
{
    return target.node == cut || target.cut == cut;
}

/* Moves the references that are glue before the others, from FIRST on; both keep their order. */
static void glue_first(struct reply *reply, unsigned first)
{
    for (unsigned i = first; i < reply->count; i++) {
        struct rr_ref ref = reply->refs[i];
        if (!ref.glue)
            continue;
        memmove(&reply->refs[first + 1], &reply->refs[first], (i - first) * sizeof ref);
        reply->refs[first++] = ref;
    }
}

/* RFC 9471 3: in-domain glue comes first, it must not be missing; then sibling glue and addresses the zone
 * itself holds. */
void additional_glue(struct answering *answering, unsigned ns_ref, const struct node *cut)
{
    const struct rrset *ns = answering->reply->refs[ns_ref].rrset;
    const uint8_t *next = ns->data;
    unsigned first = answering->reply->count;
    bool others = false, late = false;
    for (unsigned i = 0; i < ns->count; i++) {
        struct record record;
        next = record_read(next, true, &record);
        struct target target = target_of(answering, TYPE_NS, &record);
        if (target.node == NULL)
            continue;
        bool glue = in_domain(target, cut);
        add_addresses(answering, target.node, ns_ref, i, glue, true);
        late |= glue && others;
        others |= !glue;
    }
    if (late)
        glue_first(answering->reply, first);
}

static void add_linked(struct answering *answering, unsigned ref_index, const struct rrset *rrset)
{
    const uint8_t *next = rrset->data;
    for (unsigned i = 0; i < rrset->count; i++) {
        struct record record;
        next = record_read(next, true, &record);
        struct target target = target_of(answering, rrset->type, &record);
        if (target.node != NULL)
            add_addresses(answering, target.node, ref_index, i, false, answering->type == TYPE_NS);
    }
}

/* The zone's node of a whole name, or NULL. */
static const struct node *node_of(const struct answering *answering, const uint8_t *name)
{
    const struct image_header *header = answering->snapshot->image->header;
    uint8_t lower[NAME_MAX];
    size_t len = name_lower(lower, name);
    if (!name_under(lower, header->apex_name))
        return NULL;
    return find_relative(answering->snapshot, lower, (unsigned)(len - header->apex_len));
}

static void add_named(
    struct answering *answering, const uint8_t *name, const uint16_t *types, unsigned type_count)
{
    const struct node *node = node_of(answering, name);
    for (unsigned i = 0; node != NULL && i < type_count; i++) {
        const struct rrset *rrset = node_rrset(node, types[i]);
        if (rrset == NULL || rrset->count == 0 || present(answering, rrset))
            continue;
        struct rr_ref *ref = answering_add(answering, SECTION_ADDITIONAL, rrset);
        ref->owner = OWNER_NAME;
        ref->name = name;
        ref->name_len = (uint8_t)name_len(name);
    }
}

/* RFC 9460 4.1: the addresses of TargetName; "." as the target is the owner itself, whose addresses the
 * client asks for anyway. */
static void add_service(struct answering *answering, const struct record *record)
{
    if (record->rdata_len > 3 && name_check(record->rdata + 2, record->rdata_len - 2u) > 1)
        add_named(answering, record->rdata + 2, address_types, ARRAY_COUNT(address_types));
}

/* RFC 3403 4.1: order, preference, three strings, replacement. Flag "S" leads to SRV, "A" to addresses. */
static void add_replacement(struct answering *answering, const struct record *record)
{
    static const uint16_t service_types[] = {TYPE_SRV};
    size_t at = 4, len = record->rdata_len;
    for (unsigned strings = 0; strings < 3 && at < len; strings++)
        at += (size_t)record->rdata[at] + 1;
    if (at >= len || name_check(record->rdata + at, len - at) == 0 || record->rdata[4] != 1)
        return;
    uint8_t flag = record->rdata[5] | 0x20;
    if (flag == 's')
        add_named(answering, record->rdata + at, service_types, ARRAY_COUNT(service_types));
    else if (flag == 'a')
        add_named(answering, record->rdata + at, address_types, ARRAY_COUNT(address_types));
}

static void add_unlinked(struct answering *answering, const struct rrset *rrset,
    void (*add)(struct answering *, const struct record *))
{
    const uint8_t *next = rrset->data;
    for (unsigned i = 0; i < rrset->count; i++) {
        struct record record;
        next = record_read(next, false, &record);
        add(answering, &record);
    }
}

static void add_for(struct answering *answering, unsigned ref_index)
{
    const struct rr_ref *ref = &answering->reply->refs[ref_index];
    const struct rrset *rrset = ref->rrset;
    if (!ref->records)
        return;
    switch (rrset->type) {
    case TYPE_NS:
    case TYPE_MX:
    case TYPE_SRV:
        add_linked(answering, ref_index, rrset);
        break;
    case TYPE_SVCB:
    case TYPE_HTTPS:
        add_unlinked(answering, rrset, add_service);
        break;
    case TYPE_NAPTR:
        add_unlinked(answering, rrset, add_replacement);
        break;
    default:
        break;
    }
}

void additional_answer(struct answering *answering)
{
    unsigned end = answering_answers(answering);
    for (unsigned i = answering->first_answer; i < end; i++)
        add_for(answering, i);
}
