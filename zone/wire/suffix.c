#include "zone/wire/suffix.h"

#include <string.h>

#include "zone/wire/name.h"

/* LEN octets, at most 3. */
static inline uint64_t load_few(const uint8_t *at, size_t len)
{
    return len == 0 ? 0 : at[0] | (uint64_t)at[len / 2] << 8 | (uint64_t)at[len - 1] << 16;
}

static inline uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
    return hash ^ hash >> 29;
}

/* The names come from the configuration, so that nobody can choose colliding ones: quick is enough. */
ALWAYS_INLINE uint32_t suffix_hash(const uint8_t *name, size_t len)
{
    uint64_t hash = len;
    for (; len >= 8; name += 8, len -= 8) {
        uint64_t word;
        memcpy(&word, name, 8);
        hash = mix(hash, word);
    }
    if (len >= 4) {
        uint32_t head, tail;
        memcpy(&head, name, 4);
        memcpy(&tail, name + len - 4, 4);
        hash = mix(hash, (uint64_t)head << 32 | tail);
    } else {
        hash = mix(hash, load_few(name, len));
    }
    return (uint32_t)(hash >> 32);
}

enum err suffix_init(struct suffix_table *table, struct arena *memory, uint32_t room)
{
    uint32_t size = 4;
    while (size < room * 2)
        size *= 2;
    struct suffix_entry *entries = ARENA_ARRAY(memory, struct suffix_entry, size);
    if (entries == NULL)
        return ERR_MEMORY;
    *table = (struct suffix_table){.entries = entries, .mask = size - 1, .room = room};
    return ERR_OK;
}

/* Most names are short: no call for them. */
static inline bool same(const uint8_t *a, const uint8_t *b, size_t len)
{
    if (len < 8 || len > 16)
        return memcmp(a, b, len) == 0;
    uint64_t head[2], tail[2];
    memcpy(&head[0], a, 8);
    memcpy(&head[1], b, 8);
    memcpy(&tail[0], a + len - 8, 8);
    memcpy(&tail[1], b + len - 8, 8);
    return ((head[0] ^ head[1]) | (tail[0] ^ tail[1])) == 0;
}

/* The entry for the name, or the free one where it belongs. */
ALWAYS_INLINE struct suffix_entry *probe(const struct suffix_table *table, const uint8_t *name, size_t len)
{
    uint32_t hash = suffix_hash(name, len);
    for (uint32_t at = hash & table->mask;; at = (at + 1) & table->mask) {
        struct suffix_entry *entry = &table->entries[at];
        if (entry->name == NULL ||
            (entry->hash == hash && entry->name_len == len && same(entry->name, name, len)))
            return entry;
    }
}

enum err suffix_add(struct suffix_table *table, const uint8_t *name, void *value)
{
    size_t len = name_len(name);
    unsigned labels = name_labels(name);
    struct suffix_entry *entry = probe(table, name, len);
    if (entry->name != NULL)
        return ERR_EXISTS;
    if (table->count == table->room)
        return ERR_LIMIT;
    table->count++;
    table->only = entry;
    table->counts[labels / 64] |= (uint64_t)1 << labels % 64;
    *entry = (struct suffix_entry){.name = name,
        .value = value,
        .hash = suffix_hash(name, len),
        .name_len = (uint16_t)len,
        .labels = (uint16_t)labels};
    return ERR_OK;
}

const struct suffix_entry *suffix_exact(const struct suffix_table *table, const uint8_t *name)
{
    const struct suffix_entry *entry = probe(table, name, name_len(name));
    return entry->name != NULL ? entry : NULL;
}

/* The largest label count in use that is at most LABELS, or -1. */
static inline int next_count(const uint64_t counts[2], int labels)
{
    for (int word = labels >> 6; labels >= 0; word--, labels = 63) {
        uint64_t bits = counts[word] & (~(uint64_t)0 >> (63 - (labels & 63)));
        if (bits != 0)
            return word * 64 + 63 - __builtin_clzll(bits);
        if (word == 0)
            break;
    }
    return -1;
}

const struct suffix_entry *suffix_find(
    const struct suffix_table *table, const struct question *question, unsigned labels)
{
    if (table->count == 1) { /* most servers have one zone: no hash */
        const struct suffix_entry *only = table->only;
        unsigned from = question->name_len - only->name_len;
        bool under = only->labels <= labels && question->label_at[question->labels - only->labels] == from &&
                     same(question->lower + from, only->name, only->name_len);
        return under ? only : NULL;
    }
    for (int n = next_count(table->counts, (int)labels); n >= 0; n = next_count(table->counts, n - 1)) {
        unsigned at = question->label_at[question->labels - (unsigned)n];
        const struct suffix_entry *entry = probe(table, question->lower + at, question->name_len - at);
        if (entry->name != NULL)
            return entry;
    }
    return NULL;
}
