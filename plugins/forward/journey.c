/* A question on its way to an answer: which server is asked next, until when, and what the answer becomes.
 * CoreDNS's order of things, as far as a client can tell. */
#include "plugins/forward/forward.h"

#include <stdlib.h>
#include <string.h>

#include "zone/wire/edns.h"
#include "zone/wire/type.h"

#define PACKET_MAX 512
#define JOURNEYS_KEPT 2048 /* free ones, of a worker */
#define UDP_SIZE 1232      /* what we take over UDP (DNS flag day 2020) */
#define PAUSE_MS 25        /* when all servers have failed at once */

struct journey {
    struct inquiry inquiry;
    struct alarm pause;
    struct journey *next; /* of the free ones */
    struct forward *forward;
    struct query *query;
    struct target *target; /* asked now */
    uint64_t deadline_ms;
    unsigned attempts; /* that failed */
    uint8_t at, down;  /* CoreDNS's i and fails */
    uint8_t order[TARGETS_MAX];
    uint8_t packet[PACKET_MAX];
};

static void on_done(struct inquiry *inquiry, enum inquiry_end end);
static void on_pause(struct alarm *alarm, bool ending);

/* ---- memory ---- */

static struct journey *take(struct forward *forward, unsigned worker)
{
    struct forward_side *side = &forward->sides[worker];
    struct journey *journey = side->free;
    if (journey == NULL)
        return malloc(sizeof *journey);
    side->free = journey->next;
    side->free_count--;
    return journey;
}

static void give(struct journey *journey, unsigned worker)
{
    struct forward *forward = journey->forward;
    struct forward_side *side = &forward->sides[worker];
    if (forward->max_concurrent != 0)
        atomic_fetch_sub_explicit(&forward->concurrent, 1, memory_order_relaxed);
    if (UNLIKELY(side->free_count >= JOURNEYS_KEPT)) { /* of a burst */
        free(journey);
        return;
    }
    journey->next = side->free;
    side->free = journey;
    side->free_count++;
}

void journeys_free(struct journey *first)
{
    while (first != NULL) {
        struct journey *next = first->next;
        free(first);
        first = next;
    }
}

/* ---- the question ---- */

static uint8_t *put16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
    return at + 2;
}

/* Options between us and the client alone: they say nothing to the next server (RFC 7873 4, RFC 7828 3.1, RFC
 * 7830 3). */
static bool is_of_one_hop(uint16_t code)
{
    return code == EDNS_COOKIE || code == EDNS_KEEPALIVE || code == EDNS_PADDING;
}

static uint8_t *put_options(uint8_t *at, const uint8_t *end, const struct edns *edns)
{
    struct edns_option option;
    for (uint16_t next = 0; edns_next(edns, &next, &option);) {
        if (is_of_one_hop(option.code) || (size_t)(end - at) < 4u + option.len)
            continue;
        at += edns_write_option(at, option.code, option.bytes, option.len);
    }
    return at;
}

/* RFC 6891 6.2.6, 7: an OPT of our own when the client has one. RD, AD and CD are the client's (RFC
 * 4035 3.2.2, RFC 6840 5.7). */
static void write_question(struct journey *journey)
{
    const struct query *query = journey->query;
    const struct question *question = query->question;
    const struct edns *edns = &query->message.edns;
    uint8_t *at = journey->packet;
    put16(at, 0);
    put16(at + 2, query->message.flags & (MESSAGE_RD | MESSAGE_AD | MESSAGE_CD));
    memset(at + 4, 0, 8);
    at[5] = 1;
    at += MESSAGE_HEADER_LEN;
    memcpy(at, question->name, question->name_len);
    at = put16(put16(at + question->name_len, question->type), question->class);
    journey->inquiry.question_len = (uint16_t)(question->name_len + 4);
    if (edns->present) {
        journey->packet[11] = 1;
        *at++ = 0;
        at = put16(put16(at, TYPE_OPT), UDP_SIZE);
        at = put16(put16(at, 0), edns->dnssec ? EDNS_DO : 0);
        uint8_t *options = at + 2;
        uint8_t *end = put_options(options, journey->packet + PACKET_MAX, edns);
        put16(at, (unsigned)(end - options));
        at = end;
    }
    journey->inquiry.packet = journey->packet;
    journey->inquiry.len = (uint16_t)(at - journey->packet);
}

/* ---- whom to ask ---- */

static void shuffle(struct journey *journey, unsigned worker)
{
    uint64_t random = worker_random(worker);
    for (unsigned i = journey->forward->targets_count; i > 1; i--) {
        unsigned other = (unsigned)(random % i);
        uint8_t moved = journey->order[i - 1];
        random /= i;
        journey->order[i - 1] = journey->order[other];
        journey->order[other] = moved;
    }
}

static void choose_order(struct journey *journey, unsigned worker)
{
    struct forward *forward = journey->forward;
    unsigned n = forward->targets_count, first = 0;
    if (forward->policy == POLICY_ROUND_ROBIN)
        first = forward->sides[worker].turn++ % n;
    for (unsigned i = 0; i < n; i++)
        journey->order[i] = (uint8_t)((first + i) % n);
    if (forward->policy == POLICY_RANDOM && n > 1)
        shuffle(journey, worker);
}

