#include "zone/base/hash.h"

#define LANES 8
#define STRIPE (LANES * sizeof(uint64_t))

/* Eight independent lanes of 32x32-bit multiplications, which compilers turn into vector code: each lane
 * adds the word itself too, so that no pair of words cancels. Lanes are folded every so often, because a
 * plain sum would not notice stripes that changed places. */
static void absorb(uint64_t lanes[LANES], const uint8_t *bytes, size_t stripes)
{
    static const uint64_t keys[LANES] = {HASH_K0, HASH_K1, 0x8ebc6af09c88c6e3ULL, 0x589965cc75374cc3ULL,
        0x1d8e4e27c47d124fULL, 0xeb44accab455d165ULL, 0x9e3779b97f4a7c15ULL, 0xc2b2ae3d27d4eb4fULL};
    uint64_t key[LANES];
    memcpy(key, keys, sizeof key);
    for (size_t i = 0; i < stripes; i++, bytes += STRIPE) {
        uint64_t word[LANES];
        memcpy(word, bytes, STRIPE);
        for (unsigned l = 0; l < LANES; l++) {
            uint64_t mixed = word[l] ^ key[l];
            lanes[l] += word[l ^ 1] + (mixed & 0xffffffffu) * (mixed >> 32);
            key[l] += 0x9e3779b97f4a7c15ULL;
        }
    }
}

void hash_block(uint64_t seed, const void *bytes, size_t len, uint64_t sum[2])
{
    const uint8_t *at = bytes;
    uint64_t lanes[LANES], low = hash_mix(seed ^ HASH_K0, len ^ HASH_K1), high = low ^ HASH_K1;
    for (unsigned l = 0; l < LANES; l++)
        lanes[l] = low + l * HASH_K0;
    size_t left = len;
    while (left >= STRIPE) {
        size_t stripes = left / STRIPE < 1024 ? left / STRIPE : 1024;
        absorb(lanes, at, stripes);
        at += stripes * STRIPE;
        left -= stripes * STRIPE;
        for (unsigned l = 0; l < LANES; l++)
            lanes[l] = hash_mix(lanes[l] ^ HASH_K0, HASH_K1 + l);
    }
    for (unsigned l = 0; l < LANES; l += 2) {
        low = hash_mix(low ^ lanes[l], HASH_K1 ^ lanes[l + 1]);
        high = hash_mix(high ^ lanes[l + 1], HASH_K0 + lanes[l]);
    }
    sum[0] = hash_label(low, at, left);
    sum[1] = hash_label(high, at, left);
}
