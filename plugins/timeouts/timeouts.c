/* timeouts: how long TCP connections are kept open while nothing whole comes. There is one limit for a
 * server; of several blocks the shortest counts. */
#include "plugins/plugin.h"

#define DAY_MS 86400000

struct written {
    int64_t read_ms, write_ms, idle_ms;
    int64_t queries;
};

static const struct option options[] = {
    {.word = "read",
        .arg = "DURATION",
        .kind = OPTION_DURATION,
        .offset = offsetof(struct written, read_ms),
        .min = 1,
        .max = DAY_MS,
        .help = "for the rest of a query that has begun to come; the server's own limit is 10s"},
    {.word = "write",
        .arg = "DURATION",
        .kind = OPTION_DURATION,
        .offset = offsetof(struct written, write_ms),
        .min = 1,
        .max = DAY_MS,
        .help = "for a client that takes no replies"},
    {.word = "idle",
        .arg = "DURATION",
        .kind = OPTION_DURATION,
        .offset = offsetof(struct written, idle_ms),
        .min = 1,
        .max = DAY_MS,
        .help = "between one query and the next"},
    {.word = "maxtcpqueries",
        .arg = "N",
        .kind = OPTION_INTEGER,
        .offset = offsetof(struct written, queries),
        .min = -1,
        .max = UINT32_MAX,
        .help = "queries that one connection may bring; -1 or 0: any number"},
    OPTIONS_END,
};

static enum err setup(struct setup *setup, void **self)
{
    struct written written = {0};
    struct block *block = setup->block;
    if (*self != NULL)
        return setup_error(
            setup, &setup->directive->name, "put it all into one", "timeouts is there twice in this block");
    enum err err = options_parse(setup, options, &written);
    *self = block;
    block->tcp_read_ms = (uint32_t)written.read_ms;
    block->tcp_write_ms = (uint32_t)written.write_ms;
    block->tcp_idle_ms = (uint32_t)written.idle_ms;
    block->tcp_queries = (uint32_t)(written.queries > 0 ? written.queries : 0);
    if (err == ERR_OK && setup->directive->lines_count == 0)
        setup_warning(setup, &setup->directive->name, "timeouts { idle 30s }", "timeouts says nothing");
    return err;
}

static const struct plugin timeouts_plugin = {
    .abi = PLUGIN_ABI,
    .name = "timeouts",
    .options = options,
    .setup = setup,
};
PLUGIN(timeouts)
