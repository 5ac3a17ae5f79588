/* Records as people write them, in the form that change sets have: for edits by hand. Any thread. */
#ifndef ZONE_STORE_CHANGE_TEXT_H
#define ZONE_STORE_CHANGE_TEXT_H

#include "zone/store/change.h"

/* Reads LEN octets of TEXT as a zone file would have them (names relative to ORIGIN, a TTL that is left out
 * is TTL) and adds the records to LIST. ERR_SYNTAX: WHY says what is wrong first, and nothing was added. */
enum err change_text_read(const char *text, size_t len, const uint8_t *origin, uint32_t ttl,
    struct change_list *list, char why[CHANGE_WHY_MAX]) NODISCARD NONNULL(1, 3, 5, 6);

#endif
