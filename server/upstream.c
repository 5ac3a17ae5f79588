#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/upstream_side.h"
#include "zone/net/tls.h"

#define IDLE_LOOK_MS 1000 /* how exactly idle sockets are closed */

/* ---- upstreams ---- */

enum err upstream_new(const struct upstream_settings *settings, struct upstream **out)
{
    unsigned workers = host_workers() > 0 ? host_workers() : 1;
    struct upstream *upstream = calloc(1, sizeof *upstream + workers * sizeof upstream->sides[0]);
    if (upstream == NULL)
        return ERR_MEMORY;
    upstream->settings = *settings;
    upstream->users = 1;
    upstream->sides_count = workers;
    if (settings->server_name != NULL &&
        (upstream->settings.server_name = strdup(settings->server_name)) == NULL) {
        free(upstream);
        return ERR_MEMORY;
    }
    if (settings->tls != NULL)
        tls_context_hold(settings->tls);
    *out = upstream;
    return ERR_OK;
}

static void let_go(struct upstream *upstream)
{
    if (--upstream->users > 0)
        return;
    for (unsigned i = 0; i < upstream->sides_count; i++)
        free(upstream->sides[i]);
    tls_context_drop(upstream->settings.tls);
    free((char *)(uintptr_t)upstream->settings.server_name);
    free(upstream);
}

static void close_side(struct worker *worker, void *arg)
{
    struct upstream *upstream = arg;
    struct upstream_side *side = upstream->sides[worker->index];
    if (side != NULL) {
        worker_enter(worker);
        alarm_clear(&side->idle);
        for (unsigned i = 0; i < UDP_CHANNELS; i++) {
            if (side->udp[i] != NULL)
                udp_close_channel(side->udp[i]);
        }
        while (side->flows != NULL)
            flow_close_channel(side->flows);
        worker_leave(worker);
    }
    let_go(upstream);
}

void upstream_drop(struct upstream *upstream)
{
    if (upstream == NULL)
        return;
    for (unsigned i = 0; i < upstream->sides_count; i++) {
        struct worker *worker = worker_at(i);
        if (worker == NULL)
            continue;
        upstream->users++;
        worker_post(worker, close_side, upstream);
    }
    let_go(upstream);
}

/* ---- sides ---- */

static bool has_channels(const struct upstream_side *side)
{
    for (unsigned i = 0; i < UDP_CHANNELS; i++) {
        if (side->udp[i] != NULL)
            return true;
    }
    return side->flows != NULL;
}

static void on_idle(struct alarm *alarm, bool ending)
{
    struct upstream_side *side =
        (struct upstream_side *)(void *)((char *)alarm - offsetof(struct upstream_side, idle));
    uint64_t now = worker_now_ms(side->worker);
    udp_close_idle(side, now);
    flow_close_idle(side, now);
    if (!ending && has_channels(side))
        alarm_set(&side->idle, side->worker, IDLE_LOOK_MS);
}

static struct upstream_side *side_of(struct upstream *upstream, unsigned worker)
{
    struct upstream_side *side = atomic_load_explicit(&upstream->sides[worker], memory_order_relaxed);
    if (LIKELY(side != NULL))
        return side;
    side = aligned_alloc(64, (sizeof *side + 63) & ~(size_t)63);
    if (side == NULL)
        abort();
    memset(side, 0, sizeof *side);
    side->upstream = upstream;
    side->outlet = outlet_of(worker);
    side->worker = worker;
    side->udp_turn = UINT64_MAX;
    side->pipeline = FLOW_PIPELINE;
    side->idle.ring = on_idle;
    atomic_store_explicit(&upstream->sides[worker], side, memory_order_release);
    return side;
}

/* ---- inquiries on a channel ---- */

