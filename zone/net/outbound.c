#include "zone/net/outbound.h"

#include <stdlib.h>
#include <string.h>

#include "zone/wire/edns.h"
#include "zone/wire/name.h"
#include "zone/wire/rrset.h"
#include "zone/wire/type.h"

#define POINTER_MAX 0x3fff /* RFC 1035 4.1.4 */
#define LINKS_MAX LINK_RECORD
#define OPT_LEN 11
#define UDP_SIZE 1232

enum kind { OUTBOUND_AXFR, OUTBOUND_IXFR, OUTBOUND_SOA };

/* Where the next record is taken from. */
enum stage {
    STAGE_FIRST, /* the new SOA */
    STAGE_BODY,
    STAGE_LAST, /* the new SOA again */
    STAGE_DONE
};

/* The record that comes next. */
struct item {
    const uint8_t *rdata;
    const struct link *link; /* of an RRset's record */
    uint32_t ttl;
    uint16_t type;
    uint16_t rdata_len;
    uint16_t index; /* among the records of its RRset */
};

struct outbound {
    enum kind kind;
    enum stage stage;
    bool broken, begun;
    struct snapshot *snapshot;
    uint64_t records;

    /* AXFR: the place in the walk */
    struct snapshot_walk walk;
    const struct node *node;
    const struct rrset *rrset;
    unsigned rrsets_left, left, index;
    const uint8_t *at;
    bool signatures;

    /* IXFR: the place in the steps */
    struct change *steps;
    size_t step_count, step, list_at;
    bool adding;

    /* the record that did not fit the last message */
    struct item item;
    bool has_item;

    /* the owner at hand: relative labels */
    const uint8_t *owner;
    unsigned owner_len, owner_labels;

    /* the message being written */
    uint8_t *out;
    size_t len, end;
    unsigned count;
    uint8_t last[NAME_MAX + 1]; /* the last owner written, relative */
    unsigned last_labels;
    uint16_t places[NAME_LABELS_MAX + 1]; /* of its suffix with n relative labels; 0: cannot be pointed to */
    uint16_t record_places[LINKS_MAX];    /* of the first name in each record of the RRset at hand */

    unsigned apex_labels;
    uint16_t apex_places[NAME_LABELS_MAX + 1]; /* of the apex's suffix with n labels, in the question */

    uint16_t id, flags;
    uint8_t question[NAME_MAX + 5];
    unsigned question_len;
    bool edns;
};

/* ---- beginning ---- */

static void place_apex(struct outbound *outbound, const uint8_t *apex)
{
    unsigned labels = name_labels(apex);
    outbound->apex_labels = labels;
    for (const uint8_t *at = apex; labels > 0; at += *at + 1u)
        outbound->apex_places[labels--] = (uint16_t)(MESSAGE_HEADER_LEN + (at - apex));
}

static struct outbound *outbound_new(const struct message *query, struct snapshot *snapshot, enum kind kind)
{
    struct outbound *outbound = calloc(1, sizeof *outbound);
    if (outbound == NULL)
        return NULL;
    outbound->kind = kind;
    outbound->snapshot = snapshot_hold(snapshot);
    outbound->id = query->id;
    outbound->flags = MESSAGE_QR | MESSAGE_AA | (query->flags & MESSAGE_RD);
    outbound->question_len = query->body_at - MESSAGE_HEADER_LEN;
    memcpy(outbound->question, query->bytes + MESSAGE_HEADER_LEN, outbound->question_len);
    outbound->edns = query->edns.present;
    place_apex(outbound, snapshot->image->header->apex_name);
    return outbound;
}

struct outbound *outbound_axfr(const struct message *query, struct snapshot *snapshot)
{
    struct outbound *outbound = outbound_new(query, snapshot, OUTBOUND_AXFR);
    if (outbound != NULL)
        snapshot_walk_start(&outbound->walk, snapshot);
    return outbound;
}

struct outbound *outbound_soa(const struct message *query, struct snapshot *snapshot)
{
    return outbound_new(query, snapshot, OUTBOUND_SOA);
}

