#include "zone/sec/tsig_key.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "zone/base/codec.h"
#include "zone/base/hash.h"

/* ---- algorithms (RFC 8945 6) ---- */

static const struct {
    const char *text;
    const uint8_t *wire;
} algorithms[HMAC_ALGORITHMS] = {
    [HMAC_SHA1] = {"hmac-sha1", (const uint8_t *)"\011hmac-sha1"},
    [HMAC_SHA224] = {"hmac-sha224", (const uint8_t *)"\013hmac-sha224"},
    [HMAC_SHA256] = {"hmac-sha256", (const uint8_t *)"\013hmac-sha256"},
    [HMAC_SHA384] = {"hmac-sha384", (const uint8_t *)"\013hmac-sha384"},
    [HMAC_SHA512] = {"hmac-sha512", (const uint8_t *)"\013hmac-sha512"},
};

const uint8_t *tsig_algorithm_wire(enum hmac_algorithm algorithm)
{
    return algorithms[algorithm].wire;
}

const char *tsig_algorithm_text(enum hmac_algorithm algorithm)
{
    return algorithms[algorithm].text;
}

bool tsig_algorithm_find(const uint8_t *name, enum hmac_algorithm *out)
{
    for (enum hmac_algorithm i = 0; i < HMAC_ALGORITHMS; i++) {
        if (name_equal(name, algorithms[i].wire)) {
            *out = i;
            return true;
        }
    }
    return false;
}

/* Is TEXT, LEN octets, this algorithm's name, with or without "hmac-" and the final dot? */
static bool is_algorithm(enum hmac_algorithm algorithm, const char *text, size_t len)
{
    const char *full = algorithms[algorithm].text;
    if (len > 0 && text[len - 1] == '.')
        len--;
    return (strlen(full) == len && strncasecmp(full, text, len) == 0) ||
           (strlen(full + 5) == len && strncasecmp(full + 5, text, len) == 0);
}

/* "hmac-sha256-128": how many bits of the MAC are sent (BIND's way to write it). */
static enum err parse_truncation(
    const char *text, enum hmac_algorithm algorithm, uint8_t *octets, const char **why)
{
    char *end;
    unsigned long bits = strtoul(text, &end, 10);
    size_t full = hmac_len(algorithm);
    if (*text == '\0' || *end != '\0' || bits % 8 != 0) {
        *why = "the bits of a truncated MAC are a multiple of 8";
        return ERR_SYNTAX;
    }
    if (bits / 8 < TSIG_MAC_MIN || bits / 8 < full / 2 || bits / 8 > full) {
        *why = "a MAC is truncated to no less than 80 bits and half of its length (RFC 8945 5.2.2.1)";
        return ERR_RANGE;
    }
    *octets = bits / 8 < full ? (uint8_t)(bits / 8) : 0;
    return ERR_OK;
}

static enum err parse_algorithm(const char *text, struct tsig_key *key, const char **why)
{
    const char *dash = strrchr(text, '-');
    for (enum hmac_algorithm i = 0; i < HMAC_ALGORITHMS; i++) {
        if (is_algorithm(i, text, strlen(text))) {
            key->algorithm = i;
            return ERR_OK;
        }
        if (dash != NULL && is_algorithm(i, text, (size_t)(dash - text))) {
            key->algorithm = i;
            return parse_truncation(dash + 1, i, &key->truncated, why);
        }
    }
    if (strncasecmp(text, "hmac-md5", 8) == 0 || strcasecmp(text, "md5") == 0) {
        *why = "HMAC-MD5 is not taken: it must not be used any more (RFC 8945 6); make a key for hmac-sha256";
        return ERR_UNSUPPORTED;
    }
    *why = "no such algorithm; there are hmac-sha256, hmac-sha384, hmac-sha512, hmac-sha224 and hmac-sha1";
    return ERR_UNSUPPORTED;
}

/* ---- keys ---- */

static enum err key_fill(struct tsig_key *key, const uint8_t *name, const char *algorithm,
    const uint8_t *secret, size_t len, const char **why)
{
    key->name_len = (uint8_t)name_lower(key->name, name);
    key->refs = 1;
    key->any = algorithm == NULL;
    key->algorithm = HMAC_SHA256;
    enum err err = algorithm != NULL ? parse_algorithm(algorithm, key, why) : ERR_OK;
    if (err != ERR_OK)
        return err;
    if (len == 0 || len > TSIG_SECRET_MAX) {
        *why = len == 0 ? "the secret is empty" : "the secret is longer than 1024 octets";
        return ERR_RANGE;
    }
    for (enum hmac_algorithm i = 0; i < HMAC_ALGORITHMS; i++) {
        if (key->any || key->algorithm == i)
            hmac_key_set(&key->hmac[i], i, secret, len);
    }
    return ERR_OK;
}

enum err tsig_key_new(const uint8_t *name, const char *algorithm, const uint8_t *secret, size_t len,
    struct tsig_key **out, const char **why)
{
    const char *ignored;
    if (sodium_init() < 0)
        return ERR_UNSUPPORTED;
    struct tsig_key *key = sodium_malloc((sizeof *key + 63) & ~(size_t)63);
    if (key == NULL)
        return ERR_MEMORY;
    memset(key, 0, sizeof *key);
    enum err err = key_fill(key, name, algorithm, secret, len, why != NULL ? why : &ignored);
    if (err != ERR_OK) {
        sodium_free(key);
        return err;
    }
    *out = key;
    return ERR_OK;
}

