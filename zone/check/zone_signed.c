/* Signed zones: what zone/sec finds by cryptography, told at the record it is about. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zone/check/zone_pass.h"
#include "zone/sec/key.h"
#include "zone/sec/zonemd.h"
#include "zone/sec/zoneverify.h"
#include "zone/wire/type.h"

#define FAULTS_MAX 5000u
#define SOON (3 * 86400)

struct signed_pass {
    struct zone_pass *pass;
    /* The set that a fault of its signatures was told about last: that it has no valid one says no more. */
    uint8_t last_owner[NAME_MAX + 1];
    uint16_t last_type;
    unsigned expired; /* signatures that do not hold now; the first is told with their number */
    struct seen_record first_expired;
    char first_message[200];
    struct seen_record keys; /* the DNSKEY set that none of its keys signs, told unless time is the reason */
};

/* NSEC3 and their signatures stand apart from the other records, in runs that the text's order has made. */
static bool find_nsec3(
    const struct zone_pass *pass, const uint8_t *name, bool signature, struct seen_record *out)
{
    const struct build *build = pass->build;
    size_t low = 0;
    for (size_t high = build->nsec3_count; low < high;) {
        size_t middle = low + (high - low) / 2;
        if (name_compare(build->nsec3_entries[middle].run->name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    bool found = false;
    for (; low < build->nsec3_count && name_equal(build->nsec3_entries[low].run->name, name); low++) {
        const struct run *run = build->nsec3_entries[low].run;
        const struct tape_record *record = run_first(run);
        for (uint32_t i = 0; i < run->record_count; i++, record = tape_record_next(record)) {
            bool fits = record->type == (signature ? TYPE_RRSIG : TYPE_NSEC3);
            if (found && !fits)
                continue;
            *out = (struct seen_record){run, record};
            if (fits)
                return true;
            found = true;
        }
    }
    return found;
}

/* The record that a fault is about: the set's first signature or first record. */
static bool find_record(
    struct zone_pass *pass, const uint8_t *owner, uint16_t type, bool signature, struct seen_record *out)
{
    uint8_t name[NAME_MAX];
    name_lower(name, owner);
    if (type == TYPE_NSEC3)
        return find_nsec3(pass, name, signature, out);
    if (!zone_pass_gather(pass, name) || pass->gathered.record_count == 0)
        return false;
    const struct gathered_record *found = &pass->gathered.records[0];
    for (uint32_t i = 0; i < pass->gathered.record_count; i++) {
        const struct gathered_record *record = &pass->gathered.records[i];
        if (record->type == type && record->signature == signature) {
            found = record;
            break;
        }
        if (record->type == type && found->type != type)
            found = record;
    }
    *out = (struct seen_record){found->run, found->record};
    return true;
}

/* What sec calls it, what the table does, and where the caret goes. */
static const struct row {
    const char *fault, *rule;
    bool signature;
    uint8_t part;
} rows[] = {
    {"rrsig-key", "rrsig-key-missing", true, PART_DATA + 6},
    {"rrsig-wrong", "rrsig-invalid", true, PART_DATA},
    {"rrsig-terms", "rrsig-fields", true, PART_DATA},
    {"second-opinion", "second-opinion", true, PART_DATA},
    {"nsec-needless", "nsec-extra", false, PART_TYPE},
    {"nsec-missing", "nsec-missing", false, PART_OWNER},
    {"nsec-next", "nsec-chain", false, PART_DATA},
    {"nsec-types", "nsec-types", false, PART_DATA + 1},
    {"nsec3-missing", "nsec3-missing", false, PART_OWNER},
    {"nsec3-opt-out", "nsec3-opt-out", false, PART_OWNER},
    {"nsec3-strange", "nsec3-parameters", false, PART_DATA},
    {"nsec3-next", "nsec3-chain", false, PART_DATA + 4},
    {"nsec3-types", "nsec3-types", false, PART_DATA + 5},
    {"nsec3-needless", "nsec3-extra", false, PART_OWNER},
    {"denial-missing", "nsec-missing", false, PART_TYPE},
    {"dnskey-malformed", "dnskey-fields", false, PART_DATA},
    {"dnskey-missing", "dnskey-missing", false, PART_DATA + 2},
    {"dnskey-unsigned", "dnskey-unsigned", false, PART_TYPE},
    {"dnskey-revoked", "dnskey-revoked", false, PART_DATA},
    {"zonemd", "zonemd-digest", false, PART_DATA + 3},
};

static void tell(struct signed_pass *context, const struct row *row, const struct zoneverify_fault *fault,
    const struct seen_record *at)
{
    char owner[NAME_TEXT_MAX], type[16] = "";
    struct zone_pass *pass = context->pass;
    const struct rule *rule = rule_find(row->rule);
    name_print(fault->owner, owner);
    if (fault->type != 0)
        type_print(fault->type, type);
    visit_tell(pass->shared, pass->lint, rule_number(rule), at->run, at->record, row->part, "%s%s%s: %s",
        owner, fault->type != 0 ? " " : "", type, fault->message);
}

static bool is_time(const char *message)
{
    return strstr(message, "expired") != NULL || strstr(message, "not valid yet") != NULL;
}

/* In a zone that has run out every set would be told: the first is, with their number. */
static void note_expired(
    struct signed_pass *context, const struct zoneverify_fault *fault, const struct seen_record *at)
{
    char owner[NAME_TEXT_MAX], type[16];
    if (context->expired++ > 0)
        return;
    context->first_expired = *at;
    name_print(fault->owner, owner);
    type_print(fault->type, type);
    snprintf(context->first_message, sizeof context->first_message, "%.100s %s: %.70s", owner, type,
        fault->message);
}

static bool is_last(const struct signed_pass *context, const struct zoneverify_fault *fault)
{
    return context->last_type == fault->type && name_equal(context->last_owner, fault->owner);
}

static void take_missing(struct signed_pass *context, const struct zoneverify_fault *fault)
{
    static const struct row none = {NULL, "rrset-unsigned", false, PART_TYPE};
    static const struct row algorithm = {NULL, "rrsig-algorithm-missing", true, PART_DATA + 1};
    struct seen_record at;
    if (is_last(context, fault) || !find_record(context->pass, fault->owner, fault->type, true, &at))
        return;
    tell(context, at.record->type == TYPE_RRSIG ? &algorithm : &none, fault, &at);
}

/* A fault of one key tells its tag. */
static void find_key(const struct zone_pass *pass, const char *message, struct seen_record *at)
{
    const char *key = strstr(message, "the key ");
    const struct gathered_set *keys = visit_set(&pass->gathered, TYPE_DNSKEY);
    if (key == NULL || keys == NULL)
        return;
    unsigned long tag = strtoul(key + strlen("the key "), NULL, 10);
    for (uint32_t i = keys->from; i < keys->from + keys->records; i++) {
        const struct gathered_record *record = &pass->gathered.records[i];
        if (!record->signature && dnskey_tag(record->record->rdata, record->record->rdata_len) == tag)
            *at = (struct seen_record){record->run, record->record};
    }
}

static void take_fault(void *opaque, const struct zoneverify_fault *fault)
{
    struct signed_pass *context = opaque;
    struct seen_record at;
    if (strcmp(fault->rule, "rrsig-missing") == 0) {
        take_missing(context, fault);
        return;
    }
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        const struct row *row = &rows[i];
        uint16_t type = strncmp(fault->rule, "zonemd", 6) == 0 ? TYPE_ZONEMD
                        : fault->type != 0                     ? fault->type
                                                               : TYPE_SOA;
        if (strcmp(row->fault, fault->rule) != 0)
            continue;
        if (strcmp(row->fault, "zonemd") == 0 && strstr(fault->message, "serial") != NULL)
            return; /* told from the record itself */
        if (row->signature) {
            context->last_type = fault->type;
            memcpy(context->last_owner, fault->owner, name_len(fault->owner));
        }
        /* An empty name has no record of its own to point at. */
        if (!find_record(context->pass, fault->owner, type, row->signature, &at) &&
            !find_record(context->pass, context->pass->apex, TYPE_NSEC3PARAM, false, &at))
            return;
        if (strcmp(row->fault, "dnskey-malformed") == 0 || strcmp(row->fault, "dnskey-revoked") == 0)
            find_key(context->pass, fault->message, &at);
        if (strcmp(row->fault, "dnskey-unsigned") == 0)
            context->keys = at;
        else if (strcmp(row->fault, "rrsig-terms") == 0 && is_time(fault->message))
            note_expired(context, fault, &at);
        else
            tell(context, row, fault, &at);
        return;
    }
}

static void tell_times(struct signed_pass *context, const struct zoneverify_result *result, int64_t now)
{
    struct zone_pass *pass = context->pass;
    struct seen_record soa;
    if (context->expired > 0)
        TELL_RECORD(pass, "rrsig-expired", &context->first_expired, PART_DATA + 4, "%s%s",
            context->first_message, context->expired > 1 ? "; there are more" : "");
    else if (context->keys.run != NULL)
        TELL_RECORD(pass, "dnskey-unsigned", &context->keys, PART_TYPE, "no key of the set signs it");
    if (result->earliest != 0 && result->earliest >= now && result->earliest - now < SOON &&
        find_record(pass, pass->apex, TYPE_SOA, true, &soa))
        TELL_RECORD(pass, "rrsig-expires-soon", &soa, PART_DATA + 4,
            "the first signature expires in %lld hours", (long long)((result->earliest - now) / 3600));
}

static void verify(struct zone_pass *pass, struct snapshot *snapshot)
{
    struct signed_pass context = {.pass = pass};
    struct zoneverify_result result;
    struct zoneverify_options options = {.from = pass->shared->now,
        .to = pass->shared->now,
        .warnings = true,
        .opinion = pass->shared->options->opinion,
        .threads = pass->zone->threads,
        .fault = take_fault,
        .fault_context = &context,
        .most = FAULTS_MAX};
    if (zone_verify(snapshot, &options, &result) != ERR_OK) {
        pass->shared->failed = true;
        return;
    }
    pass->shared->signatures = result.signatures;
    pass->shared->opinions = result.opinions;
    tell_times(&context, &result, pass->shared->now);
}

static void check_digest(struct zone_pass *pass, const struct snapshot *snapshot)
{
    enum zonemd_verdict verdict = zonemd_verify(snapshot);
    struct seen_record at;
    if (verdict == ZONEMD_WRONG && find_record(pass, pass->apex, TYPE_ZONEMD, false, &at))
        TELL_RECORD(pass, "zonemd-digest", &at, PART_DATA + 3, "%s", zonemd_verdict_text(verdict));
}

void zone_signed(struct zone_pass *pass, bool keys)
{
    struct seen_record at;
    if (pass->build->skeleton) /* neither keys nor a digest */
        return;
    struct snapshot *snapshot = snapshot_new(image_hold(pass->zone->image));
    if (snapshot == NULL) {
        pass->shared->failed = true;
        return;
    }
    if (keys && pass->shared->seen[SEEN_SIGNATURE].run != NULL)
        verify(pass, snapshot);
    else if (keys && find_record(pass, pass->apex, TYPE_DNSKEY, false, &at))
        TELL_RECORD(pass, "dnskey-without-signatures", &at, PART_TYPE, "the zone has keys and no signature");
    if (!keys)
        check_digest(pass, snapshot);
    snapshot_release(snapshot);
}
