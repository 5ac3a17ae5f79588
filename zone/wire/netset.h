/* A set of networks, asked whether an address lies in one of them: access lists, exemptions. What overlaps
 * is merged when the set is made, so that it is a list of ranges apart from each other, in order, and a
 * question is a binary search: thousands of networks cost no more than a few. Frozen once made; any thread.
 */
#ifndef ZONE_WIRE_NETSET_H
#define ZONE_WIRE_NETSET_H

#include <stdbool.h>
#include <stdint.h>

#include "zone/base/arena.h"
#include "zone/base/attr.h"
#include "zone/base/err.h"
#include "zone/wire/reverse.h"

struct netset_range4 {
    uint32_t first, last;
};

struct netset_range6 {
    unsigned __int128 first, last;
};

struct netset {
    struct netset_range4 *v4;
    struct netset_range6 *v6;
    unsigned v4_count, v6_count;
};

/* SET of the COUNT networks at LIST, in WORLD's memory. */
enum err netset_init(struct netset *set, const struct network *list, unsigned count,
    struct arena *world) NODISCARD NONNULL(1, 4);

/* IP in network order. An IPv4 address mapped into IPv6 (RFC 4291 2.5.5.2) is asked for as IPv4. */
bool netset_has4(const struct netset *set, const uint8_t ip[4]) NONNULL(1, 2);
bool netset_has6(const struct netset *set, const uint8_t ip[16]) NONNULL(1, 2);

#endif
