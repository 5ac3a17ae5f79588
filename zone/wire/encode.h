/* Writing a reply: references become octets once, straight into the transmit buffer. Names are
 * compressed by the links that the zone's builder left in the RRsets (rrset.h): nothing is searched for.
 *
 * RRsets are never split (RFC 2181 9). One that does not fit the answer or authority section ends the
 * message there with TC; one that does not fit the additional section is left out in silence, unless it is
 * in-domain glue, which sets TC (RFC 9471 3.1). There, signatures are dropped before the records they cover
 * (RFC 4035 3.1.1). Room for OPT and TSIG is kept free from the beginning.
 *
 * Pure and reentrant; any thread. */
#ifndef ZONE_WIRE_ENCODE_H
#define ZONE_WIRE_ENCODE_H

#include <stddef.h>
#include <stdint.h>

#include "zone/base/attr.h"
#include "zone/wire/message.h"
#include "zone/wire/reply.h"

#define ENCODE_UDP_SIZE 1232 /* payload that does not fragment on IPv6 (DNS flag day 2020) */

/* How a reply is to be written. */
struct envelope {
    const struct message *query; /* id, opcode, RD, question and EDNS of it go into the reply */
    uint32_t limit;              /* octets the whole reply may have: message_udp_limit(), 65535 on TCP */
    uint16_t udp_size;           /* payload size our OPT announces; 0 for ENCODE_UDP_SIZE */
    uint16_t reserve;            /* octets kept free at the end for a TSIG record the caller appends */
    uint16_t pad;                /* pad to a multiple of this many octets (RFC 8467), 0 for none */
    uint16_t options_len;
    const uint8_t *options; /* EDNS options to send, in wire form (edns_write_option), or NULL */
};

/* Writes REPLY into OUT, which has room for ENVELOPE->limit octets (at least 512). Returns the message's
 * length. A raw reply is copied and given the query's id; when too long, its header and question alone are
 * sent, with TC. */
size_t reply_encode(const struct envelope *envelope, const struct reply *reply, uint8_t *out)
    NONNULL(1, 2, 3);

#endif