/* The next server that is not down; when all are, the probes may be wrong, and one is asked at random. NULL:
 * none is to be asked. */
static struct target *choose(struct journey *journey)
{
    struct forward *forward = journey->forward;
    unsigned n = forward->targets_count, worker = journey->query->worker;
    for (;;) {
        if (journey->at >= n) {
            journey->at = 0;
            journey->down = 0;
        }
        struct target *target = forward->targets[journey->order[journey->at++]];
        if (!target_is_down(target, forward->max_fails))
            return target;
        if (++journey->down < n)
            continue;
        tally_add(forward->tally, worker, TALLY_BROKEN, 1);
        if (forward->failfast)
            return NULL;
        return forward->targets[worker_random(worker) % n];
    }
}

static bool asks_by_tcp(const struct journey *journey)
{
    const struct forward *forward = journey->forward;
    if (forward->force_tcp || forward->prefer_udp)
        return forward->force_tcp;
    return journey->query->transport != TRANSPORT_UDP;
}

static void ask(struct journey *journey, bool tcp)
{
    unsigned worker = journey->query->worker;
    uint64_t now = worker_now_ms(worker);
    uint64_t left = journey->deadline_ms > now ? journey->deadline_ms - now : 1;
    uint32_t most = journey->forward->read_timeout_ms;
    journey->inquiry.upstream = journey->target->upstream;
    journey->inquiry.tcp = tcp;
    inquiry_ask(&journey->inquiry, worker, left < most ? (uint32_t)left : most);
}

/* Asks the next server; false when there is none, or no time. */
static bool go_on(struct journey *journey)
{
    const struct forward *forward = journey->forward;
    if (worker_now_ms(journey->query->worker) >= journey->deadline_ms ||
        (forward->max_attempts != 0 && journey->attempts >= forward->max_attempts))
        return false;
    struct target *target = choose(journey);
    if (target == NULL)
        return false;
    journey->target = target;
    ask(journey, asks_by_tcp(journey));
    return true;
}

/* ---- the answer ---- */

/* RFC 8914 4.23, 4.24. */
static void fail(struct journey *journey, enum inquiry_end end)
{
    struct query *query = journey->query;
    const struct target *target = journey->target;
    const char *why = end == INQUIRY_TIMEOUT ? "timeout" : journey->inquiry.why;
    if (target == NULL || why == NULL)
        query_fail(query, "forward", RCODE_SERVFAIL, "no healthy upstreams");
    else
        query_fail(query, "forward", RCODE_SERVFAIL, "%s: %s", target->label, why);
    query->reply.ede = (end == INQUIRY_TIMEOUT || target == NULL ? EDE_NO_REACHABLE : EDE_NETWORK_ERROR) + 1;
}

static void end_journey(struct journey *journey, enum served verdict)
{
    struct query *query = journey->query;
    give(journey, query->worker);
    query_resume(query, verdict);
}

/* RFC 8914: what the upstream says of its errors is told to the client. */
static void take_errors(struct query *query, const struct edns *edns)
{
    struct edns_option option;
    if (LIKELY(!edns->present || !edns_has(edns, EDNS_ERROR)) || !edns_find(edns, EDNS_ERROR, &option) ||
        option.len < 2)
        return;
    query->reply.ede = (uint16_t)((option.bytes[0] << 8 | option.bytes[1]) + 1);
    if (option.len > 2 && memchr(option.bytes + 2, 0, option.len - 2u) == NULL)
        query->reply.ede_text = arena_copy(query->scratch, option.bytes + 2, option.len - 2u);
}

/* Options that the client asked for by the same option and that we had passed on. */
static void take_options(struct query *query, const struct edns *edns)
{
    struct edns_option option;
    if (LIKELY(edns->options_len == 0))
        return;
    take_errors(query, edns);
    for (uint16_t at = 0; edns_next(edns, &at, &option);) {
        if (option.code == EDNS_ERROR || is_of_one_hop(option.code) || option.code >= 32 ||
            !edns_has(&query->message.edns, (enum edns_code)option.code))
            continue;
        enum err err = query_option(query, option.code, option.bytes, option.len);
        (void)err; /* without it, then */
    }
}

/* AD is for those who asked for it (RFC 6840 5.8). The records are sent on as they came. */
static void take_response(struct query *query, const struct response *response)
{
    struct reply *reply = &query->reply;
    reply_clear(reply);
    reply->rcode = response->rcode;
    reply->authoritative = (response->flags & MESSAGE_AA) != 0;
    reply->truncated = (response->flags & MESSAGE_TC) != 0;
    reply->recursion = (response->flags & MESSAGE_RA) != 0;
    reply->authentic =
        (response->flags & MESSAGE_AD) != 0 && (query->dnssec || (query->message.flags & MESSAGE_AD) != 0);
    if (response->has_question)
        reply->body = &response->body;
    take_options(query, &response->edns);
    if (UNLIKELY(!response->plain) && query_open(query) != ERR_OK)
        query_fail(query, "forward", RCODE_SERVFAIL, "malformed response");
}

