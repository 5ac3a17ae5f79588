/* The parts of an entry of a master file (RFC 1035 5.1), found again in its text: checks of records know
 * where the entry begins, and a person wants the caret under the word that is wrong. Any thread. */
#ifndef ZONE_TEXT_PART_H
#define ZONE_TEXT_PART_H

#include <stddef.h>
#include <stdint.h>

#include "zone/base/attr.h"

enum part {
    PART_OWNER,
    PART_TTL,
    PART_TYPE,
    PART_DATA /* + n: the nth token of the data */
};

/* The PART of the entry at TEXT. One that is not written (an inherited owner or TTL) is the type instead;
 * data beyond the last token are that one, and a directive, such as $GENERATE, is its own word. */
void part_find(const char *text, size_t len, unsigned part, const char **token, uint32_t *token_len)
    NONNULL(1, 4, 5);

#endif
