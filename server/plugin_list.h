/* The plugins there are, in the order of a chain: those built in, from plugins/plugin.cfg, and those loaded
 * by `plugin PATH` in a Corefile. Control thread. */
#ifndef SERVER_PLUGIN_LIST_H
#define SERVER_PLUGIN_LIST_H

#include "plugins/plugin.h"

#define PLUGINS_MAX 256

struct plugin_list {
    const struct plugin *items[PLUGINS_MAX];
    unsigned count;
};

/* Those built in. */
void plugin_list_init(struct plugin_list *list) NONNULL(1);

/* Adds the plugins that `plugin PATH [before|after NAME]` names; without a place, they stand in front of
 * the first one that answers from data (file), or replace the built-in one of the same name. Objects stay
 * loaded for good: an unloaded one could still be running. */
enum err plugin_list_load(struct plugin_list *list, struct setup *setup) NODISCARD NONNULL(1, 2);

/* -1: none of that name. */
int plugin_list_find(const struct plugin_list *list, const char *name) NONNULL(1, 2);

#endif
