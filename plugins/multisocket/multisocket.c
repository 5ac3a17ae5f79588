/* multisocket: how many sockets listen on each port. Here every worker has sockets of its own, so that it
 * says how many workers there are, unless -workers does. That is settled once, when the server starts. */
#include "plugins/plugin.h"

#define SOCKETS_MAX 1024

struct written {
    int64_t sockets;
};

static const struct option options[] = {
    {.arg = "NUM_SOCKETS",
        .kind = OPTION_INTEGER,
        .offset = offsetof(struct written, sockets),
        .min = 1,
        .max = SOCKETS_MAX,
        .help = "sockets and workers; one for each core when left out"},
    OPTIONS_END,
};

static enum err setup(struct setup *setup, void **self)
{
    struct written written = {0};
    if (*self != NULL)
        return setup_error(setup, &setup->directive->name, NULL, "multisocket is there twice in this block");
    *self = setup->block;
    enum err err = options_parse(setup, options, &written);
    setup->block->sockets = (uint16_t)written.sockets;
    return err;
}

static const struct plugin multisocket_plugin = {
    .abi = PLUGIN_ABI,
    .name = "multisocket",
    .options = options,
    .setup = setup,
};
PLUGIN(multisocket)
