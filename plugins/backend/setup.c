#include "plugins/backend/setup.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "zone/base/ip.h"
#include "zone/net/tls.h"

#define PORT_DNS 53   /* CoreDNS's, for servers written without a port, */
#define PORT_GRPC 443 /* and with grpc:// */

struct backend *backend_new(struct setup *setup, void **self, const struct carrier *carrier)
{
    struct backend *backend = ARENA_NEW(setup->world, struct backend), **last = (struct backend **)self;
    if (backend == NULL)
        return NULL;
    while (*last != NULL)
        last = &(*last)->next;
    *last = backend;
    backend->carrier = carrier;
    backend->plugin = setup->directive->name.text;
    backend->block = setup->block;
    return backend;
}

/* ---- servers ---- */

static union address to_address(const struct option_address *from)
{
    union address to = {0};
    if (from->family == 6) {
        to.v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(from->port)};
        memcpy(&to.v6.sin6_addr, from->ip, 16);
    } else {
        to.v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(from->port)};
        memcpy(&to.v4.sin_addr, from->ip, 4);
    }
    return to;
}

enum err backend_add(struct setup *setup, struct backend *backend, const struct token *at,
    const struct option_address *address)
{
    char ip[IP6_TEXT_MAX];
    unsigned i = backend->targets_count;
    if (i == TARGETS_MAX)
        return setup_error(setup, at, NULL, "more than %d servers", TARGETS_MAX);
    if (address->family == 6)
        ip6_print(address->ip, ip);
    else
        ip4_print(address->ip, ip);
    backend->settings[i] = (struct flow_target){.to = to_address(address)};
    backend->labels[i] =
        arena_printf(setup->world, address->family == 6 ? "[%s]:%u" : "%s:%u", ip, (unsigned)address->port);
    backend->authority[i] = backend->labels[i];
    if (backend->labels[i] == NULL)
        return ERR_MEMORY;
    backend->targets_count++;
    return ERR_OK;
}

/* The "nameserver" lines of a resolv.conf. */
static enum err read_resolv(
    struct setup *setup, struct backend *backend, const struct token *at, const char *path)
{
    FILE *file = fopen(path, "re");
    char line[512], word[64], ip[128];
    unsigned before = backend->targets_count;
    enum err err = ERR_OK;
    if (file == NULL)
        return setup_error(setup, at, NULL, "cannot read %s", path);
    while (err == ERR_OK && fgets(line, sizeof line, file) != NULL) {
        struct option_address address;
        if (sscanf(line, "%63s %127s", word, ip) != 2 || strcmp(word, "nameserver") != 0)
            continue;
        ip[strcspn(ip, "%")] = '\0';
        if (option_address_parse(ip, PORT_DNS, &address))
            err = backend_add(setup, backend, at, &address);
        else
            setup_warning(setup, at, NULL, "%s names a server '%s', which is no address", path, ip);
    }
    fclose(file);
    if (err == ERR_OK && backend->targets_count == before)
        return setup_error(setup, at, "a line like 'nameserver 192.0.2.1'", "%s names no server", path);
    return err;
}

enum err backend_add_written(struct setup *setup, struct backend *backend, const struct token *at)
{
    static const char scheme[] = "grpc://";
    struct option_address address;
    bool named = strncmp(at->text, scheme, sizeof scheme - 1) == 0;
    const char *text = at->text + (named ? sizeof scheme - 1 : 0);
    if (option_address_parse(text, named ? PORT_GRPC : PORT_DNS, &address))
        return backend_add(setup, backend, at, &address);
    const char *path = named ? NULL : setup_path(setup, text);
    if (path != NULL && access(path, R_OK) == 0)
        return read_resolv(setup, backend, at, path);
    return setup_error(setup, at, "as in 127.0.0.1:8053, [2001:db8::1]:8053, grpc://192.0.2.1",
        "'%s' is neither an IP address nor a file", at->text);
}

/* ---- TLS ---- */

bool setup_has_line(const struct setup *setup, const char *word)
{
    const struct directive *directive = setup->directive;
    for (unsigned i = 0; i < directive->lines_count; i++) {
        if (strcmp(directive->lines[i].name.text, word) == 0)
            return true;
    }
    return false;
}

static enum err make_tls(
    struct setup *setup, struct backend *backend, const struct option_strings *files, const char *alpn)
{
    struct tls_settings settings = {.alpn = alpn};
    char why[TLS_WHY_MAX];
    if (files->count > 3)
        return setup_error(setup, &setup->directive->name, "tls CERT KEY CA", "tls takes up to three files");
    if (files->count >= 2) {
        settings.cert = setup_path(setup, files->at[0]);
        settings.key = setup_path(setup, files->at[1]);
    }
    if (files->count % 2 == 1)
        settings.ca = setup_path(setup, files->at[files->count - 1]);
    enum err err = tls_context_new(&settings, &backend->tls, why);
    return err == ERR_OK ? err : setup_error(setup, &setup->directive->name, NULL, "%s", why);
}

