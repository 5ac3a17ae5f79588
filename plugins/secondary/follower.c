#include "plugins/secondary/follower.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "plugins/secondary/clock.h"
#include "plugins/secondary/ledger.h"
#include "plugins/secondary/primary.h"
#include "plugins/secondary/relay.h"
#include "zone/base/hash.h"
#include "zone/base/log.h"
#include "zone/net/stream.h"

#define BUCKETS 4096

static struct follower *buckets[BUCKETS]; /* changed by the control thread, with the clock's lock */

/* ---- the register ---- */

static bool same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static struct follower **bucket_of(const uint8_t *name)
{
    return &buckets[hash_bytes(0, name, name_len(name)) % BUCKETS];
}

/* bailiwickctl refresh, retransfer: the next round begins at once. */
static bool refresh(struct zone *zone, bool force, void (*done)(void *context), void *context)
{
    struct follower *follower = zone->owner;
    struct waiter *waiter = done != NULL ? malloc(sizeof *waiter) : NULL;
    if (done != NULL && waiter == NULL)
        return false;
    pthread_mutex_lock(&clock_lock);
    bool started = follower->plan != NULL && !follower->gone;
    if (started && waiter != NULL) {
        *waiter = (struct waiter){.next = follower->waiters, .done = done, .context = context};
        follower->waiters = waiter;
        waiter = NULL;
    }
    if (started) {
        follower->force |= force;
        follower->again = follower->stage != STAGE_IDLE;
        started = follower->again || clock_schedule(follower, net_now_ms()) == ERR_OK;
    }
    pthread_mutex_unlock(&clock_lock);
    free(waiter);
    clock_kick();
    return started;
}

static void free_with_zone(struct zone *zone)
{
    struct follower *follower = zone->owner;
    snapshot_release(follower->kept);
    plan_release(follower->plan);
    plan_release(follower->written);
    free((char *)(uintptr_t)zone->state);
    free(follower);
}

static const struct zone_kind kind = {
    .plugin = "secondary", .refresh = refresh, .pass_on = relay_update, .free = free_with_zone};

static struct follower *follower_new(const uint8_t *name, const char *state)
{
    struct follower *follower = calloc(1, sizeof *follower);
    char *copy = state != NULL ? strdup(state) : NULL;
    struct zone *zone =
        follower != NULL && (copy != NULL || state == NULL) ? zone_new(&kind, name, follower) : NULL;
    if (zone == NULL) {
        free(copy);
        free(follower);
        return NULL;
    }
    zone->state = copy;
    zone->keeps_image = true;
    follower->zone = zone;
    follower->left_s = LEFT_UNKNOWN;
    return follower;
}

struct follower *follower_get(const uint8_t *name, const char *state)
{
    struct follower **bucket = bucket_of(name);
    for (struct follower *follower = *bucket; follower != NULL; follower = follower->next) {
        if (name_equal(follower->zone->name, name) && same_text(follower->zone->state, state)) {
            follower->users++;
            follower->forgotten = false;
            return follower;
        }
    }
    struct follower *follower = follower_new(name, state);
    if (follower == NULL)
        return NULL;
    follower->users = 1;
    pthread_mutex_lock(&clock_lock);
    follower->next = *bucket;
    *bucket = follower;
    pthread_mutex_unlock(&clock_lock);
    return follower;
}

/* Takes it out of whatever it waits in. What is under way ends by itself and sees `gone`. */
static void leave(struct follower *follower)
{
    follower->gone = true;
    clock_unschedule(follower);
    if (follower->stage == STAGE_ASK_LINE)
        line_remove(&follower->at->ask, follower);
    else if (follower->stage == STAGE_FETCH_LINE)
        line_remove(&follower->at->fetch, follower);
}

void follower_put(struct follower *follower)
{
    if (--follower->users > 0)
        return;
    pthread_mutex_lock(&clock_lock);
    for (struct follower **at = bucket_of(follower->zone->name); *at != NULL; at = &(*at)->next) {
        if (*at == follower) {
            *at = follower->next;
            break;
        }
    }
    leave(follower);
    bool busy = follower->stage == STAGE_ASKING || follower->stage == STAGE_FETCHING;
    pthread_mutex_unlock(&clock_lock);
    if (!busy)
        zone_release(follower->zone);
}

