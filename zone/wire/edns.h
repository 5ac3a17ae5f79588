/* EDNS(0) as a query brings it (RFC 6891): version, flags, payload size, and its options in place. Options
 * are never copied: edns_next walks them where they lie in the message. Which of the assigned options are
 * there is known at once from the bit set `seen`, so that a plugin pays nothing for an absent one.
 *
 * Lives in the worker's memory as part of struct message; points into the message. */
#ifndef ZONE_WIRE_EDNS_H
#define ZONE_WIRE_EDNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zone/base/attr.h"
#include "zone/base/err.h"

#define EDNS_SIZE_MIN 512 /* a smaller announced size counts as this (RFC 6891 6.2.3) */
#define EDNS_OPT_LEN 11   /* octets of an OPT record without options */
#define EDNS_DO 0x8000    /* in the flags: DNSSEC OK (RFC 3225) */
#define EDNS_CO 0x4000    /* compact answers OK (RFC 9824 5.1) */

enum edns_code {
    EDNS_NSID = 3,            /* RFC 5001 */
    EDNS_SUBNET = 8,          /* RFC 7871 */
    EDNS_EXPIRE = 9,          /* RFC 7314 */
    EDNS_COOKIE = 10,         /* RFC 7873 */
    EDNS_KEEPALIVE = 11,      /* RFC 7828 */
    EDNS_PADDING = 12,        /* RFC 7830 */
    EDNS_CHAIN = 13,          /* RFC 7901 */
    EDNS_KEY_TAG = 14,        /* RFC 8145 */
    EDNS_ERROR = 15,          /* RFC 8914 */
    EDNS_REPORT_CHANNEL = 18, /* RFC 9567 */
    EDNS_ZONEVERSION = 19     /* RFC 9660 */
};

/* Codes of RFC 8914 that this library uses itself; struct reply stores them plus one. */
enum ede_code {
    EDE_OTHER = 0,
    EDE_STALE = 3,
    EDE_CACHED_ERROR = 13,
    EDE_NOT_READY = 14,
    EDE_BLOCKED = 15,
    EDE_FILTERED = 17,
    EDE_PROHIBITED = 18,
    EDE_STALE_NXDOMAIN = 19,
    EDE_NOT_AUTHORITATIVE = 20,
    EDE_NOT_SUPPORTED = 21,
    EDE_NO_REACHABLE = 22,
    EDE_NETWORK_ERROR = 23,
    EDE_ITERATIONS = 27, /* RFC 9276 4: unsupported NSEC3 iterations value */
    EDE_INVALID_QUERY_TYPE = 30
};

struct edns {
    bool present;
    bool dnssec;  /* the DO bit */
    bool compact; /* the CO bit */
    uint8_t version;
    uint16_t size; /* payload the requestor takes, at least EDNS_SIZE_MIN; 512 without EDNS */
    uint16_t options_len;
    uint32_t seen;          /* bit n: option code n is among the options */
    const uint8_t *options; /* in the message */
};

/* Takes an OPT record's fixed fields; it has no options. */
static inline void edns_read_fixed(struct edns *edns, uint16_t class, uint32_t ttl)
{
    edns->present = true;
    edns->dnssec = (ttl & EDNS_DO) != 0;
    edns->compact = (ttl & EDNS_CO) != 0;
    edns->version = (uint8_t)(ttl >> 16);
    edns->size = class < EDNS_SIZE_MIN ? EDNS_SIZE_MIN : class;
    edns->options_len = 0;
    edns->seen = 0;
}

/* Takes an OPT record's fixed fields and rdata apart; EDNS is written only on success. ERR_WIRE when an
 * option overruns the rdata. */
enum err edns_read(struct edns *edns, uint16_t class, uint32_t ttl, const uint8_t *rdata,
    uint16_t rdata_len) NODISCARD NONNULL(1, 4);

struct edns_option {
    uint16_t code;
    uint16_t len;
    const uint8_t *bytes;
};

/* Steps through the options: *AT begins at 0. False at the end. */
bool edns_next(const struct edns *edns, uint16_t *at, struct edns_option *option) NODISCARD NONNULL(1, 2, 3);

/* The first option of CODE; false when there is none. */
bool edns_find(const struct edns *edns, uint16_t code, struct edns_option *option) NODISCARD NONNULL(1, 3);

static inline bool edns_has(const struct edns *edns, enum edns_code code)
{
    return edns->seen >> code & 1;
}

/* Writes one option at OUT, which has room for 4 + LEN octets; returns what it wrote. For the list a caller
 * hands to reply_encode. */
size_t edns_write_option(uint8_t *out, uint16_t code, const void *bytes, uint16_t len) NONNULL(1);

#endif
