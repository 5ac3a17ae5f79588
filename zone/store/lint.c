#include "zone/store/lint.h"

#include <stdarg.h>
#include <string.h>

#include "zone/text/part.h"
#include "zone/wire/message.h"
#include "zone/wire/name.h"
#include "zone/wire/rrset.h"
#include "zone/wire/type.h"

const struct lint_row lint_rows[LINT_RULES] = {
    [LINT_SOA_MISSING] = {"soa-missing", SEVERITY_ERROR, true,
        "a zone begins with one SOA record at its apex (RFC 1035 5.2)", PART_OWNER},
    [LINT_SOA_MULTIPLE] = {"soa-multiple", SEVERITY_ERROR, true, "keep one (RFC 1035 5.2)", PART_TYPE},
    [LINT_SOA_BELOW_APEX] = {"soa-below-apex", SEVERITY_ERROR, false,
        "is the zone's origin right? Give it with -o (RFC 1035 5.2)", PART_TYPE},
    [LINT_SOA_TIMERS] = {"soa-timers", SEVERITY_WARNING, false,
        "retry is to be shorter than refresh, and expire longer than both together (RFC 1912 2.2)",
        PART_DATA + 3},
    [LINT_NS_MISSING] = {"ns-missing", SEVERITY_ERROR, false, "add the zone's name servers (RFC 1034 4.2.1)",
        PART_OWNER},
    [LINT_NS_SINGLE] = {"ns-single", SEVERITY_WARNING, false, "have at least two name servers (RFC 2182 5)",
        PART_OWNER},
    [LINT_OUT_OF_ZONE] = {"out-of-zone", SEVERITY_WARNING, false,
        "a missing final dot, a wrong $ORIGIN, or data of another zone (RFC 1035 5.2)", PART_OWNER},
    [LINT_CNAME_AND_OTHER] = {"cname-and-other-data", SEVERITY_ERROR, true,
        "a name with a CNAME has no other data but DNSSEC's own (RFC 1034 3.6.2, RFC 2181 10.1)", PART_TYPE},
    [LINT_CNAME_MULTIPLE] = {"cname-multiple", SEVERITY_ERROR, true, "keep one CNAME (RFC 2181 10.1)",
        PART_DATA},
    [LINT_DNAME_MULTIPLE] = {"dname-multiple", SEVERITY_ERROR, true, "keep one DNAME (RFC 6672 2.4)",
        PART_DATA},
    [LINT_DNAME_AND_NS] = {"dname-and-ns", SEVERITY_ERROR, false,
        "below the apex a name is delegated or redirected, not both (RFC 6672 2.3)", PART_OWNER},
    [LINT_DNAME_CHILDREN] = {"dname-children", SEVERITY_ERROR, false,
        "nothing below a DNAME is ever answered: remove it or the DNAME (RFC 6672 2.4)", PART_OWNER},
    [LINT_TTL_MISMATCH] = {"ttl-mismatch", SEVERITY_WARNING, false,
        "all records of a set are served with the first one's TTL (RFC 2181 5.2)", PART_TTL},
    [LINT_DUPLICATE] = {"duplicate", SEVERITY_WARNING, false, "the record is there already (RFC 2181 5)",
        PART_OWNER},
    [LINT_RRSET_TOO_LARGE] = {"rrset-too-large", SEVERITY_ERROR, true,
        "no message can carry the set: 65,535 octets are the most (RFC 1035 4.2.2)", PART_OWNER},
    [LINT_RRSET_UNSENDABLE] = {"rrset-unsendable", SEVERITY_WARNING, true,
        "no message can carry the set, so it is never answered: remove some of it (RFC 1035 4.2.2)",
        PART_OWNER},
    [LINT_OCCLUDED] = {"occluded", SEVERITY_WARNING, false,
        "only addresses for the delegation's name servers belong below it (RFC 1034 4.2.1)", PART_OWNER},
    [LINT_DS_WITHOUT_NS] = {"ds-without-ns", SEVERITY_ERROR, false,
        "a DS stands at a delegation only (RFC 4035 2.4)", PART_TYPE},
    [LINT_DS_AT_APEX] = {"ds-at-apex", SEVERITY_ERROR, false,
        "the DS belongs in the parent zone (RFC 4035 2.4)", PART_TYPE},
    [LINT_APEX_ONLY] = {"apex-only", SEVERITY_ERROR, false, "move it to the apex", PART_TYPE},
    [LINT_GLUE_MISSING] = {"glue-missing", SEVERITY_ERROR, false,
        "add A or AAAA for the name server: nobody can reach it without (RFC 1034 4.2.1, RFC 9471)",
        LINT_PART_TARGET},
    [LINT_GLUE_WILDCARD] = {"glue-wildcard", SEVERITY_WARNING, false,
        "write the address at the name server's own name: not every server takes a wildcard's for glue",
        LINT_PART_TARGET},
    [LINT_TARGET_CNAME] = {"target-is-cname", SEVERITY_WARNING, false,
        "NS, MX and SRV name a host, not an alias (RFC 2181 10.3, RFC 2782)", LINT_PART_TARGET},
    [LINT_TARGET_MISSING] = {"target-without-address", SEVERITY_WARNING, false,
        "add A or AAAA for the name, or correct it; a missing final dot appends the origin",
        LINT_PART_TARGET},
    [LINT_NS_WITHOUT_ADDRESS] = {"ns-without-address", SEVERITY_ERROR, false,
        "nobody can ask this name server: add its A or AAAA record, or a missing final dot",
        LINT_PART_TARGET},
    [LINT_CNAME_DANGLING] = {"cname-dangling", SEVERITY_WARNING, false,
        "the target is in this zone but not there; a missing final dot appends the origin", LINT_PART_TARGET},
    [LINT_CNAME_LOOP] = {"cname-loop", SEVERITY_WARNING, false, "an alias must end at data (RFC 1034 3.6.2)",
        LINT_PART_TARGET},
    [LINT_TARGET_ADDRESS_LIKE] = {"target-is-address", SEVERITY_ERROR, false,
        "name a host that has this address; addresses stand in A records only (RFC 1035 3.3)",
        LINT_PART_TARGET},
    [LINT_TRAILING_DOT] = {"trailing-dot", SEVERITY_WARNING, false, "end the name with a dot",
        LINT_PART_TARGET},
    [LINT_WILDCARD_NS] = {"wildcard-ns", SEVERITY_WARNING, false,
        "what a wildcard NS or DNAME means is undefined (RFC 4592 4.2, 4.4)", PART_OWNER},
    [LINT_WILDCARD_INSIDE] = {"wildcard-inside", SEVERITY_INFO, false,
        "only a first label \"*\" is a wildcard (RFC 4592 2.1.1)", PART_OWNER},
    [LINT_NSEC3_OWNER] = {"nsec3-owner", SEVERITY_ERROR, false, "sign the zone again (RFC 5155 3)",
        PART_OWNER},
    [LINT_NSEC3PARAM] = {"nsec3param", SEVERITY_WARNING, false, "use no salt and 0 iterations (RFC 9276 3.1)",
        PART_DATA + 2},
    [LINT_RRSIG_ORPHAN] = {"rrsig-without-rrset", SEVERITY_WARNING, false,
        "the signature covers nothing: sign the zone again (RFC 4035 2.2)", PART_DATA},
    [LINT_RRSIG_FIELDS] = {"rrsig-fields", SEVERITY_ERROR, false,
        "no validator takes it: sign the zone again (RFC 4035 5.3.1)", PART_DATA},
    [LINT_RRSIG_EXPIRED] = {"rrsig-expired", SEVERITY_WARNING, false,
        "validators take no such signature, and there may be more: sign the zone again (RFC 4034 3.1.5)",
        PART_DATA + 4},
    [LINT_RRSET_UNSIGNED] = {"rrset-unsigned", SEVERITY_ERROR, false,
        "validators refuse it: sign the zone again (RFC 4035 2.2)", PART_TYPE},
    [LINT_DNSKEY_FIELDS] = {"dnskey-fields", SEVERITY_ERROR, false,
        "no validator takes the key: publish it as its tool wrote it (RFC 4034 2.1)", PART_DATA},
    [LINT_NSEC_BITMAP] = {"nsec-types", SEVERITY_ERROR, false,
        "it proves what is not so: sign the zone again (RFC 4034 4.1.2)", PART_DATA + 1},
    [LINT_NSEC_CHAIN] = {"nsec-chain", SEVERITY_ERROR, false,
        "names between are denied or not proven: sign the zone again (RFC 4034 4.1.1)", PART_DATA},
    [LINT_SOA_MAILBOX] = {"soa-mailbox", SEVERITY_WARNING, false,
        "write hostmaster@example.org as hostmaster.example.org. (RFC 1035 8)", PART_DATA + 1},
    [LINT_SVCB_ALIAS] = {"svcb-alias", SEVERITY_WARNING, false,
        "clients use the alias alone, without parameters (RFC 9460 2.4.1, 2.4.2)", PART_DATA},
    [LINT_SPF_MULTIPLE] = {"spf-multiple", SEVERITY_WARNING, false,
        "merge them: several are a permanent error (RFC 7208 3.2)", PART_DATA},
};