static bool is_among(uint64_t rcodes, unsigned rcode)
{
    return rcode < 64 && (rcodes >> rcode & 1) != 0;
}

static bool is_nodata(const struct response *response)
{
    return response->rcode == RCODE_NOERROR && response->body.counts[SECTION_ANSWER] == 0;
}

/* A truncated answer goes to a client of UDP as it is, who comes again by TCP; unless UDP was our own choice.
 */
static bool wants_tcp(const struct journey *journey, const struct response *response)
{
    return (response->flags & MESSAGE_TC) != 0 && !journey->inquiry.tcp &&
           (journey->forward->prefer_udp || journey->query->transport != TRANSPORT_UDP);
}

static void on_answer(struct journey *journey, const struct response *response)
{
    struct forward *forward = journey->forward;
    if (UNLIKELY(wants_tcp(journey, response))) {
        ask(journey, true);
        return;
    }
    if (UNLIKELY(is_among(forward->failover_rcodes, response->rcode)) &&
        ++journey->down <= forward->targets_count && journey->at < forward->targets_count && go_on(journey))
        return;
    if (UNLIKELY(is_among(forward->next_rcodes, response->rcode) ||
                 (forward->next_on_nodata && is_nodata(response)))) {
        struct query *query = journey->query;
        struct forward *below = forward->next;
        give(journey, query->worker);
        enum served served = below != NULL ? forward_serve(below, query) : SERVED_NEXT;
        if (served != SERVED_SUSPENDED)
            query_resume(query, served);
        return;
    }
    take_response(journey->query, response);
    end_journey(journey, SERVED_ANSWERED);
}

static void on_failure(struct journey *journey, enum inquiry_end end)
{
    struct forward *forward = journey->forward;
    unsigned worker = journey->query->worker;
    if (forward->max_fails != 0)
        target_probe(journey->target, worker);
    journey->attempts++;
    if (end == INQUIRY_BROKEN && journey->at >= forward->targets_count &&
        (forward->max_attempts == 0 || journey->attempts < forward->max_attempts)) {
        alarm_set(&journey->pause, worker, PAUSE_MS);
        return;
    }
    if (go_on(journey))
        return;
    fail(journey, end);
    end_journey(journey, SERVED_ANSWERED);
}

static void on_pause(struct alarm *alarm, bool ending)
{
    struct journey *journey = (struct journey *)(void *)((char *)alarm - offsetof(struct journey, pause));
    if (ending) {
        end_journey(journey, SERVED_DROPPED);
        return;
    }
    if (go_on(journey))
        return;
    fail(journey, INQUIRY_BROKEN);
    end_journey(journey, SERVED_ANSWERED);
}

static void on_done(struct inquiry *inquiry, enum inquiry_end end)
{
    struct journey *journey = (struct journey *)(void *)inquiry;
    if (LIKELY(end == INQUIRY_ANSWERED))
        on_answer(journey, inquiry->response);
    else if (end == INQUIRY_ENDING)
        end_journey(journey, SERVED_DROPPED);
    else
        on_failure(journey, end);
}

/* ---- the beginning ---- */

/* CoreDNS's max_concurrent is of the whole line, not of a worker. */
static bool may_begin(struct forward *forward)
{
    if (LIKELY(forward->max_concurrent == 0))
        return true;
    if (atomic_fetch_add_explicit(&forward->concurrent, 1, memory_order_relaxed) < forward->max_concurrent)
        return true;
    atomic_fetch_sub_explicit(&forward->concurrent, 1, memory_order_relaxed);
    return false;
}

enum served journey_begin(struct forward *forward, struct query *query)
{
    unsigned worker = query->worker;
    if (!may_begin(forward)) {
        tally_add(forward->tally, worker, TALLY_REJECTED, 1);
        return query_fail(query, "forward", RCODE_REFUSED, "concurrent queries exceeded maximum %llu",
            (unsigned long long)forward->max_concurrent);
    }
    struct journey *journey = query_may_wait(query) ? take(forward, worker) : NULL;
    if (journey == NULL) {
        if (forward->max_concurrent != 0)
            atomic_fetch_sub_explicit(&forward->concurrent, 1, memory_order_relaxed);
        return query_fail(query, "forward", RCODE_SERVFAIL, "too many queries wait for answers");
    }
    journey->forward = forward;
    journey->query = query;
    journey->target = NULL;
    journey->attempts = 0;
    journey->at = journey->down = 0;
    journey->deadline_ms = worker_now_ms(worker) + forward->deadline_ms;
    journey->inquiry.done = on_done;
    journey->pause.link = NULL;
    journey->pause.ring = on_pause;
    write_question(journey);
    choose_order(journey, worker);
    if (LIKELY(go_on(journey)))
        return SERVED_SUSPENDED;
    fail(journey, INQUIRY_BROKEN);
    give(journey, worker);
    return SERVED_ANSWERED;
}
