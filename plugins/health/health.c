/* health: GET /health says OK as long as the server runs. With lameduck, a server that is asked to stop goes
 * on answering queries for that time, while whoever balances the load takes it out. */
#include "plugins/http.h"
#include "plugins/keep.h"
#include "plugins/metrics.h"
#include "plugins/plugin.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "zone/base/log.h"

#define LOOK_MS 1000
#define FAILED_MS 3000 /* CoreDNS's own client gives up then */
#define BOUNDS 11

/* /health is answered by the control thread, in turn with all it has to do: how late a timer of it rings is
 * how long an answer waits there. Of the whole process. */
struct looks {
    uint64_t buckets[BOUNDS + 1];
    uint64_t failures;
    double sum_s;
};

struct health {
    const char *address;
    int64_t lameduck_ms;
    struct http_route *route;
    struct host_timer *timer;
    const char *looks_name; /* plugins/keep.h */
    struct looks *looks;
    uint64_t due_ms;
};

static const double bounds[BOUNDS] = {.00025, .0005, .001, .002, .004, .008, .016, .032, .064, .128, .256};

static const struct option options[] = {
    {.arg = "ADDRESS",
        .kind = OPTION_STRING,
        .offset = offsetof(struct health, address),
        .fallback = ":8080",
        .help = "where to listen: host:port, or :port for all addresses"},
    {.word = "lameduck",
        .arg = "DURATION",
        .kind = OPTION_DURATION,
        .offset = offsetof(struct health, lameduck_ms),
        .max = 3600000,
        .help = "go on serving for so long when asked to stop"},
    OPTIONS_END,
};

static enum err setup(struct setup *setup, void **self)
{
    struct health *health = ARENA_NEW(setup->world, struct health);
    if (health == NULL)
        return ERR_MEMORY;
    enum err err = options_parse(setup, options, health);
    if (err != ERR_OK)
        return err;
    if (!http_address_valid(health->address))
        return setup_error(setup, setup->directive->args, "host:port, [IPv6]:port, or :port",
            "'%s' is not an address to listen at", health->address);
    setup->block->lameduck_ms = health->lameduck_ms;
    *self = health;
    health->looks_name = keep_name(setup, KEEP_KEYS, health->address);
    return health->looks_name != NULL ? ERR_OK : ERR_MEMORY;
}

/* ---- looking at ourselves ---- */

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void look(void *arg)
{
    struct health *health = arg;
    uint64_t now = now_ms(), late = now > health->due_ms ? now - health->due_ms : 0;
    unsigned bucket = 0;
    while (bucket < BOUNDS && (double)late / 1e3 > bounds[bucket])
        bucket++;
    health->looks->buckets[bucket]++;
    health->looks->sum_s += (double)late / 1e3;
    health->looks->failures += late >= FAILED_MS;
    health->due_ms = now + LOOK_MS;
}

static void *make_looks(void *arg)
{
    (void)arg;
    return calloc(1, sizeof(struct looks));
}

static void metrics(void *self, struct metrics *out)
{
    static const struct metric took = {"coredns_health_request_duration_seconds", METRIC_HISTOGRAM,
                                   "Seconds that a request of /health has to wait."},
                               failures = {"coredns_health_request_failures_total", METRIC_COUNTER,
                                   "The number of times that it would have waited too long."};
    const struct looks *looks = ((const struct health *)self)->looks;
    metrics_histogram(out, &took, bounds, BOUNDS, looks->buckets, looks->sum_s, METRIC_NO_LABELS);
    metrics_add(out, &failures, (double)looks->failures, METRIC_NO_LABELS);
}

/* ---- answering ---- */

static void answer(void *arg, struct http_answer *answer)
{
    (void)arg;
    answer->body = strdup("OK");
    answer->len = answer->body != NULL ? 2 : 0;
}

static enum err start(void *self)
{
    struct health *health = self;
    health->looks = keep_take(health->looks_name, make_looks, NULL, free);
    health->due_ms = now_ms() + LOOK_MS;
    health->timer = health->looks != NULL ? host_timer_start(LOOK_MS, look, health) : NULL;
    if (health->timer == NULL)
        return ERR_MEMORY;
    enum err err = http_open(health->address, "/health", answer, health, &health->route);
    if (err != ERR_OK)
        log_error("health: cannot listen at %s: %s", health->address, strerror(errno));
    return err;
}

static void stop(void *self)
{
    struct health *health = self;
    host_timer_stop(health->timer);
    keep_drop(health->looks_name, health->looks);
    http_close(health->route);
}

static const struct plugin health_plugin = {
    .abi = PLUGIN_ABI,
    .name = "health",
    .options = options,
    .setup = setup,
    .start = start,
    .metrics = metrics,
    .stop = stop,
};
PLUGIN(health)
