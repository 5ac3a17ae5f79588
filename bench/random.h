/* Deterministic random numbers for the benchmarks: the same seed gives the same zones and the same
 * queries on every machine, so that two runs measure the same thing. SplitMix64 (Steele, Lea, Flood
 * 2014): one multiplication chain per number, any seed is good. Not for secrets. */
#ifndef BENCH_RANDOM_H
#define BENCH_RANDOM_H

#include <stdint.h>

struct random {
    uint64_t state;
};

static inline uint64_t random_next(struct random *random)
{
    uint64_t z = random->state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* A number below LIMIT; the bias of the multiplication is of no account here. */
static inline uint32_t random_below(struct random *random, uint32_t limit)
{
    return (uint32_t)(((random_next(random) >> 32) * limit) >> 32);
}

static inline int random_percent(struct random *random, uint32_t percent)
{
    return random_below(random, 100) < percent;
}

/* A generator of its own for item I of a series, so that items do not depend on their order. */
static inline struct random random_item(uint64_t seed, uint64_t i)
{
    struct random random = {seed ^ (i * 0xd1342543de82ef95u)};
    random_next(&random);
    return random;
}

#endif
