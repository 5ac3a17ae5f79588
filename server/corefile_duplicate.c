/* Zones that are served twice: keys in order of place, so that equal ones are neighbours. */
#include <stdlib.h>
#include <string.h>

#include "server/corefile_names.h"
#include "zone/wire/name.h"

struct place {
    const struct server_key *key;
    const struct server_block *block;
};

static int compare_places(const void *left, const void *right)
{
    const struct place *a = left, *b = right;
    int order = (int)a->key->port - (int)b->key->port;
    if (order == 0)
        order = (int)a->key->scheme - (int)b->key->scheme;
    if (order == 0)
        order = name_compare(a->key->zone, b->key->zone);
    if (order == 0)
        order = a->block < b->block ? -1 : a->block > b->block;
    return order != 0 ? order : (a->key < b->key ? -1 : a->key > b->key);
}

static bool same_place(const struct place *a, const struct place *b)
{
    return a->key->port == b->key->port && a->key->scheme == b->key->scheme &&
           name_equal(a->key->zone, b->key->zone);
}

static bool block_has(const struct server_block *block, const char *name)
{
    return block_find(block, name, 0) < block->directives_count;
}

static bool binds(const struct server_block *block, const char *address)
{
    for (unsigned i = block_find(block, "bind", 0); i < block->directives_count;
         i = block_find(block, "bind", i + 1))
        for (unsigned j = 0; j < block->directives[i].args_count; j++)
            if (strcmp(block->directives[i].args[j].text, address) == 0)
                return true;
    return false;
}

/* Two blocks share an address when one takes all addresses, or when one is named in both. */
static bool share_address(const struct server_block *a, const struct server_block *b)
{
    if (!block_has(a, "bind") || !block_has(b, "bind"))
        return true;
    for (unsigned i = block_find(a, "bind", 0); i < a->directives_count; i = block_find(a, "bind", i + 1))
        for (unsigned j = 0; j < a->directives[i].args_count; j++)
            if (binds(b, a->directives[i].args[j].text))
                return true;
    return false;
}

/* A view filters: what it refuses goes to the next block. So only what stands behind a block without
 * one is never reached. */
static void check_pair(const struct place *earlier, const struct place *later, struct reporter *reporter)
{
    char zone[NAME_TEXT_MAX];
    name_print(later->key->zone, zone);
    const struct token *first = &earlier->key->token;
    if (earlier->block == later->block) {
        report(reporter, SEVERITY_ERROR, "duplicate-zone", &later->key->token, "remove one of the two",
            "the zone %s stands twice at this block's head", zone);
        return;
    }
    if (block_has(earlier->block, "view") || !share_address(earlier->block, later->block))
        return;
    report(reporter, SEVERITY_ERROR, "duplicate-zone", &later->key->token,
        block_has(later->block, "view") ? "a block with a view stands before the block without one"
                                        : "merge the blocks, or 'bind' them to different addresses",
        "%s://%s:%u is already served by the block at %s:%u", scheme_text(later->key->scheme), zone,
        later->key->port, first->file, first->line);
}

static unsigned count_keys(const struct corefile *corefile)
{
    unsigned count = 0;
    for (unsigned i = 0; i < corefile->blocks_count; i++)
        count += corefile->blocks[i].keys_count;
    return count;
}

static void fill(struct place *places, const struct corefile *corefile)
{
    for (unsigned i = 0; i < corefile->blocks_count; i++)
        for (unsigned j = 0; j < corefile->blocks[i].keys_count; j++)
            *places++ = (struct place){.key = &corefile->blocks[i].keys[j], .block = &corefile->blocks[i]};
}

void corefile_check_duplicates(const struct corefile *corefile, struct reporter *reporter)
{
    unsigned count = count_keys(corefile), first = 0;
    struct place *places = count != 0 ? malloc(count * sizeof *places) : NULL;
    if (places == NULL)
        return;
    fill(places, corefile);
    qsort(places, count, sizeof *places, compare_places);
    for (unsigned i = 1; i < count; i++) {
        if (!same_place(&places[first], &places[i]))
            first = i;
        for (unsigned j = first; j < i; j++) {
            unsigned before = reporter->errors;
            check_pair(&places[j], &places[i], reporter);
            if (reporter->errors != before)
                break;
        }
    }
    free(places);
}
