#include "plugins/secondary/clock.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "plugins/secondary/crew.h"
#include "plugins/secondary/ledger.h"
#include "plugins/secondary/primary.h"
#include "plugins/secondary/probe.h"
#include "zone/base/log.h"
#include "zone/net/stream.h"
#include "zone/wire/name.h"

#define LEDGER_MS 20000 /* how often it is written when something has changed */
#define FIRST_RETRY_S 2 /* while there is no version, doubled with each failure ... */
#define FIRST_RETRY_MAX_S 300
#define REFRESH_MIN_S 1
#define REFRESH_MAX_S (7 * 86400)
#define FRUITLESS_MS 500 /* between rounds that NOTIFYs ask for and that bring nothing */

pthread_mutex_t clock_lock = PTHREAD_MUTEX_INITIALIZER;

static struct {
    unsigned users;
    pthread_t thread;
    int event; /* -1: it does not run */
    atomic_bool ending;
    _Atomic(struct follower *) wishes;
    struct follower **heap;
    uint32_t count, room;
    struct probe probes[PROBES_MAX];
    int64_t ledger_ms;
    uint64_t random;
} state = {.event = -1};

/* ---- the heap, earliest first ---- */

static void place(uint32_t at, struct follower *follower)
{
    state.heap[at] = follower;
    follower->heap_at = at + 1;
}

