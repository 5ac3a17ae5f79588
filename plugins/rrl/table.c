#include "plugins/rrl/table.h"

#include "zone/base/pages.h"

#define SECOND_NS INT64_C(1000000000)

enum err rrl_table_init(struct rrl_table *table, uint64_t accounts)
{
    uint64_t buckets = 16;
    while (buckets * RRL_BUCKET < accounts)
        buckets *= 2;
    size_t size = (size_t)buckets * RRL_BUCKET * sizeof(struct rrl_account);
    struct rrl_account *places = pages_alloc(size);
    if (places == NULL)
        return ERR_MEMORY;
    *table = (struct rrl_table){places, buckets - 1, size};
    return ERR_OK;
}

void rrl_table_clear(struct rrl_table *table)
{
    pages_free(table->accounts, table->size);
    *table = (struct rrl_table){0};
}

/* The account of KEY, or the place for it: the one with the most credit, a free one above all. */
static struct rrl_account *find(struct rrl_table *table, uint64_t key)
{
    struct rrl_account *bucket = &table->accounts[(key & table->bucket_mask) * RRL_BUCKET];
    struct rrl_account *richest = bucket;
    uint32_t tag = (uint32_t)(key >> 32);
    for (unsigned i = 0; i < RRL_BUCKET; i++) {
        if (bucket[i].tag == tag && bucket[i].zero_ns != 0)
            return &bucket[i];
        if (bucket[i].zero_ns < richest->zero_ns)
            richest = &bucket[i];
    }
    *richest = (struct rrl_account){.tag = tag};
    return richest;
}

/* Below one response per second the credit must still be enough for one. */
static int64_t credit_max(const struct rrl_rate *rate)
{
    return rate->cost_ns > SECOND_NS ? rate->cost_ns : SECOND_NS;
}

bool rrl_table_charge(
    struct rrl_table *table, uint64_t key, const struct rrl_rate *rate, int64_t now_ns, uint32_t *limited)
{
    struct rrl_account *account = find(table, key);
    int64_t balance = now_ns - account->zero_ns, most = credit_max(rate);
    balance = (balance < most ? balance : most) - rate->cost_ns;
    if (balance < -rate->window_ns)
        balance = -rate->window_ns;
    account->zero_ns = now_ns - balance;
    if (LIKELY(balance >= 0)) {
        account->limited = 0;
        return false;
    }
    *limited = ++account->limited;
    return true;
}
