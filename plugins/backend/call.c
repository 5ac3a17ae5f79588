#include "plugins/backend/call.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "zone/wire/edns.h"
#include "zone/wire/type.h"

#define ROUNDS 2           /* each server is asked so often */
#define PAUSE_MS 50        /* between two rounds */
#define ATTEMPT_MIN_MS 100 /* for one attempt, as far as there is time */

static void on_alarm(struct alarm *alarm, bool ending);

static uint64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* ---- memory ---- */

static struct call *take(struct backend *backend, unsigned worker)
{
    struct backend_side *side = &backend->sides[worker];
    struct call *call = side->free;
    if (call != NULL)
        side->free = call->next;
    else
        call = malloc(sizeof *call);
    return call;
}

static void give(struct call *call)
{
    struct backend_side *side = &call->backend->sides[call->query->worker];
    call->next = side->free;
    side->free = call;
}

bool call_keep(struct call *call, const void *bytes, size_t len)
{
    size_t needed = call->body_len + len;
    if (needed > BODY_MAX)
        return false;
    if (needed > call->body_room) {
        size_t room = needed < 1024 ? 1024 : needed * 2;
        uint8_t *more = arena_alloc(call->query->scratch, room, 8);
        if (more == NULL)
            return false;
        if (call->body_len > 0)
            memcpy(more, call->body, call->body_len);
        call->body = more;
        call->body_room = room;
    }
    if (len > 0)
        memcpy(call->body + call->body_len, bytes, len);
    call->body_len = needed;
    return true;
}

void call_why(struct call *call, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(call->why, sizeof call->why, format, args);
    va_end(args);
}

/* ---- whom to ask ---- */

static void shuffle(struct call *call, unsigned worker)
{
    uint64_t random = worker_random(worker);
    for (unsigned i = call->backend->targets_count; i > 1; i--) {
        unsigned other = (unsigned)(random % i);
        uint8_t moved = call->order[i - 1];
        random /= i;
        call->order[i - 1] = call->order[other];
        call->order[other] = moved;
    }
}

/* Those that could not be reached a moment ago come last, in the order they had. */
static void put_failed_last(struct call *call, unsigned worker)
{
    const struct backend *backend = call->backend;
    uint8_t failed[TARGETS_MAX];
    unsigned good_count = 0, failed_count = 0;
    uint64_t now = worker_now_ms(worker);
    for (unsigned i = 0; i < backend->targets_count; i++) {
        uint8_t number = call->order[i];
        if (backend->targets[number]->lanes[worker].failed_until_ms > now)
            failed[failed_count++] = number;
        else
            call->order[good_count++] = number;
    }
    memcpy(call->order + good_count, failed, failed_count);
}

static void choose_order(struct call *call, unsigned worker)
{
    struct backend *backend = call->backend;
    unsigned n = backend->targets_count, first = 0;
    if (backend->policy == POLICY_ROUND_ROBIN)
        first = backend->sides[worker].turn++ % n;
    for (unsigned i = 0; i < n; i++)
        call->order[i] = (uint8_t)((first + i) % n);
    if (n == 1)
        return;
    if (backend->policy == POLICY_RANDOM)
        shuffle(call, worker);
    put_failed_last(call, worker);
}

/* As long as there are others to ask, half of the time that is left. */
static uint32_t attempt_ms(const struct call *call, uint64_t now)
{
    uint64_t left = call->deadline_ms > now ? call->deadline_ms - now : 1;
    bool last = call->attempts + 1 >= call->backend->targets_count;
    if (!last && left / 2 > ATTEMPT_MIN_MS)
        left /= 2;
    return (uint32_t)left;
}

static bool ask(struct call *call, unsigned worker)
{
    uint64_t now = worker_now_ms(worker);
    call->asked_ms = now;
    call->asked_us = now_us();
    call->body_len = call->body_room = 0;
    call->body = NULL;
    call->link = NULL;
    call->link_at = NULL;
    call->sent = 0;
    call->http_status = 0;
    call->grpc_status = -1;
    call->grpc_message[0] = '\0';
    call->why[0] = '\0';
    alarm_set(&call->alarm, worker, attempt_ms(call, now));
    call_count(&call_lane(call)->requests, 1);
    return call->backend->carrier->ask(call);
}

/* Asks the next server; false when there is none, or no time. Begins a pause when all have been asked. */
static bool go_on(struct call *call)
{
    const struct backend *backend = call->backend;
    unsigned worker = call->query->worker, n = backend->targets_count;
    while (call->attempts < ROUNDS * n && worker_now_ms(worker) < call->deadline_ms) {
        if (call->at >= n) {
            call->at = 0;
            call->pausing = true;
            alarm_set(&call->alarm, worker, PAUSE_MS);
            return true;
        }
        call->number = call->order[call->at++];
        call->target = backend->targets[call->number];
        call->reasked = false;
        if (ask(call, worker))
            return true;
        call->attempts++;
        call_count(&call_lane(call)->failures, 1);
    }
    return false;
}

/* ---- the end ---- */

