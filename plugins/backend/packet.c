#include "plugins/backend/packet.h"

#include <string.h>

#include "plugins/backend/frame.h"
#include "zone/wire/edns.h"
#include "zone/wire/response.h"
#include "zone/wire/type.h"

#define UDP_SIZE 65535 /* a backend need not truncate anything */

static uint8_t *put16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
    return at + 2;
}

/* Options between us and the client alone: they say nothing to the next server (RFC 7873 4, RFC 7828 3.1, RFC
 * 7830 3). */
static bool is_of_one_hop(uint16_t code)
{
    return code == EDNS_COOKIE || code == EDNS_KEEPALIVE || code == EDNS_PADDING;
}

static uint8_t *put_opt(uint8_t *at, const uint8_t *end, const struct edns *edns)
{
    struct edns_option option;
    *at++ = 0;
    at = put16(put16(at, TYPE_OPT), UDP_SIZE);
    at = put16(put16(at, 0), edns->dnssec ? EDNS_DO : 0);
    uint8_t *len_at = at;
    at += 2;
    for (uint16_t next = 0; edns_next(edns, &next, &option);) {
        if (!is_of_one_hop(option.code) && (size_t)(end - at) >= 4u + option.len)
            at += edns_write_option(at, option.code, option.bytes, option.len);
    }
    put16(len_at, (unsigned)(at - len_at) - 2);
    return at;
}

/* The id is 0: streams tell answers apart (as in RFC 8484 4.1). RD, AD and CD are the client's (RFC
 * 4035 3.2.2, RFC 6840 5.7). */
static size_t write_question(const struct query *query, uint8_t *out)
{
    const struct question *question = query->question;
    uint8_t *at = out + MESSAGE_HEADER_LEN;
    memset(out, 0, MESSAGE_HEADER_LEN);
    put16(out + 2, query->message.flags & (MESSAGE_RD | MESSAGE_AD | MESSAGE_CD));
    out[5] = 1;
    memcpy(at, question->name, question->name_len);
    at = put16(put16(at + question->name_len, question->type), question->class);
    if (query->message.edns.present) {
        out[11] = 1;
        at = put_opt(at, out + CALL_PACKET, &query->message.edns);
    }
    return (size_t)(at - out);
}

uint16_t packet_write(struct call *call)
{
    uint8_t message[CALL_PACKET];
    size_t len = write_question(call->query, message);
    size_t head = frame_write_head(call->packet, len);
    memcpy(call->packet + head, message, len);
    return (uint16_t)(head + len);
}

/* ---- the answer ---- */

static bool answers(const struct query *query, const struct response *response, const uint8_t *bytes)
{
    const struct question *question = query->question;
    uint8_t lower[NAME_MAX];
    if (!response->has_question || response_name_len(response) != question->name_len)
        return false;
    octets_lower(lower, bytes + MESSAGE_HEADER_LEN, question->name_len);
    const uint8_t *behind = bytes + MESSAGE_HEADER_LEN + question->name_len;
    return memcmp(lower, question->lower, question->name_len) == 0 &&
           (behind[0] << 8 | behind[1]) == question->type && (behind[2] << 8 | behind[3]) == question->class;
}

/* RFC 8914: what a backend says of its errors is told to the client. */
static void take_errors(struct query *query, const struct edns *edns)
{
    struct edns_option option;
    if (!edns->present || !edns_has(edns, EDNS_ERROR) || !edns_find(edns, EDNS_ERROR, &option) ||
        option.len < 2)
        return;
    query->reply.ede = (uint16_t)((option.bytes[0] << 8 | option.bytes[1]) + 1);
    if (option.len > 2 && memchr(option.bytes + 2, 0, option.len - 2u) == NULL)
        query->reply.ede_text = arena_copy(query->scratch, option.bytes + 2, option.len - 2u);
}

/* AD is for those who asked for it (RFC 6840 5.8). */
static void take_flags(struct query *query, const struct response *response)
{
    struct reply *reply = &query->reply;
    reply_clear(reply);
    reply->rcode = response->rcode;
    reply->authoritative = (response->flags & MESSAGE_AA) != 0;
    reply->truncated = (response->flags & MESSAGE_TC) != 0;
    reply->recursion = (response->flags & MESSAGE_RA) != 0;
    reply->authentic =
        (response->flags & MESSAGE_AD) != 0 && (query->dnssec || (query->message.flags & MESSAGE_AD) != 0);
}

enum err packet_take(struct query *query, const uint8_t *bytes, size_t len, const char **why)
{
    struct response *response = ARENA_NEW(query->scratch, struct response);
    *why = "out of memory";
    if (response == NULL)
        return ERR_MEMORY;
    *why = "an answer that is no DNS message";
    if (len > MESSAGE_MAX || response_read(response, bytes, len) != ERR_OK)
        return ERR_WIRE;
    *why = "an answer to another question";
    bool error = response->rcode != RCODE_NOERROR && response->rcode != RCODE_NXDOMAIN;
    if (!answers(query, response, bytes) && (!error || response->has_question))
        return ERR_WIRE;
    take_flags(query, response);
    if (response->has_question)
        query->reply.body = &response->body;
    take_errors(query, &response->edns);
    *why = "an answer with malformed records";
    return response->plain ? ERR_OK : query_open(query);
}
