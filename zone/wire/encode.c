#include "zone/wire/encode.h"

#include <stddef.h>

#include "zone/wire/type.h"
#include "zone/wire/writer.h"

#define EDE_LEN 6 /* octets of an extended error without text */

/* The OPT record to be written: room for it is kept before any record is written. */
struct opt {
    uint16_t len; /* of the record, padding not counted; 0: none */
    uint16_t options_len;
    uint16_t ede_text_len;
    bool ede;
};

/* RFC 6891 6.1.1: an OPT in the reply exactly when there was one in the query. What has no room beside
 * header, question and TSIG is left out, the explanation before the options. */
static struct opt plan_opt(const struct envelope *envelope, const struct reply *reply, size_t room)
{
    struct opt opt = {0};
    if (!envelope->query->edns.present || room < EDNS_OPT_LEN)
        return opt;
    opt.len = EDNS_OPT_LEN;
    if (envelope->options_len <= room - opt.len) {
        opt.options_len = envelope->options_len;
        opt.len = (uint16_t)(opt.len + opt.options_len);
    }
    if (UNLIKELY(reply->ede != 0) && room - opt.len >= EDE_LEN) {
        size_t text_len = reply->ede_text != NULL ? strlen(reply->ede_text) : 0;
        opt.ede = true;
        opt.ede_text_len = (uint16_t)(text_len <= room - opt.len - EDE_LEN ? text_len : 0);
        opt.len = (uint16_t)(opt.len + EDE_LEN + opt.ede_text_len);
    }
    return opt;
}

static uint8_t *put_ede(uint8_t *at, const struct reply *reply, const struct opt *opt)
{
    write16(at, EDNS_ERROR);
    write16(at + 2, 2u + opt->ede_text_len);
    write16(at + 4, reply->ede - 1u);
    if (opt->ede_text_len > 0)
        memcpy(at + EDE_LEN, reply->ede_text, opt->ede_text_len);
    return at + EDE_LEN + opt->ede_text_len;
}

/* RFC 8467 4.1: padding brings the whole message, TSIG included, to a multiple of a block; the limit comes
 * first. */
static uint8_t *put_padding(uint8_t *at, const struct envelope *envelope, const uint8_t *out)
{
    size_t len = (size_t)(at - out) + 4 + envelope->reserve, block = envelope->pad;
    size_t padded = (len + block - 1) / block * block;
    if (len > envelope->limit)
        return at;
    if (padded > envelope->limit)
        padded = envelope->limit;
    write16(at, EDNS_PADDING);
    write16(at + 2, (unsigned)(padded - len));
    memset(at + 4, 0, padded - len);
    return at + 4 + (padded - len);
}

/* What follows the fixed fields of OPT. */
static uint8_t *put_options(uint8_t *at, const uint8_t *out, const struct envelope *envelope,
    const struct reply *reply, const struct opt *opt)
{
    if (opt->options_len > 0)
        memcpy(at, envelope->options, opt->options_len);
    at += opt->options_len;
    if (opt->ede)
        at = put_ede(at, reply, opt);
    if (envelope->pad != 0 && edns_has(&envelope->query->edns, EDNS_PADDING))
        at = put_padding(at, envelope, out);
    return at;
}

/* RFC 6891 6.1.2, 6.1.3: the root's name, type, payload size, upper 8 bits of the rcode, version 0, flags, no
 * options yet. DO is copied (RFC 3225 3), no other flag is; CO is for those who deny compactly (RFC
 * 9824 5.1). */
static inline uint8_t *put_opt(uint8_t *at, const struct envelope *envelope, const struct reply *reply)
{
    uint64_t size = envelope->udp_size != 0 ? envelope->udp_size : ENCODE_UDP_SIZE;
    write64(at, (uint64_t)TYPE_OPT << 40 | size << 24 | (uint64_t)(reply->rcode >> 4) << 16 |
                    (uint64_t)envelope->query->edns.dnssec << 7 | (uint64_t)reply->compact << 6);
    memset(at + 8, 0, 3);
    return at + EDNS_OPT_LEN;
}

/* RFC 1035 4.1.1. RD is copied; CD only by a recursive service, an authoritative answer clears it (RFC 4035
 * 3.1.6, 3.2.2). An rcode that needs an OPT record, without one, can only be told as SERVFAIL. */
