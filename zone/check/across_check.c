/* The checks of zones against each other. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "zone/base/file.h"
#include "zone/check/across.h"
#include "zone/sec/key.h"
#include "zone/text/part.h"
#include "zone/wire/type.h"

struct crossing {
    const struct across *across;
    struct finding_sink sink;
};

/* ---- telling ---- */

static void place(
    const struct file_map *map, const struct across_record *record, unsigned part, struct finding *finding)
{
    const char *text = (const char *)map->bytes, *at = text;
    finding->token = text + record->at;
    part_find(text + record->at, map->len - record->at, part, &finding->token, &finding->token_len);
    finding->line = 1;
    for (const char *newline; (newline = memchr(at, '\n', (size_t)(finding->token - at))) != NULL;
         at = newline + 1)
        finding->line++;
    finding->column = (uint32_t)(finding->token - at) + 1;
}

static void tell(const struct crossing *crossing, const char *rule, const struct across_zone *zone,
    const struct across_record *record, unsigned part, const char *format, ...)
    __attribute__((format(printf, 6, 7)));
static void tell(const struct crossing *crossing, const char *rule, const struct across_zone *zone,
    const struct across_record *record, unsigned part, const char *format, ...)
{
    char message[NAME_TEXT_MAX * 2];
    struct file_map map;
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    struct finding finding = {.rule = rule, .file = zone->files[record->file], .message = message};
    bool mapped = strcmp(finding.file, "-") != 0 && file_map_open(&map, finding.file) == ERR_OK;
    if (mapped && record->at < map.len)
        place(&map, record, part, &finding);
    crossing->sink.report(crossing->sink.context, &finding);
    if (mapped)
        file_map_close(&map);
}

static const struct across_record *soa_of(const struct across_zone *zone)
{
    return across_next(across_find(zone, zone->apex), TYPE_SOA, NULL);
}

/* ---- parent and child ---- */

static bool has_same(const struct across_name *name, const struct across_record *record, bool names)
{
    for (const struct across_record *at = NULL; (at = across_next(name, record->type, at)) != NULL;) {
        if (names
                ? name_equal(at->rdata, record->rdata)
                : at->rdata_len == record->rdata_len && memcmp(at->rdata, record->rdata, at->rdata_len) == 0)
            return true;
    }
    return false;
}

static void compare_servers(const struct crossing *crossing, const struct across_zone *parent,
    const struct across_name *cut, const struct across_zone *child, const struct across_name *apex)
{
    char name[NAME_TEXT_MAX], zone[NAME_TEXT_MAX];
    name_print(child->apex, zone);
    for (const struct across_record *ns = NULL; (ns = across_next(cut, TYPE_NS, ns)) != NULL;) {
        if (has_same(apex, ns, true))
            continue;
        name_print(ns->rdata, name);
        tell(crossing, "across-delegation-differs", parent, ns, PART_DATA,
            "%s is delegated to %s, which is none of its own name servers", zone, name);
    }
    for (const struct across_record *ns = NULL; (ns = across_next(apex, TYPE_NS, ns)) != NULL;) {
        if (has_same(cut, ns, true))
            continue;
        name_print(ns->rdata, name);
        tell(crossing, "across-delegation-differs", child, ns, PART_DATA,
            "the delegation of %s in its parent does not name %s", zone, name);
    }
}

static void compare_glue_of(const struct crossing *crossing, const struct across_zone *parent,
    const struct across_zone *child, const uint8_t *server, uint16_t type)
{
    const struct across_name *glue = across_find(parent, server), *own = across_find(child, server);
    char name[NAME_TEXT_MAX];
    name_print(server, name);
    for (const struct across_record *at = NULL; (at = across_next(glue, type, at)) != NULL;) {
        if (!has_same(own, at, false))
            tell(crossing, "across-glue-differs", parent, at, PART_DATA,
                "the glue of %s is none of its addresses in the delegated zone", name);
    }
    if (across_next(glue, type, NULL) == NULL)
        return;
    for (const struct across_record *at = NULL; (at = across_next(own, type, at)) != NULL;) {
        if (!has_same(glue, at, false))
            tell(crossing, "across-glue-differs", child, at, PART_DATA,
                "the parent zone's glue of %s lacks this address", name);
    }
}

static void compare_glue(const struct crossing *crossing, const struct across_zone *parent,
    const struct across_name *cut, const struct across_zone *child)
{
    uint8_t server[NAME_MAX];
    for (const struct across_record *ns = NULL; (ns = across_next(cut, TYPE_NS, ns)) != NULL;) {
        name_lower(server, ns->rdata);
        if (!name_under(server, child->apex) || across_zone_of(crossing->across, server, false) != child ||
            across_state(child, server) == ACROSS_COVERED)
            continue;
        compare_glue_of(crossing, parent, child, server, TYPE_A);
        compare_glue_of(crossing, parent, child, server, TYPE_AAAA);
    }
}

