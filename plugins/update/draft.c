#include "plugins/update/draft.h"

#include <string.h>

#include "zone/base/hash.h"
#include "zone/wire/name.h"
#include "zone/wire/rdata.h"
#include "zone/wire/type.h"

#define SERIAL_BEHIND 20 /* octets from the serial to the end of a SOA's rdata (RFC 1035 3.3.13) */
#define CANONICAL_MAX 2048

struct draft_record {
    const uint8_t *rdata;
    uint32_t ttl, ttl_before;
    uint16_t rdata_len;
    uint16_t type;
    bool was, is;
};

struct draft_name {
    struct draft_name *in_bucket, *next;
    const uint8_t *owner;
    struct draft_record *records;
    unsigned count, room;
    bool apex;
};

void draft_begin(
    struct draft *draft, const struct snapshot *snapshot, const uint8_t *apex, struct arena *memory)
{
    *draft = (struct draft){.snapshot = snapshot, .apex = apex, .memory = memory};
    draft->end = &draft->first;
}

/* ---- names and their records ---- */

static struct draft_record *append(
    struct draft *draft, struct draft_name *name, const struct draft_record *record)
{
    if (name->count == name->room) {
        unsigned room = name->room * 2 + 4;
        struct draft_record *records = ARENA_ARRAY(draft->memory, struct draft_record, room);
        if (records == NULL)
            return NULL;
        if (name->count > 0)
            memcpy(records, name->records, name->count * sizeof *records);
        name->records = records;
        name->room = room;
    }
    name->records[name->count] = *record;
    return &name->records[name->count++];
}

/* What the zone has there now. */
static bool fill(struct draft *draft, struct draft_name *name)
{
    unsigned len = (unsigned)(name_len(name->owner) - name_len(draft->apex));
    const struct node *node = snapshot_find(draft->snapshot, false, name->owner, len);
    const struct rrset *rrset = node != NULL ? node_rrsets(node) : NULL;
    for (unsigned i = 0; node != NULL && i < node->rrset_count; i++, rrset = rrset_next(rrset)) {
        const uint8_t *at = rrset->data;
        for (unsigned r = 0; r < rrset->count; r++) {
            struct record record;
            at = record_read(at, rrset_linked(rrset->type), &record);
            struct draft_record made = {.rdata = record.rdata,
                .rdata_len = record.rdata_len,
                .ttl = rrset->ttl,
                .ttl_before = rrset->ttl,
                .type = rrset->type,
                .was = true,
                .is = true};
            if (append(draft, name, &made) == NULL)
                return false;
        }
    }
    return true;
}

/* NULL: out of memory. */
static struct draft_name *name_of(struct draft *draft, const uint8_t *owner)
{
    struct draft_name **bucket = &draft->buckets[hash_bytes(0, owner, name_len(owner)) % DRAFT_BUCKETS];
    for (struct draft_name *name = *bucket; name != NULL; name = name->in_bucket) {
        if (name_equal(name->owner, owner))
            return name;
    }
    struct draft_name *name = ARENA_NEW(draft->memory, struct draft_name);
    if (name == NULL)
        return NULL;
    *name = (struct draft_name){.in_bucket = *bucket, .owner = owner, .apex = name_equal(owner, draft->apex)};
    if (!fill(draft, name))
        return NULL;
    *bucket = name;
    *draft->end = name;
    draft->end = &name->next;
    return name;
}

/* RFC 2181 5, RFC 4034 6.2: names in rdata are the same in whatever case. */
static bool same_rdata(uint16_t type, const struct draft_record *a, const uint8_t *rdata, size_t len)
{
    uint8_t left[CANONICAL_MAX], right[CANONICAL_MAX];
    if (a->rdata_len != len)
        return false;
    if (memcmp(a->rdata, rdata, len) == 0)
        return true;
    if ((type_info(type)->flags & TYPE_FLAG_LOWER) == 0 || len > sizeof left)
        return false;
    memcpy(left, a->rdata, len);
    memcpy(right, rdata, len);
    rdata_canonical(type, left, len);
    rdata_canonical(type, right, len);
    return memcmp(left, right, len) == 0;
}

static struct draft_record *find(const struct draft_name *name, const struct update_record *record)
{
    for (unsigned i = 0; i < name->count; i++) {
        if (name->records[i].type == record->type &&
            same_rdata(record->type, &name->records[i], record->rdata, record->rdata_len))
            return &name->records[i];
    }
    return NULL;
}

/* TYPE_ANY: of any type. */
static unsigned count_of(const struct draft_name *name, uint16_t type)
{
    unsigned count = 0;
    for (unsigned i = 0; i < name->count; i++)
        count += name->records[i].is && (type == TYPE_ANY || name->records[i].type == type);
    return count;
}

