/* IP addresses in text: strict reading (no octal, no short forms), RFC 5952 printing. Texts need no NUL.
 * Any thread. */
#ifndef ZONE_BASE_IP_H
#define ZONE_BASE_IP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zone/base/attr.h"

#define IP4_TEXT_MAX 16 /* with NUL */
#define IP6_TEXT_MAX 46

/* Four decimal octets without leading zeros. */
bool ip4_parse(const char *text, size_t len, uint8_t out[4]) NODISCARD NONNULL(1, 3);

/* RFC 4291 2.2, the form with an IPv4 address at the end included; no zone identifier. */
bool ip6_parse(const char *text, size_t len, uint8_t out[16]) NODISCARD NONNULL(1, 3);

/* What is wrong with a text that was refused, as a phrase into WHY of SIZE octets. */
void ip4_explain(const char *text, size_t len, char *why, size_t size) NONNULL(1, 3);
void ip6_explain(const char *text, size_t len, char *why, size_t size) NONNULL(1, 3);

/* Into OUT of IP4_TEXT_MAX or IP6_TEXT_MAX octets, with a NUL; the length without it. */
size_t ip4_print(const uint8_t ip[4], char *out) NONNULL(1, 2);
size_t ip6_print(const uint8_t ip[16], char *out) NONNULL(1, 2);

#endif
