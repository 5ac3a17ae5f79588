#include "signer/trust.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "zone/base/file.h"

#define LEAD "; written by signer: "
#define HASH_LEN 32

static bool key_of(const struct key *key, uint8_t out[TRUST_KEY_LEN])
{
    static const uint8_t purpose[] = "bailiwick signer: is the file ours";
    struct keypair_part parts[KEYPAIR_PARTS_MAX];
    unsigned count;
    uint8_t *room = keypair_ready() ? sodium_malloc(KEYPAIR_PARTS_OCTETS) : NULL;
    if (room == NULL)
        return false;
    crypto_generichash_state state;
    bool good = keypair_parts(key->pair, parts, &count, room) == ERR_OK;
    crypto_generichash_init(&state, purpose, sizeof purpose, TRUST_KEY_LEN);
    for (unsigned i = 0; good && i < count; i++)
        crypto_generichash_update(&state, parts[i].bytes, parts[i].len);
    crypto_generichash_final(&state, out, TRUST_KEY_LEN);
    sodium_memzero(&state, sizeof state);
    sodium_free(room);
    return good;
}

bool trust_key(const struct key_list *keys, uint8_t out[TRUST_KEY_LEN])
{
    for (unsigned i = 0; i < keys->count; i++) {
        if (keypair_has_private(keys->keys[i]->pair) && key_of(keys->keys[i], out))
            return true;
    }
    return false;
}

static size_t make_line(
    const uint8_t *bytes, size_t len, const uint8_t key[TRUST_KEY_LEN], char out[TRUST_LINE_MAX])
{
    uint8_t hash[HASH_LEN];
    char text[64];
    crypto_generichash(hash, sizeof hash, bytes, len, key, TRUST_KEY_LEN);
    sodium_bin2base64(text, sizeof text, hash, sizeof hash, sodium_base64_VARIANT_ORIGINAL);
    return (size_t)snprintf(out, TRUST_LINE_MAX, LEAD "%s\n", text);
}

size_t trust_line(const char *path, const uint8_t key[TRUST_KEY_LEN], char out[TRUST_LINE_MAX])
{
    struct file_map map;
    if (file_map_open(&map, path) != ERR_OK)
        return 0;
    size_t len = make_line(map.bytes, map.len, key, out);
    file_map_close(&map);
    return len;
}

bool trust_check(const char *path, const uint8_t key[TRUST_KEY_LEN])
{
    struct file_map map;
    char line[TRUST_LINE_MAX];
    size_t lead = strlen(LEAD), len = lead + 44 + 1; /* 32 octets in base64, and the line's end */
    if (file_map_open(&map, path) != ERR_OK)
        return false;
    bool good = map.len > len && memcmp(map.bytes + map.len - len, LEAD, lead) == 0 &&
                make_line(map.bytes, map.len - len, key, line) == len &&
                sodium_memcmp(line, map.bytes + map.len - len, len) == 0;
    file_map_close(&map);
    return good;
}
