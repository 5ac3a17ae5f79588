#include "plugins/backend/setup.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "plugins/servers.h"
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

enum err backend_add(struct setup *setup, struct backend *backend, const struct token *at,
    const struct option_address *address)
{
    unsigned i = backend->targets_count;
    if (i == TARGETS_MAX)
        return setup_error(setup, at, NULL, "more than %d servers", TARGETS_MAX);
    backend->settings[i] = (struct flow_target){.to = server_address(address)};
    backend->labels[i] = server_label(setup, address);
    backend->authority[i] = backend->labels[i];
    if (backend->labels[i] == NULL)
        return ERR_MEMORY;
    backend->targets_count++;
    return ERR_OK;
}

struct listing {
    struct setup *setup;
    struct backend *backend;
    const struct token *at;
};

static enum err add_listed(void *context, const struct option_address *address)
{
    const struct listing *listing = context;
    return backend_add(listing->setup, listing->backend, listing->at, address);
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
    struct listing listing = {setup, backend, at};
    if (path != NULL && access(path, R_OK) == 0)
        return servers_of_file(setup, at, path, PORT_DNS, add_listed, &listing);
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

/* Without tls_servername the certificate is for the address, or for the name that httpjson's URL has. */
static enum err set_tls(
    struct setup *setup, struct backend *backend, const struct written *written, const char *alpn)
{
    enum err err = servers_tls(setup, &written->tls, alpn, &backend->tls);
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
