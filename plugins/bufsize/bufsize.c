/* bufsize: the largest reply over UDP, and the payload size that replies announce (RFC 6891 6.2.5). */
#include "plugins/plugin.h"

struct bufsize {
    int64_t size;
};

static const struct option options[] = {
    {.arg = "SIZE",
        .kind = OPTION_INTEGER,
        .offset = offsetof(struct bufsize, size),
        .min = 512,
        .max = 4096,
        .fallback = "1232",
        .help = "octets; 1232 does not fragment on any path of the Internet"},
    OPTIONS_END,
};

static enum err setup(struct setup *setup, void **self)
{
    struct bufsize bufsize = {0};
    enum err err = options_parse(setup, options, &bufsize);
    *self = setup->block;
    setup->block->udp_size = (uint16_t)bufsize.size;
    return err;
}

static const struct plugin bufsize_plugin = {
    .abi = PLUGIN_ABI,
    .name = "bufsize",
    .options = options,
    .setup = setup,
};
PLUGIN(bufsize)
