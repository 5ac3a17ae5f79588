/* Additional data: addresses of the names that records point to (RFC 1034 4.3.2 step 6; RFC 9471 for
 * referrals). The zone's builder has linked records to the nodes of their targets. */
#include "zone/store/answering.h"
#include "zone/wire/type.h"

#define SERVICES_MAX 4 /* aliases of services followed beside an answer */

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

/* Adds what NAME has of TYPES, the first two of which are those of addresses; returns its node, or NULL.
 * Below a delegation these are glue and all else is hidden, below a DNAME everything is. */
static const struct node *add_named(
    struct answering *answering, const uint8_t *name, const uint16_t *types, unsigned type_count)
{
    const struct node *node = node_of(answering, name);
    bool hidden = false;
    if (node != NULL && (node->flags & (NODE_HIDDEN | NODE_DELEGATION)) != 0) {
        const struct node *cut =
            (node->flags & NODE_HIDDEN) != 0 ? snapshot_node(answering->snapshot, node->cut) : node;
        if (cut == NULL || (cut->flags & NODE_DELEGATION) == 0 || types[0] != TYPE_A)
            return NULL;
        type_count = 2;
        hidden = true;
    }
    for (unsigned i = 0; node != NULL && i < type_count; i++) {
        const struct rrset *rrset = node_rrset(node, types[i]);
        if (rrset == NULL || rrset->count == 0 || present(answering, rrset))
            continue;
        struct rr_ref *ref = answering_add(answering, SECTION_ADDITIONAL, rrset);
        ref->owner = OWNER_NAME;
        ref->name = name;
        ref->name_len = (uint8_t)name_len(name);
    }
    return hidden ? NULL : node;
}

/* The addresses of the name that owns REF, the last one of the chain: its record points to itself. */
static void add_own(struct answering *answering, struct rr_ref ref)
{
    const struct find *find = answering->find;
    const struct node *node = find->exact ? find->node : find_source(find);
    for (unsigned i = 0; node != NULL && i < ARRAY_COUNT(address_types); i++) {
        const struct rrset *rrset = node_rrset(node, address_types[i]);
        if (rrset == NULL || rrset->count == 0 || present(answering, rrset))
            continue;
        struct rr_ref *added = answering_add(answering, SECTION_ADDITIONAL, rrset);
        added->owner = ref.owner;
        added->label = ref.label;
        added->ref = ref.ref;
        added->record = ref.record;
    }
}

/* RFC 9460 4.1: the addresses of each TargetName in the zone, and in AliasMode what stands there of the same
 * type, with what that wants in turn; clients follow no more than a few (2.4.2). "." means the owner itself
 * in ServiceMode (2.5.2), and in AliasMode that there is no service (2.5.1). OWNER is REF or, for a target,
 * NULL: its addresses are there already. */
static void add_services(
    struct answering *answering, const struct rrset *rrset, const struct rr_ref *owner, unsigned depth)
{
    const uint16_t types[] = {TYPE_A, TYPE_AAAA, rrset->type};
    const uint8_t *next = rrset->data;
    for (unsigned i = 0; i < rrset->count; i++) {
        struct record record;
        next = record_read(next, false, &record);
        size_t len = record.rdata_len > 2 ? name_check(record.rdata + 2, record.rdata_len - 2u) : 0;
        bool alias = len > 0 && record.rdata[0] == 0 && record.rdata[1] == 0;
        if (len == 1 && !alias && owner != NULL)
            add_own(answering, *owner);
        if (len <= 1)
            continue;
        const struct node *node = add_named(answering, record.rdata + 2, types, alias ? 3 : 2);
        const struct rrset *further = node != NULL && alias ? node_rrset(node, rrset->type) : NULL;
        if (further != NULL && depth > 0 && rrset->count == 1)
            add_services(answering, further, NULL, depth - 1);
    }
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

static void add_replacements(struct answering *answering, const struct rrset *rrset)
{
    const uint8_t *next = rrset->data;
    for (unsigned i = 0; i < rrset->count; i++) {
        struct record record;
        next = record_read(next, false, &record);
        add_replacement(answering, &record);
    }
}

static void add_for(struct answering *answering, unsigned ref_index)
{
    const struct rr_ref ref = answering->reply->refs[ref_index]; /* they move when more are added */
    const struct rrset *rrset = ref.rrset;
    if (!ref.records)
        return;
    switch (rrset->type) {
    case TYPE_NS:
    case TYPE_MX:
    case TYPE_SRV:
        add_linked(answering, ref_index, rrset);
        break;
    case TYPE_SVCB:
    case TYPE_HTTPS:
        add_services(answering, rrset, &ref, SERVICES_MAX);
        break;
    case TYPE_NAPTR:
        add_replacements(answering, rrset);
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
