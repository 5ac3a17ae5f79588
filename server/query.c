#include "server/query.h"

#include <time.h>

#include "plugins/expression.h"
#include "server/engine.h"
#include "server/sending.h"
#include "server/tcp.h"
#include "server/worker.h"
#include "zone/sec/tsig.h"
#include "zone/wire/encode.h"
#include "zone/wire/type.h"

#define PADDING_BLOCK 468 /* RFC 8467 4.1 */
#define BODY_TAIL 64      /* octets that OPT may need behind the records of a body, a text aside */

/* RFC 7873 5.4: no question but a cookie. It goes the way of classes other than IN through the first block
 * that has cookies; what nobody answers is no error here. */
static void answer_cookie(struct slot *slot)
{
    struct query *query = &slot->query;
    question_set(&query->message.question, (const uint8_t *)"", 0, CLASS_NONE);
    query_begin(query, &query->message.question, slot->worker->world->cookies);
    slot->served = engine_serve(query);
    if (!query->answered)
        reply_clear(&query->reply);
}

/* RFC 8945 5.2: whoever signs a query is told when his signature is not believed, and nothing else. True: go
 * on with the query. */
static bool check_signature(struct slot *slot)
{
    struct query *query = &slot->query;
    struct message *message = &query->message;
    enum rcode rcode = RCODE_SERVFAIL;
    struct tsig *tsig = arena_alloc(query->scratch, sizeof *tsig, _Alignof(struct tsig));
    if (tsig != NULL)
        rcode = tsig_check_request(tsig, &slot->worker->world->keys, message->bytes, message->len,
            message->tsig_at, (uint64_t)time(NULL));
    query->tsig = tsig;
    if (rcode == RCODE_NOERROR)
        return true;
    if (rcode != RCODE_NOTAUTH)
        message->tsig_at = 0; /* there is nothing to sign with */
    query->reply.rcode = (uint16_t)rcode;
    query->answered = false;
    slot->served = SERVED_ANSWERED;
    return false;
}

/* RFC 1035 4.1 and RFC 6891: from bytes to a question, or to a reply that says why there is none. */
void query_parse(struct slot *slot)
{
    struct query *query = &slot->query;
    enum message_verdict verdict = message_read(&query->message, slot->packet, slot->packet_len);
    if (UNLIKELY(verdict == MESSAGE_DROP)) { /* nothing was read that could be looked at */
        query->chain = &chain_nobody;
        slot->served = SERVED_DROPPED;
        return;
    }
    query_begin(query, &query->message.question, &chain_nobody);
    if (UNLIKELY(query->message.tsig_at != 0) && !check_signature(slot))
        return;
    if (LIKELY(verdict == MESSAGE_ANSWER)) {
        slot->served = SERVED_NEXT;
        return;
    }
    slot->served = SERVED_ANSWERED;
    query->reply.rcode = (uint16_t)message_rcode(verdict);
    query->reply.ede = query->message.ede;
    if (verdict != MESSAGE_EMPTY)
        counter_add(&slot->worker->counters.malformed, 1);
    else if (slot->worker->world->cookies != NULL)
        answer_cookie(slot);
}

static bool accepts(const struct chain *chain, struct query *query)
{
    query->block = &chain->block;
    for (unsigned i = 0; i < chain->block.filters_count; i++) {
        if (!expression_is_true(chain->block.filters[i], query))
            return false;
    }
    return true;
}

/* The first block of the zone whose view accepts the query; else one of a zone above, as in CoreDNS. */
static const struct chain *choose_view(
    const struct suffix_table *table, const struct suffix_entry *entry, struct query *query)
{
    while (entry != NULL) {
        const struct chain *fork = entry->value;
        if (fork->views == NULL)
            return fork;
        for (unsigned i = 0; i < fork->views_count; i++) {
            if (accepts(fork->views[i], query))
                return fork->views[i];
        }
        entry = entry->labels > 0 ? suffix_find(table, query->question, entry->labels - 1u) : NULL;
    }
    return NULL;
}

