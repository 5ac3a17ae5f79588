#include "server/plugin_list.h"

#include <dlfcn.h>
#include <string.h>

#include "server/server.h"

/* plugin_table.h is made from plugins/plugin.cfg: PLUGIN_ROW(name) for each. */
#define PLUGIN_ROW(name) extern const struct plugin *const bailiwick_plugin_##name;
#include "plugin_table.h"
#undef PLUGIN_ROW

#define PLUGIN_ROW(name) &bailiwick_plugin_##name,
static const struct plugin *const *const built_in[] = {
#include "plugin_table.h"
};
#undef PLUGIN_ROW

#define PLUGIN_ROW(name) #name,
static const char *const names[] = {
#include "plugin_table.h"
    NULL};
#undef PLUGIN_ROW

#define FIRST_DATA_PLUGIN "file"

const char *const *server_plugins(void)
{
    return names;
}

void plugin_list_init(struct plugin_list *list)
{
    list->count = 0;
    for (unsigned i = 0; i < ARRAY_COUNT(built_in); i++)
        list->items[list->count++] = *built_in[i];
}

int plugin_list_find(const struct plugin_list *list, const char *name)
{
    for (unsigned i = 0; i < list->count; i++) {
        if (strcmp(list->items[i]->name, name) == 0)
            return (int)i;
    }
    return -1;
}

static void insert(struct plugin_list *list, unsigned at, const struct plugin *plugin)
{
    memmove(&list->items[at + 1], &list->items[at], (list->count - at) * sizeof list->items[0]);
    list->items[at] = plugin;
    list->count++;
}

/* The place that `before NAME` or `after NAME` asks for. */
static enum err place(const struct plugin_list *list, struct setup *setup, unsigned *at)
{
    const struct directive *directive = setup->directive;
    if (directive->args_count == 1) {
        int data = plugin_list_find(list, FIRST_DATA_PLUGIN);
        *at = data < 0 ? list->count : (unsigned)data;
        return ERR_OK;
    }
    const struct token *word = &directive->args[1];
    bool before = strcmp(word->text, "before") == 0;
    if (directive->args_count != 3 || (!before && strcmp(word->text, "after") != 0))
        return setup_error(
            setup, word, "plugin PATH [before|after NAME]", "expected \"before\" or \"after\" and a plugin");
    int found = plugin_list_find(list, directive->args[2].text);
    if (found < 0)
        return setup_error(setup, &directive->args[2], "bailiwickd -plugins lists them",
            "there is no plugin '%s'", directive->args[2].text);
    *at = (unsigned)found + !before;
    return ERR_OK;
}

static enum err open_object(struct setup *setup, const struct token *path, const struct plugin **out)
{
    const char *full = setup_path(setup, path->text);
    if (full == NULL)
        return ERR_MEMORY;
    void *object = dlopen(full, RTLD_NOW | RTLD_LOCAL);
    if (object == NULL)
        return setup_error(setup, path, "a path without a slash is looked for in the system's libraries only",
            "cannot load plugin: %s", dlerror());
    const struct plugin *const *symbol = dlsym(object, "bailiwick_plugin");
    if (symbol == NULL || *symbol == NULL)
        return setup_error(setup, path,
            "its source must be compiled with -DPLUGIN_LOADABLE and use PLUGIN(name)",
            "'%s' is not a plugin of bailiwickd", full);
    if ((*symbol)->abi != PLUGIN_ABI)
        return setup_error(setup, path, "compile it again with this version's plugins/plugin.h",
            "plugin '%s' is made for interface version %u, this server has %u", full, (*symbol)->abi,
            PLUGIN_ABI);
    *out = *symbol;
    return ERR_OK;
}

enum err plugin_list_load(struct plugin_list *list, struct setup *setup)
{
    const struct directive *directive = setup->directive;
    const struct plugin *plugin = NULL;
    unsigned at = 0;
    if (directive->args_count == 0)
        return setup_error(setup, &directive->name, "plugin PATH [before|after NAME]", "plugin needs a path");
    enum err err = open_object(setup, &directive->args[0], &plugin);
    if (err == ERR_OK)
        err = place(list, setup, &at);
    if (err != ERR_OK)
        return err;
    int same = plugin_list_find(list, plugin->name);
    if (same >= 0) {
        list->items[same] = plugin;
        return ERR_OK;
    }
    if (list->count == PLUGINS_MAX)
        return setup_error(setup, &directive->name, NULL, "more than %d plugins", PLUGINS_MAX);
    insert(list, at, plugin);
    return ERR_OK;
}
