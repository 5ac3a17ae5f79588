#include "zonetool/capture_parts.h"

#include <string.h>

#include "zone/base/hash.h"
#include "zone/wire/message.h"
#include "zone/wire/type.h"

/* A stretch of octets that is read from its front. */
struct span {
    const uint8_t *at;
    size_t len;
};

static bool skip(struct span *span, size_t len)
{
    if (span->len < len)
        return false;
    span->at += len;
    span->len -= len;
    return true;
}

static bool take(struct span *span, size_t len, struct span *out)
{
    *out = (struct span){span->at, len};
    return skip(span, len);
}

static uint32_t get16(const uint8_t *at)
{
    return (uint32_t)(at[0] << 8 | at[1]);
}

static uint32_t get32(const uint8_t *at)
{
    return get16(at) << 16 | get16(at + 2);
}

/* In the order of octets that the file has. */
static uint32_t get32_as(const uint8_t *at, bool swapped)
{
    uint32_t value = get32(at);
    return swapped ? __builtin_bswap32(value) : value;
}

/* ---- a message ---- */

void capture_message(struct capture *capture, const uint8_t *bytes, size_t len, bool response)
{
    struct question question;
    uint8_t name[NAME_MAX + 1];
    size_t at = MESSAGE_HEADER_LEN;
    bool sound = len >= MESSAGE_HEADER_LEN && get16(bytes + 4) == 1 && (bytes[2] >> 3 & 15) == OPCODE_QUERY &&
                 (bytes[2] >> 7 != 0) == response && question_read(&question, bytes, len, &at) == ERR_OK;
    if (!sound || question.class != CLASS_IN) {
        capture->passed_over++;
        return;
    }
    memcpy(name, question.lower, question.name_len);
    capture->queries++;
    capture->query(capture->context, name, question.type, 1);
}

/* ---- a packet ---- */

#define PORT 53
#define PROTOCOL_TCP 6
#define PROTOCOL_UDP 17

static void take_tcp(struct capture *capture, struct span span, uint64_t hosts)
{
    if (span.len < 20)
        return;
    uint64_t flow = hash_bytes(hosts, span.at, 4); /* both ports */
    uint32_t sequence = get32(span.at + 4);
    bool begins = (span.at[13] & 2) != 0; /* SYN */
    if (skip(&span, (size_t)(span.at[12] >> 4) * 4))
        capture_stream(capture, flow, sequence, begins, span.at, span.len);
}

/* HOSTS is a hash of both addresses. */
static void take_transport(struct capture *capture, unsigned protocol, struct span span, uint64_t hosts)
{
    if (span.len < 8 || get16(span.at + 2) != PORT)
        return;
    if (protocol == PROTOCOL_TCP)
        take_tcp(capture, span, hosts);
    else if (skip(&span, 8) && span.len > 0)
        capture_message(capture, span.at, span.len, false);
}

static void take_ip4(struct capture *capture, struct span span)
{
    if (span.len < 20)
        return;
    size_t head = (size_t)(span.at[0] & 15) * 4, total = get16(span.at + 2);
    unsigned protocol = span.at[9];
    bool fragment = (get16(span.at + 6) & 0x1fff) != 0;
    if (head < 20 || fragment || (protocol != PROTOCOL_UDP && protocol != PROTOCOL_TCP))
        return;
    if (total >= head && total < span.len)
        span.len = total; /* the frame is padded */
    uint64_t hosts = hash_bytes(4, span.at + 12, 8);
    if (skip(&span, head))
        take_transport(capture, protocol, span, hosts);
}

/* Extension headers that may stand before (RFC 8200 4): hop-by-hop, routing, destination. */
static void take_ip6(struct capture *capture, struct span span)
{
    if (span.len < 40)
        return;
    unsigned next = span.at[6];
    size_t total = get16(span.at + 4);
    uint64_t hosts = hash_bytes(6, span.at + 8, 32);
    skip(&span, 40);
    if (total < span.len)
        span.len = total;
    while ((next == 0 || next == 43 || next == 60) && span.len >= 8) {
        size_t len = (size_t)(span.at[1] + 1) * 8;
        next = span.at[0];
        if (!skip(&span, len))
            return;
    }
    if (next == PROTOCOL_UDP || next == PROTOCOL_TCP)
        take_transport(capture, next, span, hosts);
}

