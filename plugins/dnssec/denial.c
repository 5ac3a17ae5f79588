#include "plugins/dnssec/denial.h"

#include <string.h>

#include "plugins/zones.h"
#include "zone/sec/outline.h"
#include "zone/store/find.h"
#include "zone/wire/name.h"
#include "zone/wire/reply_open.h"
#include "zone/wire/type.h"

#define TYPES_MAX 256
#define BITMAP_MAX (256 * 34)

struct types {
    uint16_t at[TYPES_MAX];
    unsigned count;
};

static void add_type(struct types *types, uint16_t type)
{
    unsigned at = types->count;
    if (types->count == TYPES_MAX)
        return;
    for (unsigned i = 0; i < types->count; i++)
        if (types->at[i] == type)
            return;
    for (; at > 0 && types->at[at - 1] > type; at--)
        types->at[at] = types->at[at - 1];
    types->at[at] = type;
    types->count++;
}

/* RFC 4034 6.1: the first name behind NAME is that with a label of one zero octet in front. Where a name has
 * no more room for one, its first label is made longer, or its last octet that can be is raised. */
static size_t next_name(const uint8_t *name, uint8_t *out)
{
    size_t len = name_len(name);
    if (len + 2 <= NAME_MAX) {
        out[0] = 1;
        out[1] = 0;
        memcpy(out + 2, name, len);
        return len + 2;
    }
    memcpy(out, name, len);
    if (name[0] < 63 && len < NAME_MAX) {
        memmove(out + 2 + name[0], name + 1 + name[0], len - 1 - name[0]);
        out[0]++;
        out[1 + name[0]] = 0;
        return len + 1;
    }
    for (unsigned i = name[0]; i > 0; i--) {
        if (out[i] == 255)
            continue;
        out[i] = out[i] == '@' ? '[' : (uint8_t)(out[i] + 1); /* capitals sort as small letters */
        break;
    }
    return len;
}

/* ---- which types there are ---- */

static void types_of_node(struct types *types, const struct node *node, bool apex)
{
    const struct rrset *rrset = node_rrsets(node);
    for (unsigned i = 0; i < node->rrset_count; i++, rrset = rrset_next(rrset)) {
        bool cut = (node->flags & NODE_DELEGATION) != 0 && !apex;
        if (rrset->count != 0 && (!cut || rrset->type == TYPE_NS || rrset->type == TYPE_DS))
            add_type(types, rrset->type);
    }
}

/* Types that a backend which cannot be asked for a list may have: all of them but the one that it has just
 * denied. What is named here and is not there costs a question more, never a wrong answer. */
static void types_of_backend(struct types *types, uint16_t denied)
{
    static const uint16_t usual[] = {
        TYPE_A, TYPE_MX, TYPE_TXT, TYPE_AAAA, TYPE_SRV, TYPE_CAA, TYPE_SVCB, TYPE_HTTPS};
    for (unsigned i = 0; i < ARRAY_COUNT(usual); i++)
        if (usual[i] != denied)
            add_type(types, usual[i]);
}

/* Finds NAME in the zone when this server holds it. */
static bool find_held(
    struct find *find, const struct online_zone *zone, const struct query *query, struct question *question)
{
    struct zone *held = query_zone(query, zone->name);
    struct snapshot *snapshot =
        held != NULL ? atomic_load_explicit(&held->current, memory_order_acquire) : NULL;
    if (snapshot == NULL)
        return false;
    find_name(find, snapshot, question);
    return true;
}

/* A zone held by this server knows what a name has; also a name made from a wildcard. */
static bool types_of_zone(
    struct types *types, const struct online_zone *zone, const struct query *query, const uint8_t *name)
{
    struct question question;
    struct find find;
    question_set(&question, name, query->question->type, CLASS_IN);
    if (!find_held(&find, zone, query, &question))
        return false;
    const struct node *node = find.exact ? find.node : find_source(&find);
    if (node != NULL)
        types_of_node(types, node, name_equal(name, zone->name));
    return true;
}

static void types_of_apex(struct types *types, const struct online_zone *zone)
{
    add_type(types, TYPE_NS);
    add_type(types, TYPE_SOA);
    add_type(types, TYPE_DNSKEY);
    if (zone->cds != NULL)
        add_type(types, TYPE_CDS);
    if (zone->cdnskey != NULL)
        add_type(types, TYPE_CDNSKEY);
}

/* ---- the records ---- */

static bool add_signed(struct online *online, const struct online_zone *zone, struct query *query,
    const uint8_t *name, const struct rrset *rrset, uint32_t ttl)
{
    const struct rrset *made = online_sign(online, zone, name, rrset, ttl, query);
    struct rr_ref *added =
        made != NULL ? reply_add(&query->reply, SECTION_AUTHORITY, made, query->scratch) : NULL;
    if (added == NULL)
        return false;
    added->signatures = true;
    return reply_set_owner(added, name, query->question, query->scratch) == ERR_OK;
}

static bool add_nsec(struct online *online, const struct online_zone *zone, struct query *query,
    const uint8_t *name, struct types *types, uint32_t ttl)
{
    uint8_t rdata[NAME_MAX + 1 + BITMAP_MAX];
    add_type(types, TYPE_RRSIG);
    add_type(types, TYPE_NSEC);
    size_t len = next_name(name, rdata);
    len += type_bitmap_write(types->at, types->count, rdata + len);
    struct rdata_ref ref = {rdata, (uint16_t)len};
    const struct rrset *nsec = rrset_make(query->scratch, TYPE_NSEC, ttl, &ref, 1);
    return nsec != NULL && add_signed(online, zone, query, name, nsec, ttl);
}

bool denial_add(struct online *online, const struct online_zone *zone, struct query *query,
    const uint8_t *name, bool exists, uint32_t ttl)
{
    struct types types = {.count = 0};
    if (!exists)
        add_type(&types, TYPE_NXNAME);
    else if (!types_of_zone(&types, zone, query, name))
        types_of_backend(&types, query->question->type);
    if (exists && name_equal(name, zone->name))
        types_of_apex(&types, zone);
    return add_nsec(online, zone, query, name, &types, ttl);
}

bool denial_add_delegation(struct online *online, const struct online_zone *zone, struct query *query,
    const uint8_t *name, uint32_t ttl)
{
    struct types types = {.count = 0};
    struct question question;
    struct find find;
    question_set(&question, name, query->question->type, CLASS_IN);
    const struct rrset *ds = NULL;
    if (find_held(&find, zone, query, &question) && find.exact)
        ds = node_rrset(find.node, TYPE_DS);
    if (ds != NULL && ds->count != 0)
        return add_signed(online, zone, query, name, ds, ds->ttl);
    add_type(&types, TYPE_NS);
    return add_nsec(online, zone, query, name, &types, ttl);
}
