/* The messages that a client sends: a header, a question, perhaps a SOA record (NOTIFY, IXFR), perhaps OPT;
 * and whether a message is the reply to one. Pure; any thread. */
#ifndef ZONE_NET_REQUEST_H
#define ZONE_NET_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zone/base/attr.h"
#include "zone/base/err.h"
#include "zone/wire/edns.h"
#include "zone/wire/message.h"
#include "zone/wire/type.h"

#define REQUEST_MAX 4096 /* octets that request_write needs at most, a TSIG record behind them included */

struct request {
    const uint8_t *name; /* wire form */
    uint16_t type;
    uint16_t class;    /* 0: IN */
    uint16_t flags;    /* MESSAGE_RD, MESSAGE_AA ... */
    uint8_t opcode;    /* enum opcode */
    bool has_serial;   /* IXFR: a SOA of `serial` in the authority section; NOTIFY: in the answer section */
    bool edns;         /* send OPT */
    bool dnssec;       /* with DO */
    bool datagram;     /* a truncated reply will do: it is not asked for again by TCP */
    uint16_t udp_size; /* that OPT announces; 0: 1232 */
    uint32_t serial;
    const uint8_t *options; /* of OPT, in wire form, at most 512 octets; or NULL */
    uint16_t options_len;
};

/* Writes the message with a random id into OUT of REQUEST_MAX octets; returns its length. */
size_t request_write(const struct request *request, uint8_t *out) NONNULL(1, 2);

/* Is REPLY a response with the id, opcode and question of REQUEST (RFC 5452 9.1)? One without a question will
 * do when it tells of an error, or BARE is true (later messages of a transfer, RFC 5936 2.2.1). */
bool request_matches(const uint8_t *request, size_t request_len, const uint8_t *reply, size_t reply_len,
    bool bare) NONNULL(1, 3);

/* Where the answer section begins and what is in the header; false when the message is too short. */
struct reply_head {
    uint16_t id, flags;
    uint16_t qdcount, ancount, nscount, arcount;
    size_t answer_at;
};
bool reply_head_read(struct reply_head *head, const uint8_t *reply, size_t len) NODISCARD NONNULL(1, 2);

/* The rcode, with the upper bits of OPT; EDE (may be NULL) gets the first extended error + 1 or 0. */
unsigned reply_rcode(const uint8_t *reply, size_t len, unsigned *ede) NONNULL(1);

/* The serial of the SOA record of NAME in the answer section. ERR_MISSING: there is none. */
enum err reply_serial(const uint8_t *reply, size_t len, const uint8_t *name, uint32_t *serial) NODISCARD
    NONNULL(1, 3, 4);

/* The EDNS option CODE of a reply, in place; false when it has none. */
bool reply_option(const uint8_t *reply, size_t len, uint16_t code, struct edns_option *option) NODISCARD
    NONNULL(1, 4);

#endif
