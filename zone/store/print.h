/* Records of a zone image as canonical text: one per line, absolute owner, TTL, class, type and rdata with
 * a tab between them; the records of an RRset in canonical order (RFC 4034 6.3), its RRSIGs behind it. A
 * growing buffer, one thread at a time. */
#ifndef ZONE_STORE_PRINT_H
#define ZONE_STORE_PRINT_H

#include <stdbool.h>
#include <stddef.h>

#include "zone/base/arena.h"
#include "zone/store/image.h"

struct print {
    const struct image *image;
    char *text;
    size_t len, size;
    struct arena scratch;
    size_t apex_len;
    char apex[NAME_TEXT_MAX]; /* presentation form */
};

/* False when out of memory. */
bool print_init(struct print *print, const struct image *image) NODISCARD NONNULL(1, 2);
void print_clear(struct print *print) NONNULL(1);

/* Appends all records of NODE; the apex begins with its SOA (RFC 1035 5.2: a reader that goes by the
 * first record finds the zone's name there). False when out of memory. */
bool print_node(struct print *print, const struct node *node) NODISCARD NONNULL(1, 2);

#endif
