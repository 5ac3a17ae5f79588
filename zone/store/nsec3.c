/* The hash of RFC 5155 5. Denials compute up to three of them for each query, so the usual case, a name and a
 * salt that fit one block of SHA-1, is padded here and goes through the compression function alone. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>
#include <string.h>

#include "zone/store/find.h"

#define BLOCK 64
#define SHORT_MAX                                                                                            \
    (BLOCK - 9) /* octets that leave room for the end mark and the length (FIPS 180-4 5.1.1)                 \
                 */

static void write_hash(const SHA_CTX *context, uint8_t hash[20])
{
    const uint32_t words[5] = {context->h0, context->h1, context->h2, context->h3, context->h4};
    for (unsigned i = 0; i < 5; i++) {
        uint32_t word = __builtin_bswap32(words[i]);
        memcpy(hash + 4 * (size_t)i, &word, 4);
    }
}

/* BYTES has room for a block; what is behind LEN is overwritten. */
static void hash_short(uint8_t *bytes, size_t len, uint8_t hash[20])
{
    SHA_CTX context;
    memset(bytes + len, 0, BLOCK - len);
    bytes[len] = 0x80;
    bytes[BLOCK - 2] = (uint8_t)(len >> 5); /* the length in bits */
    bytes[BLOCK - 1] = (uint8_t)(len << 3);
    SHA1_Init(&context);
    SHA1_Transform(&context, bytes);
    write_hash(&context, hash);
}

/* The one-shot SHA1() would fetch its algorithm by name each time, under a lock. */
static void hash_bytes(uint8_t *bytes, size_t len, uint8_t hash[20])
{
    SHA_CTX context;
    if (LIKELY(len <= SHORT_MAX)) {
        hash_short(bytes, len, hash);
        return;
    }
    SHA1_Init(&context);
    SHA1_Update(&context, bytes, len);
    SHA1_Final(hash, &context);
}

void nsec3_digest(const uint8_t *salt, size_t salt_len, unsigned iterations, const uint8_t *name,
    size_t name_len, uint8_t hash[20])
{
    uint8_t input[NAME_MAX + 255 + BLOCK];
    memcpy(input, name, name_len);
    memcpy(input + name_len, salt, salt_len);
    hash_bytes(input, name_len + salt_len, hash);
    for (unsigned i = 0; i < iterations; i++) {
        memcpy(input, hash, 20);
        memcpy(input + 20, salt, salt_len);
        hash_bytes(input, 20 + salt_len, hash);
    }
}

void nsec3_hash(const struct snapshot *snapshot, const uint8_t *name, size_t name_len, uint8_t hash[20])
{
    const struct image_header *header = snapshot->image->header;
    nsec3_digest(header->nsec3_salt, header->nsec3_salt_len, header->nsec3_iterations, name, name_len, hash);
}
