/* The zones held (plugins/zones.h): handles, publication, listeners. Journals and images on disk are
 * zones_store.c's. */
#include "plugins/zones.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/build.h"
#include "server/world.h"
#include "server/zones_store.h"
#include "zone/base/log.h"

#define STRIPES 64 /* locks that all zones share, each held for a few instructions */

static pthread_mutex_t stripes[STRIPES];

__attribute__((constructor)) static void make_stripes(void)
{
    for (unsigned i = 0; i < STRIPES; i++)
        pthread_mutex_init(&stripes[i], NULL);
}

static pthread_mutex_t *stripe_of(const struct zone *zone)
{
    return &stripes[((uintptr_t)zone >> 6) % STRIPES];
}

static int64_t now_s(void)
{
    return (int64_t)time(NULL);
}

/* ---- handles ---- */

struct zone *zone_new(const struct zone_kind *kind, const uint8_t *name, void *owner)
{
    size_t len = name_len(name), size = (sizeof(struct zone) + len + 63) & ~(size_t)63;
    struct zone *zone = aligned_alloc(64, size);
    if (zone == NULL)
        return NULL;
    memset(zone, 0, size);
    name_lower((uint8_t *)(zone + 1), name);
    zone->name = (uint8_t *)(zone + 1);
    zone->kind = kind;
    zone->owner = owner;
    zone->journal_max = ZONE_JOURNAL_STANDARD;
    atomic_init(&zone->refs, 1);
    pthread_mutex_init(&zone->writing, NULL);
    return zone;
}

struct zone *zone_hold(struct zone *zone)
{
    atomic_fetch_add_explicit(&zone->refs, 1, memory_order_relaxed);
    return zone;
}

static void story_free(struct zone_story *story)
{
    for (unsigned i = 0; story != NULL && i < ZONE_STEPS; i++)
        free(story->steps[i].text);
    free(story);
}

void zone_release(struct zone *zone)
{
    if (zone == NULL || atomic_fetch_sub(&zone->refs, 1) > 1)
        return;
    if (zone->kind->free != NULL)
        zone->kind->free(zone);
    snapshot_release(atomic_load(&zone->current));
    journal_close(zone->journal);
    story_free(zone->story);
    pthread_mutex_destroy(&zone->writing);
    free(zone);
}

/* The swap and the retiring happen under the same lock: what is loaded here has not been released yet. */
struct snapshot *zone_take(struct zone *zone)
{
    pthread_mutex_lock(stripe_of(zone));
    struct snapshot *snapshot = atomic_load(&zone->current);
    if (snapshot != NULL)
        snapshot_hold(snapshot);
    pthread_mutex_unlock(stripe_of(zone));
    return snapshot;
}

/* ---- publishing ---- */

void zone_write_begin(struct zone *zone)
{
    pthread_mutex_lock(&zone->writing);
}

bool zone_write_try(struct zone *zone)
{
    return pthread_mutex_trylock(&zone->writing) == 0;
}

void zone_write_end(struct zone *zone)
{
    pthread_mutex_unlock(&zone->writing);
}

static void release_snapshot(void *snapshot)
{
    snapshot_release(snapshot);
}

void zones_swap(struct zone *zone, struct snapshot *snapshot)
{
    pthread_mutex_lock(stripe_of(zone));
    struct snapshot *old = atomic_exchange(&zone->current, snapshot);
    pthread_mutex_unlock(stripe_of(zone));
    if (old != NULL)
        host_retire(release_snapshot, old);
}

void zone_forget(struct zone *zone, enum zone_step step)
{
    pthread_mutex_lock(stripe_of(zone));
    if (zone->story != NULL)
        zone->story->steps[step].at_s = 0;
    pthread_mutex_unlock(stripe_of(zone));
}

static void serve(struct zone *zone, struct snapshot *snapshot, unsigned flags)
{
    zones_swap(zone, snapshot);
    zone->published_s = now_s();
    atomic_store(&zone->expired, false);
    zone_forget(zone, ZONE_FAILED);
    if ((flags & ZONE_SILENT) == 0)
        zones_tell(zone, ZONE_NEW_VERSION);
}

/* A version that is served, but would be lost by a crash: `bailiwickctl zone` tells. */
static void note_kept(struct zone *zone, uint32_t serial, enum err err, int why)
{
    if (err == ERR_IO && zone->state != NULL)
        zone_note(zone, ZONE_PUBLISHED, "serial %u is served, but it cannot be kept in %s: %s", serial,
            zone->state, strerror(why));
    else
        zone_forget(zone, ZONE_PUBLISHED);
}

enum err zone_publish(
    struct zone *zone, struct snapshot *snapshot, const struct change *change, unsigned flags)
{
    struct snapshot *old = atomic_load(&zone->current);
    bool must_last = (flags & ZONE_MUST_LAST) != 0;
    if (old == NULL && !must_last) { /* any version is better than none: the disk can wait */
        snapshot_hold(snapshot);
        serve(zone, snapshot, flags);
    }
    enum err err = zones_record(zone, old, snapshot, change, flags);
    if (!must_last)
        note_kept(zone, snapshot->serial, err, errno);
    if ((err != ERR_OK && must_last) || (old == NULL && !must_last)) {
        snapshot_release(snapshot);
        return must_last ? err : ERR_OK;
    }
    serve(zone, snapshot, flags);
    zones_tend(zone);
    return ERR_OK;
}

