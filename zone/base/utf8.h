/* UTF-8 (RFC 3629) from foreign hands, on its way to people: which characters may be shown as they are, and
 * which would steer a terminal, end a line, or reverse what stands around them ("Trojan source"). */
#ifndef ZONE_BASE_UTF8_H
#define ZONE_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "zone/base/attr.h"

/* Octets of the character that begins at AT, of which LEN can be read; 0 when none does. */
unsigned utf8_read(const char *at, size_t len, uint32_t *code) NONNULL(1, 3);

/* Neither a control character (C0, C1), nor one of direction or without width, nor a separator of lines. */
bool utf8_is_plain(uint32_t code);

/* Characters in LEN octets; an octet that belongs to none counts as one. */
size_t utf8_count(const char *text, size_t len) NONNULL(1);

/* Copies or prints TEXT, in which one question mark stands for every character that is not plain and for
 * every octet that is none; a blank for a tab. OUT has room for LEN octets; returns those written. */
size_t utf8_copy(char *out, const char *text, size_t len) NONNULL(1, 2);
void utf8_print(FILE *out, const char *text, size_t len) NONNULL(1, 2);

#endif