static inline unsigned reply_flags(const struct message *query, const struct reply *reply, bool truncated)
{
    unsigned flags = MESSAGE_QR | (query->flags & (MESSAGE_RD | 0x7800u)) |
                     (unsigned)reply->authoritative << 10 | (unsigned)truncated << 9 |
                     (unsigned)reply->authentic << 5;
    if (UNLIKELY(reply->recursion))
        flags |= MESSAGE_RA | (query->flags & MESSAGE_CD);
    if (UNLIKELY(reply->rcode > 15 && !query->edns.present))
        return flags | RCODE_SERVFAIL;
    return flags | (reply->rcode & 15);
}

/* The name goes back octet for octet (RFC 4343), whatever the case. */
static inline uint8_t *put_question(uint8_t *at, const struct question *question)
{
    copy_octets(at, question->name, question->name_len);
    at += question->name_len;
    write16(at, question->type);
    write16(at + 2, question->class);
    return at + 4;
}

/* Zone data is written in the class that was asked for, so that CH has its answers too; QCLASS ANY and NONE
 * are no classes of data. */
static inline uint16_t data_class(const struct message *query)
{
    uint16_t class = query->body_at != 0 ? query->question.class : CLASS_IN;
    return class == CLASS_NONE || class == CLASS_ANY ? CLASS_IN : class;
}

static inline void put_header(uint8_t *out, const struct message *query, unsigned flags, uint64_t counts)
{
    write16(out, query->id);
    write16(out + 2, flags);
    write64(out + 4, counts | (uint64_t)(query->body_at != 0) << 48);
}

/* A finished message. One that is too long shrinks to its header and question, TC set. */
static size_t encode_raw(const struct envelope *envelope, const struct reply *reply, uint8_t *out)
{
    size_t len = reply->raw_len;
    if (LIKELY(len + envelope->reserve <= envelope->limit)) {
        memcpy(out, reply->raw, len);
    } else {
        unsigned flags = (unsigned)(reply->raw[2] << 8 | reply->raw[3]);
        put_header(out, envelope->query, flags | MESSAGE_TC, 0);
        uint8_t *at = out + MESSAGE_HEADER_LEN;
        if (envelope->query->body_at != 0)
            at = put_question(at, &envelope->query->question);
        len = (size_t)(at - out);
    }
    write16(out, envelope->query->id);
    return len;
}

/* Where the owner can be pointed to, or 0. */
static inline size_t plain_owner(const struct writer *writer, const struct rr_ref *ref)
{
    const struct question *question = writer->question;
    if (ref->owner == OWNER_TARGET && ref->label == 0)
        return writer_place(writer, ref->ref, ref->record);
    if (ref->owner == OWNER_QNAME && LIKELY(ref->label < question->labels))
        return (size_t)MESSAGE_HEADER_LEN + question->label_at[ref->label];
    return 0;
}

/* True when all records are wanted, in their order: `first` 0, `records` set, `signatures` either. */
static inline bool in_order(const struct rr_ref *ref)
{
    _Static_assert(offsetof(struct rr_ref, signatures) == offsetof(struct rr_ref, first) + 2 &&
                       offsetof(struct rr_ref, records) == offsetof(struct rr_ref, first) + 3,
        "they are looked at together");
    uint32_t together;
    memcpy(&together, &ref->first, 4);
    return (together & 0xff00ffff) == 0x01000000;
}

static inline uint8_t *put_records(
    uint8_t *at, unsigned owner, uint64_t head, const uint8_t *from, unsigned count)
{
    for (; count > 0; count--) {
        struct record record;
        from = record_read(from, false, &record);
        at = writer_put_head(at, owner, head, record.rdata_len);
        copy_octets(at, record.rdata, record.rdata_len);
        at += record.rdata_len;
    }
    return at;
}

/* What nearly all references are: the owner can be pointed to, the records come in their order, and they fit
 * with room to spare. Returns where the message goes on, or NULL: it is not so, nothing was written. */
