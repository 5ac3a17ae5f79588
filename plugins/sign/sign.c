/* sign: keeps zones signed that other plugins of the block bring (file, auto, secondary), or a text as
 * CoreDNS's plugin of this name does, and serves them. It stands before those plugins in the chain:
 * questions, transfers and NOTIFY see the signed zone. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "plugins/metrics.h"
#include "plugins/sign/table.h"
#include "zone/base/log.h"

#define TICK_MS 1000

struct sign {
    struct zone_listener listener; /* first: heard() gets this */
    struct sign_line *lines;
    const struct block *block;
    _Atomic(struct sign_table *) table;
    struct host_timer *timer;
    bool started;
};

/* ---- setting up ---- */

static enum err setup(struct setup *setup, void **self)
{
    struct sign *sign = *self != NULL ? *self : ARENA_NEW(setup->world, struct sign);
    struct sign_line *line = ARENA_NEW(setup->world, struct sign_line), **last;
    if (sign == NULL || line == NULL)
        return ERR_MEMORY;
    *self = sign;
    sign->block = setup->block;
    enum err err = terms_read(setup, &line->zones, &line->terms);
    if (err != ERR_OK)
        return err;
    for (last = &sign->lines; *last != NULL; last = &(*last)->next)
        continue;
    *last = line;
    return ERR_OK;
}

/* ---- living ---- */

/* Which zones there are to be signed, now. Those that are new, or have other terms, are signed next. */
static void renew_table(struct sign *sign, bool starting)
{
    struct sign_table *old = atomic_load(&sign->table);
    struct sign_table *table = sign_table_new(sign->lines, sign->block);
    if (table == NULL) {
        log_error("plugin/sign: out of memory, zones were not looked for");
        return;
    }
    if (old != NULL && sign_table_same(old, table)) {
        sign_table_free(table);
        return;
    }
    for (unsigned i = 0; i < table->count; i++) {
        if (starting || table->zones[i]->terms != table->lines[i]->terms ||
            atomic_load(&table->zones[i]->tried) == NULL)
            signed_set_terms(table->zones[i], table->lines[i]->terms);
    }
    atomic_store(&sign->table, table);
    if (old != NULL)
        host_retire(sign_table_free, old);
}

/* An operator has put a key there, or changed the times of one. */
static bool keys_changed(struct sign_line *line)
{
    struct timespec stamp = keyring_stamp(line->terms);
    bool same = stamp.tv_sec == line->keys_changed.tv_sec && stamp.tv_nsec == line->keys_changed.tv_nsec;
    line->keys_changed = stamp;
    return !same;
}

static void tick(void *arg)
{
    struct sign *sign = arg;
    int64_t now_s = (int64_t)time(NULL), uptime_s = signed_uptime_s();
    renew_table(sign, false);
    const struct sign_table *table = atomic_load(&sign->table);
    for (struct sign_line *line = sign->lines; line != NULL; line = line->next) {
        bool changed = keys_changed(line);
        for (unsigned i = 0; table != NULL && i < table->count; i++) {
            if (table->lines[i] == line && (changed || signed_is_due(table->zones[i], now_s, uptime_s)))
                signed_wish(table->zones[i], false);
        }
    }
}

static void heard(
    struct zone_listener *listener, struct zone *zone, enum zone_event event, uint32_t serial UNUSED)
{
    struct sign *sign = (struct sign *)(void *)listener;
    const struct sign_table *table = atomic_load(&sign->table);
    for (unsigned i = 0; event == ZONE_NEW_VERSION && table != NULL && i < table->count; i++) {
        if (table->zones[i]->input == zone)
            signed_wish(table->zones[i], false);
    }
}

static enum err start(void *self)
{
    struct sign *sign = self;
    for (struct sign_line *line = sign->lines; line != NULL; line = line->next)
        line->keys_changed = keyring_stamp(line->terms);
    renew_table(sign, true);
    sign->timer = host_timer_start(TICK_MS, tick, sign);
    if (atomic_load(&sign->table) == NULL || sign->timer == NULL)
        return ERR_MEMORY;
    sign->listener.heard = heard;
    zones_listen(&sign->listener);
    sign->started = true;
    return ERR_OK;
}

/* SIGUSR1: texts of CoreDNS's form, and files of keys, are read again. */
static void refresh(void *self)
{
    const struct sign *sign = self;
    const struct sign_table *table = atomic_load(&sign->table);
    for (unsigned i = 0; table != NULL && i < table->count; i++)
        signed_wish(table->zones[i], true);
}

