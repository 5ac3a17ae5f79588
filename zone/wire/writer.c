#include "zone/wire/writer.h"

#include <stddef.h>

#include "zone/wire/name.h"
#include "zone/wire/type.h"

#define HEADER_LEN 12 /* the question's name stands behind it */

/* An owner name as it is to be written next: a pointer (or the root's single octet), or, when `bytes` is not
 * NULL, in full; once written in full, it becomes a pointer to that place. */
struct owner {
    const uint8_t *bytes;
    uint16_t len;
    uint16_t pointer; /* network order */
};

/* Where the name at AT of the message goes on behind its pointers. */
static inline size_t follow(const uint8_t *out, size_t at)
{
    while (out[at] >= 0xc0)
        at = (size_t)(out[at] & 0x3f) << 8 | out[at + 1];
    return at;
}

static unsigned count_labels(const uint8_t *out, size_t at)
{
    unsigned labels = 0;
    for (at = follow(out, at); out[at] != 0; at = follow(out, at + out[at] + 1))
        labels++;
    return labels;
}

static size_t skip_labels(const uint8_t *out, size_t at, unsigned count)
{
    at = follow(out, at);
    while (count-- > 0)
        at = follow(out, at + out[at] + 1);
    return at;
}

static inline struct owner owner_pointer(size_t at)
{
    return (struct owner){.len = 2, .pointer = __builtin_bswap16((uint16_t)(0xc000 | at))};
}

static struct owner owner_whole(const uint8_t *name)
{
    if (name[0] == 0)
        return (struct owner){.len = 1};
    return (struct owner){.bytes = name, .len = (uint16_t)name_len(name)};
}

static inline struct owner owner_qname(const struct writer *writer, unsigned label)
{
    const struct question *question = writer->question;
    if (UNLIKELY(label == question->labels))
        return (struct owner){.len = 1};
    return owner_pointer((size_t)HEADER_LEN + question->label_at[label]);
}

static struct owner owner_target_whole(const struct writer *writer, const struct rr_ref *ref)
{
    const struct rrset *rrset = writer->reply->refs[ref->ref].rrset;
    struct record record = {0};
    const uint8_t *next = rrset->data;
    for (unsigned i = 0; i <= ref->record; i++)
        next = record_read(next, rrset_linked(rrset->type), &record);
    return owner_whole(name_skip(record.rdata + rrset_name_at(rrset->type), ref->label));
}

static inline struct owner owner_target(const struct writer *writer, const struct rr_ref *ref)
{
    size_t at = writer_place(writer, ref->ref, ref->record);
    if (at != 0)
        at = skip_labels(writer->out, at, ref->label);
    if (at == 0 || at > POINTER_MAX)
        return owner_target_whole(writer, ref);
    return writer->out[at] == 0 ? (struct owner){.len = 1} : owner_pointer(at);
}

/* A relative name is put together in BUFFER: its labels, then a pointer to the apex inside QNAME. */
static struct owner owner_relative(const struct writer *writer, const struct rr_ref *ref, uint8_t *buffer)
{
    struct owner apex = owner_qname(writer, ref->label);
    if (ref->name_len == 0)
        return apex;
    copy_octets(buffer, ref->name, ref->name_len);
    memcpy(buffer + ref->name_len, &apex.pointer, 2);
    return (struct owner){.bytes = buffer, .len = (uint16_t)(ref->name_len + apex.len)};
}

static inline struct owner owner_of(const struct writer *writer, const struct rr_ref *ref, uint8_t *buffer)
{
    if (LIKELY(ref->owner == OWNER_QNAME))
        return owner_qname(writer, ref->label);
    if (ref->owner == OWNER_TARGET)
        return owner_target(writer, ref);
    if (ref->owner == OWNER_RELATIVE)
        return owner_relative(writer, ref, buffer);
    return owner_whole(ref->name);
}

static inline uint8_t *put_owner(const struct writer *writer, struct owner *owner, uint8_t *at)
{
    size_t len = owner->len;
    if (LIKELY(owner->bytes == NULL)) {
        memcpy(at, &owner->pointer, 2); /* the root's second octet is overwritten at once */
    } else {
        copy_octets(at, owner->bytes, len);
        if (at - writer->out <= POINTER_MAX)
            *owner = owner_pointer((size_t)(at - writer->out));
    }
    return at + len;
}

/* Owner, type, class, TTL and RDLENGTH; NULL when the record does not fit. */
static inline uint8_t *put_head(struct writer *writer, struct owner *owner, uint64_t head, size_t rdata_len)
{
    if (UNLIKELY(owner->len + 10u + rdata_len > (size_t)(writer->end - writer->at)))
        return NULL;
    uint8_t *at = put_owner(writer, owner, writer->at);
    write64(at, head);
    write16(at + 8, (unsigned)rdata_len);
    return at + 10;
}

