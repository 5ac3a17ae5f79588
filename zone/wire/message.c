#include "zone/wire/message.h"

#include <string.h>

#include "zone/wire/question_inline.h"
#include "zone/wire/rdata.h"
#include "zone/wire/type.h"

static inline uint16_t read16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static inline uint32_t read32(const uint8_t *at)
{
    return (uint32_t)read16(at) << 16 | read16(at + 2);
}

static const struct {
    const char *name;
    unsigned code;
} rcodes[] = {{"NOERROR", RCODE_NOERROR}, {"FORMERR", RCODE_FORMERR}, {"SERVFAIL", RCODE_SERVFAIL},
    {"NXDOMAIN", RCODE_NXDOMAIN}, {"NOTIMP", RCODE_NOTIMP}, {"REFUSED", RCODE_REFUSED},
    {"YXDOMAIN", RCODE_YXDOMAIN}, {"YXRRSET", RCODE_YXRRSET}, {"NXRRSET", RCODE_NXRRSET},
    {"NOTAUTH", RCODE_NOTAUTH}, {"NOTZONE", RCODE_NOTZONE}, {"BADVERS", RCODE_BADVERS},
    {"BADKEY", RCODE_BADKEY}, {"BADTIME", RCODE_BADTIME}, {"BADCOOKIE", RCODE_BADCOOKIE}};

const char *rcode_name(unsigned rcode)
{
    for (unsigned i = 0; i < ARRAY_COUNT(rcodes); i++) {
        if (rcodes[i].code == rcode)
            return rcodes[i].name;
    }
    return NULL;
}

enum rcode message_rcode(enum message_verdict verdict)
{
    static const uint8_t rcode[] = {[MESSAGE_ANSWER] = RCODE_NOERROR,
        [MESSAGE_EMPTY] = RCODE_NOERROR,
        [MESSAGE_FORMERR] = RCODE_FORMERR,
        [MESSAGE_NOTIMP] = RCODE_NOTIMP,
        [MESSAGE_BADVERS] = RCODE_BADVERS,
        [MESSAGE_DROP] = RCODE_NOERROR};
    return rcode[verdict];
}

/* Steps over the name at AT without following pointers; 0 when it is malformed. */
static size_t skip_name(const uint8_t *bytes, size_t len, size_t at)
{
    while (at < len) {
        uint8_t label = bytes[at];
        if (label == 0)
            return at + 1;
        if (label >= 0xc0) /* RFC 1035 4.1.4: to a prior occurrence */
            return at + 2 <= len && (read16(bytes + at) & 0x3fffu) < at ? at + 2 : 0;
        if (label > NAME_LABEL_MAX)
            return 0;
        at += (size_t)label + 1;
    }
    return 0;
}

enum err message_record_read(const uint8_t *bytes, size_t len, size_t *at, struct message_record *record)
{
    size_t fixed = skip_name(bytes, len, *at);
    if (fixed == 0 || len - fixed < 10)
        return ERR_WIRE;
    uint16_t rdata_len = read16(bytes + fixed + 8);
    if (len - fixed - 10 < rdata_len)
        return ERR_WIRE;
    *record = (struct message_record){.name_at = (uint32_t)*at,
        .rdata_at = (uint32_t)fixed + 10,
        .ttl = read32(bytes + fixed + 4),
        .type = read16(bytes + fixed),
        .class = read16(bytes + fixed + 2),
        .rdata_len = rdata_len};
    *at = fixed + 10 + rdata_len;
    return ERR_OK;
}

/* RFC 6891 6.1.1: one OPT, its owner the root, in the additional section. */
static bool take_opt(struct message *message, const struct message_record *record, bool additional)
{
    return additional && !message->edns.present && message->bytes[record->name_at] == 0 &&
           edns_read(&message->edns, record->class, record->ttl, message->bytes + record->rdata_at,
               record->rdata_len) == ERR_OK;
}

/* RFC 8945 5.1, 5.2: TSIG is the last record and its class is ANY. */
static bool take_tsig(struct message *message, const struct message_record *record, bool last)
{
    message->tsig_at = record->name_at;
    return last && record->class == CLASS_ANY;
}

/* RFC 1035 4.1.1: what cannot be interpreted is a format error, also where nobody would look at it; types
 * that only a question has (RFC 6895 3.1) are none of a record. Records of an UPDATE may be of such types and
 * without data (RFC 2136 2.4); who takes them reads them. */
static bool take_other(const struct message *message, const struct message_record *record)
{
    uint8_t rdata[RDATA_MAX];
    size_t at = record->rdata_at, len;
    if (message_opcode(message) == OPCODE_UPDATE)
        return true;
    if (record->type >= TYPE_IXFR && record->type <= TYPE_ANY)
        return false;
    return record->class == CLASS_CH || rdata_read(record->type, message->bytes, message->len, &at,
                                            record->rdata_len, rdata, &len) == ERR_OK;
}

static bool take_record(
    struct message *message, const struct message_record *record, bool additional, bool last)
{
    if (record->type == TYPE_OPT)
        return take_opt(message, record, additional);
    if (record->type == TYPE_TSIG)
        return take_tsig(message, record, additional && last);
    return take_other(message, record);
}

