#include "plugins/catalog/members.h"

#include <stdio.h>
#include <string.h>

#include "zone/base/hash.h"
#include "zone/store/diff.h"
#include "zone/wire/name.h"
#include "zone/wire/type.h"

#define SEED 0x62616c6c69666674u
#define INVALID "\007invalid" /* RFC 9432 4.1: nobody asks its name servers */
#define TTL 0                 /* it is not for resolvers */

struct members {
    const struct members_rules *rules;
    struct change_list *list;
    uint64_t sum;
    enum err err;
};

static bool is_listed(const struct members_rules *rules, const struct zone *zone)
{
    if (strcmp(zone->kind->plugin, "catalog") == 0)
        return false;
    for (unsigned i = 0; i < rules->zones.count; i++) {
        if (name_under(zone->name, rules->zones.at[i]))
            return true;
    }
    return false;
}

static void add_sum(void *context, struct zone *zone)
{
    struct members *members = context;
    if (is_listed(members->rules, zone))
        members->sum += hash_bytes(SEED, zone->name, name_len(zone->name)) | 1;
}

uint64_t members_sum(const struct members_rules *rules, const struct block *block)
{
    struct members members = {.rules = rules};
    block_zones(block, add_sum, &members);
    return members.sum;
}

/* ---- records ---- */

/* PREFIX, whole labels, before the catalog's name; false when that is too long. */
static bool make_owner(const struct members *members, const uint8_t *prefix, size_t prefix_len, uint8_t *out)
{
    size_t len = name_len(members->rules->catalog);
    if (prefix_len + len > NAME_MAX)
        return false;
    memcpy(out, prefix, prefix_len);
    memcpy(out + prefix_len, members->rules->catalog, len);
    return true;
}

static void add(struct members *members, const void *prefix, size_t prefix_len, uint16_t type,
    const void *rdata, size_t rdata_len)
{
    uint8_t owner[NAME_MAX + 1];
    if (members->err != ERR_OK)
        return;
    members->err = !make_owner(members, prefix, prefix_len, owner)
                       ? ERR_RANGE
                       : change_list_add(members->list, owner, type, TTL, rdata, rdata_len);
}

static void add_text(struct members *members, const void *prefix, size_t prefix_len, const char *text)
{
    uint8_t rdata[256];
    size_t len = strlen(text);
    rdata[0] = (uint8_t)len;
    memcpy(rdata + 1, text, len);
    add(members, prefix, prefix_len, TYPE_TXT, rdata, len + 1);
}

static void add_head(struct members *members, uint32_t serial)
{
    uint8_t soa[] =
        INVALID "\0" INVALID "\0"
                "SSSS"
                "\0\0\016\020"   /* refresh 3600 */
                "\0\0\002\130"   /* retry 600 */
                "\0\044\352\000" /* expire 28 days: what was listed outlives its producer's absence */
                "\0\0\0";        /* minimum 0, with the string's own end */
    for (unsigned i = 0; i < 4; i++)
        soa[2 * sizeof INVALID + i] = (uint8_t)(serial >> (24 - 8 * i));
    add(members, "", 0, TYPE_SOA, soa, sizeof soa);
    add(members, "", 0, TYPE_NS, INVALID, sizeof INVALID);
    add_text(members, "\007version", 8, "2");
}

static bool has(const struct members_property *property, const struct zone *zone)
{
    for (unsigned i = 0; i < property->zones_count; i++) {
        if (name_under(zone->name, property->zones[i]))
            return true;
    }
    return false;
}

/* The last line of the Corefile that speaks of the zone, which stands first in the list, counts. */
static const struct members_property *property_of(
    const struct members *members, const struct zone *zone, bool coo)
{
    const struct members_property *property = members->rules->properties;
    while (property != NULL && ((property->coo != NULL) != coo || !has(property, zone)))
        property = property->next;
    return property;
}

static void add_member(void *context, struct zone *zone)
{
    struct members *members = context;
    char label[64];
    if (!is_listed(members->rules, zone))
        return;
    size_t len = name_len(zone->name);
    uint64_t high = hash_bytes(SEED, zone->name, len), low = hash_bytes(~SEED, zone->name, len);
    snprintf(label, sizeof label, "\006group%c%016llx%016llx\005zones", 32, (unsigned long long)high,
        (unsigned long long)low);
    label[0] = 5; /* as a name: 5 group 32 LABEL 5 zones */
    size_t label_at = 6, label_len = 1 + 32 + 6;
    add(members, label + label_at, label_len, TYPE_PTR, zone->name, len);
    const struct members_property *group = property_of(members, zone, false);
    const struct members_property *coo = property_of(members, zone, true);
    if (group != NULL)
        add_text(members, label, label_at + label_len, group->group);
    if (coo != NULL) {
        memcpy(label + 2, "\003coo", 4);
        add(members, label + 2, label_at - 2 + label_len, TYPE_PTR, coo->coo, name_len(coo->coo));
    }
}

enum err members_make(
    const struct members_rules *rules, const struct block *block, uint32_t serial, struct change_list *list)
{
    struct members members = {.rules = rules, .list = list, .err = ERR_OK};
    add_head(&members, serial);
    block_zones(block, add_member, &members);
    return members.err;
}

bool members_same(const struct snapshot *a, const struct snapshot *b)
{
    struct change change;
    if (diff_snapshots(a, b, 0, &change) != ERR_OK)
        return false;
    bool same = change_only_soa(&change);
    change_clear(&change);
    return same;
}
