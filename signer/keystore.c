#include "signer/keystore.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *keystore_directory = ".";
const char *keystore_passphrase_file, *keystore_identity, *keystore_module;

const struct key_opener *keystore_opener(void)
{
    return NULL;
}

enum outcome keystore_complain(const struct keyfile_trouble *trouble)
{
    if (trouble->line != 0)
        return complain("%s:%u: %s", trouble->path, trouble->line, trouble->message);
    return complain("%s: %s", trouble->path, trouble->message);
}

static void tell_refused(void *context, const struct keyfile_trouble *trouble)
{
    *(bool *)context = true;
    (void)keystore_complain(trouble);
}

bool keystore_load(const uint8_t *zone, bool private, struct key_list *list)
{
    bool refused = false;
    enum err err =
        keyfile_read_all(keystore_directory, zone, private, keystore_opener(), list, tell_refused, &refused);
    if (err != ERR_OK)
        complain_of(keystore_directory, err);
    return err == ERR_OK && !(refused && private);
}

struct key *keystore_open(const char *name, bool private)
{
    char path[4096];
    struct key *key;
    struct keyfile_trouble trouble;
    if (strchr(name, '/') != NULL)
        snprintf(path, sizeof path, "%s", name);
    else
        snprintf(path, sizeof path, "%s/%s", keystore_directory, name);
    enum err err = keyfile_read(path, private, keystore_opener(), &key, &trouble);
    if (err == ERR_OK)
        return key;
    (void)keystore_complain(&trouble);
    return NULL;
}

/* ---- what keys do ---- */

static bool has_role(
    const struct zonesign_key *keys, unsigned count, const struct algorithm *algorithm, bool zone)
{
    for (unsigned i = 0; i < count; i++) {
        if (keys[i].key->algorithm == algorithm && (zone ? keys[i].sign_zone : keys[i].sign_keys))
            return true;
    }
    return false;
}

/* RFC 4035 2.2: each algorithm signs the DNSKEY set and all others. */
static void fill_gaps(struct zonesign_key *keys, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        const struct algorithm *algorithm = keys[i].key->algorithm;
        if (keys[i].sign_keys && (keys[i].key->flags & KEY_REVOKE) == 0 &&
            !has_role(keys, count, algorithm, true)) {
            for (unsigned j = 0; j < count; j++)
                keys[j].sign_zone |= keys[j].sign_keys && keys[j].key->algorithm == algorithm &&
                                     (keys[j].key->flags & KEY_REVOKE) == 0;
        }
        if (keys[i].sign_zone && !has_role(keys, count, algorithm, false)) {
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

unsigned keystore_assign(const struct key_list *list, int64_t now, struct zonesign_key *keys)
{
    unsigned count = 0;
    for (unsigned i = 0; i < list->count && count < ZONESIGN_KEYS_MAX; i++) {
        struct key *key = list->keys[i];
        bool active = key_active_at(key, now);
        /* A revoked key signs the DNSKEY set until it goes (RFC 5011 2.1). */
        bool revoked = (key->flags & KEY_REVOKE) != 0;
        keys[count++] = (struct zonesign_key){.key = key,
            .publish = key_published_at(key, now),
            .sign_keys = active && (key->roles & ROLE_KSK) != 0,
            .sign_zone = active && (key->roles & ROLE_ZSK) != 0 && !revoked};
    }
    fill_gaps(keys, count);
    for (unsigned i = 0; i < count; i++)
        keys[i].sync = keys[i].sign_keys && (keys[i].key->flags & KEY_SEP) != 0 && in_sync(keys[i].key, now);
    return count;
}

enum err keystore_write(struct key *key, struct keyfile_trouble *trouble)
{
    return keyfile_write(key, keystore_directory, false, trouble);
}