/* ---- prerequisites ---- */

/* RFC 2136 2.4.2: the RRset is exactly that of the records of its name and type in the section. The TTL does
 * not matter. */
static bool set_is(
    const struct draft_name *name, const struct update_section *section, const struct update_record *like)
{
    unsigned wanted = 0;
    for (unsigned i = 0; i < section->count; i++) {
        const struct update_record *record = &section->records[i];
        if (record->class != CLASS_IN || record->type != like->type ||
            !name_equal(record->owner, like->owner))
            continue;
        const struct draft_record *found = find(name, record);
        if (found == NULL)
            return false;
        bool again = false;
        for (unsigned before = 0; before < i && !again; before++)
            again = section->records[before].class == CLASS_IN &&
                    section->records[before].type == record->type &&
                    name_equal(section->records[before].owner, record->owner) &&
                    same_rdata(record->type, found, section->records[before].rdata,
                        section->records[before].rdata_len);
        wanted += !again;
    }
    return wanted == count_of(name, like->type);
}

/* The sets are compared once, at their first record. */
static bool is_first_of_set(const struct update_section *section, unsigned at)
{
    const struct update_record *record = &section->records[at];
    for (unsigned i = 0; i < at; i++) {
        const struct update_record *before = &section->records[i];
        if (before->class == CLASS_IN && before->type == record->type &&
            name_equal(before->owner, record->owner))
            return false;
    }
    return true;
}

static enum rcode require(struct draft *draft, const struct update_section *section, unsigned at)
{
    const struct update_record *record = &section->records[at];
    const struct draft_name *name = name_of(draft, record->owner);
    if (name == NULL)
        return RCODE_SERVFAIL;
    unsigned count = count_of(name, record->type);
    switch (record->class) {
    case CLASS_ANY: /* 2.4.1, 2.4.4 */
        return count > 0 ? RCODE_NOERROR : record->type == TYPE_ANY ? RCODE_NXDOMAIN : RCODE_NXRRSET;
    case CLASS_NONE: /* 2.4.3, 2.4.5 */
        return count == 0 ? RCODE_NOERROR : record->type == TYPE_ANY ? RCODE_YXDOMAIN : RCODE_YXRRSET;
    default:
        return !is_first_of_set(section, at) || set_is(name, section, record) ? RCODE_NOERROR : RCODE_NXRRSET;
    }
}

enum rcode draft_require(struct draft *draft, const struct update_section *prerequisites)
{
    enum rcode rcode = RCODE_NOERROR;
    for (unsigned i = 0; i < prerequisites->count && rcode == RCODE_NOERROR; i++)
        rcode = require(draft, prerequisites, i);
    return rcode;
}

/* ---- updates ---- */

static void drop_all(struct draft_name *name, uint16_t type)
{
    for (unsigned i = 0; i < name->count; i++) {
        struct draft_record *record = &name->records[i];
        bool kept = name->apex && (record->type == TYPE_SOA || record->type == TYPE_NS);
        if (!kept && (type == TYPE_ANY || record->type == type))
            record->is = false;
    }
}

/* RFC 2136 3.4.2.4: the SOA stays, and so does the last NS of the zone. */
static void drop_one(struct draft_name *name, const struct update_record *update)
{
    struct draft_record *record = find(name, update);
    bool last_ns = name->apex && update->type == TYPE_NS && count_of(name, TYPE_NS) == 1;
    if (record != NULL && update->type != TYPE_SOA && !last_ns)
        record->is = false;
}

static bool beside_cname(uint16_t type)
{
    return type == TYPE_CNAME || type == TYPE_RRSIG || type == TYPE_NSEC || type == TYPE_KEY;
}

