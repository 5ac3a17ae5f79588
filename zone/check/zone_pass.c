#include "zone/check/zone_pass.h"

#include <string.h>

#include "zone/store/index.h"
#include "zone/text/chunks.h"
#include "zone/wire/type.h"

static bool entry_is(const struct build *build, size_t i, const uint8_t *name, size_t len)
{
    const struct run *run = build->entries[i].run;
    return run->name_len == len && memcmp(run->name, name, len) == 0;
}

size_t zone_pass_find(const struct build *build, const uint8_t *name, size_t *count)
{
    size_t from = 0, to = build->count, len = name_len(name);
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (name_compare(build->entries[middle].run->name, name) < 0)
            from = middle + 1;
        else
            to = middle;
    }
    *count = 0;
    while (from + *count < build->count && entry_is(build, from + *count, name, len))
        ++*count;
    return from;
}

const struct node *zone_pass_node(const struct zone_pass *pass, const uint8_t *name)
{
    const struct build *build = pass->build;
    unsigned relative = (unsigned)name_len(name) - build->apex_len;
    if (pass->zone->image == NULL)
        return NULL;
    uint32_t ref = index_find(pass->zone->image, index_hash(build->seed, name, relative), name, relative);
    return ref != 0 ? image_node(pass->zone->image, ref) : NULL;
}

bool zone_pass_gather(struct zone_pass *pass, const uint8_t *name)
{
    size_t count, from = zone_pass_find(pass->build, name, &count);
    return count > 0 && gather(&pass->gathered, pass->build->entries + from, count, false) == ERR_OK;
}

/* ---- the apex: names that its records give ---- */

/* Does something above answer for the absent NAME: a delegation, a DNAME, a wildcard? */
static bool is_covered(const struct zone_pass *pass, const uint8_t *name)
{
    while (name_len(name) > pass->build->apex_len) {
        name += *name + 1;
        const struct node *node = zone_pass_node(pass, name);
        if (node != NULL)
            return (node->flags & (NODE_DELEGATION | NODE_DNAME | NODE_WILDCARD_CHILD | NODE_HIDDEN)) != 0;
    }
    return false;
}

enum standing zone_pass_standing(const struct zone_pass *pass, const uint8_t *written)
{
    uint8_t name[NAME_MAX];
    name_lower(name, written);
    if (!name_under(name, pass->apex))
        return STANDS_OUTSIDE;
    const struct node *node = zone_pass_node(pass, name);
    if (node == NULL)
        return is_covered(pass, name) ? STANDS_COVERED : STANDS_MISSING;
    if ((node->flags & (NODE_DELEGATION | NODE_HIDDEN)) != 0)
        return STANDS_COVERED;
    if ((node->flags & NODE_CNAME) != 0)
        return STANDS_ALIAS;
    return (node->flags & NODE_ADDRESSES) != 0 ? STANDS_HOST : STANDS_BARE;
}

static void check_primary(struct zone_pass *pass)
{
    const struct gathered_set *soa = visit_set(&pass->gathered, TYPE_SOA);
    char text[NAME_TEXT_MAX];
    if (soa == NULL)
        return;
    const struct gathered_record *record = &pass->gathered.records[soa->from];
    name_print(record->record->rdata, text);
    if (record->record->rdata[0] == 0)
        TELL_RECORD(pass, "soa-mname-missing", record, PART_DATA, "the primary is the root");
    switch (zone_pass_standing(pass, record->record->rdata)) {
    case STANDS_MISSING:
    case STANDS_BARE:
        TELL_RECORD(pass, "soa-mname-missing", record, PART_DATA, "the primary %s has no address", text);
        break;
    case STANDS_ALIAS:
        TELL_RECORD(pass, "soa-mname-cname", record, PART_DATA, "the primary %s is an alias", text);
        break;
    default:
        break;
    }
}

/* The form of the text: the SOA first, a newline last. */
static void check_text(struct zone_pass *pass)
{
    const struct zone_text *text = pass->zone->text;
    const struct input *input = &sources_get(text->sources, text->file)->input;
    const struct gathered_set *soa = visit_set(&pass->gathered, TYPE_SOA);
    const struct run *first = NULL;
    for (size_t i = 0; i < text->count && first == NULL; i++) {
        if (text->chunks[i].tape.run_count > 0)
            first = tape_first(&text->chunks[i].tape);
    }
    if (soa != NULL && first != NULL && first->record_count > 0 && run_first(first)->type != TYPE_SOA)
        TELL_RECORD(pass, "soa-not-first", &pass->gathered.records[soa->from], PART_TYPE,
            "the SOA is not the first record");
    if (input->len > 0 && input->text[input->len - 1] != '\n') {
        const struct gathered_record *at = pass->gathered.record_count > 0 ? pass->gathered.records : NULL;
        TELL_AT(pass->shared, pass->lint, "file-no-newline", at != NULL ? at->run : NULL,
            at != NULL ? at->record : NULL, PART_OWNER, "the file does not end with a newline");
    }
}