/* RFC 4035 5.2: one that fits is enough; others may be on their way in or out. */
static void compare_keys(const struct crossing *crossing, const struct across_zone *parent,
    const struct across_name *cut, const struct across_zone *child, const struct across_name *apex)
{
    char zone[NAME_TEXT_MAX];
    const struct across_record *first = across_next(cut, TYPE_DS, NULL);
    if (first == NULL || across_next(apex, TYPE_DNSKEY, NULL) == NULL)
        return;
    for (const struct across_record *ds = NULL; (ds = across_next(cut, TYPE_DS, ds)) != NULL;) {
        for (const struct across_record *key = NULL; (key = across_next(apex, TYPE_DNSKEY, key)) != NULL;) {
            if (ds_matches(ds->rdata, ds->rdata_len, child->apex, key->rdata, key->rdata_len))
                return;
        }
    }
    name_print(child->apex, zone);
    tell(crossing, "across-ds-differs", parent, first, PART_DATA,
        "no DS of %s is the digest of one of its keys", zone);
}

/* Is APEX hidden in PARENT below another delegation? Then that zone, which is not here, delegates it. */
static bool is_hidden(const struct across_zone *parent, const uint8_t *apex)
{
    size_t parent_len = name_len(parent->apex);
    for (apex += *apex + 1; name_len(apex) > parent_len; apex += *apex + 1) {
        const struct across_name *above = across_find(parent, apex);
        if (above != NULL &&
            (across_next(above, TYPE_NS, NULL) != NULL || across_next(above, TYPE_DNAME, NULL)))
            return true;
    }
    return false;
}

static void check_delegation(const struct crossing *crossing, const struct across_zone *child)
{
    const struct across_zone *parent = across_zone_of(crossing->across, child->apex, true);
    const struct across_record *soa = soa_of(child);
    char zone[NAME_TEXT_MAX], above[NAME_TEXT_MAX];
    if (parent == NULL || soa == NULL || is_hidden(parent, child->apex))
        return;
    const struct across_name *cut = across_find(parent, child->apex), *apex = across_find(child, child->apex);
    if (across_next(cut, TYPE_NS, NULL) == NULL) {
        name_print(child->apex, zone);
        name_print(parent->apex, above);
        tell(crossing, "across-delegation-missing", child, soa, PART_OWNER, "%s does not delegate %s", above,
            zone);
        return;
    }
    compare_servers(crossing, parent, cut, child, apex);
    compare_glue(crossing, parent, cut, child);
    compare_keys(crossing, parent, cut, child, apex);
}

/* ---- targets in another zone ---- */

static void check_target(
    const struct crossing *crossing, const struct across_zone *zone, const struct across_record *record)
{
    uint8_t target[NAME_MAX];
    char name[NAME_TEXT_MAX], type[16];
    name_lower(target, record->rdata + rrset_name_at(record->type));
    const struct across_zone *other = across_zone_of(crossing->across, target, false);
    if (*target == 0 || other == NULL || other == zone || across_state(other, target) != ACROSS_MISSING)
        return;
    name_print(target, name);
    type_print(record->type, type);
    unsigned part = PART_DATA + (record->type == TYPE_MX ? 1u : record->type == TYPE_SRV ? 3u : 0u);
    tell(crossing, "across-target-missing", zone, record, part,
        "%s points to %s, which is not in its zone %s", type, name, other->files[0]);
}

/* ---- addresses and their names ---- */

