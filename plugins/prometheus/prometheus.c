/* prometheus: GET /metrics gives the numbers of the server, its zones and its plugins, and counts each query
 * of the server blocks that name it, under CoreDNS's names. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/http.h"
#include "plugins/keep.h"
#include "plugins/prometheus/counters.h"
#include "plugins/prometheus/process.h"
#include "zone/base/log.h"
#include "zone/wire/name.h"

struct prometheus {
    const char *address;
    bool runtime;
    struct http_route *route;
    const struct block *block;
    const char *counters_name; /* plugins/keep.h */
    struct counters *counters; /* [worker][zone] */
    const char *const *zones;  /* as text */
    const char *plugins[PLUGINS];
    unsigned plugins_count;
};

static const struct option options[] = {
    {.arg = "ADDRESS",
        .kind = OPTION_STRING,
        .offset = offsetof(struct prometheus, address),
        .fallback = "localhost:9153",
        .help = "where to listen: host:port, or :port for all addresses"},
    {.word = "runtime_metrics",
        .kind = OPTION_FLAG,
        .offset = offsetof(struct prometheus, runtime),
        .help = "accepted: there is no Go runtime here to tell of"},
    OPTIONS_END,
};

static enum err name_zones(struct setup *setup, struct prometheus *prometheus)
{
    const char **zones = ARENA_ARRAY(setup->world, const char *, setup->zones_count + 1);
    for (unsigned i = 0; zones != NULL && i < setup->zones_count; i++) {
        char text[NAME_TEXT_MAX];
        name_print(setup->zones[i], text);
        zones[i] = arena_copy(setup->world, text, strlen(text));
        if (zones[i] == NULL)
            return ERR_MEMORY;
    }
    prometheus->zones = zones;
    return zones != NULL ? ERR_OK : ERR_MEMORY;
}

static enum err setup(struct setup *setup, void **self)
{
    struct prometheus *prometheus = ARENA_NEW(setup->world, struct prometheus);
    if (prometheus == NULL)
        return ERR_MEMORY;
    enum err err = options_parse(setup, options, prometheus);
    if (err != ERR_OK)
        return err;
    if (!http_address_valid(prometheus->address))
        return setup_error(setup, setup->directive->args, "host:port, [IPv6]:port, or :port",
            "'%s' is not an address to listen at", prometheus->address);
    prometheus->block = setup->block;
    setup->block->times = true;
    *self = prometheus;
    prometheus->counters_name = keep_name(setup, KEEP_BLOCK, "queries");
    if (prometheus->counters_name == NULL)
        return ERR_MEMORY;
    return name_zones(setup, prometheus);
}

/* ---- counting ---- */

static unsigned zone_of(const struct block *block, const uint8_t *name)
{
    unsigned best = 0;
    size_t best_len = 0;
    if (block->zones_count == 1)
        return 0;
    for (unsigned i = 0; i < block->zones_count; i++) {
        size_t len = name_len(block->zones[i]);
        if (len > best_len && name_under(name, block->zones[i])) {
            best = i;
            best_len = len;
        }
    }
    return best;
}

/* Names of plugins are static texts of one program: equal ones are one pointer, but for loaded objects. */
static unsigned plugin_of(const struct prometheus *prometheus, const char *name)
{
    unsigned i = 0;
    while (i < prometheus->plugins_count && prometheus->plugins[i] != name)
        i++;
    return i < prometheus->plugins_count ? i : PLUGINS - 1;
}

static void sent(void *self, const struct query *query)
{
    const struct prometheus *prometheus = self;
    unsigned zone = zone_of(prometheus->block, query->message.question.lower);
    counters_add(&prometheus->counters[query->worker * prometheus->block->zones_count + zone], query,
        plugin_of(prometheus, query_answered_by(query)));
}

/* ---- telling ---- */

static void note_plugin(void *context, const char *name)
{
    struct prometheus *prometheus = context;
    if (prometheus->plugins_count < PLUGINS - 1)
        prometheus->plugins[prometheus->plugins_count++] = name;
}

static void metrics(void *self, struct metrics *out)
{
    static const struct metric enabled = {"coredns_plugin_enabled", METRIC_GAUGE,
        "A metric that indicates whether a plugin is enabled on per server and zone basis."};
    const struct prometheus *prometheus = self;
    const struct block *block = prometheus->block;
    for (unsigned zone = 0; zone < block->zones_count; zone++) {
        struct labels labels = {
            block->server, prometheus->zones[zone], block_view(block), prometheus->plugins};
        for (unsigned i = 0; i < prometheus->plugins_count; i++)
            metrics_add(out, &enabled, 1,
                METRIC_LABELS("server", block->server, "zone", labels.zone, "view", labels.view, "name",
                    prometheus->plugins[i]));
        counters_tell(&prometheus->counters[zone], host_workers(), block->zones_count, &labels, out);
    }
}

static void answer(void *arg, struct http_answer *answer)
{
    struct metrics *collected = metrics_new();
    (void)arg;
    if (collected != NULL) {
        metrics_collect(collected);
        process_tell(collected);
        answer->body = metrics_print(collected, &answer->len);
    }
    if (answer->body == NULL)
        answer->status = 500;
    answer->type = "text/plain; version=0.0.4; charset=utf-8";
    metrics_free(collected);
}

static void *make_counters(void *arg)
{
    const struct prometheus *prometheus = arg;
    return calloc((size_t)host_workers() * (prometheus->block->zones_count + 1), sizeof(struct counters));
}

static enum err start(void *self)
{
    struct prometheus *prometheus = self;
    block_plugins(prometheus->block, note_plugin, prometheus);
    prometheus->counters = keep_take(prometheus->counters_name, make_counters, prometheus, free);
    if (prometheus->counters == NULL)
        return ERR_MEMORY;
    enum err err = http_open(prometheus->address, "/metrics", answer, prometheus, &prometheus->route);
    if (err != ERR_OK)
        log_error("prometheus: cannot listen at %s: %s", prometheus->address, strerror(errno));
    return err;
}

static void stop(void *self)
{
    struct prometheus *prometheus = self;
    http_close(prometheus->route);
    keep_drop(prometheus->counters_name, prometheus->counters);
}

static const struct plugin prometheus_plugin = {
    .abi = PLUGIN_ABI,
    .name = "prometheus",
    .options = options,
    .setup = setup,
    .start = start,
    .sent = sent,
    .metrics = metrics,
    .stop = stop,
};
PLUGIN(prometheus)
