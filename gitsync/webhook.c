#include "gitsync/webhook.h"

#include <sodium.h>
#include <stdbool.h>
#include <string.h>

#include "zone/base/codec.h"
#include "zone/base/json.h"

static bool signed_well(const struct webhook *webhook, const char *secret, size_t secret_len)
{
    crypto_auth_hmacsha256_state state;
    uint8_t want[crypto_auth_hmacsha256_BYTES], is[crypto_auth_hmacsha256_BYTES];
    const char *digits = webhook->signature;
    if (strncmp(digits, "sha256=", 7) == 0)
        digits += 7;
    if (strlen(digits) != 2 * sizeof is || base16_decode(is, digits, 2 * sizeof is) != 2 * sizeof is)
        return false;
    crypto_auth_hmacsha256_init(&state, (const uint8_t *)secret, secret_len);
    crypto_auth_hmacsha256_update(&state, (const uint8_t *)webhook->body, webhook->len);
    crypto_auth_hmacsha256_final(&state, want);
    return sodium_memcmp(want, is, sizeof is) == 0;
}

/* Both are hashed first, so that the time tells nothing of the secret's length either. */
static bool same_secret(const char *token, const char *secret, size_t secret_len)
{
    uint8_t a[crypto_hash_sha256_BYTES], b[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(a, (const uint8_t *)token, strlen(token));
    crypto_hash_sha256(b, (const uint8_t *)secret, secret_len);
    return sodium_memcmp(a, b, sizeof a) == 0;
}

static bool concerns(const char *body, const char *const *branches)
{
    char ref[300];
    if (branches[0] == NULL || !json_get(body, "ref", ref, sizeof ref) ||
        strncmp(ref, "refs/heads/", 11) != 0)
        return true; /* a tag, or nothing we know: a look too many does no harm */
    for (; *branches != NULL; branches++)
        if (strcmp(ref + 11, *branches) == 0)
            return true;
    return false;
}

enum webhook_verdict webhook_judge(
    const struct webhook *webhook, const char *secret, size_t secret_len, const char *const *branches)
{
    if (sodium_init() < 0 || secret_len == 0)
        return WEBHOOK_FORGED;
    bool good = webhook->signature != NULL
                    ? signed_well(webhook, secret, secret_len)
                    : webhook->token != NULL && same_secret(webhook->token, secret, secret_len);
    if (!good)
        return WEBHOOK_FORGED;
    return concerns(webhook->body, branches) ? WEBHOOK_LOOK : WEBHOOK_OTHER;
}

bool webhook_is_again(struct webhook_memory *memory, const struct webhook *webhook)
{
    uint8_t digest[sizeof *memory->digests];
    unsigned known = memory->count < WEBHOOK_MEMORY ? memory->count : WEBHOOK_MEMORY;
    if (webhook->signature == NULL)
        return false;
    /* of the body: a signature can be written in several ways */
    crypto_generichash(digest, sizeof digest, (const uint8_t *)webhook->body, webhook->len, NULL, 0);
    for (unsigned i = 0; i < known; i++)
        if (memcmp(memory->digests[i], digest, sizeof digest) == 0)
            return true;
    memcpy(memory->digests[memory->count++ % WEBHOOK_MEMORY], digest, sizeof digest);
    return false;
}