static void sift_up(uint32_t at, struct follower *follower)
{
    while (at > 0 && state.heap[(at - 1) / 2]->due_ms > follower->due_ms) {
        place(at, state.heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    place(at, follower);
}

static void sift_down(uint32_t at, struct follower *follower)
{
    for (uint32_t child; (child = 2 * at + 1) < state.count; at = child) {
        if (child + 1 < state.count && state.heap[child + 1]->due_ms < state.heap[child]->due_ms)
            child++;
        if (state.heap[child]->due_ms >= follower->due_ms)
            break;
        place(at, state.heap[child]);
    }
    place(at, follower);
}

void clock_unschedule(struct follower *follower)
{
    if (follower->heap_at == 0)
        return;
    uint32_t at = follower->heap_at - 1;
    struct follower *last = state.heap[--state.count];
    follower->heap_at = 0;
    if (last == follower)
        return;
    if (at > 0 && state.heap[(at - 1) / 2]->due_ms > last->due_ms)
        sift_up(at, last);
    else
        sift_down(at, last);
}

enum err clock_schedule(struct follower *follower, int64_t due_ms)
{
    clock_unschedule(follower);
    if (follower->gone)
        return ERR_OK;
    if (state.count == state.room) {
        uint32_t room = state.room * 2 + 64;
        struct follower **heap = realloc(state.heap, room * sizeof *heap);
        if (heap == NULL)
            return ERR_MEMORY;
        state.heap = heap;
        state.room = room;
    }
    follower->due_ms = due_ms;
    sift_up(state.count++, follower);
    return ERR_OK;
}

/* ---- when ---- */

/* Between 90 and 100 per cent of SECONDS, in milliseconds: zones that came together do not stay together. */
static int64_t jitter_ms(int64_t seconds)
{
    state.random = state.random * 6364136223846793005u + 1442695040888963407u;
    int64_t ms = seconds * 1000;
    return ms - (int64_t)((state.random >> 33) % (uint64_t)(ms / 10 + 1));
}

static int64_t clamp_s(int64_t seconds)
{
    return seconds < REFRESH_MIN_S ? REFRESH_MIN_S : seconds > REFRESH_MAX_S ? REFRESH_MAX_S : seconds;
}

static int64_t retry_s(const struct follower *follower)
{
    unsigned doublings = follower->failures < 10 ? follower->failures : 10;
    if (follower->expire_s != 0)
        return clamp_s(follower->retry_s);
    int64_t seconds = (int64_t)FIRST_RETRY_S << (doublings > 0 ? doublings - 1 : 0);
    return seconds < FIRST_RETRY_MAX_S ? seconds : FIRST_RETRY_MAX_S;
}

/* The time of the next round, or of expiry when that comes first. */
static void schedule_next(struct follower *follower, int64_t seconds)
{
    int64_t due_ms = net_now_ms() + jitter_ms(seconds), expires_s = follower_expires_s(follower);
    if (expires_s != 0 && !atomic_load(&follower->zone->expired)) {
        int64_t left_ms = (expires_s - (int64_t)time(NULL)) * 1000;
        if (left_ms < 0)
            left_ms = 0;
        if (net_now_ms() + left_ms < due_ms)
            due_ms = net_now_ms() + left_ms;
    }
    if (follower->again) {
        int64_t spaced_ms = follower->fruitless_ms + FRUITLESS_MS;
        due_ms = spaced_ms > net_now_ms() && !follower->force ? spaced_ms : net_now_ms();
    }
    follower->again = false;
    if (clock_schedule(follower, due_ms) != ERR_OK)
        log_error("plugin/secondary: out of memory");
}

/* ---- rounds ---- */

static void end_round(struct follower *follower)
{
    struct waiter *next;
    for (struct waiter *waiter = follower->waiters; waiter != NULL; waiter = next) {
        next = waiter->next;
        enum err err = host_call(waiter->done, waiter->context);
        (void)err; /* out of memory: he waits in vain */
        free(waiter);
    }
    follower->waiters = NULL;
    follower->tried = 0;
    follower->fetch_only = false;
    follower->left_s = LEFT_UNKNOWN;
}

/* Nobody uses it any more, and what was under way is over. */
static bool is_over(struct follower *follower)
{
    if (!follower->gone)
        return false;
    end_round(follower);
    zone_release(follower->zone);
    return true;
}

/* A round may last longer than the zone may be served. */
static void await_expiry(struct follower *follower)
{
    int64_t expires_s = follower_expires_s(follower), left_s = expires_s - (int64_t)time(NULL);
    if (expires_s == 0 || atomic_load(&follower->zone->expired))
        return;
    if (clock_schedule(follower, net_now_ms() + (left_s > 0 ? left_s * 1000 : 1000)) != ERR_OK)
        log_error("plugin/secondary: out of memory");
}

static void enter_line(struct follower *follower)
{
    const struct peer *peer = &follower->plan->primaries[follower->index].peer;
    bool ask = peer->transport == PEER_UDP && !follower->fetch_only && !follower->force &&
               atomic_load(&follower->zone->current) != NULL;
    struct primary *primary = primary_get(peer);
    if (primary == NULL)
        return;
    follower->at = primary;
    follower->stage = ask ? STAGE_ASK_LINE : STAGE_FETCH_LINE;
    line_add(ask ? &primary->ask : &primary->fetch, follower);
    await_expiry(follower);
    if (!ask)
        crew_call();
}

static void fail_round(struct follower *follower)
{
    follower->failures++;
    end_round(follower);
    schedule_next(follower, retry_s(follower));
}

/* The next primary; those that are down are passed over while there are others. */
static void try_next(struct follower *follower)
{
    const struct plan *plan = follower->plan;
    for (; follower->tried < plan->primary_count; follower->tried++) {
        follower->index = (follower->preferred + follower->tried) % plan->primary_count;
        const struct primary *primary = primary_get(&plan->primaries[follower->index].peer);
        if (primary != NULL && primary_is_down(primary) && follower->tried + 1 < plan->primary_count &&
            !follower->fetch_only)
            continue;
        follower->tried++;
        enter_line(follower);
        return;
    }
    fail_round(follower);
}

/* RFC 7314 4: who asks a secondary that has had no word from its primary for a day has had none either; but
 * what we know ourselves is not taken back. */
static int64_t confirmed_by(const struct follower *follower)
{
    int64_t now_s = (int64_t)time(NULL), then_s = now_s;
    if (follower->left_s < follower->expire_s)
        then_s -= follower->expire_s - follower->left_s;
    return then_s > follower->confirmed_s  ? then_s
           : follower->confirmed_s < now_s ? follower->confirmed_s
                                           : now_s;
}

void clock_confirmed(struct follower *follower)
{
    if (is_over(follower))
        return;
    follower->confirmed_s = confirmed_by(follower);
    follower->zone->expires_s = follower_expires_s(follower);
    follower->dirty = true;
    follower->failures = 0;
    follower->preferred = follower->index;
    zone_forget(follower->zone, ZONE_FAILED);
    end_round(follower);
    schedule_next(follower, clamp_s(follower->refresh_s));
}

void clock_failed(struct follower *follower)
{
    if (!is_over(follower))
        try_next(follower);
}

void clock_newer(struct follower *follower)
{
    if (is_over(follower))
        return;
    follower->stage = STAGE_FETCH_LINE;
    line_add(&follower->at->fetch, follower);
    crew_call();
}

/* ---- expiry ---- */

/* RFC 1035 3.3.13: data that nobody has confirmed for so long are not served any more. */
static void expire(struct follower *follower)
{
    struct zone *zone = follower->zone;
    int64_t expires_s = follower_expires_s(follower);
    char name[NAME_TEXT_MAX];
    if (expires_s == 0 || (int64_t)time(NULL) < expires_s || atomic_load(&zone->expired) ||
        !zone_write_try(zone))
        return;
    follower->kept = zone_take(zone);
    if (follower->kept != NULL) {
        zone_withdraw(zone);
        name_print(zone->name, name);
        log_error("plugin/secondary: %s: serial %u has expired: no primary has confirmed it for %u s", name,
            follower->kept->serial, follower->expire_s);
    }
    zone_write_end(zone);
}

static void wake(struct follower *follower)
{
    clock_unschedule(follower);
    expire(follower);
    if (follower->stage == STAGE_IDLE && follower->plan != NULL) {
        follower->tried = 0;
        try_next(follower);
    }
}

/* ---- probes ---- */

static struct probe *free_probe(void)
{
    for (unsigned i = 0; i < PROBES_MAX; i++) {
        if (state.probes[i].fd < 0)
            return &state.probes[i];
    }
    return NULL;
}

static void note_failure(struct follower *follower, const char *why)
{
    char name[NAME_TEXT_MAX], before[PROBE_WHY_MAX];
    if (zone_noted(follower->zone, ZONE_FAILED, before, sizeof before) != 0 && strcmp(before, why) == 0)
        return;
    zone_note(follower->zone, ZONE_FAILED, "%s", why);
    name_print(follower->zone->name, name);
    log_warning("plugin/secondary: %s: SOA from %s", name, why);
}

static void compare_serials(struct follower *follower, const struct probe *probe, uint32_t serial)
{
    struct snapshot *snapshot = zone_take(follower->zone);
    const char *text = probe->plan->primaries[follower->index % probe->plan->primary_count].text;
    char why[PROBE_WHY_MAX];
    follower->at->failures = 0;
    follower->stage = STAGE_IDLE;
    follower->left_s = probe->left_s;
    zone_note(follower->zone, ZONE_ASKED, "%s: serial %u", text, serial);
    if (snapshot == NULL || serial_after(serial, snapshot->serial)) {
        clock_newer(follower);
    } else if (serial == snapshot->serial) {
        clock_confirmed(follower);
    } else {
        snprintf(why, sizeof why, "%s: its serial %u is behind ours, %u", text, serial, snapshot->serial);
        note_failure(follower, why);
        clock_failed(follower);
    }
    snapshot_release(snapshot);
}

static void settle_probe(struct probe *probe, enum probe_outcome outcome, uint32_t serial, const char *why)
{
    struct follower *follower = probe->follower;
    if (outcome == PROBE_WAITING)
        return;
    follower->at->asking--;
    if (outcome == PROBE_ANSWERED) {
        compare_serials(follower, probe, serial);
    } else {
        follower->at->failures++;
        follower->stage = STAGE_IDLE;
        note_failure(follower, why);
        clock_failed(follower);
    }
    probe_end(probe);
}

static void begin_probes(void)
{
    struct probe *probe;
    struct follower *follower;
    while ((probe = free_probe()) != NULL && (follower = primaries_next_ask()) != NULL) {
        char why[PROBE_WHY_MAX];
        follower->stage = STAGE_ASKING;
        settle_probe(probe, probe_begin(probe, follower, why), 0, why);
    }
}

static void look_at_probes(const struct pollfd *polled, unsigned count)
{
    int64_t now_ms = net_now_ms();
    for (unsigned i = 0; i < PROBES_MAX; i++) {
        struct probe *probe = &state.probes[i];
        bool readable = false;
        char why[PROBE_WHY_MAX];
        uint32_t serial = 0;
        if (probe->fd < 0)
            continue;
        for (unsigned p = 0; p < count && !readable; p++)
            readable = polled[p].fd == probe->fd && polled[p].revents != 0;
        if (readable || now_ms >= probe->until_ms) {
            enum probe_outcome outcome = probe_look(probe, now_ms, readable, &serial, why);
            settle_probe(probe, outcome, serial, why);
        }
    }
}

/* ---- wishes ---- */

void clock_wish(struct follower *follower, int index)
{
    if (index >= 0)
        atomic_store(&follower->wish_from, index + 1);
    if (atomic_exchange(&follower->wish, true))
        return;
    zone_hold(follower->zone);
    follower->wish_next = atomic_load(&state.wishes);
    while (!atomic_compare_exchange_weak(&state.wishes, &follower->wish_next, follower))
        continue;
    clock_kick();
}

static void take_wish(struct follower *follower)
{
    int from = atomic_exchange(&follower->wish_from, 0);
    atomic_store(&follower->wish, false);
    if (follower->gone || follower->plan == NULL)
        return;
    zone_note(follower->zone, ZONE_NOTIFIED, NULL);
    if (follower->stage != STAGE_IDLE) {
        follower->again = true;
        return;
    }
    if (from > 0 && (unsigned)from <= follower->plan->primary_count) {
        follower->preferred = (unsigned)from - 1;
        follower->fetch_only = true; /* IXFR asks for the serial by itself */
    }
    int64_t spaced_ms = follower->fruitless_ms + FRUITLESS_MS, now_ms = net_now_ms();
    if (clock_schedule(follower, spaced_ms > now_ms ? spaced_ms : now_ms) != ERR_OK)
        log_error("plugin/secondary: out of memory");
}

static void take_wishes(void)
{
    struct follower *next;
    for (struct follower *follower = atomic_exchange(&state.wishes, NULL); follower != NULL;
         follower = next) {
        next = follower->wish_next;
        take_wish(follower);
        zone_release(follower->zone);
    }
}

/* ---- the thread ---- */

void clock_kick(void)
{
    uint64_t one = 1;
    int event = __atomic_load_n(&state.event, __ATOMIC_ACQUIRE);
    if (event >= 0 && write(event, &one, sizeof one) < 0)
        return; /* full: it is awake */
}

static void take_due(void)
{
    int64_t now_ms = net_now_ms();
    while (state.count > 0 && state.heap[0]->due_ms <= now_ms)
        wake(state.heap[0]);
}

/* Waits for answers, kicks, and the next time that something is due. */
static unsigned fill_poll(struct pollfd *polled, int *timeout_ms)
{
    int64_t now_ms = net_now_ms(), until_ms = now_ms + LEDGER_MS;
    unsigned count = 0;
    polled[count++] = (struct pollfd){.fd = state.event, .events = POLLIN};
    for (unsigned i = 0; i < PROBES_MAX; i++) {
        if (state.probes[i].fd < 0)
            continue;
        polled[count++] = (struct pollfd){.fd = state.probes[i].fd, .events = POLLIN};
        if (state.probes[i].until_ms < until_ms)
            until_ms = state.probes[i].until_ms;
    }
    if (state.count > 0 && state.heap[0]->due_ms < until_ms)
        until_ms = state.heap[0]->due_ms;
    *timeout_ms = until_ms > now_ms ? (int)(until_ms - now_ms) : 0;
    return count;
}

static void *run(void *arg)
{
    struct pollfd polled[PROBES_MAX + 1];
    unsigned count = 0;
    while (!atomic_load(&state.ending)) {
        int timeout_ms;
        pthread_mutex_lock(&clock_lock);
        look_at_probes(polled, count);
        take_wishes();
        take_due();
        begin_probes();
        count = fill_poll(polled, &timeout_ms);
        pthread_mutex_unlock(&clock_lock);
        uint64_t kicks;
        int ready = poll(polled, count, timeout_ms);
        if (ready > 0 && polled[0].revents != 0 && read(state.event, &kicks, sizeof kicks) < 0)
            continue;
        if (net_now_ms() >= state.ledger_ms) {
            ledger_save();
            state.ledger_ms = net_now_ms() + LEDGER_MS;
        }
    }
    return arg;
}

enum err clock_start(void)
{
    if (state.users++ > 0)
        return ERR_OK;
    for (unsigned i = 0; i < PROBES_MAX; i++)
        state.probes[i].fd = -1;
    state.random = (uint64_t)time(NULL) ^ (uint64_t)getpid() << 32;
    state.ledger_ms = net_now_ms() + LEDGER_MS;
    atomic_store(&state.ending, false);
    int event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    __atomic_store_n(&state.event, event, __ATOMIC_RELEASE);
    if (event >= 0 && pthread_create(&state.thread, NULL, run, NULL) == 0)
        return ERR_OK;
    state.users--;
    if (event >= 0)
        close(event);
    __atomic_store_n(&state.event, -1, __ATOMIC_RELEASE);
    return ERR_IO;
}

bool clock_ends(void)
{
    return state.users == 1;
}

/* Everything that is under way is given up; nobody uses a follower any more, or all have been put. */
/* A follower may outlive the clock: one whose catalog has let it go waits until no query sees its zone. */
static void let_go(void *context, struct follower *follower)
{
    (void)context;
    clock_unschedule(follower);
    if (follower->stage == STAGE_ASK_LINE)
        line_remove(&follower->at->ask, follower);
    else if (follower->stage == STAGE_FETCH_LINE)
        line_remove(&follower->at->fetch, follower);
    if (follower->stage == STAGE_ASK_LINE || follower->stage == STAGE_FETCH_LINE)
        follower->stage = STAGE_IDLE;
}

void clock_stop(void)
{
    if (state.users == 0 || --state.users > 0)
        return;
    atomic_store(&state.ending, true);
    clock_kick();
    pthread_join(state.thread, NULL);
    crew_end();
    pthread_mutex_lock(&clock_lock);
    for (unsigned i = 0; i < PROBES_MAX; i++) {
        if (state.probes[i].fd >= 0)
            settle_probe(&state.probes[i], PROBE_FAILED, 0, "the server ends");
    }
    take_wishes();
    followers_each(let_go, NULL);
    primaries_sweep();
    pthread_mutex_unlock(&clock_lock);
    close(state.event);
    __atomic_store_n(&state.event, -1, __ATOMIC_RELEASE);
    free(state.heap);
    state.heap = NULL;
    state.count = state.room = 0;
}
