#include "plugins/dnssec/online.h"

#include <limits.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "zone/wire/name.h"
#include "zone/wire/type.h"

#define BACK_S (3 * 3600)   /* before now that signatures begin: clocks differ */
#define VALID_S (8 * 86400) /* as CoreDNS */
#define SPREAD_S 86400      /* they end at different times */
#define LEAST_S (2 * 86400) /* a kept signature that lasts less is made anew */

const struct online_zone *online_zone(const struct online *online, const uint8_t *name)
{
    const struct online_zone *best = NULL;
    size_t best_len = 0;
    for (unsigned i = 0; i < online->zone_count; i++) {
        size_t len = name_len(online->zones[i].name);
        if (len > best_len && name_under(name, online->zones[i].name)) {
            best = &online->zones[i];
            best_len = len;
        }
    }
    return best;
}

/* ---- starting ---- */

static size_t longest_rdata(const struct online *online)
{
    size_t longest = 0;
    for (unsigned z = 0; z < online->zone_count; z++)
        for (unsigned k = 0; k < online->zones[z].key_count; k++) {
            const struct key *key = online->zones[z].keys[k];
            size_t signature = key->algorithm->signature_len != 0 ? key->algorithm->signature_len
                                                                  : (keypair_bits(key->pair) + 7) / 8;
            size_t len = 18 + name_len(online->zones[z].name) + signature;
            longest = len > longest ? len : longest;
        }
    return longest;
}

static enum err open_side(struct online *online, struct online_side *side)
{
    side->signings = calloc((size_t)online->zone_count * ONLINE_KEYS_MAX, sizeof *side->signings);
    if (side->signings == NULL)
        return ERR_MEMORY;
    for (unsigned z = 0; z < online->zone_count; z++)
        for (unsigned k = 0; k < online->zones[z].key_count; k++) {
            enum err err = signing_new(online->zones[z].keys[k], &side->signings[z * ONLINE_KEYS_MAX + k]);
            if (err != ERR_OK)
                return err;
        }
    return ERR_OK;
}

enum err online_start(struct online *online, size_t cache_capacity)
{
    randombytes_buf(online->hash_key, sizeof online->hash_key);
    online->cache = sigcache_new(cache_capacity, longest_rdata(online));
    online->sides = calloc(host_workers(), sizeof *online->sides);
    if (online->cache == NULL || online->sides == NULL)
        return ERR_MEMORY;
    online->side_count = host_workers();
    for (unsigned i = 0; i < online->side_count; i++)
        rrset_form_init(&online->sides[i].form);
    for (unsigned i = 0; i < online->side_count; i++) {
        enum err err = open_side(online, &online->sides[i]);
        if (err != ERR_OK)
            return err;
    }
    return ERR_OK;
}

void online_stop(struct online *online)
{
    for (unsigned i = 0; i < online->side_count; i++) {
        struct online_side *side = &online->sides[i];
        for (unsigned s = 0; side->signings != NULL && s < online->zone_count * ONLINE_KEYS_MAX; s++)
            signing_free(side->signings[s]);
        free(side->signings);
        rrset_form_clear(&side->form);
    }
    free(online->sides);
    sigcache_free(online->cache);
    for (unsigned z = 0; z < online->zone_count; z++)
        for (unsigned k = 0; k < online->zones[z].key_count; k++)
            key_release(online->zones[z].keys[k]);
}

/* ---- signing ---- */

/* A keyed hash over all that a signature depends on but the time. Links are part of it: they may make a
 * signature be made twice, never a wrong one be used. */
static bool hash_set(const struct online *online, const struct key *key, const uint8_t *owner,
    const struct rrset *rrset, uint32_t ttl, struct arena *scratch, struct sigcache_key *out)
{
    size_t owner_len = name_len(owner), len = 16 + owner_len + rrset->data_len;
    uint8_t *bytes = arena_alloc(scratch, len, 8);
    if (bytes == NULL)
        return false;
    uint32_t head[4] = {
        rrset->type, ttl, (uint32_t)key->algorithm->number << 16 | key->tag, (uint32_t)owner_len};
    memcpy(bytes, head, sizeof head);
    memcpy(bytes + 16, owner, owner_len);
    memcpy(bytes + 16 + owner_len, rrset->data, rrset->data_len);
    crypto_shorthash_siphashx24((unsigned char *)out->words, bytes, len, online->hash_key);
    return true;
}

