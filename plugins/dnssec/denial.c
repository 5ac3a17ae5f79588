#include "plugins/dnssec/denial.h"

#include <string.h>

#include "plugins/zones.h"
#include "zone/base/codec.h"
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

/* What whoever answers has told of the name; else what a backend may have. */
static void types_told(struct types *types, const struct query *query, const uint8_t *name)
{
    if (query->types == NULL || !name_equal(query->question->lower, name)) {
        types_of_backend(types, query->question->type);
        return;
    }
    for (unsigned i = 0; i < query->types_count; i++)
        add_type(types, query->types[i]);
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

/* ---- NSEC3 (RFC 5155, with the parameters of RFC 9276; RFC 7129 appendix B: white lies) ---- */

#define HASH_LEN 20

/* One more or less than HASH, as a number. */
static void step_hash(uint8_t hash[HASH_LEN], bool up)
{
    for (unsigned i = HASH_LEN; i-- > 0;) {
        hash[i] = (uint8_t)(up ? hash[i] + 1 : hash[i] - 1);
        if (hash[i] != (up ? 0x00 : 0xff))
            return;
    }
}

/* An NSEC3 record from OWNER to NEXT, which say nothing about any hash but the one between them. */
static bool add_nsec3(struct online *online, const struct online_zone *zone, struct query *query,
    const uint8_t owner[HASH_LEN], const uint8_t next[HASH_LEN], const struct types *types, uint32_t ttl)
{
    uint8_t rdata[6 + HASH_LEN + BITMAP_MAX] = {1, 0, 0, 0, 0, HASH_LEN}, name[1 + 32 + NAME_MAX];
    size_t apex_len = name_len(zone->name), len = 6 + HASH_LEN;
    memcpy(rdata + 6, next, HASH_LEN);
    len += type_bitmap_write(types->at, types->count, rdata + len);
    name[0] = 32;
    (void)base32hex_encode((char *)name + 1, owner, HASH_LEN);
    if (1 + 32 + apex_len > NAME_MAX)
        return false; /* no such name can be (RFC 5155 4.1.1) */
    memcpy(name + 33, zone->name, apex_len);
    name_lower(name, name);
    struct rdata_ref ref = {rdata, (uint16_t)len};
    const struct rrset *nsec3 = rrset_make(query->scratch, TYPE_NSEC3, ttl, &ref, 1);
    return nsec3 != NULL && add_signed(online, zone, query, name, nsec3, ttl);
}

/* NAME is there, with these types. */
static bool match_nsec3(struct online *online, const struct online_zone *zone, struct query *query,
    const uint8_t *name, const struct types *types, uint32_t ttl)
{
    uint8_t owner[HASH_LEN], next[HASH_LEN];
    nsec3_digest((const uint8_t *)"", 0, 0, name, name_len(name), owner);
    memcpy(next, owner, HASH_LEN);
    step_hash(next, true);
    return add_nsec3(online, zone, query, owner, next, types, ttl);
}

/* NAME is not there. */
static bool cover_nsec3(struct online *online, const struct online_zone *zone, struct query *query,
    const uint8_t *name, uint32_t ttl)
{
    static const struct types none = {.count = 0};
    uint8_t owner[HASH_LEN], next[HASH_LEN];
    nsec3_digest((const uint8_t *)"", 0, 0, name, name_len(name), owner);
    memcpy(next, owner, HASH_LEN);
    step_hash(owner, false);
    step_hash(next, true);
    return add_nsec3(online, zone, query, owner, next, &none, ttl);
}

static unsigned labels_of(const uint8_t *name)
{
    unsigned labels = 0;
    for (; *name != 0; name += *name + 1)
        labels++;
    return labels;
}

/* The last LABELS labels of NAME. */
static const uint8_t *suffix_of(const uint8_t *name, unsigned labels)
{
    for (unsigned drop = labels_of(name) - labels; drop > 0; drop--)
        name += *name + 1;
    return name;
}

/* Labels of the closest encloser of a NAME that is not there; who cannot be asked is taken to have the name
 * above. */
static unsigned encloser_labels(
    const struct online_zone *zone, const struct query *query, const uint8_t *name)
{
    struct question question;
    struct find find;
    question_set(&question, name, query->question->type, CLASS_IN);
    if (find_held(&find, zone, query, &question) && !find.exact)
        return labels_of(zone->name) + find.node->labels;
    return labels_of(name) - 1;
}

static void types_at(
    struct types *types, const struct online_zone *zone, const struct query *query, const uint8_t *name)
{
    if (!types_of_zone(types, zone, query, name))
        types_told(types, query, name);
    if (name_equal(name, zone->name)) {
        types_of_apex(types, zone);
        add_type(types, TYPE_NSEC3PARAM);
    }
}

/* An empty non-terminal has no types and no signatures, a delegation without DS none of this zone (RFC
 * 5155 7.1). */
static void add_rrsig(struct types *types)
{
    bool only_cut = types->count == 1 && types->at[0] == TYPE_NS;
    if (types->count > 0 && !only_cut)
        add_type(types, TYPE_RRSIG);
}

/* RFC 5155 7.2.2: the closest encloser is there, the name one label longer is not, and neither is a wildcard.
 */
static bool deny_name(struct online *online, const struct online_zone *zone, struct query *query,
    const uint8_t *name, uint32_t ttl)
{
    unsigned labels = encloser_labels(zone, query, name);
    const uint8_t *encloser = suffix_of(name, labels);
    uint8_t wildcard[NAME_MAX + 3] = {1, '*'};
    struct types types = {.count = 0};
    memcpy(wildcard + 2, encloser, name_len(encloser));
    types_at(&types, zone, query, encloser);
    add_rrsig(&types);
    return match_nsec3(online, zone, query, encloser, &types, ttl) &&
           cover_nsec3(online, zone, query, suffix_of(name, labels + 1), ttl) &&
           cover_nsec3(online, zone, query, wildcard, ttl);
}

static bool deny_by_nsec3(struct online *online, const struct online_zone *zone, struct query *query,
    const uint8_t *name, bool exists, uint32_t ttl)
{
    struct types types = {.count = 0};
    if (!exists)
        return deny_name(online, zone, query, name, ttl);
    types_at(&types, zone, query, name);
    add_rrsig(&types);
    return match_nsec3(online, zone, query, name, &types, ttl);
}

/* ---- what is called ---- */

bool denial_add(struct online *online, const struct online_zone *zone, struct query *query,
    const uint8_t *name, bool exists, uint32_t ttl)
{
    struct types types = {.count = 0};
    if (online->nsec3)
        return deny_by_nsec3(online, zone, query, name, exists, ttl);
    if (!exists)
        add_type(&types, TYPE_NXNAME);
    else if (!types_of_zone(&types, zone, query, name))
        types_told(&types, query, name);
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
    return online->nsec3 ? match_nsec3(online, zone, query, name, &types, ttl)
                         : add_nsec(online, zone, query, name, &types, ttl);
}
