#include "plugins/keep.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/plugin.h"
#include "server/world.h"
#include "zone/base/hash.h"

#define DIGEST_LEN 16
#define BUCKETS 1024

struct kept {
    struct kept *next;
    char *name;
    void *thing;
    void (*end)(void *thing);
    unsigned holders;
};

static struct kept *buckets[BUCKETS];

/* ---- names ---- */

static void hash_token(crypto_generichash_state *state, const struct token *token)
{
    crypto_generichash_update(state, (const uint8_t *)token->text, token->len + 1);
}

/* Words with their ends, lines with their number: no two directives are the same text. */
static void hash_directive(crypto_generichash_state *state, const struct directive *directive)
{
    hash_token(state, &directive->name);
    crypto_generichash_update(state, (const uint8_t *)&directive->args_count, sizeof directive->args_count);
    for (unsigned i = 0; i < directive->args_count; i++)
        hash_token(state, &directive->args[i]);
    crypto_generichash_update(state, (const uint8_t *)&directive->lines_count, sizeof directive->lines_count);
    for (unsigned i = 0; i < directive->lines_count; i++)
        hash_directive(state, &directive->lines[i]);
}

static void hash_keys(crypto_generichash_state *state, const struct server_block *block)
{
    for (unsigned i = 0; i < block->keys_count; i++) {
        const struct server_key *key = &block->keys[i];
        crypto_generichash_update(state, (const uint8_t *)&key->port, sizeof key->port);
        crypto_generichash_update(state, (const uint8_t *)&key->scheme, sizeof key->scheme);
        crypto_generichash_update(state, key->zone, name_len(key->zone));
    }
}

const char *keep_name(struct setup *setup, enum keep_scope scope, const char *what)
{
    const struct chain *chain =
        (const struct chain *)(const void *)((const char *)setup->block - offsetof(struct chain, block));
    uint8_t digest[DIGEST_LEN];
    char text[2 * DIGEST_LEN + 1];
    crypto_generichash_state state;
    crypto_generichash_init(&state, NULL, 0, DIGEST_LEN);
    hash_keys(&state, chain->source);
    for (unsigned i = 0; i < chain->source->directives_count; i++) {
        const struct directive *directive = &chain->source->directives[i];
        bool views = strcmp(directive->name.text, "view") == 0; /* tell blocks of the same keys apart */
        if (scope == KEEP_BLOCK || views)
            hash_directive(&state, directive);
    }
    if (scope == KEEP_DIRECTIVE)
        hash_directive(&state, setup->directive);
    if (setup->root != NULL)
        crypto_generichash_update(&state, (const uint8_t *)setup->root, strlen(setup->root));
    crypto_generichash_final(&state, digest, sizeof digest);
    sodium_bin2hex(text, sizeof text, digest, sizeof digest);
    return arena_printf(setup->world, "%s %s %s", setup->directive->name.text, what, text);
}

/* ---- keeping ---- */

static struct kept **find(const char *name)
{
    struct kept **at = &buckets[hash_bytes(0, (const uint8_t *)name, strlen(name)) % BUCKETS];
    while (*at != NULL && strcmp((*at)->name, name) != 0)
        at = &(*at)->next;
    return at;
}

static void forget(struct kept *kept)
{
    free(kept->name);
    free(kept);
}

void *keep_take(const char *name, void *(*make)(void *arg), void *arg, void (*end)(void *thing))
{
    struct kept **at = find(name), *kept = *at;
    if (kept == NULL) {
        kept = calloc(1, sizeof *kept);
        if (kept == NULL)
            return NULL;
        kept->name = strdup(name);
        kept->thing = kept->name != NULL ? make(arg) : NULL;
        if (kept->thing == NULL) {
            forget(kept);
            return NULL;
        }
        kept->end = end;
        *at = kept;
    }
    kept->holders++;
    return kept->thing;
}

void keep_drop(const char *name, void *thing)
{
    struct kept **at = thing != NULL ? find(name) : NULL, *kept = at != NULL ? *at : NULL;
    if (kept == NULL || --kept->holders > 0)
        return;
    *at = kept->next;
    kept->end(thing);
    forget(kept);
}

/* ---- counters ---- */

static void *make_tally(void *arg)
{
    unsigned workers = host_workers() > 0 ? host_workers() : 1;
    size_t size = sizeof(struct tally) + workers * sizeof(struct tally_side);
    struct tally *tally = aligned_alloc(_Alignof(struct tally), size);
    (void)arg;
    if (tally == NULL)
        return NULL;
    memset(tally, 0, size);
    tally->sides_count = workers;
    return tally;
}

struct tally *tally_take(const char *name)
{
    return keep_take(name, make_tally, NULL, free);
}

uint64_t tally_sum(const struct tally *tally, unsigned which)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < tally->sides_count; i++)
        sum += atomic_load_explicit(&tally->sides[i].counts[which], memory_order_relaxed);
    return sum;
}
