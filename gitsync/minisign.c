#include "gitsync/minisign.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "gitsync/armor.h"

#define UNTRUSTED "untrusted comment:"
#define TRUSTED "trusted comment: "

/* The decoded signature: algorithm, key, Ed25519. */
struct made {
    uint8_t algorithm[2]; /* "Ed": of the content itself; "ED": of its BLAKE2b-512 */
    uint8_t id[8];
    uint8_t signature[64];
};

bool minisign_key_parse(struct minisign_key *key, const char *text, size_t len)
{
    uint8_t bytes[42];
    size_t got;
    if (!armor_base64(text, len, bytes, sizeof bytes, &got) || got != sizeof bytes ||
        memcmp(bytes, "Ed", 2) != 0)
        return false;
    memcpy(key->id, bytes + 2, sizeof key->id);
    memcpy(key->key, bytes + 10, sizeof key->key);
    return true;
}

bool minisign_is(const char *signature)
{
    return strncmp(signature, UNTRUSTED, strlen(UNTRUSTED)) == 0;
}

static const char *next_line(const char *at)
{
    at += strcspn(at, "\n");
    return *at == '\n' ? at + 1 : at;
}

static size_t line_len(const char *at)
{
    size_t len = strcspn(at, "\n");
    return len > 0 && at[len - 1] == '\r' ? len - 1 : len;
}

static bool read_made(const char *signature, struct made *made)
{
    size_t got;
    const char *line = next_line(signature);
    return minisign_is(signature) &&
           armor_base64(line, line_len(line), (uint8_t *)made, sizeof *made, &got) && got == sizeof *made;
}

bool minisign_signer(const char *signature, uint8_t id[8])
{
    struct made made;
    if (!read_made(signature, &made))
        return false;
    memcpy(id, made.id, sizeof made.id);
    return true;
}

/* The second signature covers the first and the trusted comment, so that nobody can exchange the comment. */
static const char *verify_comment(
    const struct minisign_key *key, const char *signature, const struct made *made)
{
    const char *comment = next_line(next_line(signature)), *line = next_line(comment);
    uint8_t global[64];
    size_t got, len = line_len(comment), mark = strlen(TRUSTED);
    if (*comment == '\0' && made->algorithm[1] == 'd')
        return NULL; /* signify has none */
    if (len < mark || memcmp(comment, TRUSTED, mark) != 0 ||
        !armor_base64(line, line_len(line), global, sizeof global, &got) || got != sizeof global)
        return "the trusted comment is malformed";
    uint8_t *covered = malloc(sizeof made->signature + len - mark);
    if (covered == NULL)
        return "out of memory";
    memcpy(covered, made->signature, sizeof made->signature);
    memcpy(covered + sizeof made->signature, comment + mark, len - mark);
    int code = crypto_sign_verify_detached(global, covered, sizeof made->signature + len - mark, key->key);
    free(covered);
    return code == 0 ? NULL : "the trusted comment was changed";
}

const char *minisign_verify(
    const struct minisign_key *key, const char *signature, const void *message, size_t len)
{
    struct made made;
    uint8_t digest[crypto_generichash_BYTES_MAX];
    if (sodium_init() < 0)
        return "libsodium does not start";
    if (!read_made(signature, &made))
        return "the signature is malformed";
    if (memcmp(made.id, key->id, sizeof made.id) != 0)
        return "the signature is by another key";
    bool hashed = memcmp(made.algorithm, "ED", 2) == 0;
    if (!hashed && memcmp(made.algorithm, "Ed", 2) != 0)
        return "the signature is of an unknown kind";
    if (hashed) {
        crypto_generichash(digest, sizeof digest, message, len, NULL, 0);
        message = digest;
        len = sizeof digest;
    }
    if (crypto_sign_verify_detached(made.signature, message, len, key->key) != 0)
        return "the signature is not by this key over this content";
    return verify_comment(key, signature, &made);
}