void followers_each(void (*each)(void *context, struct follower *follower), void *context)
{
    for (unsigned i = 0; i < BUCKETS; i++) {
        for (struct follower *follower = buckets[i]; follower != NULL; follower = follower->next)
            each(context, follower);
    }
}

/* ---- its version ---- */

static uint32_t read32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

void follower_note_soa(struct follower *follower, const struct snapshot *snapshot)
{
    struct record record;
    record_read(snapshot->soa->data, true, &record);
    const uint8_t *times = record.rdata + record.rdata_len - 16;
    follower->refresh_s = read32(times);
    follower->retry_s = read32(times + 4);
    follower->expire_s = read32(times + 8);
    follower->zone->expires_s = follower_expires_s(follower);
}

int64_t follower_expires_s(const struct follower *follower)
{
    return follower->confirmed_s != 0 && follower->expire_s != 0 ? follower->confirmed_s + follower->expire_s
                                                                 : 0;
}

void follower_recover(struct follower *follower)
{
    struct zone *zone = follower->zone;
    struct snapshot *snapshot;
    if (follower->recovered)
        return;
    follower->recovered = true;
    if (zone->state == NULL || zone_recover(zone, &snapshot) != ERR_OK)
        return;
    int64_t now_s = (int64_t)time(NULL), confirmed_s = ledger_find(zone->state, zone->name);
    follower->confirmed_s = confirmed_s == 0 || confirmed_s > now_s ? now_s : confirmed_s;
    follower_note_soa(follower, snapshot);
    if (now_s < follower_expires_s(follower)) {
        zone_begin(zone, snapshot);
        atomic_store(&zone->frozen, zone_was_frozen(zone));
        zone->records = snapshot->image->header->record_count;
        return;
    }
    char name[NAME_TEXT_MAX];
    name_print(zone->name, name);
    log_warning(
        "plugin/secondary: %s: serial %u has expired meanwhile and is not served", name, snapshot->serial);
    zone_note(zone, ZONE_FAILED, "serial %u had expired when the server started", snapshot->serial);
    atomic_store(&zone->expired, true);
    follower->kept = snapshot;
}

enum err follower_start(struct follower *follower, struct plan *plan)
{
    pthread_mutex_lock(&clock_lock);
    struct plan *before = follower->plan;
    bool changed = before == NULL || strcmp(before->text, plan->text) != 0;
    follower->plan = plan_hold(plan);
    follower->zone->source = plan->text;
    follower->preferred = changed ? 0 : follower->preferred;
    enum err err = ERR_OK;
    if (changed && follower->stage == STAGE_IDLE)
        err = clock_schedule(follower, net_now_ms());
    else if (changed)
        follower->again = true;
    pthread_mutex_unlock(&clock_lock);
    plan_release(before);
    clock_kick();
    return err;
}

/* ---- beginning anew ---- */

static void purge(void *arg)
{
    struct follower *follower = arg;
    zone_write_begin(follower->zone);
    zone_withdraw(follower->zone);
    zone_purge(follower->zone);
    atomic_store(&follower->zone->expired, false);
    zone_write_end(follower->zone);
}

static void begin_anew(void *arg)
{
    struct follower *follower = arg;
    pthread_mutex_lock(&clock_lock);
    snapshot_release(follower->kept);
    follower->kept = NULL;
    follower->confirmed_s = 0;
    follower->refresh_s = follower->retry_s = follower->expire_s = 0;
    follower->zone->expires_s = 0;
    follower->force = true;
    if (follower->stage != STAGE_IDLE)
        follower->again = true;
    else if (follower->plan != NULL && clock_schedule(follower, net_now_ms()) != ERR_OK)
        log_error("plugin/secondary: out of memory");
    pthread_mutex_unlock(&clock_lock);
    clock_kick();
    follower_put(follower);
}

/* Whoever has come for the zone meanwhile has it anew. */
static void forget(void *arg)
{
    const struct follower *follower = arg;
    if (follower->forgotten)
        follower_put(arg);
    else
        begin_anew(arg);
}

void follower_reset(struct follower *follower, bool forgets)
{
    if (forgets && follower->users > 1)
        return;
    follower->users++;
    follower->forgotten = forgets;
    if (host_work(purge, forgets ? forget : begin_anew, follower) != ERR_OK)
        follower->users--;
}
