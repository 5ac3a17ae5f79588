#include "zone/sec/zoneverify.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zone/base/parallel.h"
#include "zone/sec/verify.h"
#include "zone/sec/zonemd.h"
#include "zone/sec/zoneverify_run.h"
#include "zone/wire/type.h"

#define STRETCH 512
#define TOLD_USUALLY 1000

struct parts {
    struct verifying *verifying;
    struct verify_part *items;
    uint32_t count, of_places;
};

void verify_tell(struct verify_part *part, enum severity severity, const char *rule, const uint8_t *owner,
    uint16_t type, const char *format, ...)
{
    char name[NAME_TEXT_MAX], mnemonic[16] = "", text[512];
    va_list rest;
    if (severity == SEVERITY_ERROR)
        part->errors++;
    else
        part->warnings++;
    if (severity != SEVERITY_ERROR && !part->verifying->options->warnings)
        return;
    va_start(rest, format);
    vsnprintf(text, sizeof text, format, rest);
    va_end(rest);
    name_print(owner, name);
    if (type != 0)
        mnemonic[type_print(type, mnemonic)] = '\0';
    struct fault *fault = ARENA_NEW(&part->arena, struct fault);
    if (fault == NULL)
        return;
    *fault = (struct fault){.severity = severity, .rule = rule, .type = type};
    fault->message = arena_printf(&part->arena, "%s%s%s: %s", name, type != 0 ? " " : "", mnemonic, text);
    fault->plain = fault->message != NULL ? fault->message + strlen(fault->message) - strlen(text) : NULL;
    fault->owner = (const uint8_t *)arena_copy(&part->arena, owner, name_len(owner));
    *part->end = fault;
    part->end = &fault->next;
}

/* ---- signatures ---- */

/* From the interval's begin to its end. */
static enum verdict check_interval(const struct verify_part *part, const struct rrsig *rrsig)
{
    const struct zoneverify_options *options = part->verifying->options;
    enum verdict verdict = rrsig_check_time(rrsig, (uint32_t)options->from);
    return verdict != VERDICT_VALID ? verdict : rrsig_check_time(rrsig, (uint32_t)options->to);
}

/* A signature that looks right is computed, or, at large zones by wish, only one of many. The apex's always
 * are. */
static bool is_computed(struct verify_part *part, const uint8_t *owner)
{
    unsigned every = part->verifying->options->every;
    return every <= 1 || name_labels(owner) == part->verifying->snapshot->image->header->apex_labels ||
           part->counter++ % every == 0;
}

/* The best verdict of the keys that the RRSIG may mean: tags are not unique. */
static enum verdict judge(struct verify_part *part, const uint8_t *owner, const struct rrset *rrset,
    const struct rrsig *rrsig, const struct record *record)
{
    const struct verifying *verifying = part->verifying;
    enum verdict verdict = VERDICT_OTHER_KEY;
    for (unsigned i = 0; i < verifying->key_count; i++) {
        const struct key *key = verifying->keys[i];
        if (rrsig->algorithm != key->algorithm->number || rrsig->tag != key->tag)
            continue;
        if ((key->flags & KEY_REVOKE) != 0 && rrset->type != TYPE_DNSKEY)
            continue; /* RFC 5011 2.1 */
        verdict = rrsig_check_terms(rrsig, key, owner, rrset, (uint32_t)verifying->options->from);
        if (verdict == VERDICT_VALID)
            verdict = check_interval(part, rrsig);
        if (verdict == VERDICT_VALID && is_computed(part, owner)) {
            part->signatures++;
            verdict = verify_rrset(&part->form, key, owner, rrset, record->rdata, record->rdata_len,
                (uint32_t)verifying->options->from);
        }
        if (verdict == VERDICT_VALID)
            break;
    }
    return verdict;
}

/* Ldns is told about only when it sees it differently. It does not look at all terms: those of which it does
 * not know say nothing. */
