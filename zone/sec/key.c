#include "zone/sec/key.h"

#include <stdlib.h>
#include <string.h>

#include "zone/sec/keyfile.h"

#define PROTOCOL 3 /* the only one (RFC 4034 2.1.2) */

struct key *key_new(
    const uint8_t *owner, const struct algorithm *algorithm, uint16_t flags, struct keypair *pair)
{
    struct key *key = calloc(1, sizeof *key);
    if (key == NULL) {
        keypair_release(pair);
        return NULL;
    }
    key->refs = 1;
    key->algorithm = algorithm;
    key->pair = pair;
    key->owner_len = (uint8_t)name_lower(key->owner, owner);
    key->public_len = (uint16_t)keypair_write_public(pair, key->public_octets);
    key->flags = flags;
    key->roles = (flags & KEY_SEP) != 0 ? ROLE_KSK : ROLE_ZSK;
    key_set_flag(key, KEY_ZONE, true);
    return key;
}

enum err key_generate(
    const uint8_t *owner, const struct algorithm *algorithm, unsigned bits, unsigned roles, struct key **out)
{
    struct keypair *pair;
    enum err err = keypair_generate(algorithm, bits, &pair);
    if (err != ERR_OK)
        return err;
    struct key *key =
        key_new(owner, algorithm, (roles & ROLE_KSK) != 0 ? KEY_ZONE | KEY_SEP : KEY_ZONE, pair);
    if (key == NULL)
        return ERR_MEMORY;
    key->roles = (uint8_t)roles;
    *out = key;
    return ERR_OK;
}

enum err key_from_dnskey(const uint8_t *owner, const uint8_t *rdata, size_t len, struct key **out)
{
    if (len < 5)
        return ERR_WIRE;
    const struct algorithm *algorithm = algorithm_find(rdata[3]);
    if (algorithm == NULL || rdata[2] != PROTOCOL)
        return ERR_UNSUPPORTED;
    struct keypair *pair;
    enum err err = keypair_public(algorithm, rdata + 4, len - 4, &pair);
    if (err != ERR_OK)
        return err;
    uint16_t flags = (uint16_t)((unsigned)rdata[0] << 8 | rdata[1]);
    struct key *key = key_new(owner, algorithm, flags, pair);
    if (key == NULL)
        return ERR_MEMORY;
    key->flags = flags; /* also without ZONE: whoever verifies looks at it */
    memcpy(key->public_octets, rdata + 4, len - 4);
    key->public_len = (uint16_t)(len - 4);
    key->tag = dnskey_tag(rdata, len);
    *out = key;
    return ERR_OK;
}

struct key *key_hold(struct key *key)
{
    __atomic_add_fetch(&key->refs, 1, __ATOMIC_RELAXED);
    return key;
}

void key_release(struct key *key)
{
    if (key == NULL || __atomic_sub_fetch(&key->refs, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    keypair_release(key->pair);
    free(key->base);
    free(key->extra);
    free(key->state);
    free(key);
}

bool key_has_private(const struct key *key)
{
    return keypair_has_private(key->pair);
}

size_t key_write_dnskey(const struct key *key, uint8_t *out)
{
    out[0] = (uint8_t)(key->flags >> 8);
    out[1] = (uint8_t)key->flags;
    out[2] = PROTOCOL;
    out[3] = key->algorithm->number;
    memcpy(out + 4, key->public_octets, key->public_len);
    return 4u + key->public_len;
}

/* The digest is of the owner in canonical form and the DNSKEY rdata. */
static size_t ds_digest(const struct ds_digest *digest, const uint8_t *owner, const uint8_t *dnskey,
    size_t dnskey_len, uint8_t *out)
{
    uint8_t input[NAME_MAX + DNSKEY_RDATA_MAX];
    size_t len = name_lower(input, owner);
    memcpy(input + len, dnskey, dnskey_len);
    return digest_make(digest->digest, input, len + dnskey_len, out);
}

size_t key_write_ds(const struct key *key, const struct ds_digest *digest, uint8_t *out)
{
    uint8_t rdata[DNSKEY_RDATA_MAX];
    size_t len = key_write_dnskey(key, rdata);
    out[0] = (uint8_t)(key->tag >> 8);
    out[1] = (uint8_t)key->tag;
    out[2] = key->algorithm->number;
    out[3] = digest->number;
    return 4 + ds_digest(digest, key->owner, rdata, len, out + 4);
}

bool ds_matches(
    const uint8_t *ds, size_t ds_len, const uint8_t *owner, const uint8_t *dnskey, size_t dnskey_len)
{
    uint8_t made[DIGEST_MAX];
    if (ds_len < 5 || dnskey_len < 5 || dnskey_len > DNSKEY_RDATA_MAX || ds[2] != dnskey[3])
        return false;
    const struct ds_digest *digest = ds_digest_find(ds[3]);
    if (digest == NULL || ds_len != 4u + digest->len ||
        ((unsigned)ds[0] << 8 | ds[1]) != dnskey_tag(dnskey, dnskey_len))
        return false;
    ds_digest(digest, owner, dnskey, dnskey_len, made);
    return memcmp(made, ds + 4, digest->len) == 0;
}

uint16_t dnskey_tag(const uint8_t *rdata, size_t len)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < len; i++)
        sum += (i & 1) != 0 ? rdata[i] : (uint32_t)rdata[i] << 8;
    sum += sum >> 16 & 0xffff;
    return (uint16_t)sum;
}