static void tell(struct lint *lint, const struct lint_row *row, const struct run *run,
    const struct tape_record *record, unsigned part, const char *format, va_list args)
{
    char message[NAME_TEXT_MAX * 2 + 200];
    vsnprintf(message, sizeof message, format, args);
    lint->fatal += row->fatal;
    uint64_t at = run == NULL ? 0 : run->at + (record != NULL ? record->behind : 0);
    uint16_t file = run != NULL ? run->file : 0;
    if (run == NULL)
        pending_add(&lint->findings, row->severity, row->name, file, at, 0, row->hint, message);
    else
        pending_add_part(&lint->findings, row->severity, row->name, file, at, part, row->hint, message);
}

void lint_tell(struct lint *lint, const struct lint_row *row, const struct run *run,
    const struct tape_record *record, unsigned part, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    tell(lint, row, run, record, part, format, args);
    va_end(args);
}

/* Where the host stands in the data of the types that name one. */
static unsigned target_part(const struct tape_record *record)
{
    return PART_DATA + (record->type == TYPE_MX ? 1u : record->type == TYPE_SRV ? 3u : 0u);
}

void lint_report(struct lint *lint, enum lint_rule rule, const struct run *run,
    const struct tape_record *record, const char *format, ...)
{
    const struct lint_row *row = &lint_rows[rule];
    va_list args;
    va_start(args, format);
    unsigned part = row->part == LINT_PART_TARGET && record != NULL ? target_part(record) : row->part;
    tell(lint, row, run, record, part, format, args);
    va_end(args);
}

