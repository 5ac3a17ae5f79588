/* change_apply: a change set over a snapshot. Per name that the change set speaks of: what the name has, less
 * what is removed, plus what is added, goes onto a tape; the tapes' runs become an overlay, or, when there
 * are too many, a new image with all the names beside them (change_build.c). */
#include "zone/store/edit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zone/store/lint.h"
#include "zone/store/overlay.h"
#include "zone/wire/name.h"
#include "zone/wire/rdata.h"
#include "zone/wire/type.h"

#define NAMES_MAX 65536u /* beyond this a new image is the better way */

/* One record of the change set. */
struct deed {
    struct change_record record;
    uint32_t order;
    bool add;
    bool nsec3; /* it stands in the NSEC3 set */
};

/* A record that the name has, while its change is made. */
struct held {
    const uint8_t *rdata;
    uint32_t ttl;
    uint16_t rdata_len;
    uint16_t type;
    uint16_t set; /* the type, of an RRSIG the type covered: these share a TTL */
};

struct applying {
    struct snapshot *current;
    const uint8_t *apex;
    unsigned apex_len;
    struct deed *deeds;
    size_t deed_count;
    struct held *held;
    size_t held_count, held_room;
    struct edits edits;
    char *why;
};

static uint16_t set_of(uint16_t type, const uint8_t *rdata, size_t len)
{
    return type == TYPE_RRSIG && len >= 2 ? (uint16_t)((unsigned)rdata[0] << 8 | rdata[1]) : type;
}

static enum err refuse(struct applying *applying, const struct deed *deed, const char *what)
{
    char name[NAME_TEXT_MAX], type[16];
    if (applying->why == NULL)
        return ERR_INVALID;
    name_print(deed->record.owner, name);
    type_print(deed->record.type, type);
    snprintf(applying->why, CHANGE_WHY_MAX, "%s %s %.150s %s", deed->add ? "the added" : "the removed", type,
        name, what);
    return ERR_INVALID;
}

/* ---- the records of one name ---- */

static enum err hold(struct applying *applying, const struct held *held)
{
    if (applying->held_count == applying->held_room) {
        size_t room = applying->held_room * 2 + 64;
        struct held *more = realloc(applying->held, room * sizeof *more);
        if (more == NULL)
            return ERR_MEMORY;
        applying->held = more;
        applying->held_room = room;
    }
    applying->held[applying->held_count++] = *held;
    return ERR_OK;
}

static enum err hold_records(struct applying *applying, const struct rrset *rrset, bool signatures)
{
    const uint8_t *at = signatures ? rrset_signatures(rrset) : rrset->data;
    unsigned count = signatures ? rrset->sig_count : rrset->count;
    enum err err = ERR_OK;
    for (unsigned i = 0; i < count && err == ERR_OK; i++) {
        struct record record;
        at = record_read(at, !signatures && rrset_linked(rrset->type), &record);
        err = hold(applying, &(struct held){.rdata = record.rdata,
                                 .rdata_len = record.rdata_len,
                                 .ttl = rrset->ttl,
                                 .type = signatures ? TYPE_RRSIG : rrset->type,
                                 .set = rrset->type});
    }
    return err;
}

static enum err hold_node(struct applying *applying, const struct node *node)
{
    enum err err = ERR_OK;
    applying->held_count = 0;
    const struct rrset *rrset = node != NULL ? node_rrsets(node) : NULL;
    for (unsigned i = 0; node != NULL && i < node->rrset_count && err == ERR_OK; i++) {
        err = hold_records(applying, rrset, false);
        if (err == ERR_OK)
            err = hold_records(applying, rrset, true);
        rrset = rrset_next(rrset);
    }
    return err;
}

/* RFC 2181 5, RFC 4034 6.2: names in rdata are the same in whatever case. */
static bool same_without_case(const struct held *held, const struct change_record *record)
{
    uint8_t a[2048], b[2048];
    if (held->rdata_len > sizeof a)
        return false;
    memcpy(a, held->rdata, held->rdata_len);
    memcpy(b, record->rdata, record->rdata_len);
    rdata_canonical(record->type, a, held->rdata_len);
    rdata_canonical(record->type, b, record->rdata_len);
    return memcmp(a, b, held->rdata_len) == 0;
}

static struct held *find_held(struct applying *applying, const struct change_record *record, bool exact)
{
    for (size_t i = 0; i < applying->held_count; i++) {
        struct held *held = &applying->held[i];
        if (held->type == record->type && held->rdata_len == record->rdata_len &&
            (exact ? memcmp(held->rdata, record->rdata, record->rdata_len) == 0
                   : same_without_case(held, record)))
            return held;
    }
    return NULL;
}

static struct held *find_record(struct applying *applying, const struct change_record *record)
{
    struct held *held = find_held(applying, record, true);
    return held != NULL ? held : find_held(applying, record, false);
}

static enum err take_away(struct applying *applying, const struct deed *deed)
{
    struct held *held = find_record(applying, &deed->record);
    if (held == NULL)
        return refuse(applying, deed, "is not in the zone");
    size_t behind = applying->held_count - (size_t)(held - applying->held) - 1;
    memmove(held, held + 1, behind * sizeof *held);
    applying->held_count--;
    return ERR_OK;
}

/* RFC 2181 5.2: one TTL for the set; the newest is meant. */
static enum err put_in(struct applying *applying, const struct deed *deed)
{
    const struct change_record *record = &deed->record;
    uint16_t set = set_of(record->type, record->rdata, record->rdata_len);
    if (find_record(applying, record) != NULL)
        return refuse(applying, deed, "is in the zone already");
    for (size_t i = 0; i < applying->held_count; i++) {
        if (applying->held[i].set == set)
            applying->held[i].ttl = record->ttl;
    }
    return hold(applying, &(struct held){.rdata = record->rdata,
                              .rdata_len = record->rdata_len,
                              .ttl = record->ttl,
                              .type = record->type,
                              .set = set});
}

