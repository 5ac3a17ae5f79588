/* A response as an upstream server sends it, looked over once: is it whole, where do its records begin and
 * end, what does it say. Nothing is copied; the octets must stay while the response is in use. What it finds
 * is enough to send the records on or to keep them (struct reply_body) without taking them apart.
 *
 *     | header 12 | question | answer ... | authority ... | additional ... OPT |
 *                             ^ body.at                                 ^ body.end
 *
 * Owners and the first names in rdata are followed once, so that nothing is sent on that leads nowhere. */
#ifndef ZONE_WIRE_RESPONSE_H
#define ZONE_WIRE_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zone/base/attr.h"
#include "zone/base/err.h"
#include "zone/wire/message.h"
#include "zone/wire/reply.h"

#define RESPONSE_TTLS 256 /* TTL fields noted; a message with more is not kept */

struct response {
    uint16_t id;
    uint16_t flags;
    uint16_t rcode;    /* 12 bits, the upper ones from OPT (RFC 6891 6.1.3) */
    bool has_question; /* there is exactly one; servers leave it out of some errors */
    bool plain;        /* `body` can be sent on as it is: OPT, if any, was the last record, no TSIG */
    struct edns edns;
    struct reply_body body;
    uint16_t ttl_at[RESPONSE_TTLS];
};

/* Looks over the LEN octets at BYTES. ERR_WIRE: it is no response, or broken. */
enum err response_read(struct response *response, const uint8_t *bytes, size_t len) NODISCARD NONNULL(1, 2);

/* Octets of the uncompressed name of the question; 0 when there is none. */
size_t response_name_len(const struct response *response) NONNULL(1);

#endif