struct checking {
    struct lint *lint;
    const struct lint_place *place;
    const struct gathered *gathered;
    char owner[NAME_TEXT_MAX];
    bool named; /* `owner` is printed */
};

static const char *owner_text(struct checking *checking)
{
    if (!checking->named)
        name_print(checking->place->owner, checking->owner);
    checking->named = true;
    return checking->owner;
}

static const struct gathered_record *first_of(const struct checking *checking, const struct gathered_set *set)
{
    return &checking->gathered->records[set->from];
}

#define REPORT(checking, rule, at, ...)                                                                      \
    lint_report((checking)->lint, (rule), (at)->run, (at)->record, __VA_ARGS__)

static const struct gathered_set *find_set(const struct gathered *gathered, uint16_t type)
{
    for (uint32_t i = 0; i < gathered->set_count; i++) {
        if (gathered->sets[i].type == type && gathered->sets[i].count > 0)
            return &gathered->sets[i];
    }
    return NULL;
}

/* ---- rules that keep a zone from being served ---- */

static const struct gathered_record *last_distinct(
    const struct checking *checking, const struct gathered_set *set)
{
    const struct gathered_record *last = first_of(checking, set);
    for (uint32_t i = set->from; i < set->from + set->records; i++) {
        const struct gathered_record *record = &checking->gathered->records[i];
        if (!record->signature && !record->duplicate)
            last = record;
    }
    return last;
}

static void check_singletons(struct checking *checking, const struct gathered_set *set)
{
    static const struct {
        uint16_t type;
        enum lint_rule rule;
        const char *name;
    } singletons[] = {{TYPE_SOA, LINT_SOA_MULTIPLE, "SOA"}, {TYPE_CNAME, LINT_CNAME_MULTIPLE, "CNAME"},
        {TYPE_DNAME, LINT_DNAME_MULTIPLE, "DNAME"}};
    for (size_t i = 0; i < ARRAY_COUNT(singletons); i++) {
        if (set->type == singletons[i].type && set->count > 1)
            REPORT(checking, singletons[i].rule, last_distinct(checking, set),
                "%s has %u different %s records", owner_text(checking), set->count, singletons[i].name);
    }
}

