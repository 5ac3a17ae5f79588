/* Bringing runs of records into canonical order (RFC 4034 6.1). Each run gets a key of 16 octets: its labels
 * below the apex, most significant first, escaped so that octets compare as names do. Keys decide nearly
 * always; names are compared only where keys are equal. */
#ifndef ZONE_STORE_SORT_H
#define ZONE_STORE_SORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zone/base/attr.h"
#include "zone/base/err.h"
#include "zone/text/tape.h"

struct sort_entry {
    uint64_t key[2];
    const struct run *run;
};

/* The key of a run whose name ends in an apex of APEX_LABELS labels. */
void sort_key(const struct run *run, unsigned apex_labels, uint64_t key[2]) NONNULL(1, 3);

/* Negative, zero, positive; for runs under one apex. */
int sort_compare(const struct sort_entry *a, const struct sort_entry *b) NONNULL(1, 2);

/* Sorts in place, stable, on THREADS threads (0: all cores). */
enum err sort_entries(struct sort_entry *entries, size_t count, unsigned threads) NODISCARD;

#endif
