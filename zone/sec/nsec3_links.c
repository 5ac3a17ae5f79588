/* The NSEC3 chain: which names are in it, their hashes, and their order. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zone/base/parallel.h"
#include "zone/sec/zonesign_plan.h"
#include "zone/store/find.h"

#define HASHED_AT_ONCE 4096

struct hashing {
    const struct sign_plan *plan;
    const struct outline *outline;
    struct nsec3_link *links;
    uint32_t count;
};

static void hash_some(void *context, size_t part)
{
    const struct hashing *hashing = context;
    const struct zonesign_options *options = hashing->plan->options;
    uint32_t from = (uint32_t)part * HASHED_AT_ONCE;
    uint32_t to = hashing->count - from < HASHED_AT_ONCE ? hashing->count : from + HASHED_AT_ONCE;
    for (uint32_t i = from; i < to; i++) {
        uint8_t name[NAME_MAX + 1];
        struct nsec3_link *link = &hashing->links[i];
        size_t len = snapshot_owner(hashing->plan->zone, hashing->outline->places[link->place].node, name);
        nsec3_digest(options->salt, options->salt_len, options->iterations, name, len, link->hash);
    }
}

static int by_hash(const void *a, const void *b)
{
    return memcmp(((const struct nsec3_link *)a)->hash, ((const struct nsec3_link *)b)->hash, 20);
}

enum err nsec3_links(
    const struct sign_plan *plan, const struct outline *outline, struct nsec3_link **out, uint32_t *count)
{
    struct hashing hashing = {.plan = plan, .outline = outline};
    hashing.links = malloc((outline->count + 1u) * sizeof *hashing.links);
    if (hashing.links == NULL)
        return ERR_MEMORY;
    for (uint32_t i = 0; i < outline->count; i++) {
        if (place_has_nsec3(outline->places[i].kind, plan->options->opt_out))
            hashing.links[hashing.count++].place = i;
    }
    size_t parts = (hashing.count + HASHED_AT_ONCE - 1) / HASHED_AT_ONCE;
    parallel_each(plan->options->threads, parts, hash_some, &hashing);
    qsort(hashing.links, hashing.count, sizeof *hashing.links, by_hash);
    for (uint32_t i = 1; i < hashing.count; i++) {
        if (memcmp(hashing.links[i - 1].hash, hashing.links[i].hash, 20) == 0) {
            /* RFC 5155 7.1: another salt is to be chosen then. */
            snprintf(plan->result->why, sizeof plan->result->why,
                "two names have the same NSEC3 hash: choose another salt");
            free(hashing.links);
            return ERR_INVALID;
        }
    }
    *out = hashing.links;
    *count = hashing.count;
    return ERR_OK;
}