/* RFC 1035 4.1: the least that a message with the set has: header, question, for each record a compressed
 * owner and the fixed fields. Names in the data of these types are written whole. */
static bool fits_message(const struct gathered_set *set)
{
    size_t linked = rrset_linked(set->type) ? sizeof(struct link) : 0, head = 2 + linked;
    size_t data = set->data_len - set->count * head;
    return linked != 0 || 12 + 5 + (size_t)set->count * 12 + data <= MESSAGE_MAX;
}

static void check_size(struct checking *checking, const struct gathered_set *set)
{
    char type[16];
    if (set->count <= 65535 && set->sig_count <= 65535 && set->data_len <= 1u << 30 &&
        set->sig_len <= 65535 && (set->count <= 1 || set->data_len <= 65535u * 4)) {
        type_print(set->type, type);
        if (!fits_message(set))
            REPORT(checking, LINT_RRSET_UNSENDABLE, first_of(checking, set),
                "%s has %u records of type %s, %zu octets", owner_text(checking), set->count, type,
                (size_t)set->data_len);
        return;
    }
    type_print(set->type, type);
    REPORT(checking, LINT_RRSET_TOO_LARGE, first_of(checking, set),
        "%s has %u records of type %s, %llu octets", owner_text(checking), set->count, type,
        (unsigned long long)(set->data_len + set->sig_len));
}

/* RFC 4035 2.5 lets DNSSEC's own types stand beside a CNAME; KEY and NXT are theirs of old. */
static bool may_join_cname(uint16_t type)
{
    return type == TYPE_CNAME || type == TYPE_NSEC || type == 25 || type == 30;
}

static bool stands_behind(const struct gathered_record *a, const struct gathered_record *b)
{
    return a->run->file == b->run->file && a->run->at + a->record->behind > b->run->at + b->record->behind;
}

/* Told where the later of the two stands: what was added broke the name. */
static void check_cname(struct checking *checking)
{
    const struct gathered *gathered = checking->gathered;
    const struct gathered_set *cname = find_set(gathered, TYPE_CNAME);
    for (uint32_t i = 0; i < gathered->set_count; i++) {
        const struct gathered_set *set = &gathered->sets[i];
        char type[16];
        if (set->count == 0 || may_join_cname(set->type))
            continue;
        type_print(set->type, type);
        const struct gathered_record *at = first_of(checking, set);
        if (cname != NULL && stands_behind(first_of(checking, cname), at))
            at = first_of(checking, cname);
        REPORT(checking, LINT_CNAME_AND_OTHER, at, "%s has a CNAME and also %s", owner_text(checking), type);
        return;
    }
}

/* ---- the other rules ---- */

static void check_duplicates(struct checking *checking, const struct gathered_set *set)
{
    char type[16];
    if (set->count + set->sig_count == set->records)
        return;
    for (uint32_t i = set->from; i < set->from + set->records; i++) {
        const struct gathered_record *record = &checking->gathered->records[i];
        if (!record->duplicate)
            continue;
        type_print(record->record->type, type);
        REPORT(checking, LINT_DUPLICATE, record, "a second %s record of %s with the same data", type,
            owner_text(checking));
    }
}

static void check_ttls(struct checking *checking, const struct gathered_set *set)
{
    char type[16];
    for (uint32_t i = set->from + 1; i < set->from + set->records; i++) {
        const struct gathered_record *record = &checking->gathered->records[i];
        if (record->record->ttl == set->ttl || record->duplicate)
            continue;
        type_print(record->record->type, type);
        REPORT(checking, LINT_TTL_MISMATCH, record, "TTL %u of %s %s differs from its set's %u",
            record->record->ttl, owner_text(checking), type, set->ttl);
        return;
    }
}

static bool is_apex_only(uint16_t type)
{
    return type == TYPE_NSEC3PARAM || type == TYPE_ZONEMD || type == TYPE_SOA;
}

