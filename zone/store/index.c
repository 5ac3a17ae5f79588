#include "zone/store/index.h"

#include "zone/base/copy.h"
#include "zone/wire/name.h"

uint32_t index_next(const struct image *image, uint64_t hash, unsigned *after)
{
    uint32_t count = image->header->bucket_count, at = index_bucket(hash, count);
    unsigned passed = 0;
    for (uint32_t tries = 0; tries < count; tries++) {
        const struct bucket *bucket = &image->index[at];
        unsigned mask = bucket_match(bucket, (uint16_t)hash);
        for (; mask != 0; mask &= mask - 1) {
            uint32_t ref = bucket->ref[__builtin_ctz(mask)];
            if (ref == 0)
                continue;
            if (passed++ < *after)
                continue;
            *after = passed;
            return ref;
        }
        if (bucket->overflow == 0)
            return 0;
        at = at + 1 < count ? at + 1 : 0;
    }
    return 0;
}

uint32_t index_find(const struct image *image, uint64_t hash, const uint8_t *name, unsigned name_len)
{
    unsigned after = 0;
    for (uint32_t ref; (ref = index_next(image, hash, &after)) != 0;) {
        const struct node *node = image_node(image, ref);
        if (node->name_len == name_len && same_octets(node->name, name, name_len))
            return ref;
    }
    return 0;
}

uint64_t index_hash(uint64_t seed, const uint8_t *name, unsigned name_len)
{
    uint8_t at[NAME_LABELS_MAX];
    unsigned labels = 0;
    for (unsigned i = 0; i < name_len; i += name[i] + 1u)
        at[labels++] = (uint8_t)i;
    uint64_t hash = seed;
    while (labels-- > 0)
        hash = hash_label(hash, name + at[labels] + 1, name[at[labels]]);
    return hash;
}
