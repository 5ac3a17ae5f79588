/* cancel: how long a query may wait for others before it is given up. Plugins that ask somebody else
 * (forward) read it from the block; those that answer from memory never wait. */
#include "plugins/plugin.h"

struct written {
    int64_t timeout_ms;
};

static const struct option options[] = {
    {.arg = "DURATION",
        .kind = OPTION_DURATION,
        .offset = offsetof(struct written, timeout_ms),
        .min = 1,
        .max = 86400000,
        .fallback = "5001ms",
        .help = "when a query that waits is answered with SERVFAIL"},
    OPTIONS_END,
};

static enum err setup(struct setup *setup, void **self)
{
    struct written written = {0};
    if (*self != NULL)
        return setup_error(
            setup, &setup->directive->name, "remove one of the two", "cancel is there twice in this block");
    enum err err = options_parse(setup, options, &written);
    *self = setup->block;
    setup->block->cancel_ms = (uint32_t)written.timeout_ms;
    return err;
}

static const struct plugin cancel_plugin = {
    .abi = PLUGIN_ABI,
    .name = "cancel",
    .options = options,
    .setup = setup,
};
PLUGIN(cancel)