static void take_ip(struct capture *capture, struct span span)
{
    if (span.len > 0 && span.at[0] >> 4 == 4)
        take_ip4(capture, span);
    else if (span.len > 0 && span.at[0] >> 4 == 6)
        take_ip6(capture, span);
}

static void take_ether_type(struct capture *capture, unsigned type, struct span span)
{
    while ((type == 0x8100 || type == 0x88a8) && span.len >= 4) { /* VLAN tags */
        type = get16(span.at + 2);
        skip(&span, 4);
    }
    if (type == 0x0800 || type == 0x86dd)
        take_ip(capture, span);
}

/* The link types of tcpdump.org that carry IP. */
static void take_frame(struct capture *capture, unsigned link_type, struct span span)
{
    unsigned type;
    switch (link_type) {
    case 1: /* Ethernet */
        type = span.len >= 14 ? get16(span.at + 12) : 0;
        if (skip(&span, 14))
            take_ether_type(capture, type, span);
        break;
    case 113: /* Linux cooked */
        type = span.len >= 16 ? get16(span.at + 14) : 0;
        if (skip(&span, 16))
            take_ether_type(capture, type, span);
        break;
    case 276: /* Linux cooked, version 2 */
        type = span.len >= 20 ? get16(span.at) : 0;
        if (skip(&span, 20))
            take_ether_type(capture, type, span);
        break;
    case 0:   /* BSD loopback: four octets of address family */
    case 108: /* likewise, in network order */
        if (skip(&span, 4))
            take_ip(capture, span);
        break;
    case 12: /* raw IP, by several numbers */
    case 14:
    case 101:
    case 228:
    case 229:
        take_ip(capture, span);
        break;
    default:
        capture->passed_over++;
    }
}

/* ---- files of packets ---- */

#define PCAP_MICRO 0xa1b2c3d4u
#define PCAP_NANO 0xa1b23c4du
#define PCAPNG 0x0a0d0d0au
#define PCAPNG_ORDER 0x1a2b3c4du

static void read_pcap(struct capture *capture, struct span span, bool swapped)
{
    unsigned link_type = get32_as(span.at + 20, swapped) & 0xffff;
    skip(&span, 24);
    while (span.len >= 16) {
        struct span frame;
        size_t len = get32_as(span.at + 8, swapped);
        skip(&span, 16);
        if (!take(&span, len, &frame)) {
            capture->passed_over++; /* cut short */
            return;
        }
        take_frame(capture, link_type, frame);
    }
}

#define INTERFACES_MAX 64

/* The blocks that matter: section (order of octets), interface (link type), enhanced and simple packet. */
static void read_pcapng(struct capture *capture, struct span span)
{
    unsigned links[INTERFACES_MAX], count = 0;
    bool swapped = false;
    while (span.len >= 12) {
        if (get32(span.at) == PCAPNG) {
            swapped = get32(span.at + 8) != PCAPNG_ORDER;
            count = 0;
        }
        uint32_t type = get32_as(span.at, swapped), len = get32_as(span.at + 4, swapped);
        struct span block, frame;
        if (len < 12 || len % 4 != 0 || !take(&span, len, &block)) {
            capture->passed_over++;
            return;
        }
        block.len -= 4; /* its length again */
        skip(&block, 8);
        if (type == 1 && block.len >= 8 && count < INTERFACES_MAX) {
            uint32_t word = get32_as(block.at, swapped);
            links[count++] = swapped ? word & 0xffff : word >> 16; /* 16 bits, then 16 reserved */
        } else if (type == 6 && block.len >= 20) {
            uint32_t interface = get32_as(block.at, swapped), captured = get32_as(block.at + 12, swapped);
            skip(&block, 20);
            if (interface < count && take(&block, captured, &frame))
                take_frame(capture, links[interface], frame);
        } else if (type == 3 && block.len >= 4 && count > 0) {
            uint32_t original = get32_as(block.at, swapped);
            skip(&block, 4);
            frame = block;
            frame.len = original < frame.len ? original : frame.len;
            take_frame(capture, links[0], frame);
        }
    }
}

/* ---- dnstap ---- */