static void ask_opinion(struct verify_part *part, const uint8_t *owner, const struct rrset *rrset,
    const struct rrsig *rrsig, const struct record *record, enum verdict verdict)
{
    const struct zoneverify_options *options = part->verifying->options;
    const char *why = "";
    bool far = rrsig->expiration > INT32_MAX || rrsig->inception > INT32_MAX;
    bool of_time = verdict == VERDICT_EXPIRED || verdict == VERDICT_NOT_YET || verdict == VERDICT_INTERVAL;
    if (options->opinion == NULL ||
        !(verdict == VERDICT_VALID || verdict == VERDICT_SIGNATURE || (of_time && !far)))
        return;
    enum opinion_word word = opinion_ask(options->opinion, owner, rrset, record->rdata, record->rdata_len,
        far ? OPINION_ANY_TIME : options->from, &why);
    part->opinions += word != OPINION_NONE;
    if (word == OPINION_REFUSED && verdict == VERDICT_VALID)
        verify_tell(part, SEVERITY_ERROR, "second-opinion", owner, rrset->type,
            "ldns refuses the signature of key %u, which is valid here: %s", rrsig->tag, why);
    else if (word == OPINION_VALID && verdict != VERDICT_VALID)
        verify_tell(part, SEVERITY_ERROR, "second-opinion", owner, rrset->type,
            "ldns takes the signature of key %u, which is refused here: %s", rrsig->tag,
            verdict_text(verdict));
}

static void note_expiration(struct verify_part *part, const struct rrsig *rrsig)
{
    if (!part->any || (int32_t)(rrsig->expiration - part->earliest) < 0)
        part->earliest = rrsig->expiration;
    part->any = true;
}

/* What is told of a signature that is not valid; another may make the set valid all the same. */
static void tell_verdict(struct verify_part *part, const uint8_t *owner, const struct rrset *rrset,
    const struct rrsig *rrsig, enum verdict verdict)
{
    if (verdict == VERDICT_OTHER_KEY)
        verify_tell(part, SEVERITY_WARNING, "rrsig-key", owner, rrset->type,
            "signed by key %u of algorithm %u, which is not in the DNSKEY set", rrsig->tag, rrsig->algorithm);
    else
        verify_tell(part, SEVERITY_ERROR, verdict == VERDICT_SIGNATURE ? "rrsig-wrong" : "rrsig-terms", owner,
            rrset->type, "%s (key %u)", verdict_text(verdict), rrsig->tag);
}

void verify_set(struct verify_part *part, const uint8_t *owner, const struct rrset *rrset)
{
    const struct verifying *verifying = part->verifying;
    bool valid[256] = {false};
    const uint8_t *at = rrset_signatures(rrset);
    part->rrsets++;
    for (unsigned i = 0; i < rrset->sig_count; i++) {
        struct record record;
        struct rrsig rrsig;
        at = record_read(at, false, &record);
        if (!rrsig_read(record.rdata, record.rdata_len, &rrsig)) {
            verify_tell(part, SEVERITY_ERROR, "rrsig-terms", owner, rrset->type, "%s",
                verdict_text(VERDICT_MALFORMED));
            continue;
        }
        enum verdict verdict = judge(part, owner, rrset, &rrsig, &record);
        ask_opinion(part, owner, rrset, &rrsig, &record, verdict);
        if (verdict == VERDICT_VALID) {
            valid[rrsig.algorithm] = true;
            note_expiration(part, &rrsig);
        } else {
            tell_verdict(part, owner, rrset, &rrsig, verdict);
        }
    }
    for (unsigned i = 0; i < verifying->algorithm_count; i++) {
        unsigned number = verifying->algorithms[i];
        if (!valid[number])
            verify_tell(part, SEVERITY_ERROR, "rrsig-missing", owner, rrset->type,
                "no valid signature of algorithm %u (%s)", number, algorithm_find(number)->name);
    }
}

/* ---- names ---- */