static void free_steps(struct change *steps, size_t count)
{
    for (size_t i = 0; i < count; i++)
        change_clear(&steps[i]);
    free(steps);
}

struct outbound *outbound_ixfr(
    const struct message *query, struct snapshot *snapshot, struct change *steps, size_t count)
{
    struct outbound *outbound = outbound_new(query, snapshot, OUTBOUND_IXFR);
    if (outbound == NULL) {
        free_steps(steps, count);
        return NULL;
    }
    outbound->steps = steps;
    outbound->step_count = count;
    return outbound;
}

void outbound_free(struct outbound *outbound)
{
    if (outbound == NULL)
        return;
    free_steps(outbound->steps, outbound->step_count);
    snapshot_release(outbound->snapshot);
    free(outbound);
}

bool outbound_done(const struct outbound *outbound)
{
    return outbound->stage == STAGE_DONE && !outbound->has_item;
}

bool outbound_broken(const struct outbound *outbound)
{
    return outbound->broken;
}

uint64_t outbound_records(const struct outbound *outbound)
{
    return outbound->records;
}

uint64_t outbound_zone_size(const struct snapshot *snapshot)
{
    const struct image_header *header = snapshot->image->header;
    uint64_t index = (uint64_t)header->bucket_count * sizeof(struct bucket), places = 8;
    uint64_t fixed = index + header->node_count * places + header->header_len;
    return header->size > fixed ? header->size - fixed : header->size;
}

/* ---- the records in order ---- */

static void take_soa(struct outbound *outbound)
{
    struct record record;
    const struct rrset *soa = outbound->snapshot->soa;
    record_read(soa->data, true, &record);
    outbound->item = (struct item){.rdata = record.rdata,
        .link = record.link,
        .rdata_len = record.rdata_len,
        .ttl = soa->ttl,
        .type = TYPE_SOA};
    outbound->owner = (const uint8_t *)"";
    outbound->owner_len = outbound->owner_labels = 0;
    outbound->rrset = soa;
}

static void open_rrset(struct outbound *outbound, bool signatures)
{
    const struct rrset *rrset = outbound->rrset;
    /* The apex's SOA frames the transfer; one elsewhere would end it. */
    bool none = !signatures && rrset->type == TYPE_SOA;
    outbound->signatures = signatures;
    outbound->at = signatures ? rrset_signatures(rrset) : rrset->data;
    outbound->left = none ? 0 : signatures ? rrset->sig_count : rrset->count;
    outbound->index = 0;
}

static bool next_rrset(struct outbound *outbound)
{
    if (outbound->rrset != NULL && !outbound->signatures && outbound->rrset->sig_count > 0) {
        open_rrset(outbound, true);
        return true;
    }
    while (outbound->rrsets_left == 0) {
        const struct node *node = snapshot_walk_next(&outbound->walk);
        if (node == NULL)
            return false;
        outbound->node = node;
        outbound->rrsets_left = node->rrset_count;
        outbound->rrset = NULL;
        outbound->owner = node->name;
        outbound->owner_len = node->name_len;
        outbound->owner_labels = (node->flags & NODE_NSEC3) != 0 ? 1 : node->labels;
    }
    outbound->rrset = outbound->rrset == NULL ? node_rrsets(outbound->node) : rrset_next(outbound->rrset);
    outbound->rrsets_left--;
    open_rrset(outbound, false);
    return true;
}

static bool next_of_zone(struct outbound *outbound)
{
    if (outbound->node == NULL) /* the SOA before left its mark there */
        outbound->rrset = NULL;
    while (outbound->left == 0) {
        if (!next_rrset(outbound))
            return false;
    }
    const struct rrset *rrset = outbound->rrset;
    struct record record;
    outbound->at = record_read(outbound->at, !outbound->signatures && rrset_linked(rrset->type), &record);
    outbound->item = (struct item){.rdata = record.rdata,
        .link = record.link,
        .rdata_len = record.rdata_len,
        .ttl = rrset->ttl,
        .type = outbound->signatures ? (uint16_t)TYPE_RRSIG : rrset->type,
        .index = (uint16_t)outbound->index++};
    outbound->left--;
    return true;
}

