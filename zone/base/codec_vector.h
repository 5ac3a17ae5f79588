/* The vector steps of codec.c. Each takes as many leading whole blocks as it can and returns how many
 * characters (encoders: octets) that was; 0 on a machine without the instructions. A block that holds a
 * wrong character is left to the octet-wise code, which finds the place. */
#ifndef ZONE_BASE_CODEC_VECTOR_H
#define ZONE_BASE_CODEC_VECTOR_H

#include <stddef.h>
#include <stdint.h>

size_t vector16_decode(uint8_t *out, const char *text, size_t len);
size_t vector32_decode(uint8_t *out, const char *text, size_t len);
size_t vector64_decode(uint8_t *out, const char *text, size_t len);
size_t vector64_encode(char *out, const uint8_t *bytes, size_t len);

#endif
