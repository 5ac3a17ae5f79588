#include "zone/wire/reply_open.h"

#include <string.h>

#include "zone/wire/message.h"
#include "zone/wire/name.h"
#include "zone/wire/rdata.h"
#include "zone/wire/type.h"

/* ---- owners ---- */

static const uint8_t *question_suffix(const struct question *question, unsigned label)
{
    return question->name + question->label_at[label <= question->labels ? label : question->labels];
}

static const uint8_t *target_name(const struct reply *reply, const struct rr_ref *ref)
{
    const struct rrset *rrset = reply->refs[ref->ref].rrset;
    struct record record = {.rdata = (const uint8_t *)""};
    const uint8_t *next = rrset->data;
    for (unsigned i = 0; i <= ref->record && i < rrset->count; i++)
        next = record_read(next, rrset_linked(rrset->type), &record);
    return name_skip(record.rdata + rrset_name_at(rrset->type), ref->label);
}

size_t reply_owner(const struct reply *reply, unsigned index, const struct question *question, uint8_t *out)
{
    const struct rr_ref *ref = &reply->refs[index];
    const uint8_t *name = ref->name;
    size_t before = 0;
    if (ref->owner == OWNER_QNAME) {
        name = question_suffix(question, ref->label);
    } else if (ref->owner == OWNER_TARGET) {
        name = target_name(reply, ref);
    } else if (ref->owner == OWNER_RELATIVE) {
        before = ref->name_len;
        if (before > 0)
            memcpy(out, ref->name, before);
        name = question_suffix(question, ref->label);
    }
    size_t len = name_len(name);
    memcpy(out + before, name, len);
    return before + len;
}

enum err reply_set_owner(
    struct rr_ref *ref, const uint8_t *name, const struct question *question, struct arena *scratch)
{
    size_t len = name_len(name);
    ref->label = 0;
    ref->name = NULL;
    ref->name_len = 0;
    ref->owner = OWNER_QNAME;
    if (name_under(question->name, name)) {
        ref->label = (uint8_t)(question->labels - name_labels(name));
        return ERR_OK;
    }
    ref->name = (uint8_t *)arena_copy(scratch, name, len);
    ref->name_len = (uint8_t)len;
    ref->owner = OWNER_NAME;
    return ref->name != NULL ? ERR_OK : ERR_MEMORY;
}

enum err reply_rebase(
    struct reply *reply, const struct question *from, const struct question *to, struct arena *scratch)
{
    uint8_t owner[2 * NAME_MAX];
    enum err err = reply_open(reply, from, scratch);
    for (unsigned i = reply->count; i > 0 && err == ERR_OK;
         i--) { /* targets lie in front of what names them */
        reply_owner(reply, i - 1, from, owner);
        err = reply_set_owner(&reply->refs[i - 1], owner, to, scratch);
    }
    return err;
}

/* A chain of aliases that is a loop comes by the same RRset again. */
static bool has(const struct reply *reply, const struct rr_ref *wanted)
{
    for (unsigned i = 0; i < reply->count; i++) {
        const struct rr_ref *ref = &reply->refs[i];
        if (ref->rrset == wanted->rrset && ref->section == wanted->section && ref->records == wanted->records)
            return true;
    }
    return false;
}

enum err reply_join(struct reply *to, const struct reply *from, enum section section, struct arena *scratch)
{
    for (unsigned i = 0; i < from->count; i++) {
        const struct rr_ref *ref = &from->refs[i];
        if (ref->section != section || has(to, ref))
            continue;
        struct rr_ref *copy = reply_add(to, section, ref->rrset, scratch);
        if (copy == NULL)
            return ERR_MEMORY;
        *copy = *ref;
    }
    return ERR_OK;
}

/* ---- a finished message ---- */

/* One record of it. */
struct found {
    struct message_record record;
    uint8_t owner[NAME_MAX];
    struct rdata_ref rdata;
};

struct opener {
    const uint8_t *bytes;
    size_t len, at;
    const struct question *question;
    struct arena *scratch;
    struct reply *reply;
};

static enum err read_found(struct opener *o, struct found *found)
{
    static _Thread_local uint8_t rdata[RDATA_MAX];
    size_t owner_len, at, len;
    enum err err = message_record_read(o->bytes, o->len, &o->at, &found->record);
    if (err != ERR_OK || found->record.type == TYPE_OPT || found->record.type == TYPE_TSIG)
        return err;
    at = found->record.name_at;
    err = name_read(o->bytes, o->len, &at, found->owner, &owner_len);
    at = found->record.rdata_at;
    if (err == ERR_OK)
        err = rdata_read(found->record.type, o->bytes, o->len, &at, found->record.rdata_len, rdata, &len);
    if (err != ERR_OK)
        return err;
    found->rdata.bytes = (uint8_t *)arena_copy(o->scratch, rdata, len);
    found->rdata.len = (uint16_t)len;
    return found->rdata.bytes != NULL ? ERR_OK : ERR_MEMORY;
}

static bool same_rrset(const struct found *a, const struct found *b)
{
    return a->record.type == b->record.type && a->record.ttl == b->record.ttl &&
           a->record.class == b->record.class && name_equal(a->owner, b->owner);
}

