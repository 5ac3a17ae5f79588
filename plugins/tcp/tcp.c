/* tcp: how many connections one client may have at a time, so that nobody takes them all. */
#include "plugins/plugin.h"
#include "zone/wire/netset.h"

struct written {
    int64_t per_client;
    struct option_networks exempt;
};

static const struct option options[] = {
    {.word = "per-client",
        .arg = "N",
        .kind = OPTION_INTEGER,
        .flags = OPTION_REQUIRED,
        .offset = offsetof(struct written, per_client),
        .min = 1,
        .max = 65535,
        .help =
            "connections that one IPv4 address or one IPv6 /64 may have; further ones are closed at once"},
    {.word = "exempt",
        .arg = "NETWORKS...",
        .kind = OPTION_NETWORKS,
        .offset = offsetof(struct written, exempt),
        .help = "clients that may have any number, such as a proxy"},
    OPTIONS_END,
};

static enum err setup(struct setup *setup, void **self)
{
    struct netset *exempt = ARENA_NEW(setup->world, struct netset);
    struct written written = {0};
    if (exempt == NULL)
        return ERR_MEMORY;
    if (*self != NULL)
        return setup_error(setup, &setup->directive->name, "put it all into one", "a second tcp line");
    *self = exempt;
    enum err err = options_parse(setup, options, &written);
    if (err != ERR_OK)
        return err;
    setup->block->tcp_per_client = (uint32_t)written.per_client;
    setup->block->tcp_exempt = exempt;
    return netset_init(exempt, written.exempt.at, written.exempt.count, setup->world);
}

static const struct plugin tcp_plugin = {
    .abi = PLUGIN_ABI,
    .name = "tcp",
    .options = options,
    .setup = setup,
};
PLUGIN(tcp)
