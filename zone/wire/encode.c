#include "zone/wire/encode.h"

#include "zone/wire/type.h"
#include "zone/wire/writer.h"

#define EDE_LEN 6 /* octets of an extended error without text */

static inline void write16(uint8_t *at, unsigned value)
{
    uint16_t swapped = __builtin_bswap16((uint16_t)value);
    memcpy(at, &swapped, 2);
}

/* The OPT record to be written: room for it is kept before any record is written. */
struct opt {
    uint16_t len; /* of the record, padding not counted; 0: none */
    uint16_t options_len;
    uint16_t ede_text_len;
    bool ede;
};

/* RFC 6891 6.1.1: an OPT in the reply exactly when there was one in the query. What has no room beside
 * header, question and TSIG is left out, the explanation before the options. */
static inline struct opt plan_opt(const struct envelope *envelope, const struct reply *reply, size_t room)
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

static inline uint8_t *put_opt(uint8_t *at, const uint8_t *out, const struct envelope *envelope,
    const struct reply *reply, struct opt opt)
{
    uint8_t *rdata = at + EDNS_OPT_LEN;
    at[0] = 0;
    write16(at + 1, TYPE_OPT);
    write16(at + 3, envelope->udp_size != 0 ? envelope->udp_size : ENCODE_UDP_SIZE);
    at[5] = (uint8_t)(reply->rcode >> 4);                    /* upper 8 bits of the rcode (RFC 6891 6.1.3) */
    at[6] = 0;                                               /* version */
    at[7] = envelope->query->edns.dnssec ? EDNS_DO >> 8 : 0; /* copied (RFC 3225 3); no other flag is */
    at[8] = 0;
    uint8_t *end = rdata;
    if (UNLIKELY(opt.len > EDNS_OPT_LEN)) {
        if (opt.options_len > 0)
            memcpy(end, envelope->options, opt.options_len);
        end += opt.options_len;
        if (opt.ede)
            end = put_ede(end, reply, &opt);
    }
    if (UNLIKELY(envelope->pad != 0) && edns_has(&envelope->query->edns, EDNS_PADDING))
        end = put_padding(end, envelope, out);
    write16(at + 9, (unsigned)(end - rdata));
    return end;
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

static inline void put_header(
    uint8_t *out, const struct message *query, unsigned flags, const uint16_t counts[3])
{
    write16(out, query->id);
    write16(out + 2, flags);
    write16(out + 4, query->body_at != 0);
    write16(out + 6, counts[0]);
    write16(out + 8, counts[1]);
    write16(out + 10, counts[2]);
}

/* A finished message. One that is too long shrinks to its header and question, TC set. */
static size_t encode_raw(const struct envelope *envelope, const struct reply *reply, uint8_t *out)
{
    size_t len = reply->raw_len;
    if (LIKELY(len <= envelope->limit)) {
        memcpy(out, reply->raw, len);
    } else {
        static const uint16_t none[3];
        unsigned flags = (unsigned)(reply->raw[2] << 8 | reply->raw[3]);
        put_header(out, envelope->query, flags | MESSAGE_TC, none);
        uint8_t *at = out + MESSAGE_HEADER_LEN;
        if (envelope->query->body_at != 0)
            at = put_question(at, &envelope->query->question);
        len = (size_t)(at - out);
    }
    write16(out, envelope->query->id);
    return len;
}

size_t reply_encode(const struct envelope *envelope, const struct reply *reply, uint8_t *out)
{
    if (UNLIKELY(reply->raw != NULL))
        return encode_raw(envelope, reply, out);
    const struct message *query = envelope->query;
    struct writer writer;
    writer.out = out;
    writer.at = out + MESSAGE_HEADER_LEN;
    writer.question = &query->question;
    writer.reply = reply;
    writer.class = data_class(query);
    writer.truncated = reply->truncated;
    writer.counts[0] = writer.counts[1] = writer.counts[2] = 0;
    writer.names_used = 0;
    if (LIKELY(query->body_at != 0))
        writer.at = put_question(writer.at, &query->question);

    size_t used = (size_t)(writer.at - out) + envelope->reserve;
    size_t room = used < envelope->limit ? envelope->limit - used : 0;
    struct opt opt = plan_opt(envelope, reply, room);
    writer.end = writer.at + (room - opt.len);
    writer_put_all(&writer);
    if (LIKELY(opt.len != 0)) {
        writer.at = put_opt(writer.at, out, envelope, reply, opt);
        writer.counts[SECTION_ADDITIONAL]++;
    }
    put_header(out, query, reply_flags(query, reply, writer.truncated), writer.counts);
    return (size_t)(writer.at - out);
}