static int hex_digit(uint8_t c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_ip4(const uint8_t *name, uint8_t *ip)
{
    for (int i = 3; i >= 0; i--, name += *name + 1) {
        unsigned value = 0;
        if (*name == 0 || *name > 3)
            return false;
        for (unsigned c = 1; c <= *name; c++) {
            if ((uint8_t)(name[c] - '0') > 9)
                return false;
            value = value * 10 + (unsigned)(name[c] - '0');
        }
        if (value > 255)
            return false;
        ip[i] = (uint8_t)value;
    }
    return name_equal(name, (const uint8_t *)"\7in-addr\4arpa");
}

static bool read_ip6(const uint8_t *name, uint8_t *ip)
{
    memset(ip, 0, 16);
    for (int i = 31; i >= 0; i--, name += *name + 1) {
        int digit = *name == 1 ? hex_digit(name[1]) : -1;
        if (digit < 0)
            return false;
        ip[i / 2] = (uint8_t)(ip[i / 2] | digit << (i % 2 == 0 ? 4 : 0));
    }
    return name_equal(name, (const uint8_t *)"\3ip6\4arpa");
}

/* The name that has the PTR of an address (RFC 1035 3.5, RFC 3596 2.5). */
static void write_reverse(const struct across_record *address, uint8_t *name)
{
    static const char digits[] = "0123456789abcdef";
    for (int i = address->rdata_len - 1; i >= 0; i--) {
        if (address->type == TYPE_A) {
            char text[8];
            int len = snprintf(text, sizeof text, "%u", address->rdata[i]);
            *name++ = (uint8_t)len;
            memcpy(name, text, (size_t)len);
            name += len;
        } else {
            uint8_t labels[4] = {
                1, (uint8_t)digits[address->rdata[i] & 15], 1, (uint8_t)digits[address->rdata[i] >> 4]};
            memcpy(name, labels, 4);
            name += 4;
        }
    }
    if (address->type == TYPE_A)
        memcpy(name, "\7in-addr\4arpa", 14);
    else
        memcpy(name, "\3ip6\4arpa", 10);
}

static void check_ptr(const struct crossing *crossing, const struct across_zone *zone, const uint8_t *owner,
    const struct across_record *ptr)
{
    uint8_t ip[16], target[NAME_MAX];
    char name[NAME_TEXT_MAX];
    uint16_t type = read_ip4(owner, ip) ? TYPE_A : TYPE_AAAA;
    if (type == TYPE_AAAA && !read_ip6(owner, ip))
        return;
    name_lower(target, ptr->rdata);
    const struct across_zone *other = across_zone_of(crossing->across, target, false);
    if (other == NULL || other == zone)
        return;
    enum across_state state = across_state(other, target);
    const struct across_name *there = across_find(other, target);
    const struct across_record wanted = {
        .rdata = ip, .type = type, .rdata_len = (uint16_t)(type == TYPE_A ? 4 : 16)};
    if (state == ACROSS_COVERED || across_next(there, TYPE_CNAME, NULL) != NULL ||
        has_same(there, &wanted, false))
        return;
    name_print(target, name);
    tell(crossing, "across-ptr-differs", zone, ptr, PART_DATA, "%s %s", name,
        state == ACROSS_MISSING ? "is not in its zone" : "does not have this address");
}

static void check_address(
    const struct crossing *crossing, const struct across_zone *zone, const struct across_record *address)
{
    uint8_t name[NAME_MAX];
    char text[NAME_TEXT_MAX];
    write_reverse(address, name);
    const struct across_zone *reverse = across_zone_of(crossing->across, name, false);
    if (reverse == NULL || across_state(reverse, name) != ACROSS_MISSING)
        return;
    name_print(name, text);
    tell(crossing, "across-ptr-missing", zone, address, PART_DATA, "%s has no PTR", text);
}

/* ---- all ---- */

static void check_zone_records(const struct crossing *crossing, const struct across_zone *zone)
{
    for (uint32_t i = 0; i < zone->count; i++) {
        const struct across_name *name = &zone->names[i];
        bool cut = !name_equal(name->name, zone->apex) && across_next(name, TYPE_NS, NULL) != NULL;
        for (uint32_t r = 0; r < name->count; r++) {
            const struct across_record *record = &name->records[r];
            if (record->type == TYPE_CNAME || record->type == TYPE_MX || record->type == TYPE_SRV ||
                record->type == TYPE_NS)
                check_target(crossing, zone, record);
            else if (record->type == TYPE_PTR)
                check_ptr(crossing, zone, name->name, record);
            else if ((record->type == TYPE_A || record->type == TYPE_AAAA) && !cut && name->name[0] != 0 &&
                     !(name->name[0] == 1 && name->name[1] == '*'))
                check_address(crossing, zone, record);
        }
    }
}

static void check_twice(const struct crossing *crossing, const struct across_zone *zone)
{
    char name[NAME_TEXT_MAX];
    const struct across_zone *first = across_zone(crossing->across, zone->apex);
    const struct across_record *soa = soa_of(zone);
    if (first == NULL || first == zone || soa == NULL || strcmp(first->files[0], zone->files[0]) == 0)
        return;
    name_print(zone->apex, name);
    tell(crossing, "across-zone-twice", zone, soa, PART_OWNER, "%s is the zone of %s, too", name,
        first->files[0]);
}

void across_check(struct across *across, struct collect *collect)
{
    struct crossing crossing = {.across = across, .sink = collect_sink(collect)};
    if (across_sort(across) != ERR_OK) {
        collect->failed = true;
        return;
    }
    for (const struct across_zone *zone = across->first; zone != NULL; zone = zone->next) {
        check_twice(&crossing, zone);
        check_delegation(&crossing, zone);
        check_zone_records(&crossing, zone);
    }
}