static void verify_place(struct verify_part *part, const struct place *place, const struct node *next)
{
    uint8_t owner[NAME_MAX + 1];
    const struct rrset *rrset = node_rrsets(place->node);
    (void)snapshot_owner(part->verifying->snapshot, place->node, owner);
    for (unsigned i = 0; i < place->node->rrset_count; i++, rrset = rrset_next(rrset)) {
        bool is_signed = place_signs(place->kind, rrset->type);
        if (is_signed && rrset->count > 0)
            verify_set(part, owner, rrset);
        else if (rrset->sig_count > 0)
            verify_tell(part, SEVERITY_WARNING, "rrsig-needless", owner, rrset->type,
                rrset->count > 0 ? "signed, but this is not authoritative data here"
                                 : "a signature of records that are not there");
    }
    if (part->verifying->nsec)
        verify_nsec(part, place, owner, next);
    if (part->verifying->nsec3)
        verify_nsec3(part, place, owner);
}

static const struct node *next_in_chain(const struct outline *outline, uint32_t at)
{
    for (uint32_t i = at + 1; i < outline->count; i++) {
        if (place_has_nsec(outline->places[i].kind))
            return outline->places[i].node;
    }
    return outline->places[0].node;
}

static void verify_part_run(void *context, size_t i)
{
    struct parts *parts = context;
    struct verify_part *part = &parts->items[i];
    struct verifying *verifying = parts->verifying;
    rrset_form_init(&part->form);
    arena_init(&part->scratch, 0);
    if (i < parts->of_places) {
        uint32_t from = (uint32_t)i * STRETCH, count = verifying->outline.count;
        uint32_t to = count - from < STRETCH ? count : from + STRETCH;
        for (uint32_t at = from; at < to; at++)
            verify_place(part, &verifying->outline.places[at], next_in_chain(&verifying->outline, at));
    } else {
        uint32_t from = (uint32_t)(i - parts->of_places) * STRETCH, count = verifying->member_count;
        uint32_t to = count - from < STRETCH ? count : from + STRETCH;
        for (uint32_t at = from; at < to; at++)
            verify_member(part, at);
    }
    rrset_form_clear(&part->form);
    arena_clear(&part->scratch);
}

static void verify_members_run(void *context, size_t i)
{
    struct parts *parts = context;
    verify_part_run(parts, i + parts->of_places);
}

/* ---- all together ---- */

static void part_init(struct verify_part *part, const struct verifying *verifying)
{
    *part = (struct verify_part){.verifying = verifying};
    arena_init(&part->arena, 4096);
    part->end = &part->first;
}

static void tell_fault(const struct zoneverify_options *options, const struct fault *fault)
{
    if (options->fault != NULL) {
        struct zoneverify_fault told = {.severity = fault->severity,
            .rule = fault->rule,
            .owner = fault->owner,
            .type = fault->type,
            .message = fault->plain};
        if (fault->plain != NULL && fault->owner != NULL)
            options->fault(options->fault_context, &told);
        return;
    }
    struct finding finding = {.severity = fault->severity,
        .rule = fault->rule,
        .file = options->file,
        .message = fault->message != NULL ? fault->message : "out of memory"};
    if (options->sink.report != NULL)
        options->sink.report(options->sink.context, &finding);
}

/* Tells the part's findings and adds its counts. */
static void part_close(struct verify_part *part, struct zoneverify_result *result)
{
    const struct zoneverify_options *options = part->verifying->options;
    unsigned most = options->most != 0 ? options->most : TOLD_USUALLY;
    unsigned told = result->errors + result->warnings;
    for (const struct fault *fault = part->first; fault != NULL && told < most; fault = fault->next, told++)
        tell_fault(options, fault);
    result->errors += part->errors;
    result->warnings += part->warnings;
    result->signatures += part->signatures;
    result->opinions += part->opinions;
    result->rrsets += part->rrsets;
    if (part->any) {
        int64_t earliest = options->from + (int32_t)(part->earliest - (uint32_t)options->from);
        if (result->earliest == 0 || earliest < result->earliest)
            result->earliest = earliest;
    }
    arena_clear(&part->arena);
}

