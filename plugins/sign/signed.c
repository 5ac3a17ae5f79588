#include "plugins/sign/signed.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "zone/base/hash.h"
#include "zone/base/log.h"

#define BUCKETS 1024

static struct signed_zone *buckets[BUCKETS]; /* the control thread's */

static struct signed_zone **bucket_of(const uint8_t *name)
{
    return &buckets[hash_bytes(0, name, name_len(name)) % BUCKETS];
}

/* ---- what others ask of the handle ---- */

struct asking {
    struct signed_zone *signed_zone;
    void (*done)(void *context);
    void *context;
};

static bool wait_for_round(struct signed_zone *signed_zone, void (*done)(void *context), void *context)
{
    struct waiter *waiter = malloc(sizeof *waiter);
    if (waiter == NULL)
        return false;
    *waiter = (struct waiter){.next = signed_zone->waiters, .done = done, .context = context};
    signed_zone->waiters = waiter;
    signed_wish(signed_zone, false);
    return true;
}

/* The input has been looked at: what became of it is signed next. */
static void looked(void *context)
{
    struct asking *asking = context;
    if (!wait_for_round(asking->signed_zone, asking->done, asking->context))
        asking->done(asking->context);
    zone_release(asking->signed_zone->zone);
    free(asking);
}

static void nobody(void *context UNUSED)
{
}

static bool refresh(struct zone *zone, bool force, void (*done)(void *context), void *context)
{
    struct signed_zone *signed_zone = zone->owner;
    struct zone *input = signed_zone->input;
    if (signed_zone->stopped)
        return false;
    signed_zone->force |= force;
    done = done != NULL ? done : nobody;
    struct asking *asking = malloc(sizeof *asking);
    if (asking == NULL)
        return false;
    *asking = (struct asking){.signed_zone = signed_zone, .done = done, .context = context};
    zone_hold(zone);
    if (input != NULL && input->kind->refresh != NULL && input->kind->refresh(input, force, looked, asking))
        return true;
    zone_release(zone);
    free(asking);
    return wait_for_round(signed_zone, done, context);
}

static struct zone *unsigned_of(struct zone *zone)
{
    return ((struct signed_zone *)zone->owner)->input;
}

static void free_with_zone(struct zone *zone)
{
    struct signed_zone *signed_zone = zone->owner;
    keyring_clear(&signed_zone->keyring);
    snapshot_release(signed_zone->before);
    snapshot_release(atomic_load(&signed_zone->tried));
    terms_release(signed_zone->terms);
    terms_release(signed_zone->by);
    if (signed_zone->input != NULL)
        zone_release(signed_zone->input);
    free((char *)(uintptr_t)zone->state);
    free((char *)(uintptr_t)zone->id);
    free((char *)(uintptr_t)zone->source);
    free(signed_zone);
}

static const struct zone_kind kind = {
    .plugin = "sign", .local = true, .refresh = refresh, .changed_at = unsigned_of, .free = free_with_zone};

/* ---- the register ---- */

static char *text_of(const char *prefix, const char *text)
{
    char *out;
    return asprintf(&out, "%s%s", prefix, text != NULL ? text : "") < 0 ? NULL : out;
}

static bool name_files(struct signed_zone *signed_zone, const struct terms *terms)
{
    struct zone *zone = signed_zone->zone;
    const struct zone *input = signed_zone->input;
    zone->id = text_of("signed:", input != NULL ? input->id : terms->path);
    zone->source = text_of("", input != NULL ? input->source : terms->path);
    zone->state = terms->state != NULL ? strdup(terms->state) : NULL;
    zone->keeps_image = true;
    return zone->id != NULL && zone->source != NULL && (zone->state != NULL || terms->state == NULL);
}

static struct signed_zone *signed_new(struct zone *input, const uint8_t *name, struct terms *terms)
{
    struct signed_zone *signed_zone = calloc(1, sizeof *signed_zone);
    if (signed_zone == NULL)
        return NULL;
    signed_zone->zone = zone_new(&kind, name, signed_zone);
    if (signed_zone->zone == NULL) {
        free(signed_zone);
        return NULL;
    }
    signed_zone->input = input != NULL ? zone_hold(input) : NULL;
    signed_zone->terms = terms_hold(terms);
    if (name_files(signed_zone, terms))
        return signed_zone;
    zone_release(signed_zone->zone);
    return NULL;
}

