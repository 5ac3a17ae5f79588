#include "server/outlet.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/upstream.h"

static void on_prepare(uv_prepare_t *prepare);

struct outlet *outlet_of(unsigned index)
{
    struct worker *worker = worker_at(index);
    struct outlet *outlet = worker->outlet;
    if (LIKELY(outlet != NULL))
        return outlet;
    outlet = aligned_alloc(64, (sizeof *outlet + 63) & ~(size_t)63);
    if (outlet == NULL)
        abort();
    memset(outlet, 0, offsetof(struct outlet, responses));
    outlet->worker = worker;
    for (unsigned i = 0; i < BATCH; i++)
        outlet->iovs[i] = (struct iovec){outlet->packets[i], OUTLET_PACKET};
    uv_prepare_init(&worker->loop, &outlet->prepare);
    uv_timer_init(&worker->loop, &outlet->timer);
    outlet->prepare.data = outlet;
    outlet->timer.data = outlet;
    worker->outlet = outlet;
    return outlet;
}

/* ---- flushing ---- */

static void on_prepare(uv_prepare_t *prepare)
{
    struct outlet *outlet = prepare->data;
    worker_enter(outlet->worker);
    struct flush *flush = outlet->flushes;
    outlet->flushes = NULL;
    outlet->turn++;
    while (flush != NULL) {
        struct flush *next = flush->next;
        flush->queued = false;
        flush->flush(flush);
        flush = next;
    }
    if (outlet->flushes == NULL)
        uv_prepare_stop(prepare);
    worker_leave(outlet->worker);
}

void outlet_flush_later(struct outlet *outlet, struct flush *flush)
{
    if (flush->queued || outlet->ending)
        return;
    if (outlet->flushes == NULL)
        uv_prepare_start(&outlet->prepare, on_prepare);
    flush->queued = true;
    flush->next = outlet->flushes;
    outlet->flushes = flush;
}

void outlet_flush_never(struct outlet *outlet, struct flush *flush)
{
    for (struct flush **at = &outlet->flushes; flush->queued && *at != NULL; at = &(*at)->next) {
        if (*at == flush) {
            *at = flush->next;
            break;
        }
    }
    flush->queued = false;
}

/* ---- members ---- */

void outlet_join(struct outlet *outlet, struct outlet_member *member)
{
    member->next = outlet->members;
    member->link = &outlet->members;
    if (member->next != NULL)
        member->next->link = &member->next;
    outlet->members = member;
}

void outlet_part(struct outlet_member *member)
{
    if (member->link == NULL)
        return;
    *member->link = member->next;
    if (member->next != NULL)
        member->next->link = member->link;
    member->link = NULL;
}

/* ---- alarms ---- */

static uint64_t tick_of(uint64_t ms)
{
    return ms / ALARM_TICK_MS;
}

void alarm_clear(struct alarm *alarm)
{
    if (alarm->link == NULL)
        return;
    *alarm->link = alarm->next;
    if (alarm->next != NULL)
        alarm->next->link = alarm->link;
    alarm->link = NULL;
}

static void ring_slot(struct outlet *outlet, unsigned slot, uint64_t tick)
{
    struct alarm **at = &outlet->wheel[slot];
    while (*at != NULL) {
        struct alarm *alarm = *at;
        if (alarm->tick > tick) {
            at = &alarm->next;
            continue;
        }
        alarm_clear(alarm);
        alarm->ring(alarm, outlet->ending);
        at = &outlet->wheel[slot]; /* ringing may have changed the list anywhere */
    }
}

static bool is_empty(const struct outlet *outlet)
{
    for (unsigned i = 0; i < OUTLET_WHEEL; i++) {
        if (outlet->wheel[i] != NULL)
            return false;
    }
    return true;
}

static void on_tick(uv_timer_t *timer)
{
    struct outlet *outlet = timer->data;
    uint64_t now = tick_of(uv_now(&outlet->worker->loop)), from = outlet->tick;
    worker_enter(outlet->worker);
    outlet->tick = now;
    if (now - from > OUTLET_WHEEL)
        from = now - OUTLET_WHEEL;
    for (uint64_t tick = from + 1; tick <= now; tick++)
        ring_slot(outlet, (unsigned)(tick % OUTLET_WHEEL), now);
    if (now / 64 != from / 64 && is_empty(outlet)) /* a look at all slots, twice a second */
        uv_timer_stop(timer);
    worker_leave(outlet->worker);
}

void alarm_set(struct alarm *alarm, unsigned worker, uint32_t in_ms)
{
    struct outlet *outlet = outlet_of(worker);
    uint64_t now = uv_now(&outlet->worker->loop);
    if (!uv_is_active((uv_handle_t *)&outlet->timer)) {
        outlet->tick = tick_of(now);
        if (!outlet->ending)
            uv_timer_start(&outlet->timer, on_tick, ALARM_TICK_MS, ALARM_TICK_MS);
    }
    alarm_clear(alarm);
    alarm->tick = tick_of(now + in_ms) + 1;
    if (alarm->tick <= outlet->tick)
        alarm->tick = outlet->tick + 1;
    struct alarm **slot = &outlet->wheel[alarm->tick % OUTLET_WHEEL];
    alarm->next = *slot;
    alarm->link = slot;
    if (alarm->next != NULL)
        alarm->next->link = &alarm->next;
    *slot = alarm;
}

uint64_t worker_now_ms(unsigned worker)
{
    return uv_now(&worker_at(worker)->loop);
}

/* ---- random numbers ---- */

/* A stream cipher whose key is replaced by its own first octets: what was given out cannot be found from what
 * is here now, and the system is asked once. */
static void refill_random(struct outlet *outlet)
{
    struct {
        uint8_t key[randombytes_SEEDBYTES];
        uint64_t numbers[OUTLET_RANDOM / 8];
    } fresh;
    if (!outlet->random_keyed)
        randombytes_buf(outlet->random_key, sizeof outlet->random_key);
    outlet->random_keyed = true;
    randombytes_buf_deterministic(&fresh, sizeof fresh, outlet->random_key);
    memcpy(outlet->random_key, fresh.key, sizeof fresh.key);
    memcpy(outlet->random, fresh.numbers, sizeof fresh.numbers);
    sodium_memzero(&fresh, sizeof fresh);
    outlet->random_left = OUTLET_RANDOM / 8;
}

uint64_t worker_random(unsigned worker)
{
    struct outlet *outlet = outlet_of(worker);
    if (UNLIKELY(outlet->random_left == 0))
        refill_random(outlet);
    uint64_t *at = &outlet->random[--outlet->random_left], value = *at;
    *at = 0; /* what was used is not to be found here */
    return value;
}

/* ---- the end ---- */

void outlet_end(struct outlet *outlet)
{
    if (outlet == NULL || outlet->ending)
        return;
    outlet->ending = true;
    worker_enter(outlet->worker);
    while (outlet->members != NULL)
        outlet->members->end(outlet->members);
    for (unsigned slot = 0; slot < OUTLET_WHEEL; slot++)
        ring_slot(outlet, slot, UINT64_MAX);
    worker_leave(outlet->worker);
    uv_prepare_stop(&outlet->prepare);
    uv_timer_stop(&outlet->timer);
    uv_close((uv_handle_t *)&outlet->prepare, NULL);
    uv_close((uv_handle_t *)&outlet->timer, NULL);
}

void outlet_free(struct outlet *outlet)
{
    free(outlet);
}
