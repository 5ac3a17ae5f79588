/* tls: the certificate that a block's tls:// keys are served with (RFC 7858, and RFC 9103 for transfers). Its
 * files are looked at every minute: a renewed certificate is used by the next connection, a broken one is
 * told of and the old one stays. */
#include <string.h>
#include <time.h>

#include "plugins/metrics.h"
#include "plugins/plugin.h"
#include "zone/base/log.h"
#include "zone/net/tls.h"

#define LOOK_MS 60000

struct tls_plugin {
    struct option_strings files;
    int client_auth;
    const char *keylog;
    struct tls_context *context;
    struct host_timer *timer;
};

/* In the order of enum tls_client_auth. */
static const char *const client_auths[] = {
    "nocert", "request", "require", "verify_if_given", "require_and_verify", NULL};

static const struct option options[] = {
    {.arg = "CERT KEY CA",
        .kind = OPTION_STRINGS,
        .flags = OPTION_REQUIRED,
        .offset = offsetof(struct tls_plugin, files),
        .help = "PEM files: the certificate and its chain, its key, and the authorities of clients' "
                "certificates"},
    {.word = "client_auth",
        .arg = "POLICY",
        .kind = OPTION_CHOICE,
        .offset = offsetof(struct tls_plugin, client_auth),
        .choices = client_auths,
        .fallback = "nocert",
        .help = "what clients have to show"},
    {.word = "keylog",
        .arg = "FILE",
        .kind = OPTION_PATH,
        .offset = offsetof(struct tls_plugin, keylog),
        .help = "append the secrets of each connection, for whoever has to read along"},
    OPTIONS_END,
};

static const char *file_at(struct setup *setup, const struct tls_plugin *tls, unsigned i)
{
    return i < tls->files.count ? setup_path(setup, tls->files.at[i]) : NULL;
}

static enum err setup(struct setup *setup, void **self)
{
    struct tls_plugin *tls = ARENA_NEW(setup->world, struct tls_plugin);
    char why[TLS_WHY_MAX];
    if (tls == NULL)
        return ERR_MEMORY;
    enum err err = options_parse(setup, options, tls);
    if (err != ERR_OK)
        return err;
    if (tls->files.count < 2 || tls->files.count > 3)
        return setup_error(
            setup, &setup->directive->name, "tls CERT KEY [CA]", "tls takes two or three files");
    struct tls_settings settings = {.cert = file_at(setup, tls, 0),
        .key = file_at(setup, tls, 1),
        .ca = file_at(setup, tls, 2),
        .alpn = "dot",
        .keylog = tls->keylog,
        .server = true,
        .client_auth = (uint8_t)tls->client_auth};
    err = tls_context_new(&settings, &tls->context, why);
    if (err != ERR_OK)
        return setup_error(setup, &setup->directive->name, NULL, "%s", why);
    setup->block->tls = tls->context;
    *self = tls;
    return ERR_OK;
}

static void look(void *arg)
{
    struct tls_plugin *tls = arg;
    char why[TLS_WHY_MAX];
    enum err err = tls_context_refresh(tls->context, why);
    if (err == ERR_OK)
        log_info("tls: the new certificate is in use");
    else if (err != ERR_STALE)
        log_error("tls: the old certificate stays in use: %s", why);
}

static enum err start(void *self)
{
    struct tls_plugin *tls = self;
    tls->timer = host_timer_start(LOOK_MS, look, tls);
    return tls->timer != NULL ? ERR_OK : ERR_MEMORY;
}

static void metrics(void *self, struct metrics *out)
{
    static const struct metric expires = {"bailiwick_tls_certificate_expires_seconds", METRIC_GAUGE,
        "When the certificate ends, in seconds since 1970."};
    const struct tls_plugin *tls = self;
    metrics_add(
        out, &expires, (double)tls_context_expires(tls->context), METRIC_LABELS("file", tls->files.at[0]));
}

static void stop(void *self)
{
    struct tls_plugin *tls = self;
    if (tls->timer != NULL)
        host_timer_stop(tls->timer);
    tls_context_drop(tls->context);
}

static const struct plugin tls_plugin = {
    .abi = PLUGIN_ABI,
    .name = "tls",
    .options = options,
    .setup = setup,
    .start = start,
    .refresh = look,
    .metrics = metrics,
    .stop = stop,
};
PLUGIN(tls)
