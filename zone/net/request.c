#include "zone/net/request.h"

#include <sodium.h>
#include <string.h>

#include "zone/wire/name.h"

#define UDP_SIZE 1232
#define SOA_FIXED 20 /* octets behind the two names */

static inline uint16_t read16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static inline uint8_t *put16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
    return at + 2;
}

static uint8_t *put32(uint8_t *at, uint32_t value)
{
    return put16(put16(at, value >> 16), value & 0xffff);
}

/* Of a SOA only the serial counts, in an IXFR (RFC 1995 3) as in a NOTIFY (RFC 1996 3.7: a hint). */
static uint8_t *put_soa(uint8_t *at, const struct request *request, unsigned class)
{
    at = put16(at, 0xc000 | MESSAGE_HEADER_LEN);
    at = put32(put16(put16(at, TYPE_SOA), class), 0);
    at = put16(at, 2 + SOA_FIXED);
    *at++ = 0;
    *at++ = 0;
    at = put32(at, request->serial);
    memset(at, 0, SOA_FIXED - 4);
    return at + SOA_FIXED - 4;
}

static uint8_t *put_opt(uint8_t *at, const struct request *request)
{
    *at++ = 0;
    at = put16(put16(at, TYPE_OPT), request->udp_size != 0 ? request->udp_size : UDP_SIZE);
    at = put32(at, request->dnssec ? EDNS_DO : 0);
    at = put16(at, request->options_len);
    if (request->options_len > 0)
        memcpy(at, request->options, request->options_len);
    return at + request->options_len;
}

size_t request_write(const struct request *request, uint8_t *out)
{
    unsigned class = request->class != 0 ? request->class : CLASS_IN;
    bool notify = request->opcode == OPCODE_NOTIFY;
    uint16_t id;
    randombytes_buf(&id, sizeof id);
    uint8_t *at = put16(put16(out, id), request->flags | (unsigned)request->opcode << 11);
    at = put16(put16(at, 1), request->has_serial && notify);
    at = put16(put16(at, request->has_serial && !notify), request->edns);
    size_t len = name_len(request->name);
    memcpy(at, request->name, len);
    at = put16(put16(at + len, request->type), class);
    if (request->has_serial)
        at = put_soa(at, request, class);
    if (request->edns)
        at = put_opt(at, request);
    return (size_t)(at - out);
}

/* ---- replies ---- */

static size_t skip_question(const uint8_t *message, size_t len)
{
    uint8_t name[NAME_MAX + 1];
    size_t at = MESSAGE_HEADER_LEN;
    return name_read(message, len, &at, name, NULL) == ERR_OK && len - at >= 4 ? at + 4 : 0;
}

bool reply_head_read(struct reply_head *head, const uint8_t *reply, size_t len)
{
    if (len < MESSAGE_HEADER_LEN)
        return false;
    *head = (struct reply_head){.id = read16(reply),
        .flags = read16(reply + 2),
        .qdcount = read16(reply + 4),
        .ancount = read16(reply + 6),
        .nscount = read16(reply + 8),
        .arcount = read16(reply + 10)};
    head->answer_at = head->qdcount == 0 ? MESSAGE_HEADER_LEN : skip_question(reply, len);
    return head->qdcount <= 1 && head->answer_at != 0;
}

bool request_matches(
    const uint8_t *request, size_t request_len, const uint8_t *reply, size_t reply_len, bool bare)
{
    struct reply_head head;
    uint8_t asked[NAME_MAX + 1], told[NAME_MAX + 1];
    size_t asked_at = MESSAGE_HEADER_LEN, told_at = MESSAGE_HEADER_LEN;
    if (!reply_head_read(&head, reply, reply_len) || head.id != read16(request) ||
        (head.flags & MESSAGE_QR) == 0 || ((head.flags ^ read16(request + 2)) & 0x7800) != 0)
        return false;
    if (head.qdcount == 0)
        return bare || (head.flags & 15) != RCODE_NOERROR;
    return name_read(request, request_len, &asked_at, asked, NULL) == ERR_OK &&
           name_read(reply, reply_len, &told_at, told, NULL) == ERR_OK && name_equal(asked, told) &&
           memcmp(request + asked_at, reply + told_at, 4) == 0;
}

/* Steps to the OPT record. */
static bool find_opt(const uint8_t *reply, size_t len, struct message_record *record)
{
    struct reply_head head;
    if (!reply_head_read(&head, reply, len))
        return false;
    size_t at = head.answer_at;
    unsigned total = (unsigned)head.ancount + head.nscount + head.arcount;
    for (unsigned i = 0; i < total; i++) {
        if (message_record_read(reply, len, &at, record) != ERR_OK)
            return false;
        if (record->type == TYPE_OPT)
            return true;
    }
    return false;
}

bool reply_option(const uint8_t *reply, size_t len, uint16_t code, struct edns_option *option)
{
    struct message_record record;
    struct edns edns;
    return find_opt(reply, len, &record) &&
           edns_read(&edns, record.class, record.ttl, reply + record.rdata_at, record.rdata_len) == ERR_OK &&
           edns.options_len > 0 && edns_find(&edns, code, option);
}

unsigned reply_rcode(const uint8_t *reply, size_t len, unsigned *ede)
{
    struct message_record record;
    struct edns_option option;
    unsigned rcode = len >= MESSAGE_HEADER_LEN ? reply[3] & 15u : (unsigned)RCODE_FORMERR;
    if (ede != NULL)
        *ede =
            reply_option(reply, len, EDNS_ERROR, &option) && option.len >= 2 ? read16(option.bytes) + 1u : 0;
    return find_opt(reply, len, &record) ? rcode | (record.ttl >> 24) << 4 : rcode;
}

enum err reply_serial(const uint8_t *reply, size_t len, const uint8_t *name, uint32_t *serial)
{
    struct reply_head head;
    struct message_record record;
    uint8_t owner[NAME_MAX + 1];
    if (!reply_head_read(&head, reply, len))
        return ERR_WIRE;
    size_t at = head.answer_at;
    for (unsigned i = 0; i < head.ancount; i++) {
        if (message_record_read(reply, len, &at, &record) != ERR_OK)
            return ERR_WIRE;
        size_t owner_at = record.name_at, end = (size_t)record.rdata_at + record.rdata_len;
        if (record.type != TYPE_SOA || record.class != CLASS_IN || record.rdata_len < 2 + SOA_FIXED ||
            name_read(reply, len, &owner_at, owner, NULL) != ERR_OK || !name_equal(owner, name))
            continue;
        const uint8_t *fixed = reply + end - SOA_FIXED;
        *serial = (uint32_t)read16(fixed) << 16 | read16(fixed + 2);
        return ERR_OK;
    }
    return ERR_MISSING;
}