/* ---- records that were kept for now ---- */

static bool has_type(struct zone_pass *pass, const uint8_t *written, uint16_t type)
{
    uint8_t name[NAME_MAX];
    name_lower(name, written);
    return zone_pass_gather(pass, name) && visit_set(&pass->gathered, type) != NULL;
}

static void check_rp(struct zone_pass *pass, const struct gathered_record *record)
{
    const uint8_t *name = record->record->rdata + name_len(record->record->rdata);
    char text[NAME_TEXT_MAX];
    enum standing standing = *name != 0 ? zone_pass_standing(pass, name) : STANDS_OUTSIDE;
    bool missing = standing == STANDS_MISSING || standing == STANDS_BARE || standing == STANDS_HOST;
    if (!missing || has_type(pass, name, TYPE_TXT))
        return;
    name_print(name, text);
    TELL_RECORD(pass, "rp-txt", record, PART_DATA + 1, "%s has no TXT record", text);
}

static void check_tlsa(struct zone_pass *pass, const struct gathered_record *record)
{
    const uint8_t *host = name_skip(record->run->name, 2);
    char text[NAME_TEXT_MAX];
    enum standing standing = zone_pass_standing(pass, host);
    /* The record's own name makes the host an empty name at least (RFC 4592 2.2.2). */
    if (standing != STANDS_MISSING && (standing != STANDS_BARE || zone_pass_gather(pass, host)))
        return;
    name_print(host, text);
    TELL_RECORD(pass, "tlsa-host", record, PART_OWNER, "the host %s is not in the zone", text);
}

static void check_svcb(struct zone_pass *pass, const struct gathered_record *record)
{
    const uint8_t *target = record->record->rdata + 2;
    char text[NAME_TEXT_MAX];
    if (*target == 0)
        return;
    enum standing standing = zone_pass_standing(pass, target);
    bool alias_mode = record->record->rdata[0] == 0 && record->record->rdata[1] == 0;
    if (standing != STANDS_MISSING && (standing != STANDS_BARE || alias_mode))
        return;
    name_print(target, text);
    TELL_RECORD(pass, "svcb-target", record, PART_DATA + 1, "the target %s %s", text,
        standing == STANDS_MISSING ? "is not in the zone" : "has no address");
}

static void check_later(struct zone_pass *pass)
{
    for (size_t i = 0; i < pass->shared->later_count; i++) {
        const struct gathered_record *record = &pass->shared->later[i];
        if (record->type == TYPE_RP)
            check_rp(pass, record);
        else if (record->type == TYPE_TLSA)
            check_tlsa(pass, record);
        else
            check_svcb(pass, record);
    }
}

/* ---- how the zone is signed ---- */

static void check_signing(struct zone_pass *pass, bool keys, bool param)
{
    const struct seen_record *signature = &pass->shared->seen[SEEN_SIGNATURE];
    const struct seen_record *nsec = &pass->shared->seen[SEEN_NSEC];
    const struct run *nsec3 = pass->build->nsec3_count > 0 ? pass->build->nsec3_entries[0].run : NULL;
    if (!keys && signature->run != NULL)
        TELL_RECORD(pass, "dnskey-missing", signature, PART_TYPE, "a signature in a zone without DNSKEY");
    else if (!keys && nsec->run != NULL)
        TELL_RECORD(pass, "dnskey-missing", nsec, PART_TYPE, "NSEC in a zone without DNSKEY");
    if (nsec3 == NULL)
        return;
    const struct seen_record first = {.run = nsec3, .record = run_first(nsec3)};
    if (!param)
        TELL_RECORD(pass, "nsec3param-missing", &first, PART_TYPE, "NSEC3 in a zone without NSEC3PARAM");
    if (nsec->run != NULL)
        TELL_RECORD(pass, "nsec3-and-nsec", nsec, PART_TYPE, "the zone has NSEC and NSEC3 records");
}

void zone_pass(struct visits *shared, struct lint *lint, const struct lint_zone *zone)
{
    bool keys = false, param = false;
    struct zone_pass pass = {
        .shared = shared, .lint = lint, .zone = zone, .build = zone->build, .apex = zone->build->apex};
    if (zone_pass_gather(&pass, pass.apex)) {
        keys = visit_set(&pass.gathered, TYPE_DNSKEY) != NULL;
        param = visit_set(&pass.gathered, TYPE_NSEC3PARAM) != NULL;
        if (zone->image != NULL)
            check_primary(&pass);
        check_text(&pass);
    }
    check_signing(&pass, keys, param);
    if (zone->image != NULL && shared->options->verify)
        zone_signed(&pass, keys);
    if (zone->image != NULL) {
        check_later(&pass);
        zone_walk(&pass);
        if (shared->seen[SEEN_DNAME].run != NULL || visit_on(shared, "glue-sibling-missing"))
            zone_walk_targets(&pass);
        if (visit_on(shared, "wildcard-shadowed"))
            zone_walk_wildcards(&pass);
    }
    gather_clear(&pass.gathered);
}