static enum err add_rrset(struct opener *o, enum section section, const struct found *found,
    const struct rdata_ref *rdata, unsigned count)
{
    struct rrset *rrset = rrset_make(o->scratch, found->record.type, found->record.ttl, rdata, count);
    struct rr_ref *ref = rrset != NULL ? reply_add(o->reply, section, rrset, o->scratch) : NULL;
    return ref != NULL ? reply_set_owner(ref, found->owner, o->question, o->scratch) : ERR_MEMORY;
}

/* Records of one name and type that stand together become one RRset again. */
static enum err read_section(struct opener *o, enum section section, unsigned count)
{
    struct rdata_ref *rdata = ARENA_ARRAY(o->scratch, struct rdata_ref, count + 1);
    struct found first, next;
    unsigned gathered = 0;
    enum err err = rdata != NULL ? ERR_OK : ERR_MEMORY;
    for (unsigned i = 0; i < count && err == ERR_OK; i++) {
        err = read_found(o, &next);
        if (err != ERR_OK || next.record.type == TYPE_OPT || next.record.type == TYPE_TSIG)
            continue;
        if (gathered > 0 && !same_rrset(&first, &next)) {
            err = add_rrset(o, section, &first, rdata, gathered);
            gathered = 0;
        }
        if (gathered == 0)
            first = next;
        rdata[gathered++] = next.rdata;
    }
    return err == ERR_OK && gathered > 0 ? add_rrset(o, section, &first, rdata, gathered) : err;
}

static enum err skip_questions(struct opener *o, unsigned count)
{
    uint8_t name[NAME_MAX];
    size_t len;
    enum err err = ERR_OK;
    for (; count > 0 && err == ERR_OK; count--) {
        err = name_read(o->bytes, o->len, &o->at, name, &len);
        o->at += 4;
    }
    return err != ERR_OK || o->at <= o->len ? err : ERR_WIRE;
}

static unsigned word(const uint8_t *at)
{
    return (unsigned)at[0] << 8 | at[1];
}

static enum err read_sections(struct opener *o, const uint16_t counts[3])
{
    enum err err = ERR_OK;
    for (unsigned s = SECTION_ANSWER; s <= SECTION_ADDITIONAL && err == ERR_OK; s++)
        err = read_section(o, (enum section)s, counts[s]);
    return err;
}

static enum err read_all(struct opener *o)
{
    const uint16_t counts[3] = {
        (uint16_t)word(o->bytes + 6), (uint16_t)word(o->bytes + 8), (uint16_t)word(o->bytes + 10)};
    enum err err = skip_questions(o, word(o->bytes + 4));
    return err == ERR_OK ? read_sections(o, counts) : err;
}

static void take_references(struct reply *reply, const struct reply *read)
{
    reply->refs = read->refs;
    reply->count = read->count;
    reply->capacity = read->capacity;
}

static void retime(struct reply *reply, uint32_t ttl)
{
    for (unsigned i = 0; i < reply->count; i++)
        reply->refs[i].ttl = ttl;
}

/* The records alone: the rest of the reply stands already. */
static enum err open_body(struct reply *reply, const struct question *question, struct arena *scratch)
{
    const struct reply_body *body = reply->body;
    struct reply *read = arena_alloc(scratch, sizeof *read, _Alignof(struct reply));
    if (read == NULL)
        return ERR_MEMORY;
    reply_clear(read);
    struct opener o = {.bytes = body->message,
        .len = body->end,
        .at = body->at,
        .question = question,
        .scratch = scratch,
        .reply = read};
    enum err err = read_sections(&o, body->counts);
    if (err != ERR_OK)
        return err;
    take_references(reply, read);
    if (reply->retimed)
        retime(reply, reply->body_ttl);
    reply->body = NULL;
    return ERR_OK;
}

enum err reply_open(struct reply *reply, const struct question *question, struct arena *scratch)
{
    if (reply->body != NULL)
        return open_body(reply, question, scratch);
    if (LIKELY(reply->raw == NULL))
        return ERR_OK;
    struct reply *read = arena_alloc(scratch, sizeof *read, _Alignof(struct reply));
    if (read == NULL || reply->raw_len < MESSAGE_HEADER_LEN)
        return read == NULL ? ERR_MEMORY : ERR_WIRE;
    reply_clear(read);
    struct opener o = {.bytes = reply->raw,
        .len = reply->raw_len,
        .at = MESSAGE_HEADER_LEN,
        .question = question,
        .scratch = scratch,
        .reply = read};
    enum err err = read_all(&o);
    if (err != ERR_OK)
        return err;
    unsigned flags = word(reply->raw + 2);
    take_references(reply, read);
    reply->rcode = reply->rcode > 15 ? reply->rcode : (uint16_t)(flags & 15);
    reply->authoritative = (flags & MESSAGE_AA) != 0;
    reply->truncated = (flags & MESSAGE_TC) != 0;
    reply->authentic = (flags & MESSAGE_AD) != 0;
    reply->recursion = (flags & MESSAGE_RA) != 0;
    reply->raw = NULL;
    reply->raw_len = 0;
    return ERR_OK;
}