/* Without tls_servername the certificate is for the address, or for the name that httpjson's URL has. */
static enum err set_tls(
    struct setup *setup, struct backend *backend, const struct written *written, const char *alpn)
{
    enum err err = make_tls(setup, backend, &written->tls, alpn);
    for (unsigned i = 0; i < backend->targets_count && err == ERR_OK; i++) {
        struct flow_target *target = &backend->settings[i];
        target->tls = backend->tls;
        if (written->tls_servername != NULL) {
            target->server_name = written->tls_servername;
        } else if (target->server_name == NULL) {
            char ip[INET6_ADDRSTRLEN];
            address_print(&target->to, ip);
            target->server_name = arena_copy(setup->world, ip, strlen(ip));
            err = target->server_name != NULL ? ERR_OK : ERR_MEMORY;
        }
    }
    return err;
}

/* ---- the rest ---- */

enum err backend_from(struct setup *setup, struct backend *backend, const char *from)
{
    static const struct option row = {.arg = "FROM", .kind = OPTION_NAME};
    const struct token *token = &setup->directive->args[0];
    struct network network;
    unsigned count = 1;
    bool is_network = strchr(from, '/') != NULL && network_parse(from, &network);
    if (is_network)
        count = reverse_zones(&network);
    const uint8_t **zones = ARENA_ARRAY(setup->world, const uint8_t *, count);
    if (zones == NULL)
        return ERR_MEMORY;
    for (unsigned i = 0; i < count && is_network; i++) {
        uint8_t name[NAME_MAX];
        unsigned len = reverse_zone(&network, i, name);
        zones[i] = (const uint8_t *)arena_copy(setup->world, name, len);
        if (zones[i] == NULL)
            return ERR_MEMORY;
    }
    backend->from = zones;
    backend->from_count = count;
    return is_network ? ERR_OK : option_value(setup, token, &row, &zones[0]);
}

enum err backend_take(
    struct setup *setup, struct backend *backend, const struct written *written, bool tls, const char *alpn)
{
    backend->except = written->except.at;
    backend->except_count = written->except.count;
    backend->fall = written->fall.at;
    backend->fall_count = written->fall.count;
    backend->fall_nodata = written->fall_nodata;
    if (written->fall_nodata && written->fall.count == 0)
        setup_warning(setup, &setup->directive->name, "add a line: fallthrough",
            "fallthrough_nodata has no effect without fallthrough");
    backend->policy = (enum policy)written->policy;
    backend->deadline_ms = (uint32_t)written->timeout_ms;
    backend->expire_ms = written->expire_ms;
    return tls ? set_tls(setup, backend, written, alpn) : ERR_OK;
}

/* ---- telling ---- */

static void tell_rcodes(
    const uint64_t *rcodes, const char *to, const struct backend_metrics *as, struct metrics *out)
{
    for (unsigned i = 0; i < CALL_RCODES; i++) {
        char number[8];
        const char *name = rcode_name(i);
        if (rcodes[i] == 0)
            continue;
        snprintf(number, sizeof number, "%u", i);
        metrics_add(out, &as->responses, (double)rcodes[i],
            METRIC_LABELS("rcode",
                i == CALL_RCODES - 1 ? "other"
                : name != NULL       ? name
                                     : number,
                "to", to));
    }
}

static void tell_target(const struct target *target, const struct backend_metrics *as, struct metrics *out)
{
    double bounds[CALL_BUCKETS - 1];
    uint64_t requests = 0, failures = 0, took_us = 0, rcodes[CALL_RCODES] = {0}, took[CALL_BUCKETS] = {0};
    for (unsigned i = 0; i < target->lanes_count; i++) {
        const struct lane *lane = &target->lanes[i];
        requests += atomic_load_explicit(&lane->requests, memory_order_relaxed);
        failures += atomic_load_explicit(&lane->failures, memory_order_relaxed);
        took_us += atomic_load_explicit(&lane->took_us, memory_order_relaxed);
        for (unsigned k = 0; k < CALL_RCODES; k++)
            rcodes[k] += atomic_load_explicit(&lane->rcodes[k], memory_order_relaxed);
        for (unsigned k = 0; k < CALL_BUCKETS; k++)
            took[k] += atomic_load_explicit(&lane->took[k], memory_order_relaxed);
    }
    for (unsigned k = 0; k < CALL_BUCKETS - 1; k++)
        bounds[k] = 0.00025 * (double)(1u << k);
    const char *const *to = METRIC_LABELS("to", target->label);
    metrics_add(out, &as->requests, (double)requests, to);
    metrics_add(out, &as->failures, (double)failures, to);
    metrics_histogram(out, &as->took, bounds, CALL_BUCKETS - 1, took, (double)took_us / 1e6, to);
    tell_rcodes(rcodes, target->label, as, out);
}

void backend_tell(const struct backend *line, const struct backend_metrics *as, struct metrics *out)
{
    for (; line != NULL; line = line->next) {
        for (unsigned i = 0; i < line->targets_count; i++) {
            if (line->targets[i] != NULL)
                tell_target(line->targets[i], as, out);
        }
    }
}