static unsigned labels_within(const uint8_t *name, unsigned len)
{
    unsigned labels = 0;
    for (unsigned at = 0; at < len; at += name[at] + 1u)
        labels++;
    return labels;
}

static bool next_of_steps(struct outbound *outbound)
{
    struct change_record record;
    for (;;) {
        if (outbound->step == outbound->step_count)
            return false;
        const struct change *step = &outbound->steps[outbound->step];
        if (change_next(outbound->adding ? &step->added : &step->removed, &outbound->list_at, &record))
            break;
        outbound->list_at = 0;
        outbound->step += outbound->adding;
        outbound->adding = !outbound->adding;
    }
    outbound->item = (struct item){
        .rdata = record.rdata, .rdata_len = record.rdata_len, .ttl = record.ttl, .type = record.type};
    outbound->owner = record.owner;
    outbound->owner_len = (unsigned)name_len(record.owner) - outbound->snapshot->image->header->apex_len;
    outbound->owner_labels = labels_within(record.owner, outbound->owner_len);
    outbound->rrset = NULL;
    return true;
}

/* The next record into `item`; false when all have been. */
static bool next_item(struct outbound *outbound)
{
    if (outbound->stage == STAGE_FIRST) {
        take_soa(outbound);
        outbound->stage = outbound->kind == OUTBOUND_SOA ? STAGE_DONE : STAGE_BODY;
        return true;
    }
    if (outbound->stage == STAGE_BODY) {
        if (outbound->kind == OUTBOUND_AXFR ? next_of_zone(outbound) : next_of_steps(outbound))
            return true;
        outbound->stage = STAGE_LAST;
    }
    if (outbound->stage != STAGE_LAST)
        return false;
    take_soa(outbound);
    outbound->stage = STAGE_DONE;
    return true;
}

/* ---- writing ---- */

static inline void put16(uint8_t *at, unsigned value)
{
    uint16_t swapped = __builtin_bswap16((uint16_t)value);
    memcpy(at, &swapped, 2);
}

static inline void put32(uint8_t *at, uint32_t value)
{
    value = __builtin_bswap32(value);
    memcpy(at, &value, 4);
}

static inline void put_pointer(struct outbound *outbound, unsigned place)
{
    put16(outbound->out + outbound->len, 0xc000u | place);
    outbound->len += 2;
}

/* The end of a name that ends in the apex. */
static inline void put_apex(struct outbound *outbound)
{
    if (outbound->apex_labels > 0)
        put_pointer(outbound, MESSAGE_HEADER_LEN);
    else
        outbound->out[outbound->len++] = 0;
}

/* Labels, from the right, that the relative NAME shares with the last owner. */
static unsigned shared_with_last(
    const struct outbound *outbound, const uint8_t *name, unsigned labels, const uint8_t **starts)
{
    const uint8_t *mine[NAME_LABELS_MAX + 1], *last[NAME_LABELS_MAX + 1];
    unsigned shared = 0;
    for (unsigned i = labels; i > 0; name += *name + 1u)
        mine[i--] = name;
    const uint8_t *at = outbound->last;
    for (unsigned i = outbound->last_labels; i > 0; at += *at + 1u)
        last[i--] = at;
    while (shared < labels && shared < outbound->last_labels &&
           memcmp(mine[shared + 1], last[shared + 1], *mine[shared + 1] + 1u) == 0)
        shared++;
    memcpy(starts, mine, (labels + 1) * sizeof *starts);
    return shared;
}

/* Ends a name with a pointer to the last owner's suffix of SHARED labels, or to a shorter one that can be
 * pointed to; the labels between are written. */
static void put_suffix(struct outbound *outbound, const uint8_t *const *starts, unsigned shared)
{
    unsigned reach = shared;
    while (reach > 0 && outbound->places[reach] == 0)
        reach--;
    for (unsigned i = shared; i > reach; i--) {
        size_t len = *starts[i] + 1u;
        memcpy(outbound->out + outbound->len, starts[i], len);
        outbound->len += len;
    }
    if (reach > 0)
        put_pointer(outbound, outbound->places[reach]);
    else
        put_apex(outbound);
}