static inline uint8_t *put_plain(
    struct writer *writer, unsigned index, const struct rr_ref *ref, uint8_t *at, const uint8_t *end)
{
    const struct rrset *rrset = ref->rrset;
    unsigned count = rrset->count, written = count;
    size_t place = plain_owner(writer, ref);
    size_t most = 12 * (count + rrset->sig_count) + rrset->data_len + rrset->sig_len;
    if (UNLIKELY(place == 0 || most > (size_t)(end - at) || !in_order(ref)))
        return NULL;
    unsigned owner = __builtin_bswap16((uint16_t)(0xc000 | place));
    if (rrset_linked(rrset->type)) {
        if ((at = writer_put_linked(writer, index, owner, at)) == NULL)
            return NULL;
    } else {
        writer->names_of[index] = UNTRACKED;
        at = put_records(at, owner, writer_head(writer, rrset->type, ref->ttl), rrset->data, count);
    }
    if (ref->signatures && rrset->sig_count > 0) {
        uint64_t head = writer_head(writer, TYPE_RRSIG, ref->ttl);
        at = put_records(at, owner, head, rrset_signatures(rrset), rrset->sig_count);
        written += rrset->sig_count;
    }
    writer_count(writer, ref->section, written);
    return at;
}

static inline uint8_t *put_references(struct writer *writer, uint8_t *at, const uint8_t *end)
{
    const struct reply *reply = writer->reply;
    const struct rr_ref *ref = reply->refs;
    for (unsigned i = 0, count = reply->count; i < count; i++, ref++) {
        uint8_t *next = LIKELY(i < TRACKED_REFS) ? put_plain(writer, i, ref, at, end) : NULL;
        if (LIKELY(next != NULL)) {
            at = next;
            continue;
        }
        writer->at = at;
        bool more = writer_put(writer, i);
        at = writer->at;
        if (!more)
            break;
    }
    return at;
}

static void write32(uint8_t *at, uint32_t value)
{
    value = __builtin_bswap32(value);
    memcpy(at, &value, 4);
}

/* Records that are octets already: their pointers hold because the question before them is as long as it was.
 * When they do not fit none is sent, TC set. */
static uint8_t *put_body(struct writer *writer, const struct reply *reply, uint8_t *at)
{
    const struct reply_body *body = reply->body;
    size_t len = body->end - body->at;
    if (len > (size_t)(writer->end - at) || body->at != (size_t)(at - writer->out)) {
        writer->truncated = true;
        return at;
    }
    memcpy(at, body->message + body->at, len);
    for (unsigned i = 0; i < body->ttl_count && reply->retimed; i++)
        write32(writer->out + body->ttl_at[i], reply->body_ttl);
    for (unsigned section = 0; section < 3; section++)
        writer_count(writer, section, body->counts[section]);
    return at + len;
}

size_t reply_encode(const struct envelope *envelope, const struct reply *reply, uint8_t *out)
{
    if (UNLIKELY(reply->raw != NULL))
        return encode_raw(envelope, reply, out);
    const struct message *query = envelope->query;
    struct writer writer;
    writer.out = out;
    writer.question = &query->question;
    writer.reply = reply;
    writer.counts = 0;
    writer.class = data_class(query);
    writer.truncated = reply->truncated;
    writer.names_used = 0;
    uint8_t *at = out + MESSAGE_HEADER_LEN;
    if (LIKELY(query->body_at != 0))
        at = put_question(at, &query->question);

    size_t used = (size_t)(at - out) + envelope->reserve;
    size_t room = used < envelope->limit ? envelope->limit - used : 0;
    bool bare = (envelope->options_len | reply->ede | envelope->pad) == 0; /* no options in OPT */
    struct opt opt;
    size_t opt_len = query->edns.present && room >= EDNS_OPT_LEN ? EDNS_OPT_LEN : 0;
    if (UNLIKELY(!bare)) {
        opt = plan_opt(envelope, reply, room);
        opt_len = opt.len;
    }
    writer.end = at + (room - opt_len);
    if (UNLIKELY(reply->body != NULL))
        at = put_body(&writer, reply, at);
    else
        at = put_references(&writer, at, writer.end);
    if (LIKELY(opt_len != 0)) {
        uint8_t *options = put_opt(at, envelope, reply);
        at = LIKELY(bare) ? options : put_options(options, out, envelope, reply, &opt);
        write16(options - 2, (unsigned)(at - options));
        writer.counts++;
    }
    put_header(out, query, reply_flags(query, reply, writer.truncated), writer.counts);
    return (size_t)(at - out);
}
