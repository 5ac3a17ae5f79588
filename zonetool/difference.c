#include "zonetool/difference.h"

#include <stdio.h>
#include <string.h>

#include "zone/wire/type.h"
#include "zonetool/show.h"

enum kind { ADDED, REMOVED, CHANGED };

static const char *const kind_words[] = {"added", "removed", "changed"};

static enum kind kind_of(const struct set_change *set)
{
    return set->old.count == 0 ? ADDED : set->new.count == 0 ? REMOVED : CHANGED;
}

static bool only_ttl(const struct set_change *set)
{
    for (uint32_t i = 0; i < set->old.count; i++) {
        if (set->old.records[i].alone)
            return false;
    }
    for (uint32_t i = 0; i < set->new.count; i++) {
        if (set->new.records[i].alone)
            return false;
    }
    return true;
}

/* "A", "RRSIG of A". */
static const char *type_words(const struct set_change *set)
{
    static char text[48];
    if (set->covered == 0)
        return show_type(set->type);
    snprintf(text, sizeof text, "%s of %s", show_type(set->type), show_type(set->covered));
    return text;
}

static void count_kinds(const struct versions *versions, size_t counts[3])
{
    counts[0] = counts[1] = counts[2] = 0;
    for (size_t i = 0; i < versions->count; i++)
        counts[kind_of(&versions->sets[i])]++;
}

/* ---- text ---- */

static void text_records(const struct set_change *set, const struct set_version *version, char sign, bool all)
{
    for (uint32_t i = 0; i < version->count; i++) {
        const struct set_record *record = &version->records[i];
        if (!all && !record->alone)
            continue;
        printf("%c ", sign);
        show_record(stdout, set->owner, set->type, version->ttl, record->rdata, record->len);
    }
}

static void text_set(const struct set_change *set)
{
    bool ttl = set->old.ttl != set->new.ttl &&kind_of(set) == CHANGED;
    if (ttl)
        printf(
            "~ %s\t%s: TTL %u -> %u\n", show_name(set->owner), type_words(set), set->old.ttl, set->new.ttl);
    text_records(set, &set->old, '-', false);
    text_records(set, &set->new, '+', false);
}

static void text_summary(const struct versions *versions)
{
    size_t counts[3];
    count_kinds(versions, counts);
    printf("%s: serial %u -> %u; RRsets: %zu added, %zu removed, %zu changed\n", show_name(versions->apex),
        versions->from, versions->to, counts[ADDED], counts[REMOVED], counts[CHANGED]);
}

void difference_text(const struct difference *difference)
{
    const struct versions *versions = difference->versions;
    if (versions->count == 0)
        return;
    for (size_t i = 0; i < versions->count; i++)
        text_set(&versions->sets[i]);
    text_summary(versions);
    if (difference->effects != NULL)
        effects_text(difference->effects);
}

/* ---- JSON ---- */

static void json_version(
    struct json *json, const struct set_change *set, const struct set_version *version, const char *word)
{
    if (version->count == 0)
        return;
    json_open(json, word, '{');
    json_number(json, "ttl", version->ttl);
    json_open(json, "records", '[');
    for (uint32_t i = 0; i < version->count; i++)
        json_text(json, NULL, show_rdata(set->type, version->records[i].rdata, version->records[i].len));
    json_close(json, ']');
    json_close(json, '}');
}

static void json_set(struct json *json, const struct set_change *set)
{
    json_open(json, NULL, '{');
    json_text(json, "name", show_name(set->owner));
    json_text(json, "type", show_type(set->type));
    if (set->covered != 0)
        json_text(json, "covered", show_type(set->covered));
    json_text(json, "kind", kind_words[kind_of(set)]);
    json_version(json, set, &set->old, "old");
    json_version(json, set, &set->new, "new");
    json_close(json, '}');
}

void difference_json(const struct difference *difference)
{
    const struct versions *versions = difference->versions;
    struct json json;
    size_t counts[3];
    count_kinds(versions, counts);
    json_init(&json, stdout);
    json_open(&json, NULL, '{');
    json_text(&json, "zone", show_name(versions->apex));
    json_text(&json, "old", difference->old_name);
    json_text(&json, "new", difference->new_name);
    json_number(&json, "old_serial", versions->from);
    json_number(&json, "new_serial", versions->to);
    for (unsigned i = 0; i < 3; i++)
        json_number(&json, kind_words[i], counts[i]);
    json_open(&json, "rrsets", '[');
    for (size_t i = 0; i < versions->count; i++)
        json_set(&json, &versions->sets[i]);
    json_close(&json, ']');
    if (difference->effects != NULL)
        effects_json(difference->effects, &json);
    json_close(&json, '}');
    putchar('\n');
}

/* ---- Markdown ---- */

#define CELL_RECORDS 4 /* of a set, in a cell */
#define CELL_WIDTH 120 /* octets of a record */
#define TABLE_ROWS 200

static void markdown_cell(const struct set_change *set, const struct set_version *version)
{
    uint32_t shown = 0, alone = 0;
    bool all = only_ttl(set);
    for (uint32_t i = 0; i < version->count; i++)
        alone += version->records[i].alone || all;
    for (uint32_t i = 0; i < version->count && shown < CELL_RECORDS; i++) {
        char text[CELL_WIDTH + 4];
        const struct set_record *record = &version->records[i];
        if (!record->alone && !all)
            continue;
        const char *rdata = show_rdata(set->type, record->rdata, record->len);
        snprintf(text, sizeof text, "%.*s%s", CELL_WIDTH, rdata, strlen(rdata) > CELL_WIDTH ? "..." : "");
        fputs(shown++ > 0 ? "<br>" : "", stdout);
        show_code(stdout, text);
    }
    if (alone > shown)
        printf("<br>and %u more", alone - shown);
}

