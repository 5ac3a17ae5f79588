/* example: the smallest plugin that does something. It counts queries and says "example" in the log for each,
 * then passes them on. Begin a plugin of your own with a copy; bailiwick-plugin(7) tells the rest. */
#include <stdlib.h>
#include <string.h>

#include "plugins/metrics.h"
#include "plugins/plugin.h"
#include "zone/base/log.h"

/* One for each worker, in a cache line of its own: nobody shares what is written while serving. */
struct counter {
    _Alignas(64) uint64_t queries;
};

struct example {
    struct counter *counters;
    const struct block *block;
};

static enum err setup(struct setup *setup, void **self)
{
    struct example *example = ARENA_NEW(setup->world, struct example);
    if (example == NULL)
        return ERR_MEMORY;
    *self = example;
    example->block = setup->block;
    return options_parse(setup, NULL, NULL); /* it takes no arguments, and says so when there are some */
}

/* The workers are known once the configuration is whole. */
static enum err start(void *self)
{
    struct example *example = self;
    example->counters = aligned_alloc(64, (host_workers() + 1) * sizeof *example->counters);
    if (example->counters == NULL)
        return ERR_MEMORY;
    memset(example->counters, 0, (host_workers() + 1) * sizeof *example->counters);
    return ERR_OK;
}

static enum served serve(void *self, struct query *query)
{
    struct example *example = self;
    uint64_t *count = &example->counters[query->worker].queries;
    __atomic_store_n(count, *count + 1, __ATOMIC_RELAXED);
    log_info("plugin/example: example");
    return SERVED_NEXT;
}

static void metrics(void *self, struct metrics *out)
{
    static const struct metric requests = {
        "coredns_example_request_count_total", METRIC_COUNTER, "Counter of requests made."};
    const struct example *example = self;
    uint64_t sum = 0;
    for (unsigned i = 0; example->counters != NULL && i < host_workers(); i++)
        sum += __atomic_load_n(&example->counters[i].queries, __ATOMIC_RELAXED);
    metrics_add(out, &requests, (double)sum, METRIC_LABELS("server", example->block->label));
}

static void stop(void *self)
{
    free(((struct example *)self)->counters);
}

static const struct plugin example_plugin = {
    .abi = PLUGIN_ABI,
    .name = "example",
    .setup = setup,
    .start = start,
    .serve = serve,
    .metrics = metrics,
    .stop = stop,
};
PLUGIN(example)
