/* The question of a query, taken apart once and used by every later stage: the name as the client
 * wrote it (echoed octet for octet, RFC 4343), the same in lower case for lookups, and where its labels
 * begin. Filled by question_read on the worker's memory. */
#ifndef ZONE_WIRE_QUESTION_H
#define ZONE_WIRE_QUESTION_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

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

/* True when the name of QUESTION equals ZONE (lower case) or lies below it: name_under, helped by what is
 * known of the question's labels. */
static inline bool question_under(const struct question *question, const uint8_t *zone)
{
    unsigned len = 0, labels = 0;
    for (; zone[len] != 0; len += zone[len] + 1u)
        labels++;
    if (labels > question->labels)
        return false;
    unsigned at = question->label_at[question->labels - labels];
    return question->name_len - at == len + 1u && question->lower[at + (len > 0)] == zone[len > 0] &&
           memcmp(question->lower + at, zone, len) == 0;
}

/* Makes a question of an uncompressed name, for sub-queries and tools. NAME must outlive it. */
void question_set(struct question *question, const uint8_t *name, uint16_t type, uint16_t class)
    NONNULL(1, 2);

#endif
