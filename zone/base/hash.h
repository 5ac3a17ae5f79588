/* Fast hashes, not for secrets: names in an image's index (seeded per image, so that nobody can prepare
 * collisions without knowing the whole zone) and checksums of large blocks against damage. The strong
 * digest that names a zone's content is BLAKE2b (image.h). Any thread. */
#ifndef ZONE_BASE_HASH_H
#define ZONE_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "zone/base/attr.h"

#define HASH_K0 0xa0761d6478bd642fULL
#define HASH_K1 0xe7037ed1a0b428dbULL

ALWAYS_INLINE uint64_t hash_mix(uint64_t a, uint64_t b)
{
    __uint128_t product = (__uint128_t)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* The hash of a name whose parent has hash PARENT and whose first label is the LEN octets at LABEL, in
 * lower case. Reads no octet outside the label. */
static inline uint64_t hash_label(uint64_t parent, const uint8_t *label, size_t len)
{
    uint64_t a = 0, b = 0, state = parent ^ HASH_K0 ^ len;
    while (len > 16) {
        memcpy(&a, label, 8);
        memcpy(&b, label + 8, 8);
        state = hash_mix(a ^ HASH_K1, b ^ state);
        label += 16;
        len -= 16;
    }
    if (len >= 8) {
        memcpy(&a, label, 8);
        memcpy(&b, label + len - 8, 8);
    } else if (len >= 4) {
        uint32_t low, high;
        memcpy(&low, label, 4);
        memcpy(&high, label + len - 4, 4);
        a = (uint64_t)low << 32 | high;
        b = 0;
    } else if (len > 0) {
        a = (uint64_t)label[0] << 16 | (uint64_t)label[len >> 1] << 8 | label[len - 1];
        b = 0;
    }
    return hash_mix(hash_mix(a ^ HASH_K1, b ^ state), HASH_K0 ^ state);
}

/* A hash of any octets. */
static inline uint64_t hash_bytes(uint64_t seed, const void *bytes, size_t len)
{
    return hash_label(seed, bytes, len);
}

/* A 128-bit checksum of a large block, at memory speed; SUM is two words. */
void hash_block(uint64_t seed, const void *bytes, size_t len, uint64_t sum[2]);

#endif
