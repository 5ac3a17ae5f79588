/* Longest-suffix match: which of many names is the nearest ancestor of a question's name. One hash table
 * over all names and a bit set of the label counts that occur, so that a lookup costs one probe for each
 * occurring count, however many names there are. Used for server blocks and for the zones of a plugin.
 *
 * Filled by one thread, then frozen; reading is for any thread. */
#ifndef ZONE_WIRE_SUFFIX_H
#define ZONE_WIRE_SUFFIX_H

#include <stdint.h>

#include "zone/base/arena.h"
#include "zone/base/attr.h"
#include "zone/base/err.h"
#include "zone/wire/question.h"

struct suffix_entry {
    const uint8_t *name; /* lower case; NULL: free */
    void *value;
    uint32_t hash;
    uint16_t name_len;
    uint16_t labels;
};

struct suffix_table {
    struct suffix_entry *entries;
    uint32_t mask;
    uint32_t count;
    uint32_t room;
    const struct suffix_entry *only; /* the newest; of use when it is the only one */
    uint64_t counts[2];              /* bit n: a name of n labels is there */
};

/* Makes an empty table for at most ROOM names in MEMORY. */
enum err suffix_init(struct suffix_table *table, struct arena *memory, uint32_t room) NODISCARD NONNULL(1, 2);

/* NAME (lower case, not copied) leads to VALUE. ERR_EXISTS when it is there already, ERR_LIMIT when the
 * table is full. */
enum err suffix_add(struct suffix_table *table, const uint8_t *name, void *value) NODISCARD NONNULL(1, 2, 3);

/* The entry of NAME itself, or NULL. */
const struct suffix_entry *suffix_exact(const struct suffix_table *table, const uint8_t *name) NONNULL(1, 2);

/* The entry with the most labels, at most LABELS of them, that QUESTION's name equals or lies below. */
const struct suffix_entry *suffix_find(
    const struct suffix_table *table, const struct question *question, unsigned labels) NONNULL(1, 2);

/* The same for a question as an authoritative server routes it: a DS query for a zone's own apex is for the
 * parent's zone, where that is served too (RFC 4035 3.1.4.1). */
static inline const struct suffix_entry *suffix_route(
    const struct suffix_table *table, const struct question *question)
{
    if (UNLIKELY(question->type == 43) && question->labels > 0) {
        const struct suffix_entry *parent = suffix_find(table, question, question->labels - 1u);
        if (parent != NULL)
            return parent;
    }
    return suffix_find(table, question, question->labels);
}

#endif
