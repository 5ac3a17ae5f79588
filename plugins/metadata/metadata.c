/* metadata: lets plugins of the block tell each other, and the log, about its queries (plugins/metadata.h).
 */
#include "plugins/plugin.h"

struct written {
    struct option_zones zones;
};

static const struct option options[] = {
    {.arg = "ZONES...",
        .kind = OPTION_ZONES,
        .offset = offsetof(struct written, zones),
        .help = "the names whose queries have metadata; the block's own zones when left out"},
    OPTIONS_END,
};

static enum err setup(struct setup *setup, void **self)
{
    struct written written = {0};
    if (*self != NULL)
        return setup_error(setup, &setup->directive->name, "put the zones of both into one",
            "metadata is there twice in this block");
    enum err err = options_parse(setup, options, &written);
    *self = setup->block;
    setup->block->metadata = written.zones;
    return err;
}

static const struct plugin metadata_plugin = {
    .abi = PLUGIN_ABI,
    .name = "metadata",
    .options = options,
    .setup = setup,
};
PLUGIN(metadata)
