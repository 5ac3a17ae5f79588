/* An UPDATE message taken apart (RFC 2136 2): its prerequisites and its updates as lists of records. Foreign
 * bytes: what is malformed is FORMERR, what lies outside of the zone NOTZONE, before anything is looked up
 * (3.2.5, 3.4.1.3). Pure; any thread. */
#ifndef PLUGINS_UPDATE_SECTION_H
#define PLUGINS_UPDATE_SECTION_H

#include <stddef.h>
#include <stdint.h>

#include "zone/base/arena.h"
#include "zone/base/attr.h"
#include "zone/wire/message.h"

struct update_record {
    const uint8_t *owner; /* lower case */
    const uint8_t *rdata; /* expanded; NULL when there is none */
    uint32_t ttl;
    uint16_t type, class;
    uint16_t rdata_len;
};

struct update_section {
    struct update_record *records;
    unsigned count;
};

struct update_message {
    const uint8_t *zone; /* wire form, lower case */
    struct update_section prerequisites, updates;
};

/* Reads PREREQUISITES and UPDATES records from octet AT of the LEN octets at BYTES, into SCRATCH. */
enum rcode update_message_read(struct update_message *message, const uint8_t *zone, const uint8_t *bytes,
    size_t len, size_t at, unsigned prerequisites, unsigned updates, struct arena *scratch) NODISCARD
    NONNULL(1, 2, 3, 8);

#endif