static enum err verify_names(struct verifying *verifying, struct zoneverify_result *result)
{
    struct parts parts = {.verifying = verifying};
    parts.of_places = (verifying->outline.count + STRETCH - 1) / STRETCH;
    parts.count = parts.of_places + (verifying->member_count + STRETCH - 1) / STRETCH;
    parts.items = calloc(parts.count + 1, sizeof *parts.items);
    if (parts.items == NULL)
        return ERR_MEMORY;
    for (uint32_t i = 0; i < parts.count; i++)
        part_init(&parts.items[i], verifying);
    /* Members are judged by which names they have: those come first. */
    parallel_each(verifying->options->threads, parts.of_places, verify_part_run, &parts);
    parallel_each(verifying->options->threads, parts.count - parts.of_places, verify_members_run, &parts);
    for (uint32_t i = 0; i < parts.count; i++)
        part_close(&parts.items[i], result);
    free(parts.items);
    return ERR_OK;
}

static void verify_zonemd(struct verify_part *part)
{
    const struct snapshot *snapshot = part->verifying->snapshot;
    enum zonemd_verdict verdict = zonemd_verify(snapshot);
    if (verdict == ZONEMD_VALID || verdict == ZONEMD_NONE)
        return;
    verify_tell(part, verdict == ZONEMD_UNSUPPORTED ? SEVERITY_WARNING : SEVERITY_ERROR, "zonemd",
        snapshot->image->header->apex_name, TYPE_ZONEMD, "%s", zonemd_verdict_text(verdict));
}

/* How the zone denies: by NSEC, by NSEC3, or not at all, which no validator takes. */
static enum err choose_denial(struct verifying *verifying, struct verify_part *part)
{
    const struct snapshot *snapshot = verifying->snapshot;
    const struct rrset *nsec = node_rrset(snapshot->apex, TYPE_NSEC);
    const struct rrset *param = node_rrset(snapshot->apex, TYPE_NSEC3PARAM);
    verifying->nsec = nsec != NULL && nsec->count > 0;
    verifying->nsec3 = !verifying->nsec && param != NULL && param->count > 0;
    if (verifying->nsec3)
        return verify_gather_nsec3(verifying, part);
    if (!verifying->nsec)
        verify_tell(part, SEVERITY_ERROR, "denial-missing", snapshot->image->header->apex_name, 0,
            "there is neither NSEC nor NSEC3PARAM: what is absent cannot be proved to be");
    return ERR_OK;
}

enum err zone_verify(const struct snapshot *snapshot, const struct zoneverify_options *options,
    struct zoneverify_result *result)
{
    struct verifying verifying = {.snapshot = snapshot, .options = options};
    struct verify_part apex;
    *result = (struct zoneverify_result){0};
    enum err err = outline_make(snapshot, &verifying.outline);
    if (err != ERR_OK)
        return err;
    part_init(&apex, &verifying);
    rrset_form_init(&apex.form);
    bool keys = verify_keys(&verifying, &apex);
    if (keys && options->opinion != NULL)
        opinion_take_keys(
            options->opinion, snapshot->image->header->apex_name, node_rrset(snapshot->apex, TYPE_DNSKEY));
    if (keys) {
        err = choose_denial(&verifying, &apex);
        verify_zonemd(&apex);
    }
    result->nsec3 = verifying.nsec3;
    result->unsigned_zone = verifying.key_count == 0;
    rrset_form_clear(&apex.form);
    part_close(&apex, result);
    if (err == ERR_OK && keys)
        err = verify_names(&verifying, result);
    for (unsigned i = 0; i < verifying.key_count; i++)
        key_release(verifying.keys[i]);
    free(verifying.members);
    outline_clear(&verifying.outline);
    return err;
}
