#include "server/serve.h"

#include <time.h>

#include "server/engine.h"
#include "server/tcp.h"
#include "server/udp.h"
#include "server/world.h"
#include "zone/wire/encode.h"
#include "zone/wire/type.h"

#define FEW_CHAINS 64 /* that stay in the processor's caches */

/* RFC 1035 4.1 and RFC 6891: from bytes to a question, or to a reply that says why there is none. */
static void parse(struct slot *slot)
{
    struct query *query = &slot->query;
    enum message_verdict verdict = message_read(&query->message, slot->packet, slot->packet_len);
    slot->parsed = verdict != MESSAGE_DROP;
    query_begin(query, &query->message.question, &chain_nobody);
    if (LIKELY(verdict == MESSAGE_ANSWER)) {
        slot->served = SERVED_NEXT;
        return;
    }
    slot->served = verdict == MESSAGE_DROP ? SERVED_DROPPED : SERVED_ANSWERED;
    query->reply.rcode = (uint16_t)message_rcode(verdict);
    query->reply.ede = query->message.ede;
    if (verdict != MESSAGE_EMPTY && verdict != MESSAGE_DROP)
        counter_add(&slot->worker->counters.malformed, 1);
}

/* To the server block with the longest suffix of the name, among those of this address and port. */
static void route(const struct world *world, struct slot *slot)
{
    struct query *query = &slot->query;
    unsigned opcode = message_opcode(&query->message);
    if (UNLIKELY(opcode != OPCODE_QUERY)) { /* RFC 2136 2.2, RFC 1996 3.10: nobody here takes them yet */
        query->reply.rcode = opcode == OPCODE_UPDATE ? RCODE_NOTIMP : RCODE_REFUSED;
        slot->served = SERVED_ANSWERED;
        return;
    }
    unsigned endpoint = slot->listener->endpoint;
    const struct suffix_table *table = endpoint < world->route_count ? world->routes[endpoint] : NULL;
    const struct suffix_entry *entry = table != NULL ? suffix_route(table, query->question) : NULL;
    if (entry == NULL)
        return;
    const struct chain *chain = entry->value;
    query->chain = LIKELY(query->question->class == CLASS_IN) ? chain : chain->other;
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

/* Starts, for all queries of the batch, the memory reads that their plugins will need. */
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

static void encode(struct slot *slot)
{
    struct query *query = &slot->query;
    const struct message *message = &query->message;
    uint16_t udp_size = query->chain->udp_size;
    bool udp = query->transport == TRANSPORT_UDP;
    struct envelope envelope = {
        .query = message,
        .limit = udp ? message_udp_limit(message, udp_size) : slot->out_limit,
        .udp_size = udp_size,
        .options = query->options,
        .options_len = query->options_len,
    };
    query->reply_bytes = slot->out;
    query->reply_len = (uint32_t)reply_encode(&envelope, &query->reply, slot->out);
}

static void count_replies(struct worker *worker, struct slot *const *slots, unsigned count)
{
    uint64_t replies = 0, dropped = 0, truncated = 0;
    for (unsigned i = 0; i < count; i++) {
        unsigned rcode = slots[i]->query.reply.rcode;
        bool replied = slots[i]->served == SERVED_ANSWERED;
        replies += replied;
        dropped += slots[i]->served == SERVED_DROPPED;
        if (!replied)
            continue;
        truncated += slots[i]->out[2] >> 1 & 1;
        counter_add(&worker->counters.rcodes[rcode < 23 ? rcode : 23], 1);
    }
    counter_add(&worker->counters.replies, replies);
    counter_add(&worker->counters.dropped, dropped);
    counter_add(&worker->counters.truncated, truncated);
}

void serve_batch(struct worker *worker, struct slot *const *slots, unsigned count)
{
    const struct world *world = worker->world;
    for (unsigned i = 0; i < count; i++)
        parse(slots[i]);
    for (unsigned i = 0; i < count; i++) {
        if (slots[i]->served == SERVED_NEXT)
            route(world, slots[i]);
    }
    prefetch(world, slots, count);
    for (unsigned i = 0; i < count; i++) {
        if (slots[i]->served == SERVED_NEXT)
            slots[i]->served = engine_serve(&slots[i]->query);
    }
    for (unsigned i = 0; i < count; i++) {
        if (slots[i]->served == SERVED_ANSWERED)
            encode(slots[i]);
        else if (slots[i]->served == SERVED_SUSPENDED)
            engine_park(slots[i]);
    }
    count_replies(worker, slots, count);
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

/* A sub-query goes back to the plugin that asked it; a client's query gets its reply. */
void serve_resumed(struct slot *slot)
{
    struct worker *worker = slot->worker;
    engine_unpark(slot);
    slot->served = engine_continue(&slot->query, slot->resumed_with);
    if (slot->served == SERVED_SUSPENDED) {
        engine_park(slot);
        return;
    }
    if (slot->orphan) {
        slot_give(slot);
        return;
    }
    if (slot->query.parent != NULL) {
        engine_child_done(slot, slot->served);
        return;
    }
    slot->out = slot->connection != NULL ? tcp_reply_room(worker) : slot->tx;
    if (slot->served == SERVED_ANSWERED)
        encode(slot);
    count_replies(worker, &slot, 1);
    if (slot->connection != NULL)
        tcp_send_resumed(slot);
    else
        udp_send_resumed(slot);
    serve_sent(worker, &slot, 1);
    slot_give(slot);
}
