#include <stdlib.h>
#include <string.h>

#include "server/upstream_side.h"

static const struct flow_events events;

/* ---- connections ---- */

static void unlink_channel(struct channel *channel)
{
    struct upstream_side *side = channel->side;
    for (struct channel **at = &side->flows; *at != NULL; at = &(*at)->next) {
        if (*at == channel) {
            *at = channel->next;
            side->flow_count--;
            return;
        }
    }
}

void flow_close_channel(struct channel *channel)
{
    unlink_channel(channel);
    channel_fail_all(channel, INQUIRY_BROKEN, "the upstream is not asked any more");
    flow_close(channel->flow);
    free(channel);
}

/* RFC 7766 6.2.3: idle connections are closed by the client; of those the newest stay that may. */
void flow_close_idle(struct upstream_side *side, uint64_t now_ms)
{
    const struct upstream_settings *settings = &side->upstream->settings;
    unsigned idle = 0;
    struct channel *next;
    for (struct channel *channel = side->flows; channel != NULL; channel = next) {
        next = channel->next;
        if (channel->outstanding > 0)
            continue;
        idle++;
        bool surplus = settings->max_idle != 0 && idle > settings->max_idle;
        if (surplus || now_ms - channel->active_ms >= (uint64_t)settings->expire_ms)
            flow_close_channel(channel);
    }
}

static struct channel *open_channel(struct upstream_side *side)
{
    const struct upstream_settings *settings = &side->upstream->settings;
    struct flow_target target = {.to = settings->to,
        .source = settings->source,
        .tls = settings->tls,
        .server_name = settings->server_name,
        .connect_ms = FLOW_CONNECT_MS};
    struct channel *channel = calloc(1, sizeof *channel);
    if (channel == NULL)
        return NULL;
    channel->side = side;
    channel->fd = -1;
    channel->flow = flow_open(side->worker, &target, &events, channel);
    if (channel->flow == NULL) {
        free(channel);
        return NULL;
    }
    channel->active_ms = channel->opened_ms = worker_now_ms(side->worker);
    channel->next = side->flows;
    side->flows = channel;
    side->flow_count++;
    return channel;
}

/* The connection with the fewest questions, or a new one when all bear as many as they can. */
static struct channel *choose_channel(struct upstream_side *side)
{
    struct channel *best = NULL;
    for (struct channel *channel = side->flows; channel != NULL; channel = channel->next) {
        if (!channel->retiring && (best == NULL || channel->outstanding < best->outstanding))
            best = channel;
    }
    bool full = best == NULL || best->outstanding >= side->pipeline;
    if (full && side->flow_count < FLOWS_MAX) {
        struct channel *opened = open_channel(side);
        if (opened != NULL) {
            counter_add(&side->counters.opened, 1);
            return opened;
        }
    }
    if (best != NULL)
        counter_add(&side->counters.reused, 1);
    return best;
}

/* ---- asking ---- */

static bool send_question(struct channel *channel, const struct inquiry *inquiry)
{
    uint8_t frame[2 + 1024];
    if (inquiry->len > sizeof frame - 2) {
        const uint8_t head[2] = {(uint8_t)(inquiry->len >> 8), (uint8_t)inquiry->len};
        return flow_send(channel->flow, head, 2) == ERR_OK &&
               flow_send(channel->flow, inquiry->packet, inquiry->len) == ERR_OK;
    }
    frame[0] = (uint8_t)(inquiry->len >> 8);
    frame[1] = (uint8_t)inquiry->len;
    memcpy(frame + 2, inquiry->packet, inquiry->len);
    return flow_send(channel->flow, frame, 2u + inquiry->len) == ERR_OK;
}

void flow_ask(struct upstream_side *side, struct inquiry *inquiry)
{
    struct channel *channel = choose_channel(side);
    if (channel == NULL || channel->outstanding >= UINT16_MAX / 2) {
        inquiry_finish_later(inquiry, INQUIRY_BROKEN, "no connection");
        return;
    }
    channel_add(channel, inquiry);
    counter_add(side->upstream->settings.tls != NULL ? &side->counters.tls : &side->counters.tcp, 1);
    if (!send_question(channel, inquiry)) {
        channel_remove(inquiry);
        inquiry_finish_later(inquiry, INQUIRY_BROKEN, "the upstream does not read");
    }
}