/* To the server block with the longest suffix of the name, among those of this address and port. */
void query_route(const struct world *world, struct slot *slot)
{
    struct query *query = &slot->query;
    bool queries = message_opcode(&query->message) == OPCODE_QUERY;
    unsigned endpoint = slot->listener->endpoint;
    const struct suffix_table *table = endpoint < world->route_count ? world->routes[endpoint] : NULL;
    const struct suffix_entry *entry = table != NULL ? suffix_route(table, query->question) : NULL;
    if (entry == NULL)
        return;
    const struct chain *chain = entry->value;
    if (UNLIKELY(chain->views != NULL) && (chain = choose_view(table, entry, query)) == NULL)
        return;
    query->chain = UNLIKELY(!queries)                           ? chain->opcodes
                   : LIKELY(query->question->class == CLASS_IN) ? chain
                                                                : chain->other;
    query->block = &chain->block;
}

/* RFC 7828 3.3.2: how long the connection may be idle, in units of 100 ms, for clients that want to know. */
static void tell_keepalive(struct query *query)
{
    uint32_t idle = tcp_idle_ms(slot_of(query)->worker->world) / 100;
    idle = idle < UINT16_MAX ? idle : UINT16_MAX;
    const uint8_t timeout[2] = {(uint8_t)(idle >> 8), (uint8_t)idle};
    enum err err = query_option(query, EDNS_KEEPALIVE, timeout, sizeof timeout);
    (void)err; /* a courtesy */
}

static void fail(struct reply *reply)
{
    reply_clear(reply);
    reply->rcode = RCODE_SERVFAIL;
}

/* A transfer; false when it comes to nothing. */
static bool begin_stream(struct slot *slot)
{
    if (slot->query.transport == TRANSPORT_UDP)
        return false;
    slot->sending = sending_begin(slot);
    if (slot->sending == NULL)
        return false;
    if (slot->sending->over) {
        sending_end(slot->sending, false);
        slot->sending = NULL;
    }
    return true;
}

/* A body is sent whole or not at all; references are left out one by one. */
static void open_long_body(struct query *query, const struct envelope *envelope)
{
    const struct reply_body *body = query->reply.body;
    if (body == NULL ||
        body->end + BODY_TAIL + query->options_len + (uint32_t)envelope->reserve <= envelope->limit)
        return;
    if (query_open(query) != ERR_OK)
        fail(&query->reply);
}

void query_encode(struct slot *slot)
{
    struct query *query = &slot->query;
    const struct message *message = &query->message;
    slot->sending = NULL;
    if (UNLIKELY(query->stream != NULL)) {
        if (begin_stream(slot))
            return;
        fail(&query->reply);
    }
    uint16_t udp_size = query->chain->udp_size;
    bool udp = query->transport == TRANSPORT_UDP;
    if (UNLIKELY(!udp && message->edns.present && edns_has(&message->edns, EDNS_KEEPALIVE)))
        tell_keepalive(query);
    struct envelope envelope = {
        .query = message,
        .limit = udp ? message_udp_limit(message, udp_size) : slot->out_limit,
        .udp_size = udp_size,
        .pad = query->transport == TRANSPORT_TLS ? PADDING_BLOCK : 0,
        .options = query->options,
        .options_len = query->options_len,
    };
    if (UNLIKELY(query->question != &message->question) &&
        query_restore(query, &message->question) !=
            ERR_OK) /* a plugin asked another and did not put it back */
        fail(&query->reply);
    if (UNLIKELY(message->tsig_at != 0))
        envelope.reserve = (uint16_t)tsig_room(query->tsig);
    open_long_body(query, &envelope);
    query->reply_bytes = slot->out;
    query->reply_len = (uint32_t)reply_encode(&envelope, &query->reply, slot->out);
    if (UNLIKELY(message->tsig_at != 0))
        query->reply_len =
            (uint32_t)tsig_sign_reply(query->tsig, slot->out, query->reply_len, (uint64_t)time(NULL));
}