static void stop(void *self)
{
    struct sign *sign = self;
    if (sign->started)
        zones_unlisten(&sign->listener);
    if (sign->timer != NULL)
        host_timer_stop(sign->timer);
    sign_table_free(atomic_exchange(&sign->table, NULL));
    for (struct sign_line *line = sign->lines; line != NULL; line = line->next)
        terms_release(line->terms);
}

/* ---- telling ---- */

static void zones(void *self, void (*each)(void *context, struct zone *zone), void *context)
{
    const struct sign *sign = self;
    const struct sign_table *table = atomic_load(&sign->table);
    for (unsigned i = 0; table != NULL && i < table->count; i++)
        each(context, table->zones[i]->zone);
}

static struct zone *zone_of(void *self, const uint8_t *name)
{
    const struct sign *sign = self;
    const struct sign_table *table = atomic_load_explicit(&sign->table, memory_order_acquire);
    const struct serving_zone *found = table != NULL ? serving_find(&table->serving, name) : NULL;
    return found != NULL ? found->zone : NULL;
}

static bool ready(void *self)
{
    const struct sign *sign = self;
    const struct sign_table *table = atomic_load(&sign->table);
    for (unsigned i = 0; table != NULL && i < table->count; i++) {
        if (atomic_load(&table->zones[i]->zone->current) == NULL)
            return false;
    }
    return table != NULL;
}

static const struct metric made_metric = {
    "bailiwick_sign_signatures_total", METRIC_COUNTER, "Signatures made for zones kept signed."};
static const struct metric rounds_metric = {
    "bailiwick_sign_versions_total", METRIC_COUNTER, "Signed versions of zones that were published."};
static const struct metric failed_metric = {
    "bailiwick_sign_failed", METRIC_GAUGE, "1 while a zone cannot be signed anew."};
static const struct metric expiry_metric = {"bailiwick_sign_next_timestamp_seconds", METRIC_GAUGE,
    "When a zone's signatures or keys are to be renewed next."};

static void tell_metrics(void *self, struct metrics *out)
{
    const struct sign *sign = self;
    const struct sign_table *table = atomic_load(&sign->table);
    for (unsigned i = 0; table != NULL && i < table->count; i++) {
        struct signed_zone *signed_zone = table->zones[i];
        char name[NAME_TEXT_MAX];
        name_print(signed_zone->zone->name, name);
        const char *const *labels = METRIC_LABELS("zone", name);
        metrics_add(out, &made_metric, (double)atomic_load(&signed_zone->made), labels);
        metrics_add(out, &rounds_metric, (double)atomic_load(&signed_zone->rounds), labels);
        metrics_add(out, &failed_metric, atomic_load(&signed_zone->failed) ? 1 : 0, labels);
        metrics_add(out, &expiry_metric, (double)atomic_load(&signed_zone->next_s), labels);
    }
}

/* ---- answering ---- */

static bool prefetch(void *self, struct query *query, unsigned step)
{
    const struct sign *sign = self;
    const struct sign_table *table = atomic_load_explicit(&sign->table, memory_order_acquire);
    return table != NULL && serving_prefetch(&table->serving, query, step);
}

/* The table may have been replaced since prefetch: a zone to be signed is never left to the plugin that has
 * it unsigned. What was begun for another plugin is given back when the question is none of ours. */
static enum served serve(void *self, struct query *query)
{
    const struct sign *sign = self;
    const struct sign_table *table = atomic_load_explicit(&sign->table, memory_order_acquire);
    struct lookup *lookup = &query->lookup;
    const void *owner = lookup->owner, *zone = lookup->zone;
    if (table == NULL)
        return SERVED_NEXT;
    if (owner != &table->serving)
        lookup->owner = NULL;
    enum served served = serving_serve(&table->serving, query);
    if (served == SERVED_NEXT && owner != &table->serving && lookup->zone == zone)
        lookup->owner = owner;
    return served;
}

static const struct plugin sign_plugin = {
    .abi = PLUGIN_ABI,
    .flags = PLUGIN_OUTWARD,
    .name = "sign",
    .options = terms_options,
    .setup = setup,
    .start = start,
    .serve = serve,
    .prefetch = prefetch,
    .refresh = refresh,
    .zones = zones,
    .zone = zone_of,
    .ready = ready,
    .metrics = tell_metrics,
    .stop = stop,
};
PLUGIN(sign)
