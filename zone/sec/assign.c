#include "zone/sec/assign.h"

#include "zone/sec/rollkeys.h"

static bool has_role(
    const struct zonesign_key *keys, unsigned count, const struct algorithm *algorithm, bool zone)
{
    for (unsigned i = 0; i < count; i++) {
        if (keys[i].key->algorithm == algorithm && (zone ? keys[i].sign_zone : keys[i].sign_keys))
            return true;
    }
    return false;
}

/* A KSK that others have the private part of: they sign the DNSKEY set, and a ZSK must not stand in for it.
 */
static bool has_foreign_ksk(
    const struct zonesign_key *keys, unsigned count, const struct algorithm *algorithm)
{
    for (unsigned i = 0; i < count; i++) {
        if (keys[i].key->algorithm == algorithm && keys[i].key->foreign && keys[i].publish &&
            (keys[i].key->flags & KEY_SEP) != 0)
            return true;
    }
    return false;
}

/* RFC 4035 2.2: each algorithm signs the DNSKEY set and all others. */
static void fill_gaps(struct zonesign_key *keys, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (roll_manages(keys[i].key))
            continue; /* the machine means what it says */
        const struct algorithm *algorithm = keys[i].key->algorithm;
        if (keys[i].sign_keys && (keys[i].key->flags & KEY_REVOKE) == 0 &&
            !has_role(keys, count, algorithm, true)) {
            for (unsigned j = 0; j < count; j++)
                keys[j].sign_zone |= keys[j].sign_keys && keys[j].key->algorithm == algorithm &&
                                     (keys[j].key->flags & KEY_REVOKE) == 0;
        }
        if (keys[i].sign_zone && !has_role(keys, count, algorithm, false) &&
            !has_foreign_ksk(keys, count, algorithm)) {
            for (unsigned j = 0; j < count; j++)
                keys[j].sign_keys |= keys[j].sign_zone && keys[j].key->algorithm == algorithm;
        }
    }
}

static bool in_sync(const struct key *key, int64_t now)
{
    int64_t from =
        key->times[TIME_SYNC_PUBLISH] != 0 ? key->times[TIME_SYNC_PUBLISH] : key->times[TIME_ACTIVATE];
    int64_t to = key->times[TIME_SYNC_DELETE];
    return from <= now && (to == 0 || now < to) && key_published_at(key, now) &&
           (key->flags & KEY_REVOKE) == 0;
}

unsigned keys_assign(const struct key_list *list, int64_t now, struct zonesign_key *keys)
{
    unsigned count = 0;
    for (unsigned i = 0; i < list->count && count < ZONESIGN_KEYS_MAX; i++) {
        struct key *key = list->keys[i];
        bool active = key_active_at(key, now);
        /* A revoked key signs the DNSKEY set until it goes (RFC 5011 2.1). */
        bool revoked = (key->flags & KEY_REVOKE) != 0;
        keys[count] = (struct zonesign_key){.key = key};
        if (roll_manages(key) && !revoked) { /* its states say it, not its times alone */
            roll_key_assign(key, &keys[count]);
            keys[count++].sign_zone &= !key->foreign || (key->roles & ROLE_KSK) != 0;
            continue;
        }
        active &= !key->foreign; /* another signer's is published, and its DS wanted (RFC 8901 2.1.2) */
        keys[count++] = (struct zonesign_key){.key = key,
            .publish = key_published_at(key, now),
            .sync = key->foreign && (key->flags & KEY_SEP) != 0 && in_sync(key, now),
            .sign_keys = active && (key->roles & ROLE_KSK) != 0,
            .sign_zone = active && (key->roles & ROLE_ZSK) != 0 && !revoked};
    }
    fill_gaps(keys, count);
    for (unsigned i = 0; i < count; i++)
        keys[i].sync |= !roll_manages(keys[i].key) && keys[i].sign_keys &&
                        (keys[i].key->flags & KEY_SEP) != 0 && in_sync(keys[i].key, now);
    return count;
}
