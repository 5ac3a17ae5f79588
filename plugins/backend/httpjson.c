/* httpjson: asks programs that answer from data of their own, by HTTP and JSON in the form of the public JSON
 * DNS APIs (jsonreply.h), so that nobody needs DNS packets for it. See call.c for the way of a question,
 * pool.c for the connections. */
#include <string.h>

#include "plugins/backend/pool.h"
#include "plugins/backend/setup.h"

#define HEADERS_MAX 4096
#define PATH_MAX_LEN 1024

static const char *const policies[] = {"random", "round_robin", "sequential", NULL};

static const struct option options[] = {
    {.arg = "ZONES...",
        .kind = OPTION_ZONES,
        WRITTEN(zones),
        .help = "names at and below these are asked of the backends; the block's own zones when left out"},
    {.word = "url",
        .arg = "URL...",
        .kind = OPTION_STRINGS,
        .flags = OPTION_REQUIRED,
        WRITTEN(to),
        .help = "up to 15 backends: http://IP:PORT/PATH or https://...; ?name=NAME&type=TYPE is added"},
    {.word = "address",
        .arg = "IP...",
        .kind = OPTION_ADDRESSES,
        WRITTEN(addresses),
        .help = "where a URL leads that has a name: only with a single one"},
    {.word = "header",
        .arg = "NAME VALUE",
        .kind = OPTION_LINES,
        WRITTEN(headers),
        .help = "a header line of every request, such as one with a secret"},
    {.word = "timeout",
        .arg = "DURATION",
        .kind = OPTION_DURATION,
        WRITTEN(timeout_ms),
        .min = 10,
        .max = 60000,
        .fallback = TIMEOUT_DEFAULT,
        .help = "how long the backends have to answer, all attempts together"},
    {.word = "expire",
        .arg = "DURATION",
        .kind = OPTION_DURATION,
        WRITTEN(expire_ms),
        .min = 1000,
        .max = INT64_C(86400000),
        .fallback = "10s",
        .help = "connections that are idle for so long are closed"},
    {.word = "policy",
        .arg = "POLICY",
        .kind = OPTION_CHOICE,
        WRITTEN(policy),
        .choices = policies,
        .fallback = "random",
        .help = "which backend is asked first"},
    {.word = "tls",
        .arg = "[CERT KEY] [CA]",
        .kind = OPTION_STRINGS,
        .flags = OPTION_OPTIONAL,
        WRITTEN(tls),
        .help = "for https: our certificate and key, the authorities that sign the backends'"},
    {.word = "tls_servername",
        .arg = "NAME",
        .kind = OPTION_STRING,
        WRITTEN(tls_servername),
        .help = "the name in the certificates of the backends, if it is not the URL's"},
    {.word = "except",
        .arg = "NAMES",
        .kind = OPTION_ZONES,
        WRITTEN(except),
        .help = "names at and below these are left to the next plugin"},
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
    OPTIONS_END,
};

/* ---- URLs ---- */

struct url {
    const char *host;
    const char *path; /* up to where the name is to be added */
    struct option_address address;
    uint16_t port;
    bool tls, named; /* the host is a name, */
};

/* http[s]://HOST[:PORT][/PATH[?QUERY]] */
static enum err read_url(struct setup *setup, const struct token *at, const char *text, struct url *url)
{
    static const char hint[] = "as in http://127.0.0.1:8080/resolve";
    url->tls = strncmp(text, "https://", 8) == 0;
    if (!url->tls && strncmp(text, "http://", 7) != 0)
        return setup_error(setup, at, hint, "'%s' is no URL of http or https", text);
    const char *host = text + (url->tls ? 8 : 7);
    size_t len = strcspn(host, "/?#");
    const char *path = host + len;
    for (const char *c = text; *c != '\0'; c++) {
        if ((unsigned char)*c <= ' ' || *c == 0x7f || *c == '#' || (*c == '@' && c < path))
            return setup_error(setup, at, hint, "'%s' has a character that does not belong there", text);
    }
    if (len == 0 || strlen(path) > PATH_MAX_LEN)
        return setup_error(setup, at, hint, len == 0 ? "'%s' names no host" : "'%s' is too long", text);
    url->port = url->tls ? 443 : 80;
    url->host = arena_copy(setup->world, host, len);
    url->path = arena_printf(setup->world, "%s%s%s", *path == '/' ? "" : "/", path,
        strchr(path, '?') == NULL      ? "?"
        : strchr(path, '?')[1] != '\0' ? "&"
                                       : "");
    if (url->host == NULL || url->path == NULL)
        return ERR_MEMORY;
    url->named = !option_address_parse(url->host, url->port, &url->address);
    return ERR_OK;
}

/* [IPv6] without a port is an address, too. */
static enum err resolve(struct setup *setup, const struct token *at, const struct written *written,
    unsigned index, struct url *url)
{
    size_t len = strlen(url->host);
    if (!url->named)
        return ERR_OK;
    if (url->host[0] == '[' && url->host[len - 1] == ']') {
        const char *inner = arena_copy(setup->world, url->host + 1, len - 2);
        if (inner == NULL)
            return ERR_MEMORY;
        url->named = !option_address_parse(inner, url->port, &url->address);
        if (!url->named)
            return ERR_OK;
    }
    const char *colon = strchr(url->host, ':');
    char port[24];
    snprintf(port, sizeof port, "127.0.0.1:%s", colon != NULL ? colon + 1 : "1");
    if (!option_address_parse(port, 0, &url->address))
        return setup_error(setup, at, NULL, "'%s' has no valid port", written->to.at[index]);
    if (colon != NULL)
        url->port = url->address.port;
    if (colon != NULL ? strncmp(url->host, "localhost:", 10) == 0 : strcmp(url->host, "localhost") == 0) {
        url->address.port = url->port;
        return ERR_OK;
    }
    if (written->to.count == 1 && written->addresses.count > 0)
        return ERR_OK;
    return setup_error(setup, at, "write http://IP:PORT/..., or a line 'address IP' for a single url",
        "'%s': servers are named by their addresses here", written->to.at[index]);
}