void channel_add(struct channel *channel, struct inquiry *inquiry)
{
    uint16_t id = (uint16_t)worker_random(channel->side->worker);
    while (channel_find(channel, id) != NULL)
        id++;
    struct inquiry **bucket = &channel->buckets[id % CHANNEL_BUCKETS];
    inquiry->id = id;
    inquiry->channel = channel;
    inquiry->next = *bucket;
    inquiry->link = bucket;
    if (inquiry->next != NULL)
        inquiry->next->link = &inquiry->next;
    *bucket = inquiry;
    channel->outstanding++;
    channel->active_ms = worker_now_ms(channel->side->worker);
    inquiry_write_id(inquiry);
}

void channel_remove(struct inquiry *inquiry)
{
    struct channel *channel = inquiry->channel;
    *inquiry->link = inquiry->next;
    if (inquiry->next != NULL)
        inquiry->next->link = inquiry->link;
    inquiry->channel = NULL;
    channel->outstanding--;
}

struct inquiry *channel_find(const struct channel *channel, uint16_t id)
{
    struct inquiry *inquiry = channel->buckets[id % CHANNEL_BUCKETS];
    while (inquiry != NULL && inquiry->id != id)
        inquiry = inquiry->next;
    return inquiry;
}

void inquiry_write_id(struct inquiry *inquiry)
{
    inquiry->packet[0] = (uint8_t)(inquiry->id >> 8);
    inquiry->packet[1] = (uint8_t)inquiry->id;
}

/* Takes it off its channel, which may have been waiting for that. */
static void leave_channel(struct inquiry *inquiry)
{
    struct channel *channel = inquiry->channel;
    if (channel == NULL)
        return;
    if (inquiry->unsent)
        udp_forget(inquiry);
    channel_remove(inquiry);
    if (channel->flow == NULL)
        udp_settle(channel);
    else if (channel->retiring && channel->outstanding == 0)
        flow_close_channel(channel);
}

static void count_end(struct inquiry *inquiry, enum inquiry_end end)
{
    struct side_counters *counters = &inquiry->upstream->sides[inquiry->worker]->counters;
    if (end == INQUIRY_TIMEOUT)
        counter_add(&counters->timeouts, 1);
    else if (end == INQUIRY_BROKEN)
        counter_add(&counters->broken, 1);
}

void inquiry_finish(struct inquiry *inquiry, enum inquiry_end end, const char *why)
{
    alarm_clear(&inquiry->alarm);
    leave_channel(inquiry);
    count_end(inquiry, end);
    inquiry->why = why;
    inquiry->done(inquiry, end);
}

void inquiry_finish_later(struct inquiry *inquiry, enum inquiry_end end, const char *why)
{
    inquiry->ended = (uint8_t)(end + 1);
    inquiry->why = why;
    alarm_set(&inquiry->alarm, inquiry->worker, 0);
}

void channel_fail_all(struct channel *channel, enum inquiry_end end, const char *why)
{
    for (unsigned i = 0; i < CHANNEL_BUCKETS && channel->outstanding > 0; i++) {
        while (channel->buckets[i] != NULL)
            inquiry_finish(channel->buckets[i], end, why);
    }
}

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void count_answer(struct inquiry *inquiry, const struct response *response)
{
    struct side_counters *counters = &inquiry->upstream->sides[inquiry->worker]->counters;
    unsigned bucket = 0, rcode = response->rcode < UPSTREAM_TOLD - 1 ? response->rcode : UPSTREAM_TOLD - 1;
    for (uint32_t limit = 250; bucket < UPSTREAM_BUCKETS - 1 && inquiry->took_us > limit; limit *= 2)
        bucket++;
    counter_add(&counters->took[rcode][bucket], 1);
    counter_add(&counters->took_us[rcode], inquiry->took_us);
    counter_add(&counters->answers[rcode], 1);
}

void inquiry_answer(struct inquiry *inquiry, const struct response *response)
{
    inquiry->took_us = (uint32_t)((now_ns() - inquiry->asked_ns) / 1000);
    inquiry->response = response;
    count_answer(inquiry, response);
    inquiry->channel->answered = true;
    inquiry_finish(inquiry, INQUIRY_ANSWERED, NULL);
}

