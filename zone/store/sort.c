#include "zone/store/sort.h"

#include <stdlib.h>
#include <string.h>

#include "zone/base/pages.h"
#include "zone/base/parallel.h"
#include "zone/wire/name.h"

/* Appends a label to the key: octets 0 and 1 become 1 1 and 1 2, so that 0 can end the label and sort before
 * all. */
static size_t add_label(uint8_t *out, size_t at, const uint8_t *label, unsigned len)
{
    for (unsigned i = 0; i < len && at < 16; i++) {
        if (label[i] > 1) {
            out[at++] = label[i];
            continue;
        }
        out[at++] = 1;
        if (at < 16)
            out[at++] = (uint8_t)(label[i] + 1);
    }
    return at < 16 ? at + 1 : at; /* the octet 0 is there already */
}

void sort_key(const struct run *run, unsigned apex_labels, uint64_t key[2])
{
    uint8_t octets[16] = {0};
    const uint8_t *labels[NAME_LABELS_MAX];
    unsigned depth = run->labels - apex_labels;
    const uint8_t *label = run->name;
    for (unsigned i = 0; i < depth; i++, label += *label + 1)
        labels[i] = label;
    for (size_t at = 0; depth > 0 && at < 16; depth--)
        at = add_label(octets, at, labels[depth - 1] + 1, *labels[depth - 1]);
    for (unsigned i = 0; i < 2; i++) {
        memcpy(&key[i], octets + i * 8, 8);
        key[i] = __builtin_bswap64(key[i]);
    }
}

int sort_compare(const struct sort_entry *a, const struct sort_entry *b)
{
    for (unsigned i = 0; i < 2; i++) {
        if (a->key[i] != b->key[i])
            return a->key[i] < b->key[i] ? -1 : 1;
    }
    if (a->run->name_len == b->run->name_len && memcmp(a->run->name, b->run->name, a->run->name_len) == 0)
        return 0;
    return name_compare(a->run->name, b->run->name);
}

static bool in_order(const struct sort_entry *entries, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (sort_compare(&entries[i - 1], &entries[i]) > 0)
            return false;
    }
    return true;
}

static void merge(const struct sort_entry *a, size_t a_count, const struct sort_entry *b, size_t b_count,
    struct sort_entry *out)
{
    while (a_count > 0 && b_count > 0) {
        if (sort_compare(b, a) < 0) {
            *out++ = *b++;
            b_count--;
        } else {
            *out++ = *a++;
            a_count--;
        }
    }
    memcpy(out, a, a_count * sizeof *a);
    memcpy(out + a_count, b, b_count * sizeof *b);
}

/* Stable merge sort for short or stubborn stretches; SPARE has room for COUNT. */
static void merge_sort(struct sort_entry *entries, size_t count, struct sort_entry *spare)
{
    if (count <= 16) {
        for (size_t i = 1; i < count; i++) {
            struct sort_entry entry = entries[i];
            size_t at = i;
            for (; at > 0 && sort_compare(&entry, &entries[at - 1]) < 0; at--)
                entries[at] = entries[at - 1];
            entries[at] = entry;
        }
        return;
    }
    size_t half = count / 2;
    merge_sort(entries, half, spare);
    merge_sort(entries + half, count - half, spare + half);
    memcpy(spare, entries, count * sizeof *entries);
    merge(spare, half, spare + half, count - half, entries);
}

/* Least significant octet first, over one word of the key; passes in which all agree are left out. */
static void radix_sort(struct sort_entry *entries, size_t count, unsigned word, struct sort_entry *spare)
{
    size_t(*counts)[256] = calloc(8, sizeof *counts);
    if (counts == NULL) { /* slower, but right */
        merge_sort(entries, count, spare);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        for (unsigned octet = 0; octet < 8; octet++)
            counts[octet][entries[i].key[word] >> (octet * 8) & 255]++;
    }
    struct sort_entry *from = entries, *to = spare;
    for (unsigned octet = 0; octet < 8; octet++) {
        if (counts[octet][from[0].key[word] >> (octet * 8) & 255] == count)
            continue;
        size_t at = 0;
        for (unsigned value = 0; value < 256; value++) {
            size_t here = counts[octet][value];
            counts[octet][value] = at;
            at += here;
        }
        for (size_t i = 0; i < count; i++)
            to[counts[octet][from[i].key[word] >> (octet * 8) & 255]++] = from[i];
        struct sort_entry *swap = from;
        from = to;
        to = swap;
    }
    if (from != entries)
        memcpy(entries, from, count * sizeof *entries);
    free(counts);
}

#define RADIX_FROM 512

/* Sorts by the key from WORD on; stretches that agree in it are sorted by what follows. */
static void sort_by(struct sort_entry *entries, size_t count, unsigned word, struct sort_entry *spare)
{
    if (count < RADIX_FROM || word > 1) {
        merge_sort(entries, count, spare);
        return;
    }
    radix_sort(entries, count, word, spare);
    for (size_t from = 0, to; from < count; from = to) {
        for (to = from + 1; to < count && entries[to].key[word] == entries[from].key[word]; to++)
            continue;
        if (to - from > 1)
            sort_by(entries + from, to - from, word + 1, spare + from);
    }
}

struct parts {
    struct sort_entry *entries, *spare;
    size_t count, parts;
};

static size_t part_start(const struct parts *parts, size_t i)
{
    return parts->count / parts->parts * i + (i * (parts->count % parts->parts)) / parts->parts;
}

static void sort_part(void *context, size_t i)
{
    const struct parts *parts = context;
    size_t from = part_start(parts, i), to = part_start(parts, i + 1);
    if (to > from && !in_order(parts->entries + from, to - from))
        sort_by(parts->entries + from, to - from, 0, parts->spare + from);
}

/* Merges the parts pairwise until one is left. */
static void merge_parts(struct parts *parts)
{
    for (size_t width = 1; width < parts->parts; width *= 2) {
        for (size_t i = 0; i + width < parts->parts; i += 2 * width) {
            size_t last = i + 2 * width < parts->parts ? i + 2 * width : parts->parts;
            size_t a = part_start(parts, i), b = part_start(parts, i + width), end = part_start(parts, last);
            if (sort_compare(&parts->entries[b - 1], &parts->entries[b]) <= 0)
                continue;
            memcpy(parts->spare + a, parts->entries + a, (end - a) * sizeof *parts->entries);
            merge(parts->spare + a, b - a, parts->spare + b, end - b, parts->entries + a);
        }
    }
}

enum err sort_entries(struct sort_entry *entries, size_t count, unsigned threads)
{
    if (count < 2 || (count < RADIX_FROM && in_order(entries, count)))
        return ERR_OK;
    struct parts parts = {.entries = entries, .count = count};
    parts.parts = threads != 0 ? threads : parallel_cores();
    if (parts.parts > count / RADIX_FROM + 1)
        parts.parts = count / RADIX_FROM + 1;
    parts.spare = pages_alloc(count * sizeof *entries);
    if (parts.spare == NULL)
        return ERR_MEMORY;
    parallel_each(threads, parts.parts, sort_part, &parts);
    merge_parts(&parts);
    pages_free(parts.spare, count * sizeof *entries);
    return ERR_OK;
}