static void count(_Atomic uint64_t *counter)
{
    atomic_store_explicit(
        counter, atomic_load_explicit(counter, memory_order_relaxed) + 1, memory_order_relaxed);
}

struct set {
    struct online *online;
    const struct online_zone *zone;
    const uint8_t *owner;
    const struct rrset *rrset;
    uint32_t ttl, now;
    struct online_side *side;
    struct arena *scratch;
    bool formed;
};

/* The RRSIG rdata of one key, kept or made; 0: it failed. */
static size_t signature(struct set *set, unsigned k, uint8_t *out)
{
    struct sigcache_key hash;
    struct online *online = set->online;
    size_t len = 0;
    if (!hash_set(online, set->zone->keys[k], set->owner, set->rrset, set->ttl, set->scratch, &hash))
        return 0;
    len = sigcache_get(online->cache, &hash, set->now + LEAST_S, out);
    count(len != 0 ? &set->side->hits : &set->side->misses);
    if (len != 0)
        return len;
    struct rrsig_terms terms = {.signer = set->zone->name,
        .original_ttl = set->ttl,
        .inception = set->now - BACK_S,
        .expiration = set->now + VALID_S - (uint32_t)(hash.words[1] % SPREAD_S)};
    if (!set->formed &&
        rrset_form_make(&set->side->form, set->owner, set->rrset, set->ttl, UINT_MAX) != ERR_OK)
        return 0;
    set->formed = true;
    size_t index = (size_t)(set->zone - online->zones) * ONLINE_KEYS_MAX + k;
    if (sign_form(set->side->signings[index], &set->side->form, &terms, out, &len) != ERR_OK)
        return 0;
    count(&set->side->signatures);
    sigcache_put(online->cache, &hash, terms.expiration, out, len);
    return len;
}

static bool signed_by(const struct online_zone *zone, unsigned k, uint16_t type)
{
    bool keys = type == TYPE_DNSKEY || type == TYPE_CDS || type == TYPE_CDNSKEY;
    return keys ? zone->signs_keys[k] : zone->signs_zone[k];
}

const struct rrset *online_sign(struct online *online, const struct online_zone *zone, const uint8_t *owner,
    const struct rrset *rrset, uint32_t ttl, const struct query *query)
{
    struct set set = {.online = online,
        .zone = zone,
        .owner = owner,
        .rrset = rrset,
        .ttl = ttl,
        .now = (uint32_t)time(NULL),
        .side = &online->sides[query->worker],
        .scratch = query->scratch};
    uint8_t rdata[RRSIG_RDATA_MAX];
    size_t room = sizeof *rrset + rrset->data_len + 4;
    for (unsigned k = 0; k < zone->key_count; k++)
        room += signed_by(zone, k, rrset->type) ? 2 + RRSIG_RDATA_MAX : 0;
    struct rrset *made = arena_alloc(query->scratch, room, _Alignof(struct rrset));
    if (made == NULL)
        return NULL;
    memcpy(made, rrset, sizeof *rrset + rrset->data_len);
    made->sig_len = made->sig_count = 0;
    for (unsigned k = 0; k < zone->key_count; k++) {
        size_t len = signed_by(zone, k, rrset->type) ? signature(&set, k, rdata) : 0;
        uint16_t len16 = (uint16_t)len;
        if (len == 0)
            continue;
        memcpy(made->data + made->data_len + made->sig_len, &len16, 2);
        memcpy(made->data + made->data_len + made->sig_len + 2, rdata, len);
        made->sig_len = (uint16_t)(made->sig_len + 2 + len);
        made->sig_count++;
    }
    return made->sig_count != 0 ? made : NULL;
}