/* Walks everything behind the question. A signature counts only when all of it is sound. */
static bool read_records(struct message *message, size_t at)
{
    uint32_t additional = (uint32_t)message->ancount + message->nscount;
    uint32_t total = additional + message->arcount;
    for (uint32_t i = 0; i < total; i++) {
        struct message_record record;
        if (message_record_read(message->bytes, message->len, &at, &record) != ERR_OK ||
            !take_record(message, &record, i >= additional, i + 1 == total)) {
            message->tsig_at = 0;
            return false;
        }
    }
    if (at != message->len)
        message->tsig_at = 0;
    return at == message->len;
}

/* The root's name and the type OPT. */
static inline bool is_opt(const uint8_t *at)
{
    return at[0] == 0 && read16(at + 1) == TYPE_OPT;
}

/* What nearly every query has behind its question: nothing, or one OPT record. */
static inline bool read_additional(struct message *message, size_t at)
{
    const uint8_t *opt = message->bytes + at;
    size_t left = message->len - at;
    if (LIKELY((message->ancount | message->nscount) == 0)) {
        if (message->arcount == 0)
            return left == 0;
        if (LIKELY(message->arcount == 1 && left >= EDNS_OPT_LEN && is_opt(opt))) {
            uint16_t rdata_len = read16(opt + 9);
            if (left - EDNS_OPT_LEN != rdata_len)
                return false;
            if (rdata_len > 0)
                return edns_read(&message->edns, read16(opt + 3), read32(opt + 5), opt + EDNS_OPT_LEN,
                           rdata_len) == ERR_OK;
            edns_read_fixed(&message->edns, read16(opt + 3), read32(opt + 5));
            return true;
        }
    }
    return read_records(message, at);
}

/* Types that are no question to ask of a zone. NXNAME must give FORMERR (RFC 9824 3.5), which suits OPT, TSIG
 * and the unassigned meta types (RFC 6895 3.1) too; TKEY, MAILB and MAILA are questions of services not
 * offered. */
static enum message_verdict judge_type(struct message *message)
{
    uint16_t type = message->question.type;
    if (type == 249 || type == 253 || type == 254)
        return MESSAGE_NOTIMP;
    if (type >= TYPE_IXFR && type <= TYPE_ANY)
        return MESSAGE_ANSWER;
    message->ede = EDE_INVALID_QUERY_TYPE + 1;
    return MESSAGE_FORMERR;
}

/* RFC 9619: QUERY has one question; RFC 7873 5.4 allows none when there is a cookie to be answered. */
static enum message_verdict read_without_question(struct message *message)
{
    if (message->qdcount != 0 || !read_records(message, MESSAGE_HEADER_LEN))
        return MESSAGE_FORMERR;
    if (message->edns.version != 0)
        return MESSAGE_BADVERS;
    return edns_has(&message->edns, EDNS_COOKIE) ? MESSAGE_EMPTY : MESSAGE_FORMERR;
}

_Static_assert(offsetof(struct message, id) == offsetof(struct message, flags) + 2 &&
                   offsetof(struct message, qdcount) == offsetof(struct message, arcount) + 6,
    "the header is written as two words");

static inline void read_header(struct message *message, const uint8_t *bytes, size_t len)
{
    message->bytes = bytes;
    message->len = (uint32_t)len;
    message->body_at = 0;
    message->tsig_at = 0;
    uint32_t first;
    uint64_t counts;
    memcpy(&first, bytes, 4);
    memcpy(&counts, bytes + 4, 8);
    first = __builtin_bswap32(first);
    counts = __builtin_bswap64(counts);
    memcpy(&message->flags, &first, 4);
    memcpy(&message->arcount, &counts, 8);
    message->ede = 0;
    message->edns = (struct edns){.size = EDNS_SIZE_MIN};
}

static inline bool opcode_known(unsigned opcode)
{
    return (1u << opcode & (1u << OPCODE_QUERY | 1u << OPCODE_NOTIFY | 1u << OPCODE_UPDATE)) != 0;
}

enum message_verdict message_read(struct message *message, const uint8_t *bytes, size_t len)
{
    if (UNLIKELY(len < MESSAGE_HEADER_LEN || len > MESSAGE_MAX || (bytes[2] & 0x80) != 0)) {
        message->edns = (struct edns){.size = EDNS_SIZE_MIN}; /* looked at before the verdict is */
        return MESSAGE_DROP;
    }
    read_header(message, bytes, len);
    if (UNLIKELY(!opcode_known(message_opcode(message))))
        return MESSAGE_NOTIMP;
    if (UNLIKELY(message->qdcount != 1))
        return read_without_question(message);
    size_t taken = question_take(&message->question, bytes + MESSAGE_HEADER_LEN, len - MESSAGE_HEADER_LEN);
    if (UNLIKELY(taken == 0))
        return MESSAGE_FORMERR;
    size_t at = MESSAGE_HEADER_LEN + taken;
    message->body_at = (uint32_t)at;
    if (UNLIKELY(!read_additional(message, at)))
        return MESSAGE_FORMERR;
    if (UNLIKELY(message->edns.version != 0))
        return MESSAGE_BADVERS;
    uint16_t type = message->question.type;
    if (UNLIKELY((type >= TYPE_NXNAME && type <= TYPE_ANY) || type == TYPE_OPT))
        return judge_type(message);
    return MESSAGE_ANSWER;
}
