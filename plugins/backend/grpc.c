/* grpc: asks programs that answer from data of their own, by CoreDNS's service over gRPC (frame.h). Also the
 * directive it was before CoreDNS 1.5, `proxy FROM TO { protocol grpc insecure }`. Options and behaviour are
 * CoreDNS's; see call.c for the way of a question, h2.c for the connections. */
#include <stdio.h>
#include <string.h>

#include "plugins/backend/h2.h"
#include "plugins/backend/setup.h"

static const char *const policies[] = {"random", "round_robin", "sequential", NULL};

#define ROW_FROM                                                                                             \
    {                                                                                                        \
        .arg = "FROM", .kind = OPTION_STRING, .flags = OPTION_REQUIRED, WRITTEN(from),                       \
        .help = "names at and below it are asked of the backends: a domain name, '.' or a network"           \
    }
#define ROW_TO                                                                                               \
    {                                                                                                        \
        .arg = "TO", .kind = OPTION_STRINGS, .flags = OPTION_REQUIRED, WRITTEN(to),                          \
        .help = "up to 15 backends: IP:PORT, grpc://IP, or a file like /etc/resolv.conf"                     \
    }
#define ROW_EXCEPT                                                                                           \
    {                                                                                                        \
        .word = "except", .arg = "NAMES", .kind = OPTION_ZONES, WRITTEN(except),                             \
        .help = "names at and below these are left to the next plugin"                                       \
    }
#define ROW_TIMEOUT                                                                                          \
    {                                                                                                        \
        .word = "timeout", .arg = "DURATION", .kind = OPTION_DURATION, WRITTEN(timeout_ms), .min = 10,       \
        .max = 60000, .fallback = TIMEOUT_DEFAULT,                                                           \
        .help = "how long the backends have to answer, all attempts together"                                \
    }
#define ROW_EXPIRE                                                                                           \
    {                                                                                                        \
        .word = "expire", .arg = "DURATION", .kind = OPTION_DURATION, WRITTEN(expire_ms), .min = 1000,       \
        .max = INT64_C(86400000), .fallback = "5m",                                                          \
        .help = "connections that are idle for so long are closed"                                           \
    }

static const struct option options[] = {
    ROW_FROM,
    ROW_TO,
    ROW_EXCEPT,
    {.word = "tls",
        .arg = "[CERT KEY] [CA]",
        .kind = OPTION_STRINGS,
        .flags = OPTION_OPTIONAL,
        WRITTEN(tls),
        .help = "speak TLS: our certificate and key, the authorities that sign the backends'"},
    {.word = "tls_servername",
        .arg = "NAME",
        .kind = OPTION_STRING,
        WRITTEN(tls_servername),
        .help = "speak TLS: the name in the certificates of the backends"},
    {.word = "policy",
        .arg = "POLICY",
        .kind = OPTION_CHOICE,
        WRITTEN(policy),
        .choices = policies,
        .fallback = "random",
        .help = "which backend is asked first"},
    {.word = "fallthrough",
        .arg = "ZONES...",
        .kind = OPTION_ZONES,
        .flags = OPTION_OPTIONAL,
        WRITTEN(fall),
        .help =
            "names that the backend does not know are left to the next plugin, in these zones, or in all"},
    {.word = "fallthrough_nodata",
        .kind = OPTION_FLAG,
        WRITTEN(fall_nodata),
        .help = "with fallthrough: so are names that it knows, but not with the type asked for"},
    ROW_TIMEOUT,
    ROW_EXPIRE,
    OPTIONS_END,
};

static enum err set(struct setup *setup, struct backend *backend, const struct written *written, bool tls)
{
    enum err err = backend_from(setup, backend, written->from);
    for (unsigned i = 1; i < setup->directive->args_count && err == ERR_OK; i++)
        err = backend_add_written(setup, backend, &setup->directive->args[i]);
    return err == ERR_OK ? backend_take(setup, backend, written, tls, "h2") : err;
}

static enum err setup_grpc(struct setup *setup, void **self)
{
    struct written written = {0};
    struct backend *backend = backend_new(setup, self, &h2_carrier);
    if (backend == NULL)
        return ERR_MEMORY;
    enum err err = options_parse(setup, options, &written);
    bool tls = setup_has_line(setup, "tls") || written.tls_servername != NULL;
    return err == ERR_OK ? set(setup, backend, &written, tls) : err;
}

/* ---- proxy ---- */

static const char *const proxy_policies[] = {
    "random", "round_robin", "first", "sequential", "least_conn", NULL};

