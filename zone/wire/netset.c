#include "zone/wire/netset.h"

#include <stdlib.h>
#include <string.h>

static uint32_t read4(const uint8_t ip[4])
{
    uint32_t value;
    memcpy(&value, ip, 4);
    return __builtin_bswap32(value);
}

static unsigned __int128 read6(const uint8_t ip[16])
{
    uint64_t high, low;
    memcpy(&high, ip, 8);
    memcpy(&low, ip + 8, 8);
    return (unsigned __int128)__builtin_bswap64(high) << 64 | __builtin_bswap64(low);
}

static int compare4(const void *a, const void *b)
{
    const struct netset_range4 *x = a, *y = b;
    return x->first != y->first ? (x->first < y->first ? -1 : 1) : 0;
}

static int compare6(const void *a, const void *b)
{
    const struct netset_range6 *x = a, *y = b;
    return x->first != y->first ? (x->first < y->first ? -1 : 1) : 0;
}

/* Networks overlap only when one holds the other, and then the outer one, or an equal one, comes first or
 * begins with it: so the range before has to be looked at, and no other. */
static unsigned merge4(struct netset_range4 *ranges, unsigned count)
{
    unsigned kept = 0;
    if (count > 0)
        qsort(ranges, count, sizeof *ranges, compare4);
    for (unsigned i = 0; i < count; i++) {
        if (kept == 0 || ranges[i].first > ranges[kept - 1].last)
            ranges[kept++] = ranges[i];
        else if (ranges[i].last > ranges[kept - 1].last)
            ranges[kept - 1].last = ranges[i].last;
    }
    return kept;
}

static unsigned merge6(struct netset_range6 *ranges, unsigned count)
{
    unsigned kept = 0;
    if (count > 0)
        qsort(ranges, count, sizeof *ranges, compare6);
    for (unsigned i = 0; i < count; i++) {
        if (kept == 0 || ranges[i].first > ranges[kept - 1].last)
            ranges[kept++] = ranges[i];
        else if (ranges[i].last > ranges[kept - 1].last)
            ranges[kept - 1].last = ranges[i].last;
    }
    return kept;
}

static void add(struct netset *set, const struct network *network)
{
    unsigned prefix = network->prefix_len;
    if (network->family == 4) {
        uint32_t hosts = prefix >= 32 ? 0 : UINT32_MAX >> prefix, first = read4(network->ip) & ~hosts;
        set->v4[set->v4_count++] = (struct netset_range4){first, first | hosts};
    } else {
        unsigned __int128 hosts = prefix >= 128 ? 0 : ~(unsigned __int128)0 >> prefix;
        unsigned __int128 first = read6(network->ip) & ~hosts;
        set->v6[set->v6_count++] = (struct netset_range6){first, first | hosts};
    }
}

enum err netset_init(struct netset *set, const struct network *list, unsigned count, struct arena *world)
{
    unsigned v4 = 0;
    for (unsigned i = 0; i < count; i++)
        v4 += list[i].family == 4;
    struct netset made = {.v4 = ARENA_ARRAY(world, struct netset_range4, v4 + 1),
        .v6 = ARENA_ARRAY(world, struct netset_range6, count - v4 + 1)};
    if (made.v4 == NULL || made.v6 == NULL)
        return ERR_MEMORY;
    for (unsigned i = 0; i < count; i++)
        add(&made, &list[i]);
    made.v4_count = merge4(made.v4, made.v4_count);
    made.v6_count = merge6(made.v6, made.v6_count);
    *set = made;
    return ERR_OK;
}

bool netset_has4(const struct netset *set, const uint8_t ip[4])
{
    uint32_t value = read4(ip);
    unsigned low = 0, high = set->v4_count;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (set->v4[middle].last < value)
            low = middle + 1;
        else
            high = middle;
    }
    return low < set->v4_count && set->v4[low].first <= value;
}

bool netset_has6(const struct netset *set, const uint8_t ip[16])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    if (memcmp(ip, mapped, sizeof mapped) == 0)
        return netset_has4(set, ip + 12);
    unsigned __int128 value = read6(ip);
    unsigned low = 0, high = set->v6_count;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (set->v6[middle].last < value)
            low = middle + 1;
        else
            high = middle;
    }
    return low < set->v6_count && set->v6[low].first <= value;
}