/* Records without a link, as they are. Returns where they end in the RRset, or NULL. */
static inline const uint8_t *put_plain(
    struct writer *writer, struct owner *owner, uint64_t head, const uint8_t *from, unsigned count)
{
    for (; count > 0; count--) {
        struct record record;
        from = record_read(from, false, &record);
        uint8_t *at = put_head(writer, owner, head, record.rdata_len);
        if (UNLIKELY(at == NULL))
            return NULL;
        copy_octets(at, record.rdata, record.rdata_len);
        writer->at = at + record.rdata_len;
    }
    return from;
}

/* The linked RRset being written. */
struct linked {
    const struct rr_ref *ref;
    struct owner owner;
    uint64_t head;
    uint16_t *names; /* of its records, or NULL when untracked */
};

/* The owner's suffix of COUNT labels, when the owner is not a part of QNAME. */
static size_t owner_suffix(const struct writer *writer, const struct linked *linked, unsigned count)
{
    if (linked->owner.bytes != NULL || linked->owner.len == 1)
        return 0;
    size_t at = __builtin_bswap16(linked->owner.pointer) & POINTER_MAX;
    return skip_labels(writer->out, at, count_labels(writer->out, at) - count);
}

/* An octet AT of a name that stands at PLACE, if it can be pointed to. */
static inline size_t earlier_place(size_t place, unsigned at)
{
    return place != 0 && place + at <= POINTER_MAX ? place + at : 0;
}

/* Where a link's pointer leads in this message; 0: it cannot be followed, write the name in full. */
static inline size_t link_place(
    const struct writer *writer, const struct linked *linked, unsigned from, unsigned at)
{
    if (from == 0)
        return 0;
    if (from >= LINK_RECORD)
        return linked->names != NULL ? earlier_place(linked->names[from - LINK_RECORD], at) : 0;
    if (LIKELY(linked->ref->owner == OWNER_QNAME)) {
        const struct question *question = writer->question;
        return (size_t)HEADER_LEN + question->label_at[question->labels - from];
    }
    size_t place = owner_suffix(writer, linked, from);
    return place <= POINTER_MAX ? place : 0;
}

/* What is remembered of a name written at AT: where it can be pointed to. A name that is nothing but a
 * pointer stands where that leads; the root is not worth one. */
static inline uint16_t name_place(const uint8_t *name, size_t at, size_t keep, size_t place)
{
    if (LIKELY(keep > 1 && at <= POINTER_MAX))
        return (uint16_t)at;
    if (name[0] == 0 || at > POINTER_MAX)
        return 0;
    return (uint16_t)(keep == 0 ? place : at);
}

/* One record whose rdata ends in a name. */
static inline bool put_linked(
    struct writer *writer, struct linked *linked, const struct record *record, unsigned index)
{
    unsigned name_at = rrset_name_at(linked->ref->rrset->type);
    size_t place = link_place(writer, linked, record->link->from, record->link->at);
    size_t kept = place != 0 ? name_at + record->link->keep : record->rdata_len;
    uint8_t *at = put_head(writer, &linked->owner, linked->head, place != 0 ? kept + 2 : kept);
    if (UNLIKELY(at == NULL))
        return false;
    copy_octets(at, record->rdata, kept);
    if (place != 0)
        write16(at + kept, 0xc000u | (unsigned)place);
    if (linked->names != NULL)
        linked->names[index] =
            name_place(record->rdata + name_at, (size_t)(at + name_at - writer->out), kept - name_at, place);
    writer->at = at + kept + (place != 0 ? 2 : 0);
    return true;
}

