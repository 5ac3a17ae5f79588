#include "zone/check/visit.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zone/wire/type.h"

void visit_tell(const struct visits *shared, struct lint *lint, size_t number, const struct run *run,
    const struct tape_record *record, unsigned part, const char *format, ...)
{
    char message[NAME_TEXT_MAX + 300];
    uint8_t level = shared->levels.of[number];
    if (level == LEVEL_OFF)
        return;
    const struct rule *rule = rule_at(number);
    struct lint_row row = {.name = rule->name, .severity = (enum severity)level, .hint = rule->hint};
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    lint_tell(lint, &row, run, record, part, "%s", message);
}

const struct gathered_set *visit_set(const struct gathered *gathered, uint16_t type)
{
    for (uint32_t i = 0; i < gathered->set_count; i++) {
        if (gathered->sets[i].type == type && gathered->sets[i].count > 0)
            return &gathered->sets[i];
    }
    return NULL;
}

const struct gathered_record *visit_next(
    const struct visit *visit, const struct gathered_set *set, const struct gathered_record *last)
{
    const struct gathered_record *records = visit->gathered->records;
    const struct gathered_record *at = last == NULL ? &records[set->from] : last + 1;
    for (; at < &records[set->from + set->records]; at++) {
        if (!at->signature && !at->duplicate)
            return at;
    }
    return NULL;
}

static bool is_before(const struct run *run, const struct tape_record *record, const struct seen_record *seen)
{
    if (seen->run == NULL || run->file != seen->run->file)
        return seen->run == NULL || run->file < seen->run->file;
    return run->at + record->behind < seen->run->at + seen->record->behind;
}

/* Segments are visited in any order, and most records come behind the first: it is looked at without the lock
 * as to save that. */
void visit_see(struct visit *visit, enum seen kind, const struct gathered_record *record)
{
    struct seen_record *seen = &visit->shared->seen[kind];
    const struct run *first = __atomic_load_n(&seen->run, __ATOMIC_ACQUIRE);
    if (first != NULL && first->file <= record->run->file && first->at <= record->run->at)
        return;
    pthread_mutex_lock(&visit->shared->lock);
    if (is_before(record->run, record->record, seen)) {
        seen->record = record->record;
        __atomic_store_n(&seen->run, record->run, __ATOMIC_RELEASE);
    }
    pthread_mutex_unlock(&visit->shared->lock);
}

void visit_later(struct visit *visit, const struct gathered_record *record)
{
    struct visits *shared = visit->shared;
    pthread_mutex_lock(&shared->lock);
    if (shared->later_count == shared->later_capacity) {
        size_t capacity = shared->later_capacity * 2 + 64;
        struct gathered_record *items = realloc(shared->later, capacity * sizeof *items);
        shared->failed |= items == NULL;
        shared->later = items != NULL ? items : shared->later;
        shared->later_capacity = items != NULL ? capacity : shared->later_capacity;
    }
    if (shared->later_count < shared->later_capacity)
        shared->later[shared->later_count++] = *record;
    pthread_mutex_unlock(&shared->lock);
}

bool visit_on(const struct visits *shared, const char *rule)
{
    return shared->levels.of[rule_number(rule_find(rule))] != LEVEL_OFF;
}

bool visit_label_is(const uint8_t *name, const char *label)
{
    return *name == strlen(label) && strncasecmp((const char *)name + 1, label, *name) == 0;
}

void visit_show(char *out, size_t size, const void *octets, size_t len)
{
    const uint8_t *from = octets;
    size_t shown = len < size - 1 ? len : size - 1;
    for (size_t i = 0; i < shown; i++)
        out[i] = from[i] < 0x20 || from[i] >= 0x7f ? '.' : (char)from[i];
    out[shown] = '\0';
}

