/* The hash index of an image (image.h): names to nodes. An image's index is filled once, by parts that do
 * not touch each other, and then only read. */
#ifndef ZONE_STORE_INDEX_H
#define ZONE_STORE_INDEX_H

#include <string.h>

#include "zone/base/hash.h"
#include "zone/store/image.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

static inline uint32_t index_bucket(uint64_t hash, uint32_t bucket_count)
{
    return (uint32_t)(((hash >> 32) * bucket_count) >> 32);
}

static inline void index_prefetch(const struct image *image, uint64_t hash)
{
    __builtin_prefetch(&image->index[index_bucket(hash, image->header->bucket_count)]);
}

/* Bit i is set when entry i of BUCKET has TAG. */
static inline unsigned bucket_match(const struct bucket *bucket, uint16_t tag)
{
#if defined(__SSE2__)
    __m128i wanted = _mm_set1_epi16((short)tag);
    __m128i tags = _mm_loadu_si128((const __m128i *)(const void *)bucket->tag);
    __m128i same = _mm_packs_epi16(_mm_cmpeq_epi16(tags, wanted), _mm_setzero_si128());
    return (unsigned)_mm_movemask_epi8(same) | (unsigned)(bucket->tag[8] == tag) << 8 |
           (unsigned)(bucket->tag[9] == tag) << 9;
#else
    unsigned mask = 0;
    for (unsigned i = 0; i < BUCKET_ENTRIES; i++)
        mask |= (unsigned)(bucket->tag[i] == tag) << i;
    return mask;
#endif
}

/* The first node, from position AFTER on, whose tag fits the hash: 0 when there is none. AFTER counts entries
 * tried in the whole chain and moves on, so that a candidate of another name can be passed over. */
uint32_t index_next(const struct image *image, uint64_t hash, unsigned *after);

/* The same from the beginning, for who looks at one candidate only. */
static inline uint32_t index_first(const struct image *image, uint64_t hash)
{
    const struct bucket *bucket = &image->index[index_bucket(hash, image->header->bucket_count)];
    unsigned mask = bucket_match(bucket, (uint16_t)hash), after = 0;
    uint32_t ref = mask != 0 ? bucket->ref[__builtin_ctz(mask)] : 0;
    if (LIKELY(ref != 0 || (mask == 0 && bucket->overflow == 0)))
        return ref;
    return index_next(image, hash, &after);
}

/* The reference of the node with a relative name, lower case, and its hash; 0 when there is none. */
uint32_t index_find(const struct image *image, uint64_t hash, const uint8_t *name, unsigned name_len);

/* Hash of a relative name under the image's seed. */
uint64_t index_hash(uint64_t seed, const uint8_t *name, unsigned name_len);

#endif