static void markdown_set(const struct set_change *set)
{
    printf("| %s | ", kind_words[kind_of(set)]);
    show_code(stdout, show_name(set->owner));
    printf(" | %s | ", type_words(set));
    if (kind_of(set) == CHANGED && set->old.ttl != set->new.ttl)
        printf("%s &rarr; %s", show_span(set->old.ttl), show_span(set->new.ttl));
    else
        fputs(show_span(kind_of(set) == ADDED ? set->new.ttl : set->old.ttl), stdout);
    fputs(" | ", stdout);
    markdown_cell(set, &set->old);
    fputs(" | ", stdout);
    markdown_cell(set, &set->new);
    puts(" |");
}

void difference_markdown(const struct difference *difference)
{
    const struct versions *versions = difference->versions;
    size_t counts[3];
    count_kinds(versions, counts);
    fputs("### Zone ", stdout);
    show_code(stdout, show_name(versions->apex));
    if (versions->count == 0) {
        puts("\n\nNothing changes.");
        return;
    }
    printf("\n\nSerial %u &rarr; %u. Record sets: **%zu added, %zu removed, %zu changed**.\n\n",
        versions->from, versions->to, counts[ADDED], counts[REMOVED], counts[CHANGED]);
    if (difference->effects != NULL)
        effects_markdown(difference->effects);
    puts("| | Name | Type | TTL | Before | After |\n|---|---|---|---|---|---|");
    for (size_t i = 0; i < versions->count && i < TABLE_ROWS; i++)
        markdown_set(&versions->sets[i]);
    if (versions->count > TABLE_ROWS)
        printf("\nand %zu more record sets.\n", versions->count - TABLE_ROWS);
}

/* ---- IXFR ---- */

static bool is_apex_soa(const struct versions *versions, const struct set_change *set)
{
    return set->type == TYPE_SOA && name_equal(set->owner, versions->apex);
}

static void ixfr_set(const struct set_change *set, const struct set_version *version, bool all)
{
    for (uint32_t i = 0; i < version->count; i++) {
        const struct set_record *record = &version->records[i];
        if (all || record->alone || set->old.ttl != set->new.ttl)
            show_record(stdout, set->owner, set->type, version->ttl, record->rdata, record->len);
    }
}

static void ixfr_half(const struct versions *versions, bool removed)
{
    ixfr_set(&versions->soa, removed ? &versions->soa.old : &versions->soa.new, true);
    for (size_t i = 0; i < versions->count; i++) {
        const struct set_change *set = &versions->sets[i];
        if (!is_apex_soa(versions, set))
            ixfr_set(set, removed ? &set->old : &set->new, false);
    }
}

void difference_ixfr(const struct difference *difference)
{
    const struct versions *versions = difference->versions;
    ixfr_set(&versions->soa, &versions->soa.new, true);
    if (versions->count == 0)
        return;
    ixfr_half(versions, true);
    ixfr_half(versions, false);
    ixfr_set(&versions->soa, &versions->soa.new, true);
}

/* ---- nsupdate ---- */

/* A signing server makes these itself, and takes them from nobody (RFC 3007 4.3). */
static bool is_made_by_signer(uint16_t type)
{
    return type == TYPE_RRSIG || type == TYPE_NSEC || type == TYPE_NSEC3 || type == TYPE_NSEC3PARAM;
}

static void update_add(const struct set_change *set, bool all)
{
    for (uint32_t i = 0; i < set->new.count; i++) {
        const struct set_record *record = &set->new.records[i];
        if (!all && !record->alone)
            continue;
        fputs("update add ", stdout);
        show_record(stdout, set->owner, set->type, set->new.ttl, record->rdata, record->len);
    }
}

static void update_delete(const struct set_change *set)
{
    for (uint32_t i = 0; i < set->old.count; i++) {
        const struct set_record *record = &set->old.records[i];
        if (!record->alone)
            continue;
        printf("update delete %s\tIN\t%s\t%s\n", show_name(set->owner), show_type(set->type),
            show_rdata(set->type, record->rdata, record->len));
    }
}

/* The last name server of the apex cannot be deleted (RFC 2136 3.4.2.4): what comes, comes first. A TTL is
 * changed by adding what is there (3.4.2.2); BIND gives the whole set the TTL of the last one added. */
static void update_set(const struct versions *versions, const struct set_change *set)
{
    bool ttl = set->old.ttl != set->new.ttl;
    if (set->type == TYPE_NS && name_equal(set->owner, versions->apex)) {
        update_add(set, ttl);
        update_delete(set);
        return;
    }
    if (set->new.count == 0 || (ttl && set->old.count > 0))
        printf("update delete %s\tIN\t%s\n", show_name(set->owner), show_type(set->type));
    else
        update_delete(set);
    update_add(set, ttl);
}

void difference_nsupdate(const struct difference *difference)
{
    const struct versions *versions = difference->versions;
    size_t left_out = 0;
    printf("zone %s\n", show_name(versions->apex));
    for (size_t i = 0; i < versions->count; i++) {
        const struct set_change *set = &versions->sets[i];
        if (is_made_by_signer(set->type))
            left_out++;
        else if (is_apex_soa(versions, set))
            update_add(set, true);
        else
            update_set(versions, set);
    }
    if (left_out > 0)
        printf("; left out: %zu RRsets of signatures and denial, which the server makes\n", left_out);
    puts("send");
}
