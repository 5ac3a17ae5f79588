/* reload: looks at the Corefile and the files it imports every now and then, and serves by what they say when
 * they have changed. A configuration with an error changes nothing: the old one goes on, and the log says
 * why. */
#include <sodium.h>
#include <string.h>

#include "plugins/metrics.h"
#include "plugins/plugin.h"
#include "zone/base/log.h"

struct reload {
    int64_t interval_ms, jitter_ms;
    struct host_timer *timer;
    uint8_t tried[HOST_DIGEST_LEN]; /* what was found the last time, when it was not what is in use */
};

static const struct option options[] = {
    {.arg = "INTERVAL",
        .kind = OPTION_DURATION,
        .offset = offsetof(struct reload, interval_ms),
        .fallback = "30s",
        .min = 2000,
        .max = 86400000,
        .help = "time between two looks"},
    {.arg = "JITTER",
        .kind = OPTION_DURATION,
        .offset = offsetof(struct reload, jitter_ms),
        .fallback = "15s",
        .min = 1000,
        .max = 86400000,
        .help = "each server adds its own part of this to the interval; at most half of it"},
    OPTIONS_END,
};

static enum err setup(struct setup *setup, void **self)
{
    struct reload *reload = ARENA_NEW(setup->world, struct reload);
    if (reload == NULL)
        return ERR_MEMORY;
    enum err err = options_parse(setup, options, reload);
    if (reload->jitter_ms > reload->interval_ms / 2)
        reload->jitter_ms = reload->interval_ms / 2;
    *self = reload;
    return err;
}

/* What was found is noted first: a configuration that is wrong is tried once, not at every look. */
static void look(void *arg)
{
    struct reload *reload = arg;
    uint8_t used[HOST_DIGEST_LEN], found[HOST_DIGEST_LEN];
    if (host_config_digest(false, used) != ERR_OK || host_config_digest(true, found) != ERR_OK ||
        memcmp(found, used, sizeof found) == 0 || memcmp(found, reload->tried, sizeof found) == 0)
        return;
    memcpy(reload->tried, found, sizeof found);
    log_info("reload: the Corefile has changed");
    enum err err = host_reload();
    (void)err; /* told by the server */
}

static enum err start(void *self)
{
    struct reload *reload = self;
    uint32_t spread = reload->jitter_ms > 0 ? randombytes_uniform((uint32_t)reload->jitter_ms) : 0;
    reload->timer = host_timer_start(reload->interval_ms + spread, look, reload);
    return reload->timer != NULL ? ERR_OK : ERR_MEMORY;
}

static void stop(void *self)
{
    struct reload *reload = self;
    if (reload->timer != NULL)
        host_timer_stop(reload->timer);
}

static void metrics(void *self, struct metrics *out)
{
    static const struct metric version = {
        "coredns_reload_version_info", METRIC_GAUGE, "The Corefile in use, by its hash."};
    uint8_t digest[HOST_DIGEST_LEN];
    char text[2 * HOST_DIGEST_LEN + 1];
    (void)self;
    if (host_config_digest(false, digest) != ERR_OK)
        return;
    sodium_bin2hex(text, sizeof text, digest, sizeof digest);
    metrics_add(out, &version, 1, METRIC_LABELS("hash", "sha512", "value", text));
}

static const struct plugin reload_plugin = {
    .abi = PLUGIN_ABI,
    .name = "reload",
    .options = options,
    .setup = setup,
    .start = start,
    .metrics = metrics,
    .stop = stop,
};
PLUGIN(reload)