static enum err edit_name(struct applying *applying, const struct deed *deeds, size_t count)
{
    const uint8_t *owner = deeds->record.owner;
    unsigned len = (unsigned)name_len(owner) - applying->apex_len;
    enum err err = hold_node(applying, snapshot_find(applying->current, deeds->nsec3, owner, len));
    for (size_t i = 0; i < count && err == ERR_OK; i++)
        err = deeds[i].add ? put_in(applying, &deeds[i]) : take_away(applying, &deeds[i]);
    if (err == ERR_OK)
        err = edits_name(&applying->edits, owner, len, deeds->nsec3);
    for (size_t i = 0; i < applying->held_count && err == ERR_OK; i++) {
        const struct held *held = &applying->held[i];
        err = edits_record(&applying->edits, owner, held->type, held->ttl, held->rdata, held->rdata_len);
    }
    return err;
}

/* ---- the change set, name by name ---- */

static int deed_order(const void *left, const void *right)
{
    const struct deed *a = left, *b = right;
    if (a->nsec3 != b->nsec3)
        return a->nsec3 ? 1 : -1;
    int order = name_compare(a->record.owner, b->record.owner);
    return order != 0 ? order : a->order < b->order ? -1 : 1;
}

static enum err list_deeds(struct applying *applying, const struct change_list *list, bool add)
{
    struct change_record record;
    for (size_t at = 0; change_next(list, &at, &record);) {
        struct deed *deed = &applying->deeds[applying->deed_count];
        *deed = (struct deed){.record = record,
            .order = (uint32_t)applying->deed_count++,
            .add = add,
            .nsec3 = set_of(record.type, record.rdata, record.rdata_len) == TYPE_NSEC3};
        if (!name_under(record.owner, applying->apex))
            return refuse(applying, deed, "lies outside of the zone");
        if (record.type == TYPE_SOA && !name_equal(record.owner, applying->apex))
            return refuse(applying, deed, "does not stand at the apex");
    }
    return ERR_OK;
}

static enum err edit_names(struct applying *applying)
{
    enum err err = ERR_OK;
    const struct deed *deeds = applying->deeds;
    qsort(applying->deeds, applying->deed_count, sizeof *deeds, deed_order);
    for (size_t from = 0, to; from < applying->deed_count && err == ERR_OK; from = to) {
        for (to = from + 1; to < applying->deed_count && deeds[to].nsec3 == deeds[from].nsec3 &&
                            name_equal(deeds[to].record.owner, deeds[from].record.owner);
             to++)
            continue;
        err = edit_name(applying, deeds + from, to - from);
    }
    return err;
}

/* ---- the new snapshot ---- */

static void tell_why(char *why, const struct lint *lint)
{
    const struct pending *finding = lint->findings.first;
    while (finding != NULL && finding->severity != SEVERITY_ERROR)
        finding = finding->next;
    if (why != NULL && finding != NULL)
        snprintf(why, CHANGE_WHY_MAX, "%s [%s]", finding->message, finding->rule);
}

static enum err make_overlay(struct snapshot *current, struct edits *edits, char *why, struct snapshot **out)
{
    struct overlay_change *changes;
    struct arena arena;
    enum err err = edits_finish(edits, &changes);
    if (err != ERR_OK)
        return err;
    arena_init(&arena, 0);
    struct lint lint = {.findings = {.arena = &arena}};
    err = overlay_make(current, changes, edits->count, &lint, out);
    if (err == ERR_INVALID)
        tell_why(why, &lint);
    arena_clear(&arena);
    return err;
}

static enum err make_image(
    struct snapshot *current, const struct edits *edits, unsigned threads, char *why, struct snapshot **out)
{
    struct image *image;
    enum err err = edits_build(current, edits, threads, why, &image);
    if (err != ERR_OK)
        return err;
    *out = snapshot_new(image);
    if (*out != NULL)
        return ERR_OK;
    image_release(image);
    return ERR_MEMORY;
}

enum err edits_apply(
    struct snapshot *current, struct edits *edits, unsigned threads, char *why, struct snapshot **out)
{
    enum err err = edits->count > NAMES_MAX ? ERR_LIMIT : make_overlay(current, edits, why, out);
    return err == ERR_LIMIT ? make_image(current, edits, threads, why, out) : err;
}

enum err change_apply(struct snapshot *current, const struct change *change, unsigned threads,
    char why[CHANGE_WHY_MAX], struct snapshot **out)
{
    struct applying applying = {.current = current,
        .apex = current->image->header->apex_name,
        .apex_len = current->image->header->apex_len,
        .why = why};
    size_t room = (size_t)change->removed.count + change->added.count;
    if (why != NULL)
        why[0] = '\0';
    applying.deeds = malloc((room + 1) * sizeof *applying.deeds);
    enum err err = applying.deeds != NULL ? edits_init(&applying.edits) : ERR_MEMORY;
    if (err == ERR_OK)
        err = list_deeds(&applying, &change->removed, false);
    if (err == ERR_OK)
        err = list_deeds(&applying, &change->added, true);
    if (err == ERR_OK)
        err = edit_names(&applying);
    if (err == ERR_OK)
        err = edits_apply(current, &applying.edits, threads, why, out);
    edits_clear(&applying.edits);
    free(applying.held);
    free(applying.deeds);
    return err;
}