static void check_svcb(struct checking *checking, const struct gathered_set *set)
{
    char type[16];
    for (uint32_t i = set->from; i < set->from + set->records; i++) {
        const struct gathered_record *record = &checking->gathered->records[i];
        const uint8_t *rdata = record->record->rdata;
        if (record->signature || record->record->rdata_len < 3 || rdata[0] != 0 || rdata[1] != 0)
            continue;
        bool parameters = record->record->rdata_len > 2 + name_len(rdata + 2);
        if (!parameters && set->count == 1)
            return;
        type_print(set->type, type);
        REPORT(checking, LINT_SVCB_ALIAS, record, "%s has an %s record of priority 0 with %s",
            owner_text(checking), type, parameters ? "parameters" : "others beside it");
        return;
    }
}

static void check_set(struct checking *checking, const struct gathered_set *set)
{
    const struct lint_place *place = checking->place;
    char type[16];
    check_duplicates(checking, set);
    if (set->records > 1)
        check_ttls(checking, set);
    if (set->count == 0) {
        type_print(set->type, type);
        REPORT(checking, LINT_RRSIG_ORPHAN, first_of(checking, set),
            "a signature of %s covers %s, which is not there", owner_text(checking), type);
        return;
    }
    if (set->type == TYPE_SVCB || set->type == TYPE_HTTPS)
        check_svcb(checking, set);
    if (!place->apex && is_apex_only(set->type)) {
        type_print(set->type, type);
        REPORT(checking, set->type == TYPE_SOA ? LINT_SOA_BELOW_APEX : LINT_APEX_ONLY,
            first_of(checking, set), "%s has %s, which belongs at the apex only", owner_text(checking), type);
    }
}

static uint32_t read32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void check_timers(struct checking *checking, const struct gathered_set *soa)
{
    const struct gathered_record *record = first_of(checking, soa);
    const uint8_t *timers = record->record->rdata + record->record->rdata_len - 16;
    uint32_t refresh = read32(timers), retry = read32(timers + 4), expire = read32(timers + 8);
    if (retry > refresh)
        REPORT(checking, LINT_SOA_TIMERS, record, "retry %u is longer than refresh %u", retry, refresh);
    if ((uint64_t)expire < (uint64_t)refresh + retry)
        REPORT(checking, LINT_SOA_TIMERS, record, "expire %u is shorter than refresh %u and retry %u", expire,
            refresh, retry);
}

/* An @ is no separator in a name: it becomes part of the label. */
static void check_mailbox(struct checking *checking, const struct gathered_set *soa)
{
    const struct gathered_record *record = first_of(checking, soa);
    const uint8_t *mailbox = record->record->rdata + name_len(record->record->rdata);
    char text[NAME_TEXT_MAX];
    if (memchr(mailbox, '@', name_len(mailbox)) == NULL)
        return;
    name_print(mailbox, text);
    REPORT(checking, LINT_SOA_MAILBOX, record, "the mailbox %s has an @ in it", text);
}

static void check_nsec3param(struct checking *checking, const struct gathered_set *set)
{
    const struct gathered_record *record = first_of(checking, set);
    const uint8_t *rdata = record->record->rdata;
    unsigned iterations = (unsigned)rdata[2] << 8 | rdata[3], salt = rdata[4];
    if (iterations != 0 || salt != 0)
        REPORT(checking, LINT_NSEC3PARAM, record, "NSEC3 with %u iterations and %u octets of salt",
            iterations, salt);
}

static void check_apex(struct checking *checking)
{
    const struct gathered_set *set;
    if ((set = find_set(checking->gathered, TYPE_DS)) != NULL)
        REPORT(checking, LINT_DS_AT_APEX, first_of(checking, set), "%s has DS at the apex",
            owner_text(checking));
    if ((set = find_set(checking->gathered, TYPE_SOA)) != NULL) {
        check_timers(checking, set);
        check_mailbox(checking, set);
    }
    if ((set = find_set(checking->gathered, TYPE_NS)) != NULL && set->count == 1)
        REPORT(checking, LINT_NS_SINGLE, first_of(checking, set), "%s has only one name server",
            owner_text(checking));
    if ((set = find_set(checking->gathered, TYPE_NSEC3PARAM)) != NULL)
        check_nsec3param(checking, set);
}

static bool is_spf(const struct tape_record *record)
{
    return record->rdata_len >= 7 && memcmp(record->rdata + 1, "v=spf1", 6) == 0 &&
           (record->rdata_len == 7 || record->rdata[7] == ' ');
}