static uint16_t tag_with(const struct key *key, uint16_t flags)
{
    uint8_t rdata[DNSKEY_RDATA_MAX];
    size_t len = key_write_dnskey(key, rdata);
    rdata[0] = (uint8_t)(flags >> 8);
    rdata[1] = (uint8_t)flags;
    return dnskey_tag(rdata, len);
}

void key_set_flag(struct key *key, enum key_flag flag, bool on)
{
    key->flags = (uint16_t)(on ? key->flags | flag : key->flags & ~(unsigned)flag);
    key->tag = tag_with(key, key->flags);
}

uint16_t key_other_tag(const struct key *key)
{
    return tag_with(key, key->flags ^ KEY_REVOKE);
}

bool key_collides(const struct key *a, const struct key *b)
{
    uint16_t a_other = key_other_tag(a), b_other = key_other_tag(b);
    return a->algorithm == b->algorithm &&
           (a->tag == b->tag || a->tag == b_other || a_other == b->tag || a_other == b_other);
}

bool key_same(const struct key *a, const struct key *b)
{
    return a->algorithm == b->algorithm && a->public_len == b->public_len &&
           memcmp(a->public_octets, b->public_octets, a->public_len) == 0;
}

static bool between(int64_t from, int64_t to, int64_t now)
{
    return from != 0 && from <= now && (to == 0 || now < to);
}

/* A key without any times is in use: so are keys that other tools made without them. */
static bool timeless(const struct key *key)
{
    return key->times[TIME_PUBLISH] == 0 && key->times[TIME_ACTIVATE] == 0;
}

bool key_published_at(const struct key *key, int64_t now)
{
    int64_t from = key->times[TIME_PUBLISH] != 0 ? key->times[TIME_PUBLISH] : key->times[TIME_ACTIVATE];
    return between(timeless(key) ? 1 : from, key->times[TIME_DELETE], now);
}

bool key_active_at(const struct key *key, int64_t now)
{
    int64_t to = key->times[TIME_INACTIVE], end = key->times[TIME_DELETE];
    if (to == 0 || (end != 0 && end < to))
        to = end;
    return between(timeless(key) ? 1 : key->times[TIME_ACTIVATE], to, now);
}

enum err key_list_add(struct key_list *list, struct key *key)
{
    if (list->count == list->capacity) {
        unsigned capacity = list->capacity * 2 + 8;
        struct key **keys = realloc(list->keys, capacity * sizeof(struct key *));
        if (keys == NULL)
            return ERR_MEMORY;
        list->keys = keys;
        list->capacity = capacity;
    }
    list->keys[list->count++] = key;
    return ERR_OK;
}

void key_list_clear(struct key_list *list)
{
    for (unsigned i = 0; i < list->count; i++)
        key_release(list->keys[i]);
    free(list->keys);
    *list = (struct key_list){0};
}