/* One field of a protobuf message; false at its end or when it is malformed. */
struct field {
    uint32_t number;
    uint64_t value;    /* of a varint */
    struct span bytes; /* of a length-delimited one */
};

static bool take_varint(struct span *span, uint64_t *value)
{
    *value = 0;
    for (unsigned shift = 0; shift < 64 && span->len > 0; shift += 7) {
        uint8_t octet = *span->at;
        skip(span, 1);
        *value |= (uint64_t)(octet & 127) << shift;
        if (octet < 128)
            return true;
    }
    return false;
}

static bool take_field(struct span *span, struct field *field)
{
    uint64_t key;
    *field = (struct field){0};
    if (!take_varint(span, &key))
        return false;
    field->number = (uint32_t)(key >> 3);
    switch (key & 7) {
    case 0:
        return take_varint(span, &field->value);
    case 1:
        return skip(span, 8);
    case 2:
        return take_varint(span, &field->value) && field->value <= span->len &&
               take(span, (size_t)field->value, &field->bytes);
    case 5:
        return skip(span, 4);
    default:
        return false;
    }
}

enum { DNSTAP_MESSAGE = 14, MESSAGE_TYPE = 1, MESSAGE_QUERY = 10, MESSAGE_RESPONSE = 14 };

/* Queries of either direction have odd types, responses even ones (dnstap.proto). WANTED: which are counted.
 */
static bool take_dnstap(struct capture *capture, struct span span, bool wanted)
{
    struct field field;
    struct span message = {NULL, 0}, query = {NULL, 0}, response = {NULL, 0};
    uint64_t type = 0;
    while (take_field(&span, &field)) {
        if (field.number == DNSTAP_MESSAGE)
            message = field.bytes;
    }
    while (message.at != NULL && take_field(&message, &field)) {
        if (field.number == MESSAGE_TYPE)
            type = field.value;
        else if (field.number == MESSAGE_QUERY)
            query = field.bytes;
        else if (field.number == MESSAGE_RESPONSE)
            response = field.bytes;
    }
    bool is_query = type % 2 == 1;
    if (type == 0 || is_query != wanted)
        return false;
    if (query.at != NULL)
        capture_message(capture, query.at, query.len, false);
    else if (response.at != NULL)
        capture_message(capture, response.at, response.len, true);
    return true;
}

/* Frames are preceded by their length; 0 announces a control frame. */
static bool read_frames(struct capture *capture, struct span span, bool queries)
{
    bool any = false;
    while (span.len >= 4) {
        struct span frame;
        size_t len = get32(span.at);
        bool control = len == 0;
        skip(&span, 4);
        if (control) {
            if (span.len < 4)
                break;
            len = get32(span.at);
            skip(&span, 4);
        }
        if (!take(&span, len, &frame)) {
            capture->passed_over++;
            break;
        }
        any |= !control && take_dnstap(capture, frame, queries);
    }
    return any;
}

/* A server that logs both would count twice: responses count only where no query was logged. */
static void read_dnstap(struct capture *capture, struct span span)
{
    if (!read_frames(capture, span, true))
        read_frames(capture, span, false);
}

/* ---- which ---- */

static bool is_dnstap(const struct span *span)
{
    static const char content[] = "protobuf:dnstap.Dnstap";
    size_t head = span->len < 64 ? span->len : 64;
    return span->len >= 12 && get32(span->at) == 0 &&
           memmem(span->at, head, content, sizeof content - 1) != NULL;
}

void capture_read(struct capture *capture, const uint8_t *bytes, size_t len)
{
    struct span span = {bytes, len};
    uint32_t magic = len >= 24 ? get32(bytes) : 0, swapped = __builtin_bswap32(magic);
    if (magic == PCAP_MICRO || magic == PCAP_NANO || swapped == PCAP_MICRO || swapped == PCAP_NANO) {
        capture->form = "pcap";
        read_pcap(capture, span, swapped == PCAP_MICRO || swapped == PCAP_NANO);
    } else if (magic == PCAPNG) {
        capture->form = "pcapng";
        read_pcapng(capture, span);
    } else if (is_dnstap(&span)) {
        capture->form = "dnstap";
        read_dnstap(capture, span);
    } else {
        capture->form = "text";
        capture_text(capture, (const char *)bytes, len);
    }
    capture_streams_clear(capture);
}
