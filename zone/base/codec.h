/* Binary to text and back: base16, base32hex (RFC 4648 7, without padding) and base64 (RFC 4648 4). The
 * keys and signatures of a signed zone pass through here, so the bulk goes in vectors where the
 * processor can (SSSE3) and octet by octet where not; both give the same answers. Any thread.
 *
 * Decoders return how many leading characters of TEXT they took: LEN when all are digits, else the place of
 * the first that is not. They write no octet beyond what those characters give. */
#ifndef ZONE_BASE_CODEC_H
#define ZONE_BASE_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zone/base/attr.h"

/* LEN must be even; LEN / 2 octets into OUT. Either case. */
size_t base16_decode(uint8_t *out, const char *text, size_t len) NODISCARD NONNULL(1, 2);

/* LEN * 2 digits in upper case into OUT, without NUL; returns their number. */
size_t base16_encode(char *out, const uint8_t *bytes, size_t len) NONNULL(1, 2);

/* *OUT_LEN = LEN * 5 / 8 octets into OUT. Either case. A LEN that no octets encode to (1, 3 or 6 beyond a
 * multiple of 8), or left-over bits that are not zero, stop at the last character. */
size_t base32hex_decode(uint8_t *out, const char *text, size_t len, size_t *out_len) NODISCARD
    NONNULL(1, 2, 4);

/* Digits in upper case, no padding; returns their number, (LEN * 8 + 4) / 5. */
size_t base32hex_encode(char *out, const uint8_t *bytes, size_t len) NONNULL(1, 2);

/* Whole groups of four digits without padding: LEN must be a multiple of 4; LEN / 4 * 3 octets into OUT. */
size_t base64_decode(uint8_t *out, const char *text, size_t len) NODISCARD NONNULL(1, 2);

/* Digits with padding into OUT, without NUL; returns their number, (LEN + 2) / 3 * 4. */
size_t base64_encode(char *out, const uint8_t *bytes, size_t len) NONNULL(1, 2);

/* The value of one base64 digit, or -1; '=' is none. */
int base64_digit(char c);

/* The value of one base32hex digit, or -1. */
int base32hex_digit(char c);

/* The value of one hexadecimal digit, or -1. */
int base16_digit(char c);

#endif
