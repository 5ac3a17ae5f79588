#include "signer/offline.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "signer/keystore.h"
#include "zone/base/file.h"
#include "zone/sec/bundle_file.h"

#define WARN_S (7 * 86400)

static void digest_text(const char *text, size_t len, char digest[OFFLINE_DIGEST_MAX])
{
    uint8_t hash[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(hash, (const uint8_t *)text, len);
    sodium_bin2hex(digest, OFFLINE_DIGEST_MAX, hash, sizeof hash);
}

static bool parse(
    const char *path, enum bundle_kind kind, const char *text, size_t len, struct bundles *bundles)
{
    struct keyfile_trouble trouble;
    enum err err = bundles_parse(text, len, bundles, &trouble);
    if (err == ERR_OK && bundles->kind == kind)
        return true;
    if (err == ERR_SYNTAX)
        complain("%s:%u: %s", path, trouble.line, trouble.message);
    else if (err != ERR_OK)
        complain_of(path, err);
    else
        complain("%s: is a %s, and a %s is wanted", path, kind == BUNDLE_REQUEST ? "response" : "request",
            kind == BUNDLE_REQUEST ? "request" : "response");
    bundles_clear(bundles);
    return false;
}

bool offline_read(
    const char *path, enum bundle_kind kind, struct bundles *bundles, char digest[OFFLINE_DIGEST_MAX])
{
    struct arena arena;
    char *text;
    size_t len;
    arena_init(&arena, 0);
    enum err err =
        file_read(strcmp(path, "-") == 0 ? "/dev/stdin" : path, BUNDLES_TEXT_MAX, &arena, &text, &len);
    if (err == ERR_OK)
        digest_text(text, len, digest);
    else
        complain_of(path, err);
    bool good = err == ERR_OK && parse(path, kind, text, len, bundles);
    arena_clear(&arena);
    return good;
}

enum outcome offline_print(const struct bundles *bundles)
{
    char *text = NULL, digest[OFFLINE_DIGEST_MAX];
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    if (out == NULL)
        return complain("out of memory");
    bundles_print(bundles, out);
    if (fclose(out) != 0) {
        free(text);
        return complain("out of memory");
    }
    digest_text(text, len, digest);
    fwrite(text, 1, len, stdout);
    fflush(stdout); /* whoever reads both in one finds them in order; main looks whether it went well */
    fprintf(stderr, "SHA-256 %s\n", digest);
    free(text);
    return OUTCOME_GOOD;
}

void offline_path(const struct key_list *keys, char out[OFFLINE_PATH_MAX])
{
    bundles_path(keystore_directory, keys->keys[0], out);
}

bool offline_take_part(const struct key_list *keys, struct bundles *bundles, const struct rrset **ready,
    struct zonesign_options *options, bool *has)
{
    char path[OFFLINE_PATH_MAX], time[16];
    struct keyfile_trouble trouble;
    enum err err = keys->count > 0 ? bundles_load(keystore_directory, keys, bundles, &trouble) : ERR_MISSING;
    *has = err == ERR_OK;
    if (err == ERR_MISSING)
        return true;
    if (err != ERR_OK) {
        (void)keystore_complain(&trouble);
        return false;
    }
    offline_path(keys, path);
    const struct bundle *now = bundles_find(bundles, clock_now());
    time_print(bundles->end_s, time);
    if (now == NULL) {
        complain("%s: has no keys for this time (it ends %s): signer request asks for more", path, time);
        return false;
    }
    if (bundles->end_s - clock_now() < WARN_S)
        complain("%s: ends %s: signer request asks for more", path, time);
    for (unsigned i = 0; i < BUNDLE_SETS; i++)
        if (now->sets[i] != NULL)
            ready[options->ready_count++] = now->sets[i];
    options->ready = ready;
    return true;
}