static void end_call(struct call *call, enum served verdict)
{
    struct query *query = call->query;
    alarm_clear(&call->alarm);
    give(call);
    query_resume(query, verdict);
}

/* RFC 8914 4.23, 4.24. */
static enum served fail(struct call *call)
{
    struct query *query = call->query;
    bool timeout = strcmp(call->why, "timeout") == 0;
    reply_clear(&query->reply);
    query_fail(query, call->backend->plugin, RCODE_SERVFAIL, "%s: %s",
        call->target != NULL ? call->target->label : "no server",
        call->why[0] != '\0' ? call->why : "no time is left");
    query->reply.ede = (timeout ? EDE_NO_REACHABLE : EDE_NETWORK_ERROR) + 1;
    return SERVED_ANSWERED;
}

static void note_answer(struct call *call)
{
    struct lane *lane = call_lane(call);
    unsigned rcode = call->query->reply.rcode, bucket = 0;
    uint64_t took = now_us() - call->asked_us;
    for (uint64_t bound = 250; bucket + 1 < CALL_BUCKETS && took > bound; bound *= 2)
        bucket++;
    lane->failed_until_ms = 0;
    call_count(&lane->rcodes[rcode < CALL_RCODES ? rcode : CALL_RCODES - 1], 1);
    call_count(&lane->took[bucket], 1);
    call_count(&lane->took_us, took);
}

static bool is_nodata(const struct reply *reply)
{
    if (reply->rcode != RCODE_NOERROR)
        return false;
    if (reply->body != NULL)
        return reply->body->counts[SECTION_ANSWER] == 0;
    return reply->count == 0 || reply->refs[0].section != SECTION_ANSWER;
}

static bool under_any(const uint8_t *const *zones, unsigned count, const struct question *question)
{
    for (unsigned i = 0; i < count; i++) {
        if (question_under(question, zones[i]))
            return true;
    }
    return false;
}

static bool falls_through(const struct call *call)
{
    const struct backend *backend = call->backend;
    const struct reply *reply = &call->query->reply;
    if (backend->fall_count == 0)
        return false;
    return (reply->rcode == RCODE_NXDOMAIN || (backend->fall_nodata && is_nodata(reply))) &&
           under_any(backend->fall, backend->fall_count, call->query->question);
}

void call_answered(struct call *call)
{
    note_answer(call);
    if (!falls_through(call)) {
        end_call(call, SERVED_ANSWERED);
        return;
    }
    reply_clear(&call->query->reply);
    query_why(call->query, "the backend knows no such name, and the question falls through");
    end_call(call, SERVED_NEXT);
}

void call_failed(struct call *call, bool unreachable)
{
    unsigned worker = call->query->worker;
    struct lane *lane = call_lane(call);
    call->attempts++;
    call_count(&lane->failures, 1);
    if (unreachable)
        lane->failed_until_ms = worker_now_ms(worker) + 1000;
    if (!go_on(call))
        end_call(call, fail(call));
}

void call_broken(struct call *call)
{
    if (call->reasked || worker_now_ms(call->query->worker) >= call->deadline_ms) {
        call_failed(call, true);
        return;
    }
    call->reasked = true;
    if (!ask(call, call->query->worker))
        call_failed(call, true);
}

static void on_alarm(struct alarm *alarm, bool ending)
{
    struct call *call = (struct call *)(void *)((char *)alarm - offsetof(struct call, alarm));
    bool pausing = call->pausing;
    call->pausing = false;
    if (!pausing)
        call->backend->carrier->cancel(call);
    if (ending) {
        end_call(call, SERVED_DROPPED);
        return;
    }
    if (pausing) {
        if (!go_on(call))
            end_call(call, fail(call));
        return;
    }
    call_why(call, "timeout");
    call_failed(call, false);
}

/* ---- the beginning ---- */

static enum served begin(struct backend *backend, struct query *query)
{
    unsigned worker = query->worker;
    const char *plugin = backend->plugin;
    struct call *call = query_may_wait(query) ? take(backend, worker) : NULL;
    if (call == NULL)
        return query_fail(query, plugin, RCODE_SERVFAIL, "too many queries wait for answers");
    call->backend = backend;
    call->query = query;
    call->target = NULL;
    call->attempts = 0;
    call->at = 0;
    call->pausing = false;
    call->why[0] = '\0';
    call->alarm = (struct alarm){.ring = on_alarm};
    call->deadline_ms = worker_now_ms(worker) + backend->deadline_ms;
    choose_order(call, worker);
    if (go_on(call))
        return SERVED_SUSPENDED;
    enum served served = fail(call);
    alarm_clear(&call->alarm);
    give(call);
    return served;
}

enum served backend_serve(void *self, struct query *query)
{
    const struct question *question = query->question;
    if (UNLIKELY(question->type == TYPE_AXFR || question->type == TYPE_IXFR)) /* no single answers */
        return SERVED_NEXT;
    for (struct backend *line = self; line != NULL; line = line->next) {
        if (under_any(line->from, line->from_count, question) &&
            !under_any(line->except, line->except_count, question))
            return begin(line, query);
    }
    query_why(query, "the name is not one for the backend");
    return SERVED_NEXT;
}