static void check_spf(struct checking *checking, const struct gathered_set *txt)
{
    unsigned found = 0;
    for (uint32_t i = txt->from; i < txt->from + txt->records; i++) {
        const struct gathered_record *record = &checking->gathered->records[i];
        if (record->signature || record->duplicate || !is_spf(record->record))
            continue;
        if (++found == 2)
            REPORT(checking, LINT_SPF_MULTIPLE, record, "%s has several SPF policies", owner_text(checking));
    }
}

static bool is_glue(uint16_t type)
{
    return type == TYPE_A || type == TYPE_AAAA;
}

/* What stands below a delegation and is no glue, or below a DNAME, is never answered. */
static void check_hidden(struct checking *checking)
{
    const struct gathered *gathered = checking->gathered;
    for (uint32_t i = 0; i < gathered->set_count; i++) {
        const struct gathered_set *set = &gathered->sets[i];
        bool dname = (checking->place->above & NODE_DNAME) != 0;
        char type[16];
        if (!dname && is_glue(set->type))
            continue;
        type_print(set->type, type);
        REPORT(checking, dname ? LINT_DNAME_CHILDREN : LINT_OCCLUDED, first_of(checking, set),
            "%s %s lies below a %s", owner_text(checking), type, dname ? "DNAME" : "delegation");
        return;
    }
}

/* At a delegation only NS and glue are the parent's to give, and DS and NSEC its own (RFC 2181 6.1, RFC 4035
 * 2.2). */
static void check_cut(struct checking *checking)
{
    static const uint16_t fit[] = {
        TYPE_NS, TYPE_DS, TYPE_NSEC, TYPE_A, TYPE_AAAA, TYPE_CNAME, TYPE_DNAME, TYPE_SOA};
    for (uint32_t i = 0; i < checking->gathered->set_count; i++) {
        const struct gathered_set *set = &checking->gathered->sets[i];
        char type[16];
        size_t k = 0;
        while (k < ARRAY_COUNT(fit) && fit[k] != set->type)
            k++;
        if (set->count == 0 || k < ARRAY_COUNT(fit))
            continue;
        type_print(set->type, type);
        REPORT(checking, LINT_OCCLUDED, first_of(checking, set), "%s %s stands at a delegation",
            owner_text(checking), type);
        return;
    }
}

static bool has_inner_wildcard(const uint8_t *name)
{
    for (name += *name + 1; *name != 0; name += *name + 1) {
        if (name[0] == 1 && name[1] == '*')
            return true;
    }
    return false;
}

static void check_owner(struct checking *checking)
{
    const struct lint_place *place = checking->place;
    const struct gathered *gathered = checking->gathered;
    if (gathered->set_count == 0)
        return;
    const struct gathered_record *first = &gathered->records[0];
    const struct gathered_set *ds = find_set(gathered, TYPE_DS);
    if (!place->apex && ds != NULL && (gathered->flags & NODE_DELEGATION) == 0)
        REPORT(checking, LINT_DS_WITHOUT_NS, first_of(checking, ds), "%s has DS but no NS",
            owner_text(checking));
    if (!place->apex && (gathered->flags & (NODE_DELEGATION | NODE_DNAME)) == (NODE_DELEGATION | NODE_DNAME))
        REPORT(checking, LINT_DNAME_AND_NS, first, "%s has both NS and DNAME", owner_text(checking));
    if (!place->apex && place->above == 0 && gathered->set_count > 1 &&
        (gathered->flags & NODE_DELEGATION) != 0)
        check_cut(checking);
    if (place->wildcard && (gathered->flags & (NODE_DELEGATION | NODE_DNAME)) != 0)
        REPORT(checking, LINT_WILDCARD_NS, first, "the wildcard %s has NS or DNAME", owner_text(checking));
    if (place->run->labels > 1 && has_inner_wildcard(place->owner))
        REPORT(
            checking, LINT_WILDCARD_INSIDE, first, "%s has an asterisk label inside", owner_text(checking));
}

