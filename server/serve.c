#include "server/serve.h"

#include <time.h>

#include "server/engine.h"
#include "server/query.h"
#include "server/tcp.h"
#include "server/udp.h"
#include "server/world.h"

#define FEW_CHAINS 64 /* that stay in the processor's caches */

static void prefetch(const struct world *world, struct slot *const *slots, unsigned count);
static void settle(struct slot *slot);
static void count_replies(struct worker *worker, struct slot *const *slots, unsigned count);

void serve_batch(struct worker *worker, struct slot *const *slots, unsigned count)
{
    const struct world *world = worker->world;
    for (unsigned i = 0; i < count; i++)
        query_parse(slots[i]);
    for (unsigned i = 0; i < count; i++) {
        if (slots[i]->served == SERVED_NEXT)
            query_route(world, slots[i]);
    }
    prefetch(world, slots, count);
    for (unsigned i = 0; i < count; i++) {
        if (slots[i]->served == SERVED_NEXT)
            slots[i]->served = engine_serve(&slots[i]->query);
    }
    for (unsigned i = 0; i < count; i++)
        settle(slots[i]);
    count_replies(worker, slots, count);
}

/* What the plugins said: a reply to be written, a query that waits, or nothing. */
static void settle(struct slot *slot)
{
    if (LIKELY(slot->served == SERVED_ANSWERED))
        query_encode(slot);
    else if (slot->served == SERVED_SUSPENDED)
        engine_park(slot);
}

/* Replies of resumed queries that leave together. */
struct departure {
    struct slot *slots[BATCH];
    unsigned count;
};

static void depart(struct worker *worker, struct departure *departure)
{
    udp_send_resumed(worker, departure->slots, departure->count);
    serve_sent(worker, departure->slots, departure->count);
    for (unsigned i = 0; i < departure->count; i++)
        slot_give(departure->slots[i]);
    departure->count = 0;
}

/* Over TCP, replies are written one by one into the room that the worker has for them. */
static void reply_by_tcp(struct slot *slot)
{
    struct worker *worker = slot->worker;
    slot->out = tcp_reply_room(worker);
    settle(slot);
    count_replies(worker, &slot, 1);
    tcp_send_resumed(slot);
    serve_sent(worker, &slot, 1);
    slot_give(slot);
}

/* A sub-query goes back to the plugin that asked it; a client's query gets its reply. */
static void go_on(struct slot *slot, struct departure *departure)
{
    struct worker *worker = slot->worker;
    engine_unpark(slot);
    slot->served = engine_continue(&slot->query, slot->resumed_with);
    if (slot->served == SERVED_SUSPENDED) {
        engine_park(slot);
    } else if (slot->orphan) {
        slot_give(slot);
    } else if (slot->done != NULL || slot->query.parent != NULL) {
        engine_child_done(slot, slot->served);
    } else if (slot->connection != NULL) {
        reply_by_tcp(slot);
    } else {
        slot->out = slot->tx;
        settle(slot);
        count_replies(worker, &slot, 1);
        departure->slots[departure->count++] = slot;
        if (departure->count == BATCH)
            depart(worker, departure);
    }
}

void serve_resumed(struct worker *worker, struct slot *first)
{
    struct departure departure = {.count = 0};
    for (struct slot *slot = first, *next; slot != NULL; slot = next) {
        next = slot->next;
        go_on(slot, &departure);
    }
    if (departure.count > 0)
        depart(worker, &departure);
}

static uint64_t clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void serve_sent(struct worker *worker, struct slot *const *slots, unsigned count)
{
    uint64_t now = worker->world->times ? clock_ns() : 0;
    for (unsigned i = 0; i < count; i++) {
        struct query *query = &slots[i]->query;
        const struct chain *chain = query->chain;
        query->end_ns = now;
        for (unsigned p = 0; p < chain->sent_count && slots[i]->served == SERVED_ANSWERED; p++)
            chain->sent[p].plugin->sent(chain->sent[p].self, query);
    }
}

/* With thousands of server blocks, even the way to the plugins leads through cold memory. */
static void warm_chains(struct slot *const *slots, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        __builtin_prefetch(slots[i]->query.chain);
    for (unsigned i = 0; i < count; i++) {
        __builtin_prefetch(slots[i]->query.chain->prefetch);
        __builtin_prefetch(slots[i]->query.chain->steps);
    }
    for (unsigned i = 0; i < count; i++) {
        const struct chain *chain = slots[i]->query.chain;
        if (chain->prefetch_count > 0)
            __builtin_prefetch(chain->prefetch[0].self);
    }
}

/* Starts, for all queries of the batch, the memory reads that their plugins will need: a lookup that waits
 * for two reads of cold memory costs 430 ns alone, and 17 ns in a batch of 32 whose reads overlap. */
static void prefetch(const struct world *world, struct slot *const *slots, unsigned count)
{
    bool more = true;
    if (world->chain_count > FEW_CHAINS)
        warm_chains(slots, count);
    for (unsigned step = 0; more; step++) {
        more = false;
        for (unsigned i = 0; i < count; i++) {
            struct query *query = &slots[i]->query;
            const struct chain *chain = query->chain;
            if (slots[i]->served != SERVED_NEXT)
                continue;
            for (unsigned p = 0; p < chain->prefetch_count; p++)
                more |= chain->prefetch[p].plugin->prefetch(chain->prefetch[p].self, query, step);
        }
    }
}

static void count_replies(struct worker *worker, struct slot *const *slots, unsigned count)
{
    uint64_t replies = 0, dropped = 0, truncated = 0;
    for (unsigned i = 0; i < count; i++) {
        dropped += slots[i]->served == SERVED_DROPPED;
        if (slots[i]->served != SERVED_ANSWERED)
            continue;
        unsigned rcode = slots[i]->query.reply.rcode;
        replies++;
        truncated += slots[i]->out[2] >> 1 & 1;
        counter_add(&worker->counters.rcodes[rcode < 23 ? rcode : 23], 1);
    }
    counter_add(&worker->counters.replies, replies);
    counter_add(&worker->counters.dropped, dropped);
    counter_add(&worker->counters.truncated, truncated);
}
