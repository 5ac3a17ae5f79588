/* Domain names in wire form (RFC 1035 3.1): length-prefixed labels ending in the root label, at most
 * 255 octets, never compressed here. A name is a plain `const uint8_t *`; its length is found by
 * walking its labels, and every function that takes one trusts it to be well formed: names enter the
 * program only through name_parse, name_read and the zone reader, which check. Any thread. */
#ifndef ZONE_WIRE_NAME_H
#define ZONE_WIRE_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zone/base/attr.h"
#include "zone/base/err.h"

#define NAME_MAX 255        /* octets on the wire, the root label included (RFC 1035 2.3.4) */
#define NAME_LABEL_MAX 63   /* octets in a label */
#define NAME_LABELS_MAX 127 /* labels without the root */
#define NAME_TEXT_MAX 1025  /* presentation form, all octets escaped, with NUL */

/* Octets of NAME, the root label included. */
size_t name_len(const uint8_t *name) NONNULL(1);

/* Labels of NAME, the root label not counted. */
unsigned name_labels(const uint8_t *name) NONNULL(1);

/* Equal without regard to ASCII case (RFC 4343). */
bool name_equal(const uint8_t *a, const uint8_t *b) NONNULL(1, 2);

/* Canonical order (RFC 4034 6.1): negative, zero, positive. */
int name_compare(const uint8_t *a, const uint8_t *b) NONNULL(1, 2);

/* True when NAME equals ANCESTOR or lies below it. */
bool name_under(const uint8_t *name, const uint8_t *ancestor) NONNULL(1, 2);

/* The name without its first COUNT labels; points into NAME. COUNT is at most name_labels(NAME). */
const uint8_t *name_skip(const uint8_t *name, unsigned count) NONNULL(1);

/* Labels two names share, counted from the root. */
unsigned name_shared_labels(const uint8_t *a, const uint8_t *b) NONNULL(1, 2);

/* Copies NAME with A-Z made a-z (RFC 4034 6.2); OUT may be NAME. Returns its length. */
size_t name_lower(uint8_t *out, const uint8_t *name) NONNULL(1, 2);

/* Lowers LEN octets of label data; length octets below 64 are untouched by it. */
void octets_lower(uint8_t *out, const uint8_t *in, size_t len) NONNULL(1, 2);

/* Presentation to wire: escapes \DDD and \X, "@" for the origin, a relative name completed by ORIGIN
 * (NULL: taken as absolute). OUT has room for NAME_MAX. On failure *WHY (may be NULL) gets a phrase. */
enum err name_parse(const char *text, size_t len, const uint8_t *origin, uint8_t *out, size_t *out_len,
    const char **why) NODISCARD NONNULL(1, 4);

/* Wire to presentation, absolute with the final dot; OUT has room for NAME_TEXT_MAX. Returns the length
 * without the NUL it writes. */
size_t name_print(const uint8_t *name, char *out) NONNULL(1, 2);

/* One label of LEN octets to presentation (escaped, no dot, no NUL); returns the length. */
size_t name_print_label(const uint8_t *label, size_t len, char *out) NONNULL(1, 3);

/* Reads a possibly compressed name (RFC 1035 4.1.4) at *AT of a message. Pointers must go backwards. OUT
 * has room for NAME_MAX. *AT moves behind the name. */
enum err name_read(const uint8_t *message, size_t message_len, size_t *at, uint8_t *out,
    size_t *out_len) NODISCARD NONNULL(1, 3, 4);

/* Checks that LEN octets start with a whole uncompressed name; its length, or 0. */
size_t name_check(const uint8_t *bytes, size_t len) NONNULL(1);

#endif