void lint_node(struct lint *lint, const struct lint_place *place, const struct gathered *gathered)
{
    struct checking checking;
    checking.lint = lint;
    checking.place = place;
    checking.gathered = gathered;
    checking.named = false;
    for (uint32_t i = 0; i < gathered->set_count; i++) {
        const struct gathered_set *set = &gathered->sets[i];
        if (set->records > 1 || set->data_len > 65535)
            check_size(&checking, set);
        if (set->count > 1)
            check_singletons(&checking, set);
        if (lint->all)
            check_set(&checking, set);
    }
    if ((gathered->flags & NODE_CNAME) != 0 && gathered->set_count > 1)
        check_cname(&checking);
    if (!lint->all)
        return;
    check_owner(&checking);
    if (place->apex)
        check_apex(&checking);
    if (place->above != 0)
        check_hidden(&checking);
    lint_dnssec(lint, place, gathered);
    if (lint->hooks != NULL)
        lint->hooks->node(lint->hooks->context, lint, place, gathered);
    const struct gathered_set *txt = find_set(gathered, TYPE_TXT);
    if (txt != NULL && txt->records > 1)
        check_spf(&checking, txt);
}

/* ---- targets ---- */

/* Four labels of digits in front: an address where a name should be, completed by the origin. */
static bool looks_like_address(const uint8_t *name)
{
    for (unsigned label = 0; label < 4; label++) {
        if (*name == 0 || *name > 3)
            return false;
        for (unsigned i = 1; i <= *name; i++) {
            if ((uint8_t)(name[i] - '0') > 9)
                return false;
        }
        name += *name + 1;
    }
    return true;
}

/* An owner such as www.example.org.example.org., or a target that repeats what follows it. */
static bool repeats_itself(const uint8_t *name, unsigned labels)
{
    for (unsigned tail = 1; tail * 2 <= labels; tail++) {
        const uint8_t *last = name_skip(name, labels - tail), *before = name_skip(name, labels - 2 * tail);
        size_t len = name_len(last) - 1;
        if ((size_t)(last - before) == len && memcmp(before, last, len) == 0)
            return true;
    }
    return false;
}

static void report_missing(struct lint *lint, const struct gathered_record *record,
    const struct lint_target *target, const char *type, const char *name)
{
    const struct run *run = record->run;
    enum lint_rule rule = record->type == TYPE_CNAME ? LINT_CNAME_DANGLING
                          : record->type == TYPE_NS  ? LINT_NS_WITHOUT_ADDRESS
                                                     : LINT_TARGET_MISSING;
    if (looks_like_address(target->name))
        lint_report(
            lint, LINT_TARGET_ADDRESS_LIKE, run, record->record, "%s points to %s: an address?", type, name);
    else if (repeats_itself(target->name, name_labels(target->name)))
        lint_report(lint, LINT_TRAILING_DOT, run, record->record,
            "%s points to %s, which repeats the origin: a missing final dot?", type, name);
    else if (target->own_glue && target->wildcard)
        lint_report(lint, LINT_GLUE_WILDCARD, run, record->record,
            "the name server %s lies below its own delegation and has only a wildcard's address", name);
    else if (target->own_glue)
        lint_report(lint, LINT_GLUE_MISSING, run, record->record,
            "the name server %s lies below its own delegation and has no address here", name);
    else
        lint_report(lint, rule, run, record->record, "%s points to %s, which %s", type, name,
            target->node == NULL ? "is not in the zone" : "has no address");
}

void lint_target(struct lint *lint, const struct gathered_record *record, const struct lint_target *target)
{
    char type[16], name[NAME_TEXT_MAX];
    bool absent = target->node == NULL
                      ? !target->covered || target->own_glue
                      : record->type != TYPE_CNAME && (target->node->flags & NODE_ADDRESSES) == 0;
    bool alias = target->node != NULL && (target->node->flags & NODE_CNAME) != 0;
    bool delegated = target->node != NULL && (target->node->flags & (NODE_DELEGATION | NODE_HIDDEN)) != 0;
    if (!absent && !target->loop && !(alias && record->type != TYPE_CNAME))
        return;
    type_print(record->type, type);
    name_print(target->name, name);
    if (target->loop)
        lint_report(lint, LINT_CNAME_LOOP, record->run, record->record,
            "the alias leads back to itself by way of %s", name);
    else if (alias && record->type != TYPE_CNAME)
        lint_report(lint, LINT_TARGET_CNAME, record->run, record->record,
            "%s points to %s, which is an alias", type, name);
    else if (!delegated || target->own_glue)
        report_missing(lint, record, target, type, name);
}
