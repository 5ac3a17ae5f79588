/* debug: debug lines in the log. (CoreDNS's debug also lets a panic crash; a server in C always does.) */
#include "plugins/plugin.h"
#include "zone/base/log.h"

static enum err setup(struct setup *setup, void **self)
{
    enum err err = options_parse(setup, NULL, NULL);
    *self = setup->block;
    setup->block->debug = err == ERR_OK;
    return err;
}

static enum err start(void *self)
{
    (void)self;
    log_set_level(LOG_DEBUG);
    return ERR_OK;
}

static const struct plugin debug_plugin = {
    .abi = PLUGIN_ABI,
    .name = "debug",
    .setup = setup,
    .start = start,
};
PLUGIN(debug)
