/* A query message, taken apart once (RFC 1035 4.1): header, question, EDNS, and where a TSIG record lies.
 * Nothing is copied but the lower-cased name; everything else points into the datagram, which must stay
 * while the message is in use. message_read says in one verdict what the server is to do with it, so that
 * the parse stage of a batch is one call per packet.
 *
 *     | header 12 | question | answer ... | authority ... | additional ... [OPT] ... [TSIG] |
 *                             ^ body_at                                         ^ tsig_at
 *
 * Lives in the worker's memory and is overwritten by the next packet, field by field, never cleared. */
#ifndef ZONE_WIRE_MESSAGE_H
#define ZONE_WIRE_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zone/base/attr.h"
#include "zone/base/err.h"
#include "zone/wire/edns.h"
#include "zone/wire/question.h"

#define MESSAGE_HEADER_LEN 12
#define MESSAGE_MAX 65535

enum message_flag {
    MESSAGE_QR = 0x8000,
    MESSAGE_AA = 0x0400,
    MESSAGE_TC = 0x0200,
    MESSAGE_RD = 0x0100,
    MESSAGE_RA = 0x0080,
    MESSAGE_AD = 0x0020,
    MESSAGE_CD = 0x0010
};

enum opcode { OPCODE_QUERY = 0, OPCODE_IQUERY = 1, OPCODE_STATUS = 2, OPCODE_NOTIFY = 4, OPCODE_UPDATE = 5 };

enum rcode {
    RCODE_NOERROR = 0,
    RCODE_FORMERR = 1,
    RCODE_SERVFAIL = 2,
    RCODE_NXDOMAIN = 3,
    RCODE_NOTIMP = 4,
    RCODE_REFUSED = 5,
    RCODE_YXDOMAIN = 6,
    RCODE_YXRRSET = 7,
    RCODE_NXRRSET = 8,
    RCODE_NOTAUTH = 9,
    RCODE_NOTZONE = 10,
    RCODE_BADVERS = 16, /* BADSIG inside TSIG */
    RCODE_BADKEY = 17,
    RCODE_BADTIME = 18,
    RCODE_BADCOOKIE = 23
};

/* What is to be done with a packet. */
enum message_verdict {
    MESSAGE_ANSWER, /* well formed, of an opcode the library knows (QUERY, NOTIFY, UPDATE): go on */
    MESSAGE_EMPTY,  /* no question but a cookie (RFC 7873 5.4): reply NOERROR with OPT alone */
    MESSAGE_FORMERR,
    MESSAGE_NOTIMP,  /* any other opcode; it is kept in the reply */
    MESSAGE_BADVERS, /* EDNS version above 0: OPT of version 0 and no answer (RFC 6891 6.1.3) */
    MESSAGE_DROP     /* shorter than a header, or itself a response: never replied to */
};

struct message {
    const uint8_t *bytes;
    uint32_t len;
    uint32_t body_at; /* where the question ends; 0 when there is none to echo */
    uint32_t tsig_at; /* where the TSIG record begins, 0 for none; it is the last record */
    /* The header from its end to its beginning, in host order: read as two words, each swapped once. */
    uint16_t flags; /* enum message_flag, opcode and rcode */
    uint16_t id;
    uint16_t arcount, nscount, ancount, qdcount;
    uint16_t ede; /* extended error code + 1 that explains the verdict, 0 for none */
    struct edns edns;
    struct question question; /* valid when body_at is not 0 */
};

static inline unsigned message_opcode(const struct message *message)
{
    return message->flags >> 11 & 15;
}

/* Reads the LEN octets at BYTES. Whatever the verdict (but MESSAGE_DROP), MESSAGE is fit for
 * reply_encode. */
enum message_verdict message_read(struct message *message, const uint8_t *bytes, size_t len) NODISCARD
    NONNULL(1, 2);

/* The rcode that answers VERDICT; NOERROR for MESSAGE_ANSWER and MESSAGE_EMPTY. */
enum rcode message_rcode(enum message_verdict verdict);

/* Octets a reply over UDP may have: 512 without EDNS, else the smaller of the requestor's size and
 * SERVER_LIMIT (RFC 6891 6.2.5; 1232 avoids fragments). */
static inline uint32_t message_udp_limit(const struct message *message, uint32_t server_limit)
{
    uint32_t size = message->edns.size;
    return size < server_limit || size == EDNS_SIZE_MIN ? size : server_limit;
}

/* One record of any message, in place. */
struct message_record {
    uint32_t name_at; /* its owner, perhaps compressed: name_read */
    uint32_t rdata_at;
    uint32_t ttl;
    uint16_t type;
    uint16_t class;
    uint16_t rdata_len;
};

/* Reads the record at *AT and moves *AT behind it. */
enum err message_record_read(
    const uint8_t *bytes, size_t len, size_t *at, struct message_record *record) NODISCARD NONNULL(1, 3, 4);

/* The mnemonic of RCODE ("NXDOMAIN"), or NULL for an unassigned one. */
const char *rcode_name(unsigned rcode);

#endif