void zone_begin(struct zone *zone, struct snapshot *snapshot)
{
    zones_swap(zone, snapshot); /* there may be the text's version already, which a journal takes further */
    zone->published_s = now_s();
}

void zone_withdraw(struct zone *zone)
{
    atomic_store(&zone->expired, true);
    zones_swap(zone, NULL);
}

/* ---- telling ---- */

void zone_note(struct zone *zone, enum zone_step step, const char *format, ...)
{
    char *text = NULL;
    if (format != NULL) {
        va_list args;
        va_start(args, format);
        int len = vasprintf(&text, format, args);
        va_end(args);
        text = len < 0 ? NULL : text;
    }
    pthread_mutex_lock(stripe_of(zone));
    if (zone->story == NULL)
        zone->story = calloc(1, sizeof *zone->story);
    if (zone->story != NULL) {
        free(zone->story->steps[step].text);
        zone->story->steps[step].text = text;
        zone->story->steps[step].at_s = now_s();
        text = NULL;
    }
    pthread_mutex_unlock(stripe_of(zone));
    free(text);
}

int64_t zone_noted(struct zone *zone, enum zone_step step, char *out, size_t len)
{
    int64_t at_s = 0;
    out[0] = '\0';
    pthread_mutex_lock(stripe_of(zone));
    if (zone->story != NULL && zone->story->steps[step].at_s != 0) {
        const char *text = zone->story->steps[step].text;
        at_s = zone->story->steps[step].at_s;
        snprintf(out, len, "%s", text != NULL ? text : "");
    }
    pthread_mutex_unlock(stripe_of(zone));
    return at_s;
}

static const char *state_of(const struct zone *zone, const struct zone_status *status)
{
    if (atomic_load(&zone->expired))
        return "expired";
    if (atomic_load(&zone->current) == NULL)
        return "missing";
    return status->error != NULL ? "serving an older text" : "serving";
}

void zone_tell(struct zone *zone, struct zone_status *status, char error[ZONE_ERROR_MAX])
{
    struct snapshot *snapshot = zone_take(zone);
    *status = (struct zone_status){.name = zone->name,
        .plugin = zone->kind->plugin,
        .source = zone->source,
        .zone = zone,
        .serial = snapshot != NULL ? snapshot->serial : 0,
        .made_of = atomic_load(&zone->made_of),
        .records = zone->records,
        .loaded_s = (uint64_t)zone->published_s,
        .frozen = atomic_load(&zone_changed_at(zone)->frozen)};
    if (zone_noted(zone, ZONE_FAILED, error, ZONE_ERROR_MAX) != 0)
        status->error = error;
    status->state = state_of(zone, status);
    snapshot_release(snapshot);
}

/* ---- listeners: the control thread ---- */

static struct zone_listener *listeners;

struct telling {
    struct zone *zone;
    enum zone_event event;
    uint32_t serial;
};

void zones_listen(struct zone_listener *listener)
{
    listener->next = listeners;
    listeners = listener;
}

void zones_unlisten(struct zone_listener *listener)
{
    for (struct zone_listener **at = &listeners; *at != NULL; at = &(*at)->next) {
        if (*at == listener) {
            *at = listener->next;
            return;
        }
    }
}

static void tell_all(void *arg)
{
    struct telling *telling = arg;
    struct zone_listener *next;
    for (struct zone_listener *listener = listeners; listener != NULL; listener = next) {
        next = listener->next;
        listener->heard(listener, telling->zone, telling->event, telling->serial);
    }
    zone_release(telling->zone);
    free(telling);
}

void zones_tell(struct zone *zone, enum zone_event event)
{
    struct telling *telling = malloc(sizeof *telling);
    struct snapshot *snapshot = zone_take(zone);
    if (telling != NULL && snapshot != NULL) {
        *telling = (struct telling){.zone = zone_hold(zone), .event = event, .serial = snapshot->serial};
        if (host_call(tell_all, telling) == ERR_OK)
            telling = NULL;
        else
            zone_release(zone);
    }
    snapshot_release(snapshot);
    free(telling);
}

/* ---- finding ---- */

static struct zone *chain_zone(const struct chain *chain, const uint8_t *name)
{
    for (unsigned i = 0; i < chain->instance_count; i++) {
        const struct instance *instance = &chain->instances[i];
        struct zone *zone =
            instance->plugin->zone != NULL ? instance->plugin->zone(instance->self, name) : NULL;
        if (zone != NULL)
            return zone;
    }
    return NULL;
}

static const struct chain *chain_of(const struct block *block)
{
    return (const struct chain *)(const void *)((const char *)block - offsetof(struct chain, block));
}

struct zone *query_zone(const struct query *query, const uint8_t *name)
{
    return block_zone(query->block, name);
}

struct zone *block_zone(const struct block *block, const uint8_t *name)
{
    return chain_zone(chain_of(block), name);
}

void block_zones(const struct block *block, void (*each)(void *context, struct zone *zone), void *context)
{
    const struct chain *chain = chain_of(block);
    for (unsigned i = 0; i < chain->instance_count; i++) {
        const struct instance *instance = &chain->instances[i];
        if (instance->plugin->zones != NULL)
            instance->plugin->zones(instance->self, each, context);
    }
}

const struct world *setup_configuration(const struct setup *setup)
{
    const struct build *build = setup->host;
    return build->world;
}

void configuration_zones(
    const struct world *configuration, void (*each)(void *context, struct zone *zone), void *context)
{
    for (unsigned i = 0; i < configuration->chain_count; i++)
        block_zones(&configuration->chains[i].block, each, context);
}
