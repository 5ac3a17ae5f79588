/* The question of a query, taken apart once and used by every later stage: the name as the client
 * wrote it (echoed octet for octet, RFC 4343), the same in lower case for lookups, and where its labels
 * begin. Filled by question_read on the worker's memory. */
#ifndef ZONE_WIRE_QUESTION_H
#define ZONE_WIRE_QUESTION_H

#include <stdint.h>

#include "zone/base/attr.h"
#include "zone/base/err.h"
#include "zone/wire/name.h"

struct question {
    uint16_t type;
    uint16_t class;
    uint8_t name_len;                      /* octets, root label included */
    uint8_t labels;                        /* root label not counted */
    uint8_t label_at[NAME_LABELS_MAX + 1]; /* octet where label i begins; [labels] is the root label */
    uint8_t lower[NAME_MAX + 1];           /* the name in lower case */
    const uint8_t *name;                   /* the name as asked; points into the message */
};

/* Reads the question at *AT of MESSAGE; compressed names are refused (nothing stands before to point
 * to). *AT moves behind QCLASS. */
enum err question_read(struct question *question, const uint8_t *message, size_t message_len,
    size_t *at) NODISCARD NONNULL(1, 2, 4);

/* Makes a question of an uncompressed name, for sub-queries and tools. NAME must outlive it. */
void question_set(struct question *question, const uint8_t *name, uint16_t type, uint16_t class)
    NONNULL(1, 2);

#endif
