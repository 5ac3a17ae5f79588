#include "zone/wire/cookie.h"

#include <sodium.h>
#include <string.h>

/* RFC 9018 4.3. */
#define AGE_MAX_S 3600
#define AGE_RENEW_S 1800
#define AHEAD_MAX_S 300

#define SERVER_MIN 8 /* octets a server cookie may have (RFC 7873 4) */
#define SERVER_MAX 32
#define HASHED_MAX (16 + 16) /* what is hashed: client cookie, version ... timestamp, address */
#define HASH_AT 16

_Static_assert(crypto_shorthash_KEYBYTES == COOKIE_SECRET_LEN && crypto_shorthash_BYTES == 8, "SipHash-2-4");

/* The hash over the first 16 octets of COOKIE and the client's address. */
static uint64_t hash(
    const uint8_t secret[COOKIE_SECRET_LEN], const struct cookie_client *client, const uint8_t *cookie)
{
    uint8_t hashed[HASHED_MAX];
    uint64_t out;
    memcpy(hashed, cookie, HASH_AT);
    memcpy(hashed + HASH_AT, client->ip, client->ip_len);
    crypto_shorthash((uint8_t *)&out, hashed, HASH_AT + client->ip_len, secret);
    return out;
}

static uint32_t timestamp(const uint8_t *cookie)
{
    uint32_t value;
    memcpy(&value, cookie + 12, 4);
    return __builtin_bswap32(value);
}

/* One comparison of eight octets takes the same time whatever they are. */
static enum cookie_verdict check_server(
    const struct cookie_secrets *secrets, const struct cookie_client *client, const uint8_t *cookie)
{
    int32_t age = (int32_t)(client->now_s - timestamp(cookie)); /* serial arithmetic (RFC 1982) */
    uint64_t told;
    if (cookie[COOKIE_CLIENT_LEN] != 1 || age > AGE_MAX_S || age < -AHEAD_MAX_S)
        return COOKIE_UNKNOWN;
    memcpy(&told, cookie + HASH_AT, sizeof told);
    for (unsigned i = 0; i < secrets->count; i++) {
        if (hash(secrets->secret[i], client, cookie) == told)
            return i == 0 && age <= AGE_RENEW_S ? COOKIE_FRESH : COOKIE_AGED;
    }
    return COOKIE_UNKNOWN;
}

enum cookie_verdict cookie_check(const struct cookie_secrets *secrets, const struct cookie_client *client,
    const uint8_t *option, unsigned len)
{
    if (len == COOKIE_CLIENT_LEN)
        return COOKIE_CLIENT;
    if (len < COOKIE_CLIENT_LEN + SERVER_MIN || len > COOKIE_CLIENT_LEN + SERVER_MAX)
        return COOKIE_MALFORMED;
    return len == COOKIE_LEN ? check_server(secrets, client, option) : COOKIE_UNKNOWN;
}

void cookie_make(const struct cookie_secrets *secrets, const struct cookie_client *client,
    const uint8_t *asked, uint8_t out[COOKIE_LEN])
{
    static const uint8_t version[4] = {1};
    uint32_t now = __builtin_bswap32(client->now_s);
    memcpy(out, asked, COOKIE_CLIENT_LEN);
    memcpy(out + COOKIE_CLIENT_LEN, version, sizeof version);
    memcpy(out + 12, &now, 4);
    uint64_t hashed = hash(secrets->secret[0], client, out);
    memcpy(out + HASH_AT, &hashed, sizeof hashed);
}