static uint32_t serial_of(const uint8_t *rdata, size_t len)
{
    const uint8_t *at = rdata + len - SERIAL_BEHIND;
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static const struct draft_record *soa_of(const struct draft_name *apex)
{
    for (unsigned i = 0; i < apex->count; i++) {
        if (apex->records[i].is && apex->records[i].type == TYPE_SOA)
            return &apex->records[i];
    }
    return NULL;
}

/* RFC 2136 3.4.2.2: what is passed over in silence. */
static bool is_ignored(const struct draft_name *name, const struct update_record *update)
{
    if (update->type == TYPE_SOA) {
        const struct draft_record *soa = name->apex ? soa_of(name) : NULL;
        return soa == NULL || serial_after(serial_of(soa->rdata, soa->rdata_len),
                                  serial_of(update->rdata, update->rdata_len));
    }
    if (update->type == TYPE_CNAME) {
        for (unsigned i = 0; i < name->count; i++) {
            if (name->records[i].is && !beside_cname(name->records[i].type))
                return true;
        }
        return false;
    }
    return !beside_cname(update->type) && count_of(name, TYPE_CNAME) > 0;
}

static bool is_single(uint16_t type)
{
    return (type_info(type)->flags & TYPE_FLAG_SINGLETON) != 0;
}

static enum rcode add(struct draft *draft, struct draft_name *name, const struct update_record *update)
{
    if (is_ignored(name, update))
        return RCODE_NOERROR;
    if (is_single(update->type)) {
        for (unsigned i = 0; i < name->count; i++)
            name->records[i].is &= name->records[i].type != update->type;
    }
    struct draft_record *record = find(name, update);
    struct draft_record made = {.rdata = update->rdata, .rdata_len = update->rdata_len, .type = update->type};
    if (record == NULL && (record = append(draft, name, &made)) == NULL)
        return RCODE_SERVFAIL;
    record->is = true;
    for (unsigned i = 0; i < name->count; i++) { /* RFC 2181 5.2: one TTL for the set */
        if (name->records[i].type == update->type)
            name->records[i].ttl = update->ttl;
    }
    return RCODE_NOERROR;
}

enum rcode draft_apply(struct draft *draft, const struct update_section *updates)
{
    enum rcode rcode = RCODE_NOERROR;
    for (unsigned i = 0; i < updates->count && rcode == RCODE_NOERROR; i++) {
        const struct update_record *update = &updates->records[i];
        struct draft_name *name = name_of(draft, update->owner);
        if (name == NULL)
            return RCODE_SERVFAIL;
        if (update->class == CLASS_ANY)
            drop_all(name, update->type);
        else if (update->class == CLASS_NONE)
            drop_one(name, update);
        else
            rcode = add(draft, name, update);
    }
    return rcode;
}

/* ---- the change set ---- */

static bool has_changed(const struct draft_record *record)
{
    return record->was != record->is || (record->is && record->ttl != record->ttl_before);
}

static bool any_change(const struct draft *draft)
{
    for (const struct draft_name *name = draft->first; name != NULL; name = name->next) {
        for (unsigned i = 0; i < name->count; i++) {
            if (has_changed(&name->records[i]))
                return true;
        }
    }
    return false;
}

/* RFC 2136 3.6: a serial that is as it was goes up, past 0 (which some take for none, 7.11). */
static enum err raise_serial(struct draft *draft)
{
    struct draft_name *apex = name_of(draft, draft->apex);
    const struct draft_record *soa = apex != NULL ? soa_of(apex) : NULL;
    uint32_t serial = draft->snapshot->serial;
    if (soa == NULL)
        return ERR_MEMORY;
    if (serial_after(serial_of(soa->rdata, soa->rdata_len), serial))
        return ERR_OK;
    serial = serial + 1 == 0 ? 1 : serial + 1;
    uint8_t *rdata = (uint8_t *)arena_copy(draft->memory, (const char *)soa->rdata, soa->rdata_len);
    if (rdata == NULL)
        return ERR_MEMORY;
    for (unsigned i = 0; i < 4; i++)
        rdata[soa->rdata_len - SERIAL_BEHIND + i] = (uint8_t)(serial >> (24 - 8 * i));
    struct update_record update = {.owner = draft->apex,
        .rdata = rdata,
        .rdata_len = soa->rdata_len,
        .ttl = soa->ttl,
        .type = TYPE_SOA,
        .class = CLASS_IN};
    return add(draft, apex, &update) == RCODE_NOERROR ? ERR_OK : ERR_MEMORY;
}

static enum err put(const struct draft_name *name, const struct draft_record *record, struct change *out)
{
    enum err err = ERR_OK;
    if (record->was)
        err = change_remove(
            out, name->owner, record->type, record->ttl_before, record->rdata, record->rdata_len);
    if (record->is && err == ERR_OK)
        err = change_add(out, name->owner, record->type, record->ttl, record->rdata, record->rdata_len);
    return err;
}

enum err draft_finish(struct draft *draft, struct change *out)
{
    if (!any_change(draft))
        return ERR_OK;
    enum err err = raise_serial(draft);
    for (const struct draft_name *name = draft->first; name != NULL && err == ERR_OK; name = name->next) {
        for (unsigned i = 0; i < name->count && err == ERR_OK; i++) {
            if (has_changed(&name->records[i]))
                err = put(name, &name->records[i], out);
        }
    }
    return err;
}
