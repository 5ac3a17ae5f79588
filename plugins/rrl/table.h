/* Accounts of response rate limiting: who has had how much of what lately. An account is a point in time, the
 * moment at which its balance is (or was) zero; time itself credits it, and each response puts the moment
 * later:
 *
 *     credit                        debt
 *     <-- at most one second --|-- at most the window -->
 *                           now
 *
 * A table belongs to one worker: no locks, nothing shared. It has a fixed number of places, in buckets of one
 * cache line; a new account takes the place of the one in its bucket that is furthest from being limited.
 * Accounts are told apart by 32 bits of a seeded hash beside the bucket: whoever does not know the seed
 * cannot aim at another's account. */
#ifndef PLUGINS_RRL_TABLE_H
#define PLUGINS_RRL_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zone/base/attr.h"
#include "zone/base/err.h"

#define RRL_BUCKET 4

struct rrl_account {
    int64_t zero_ns; /* when the balance is zero; 0: free */
    uint32_t tag;
    uint32_t limited; /* responses over the limit, for every Nth to slip */
};

struct rrl_table {
    struct rrl_account *accounts; /* buckets of RRL_BUCKET */
    uint64_t bucket_mask;
    size_t size; /* octets */
};

/* With places for at least ACCOUNTS. */
enum err rrl_table_init(struct rrl_table *table, uint64_t accounts) NODISCARD NONNULL(1);
void rrl_table_clear(struct rrl_table *table) NONNULL(1);

/* What one response costs, and how far in debt an account can get. */
struct rrl_rate {
    int64_t cost_ns; /* one second through the responses per second */
    int64_t window_ns;
};

/* Charges the account of KEY (a good hash) for one response at NOW_NS. True when it is over its limit, and
 * then *LIMITED is how many were, this one included. */
bool rrl_table_charge(struct rrl_table *table, uint64_t key, const struct rrl_rate *rate, int64_t now_ns,
    uint32_t *limited) NODISCARD NONNULL(1, 3, 5);

#endif
