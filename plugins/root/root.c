/* root: where relative paths of the block begin. First in the order, so that all others see it. */
#include <sys/stat.h>

#include "plugins/plugin.h"
#include "zone/base/log.h"

struct root {
    const char *path;
};

static const struct option options[] = {
    {.arg = "PATH",
        .kind = OPTION_PATH,
        .flags = OPTION_REQUIRED,
        .offset = offsetof(struct root, path),
        .help = "the directory that relative paths of this server block begin at"},
    OPTIONS_END,
};

static enum err setup(struct setup *setup, void **self)
{
    struct root root = {0};
    struct stat status;
    enum err err = options_parse(setup, options, &root);
    if (err != ERR_OK)
        return err;
    if (*self != NULL)
        return setup_error(setup, &setup->directive->name, NULL, "root is set twice in this block");
    *self = setup->block;
    /* CoreDNS only warns, too: the directory may be made later. */
    if (stat(root.path, &status) != 0)
        setup_warning(setup, &setup->directive->args[0], NULL, "root path '%s' does not exist", root.path);
    setup->block->root = root.path;
    return ERR_OK;
}

static const struct plugin root_plugin = {
    .abi = PLUGIN_ABI,
    .name = "root",
    .options = options,
    .setup = setup,
};
PLUGIN(root)