/* ---- answers ---- */

/* Where a server answers by TCP with the name in another case too, that is its way, not an attack. */
static void note_case(struct inquiry *inquiry)
{
    if (inquiry->case_differed)
        atomic_store_explicit(&inquiry->upstream->case_blind, true, memory_order_relaxed);
}

/* One whole message. False when nothing more is to be taken from this connection. */
static bool take_message(struct channel *channel, const uint8_t *bytes, size_t len, struct response *response)
{
    struct inquiry *inquiry = NULL;
    if (len >= MESSAGE_HEADER_LEN)
        inquiry = channel_find(channel, (uint16_t)(bytes[0] << 8 | bytes[1]));
    if (inquiry != NULL && response_read(response, bytes, len) != ERR_OK) {
        inquiry_finish(inquiry, INQUIRY_BROKEN, "malformed answer");
        return true;
    }
    enum same_question same = inquiry != NULL ? inquiry_compare(inquiry, response) : QUESTION_OTHER;
    if (same == QUESTION_OTHER) {
        counter_add(&channel->side->counters.wrong, 1);
        return inquiry == NULL; /* one that was given up, perhaps; else it lies */
    }
    if (same == QUESTION_OTHER_CASE)
        note_case(inquiry);
    if (++channel->answers > channel->side->pipeline && channel->side->pipeline < FLOW_PIPELINE)
        channel->side->pipeline = channel->answers; /* it bears more than another had borne */
    channel->active_ms = worker_now_ms(channel->side->worker);
    inquiry_answer(inquiry, response);
    return true;
}

static void on_closed(void *context, const char *why);

/* As many as there are places for: the rest comes again with the next event. */
static size_t on_received(void *context, const uint8_t *bytes, size_t len)
{
    struct channel *channel = context;
    struct outlet *outlet = channel->side->outlet;
    size_t at = 0;
    for (unsigned i = 0; len - at >= 2; i = (i + 1) % BATCH) {
        size_t size = (size_t)bytes[at] << 8 | bytes[at + 1];
        if (len - at - 2 < size)
            break;
        bool kept = channel->outstanding > 1 || !channel->retiring; /* it may be closed by its last answer */
        if (!take_message(channel, bytes + at + 2, size, &outlet->responses[i])) {
            flow_close(channel->flow);
            on_closed(channel, "an answer to another question");
            return len;
        }
        if (!kept)
            return len;
        at += 2 + size;
        if (i + 1 == BATCH) {
            worker_leave(outlet->worker); /* what was resumed is answered before its place is used again */
            worker_enter(outlet->worker);
        }
    }
    return at;
}

/* The other side has closed, or it broke. What it had not answered is asked on a new connection, when this
 * one has worked before (RFC 7766 6.2.4), and fewer questions at a time than it had borne. */
static void on_closed(void *context, const char *why)
{
    struct channel *channel = context;
    struct upstream_side *side = channel->side;
    char reason[128];
    strncpy(reason, why, sizeof reason - 1);
    reason[sizeof reason - 1] = '\0';
    bool ending = side->outlet->ending, again = channel->answered && !ending;
    unlink_channel(channel);
    if (channel->outstanding > 0 && channel->answers > 0 && channel->answers < side->pipeline)
        side->pipeline = channel->answers;
    channel->retiring = false;
    for (unsigned i = 0; i < CHANNEL_BUCKETS; i++) {
        while (channel->buckets[i] != NULL) {
            struct inquiry *inquiry = channel->buckets[i];
            if (again && inquiry->reasked < REASK_MAX) {
                inquiry->reasked++;
                channel_remove(inquiry);
                flow_ask(side, inquiry);
            } else {
                inquiry_finish(inquiry, ending ? INQUIRY_ENDING : INQUIRY_BROKEN, reason);
            }
        }
    }
    free(channel);
}

static const struct flow_events events = {.received = on_received, .closed = on_closed};
