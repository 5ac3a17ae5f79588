/* The reading of a question, inline for message_read, which does it once for each packet; all others call
 * question_read. */
#ifndef ZONE_WIRE_QUESTION_INLINE_H
#define ZONE_WIRE_QUESTION_INLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "zone/base/copy.h"
#include "zone/wire/question.h"

#define QUESTION_LANES 16

typedef uint8_t question_lanes __attribute__((vector_size(QUESTION_LANES)));

/* Lowers whole vectors: OUT has room for LEN rounded up, IN may be OUT. */
static inline void question_lower_lanes(uint8_t *out, const uint8_t *in, size_t len)
{
    for (size_t i = 0; i < len; i += QUESTION_LANES) {
        question_lanes octets;
        memcpy(&octets, in + i, QUESTION_LANES);
        question_lanes upper = (question_lanes)((octets - (uint8_t)'A') < (uint8_t)26);
        octets += upper & (uint8_t)32;
        memcpy(out + i, &octets, QUESTION_LANES);
    }
}

/* Length octets are below 64 and no lane is touched that is not A-Z, so the name is lowered as a whole. Where
 * fewer than a vector of octets follow the name it is copied first: nothing behind the message is read. */
static inline void question_lower(struct question *question, size_t readable)
{
    size_t len = question->name_len, whole = (len + QUESTION_LANES - 1) & ~(size_t)(QUESTION_LANES - 1);
    const uint8_t *from = question->name;
    if (readable < whole) {
        copy_octets(question->lower, question->name, len);
        from = question->lower;
    }
    question_lower_lanes(question->lower, from, len);
}

/* Notes where the labels of the name at NAME begin, looking at no more than LEN octets. False when it is not
 * a whole uncompressed name (RFC 1035 3.1). */
static inline bool question_find_labels(struct question *question, const uint8_t *name, size_t len)
{
    size_t at = 0, end = len < NAME_MAX ? len : NAME_MAX;
    unsigned labels = 0;
    uint8_t label;
    for (;; labels++, at += (size_t)label + 1) {
        if (UNLIKELY(at >= end))
            return false;
        label = name[at];
        question->label_at[labels] = (uint8_t)at;
        if (UNLIKELY((uint8_t)(label - 1) >= NAME_LABEL_MAX)) /* the end, or no length of a label */
            break;
    }
    if (UNLIKELY(label != 0))
        return false;
    question->name = name;
    question->name_len = (uint8_t)(at + 1);
    question->labels = (uint8_t)labels;
    return true;
}

/* question_read of LEFT octets at NAME; the octets taken, or 0 when they are no question. */
static inline size_t question_take(struct question *question, const uint8_t *name, size_t left)
{
    if (UNLIKELY(!question_find_labels(question, name, left) || left < (size_t)question->name_len + 4))
        return 0;
    const uint8_t *fixed = name + question->name_len;
    question->type = (uint16_t)(fixed[0] << 8 | fixed[1]);
    question->class = (uint16_t)(fixed[2] << 8 | fixed[3]);
    question_lower(question, left);
    return (size_t)question->name_len + 4;
}

#endif