static void put_new_owner(struct outbound *outbound)
{
    const uint8_t *starts[NAME_LABELS_MAX + 1];
    unsigned labels = outbound->owner_labels;
    unsigned shared = shared_with_last(outbound, outbound->owner, labels, starts);
    for (unsigned i = labels; i > shared; i--) {
        size_t len = *starts[i] + 1u;
        outbound->places[i] = outbound->len <= POINTER_MAX ? (uint16_t)outbound->len : 0;
        memcpy(outbound->out + outbound->len, starts[i], len);
        outbound->len += len;
    }
    put_suffix(outbound, starts, shared);
    memcpy(outbound->last, outbound->owner, outbound->owner_len);
    outbound->last[outbound->owner_len] = 0;
    outbound->last_labels = labels;
}

static inline bool same_as_last(const struct outbound *outbound)
{
    return outbound->owner_labels == outbound->last_labels &&
           memcmp(outbound->owner, outbound->last, outbound->owner_len) == 0;
}

static void put_owner(struct outbound *outbound)
{
    if (outbound->owner_labels == 0)
        put_apex(outbound);
    else if (same_as_last(outbound) && outbound->places[outbound->owner_labels] != 0)
        put_pointer(outbound, outbound->places[outbound->owner_labels]);
    else
        put_new_owner(outbound);
}

/* Where the owner's suffix of LABELS labels, the root not counted, can be pointed to; or 0. */
static unsigned owner_place(const struct outbound *outbound, unsigned labels)
{
    if (labels <= outbound->apex_labels)
        return outbound->apex_places[labels];
    labels -= outbound->apex_labels;
    return labels <= outbound->last_labels && same_as_last(outbound) ? outbound->places[labels] : 0;
}

static size_t copy(struct outbound *outbound, const uint8_t *from, size_t len)
{
    memcpy(outbound->out + outbound->len, from, len);
    outbound->len += len;
    return len;
}

/* A name in rdata by its link (rrset.h); its octets there. */
static size_t put_linked_name(
    struct outbound *outbound, const uint8_t *name, unsigned keep, unsigned from, unsigned at)
{
    unsigned place = 0;
    if (from >= LINK_RECORD) {
        place = outbound->record_places[from - LINK_RECORD];
        place = place != 0 && place + at <= POINTER_MAX ? place + at : 0;
    } else if (from > 0) {
        place = owner_place(outbound, from);
    }
    size_t len = name_len(name);
    if (place == 0) {
        copy(outbound, name, len);
        return len;
    }
    copy(outbound, name, keep);
    put_pointer(outbound, place);
    return len;
}

static void put_linked(struct outbound *outbound, const struct item *item)
{
    const struct link *link = item->link;
    const uint8_t *rdata = item->rdata;
    size_t left = item->rdata_len, head = copy(outbound, rdata, rrset_name_at(item->type));
    uint16_t place = outbound->len <= POINTER_MAX ? (uint16_t)outbound->len : 0;
    if (item->index < LINKS_MAX && item->type != TYPE_SOA)
        outbound->record_places[item->index] = place;
    size_t used = head + put_linked_name(outbound, rdata + head, link->keep, link->from, link->at);
    if (item->type == TYPE_SOA) { /* 128+0 means its own first name */
        outbound->record_places[0] = place;
        used +=
            put_linked_name(outbound, rdata + used, link->second.keep, link->second.from, link->second.at);
    }
    copy(outbound, rdata + used, left - used);
}