/* Base64 with its padding (RFC 4648 4); blanks inside are passed over, as in key files. */
static enum err decode_secret(const char *text, uint8_t *out, size_t *len)
{
    return sodium_base642bin(out, TSIG_SECRET_MAX, text, strlen(text), " \t\r\n", len, NULL,
               sodium_base64_VARIANT_ORIGINAL) == 0
               ? ERR_OK
               : ERR_SYNTAX;
}

enum err tsig_key_from_words(
    const char *name, const char *algorithm, const char *secret, struct tsig_key **out, const char **why)
{
    uint8_t wire[NAME_MAX + 1], octets[TSIG_SECRET_MAX];
    size_t len = 0;
    const char *ignored;
    if (why == NULL)
        why = &ignored;
    if (name_parse(name, strlen(name), (const uint8_t *)"", wire, NULL, why) != ERR_OK)
        return ERR_SYNTAX;
    enum err err = decode_secret(secret, octets, &len);
    if (err == ERR_OK)
        err = tsig_key_new(wire, algorithm, octets, len, out, why);
    else
        *why = "the secret is not base64";
    sodium_memzero(octets, sizeof octets);
    return err;
}

/* Splits a copy of TEXT at its colons; neither base64 nor an algorithm has one, and a name may write \:. */
static enum err parse_copy(char *copy, struct tsig_key **out, const char **why)
{
    char *last = strrchr(copy, ':');
    if (last == NULL) {
        *why = "a key is written [ALGORITHM:]NAME:SECRET";
        return ERR_SYNTAX;
    }
    *last = '\0';
    char *first = strchr(copy, ':');
    const char *algorithm = "hmac-sha256", *name = copy;
    if (first != NULL && (first == copy || first[-1] != '\\')) {
        *first = '\0';
        algorithm = copy;
        name = first + 1;
    }
    return tsig_key_from_words(name, algorithm, last + 1, out, why);
}

enum err tsig_key_parse(const char *text, struct tsig_key **out, const char **why)
{
    const char *ignored;
    if (why == NULL)
        why = &ignored;
    if (strncmp(text, "env:", 4) == 0) {
        text = getenv(text + 4);
        if (text == NULL) {
            *why = "there is no such environment variable";
            return ERR_MISSING;
        }
    }
    char *copy = strdup(text);
    if (copy == NULL)
        return ERR_MEMORY;
    enum err err = parse_copy(copy, out, why);
    sodium_memzero(copy, strlen(text));
    free(copy);
    return err;
}

struct tsig_key *tsig_key_hold(const struct tsig_key *key)
{
    struct tsig_key *held = (struct tsig_key *)(uintptr_t)key;
    __atomic_fetch_add(&held->refs, 1, __ATOMIC_RELAXED);
    return held;
}

void tsig_key_release(struct tsig_key *key)
{
    if (key != NULL && __atomic_fetch_sub(&key->refs, 1, __ATOMIC_ACQ_REL) == 1)
        sodium_free(key); /* wipes it */
}

/* ---- rings ---- */

static uint32_t slot_of(const struct tsig_ring *ring, const uint8_t *name)
{
    uint32_t slot = (uint32_t)hash_bytes(HASH_K1, name, name_len(name)) & ring->mask;
    while (ring->keys[slot] != NULL && !name_equal(ring->keys[slot]->name, name))
        slot = (slot + 1) & ring->mask;
    return slot;
}

static enum err ring_grow(struct tsig_ring *ring)
{
    struct tsig_ring bigger = {.mask = ring->keys == NULL ? 7 : ring->mask * 2 + 1, .count = ring->count};
    bigger.keys = calloc((size_t)bigger.mask + 1, sizeof *bigger.keys);
    if (bigger.keys == NULL)
        return ERR_MEMORY;
    for (uint32_t i = 0; ring->keys != NULL && i <= ring->mask; i++) {
        if (ring->keys[i] != NULL)
            bigger.keys[slot_of(&bigger, ring->keys[i]->name)] = ring->keys[i];
    }
    free(ring->keys);
    *ring = bigger;
    return ERR_OK;
}

enum err tsig_ring_add(struct tsig_ring *ring, struct tsig_key *key)
{
    if (ring->keys == NULL || ring->count * 2 > ring->mask) {
        enum err err = ring_grow(ring);
        if (err != ERR_OK)
            return err;
    }
    uint32_t slot = slot_of(ring, key->name);
    if (ring->keys[slot] != NULL)
        return ERR_EXISTS;
    ring->keys[slot] = key;
    ring->count++;
    return ERR_OK;
}

const struct tsig_key *tsig_ring_find(const struct tsig_ring *ring, const uint8_t *name)
{
    return ring->keys != NULL ? ring->keys[slot_of(ring, name)] : NULL;
}

void tsig_ring_clear(struct tsig_ring *ring)
{
    for (uint32_t i = 0; ring->keys != NULL && i <= ring->mask; i++)
        tsig_key_release(ring->keys[i]);
    free(ring->keys);
    *ring = (struct tsig_ring){0};
}
