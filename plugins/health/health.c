/* health: GET /health says OK as long as the server runs. With lameduck, a server that is asked to stop goes
 * on answering queries for that time, while whoever balances the load takes it out. */
#include "plugins/http.h"
#include "plugins/plugin.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "zone/base/log.h"

struct health {
    const char *address;
    int64_t lameduck_ms;
    struct http_route *route;
};

static const struct option options[] = {
    {.arg = "ADDRESS",
        .kind = OPTION_STRING,
        .offset = offsetof(struct health, address),
        .fallback = ":8080",
        .help = "where to listen: host:port, or :port for all addresses"},
    {.word = "lameduck",
        .arg = "DURATION",
        .kind = OPTION_DURATION,
        .offset = offsetof(struct health, lameduck_ms),
        .max = 3600000,
        .help = "go on serving for so long when asked to stop"},
    OPTIONS_END,
};

static enum err setup(struct setup *setup, void **self)
{
    struct health *health = ARENA_NEW(setup->world, struct health);
    if (health == NULL)
        return ERR_MEMORY;
    enum err err = options_parse(setup, options, health);
    if (err != ERR_OK)
        return err;
    if (!http_address_valid(health->address))
        return setup_error(setup, setup->directive->args, "host:port, [IPv6]:port, or :port",
            "'%s' is not an address to listen at", health->address);
    setup->block->lameduck_ms = health->lameduck_ms;
    *self = health;
    return ERR_OK;
}

static void answer(void *arg, struct http_answer *answer)
{
    (void)arg;
    answer->body = strdup("OK");
    answer->len = answer->body != NULL ? 2 : 0;
}

static enum err start(void *self)
{
    struct health *health = self;
    enum err err = http_open(health->address, "/health", answer, health, &health->route);
    if (err != ERR_OK)
        log_error("health: cannot listen at %s: %s", health->address, strerror(errno));
    return err;
}

static void stop(void *self)
{
    http_close(((struct health *)self)->route);
}

static const struct plugin health_plugin = {
    .abi = PLUGIN_ABI,
    .name = "health",
    .options = options,
    .setup = setup,
    .start = start,
    .stop = stop,
};
PLUGIN(health)