/* SOA: two names, then five numbers (RFC 1035 3.3.13). The second name may point into the first. */
static bool put_soa(struct writer *writer, struct linked *linked, const struct record *record)
{
    const struct link *link = record->link;
    size_t mname_len = name_len(record->rdata), rname_len = record->rdata_len - mname_len - 20;
    const uint8_t *rname = record->rdata + mname_len, *numbers = rname + rname_len;
    size_t mname_place = link_place(writer, linked, link->from, link->at);
    size_t mname_kept = mname_place != 0 ? link->keep + 2u : mname_len;
    bool own = link->second.from == LINK_RECORD;
    size_t rname_place = own ? 1 : link_place(writer, linked, link->second.from, link->second.at);
    size_t rname_kept = rname_place != 0 ? link->second.keep + 2u : rname_len;

    uint8_t *at = put_head(writer, &linked->owner, linked->head, mname_kept + rname_kept + 20);
    if (UNLIKELY(at == NULL))
        return false;
    if (own) /* it points into the first name, whose place is known only now */
        rname_place = (size_t)(at - writer->out) + link->second.at;
    copy_octets(at, record->rdata, mname_place != 0 ? link->keep : mname_len);
    if (mname_place != 0)
        write16(at + link->keep, 0xc000u | (unsigned)mname_place);
    at += mname_kept;
    copy_octets(at, rname, rname_place != 0 ? link->second.keep : rname_len);
    if (rname_place != 0)
        write16(at + link->second.keep, 0xc000u | (unsigned)rname_place);
    memcpy(at + rname_kept, numbers, 20);
    writer->at = at + rname_kept + 20;
    return true;
}

/* Reserves places for the names of an RRset's records. */
static inline uint16_t *track(struct writer *writer, unsigned index, unsigned count)
{
    if (UNLIKELY(index >= TRACKED_REFS))
        return NULL;
    if (UNLIKELY(count > TRACKED_NAMES - (unsigned)writer->names_used)) {
        writer->names_of[index] = UNTRACKED;
        return NULL;
    }
    writer->names_of[index] = writer->names_used;
    writer->names_used = (uint16_t)(writer->names_used + count);
    return &writer->names[writer->names_of[index]];
}

/* Records FIRST to END of a linked RRset, the first of them at FROM. */
static inline const uint8_t *put_run(
    struct writer *writer, struct linked *linked, const uint8_t *from, unsigned first, unsigned end)
{
    bool soa = linked->ref->rrset->type == TYPE_SOA;
    for (unsigned i = first; i < end; i++) {
        struct record record;
        from = record_read(from, true, &record);
        if (soa ? !put_soa(writer, linked, &record) : !put_linked(writer, linked, &record, i))
            return NULL;
    }
    return from;
}

static inline const uint8_t *skip_records(const struct rrset *rrset, unsigned count)
{
    const uint8_t *at = rrset->data;
    struct record record;
    while (count-- > 0)
        at = record_read(at, rrset_linked(rrset->type), &record);
    return at;
}

/* The records, beginning with `first` and going round. */
static bool put_linked_rrset(struct writer *writer, unsigned index, struct owner *owner, uint64_t head)
{
    const struct rr_ref *ref = &writer->reply->refs[index];
    const struct rrset *rrset = ref->rrset;
    struct linked linked = {ref, *owner, head, track(writer, index, rrset->count)};
    unsigned first = ref->first;
    if (LIKELY(first == 0)) {
        if (put_run(writer, &linked, rrset->data, 0, rrset->count) == NULL)
            return false;
    } else {
        if (linked.names != NULL) /* a record may now refer to one that is not written yet */
            memset(linked.names, 0, rrset->count * sizeof linked.names[0]);
        if (put_run(writer, &linked, skip_records(rrset, first), first, rrset->count) == NULL ||
            put_run(writer, &linked, rrset->data, 0, first) == NULL)
            return false;
    }
    *owner = linked.owner;
    return true;
}

static inline bool put_records(struct writer *writer, unsigned index, struct owner *owner)
{
    const struct rr_ref *ref = &writer->reply->refs[index];
    const struct rrset *rrset = ref->rrset;
    uint64_t head = writer_head(writer, rrset->type, ref->ttl);
    if (rrset_linked(rrset->type))
        return put_linked_rrset(writer, index, owner, head);
    unsigned first = ref->first;
    if (LIKELY(first == 0))
        return put_plain(writer, owner, head, rrset->data, rrset->count) != NULL;
    return put_plain(writer, owner, head, skip_records(rrset, first), rrset->count - first) != NULL &&
           put_plain(writer, owner, head, rrset->data, first) != NULL;
}

/* Any reference, each record's length checked against the room left. False, with nothing written, when it
 * does not fit. */
static bool put_checked(struct writer *writer, unsigned index, bool signatures)
{
    const struct rr_ref *ref = &writer->reply->refs[index];
    uint8_t *start = writer->at, buffer[NAME_MAX + 2];
    uint16_t names_used = writer->names_used, count = 0;
    struct owner owner = owner_of(writer, ref, buffer);
    if (index < TRACKED_REFS)
        writer->names_of[index] = UNTRACKED;
    if (LIKELY(ref->records)) {
        if (UNLIKELY(!put_records(writer, index, &owner)))
            goto undo;
        count = ref->rrset->count;
    }
    if (signatures && ref->rrset->sig_count > 0) {
        /* RFC 4034 3: an RRSIG has the TTL of the RRset it covers */
        uint64_t head = writer_head(writer, TYPE_RRSIG, ref->ttl);
        if (put_plain(writer, &owner, head, rrset_signatures(ref->rrset), ref->rrset->sig_count) == NULL)
            goto undo;
        count = (uint16_t)(count + ref->rrset->sig_count);
    }
    writer_count(writer, ref->section, count);
    return true;
undo:
    writer->at = start;
    writer->names_used = names_used;
    if (index < TRACKED_REFS)
        writer->names_of[index] = UNTRACKED;
    return false;
}