static enum err add(struct setup *setup, struct backend *backend, const struct token *at,
    const struct url *url, const struct option_address *address)
{
    unsigned i = backend->targets_count;
    enum err err = backend_add(setup, backend, at, address);
    if (err != ERR_OK)
        return err;
    backend->paths[i] = url->path;
    backend->authority[i] = url->host;
    if (!url->named)
        return ERR_OK;
    const char *name = arena_copy(setup->world, url->host, strcspn(url->host, ":"));
    backend->settings[i].server_name = name;
    return name != NULL ? ERR_OK : ERR_MEMORY;
}

static enum err add_url(
    struct setup *setup, struct backend *backend, const struct written *written, unsigned index, bool *tls)
{
    const struct token *at = &setup->directive->name;
    struct url url = {0};
    enum err err = read_url(setup, at, written->to.at[index], &url);
    if (err == ERR_OK)
        err = resolve(setup, at, written, index, &url);
    if (err != ERR_OK)
        return err;
    if (index > 0 && *tls != url.tls)
        return setup_error(setup, at, "use a directive for each", "urls of http and https together");
    *tls = url.tls;
    if (written->addresses.count == 0 || written->to.count > 1)
        return add(setup, backend, at, &url, &url.address);
    for (unsigned i = 0; i < written->addresses.count && err == ERR_OK; i++) {
        struct option_address address = written->addresses.at[i];
        address.port = address.port != 0 ? address.port : url.port;
        err = add(setup, backend, at, &url, &address);
    }
    return err;
}

/* ---- header lines ---- */

/* What goes into a request must not end a line of it. */
static bool is_plain(const char *text, bool name)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c < 0x20 || c == 0x7f || (name && (c <= ' ' || c == ':')))
            return false;
    }
    return true;
}

static enum err read_headers(struct setup *setup, struct backend *backend, const struct written *written)
{
    char text[HEADERS_MAX] = "";
    size_t used = 0;
    for (unsigned i = 0; i < written->headers.count; i++) {
        const struct directive *line = written->headers.at[i];
        if (line->args_count != 2 || !is_plain(line->args[0].text, true) ||
            !is_plain(line->args[1].text, false))
            return setup_error(setup, &line->name, "header Authorization \"Bearer secret\"",
                "header takes a name and a value, in quotes when it has blanks");
        used += (size_t)snprintf(
            text + used, sizeof text - used, "%s: %s\r\n", line->args[0].text, line->args[1].text);
        if (used >= sizeof text)
            return setup_error(setup, &line->name, NULL, "header lines of more than %d octets", HEADERS_MAX);
    }
    backend->headers = arena_copy(setup->world, text, used);
    return backend->headers != NULL ? ERR_OK : ERR_MEMORY;
}

static enum err setup_httpjson(struct setup *setup, void **self)
{
    struct written written = {0};
    bool tls = false;
    struct backend *backend = backend_new(setup, self, &pool_carrier);
    if (backend == NULL)
        return ERR_MEMORY;
    enum err err = options_parse(setup, options, &written);
    backend->from = written.zones.at;
    backend->from_count = written.zones.count;
    for (unsigned i = 0; i < written.to.count && err == ERR_OK; i++)
        err = add_url(setup, backend, &written, i, &tls);
    if (err == ERR_OK && !tls && (setup_has_line(setup, "tls") || written.tls_servername != NULL))
        return setup_error(setup, &setup->directive->name, "write url https://...", "tls for a url of http");
    if (err == ERR_OK)
        err = read_headers(setup, backend, &written);
    return err == ERR_OK ? backend_take(setup, backend, &written, tls, "http/1.1") : err;
}

/* ---- telling ---- */

static void tell(void *self, struct metrics *out)
{
    static const struct backend_metrics as = {
        .took = {"coredns_httpjson_request_duration_seconds", METRIC_HISTOGRAM,
            "Histogram of the time each request took."},
        .requests = {"coredns_httpjson_requests_total", METRIC_COUNTER,
            "Counter of requests made per upstream."},
        .responses = {"coredns_httpjson_responses_total", METRIC_COUNTER,
            "Counter of responses received per upstream."},
        .failures = {"coredns_httpjson_failures_total", METRIC_COUNTER,
            "Counter of requests that brought no response, per upstream."},
    };
    backend_tell(self, &as, out);
}

static const struct plugin httpjson_plugin = {
    .abi = PLUGIN_ABI,
    .name = "httpjson",
    .options = options,
    .setup = setup_httpjson,
    .start = backend_start,
    .serve = backend_serve,
    .refresh = backend_refresh,
    .ends = backend_ends,
    .metrics = tell,
    .stop = backend_stop,
};
PLUGIN(httpjson)
