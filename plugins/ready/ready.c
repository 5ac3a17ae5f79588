/* ready: GET /ready says OK when every plugin of the configuration can answer; until then 503 and the names
 * of those that cannot. A server that is about to stop is not ready. */
#include "plugins/http.h"
#include "plugins/plugin.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "zone/base/log.h"

#define NAMES_MAX 1024

enum monitor { UNTIL_READY, CONTINUOUSLY };

struct ready {
    const char *address;
    int monitor;
    bool was_ready;
    struct http_route *route;
};

static const char *const monitors[] = {"until-ready", "continuously", NULL};

static const struct option options[] = {
    {.arg = "ADDRESS",
        .kind = OPTION_STRING,
        .offset = offsetof(struct ready, address),
        .fallback = ":8181",
        .help = "where to listen: host:port, or :port for all addresses"},
    {.word = "monitor",
        .arg = "until-ready|continuously",
        .kind = OPTION_CHOICE,
        .offset = offsetof(struct ready, monitor),
        .choices = monitors,
        .fallback = "until-ready",
        .help = "ask the plugins until all were ready once, or always"},
    OPTIONS_END,
};

static enum err setup(struct setup *setup, void **self)
{
    struct ready *ready = ARENA_NEW(setup->world, struct ready);
    if (ready == NULL)
        return ERR_MEMORY;
    enum err err = options_parse(setup, options, ready);
    if (err != ERR_OK)
        return err;
    if (!http_address_valid(ready->address))
        return setup_error(setup, setup->directive->args, "host:port, [IPv6]:port, or :port",
            "'%s' is not an address to listen at", ready->address);
    *self = ready;
    return ERR_OK;
}

struct list {
    char text[NAMES_MAX];
    size_t len;
};

static void add_name(void *context, const char *name)
{
    struct list *list = context;
    size_t len = strlen(name);
    if (list->len + len + 2 > sizeof list->text || strstr(list->text, name) != NULL)
        return;
    if (list->len > 0)
        list->text[list->len++] = ',';
    memcpy(list->text + list->len, name, len + 1);
    list->len += len;
}

static void answer(void *arg, struct http_answer *answer)
{
    struct ready *ready = arg;
    struct list list = {.text = ""};
    bool ending;
    bool all = host_unready(add_name, &list, &ending) == 0;
    ready->was_ready |= all;
    if (ending) {
        answer->status = 503;
        answer->body = strdup("stopping");
    } else if (all || (ready->was_ready && ready->monitor == UNTIL_READY)) {
        answer->body = strdup("OK");
    } else {
        answer->status = 503;
        answer->body = strdup(list.text);
    }
    answer->len = answer->body != NULL ? strlen(answer->body) : 0;
}

static enum err start(void *self)
{
    struct ready *ready = self;
    enum err err = http_open(ready->address, "/ready", answer, ready, &ready->route);
    if (err != ERR_OK)
        log_error("ready: cannot listen at %s: %s", ready->address, strerror(errno));
    return err;
}

static void stop(void *self)
{
    http_close(((struct ready *)self)->route);
}

static const struct plugin ready_plugin = {
    .abi = PLUGIN_ABI,
    .name = "ready",
    .options = options,
    .setup = setup,
    .start = start,
    .stop = stop,
};
PLUGIN(ready)
