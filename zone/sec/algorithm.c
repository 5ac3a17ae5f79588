/* The digests go by OpenSSL's plain functions: EVP fetches its algorithms by name, under a lock. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "zone/sec/algorithm.h"

#include <openssl/sha.h>
#include <stdlib.h>
#include <strings.h>

static const struct algorithm algorithms[] = {
    {"RSASHA1", 5, KIND_RSA, DIGEST_SHA1, false, 0, 0, 2048, 1024, 4096},
    {"NSEC3RSASHA1", 7, KIND_RSA, DIGEST_SHA1, false, 0, 0, 2048, 1024, 4096},
    {"RSASHA256", 8, KIND_RSA, DIGEST_SHA256, true, 0, 0, 2048, 1024, 4096},
    {"RSASHA512", 10, KIND_RSA, DIGEST_SHA512, true, 0, 0, 2048, 1024, 4096},
    {"ECDSAP256SHA256", 13, KIND_ECDSA, DIGEST_SHA256, true, 64, 64, 256, 256, 256},
    {"ECDSAP384SHA384", 14, KIND_ECDSA, DIGEST_SHA384, true, 96, 96, 384, 384, 384},
    {"ED25519", 15, KIND_ED25519, DIGEST_NONE, true, 32, 64, 256, 256, 256},
    {"ED448", 16, KIND_ED448, DIGEST_NONE, true, 57, 114, 456, 456, 456},
};

/* Spellings that people know from other tools. */
static const struct {
    const char *name;
    uint8_t number;
} aliases[] = {
    {"RSASHA1-NSEC3-SHA1", 7},
    {"ECDSA256", 13},
    {"ECDSA-P256-SHA256", 13},
    {"ECDSAP256", 13},
    {"ECDSA384", 14},
    {"ECDSA-P384-SHA384", 14},
    {"ECDSAP384", 14},
};

static const struct ds_digest ds_digests[] = {
    {"SHA-1", 1, DIGEST_SHA1, 20},
    {"SHA-256", 2, DIGEST_SHA256, 32},
    {"SHA-384", 4, DIGEST_SHA384, 48},
};

const struct algorithm *algorithm_row(unsigned i)
{
    return i < ARRAY_COUNT(algorithms) ? &algorithms[i] : NULL;
}

const struct algorithm *algorithm_find(unsigned number)
{
    for (size_t i = 0; i < ARRAY_COUNT(algorithms); i++) {
        if (algorithms[i].number == number)
            return &algorithms[i];
    }
    return NULL;
}

static bool take_number(const char *text, unsigned *number)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    *number = (unsigned)value;
    return *text >= '0' && *text <= '9' && *end == '\0' && value < 256;
}

const struct algorithm *algorithm_parse(const char *text)
{
    unsigned number;
    if (take_number(text, &number))
        return algorithm_find(number);
    for (size_t i = 0; i < ARRAY_COUNT(algorithms); i++) {
        if (strcasecmp(algorithms[i].name, text) == 0)
            return &algorithms[i];
    }
    for (size_t i = 0; i < ARRAY_COUNT(aliases); i++) {
        if (strcasecmp(aliases[i].name, text) == 0)
            return algorithm_find(aliases[i].number);
    }
    return NULL;
}

const struct ds_digest *ds_digest_find(unsigned number)
{
    for (size_t i = 0; i < ARRAY_COUNT(ds_digests); i++) {
        if (ds_digests[i].number == number)
            return &ds_digests[i];
    }
    return NULL;
}

const struct ds_digest *ds_digest_parse(const char *text)
{
    static const char *const plain[] = {"SHA1", "SHA256", "SHA384"};
    unsigned number;
    if (take_number(text, &number))
        return ds_digest_find(number);
    for (size_t i = 0; i < ARRAY_COUNT(ds_digests); i++) {
        if (strcasecmp(ds_digests[i].name, text) == 0 || strcasecmp(plain[i], text) == 0)
            return &ds_digests[i];
    }
    return NULL;
}

size_t digest_len(enum digest_kind kind)
{
    static const uint8_t lens[] = {0, 20, 32, 48, 64};
    return lens[kind];
}

size_t digest_make(enum digest_kind kind, const void *bytes, size_t len, uint8_t *out)
{
    SHA_CTX sha1;
    SHA256_CTX sha256;
    SHA512_CTX sha512;
    switch (kind) {
    case DIGEST_SHA1:
        SHA1_Init(&sha1);
        SHA1_Update(&sha1, bytes, len);
        SHA1_Final(out, &sha1);
        break;
    case DIGEST_SHA256:
        SHA256_Init(&sha256);
        SHA256_Update(&sha256, bytes, len);
        SHA256_Final(out, &sha256);
        break;
    case DIGEST_SHA384:
        SHA384_Init(&sha512);
        SHA384_Update(&sha512, bytes, len);
        SHA384_Final(out, &sha512);
        break;
    case DIGEST_SHA512:
        SHA512_Init(&sha512);
        SHA512_Update(&sha512, bytes, len);
        SHA512_Final(out, &sha512);
        break;
    case DIGEST_NONE:
        break;
    }
    return digest_len(kind);
}