/* A name that no link speaks of, under the apex: compressed by the last owner and the apex. */
static size_t put_plain_name(struct outbound *outbound, const uint8_t *name)
{
    const struct image_header *header = outbound->snapshot->image->header;
    const uint8_t *starts[NAME_LABELS_MAX + 1];
    size_t len = name_len(name);
    unsigned labels = name_labels(name);
    if (labels < outbound->apex_labels || outbound->apex_labels == 0 ||
        memcmp(name + len - header->apex_len, header->apex_name, header->apex_len) != 0 ||
        !name_under(name, header->apex_name)) {
        copy(outbound, name, len);
        return len;
    }
    labels -= outbound->apex_labels;
    unsigned shared = shared_with_last(outbound, name, labels, starts);
    for (unsigned i = labels; i > shared; i--)
        copy(outbound, starts[i], *starts[i] + 1u);
    put_suffix(outbound, starts, shared);
    return len;
}

static void put_named(struct outbound *outbound, const struct item *item)
{
    const uint8_t *rdata = item->rdata;
    size_t used = copy(outbound, rdata, rrset_name_at(item->type));
    used += put_plain_name(outbound, rdata + used);
    if (item->type == TYPE_SOA)
        used += put_plain_name(outbound, rdata + used);
    copy(outbound, rdata + used, item->rdata_len - used);
}

/* RFC 3597 4: names are compressed in the types of RFC 1035 only; SRV has a link, but not for that. */
static bool compresses(uint16_t type)
{
    return rrset_linked(type) && type != TYPE_SRV;
}

static bool put_record(struct outbound *outbound)
{
    const struct item *item = &outbound->item;
    unsigned apex_len = outbound->snapshot->image->header->apex_len;
    if (outbound->end - outbound->len < (size_t)outbound->owner_len + apex_len + 10 + item->rdata_len)
        return false;
    put_owner(outbound);
    uint8_t *head = outbound->out + outbound->len;
    put16(head, item->type);
    put16(head + 2, CLASS_IN);
    put32(head + 4, item->ttl);
    outbound->len += 10;
    size_t begin = outbound->len;
    if (item->link != NULL && compresses(item->type))
        put_linked(outbound, item);
    else if (compresses(item->type) && item->rdata_len > 0)
        put_named(outbound, item);
    else
        copy(outbound, item->rdata, item->rdata_len);
    put16(head + 8, (unsigned)(outbound->len - begin));
    outbound->count++;
    return true;
}

static void begin_message(struct outbound *outbound, uint8_t *out)
{
    put16(out, outbound->id);
    put16(out + 2, outbound->flags);
    put16(out + 4, 1);
    memset(out + 6, 0, 6);
    memcpy(out + MESSAGE_HEADER_LEN, outbound->question, outbound->question_len);
    outbound->out = out;
    outbound->len = MESSAGE_HEADER_LEN + outbound->question_len;
    outbound->count = 0;
    outbound->last_labels = 0;
    memset(outbound->record_places, 0, sizeof outbound->record_places);
}

/* RFC 6891 6.1.1: who sent OPT gets one, in the first message. */
static void put_opt(struct outbound *outbound)
{
    uint8_t *at = outbound->out + outbound->len;
    memset(at, 0, OPT_LEN);
    put16(at + 1, TYPE_OPT);
    put16(at + 3, UDP_SIZE);
    put16(outbound->out + 10, 1);
    outbound->len += OPT_LEN;
}

size_t outbound_next(struct outbound *outbound, uint8_t *out, size_t limit, size_t reserve)
{
    size_t fill = limit < OUTBOUND_FILL ? limit : OUTBOUND_FILL;
    bool opt = outbound->edns && !outbound->begun;
    reserve += opt ? OPT_LEN : 0;
    begin_message(outbound, out);
    outbound->end = fill - reserve;
    while (outbound->has_item || next_item(outbound)) {
        outbound->has_item = true;
        if (!put_record(outbound)) {
            outbound->end = limit - reserve;
            if (outbound->count > 0 || !put_record(outbound))
                break;
        }
        outbound->has_item = false;
    }
    if (outbound->count == 0) {
        outbound->broken |= outbound->has_item;
        outbound->has_item = false;
        outbound->stage = STAGE_DONE;
        return 0;
    }
    put16(out + 6, outbound->count);
    outbound->records += outbound->count;
    if (opt)
        put_opt(outbound);
    outbound->begun = true;
    return outbound->len;
}
