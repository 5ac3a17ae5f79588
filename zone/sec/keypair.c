#include <openssl/crypto.h>
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "zone/sec/keypair_kind.h"

#define SECURE_HEAP (1u << 18) /* for OpenSSL's private numbers: a hundred RSA keys */
#define SECURE_LEAST 32

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool sodium_there;

/* A system that lets us lock no memory (RLIMIT_MEMLOCK) gives OpenSSL ordinary memory: that is no reason not
 * to sign. */
static void prepare(void)
{
    sodium_there = sodium_init() >= 0;
    if (!CRYPTO_secure_malloc_initialized())
        (void)CRYPTO_secure_malloc_init(SECURE_HEAP, SECURE_LEAST);
}

bool keypair_ready(void)
{
    pthread_once(&once, prepare);
    return sodium_there;
}

static const struct keypair_kind *kind_of(const struct algorithm *algorithm)
{
    static const struct keypair_kind *const kinds[] = {
        [KIND_RSA] = &keypair_rsa,
        [KIND_ECDSA] = &keypair_ec,
        [KIND_ED25519] = &keypair_ed25519,
        [KIND_ED448] = &keypair_ed448,
    };
    return kinds[algorithm->kind];
}

const struct keypair_part *keypair_part_find(
    const struct keypair_part *parts, unsigned count, const char *name)
{
    for (unsigned i = 0; i < count; i++) {
        if (strcmp(parts[i].name, name) == 0)
            return &parts[i];
    }
    return NULL;
}

static struct keypair *key_new(const struct algorithm *algorithm)
{
    struct keypair *key = keypair_ready() ? calloc(1, sizeof *key) : NULL;
    if (key == NULL)
        return NULL;
    key->algorithm = algorithm;
    key->kind = kind_of(algorithm);
    key->refs = 1;
    return key;
}

static enum err key_done(enum err err, struct keypair *key, struct keypair **out)
{
    if (err == ERR_OK)
        *out = key;
    else
        keypair_release(key);
    return err;
}

enum err keypair_generate(const struct algorithm *algorithm, unsigned bits, struct keypair **out)
{
    if (bits == 0)
        bits = algorithm->bits;
    if (!algorithm->signs)
        return ERR_UNSUPPORTED;
    if (bits < algorithm->bits_least || bits > algorithm->bits_most)
        return ERR_RANGE;
    struct keypair *key = key_new(algorithm);
    if (key == NULL)
        return ERR_MEMORY;
    key->has_private = true;
    return key_done(key->kind->generate(key, bits), key, out);
}

enum err keypair_public(
    const struct algorithm *algorithm, const uint8_t *bytes, size_t len, struct keypair **out)
{
    if ((algorithm->public_len != 0 && len != algorithm->public_len) || len > PUBLIC_MAX)
        return ERR_WIRE;
    struct keypair *key = key_new(algorithm);
    if (key == NULL)
        return ERR_MEMORY;
    return key_done(key->kind->take_public(key, bytes, len), key, out);
}

enum err keypair_private(
    const struct algorithm *algorithm, const struct keypair_part *parts, unsigned count, struct keypair **out)
{
    struct keypair *key = key_new(algorithm);
    if (key == NULL)
        return ERR_MEMORY;
    key->has_private = true;
    return key_done(key->kind->take_private(key, parts, count), key, out);
}

enum err keypair_foreign(const struct algorithm *algorithm, const uint8_t *bytes, size_t len,
    const struct keypair_device *device, void *handle, struct keypair **out)
{
    struct keypair *key;
    enum err err = keypair_public(algorithm, bytes, len, &key);
    if (err != ERR_OK)
        return err;
    key->device = device;
    key->handle = handle;
    key->has_private = true;
    *out = key;
    return ERR_OK;
}

struct keypair *keypair_hold(struct keypair *key)
{
    __atomic_add_fetch(&key->refs, 1, __ATOMIC_RELAXED);
    return key;
}

void keypair_release(struct keypair *key)
{
    if (key == NULL || __atomic_sub_fetch(&key->refs, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    if (key->device != NULL)
        key->device->release(key->handle);
    key->kind->clear(key);
    free(key);
}

bool keypair_has_private(const struct keypair *key)
{
    return key->has_private;
}

bool keypair_is_foreign(const struct keypair *key)
{
    return key->device != NULL;
}

unsigned keypair_bits(const struct keypair *key)
{
    return key->kind->bits != NULL ? key->kind->bits(key) : key->algorithm->bits;
}

size_t keypair_write_public(const struct keypair *key, uint8_t *out)
{
    return key->kind->write_public(key, out);
}

enum err keypair_parts(
    const struct keypair *key, struct keypair_part parts[KEYPAIR_PARTS_MAX], unsigned *count, uint8_t *room)
{
    if (key->device != NULL)
        return ERR_UNSUPPORTED;
    if (!key->has_private)
        return ERR_MISSING;
    *count = key->kind->parts(key, parts, room);
    return *count > 0 ? ERR_OK : ERR_INVALID;
}

enum err keypair_signer_new(struct keypair *key, struct keypair_signer **out)
{
    if (!key->has_private)
        return ERR_MISSING;
    struct keypair_signer *signer = calloc(1, sizeof *signer);
    if (signer == NULL)
        return ERR_MEMORY;
    signer->key = keypair_hold(key);
    enum err err =
        key->device == NULL && key->kind->signer_init != NULL ? key->kind->signer_init(signer) : ERR_OK;
    if (err != ERR_OK) {
        keypair_signer_free(signer);
        return err;
    }
    *out = signer;
    return ERR_OK;
}

void keypair_signer_free(struct keypair_signer *signer)
{
    if (signer == NULL)
        return;
    if (signer->key->kind->signer_clear != NULL && signer->state != NULL)
        signer->key->kind->signer_clear(signer);
    keypair_release(signer->key);
    free(signer);
}

void keypair_signer_deterministic(struct keypair_signer *signer, bool on)
{
    signer->deterministic = on;
}

enum err keypair_sign(struct keypair_signer *signer, const uint8_t *message, size_t len, uint8_t *signature,
    size_t *signature_len)
{
    const struct keypair *key = signer->key;
    if (key->device != NULL)
        return key->device->sign(key->handle, key->algorithm, message, len, signature, signature_len);
    return key->kind->sign(signer, message, len, signature, signature_len);
}

bool keypair_verify(const struct keypair *key, const uint8_t *message, size_t len, const uint8_t *signature,
    size_t signature_len)
{
    if (key->algorithm->signature_len != 0 && signature_len != key->algorithm->signature_len)
        return false;
    return key->kind->verify(key, message, len, signature, signature_len);
}