/* The same where nothing has to be checked record by record. */

/* A link to a suffix of an owner that is no part of QNAME. */
static size_t simple_suffix(const struct writer *writer, unsigned owner, unsigned labels)
{
    struct linked linked = {.owner = {.len = 2, .pointer = (uint16_t)owner}};
    size_t place = owner_suffix(writer, &linked, labels);
    return place <= POINTER_MAX ? place : 0;
}

static inline uint8_t *simple_linked(struct writer *writer, const struct rr_ref *ref, unsigned owner,
    uint64_t head, uint16_t *names, uint8_t *at)
{
    const struct rrset *rrset = ref->rrset;
    const uint8_t *from = rrset->data, *out = writer->out;
    const uint8_t *root_at = writer->question->label_at + writer->question->labels;
    unsigned name_at = rrset_name_at(rrset->type), count = rrset->count;
    unsigned suffixes = ref->owner == OWNER_QNAME ? LINK_RECORD - 1 : 0; /* of QNAME that links may mean */
    for (unsigned i = 0; i < count; i++) {
        struct record record;
        from = record_read(from, true, &record);
        unsigned link = record.link->from;
        size_t place = 0, kept = record.rdata_len;
        uint8_t *rdata = at + 12;
        if (LIKELY(link - 1 < suffixes))
            place = (size_t)HEADER_LEN + *(root_at - link);
        else if (LIKELY(link >= LINK_RECORD))
            place = earlier_place(names[link - LINK_RECORD], record.link->at);
        else if (link != 0)
            place = simple_suffix(writer, owner, link);
        if (LIKELY(place != 0)) {
            kept = name_at + record.link->keep;
            writer_put_head(at, owner, head, kept + 2);
            write16(rdata + kept, 0xc000u | (unsigned)place);
            at = rdata + kept + 2;
        } else {
            writer_put_head(at, owner, head, kept);
            at = rdata + kept;
        }
        copy_octets(rdata, record.rdata, kept);
        names[i] = name_place(record.rdata + name_at, (size_t)(rdata + name_at - out), kept - name_at, place);
    }
    return at;
}

static inline uint8_t *simple_soa(
    struct writer *writer, unsigned index, const struct rr_ref *ref, unsigned owner, uint64_t head)
{
    struct linked linked = {.ref = ref, .owner = {.len = 2, .pointer = (uint16_t)owner}, .head = head};
    struct record record;
    record_read(ref->rrset->data, true, &record);
    writer->names_of[index] = UNTRACKED;
    return LIKELY(put_soa(writer, &linked, &record)) ? writer->at : NULL;
}

uint8_t *writer_put_linked(struct writer *writer, unsigned index, unsigned owner, uint8_t *at)
{
    const struct rr_ref *ref = &writer->reply->refs[index];
    uint64_t head = writer_head(writer, ref->rrset->type, ref->ttl);
    if (ref->rrset->type == TYPE_SOA) {
        writer->at = at;
        return simple_soa(writer, index, ref, owner, head);
    }
    uint16_t *names = track(writer, index, ref->rrset->count);
    return LIKELY(names != NULL) ? simple_linked(writer, ref, owner, head, names, at) : NULL;
}

/* What does not fit. False ends the message: RFC 2181 9, an RRset of the answer or authority section that is
 * left out sets TC and nothing more is added. */
static bool leave_out(struct writer *writer, unsigned index)
{
    const struct rr_ref *ref = &writer->reply->refs[index];
    if (ref->section != SECTION_ADDITIONAL) {
        writer->truncated = true;
        return false;
    }
    /* RFC 4035 3.1.1: the signatures of additional data go first, without TC */
    bool put = ref->signatures && ref->records && put_checked(writer, index, false);
    if (!put && ref->glue) /* RFC 9471 3.1 */
        writer->truncated = true;
    return true;
}

bool writer_put(struct writer *writer, unsigned index)
{
    return put_checked(writer, index, writer->reply->refs[index].signatures) || leave_out(writer, index);
}