/* RFC 1035 7.3: the answer is to the question asked. Some errors come without it. */
enum same_question inquiry_compare(const struct inquiry *inquiry, const struct response *response)
{
    const uint8_t *asked = inquiry->packet + MESSAGE_HEADER_LEN;
    const uint8_t *told = response->body.message + MESSAGE_HEADER_LEN;
    if (!response->has_question)
        return response->rcode != RCODE_NOERROR && response->rcode != RCODE_NXDOMAIN ? QUESTION_SAME
                                                                                     : QUESTION_OTHER;
    size_t len = inquiry->question_len, name = len - 4;
    if (response->body.at != MESSAGE_HEADER_LEN + len || memcmp(asked + name, told + name, 4) != 0)
        return QUESTION_OTHER;
    if (LIKELY(memcmp(asked, told, name) == 0))
        return QUESTION_SAME;
    return name_equal(asked, told) ? QUESTION_OTHER_CASE : QUESTION_OTHER;
}

/* ---- asking ---- */

static void on_alarm(struct alarm *alarm, bool ending)
{
    struct inquiry *inquiry = (struct inquiry *)(void *)((char *)alarm - offsetof(struct inquiry, alarm));
    enum inquiry_end end = inquiry->ended != 0 ? (enum inquiry_end)(inquiry->ended - 1) : INQUIRY_TIMEOUT;
    inquiry_finish(inquiry, ending ? INQUIRY_ENDING : end, inquiry->why);
}

void inquiry_by_flow(struct inquiry *inquiry)
{
    struct upstream_side *side = inquiry->upstream->sides[inquiry->worker];
    leave_channel(inquiry);
    inquiry->tcp = true;
    flow_ask(side, inquiry);
}

void inquiry_ask(struct inquiry *inquiry, unsigned worker, uint32_t timeout_ms)
{
    struct upstream_side *side = side_of(inquiry->upstream, worker);
    inquiry->worker = worker;
    inquiry->response = NULL;
    inquiry->why = NULL;
    inquiry->channel = NULL;
    inquiry->reasked = 0;
    inquiry->unsent = false;
    inquiry->case_differed = false;
    inquiry->ended = 0;
    inquiry->asked_ns = now_ns();
    inquiry->alarm.ring = on_alarm;
    inquiry->alarm.link = NULL;
    if (UNLIKELY(side->outlet->ending)) {
        inquiry_finish_later(inquiry, INQUIRY_ENDING, NULL);
        return;
    }
    alarm_set(&inquiry->alarm, worker, timeout_ms);
    if (side->idle.link == NULL)
        alarm_set(&side->idle, worker, IDLE_LOOK_MS);
    if (inquiry->tcp || inquiry->upstream->settings.tls != NULL)
        flow_ask(side, inquiry);
    else
        udp_ask(side, inquiry);
}

void inquiry_cancel(struct inquiry *inquiry)
{
    alarm_clear(&inquiry->alarm);
    leave_channel(inquiry);
}

/* ---- counting ---- */

static void add_side(const struct side_counters *one, struct upstream_counters *sum)
{
#define ADD(field) sum->field += atomic_load_explicit(&one->field, memory_order_relaxed)
    ADD(udp);
    ADD(tcp);
    ADD(tls);
    ADD(timeouts);
    ADD(broken);
    ADD(wrong);
    ADD(opened);
    ADD(reused);
    for (unsigned i = 0; i < UPSTREAM_TOLD; i++) {
        ADD(answers[i]);
        ADD(took_us[i]);
        for (unsigned k = 0; k < UPSTREAM_BUCKETS; k++)
            ADD(took[i][k]);
    }
#undef ADD
}

void upstream_count(const struct upstream *upstream, struct upstream_counters *sum)
{
    memset(sum, 0, sizeof *sum);
    for (unsigned i = 0; i < upstream->sides_count; i++) {
        const struct upstream_side *side = atomic_load_explicit(&upstream->sides[i], memory_order_acquire);
        if (side != NULL)
            add_side(&side->counters, sum);
    }
}