/* Types up to 512 that have checks; the others are rare enough to be nobody's. */
static visit_check *const checks[512] = {
    [TYPE_A] = visit_a,
    [TYPE_NS] = visit_ns,
    [TYPE_CNAME] = visit_cname,
    [TYPE_SOA] = visit_soa,
    [TYPE_PTR] = visit_ptr,
    [TYPE_MX] = visit_mx,
    [TYPE_TXT] = visit_txt,
    [TYPE_RP] = visit_rp,
    [TYPE_AAAA] = visit_aaaa,
    [TYPE_SRV] = visit_srv,
    [TYPE_NAPTR] = visit_naptr,
    [TYPE_DNAME] = visit_dname,
    [TYPE_DS] = visit_ds,
    [TYPE_SSHFP] = visit_sshfp,
    [TYPE_NSEC] = visit_nsec,
    [TYPE_DNSKEY] = visit_dnskey,
    [TYPE_NSEC3PARAM] = visit_nsec3param,
    [TYPE_TLSA] = visit_tlsa,
    [TYPE_SMIMEA] = visit_smimea,
    [TYPE_CSYNC] = visit_csync,
    [TYPE_CDS] = visit_cds,
    [TYPE_CDNSKEY] = visit_cds,
    [TYPE_OPENPGPKEY] = visit_openpgpkey,
    [TYPE_ZONEMD] = visit_zonemd,
    [TYPE_SVCB] = visit_svcb,
    [TYPE_HTTPS] = visit_svcb,
    [TYPE_SPF] = visit_spf_type,
    [TYPE_URI] = visit_uri,
    [TYPE_CAA] = visit_caa,
};

static void check_ttl(struct visit *visit, const struct gathered_set *set)
{
    const struct gathered_record *first = &visit->gathered->records[set->from];
    char type[16];
    if (LIKELY(set->ttl <= visit->shared->ttl_max && set->ttl > 0))
        return;
    type_print(set->type, type);
    if (set->ttl == 0)
        TELL(visit, "ttl-zero", first, PART_TTL, "%s has a TTL of 0", type);
    else
        TELL(visit, "ttl-long", first, PART_TTL, "%s has a TTL of %u seconds, %u days", type, set->ttl,
            set->ttl / 86400);
}

/* RFC 4035 2.2: NS of a delegation and glue are not the zone's own. */
static void check_signed(struct visit *visit, const struct gathered_set *set)
{
    bool cut = !visit->place->apex && (visit->gathered->flags & NODE_DELEGATION) != 0;
    char type[16];
    if (set->sig_count == 0)
        return;
    visit_see(visit, SEEN_SIGNATURE, &visit->gathered->records[set->from + set->records - 1]);
    for (uint32_t i = set->from; i < set->from + set->records; i++) {
        const struct gathered_record *record = &visit->gathered->records[i];
        if (record->signature && set->count > 0 && record->record->rdata_len >= 8 &&
            visit_read32(record->record->rdata + 4) < set->ttl)
            TELL(visit, "rrsig-ttl", record, PART_DATA + 3, "the set was signed with a TTL of %u and has %u",
                visit_read32(record->record->rdata + 4), set->ttl);
    }
    if ((visit->place->above & NODE_DELEGATION) == 0 &&
        (!cut || set->type == TYPE_DS || set->type == TYPE_NSEC))
        return;
    type_print(set->type, type);
    TELL(visit, "glue-signed", &visit->gathered->records[set->from + set->records - 1], PART_DATA,
        "%s of a delegation has a signature", type);
}

static void check_set(struct visit *visit, const struct gathered_set *set)
{
    check_ttl(visit, set);
    check_signed(visit, set);
    if (set->count == 0)
        return;
    if (set->type < ARRAY_COUNT(checks) && checks[set->type] != NULL) {
        checks[set->type](visit, set);
    } else if ((type_info(set->type)->flags & TYPE_FLAG_OBSOLETE) != 0) {
        char type[16];
        type_print(set->type, type);
        TELL(visit, "type-obsolete", &visit->gathered->records[set->from], PART_TYPE, "%s is obsolete", type);
    }
}

void visit_node(
    void *context, struct lint *lint, const struct lint_place *place, const struct gathered *gathered)
{
    struct visit visit = {.shared = context, .lint = lint, .place = place, .gathered = gathered};
    visit.owner_len = place->run->name_len;
    visit.apex_len = (unsigned)name_len(place->apex_name);
    visit.reverse = visit.owner_len >= 6 && memcmp(place->owner + visit.owner_len - 6, "\4arpa", 6) == 0;
    visit_owner(&visit);
    for (uint32_t i = 0; i < gathered->set_count; i++)
        check_set(&visit, &gathered->sets[i]);
    if (place->apex)
        visit_apex(&visit);
}