/* What was served before the restart is served at once; the first round finds what has changed since. */
static void recover(struct signed_zone *signed_zone)
{
    struct zone *zone = signed_zone->zone;
    struct snapshot *snapshot;
    if (zone->state == NULL || zone_recover(zone, &snapshot) != ERR_OK)
        return;
    zone->records = snapshot->image->header->record_count;
    zone_begin(zone, snapshot);
}

static bool is_it(const struct signed_zone *signed_zone, const struct zone *input, const uint8_t *name,
    const struct terms *terms)
{
    if (!name_equal(signed_zone->zone->name, name) || signed_zone->input != input)
        return false;
    return input != NULL || strcmp(signed_zone->terms->path, terms->path) == 0;
}

struct signed_zone *signed_get(struct zone *input, const uint8_t *name, struct terms *terms)
{
    struct signed_zone **bucket = bucket_of(name);
    for (struct signed_zone *signed_zone = *bucket; signed_zone != NULL; signed_zone = signed_zone->next) {
        if (is_it(signed_zone, input, name, terms)) {
            signed_zone->users++;
            return signed_zone;
        }
    }
    struct signed_zone *signed_zone = signed_new(input, name, terms);
    if (signed_zone == NULL)
        return NULL;
    signed_zone->users = 1;
    signed_zone->zone->journal_max = terms->journal;
    signed_zone->next = *bucket;
    *bucket = signed_zone;
    recover(signed_zone);
    return signed_zone;
}

static void end_waiting(struct signed_zone *signed_zone)
{
    struct waiter *waiter = signed_zone->waiters;
    signed_zone->waiters = NULL;
    while (waiter != NULL) {
        struct waiter *next = waiter->next;
        waiter->done(waiter->context);
        free(waiter);
        waiter = next;
    }
}

void signed_put(struct signed_zone *signed_zone)
{
    if (--signed_zone->users > 0)
        return;
    for (struct signed_zone **at = bucket_of(signed_zone->zone->name); *at != NULL; at = &(*at)->next) {
        if (*at == signed_zone) {
            *at = signed_zone->next;
            break;
        }
    }
    signed_zone->stopped = true;
    if (!signed_zone->busy)
        end_waiting(signed_zone);
    zone_release(signed_zone->zone);
}

/* ---- rounds ---- */

struct turn {
    struct signed_zone *signed_zone;
    struct terms *terms;
    bool force;
};

static void run_turn(void *arg)
{
    struct turn *turn = arg;
    round_run(turn->signed_zone, turn->terms, turn->force);
}

static void end_turn(void *arg)
{
    struct turn *turn = arg;
    struct signed_zone *signed_zone = turn->signed_zone;
    struct zone *zone = signed_zone->zone;
    bool again = signed_zone->again && !signed_zone->stopped;
    terms_release(turn->terms);
    free(turn);
    signed_zone->busy = signed_zone->again = false;
    if (again)
        signed_wish(signed_zone, false); /* who waits does so for this one */
    else
        end_waiting(signed_zone);
    zone_release(zone);
}

void signed_wish(struct signed_zone *signed_zone, bool force)
{
    signed_zone->force |= force;
    if (signed_zone->busy) {
        signed_zone->again = true;
        return;
    }
    struct turn *turn = malloc(sizeof *turn);
    enum err err = turn != NULL ? ERR_OK : ERR_MEMORY;
    if (err == ERR_OK) {
        *turn = (struct turn){signed_zone, terms_hold(signed_zone->terms), signed_zone->force};
        zone_hold(signed_zone->zone);
        signed_zone->busy = true;
        signed_zone->force = false;
        err = host_work(run_turn, end_turn, turn);
        if (err != ERR_OK)
            end_turn(turn);
    }
    if (err != ERR_OK)
        log_error("plugin/sign: out of memory, a zone was not looked at");
}

void signed_set_terms(struct signed_zone *signed_zone, struct terms *terms)
{
    struct terms *before = signed_zone->terms;
    signed_zone->terms = terms_hold(terms);
    terms_release(before);
    signed_wish(signed_zone, false);
}

int64_t signed_uptime_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return now.tv_sec;
}

bool signed_is_due(const struct signed_zone *signed_zone, int64_t now_s, int64_t uptime_s)
{
    int64_t retry_s = atomic_load(&signed_zone->retry_s);
    const struct zone *input = signed_zone->input;
    if (signed_zone->busy)
        return false;
    if (retry_s != 0 ? uptime_s >= retry_s : now_s >= atomic_load(&signed_zone->next_s))
        return true;
    return input != NULL && atomic_load(&input->current) != atomic_load(&signed_zone->tried);
}