static const struct option proxy_options[] = {
    ROW_FROM,
    ROW_TO,
    ROW_EXCEPT,
    {.word = "protocol",
        .arg = "grpc [insecure | [CERT KEY] [CA]]",
        .kind = OPTION_STRINGS,
        WRITTEN(protocol),
        .help = "must be grpc: other protocols are forward's"},
    {.word = "policy",
        .arg = "POLICY",
        .kind = OPTION_CHOICE,
        WRITTEN(policy),
        .choices = proxy_policies,
        .fallback = "random",
        .help = "which backend is asked first"},
    {.word = "fail_timeout",
        .arg = "DURATION",
        .kind = OPTION_IGNORED,
        .help = "a backend that fails is asked last for a second"},
    {.word = "max_fails",
        .arg = "N",
        .kind = OPTION_IGNORED,
        .help = "a backend that fails is asked last for a second"},
    {.word = "health_check", .arg = "PATH", .kind = OPTION_IGNORED, .help = "backends are not probed"},
    {.word = "spray", .kind = OPTION_IGNORED, .help = "a backend is always asked, even if all have failed"},
    ROW_TIMEOUT,
    ROW_EXPIRE,
    OPTIONS_END,
};

/* CoreDNS 1.4's page says KEY CERT, its code takes CERT KEY: whichever file has the key is the key. */
static bool has_key(struct setup *setup, const char *name)
{
    char line[128];
    const char *path = setup_path(setup, name);
    FILE *file = path != NULL ? fopen(path, "re") : NULL;
    bool found = false;
    while (file != NULL && !found && fgets(line, sizeof line, file) != NULL)
        found = strstr(line, "PRIVATE KEY") != NULL;
    if (file != NULL)
        fclose(file);
    return found;
}

/* insecure: no TLS; nothing: TLS with the system's authorities; or files. */
static enum err take_protocol(struct setup *setup, struct written *written, bool *tls)
{
    struct option_strings words = written->protocol;
    *tls = !(words.count > 1 && strcmp(words.at[1], "insecure") == 0);
    if (words.count == 0 || strcmp(words.at[0], "grpc") != 0)
        return setup_error(setup, &setup->directive->name, "write 'forward FROM TO...'",
            "'proxy' was removed in CoreDNS 1.5.0, replaced by 'forward'");
    setup_warning(setup, &setup->directive->name, "write 'grpc FROM TO...'; 'bailiwickd -migrate' does it",
        "'proxy' with protocol grpc is called 'grpc' since CoreDNS 1.5.0");
    if (!*tls)
        return ERR_OK;
    written->tls = (struct option_strings){words.at + 1, words.count - 1};
    if (words.count > 2 && has_key(setup, words.at[1])) {
        const char *key = words.at[1];
        words.at[1] = words.at[2];
        words.at[2] = key;
    }
    return ERR_OK;
}

static enum err setup_proxy(struct setup *setup, void **self)
{
    static const int policy_of[] = {
        POLICY_RANDOM, POLICY_ROUND_ROBIN, POLICY_SEQUENTIAL, POLICY_SEQUENTIAL, POLICY_RANDOM};
    struct written written = {0};
    bool tls;
    struct backend *backend = backend_new(setup, self, &h2_carrier);
    if (backend == NULL)
        return ERR_MEMORY;
    if (!setup_has_line(setup, "protocol")) /* whatever else stands there */
        return take_protocol(setup, &written, &tls);
    enum err err = options_parse(setup, proxy_options, &written);
    if (err == ERR_OK)
        err = take_protocol(setup, &written, &tls);
    written.policy = policy_of[written.policy];
    return err == ERR_OK ? set(setup, backend, &written, tls) : err;
}

/* ---- telling ---- */

static void tell(void *self, struct metrics *out)
{
    static const struct backend_metrics as = {
        .took = {"coredns_grpc_request_duration_seconds", METRIC_HISTOGRAM,
            "Histogram of the time each request took."},
        .requests = {"coredns_grpc_requests_total", METRIC_COUNTER, "Counter of requests made per upstream."},
        .responses = {"coredns_grpc_responses_total", METRIC_COUNTER,
            "Counter of responses received per upstream."},
        .failures = {"coredns_grpc_failures_total", METRIC_COUNTER,
            "Counter of requests that brought no response, per upstream."},
    };
    backend_tell(self, &as, out);
}

#define HOOKS                                                                                                \
    .start = backend_start, .serve = backend_serve, .refresh = backend_refresh, .ends = backend_ends,        \
    .metrics = tell, .stop = backend_stop

static const struct plugin grpc_plugin = {
    .abi = PLUGIN_ABI, .name = "grpc", .options = options, .setup = setup_grpc, HOOKS};
PLUGIN(grpc)

static const struct plugin proxy_plugin = {
    .abi = PLUGIN_ABI, .name = "proxy", .options = proxy_options, .setup = setup_proxy, HOOKS};
PLUGIN(proxy)
