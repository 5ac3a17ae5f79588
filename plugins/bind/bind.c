/* bind: the addresses and interfaces the block listens on. Without it, on all. */
#include "plugins/plugin.h"

struct bind {
    struct option_strings addresses;
    struct option_strings except;
};

static const struct option options[] = {
    {.arg = "ADDRESS|INTERFACE",
        .kind = OPTION_STRINGS,
        .flags = OPTION_REQUIRED,
        .offset = offsetof(struct bind, addresses),
        .help = "where to listen; an interface stands for all its addresses"},
    {.word = "except",
        .arg = "ADDRESS|INTERFACE",
        .kind = OPTION_STRINGS,
        .offset = offsetof(struct bind, except),
        .help = "addresses to leave out, of the interfaces named"},
    OPTIONS_END,
};

static enum err append(struct arena *world, struct option_strings *list, const struct option_strings *more)
{
    const char **at = ARENA_ARRAY(world, const char *, list->count + more->count + 1);
    if (at == NULL)
        return ERR_MEMORY;
    for (unsigned i = 0; i < list->count; i++)
        at[i] = list->at[i];
    for (unsigned i = 0; i < more->count; i++)
        at[list->count + i] = more->at[i];
    list->at = at;
    list->count += more->count;
    return ERR_OK;
}

/* Several bind lines of a block add up. */
static enum err setup(struct setup *setup, void **self)
{
    struct bind bind = {0};
    enum err err = options_parse(setup, options, &bind);
    *self = setup->block;
    if (err == ERR_OK)
        err = append(setup->world, &setup->block->bind, &bind.addresses);
    if (err == ERR_OK)
        err = append(setup->world, &setup->block->except, &bind.except);
    return err;
}

static const struct plugin bind_plugin = {
    .abi = PLUGIN_ABI,
    .name = "bind",
    .options = options,
    .setup = setup,
};
PLUGIN(bind)
