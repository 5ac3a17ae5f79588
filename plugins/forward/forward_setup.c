/* What stands in the Corefile: servers in all the ways CoreDNS has to name them, and options. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plugins/forward/forward.h"
#include "plugins/servers.h"
#include "zone/net/tls.h"

#define PORT_DNS 53
#define PORT_TLS 853

struct written {
    const char *from;
    struct option_strings to;
    struct option_zones except;
    bool force_tcp, prefer_udp, failfast, next_on_nodata;
    int64_t expire_ms, max_idle, read_timeout_ms, max_fails, max_attempts, max_concurrent, max_age_ms;
    struct option_strings tls;
    const char *tls_servername;
    int policy;
    int64_t probe_ms;
    struct option_strings probe_more;
    struct option_numbers next_rcodes, failover_rcodes;
    struct option_addresses source;
};

static const char *const policies[] = {"random", "round_robin", "sequential", NULL};

#define FIELD(field_) .offset = offsetof(struct written, field_)

const struct option forward_options[] = {
    {.arg = "FROM",
        .kind = OPTION_STRING,
        .flags = OPTION_REQUIRED,
        FIELD(from),
        .help = "names at and below it are asked for elsewhere: a domain name, '.' or a network"},
    {.arg = "TO",
        .kind = OPTION_STRINGS,
        .flags = OPTION_REQUIRED,
        FIELD(to),
        .help = "up to 15 servers: IP, IP:PORT, dns://IP, tls://IP, tls://IP%NAME, or a file like "
                "/etc/resolv.conf"},
    {.word = "except",
        .arg = "NAMES",
        .kind = OPTION_ZONES,
        FIELD(except),
        .help = "names at and below these are left to the next plugin"},
    {.word = "force_tcp",
        .kind = OPTION_FLAG,
        FIELD(force_tcp),
        .help = "ask by TCP even for clients of UDP"},
    {.word = "prefer_udp",
        .kind = OPTION_FLAG,
        FIELD(prefer_udp),
        .help = "ask by UDP even for clients of TCP; a truncated answer is asked for again by TCP"},
    {.word = "expire",
        .arg = "DURATION",
        .kind = OPTION_DURATION,
        FIELD(expire_ms),
        .min = 100,
        .max = INT64_C(86400000),
        .fallback = "10s",
        .help = "sockets and connections that are idle for so long are closed"},
    {.word = "max_idle_conns",
        .arg = "N",
        .kind = OPTION_INTEGER,
        FIELD(max_idle),
        .max = 65535,
        .help = "connections that each worker keeps idle for each server; 0: any number"},
    {.word = "read_timeout",
        .arg = "DURATION",
        .kind = OPTION_DURATION,
        FIELD(read_timeout_ms),
        .min = 10,
        .max = JOURNEY_DEADLINE_MS,
        .fallback = "2s",
        .help = "how long one server has to answer; all attempts together have 5s"},
    {.word = "max_age",
        .arg = "DURATION",
        .kind = OPTION_DURATION,
        FIELD(max_age_ms),
        .max = INT64_C(86400000),
        .help = "accepted; a UDP socket changes its port every minute in any case"},
    {.word = "max_fails",
        .arg = "N",
        .kind = OPTION_INTEGER,
        FIELD(max_fails),
        .max = 1000000,
        .fallback = "2",
        .help = "a server is down when more probes than this have failed in a row; 0: it is never down"},
    {.word = "max_connect_attempts",
        .arg = "N",
        .kind = OPTION_INTEGER,
        FIELD(max_attempts),
        .min = -1,
        .max = 1000000,
        .fallback = "-1",
        .help =
            "how many servers may fail a question before it fails; 0: as many as there is time for; twice "
            "their number when left out"},
    {.word = "tls",
        .arg = "[CERT KEY] [CA]",
        .kind = OPTION_STRINGS,
        .flags = OPTION_OPTIONAL,
        FIELD(tls),
        .help = "files for TLS: our certificate and key, the authorities that sign the servers'"},
    {.word = "tls_servername",
        .arg = "NAME",
        .kind = OPTION_STRING,
        FIELD(tls_servername),
        .help = "the name in the certificates of the servers"},
    {.word = "policy",
        .arg = "POLICY",
        .kind = OPTION_CHOICE,
        FIELD(policy),
        .choices = policies,
        .fallback = "random",
        .help = "which server is asked first"},
    {.word = "health_check",
        .arg = "DURATION",
        .kind = OPTION_DURATION,
        FIELD(probe_ms),
        .min = 1,
        .max = INT64_C(3600000),
        .fallback = "500ms",
        .help = "how often a server that failed is probed"},
    {.word = "health_check",
        .arg = "[no_rec] [domain NAME]",
        .kind = OPTION_STRINGS,
        .flags = OPTION_OPTIONAL,
        FIELD(probe_more),
        .help = "probes do not ask for recursion; the name they ask for, '.' when left out"},
    {.word = "max_concurrent",
        .arg = "N",
        .kind = OPTION_INTEGER,
        FIELD(max_concurrent),
        .max = INT64_C(1000000000),
        .help = "questions under way above which further ones are refused; 0: no limit"},
    {.word = "next",
        .arg = "RCODE...",
        .kind = OPTION_RCODES,
        FIELD(next_rcodes),
        .help = "answers with these rcodes are for the next forward line or plugin to better"},
    {.word = "next_on_nodata",
        .kind = OPTION_FLAG,
        FIELD(next_on_nodata),
        .help = "so are answers without records"},
    {.word = "failover",
        .arg = "RCODE...",
        .kind = OPTION_RCODES,
        FIELD(failover_rcodes),
        .help = "with these rcodes the next server is asked"},
    {.word = "failfast_all_unhealthy_upstreams",
        .kind = OPTION_FLAG,
        FIELD(failfast),
        .help = "SERVFAIL at once when all servers are down; else one is asked in spite of it"},
    {.word = "source_address",
        .arg = "IP",
        .kind = OPTION_ADDRESSES,
        FIELD(source),
        .help = "the address that questions leave from"},
    {.word = "resolver",
        .arg = "IP",
        .kind = OPTION_REMOVED,
        .help = "servers are named by their addresses here: write them instead of names"},
    {.word = "doh_method",
        .arg = "METHOD",
        .kind = OPTION_REMOVED,
        .help = "servers are asked by UDP, TCP and TLS, not by HTTPS: write tls:// instead of https://"},
    OPTIONS_END,
};

/* ---- servers ---- */

static enum err add_target(struct setup *setup, struct forward *forward, const struct token *token,
    const struct option_address *address, bool tls, const char *server_name)
{
    if (forward->targets_count == TARGETS_MAX)
        return setup_error(setup, token, NULL, "more than %d servers", TARGETS_MAX);
    struct upstream_settings *settings = &forward->settings[forward->targets_count];
    *settings = (struct upstream_settings){.to = server_address(address), .server_name = server_name};
    settings->max_idle = tls; /* until the TLS contexts are made */
    forward->labels[forward->targets_count] = server_label(setup, address);
    const char *label = forward->labels[forward->targets_count];
    const char *name = label == NULL ? NULL
                                     : arena_printf(setup->world, "%s %u %s", forward->kept_name,
                                           forward->targets_count, label);
    if (name == NULL)
        return ERR_MEMORY;
    forward->target_names[forward->targets_count++] = name;
    return ERR_OK;
}

struct listing {
    struct setup *setup;
    struct forward *forward;
    const struct token *token;
};

static enum err add_listed(void *context, const struct option_address *address)
{
    const struct listing *listing = context;
    return add_target(listing->setup, listing->forward, listing->token, address, false, NULL);
}

static enum err refuse_scheme(struct setup *setup, const struct token *token)
{
    static const char *const schemes[] = {"https://", "quic://", "grpc://", "http://"};
    for (unsigned i = 0; i < ARRAY_COUNT(schemes); i++) {
        if (strncmp(token->text, schemes[i], strlen(schemes[i])) == 0)
            return setup_error(setup, token, "write dns://IP or tls://IP",
                "'%s': servers are not asked by %.*s here", token->text, (int)strlen(schemes[i]) - 3,
                schemes[i]);
    }
    return setup_error(setup, token, "as in 192.0.2.1, 192.0.2.1:5353, tls://192.0.2.1%dns.example",
        "'%s' is neither an IP address nor a file", token->text);
}

/* [dns://|tls://]IP[:PORT], tls://IP%NAME[:PORT], or a file. */
static enum err read_target(struct setup *setup, struct forward *forward, const struct token *token)
{
    struct option_address address;
    const char *text = token->text, *server_name = NULL;
    char plain[128], name[256] = "";
    bool tls = strncmp(text, "tls://", 6) == 0;
    if (tls || strncmp(text, "dns://", 6) == 0)
        text += 6;
    snprintf(plain, sizeof plain, "%s", text);
    char *percent = strchr(plain, '%');
    if (tls && percent != NULL) {
        const char *after = strchr(text, '%') + 1;
        size_t len = strcspn(after, ":");
        if (len > 0 && len < sizeof name)
            memcpy(name, after, len);
        snprintf(percent, sizeof plain - (size_t)(percent - plain), "%s", after + len);
    }
    if (name[0] != '\0' && (server_name = arena_copy(setup->world, name, strlen(name))) == NULL)
        return ERR_MEMORY;
    if (option_address_parse(plain, tls ? PORT_TLS : PORT_DNS, &address))
        return add_target(setup, forward, token, &address, tls, server_name);
    const char *path = text == token->text ? setup_path(setup, text) : NULL;
    struct listing listing = {setup, forward, token};
    if (path != NULL && access(path, R_OK) == 0)
        return servers_of_file(setup, token, path, PORT_DNS, add_listed, &listing);
    return refuse_scheme(setup, token);
}

/* ---- TLS ---- */

static enum err set_tls(struct setup *setup, struct forward *forward, const struct written *written)
{
    struct tls_context *tls = NULL;
    enum err err = ERR_OK;
    for (unsigned i = 0; i < forward->targets_count && err == ERR_OK; i++) {
        struct upstream_settings *settings = &forward->settings[i];
        bool wanted = settings->max_idle != 0;
        settings->max_idle = (unsigned)written->max_idle;
        if (!wanted)
            continue;
        if (settings->server_name != NULL && written->tls_servername != NULL)
            return setup_error(setup, &setup->directive->name, "leave out one of them",
                "tls_servername beside a server that has its own name, %%%s", settings->server_name);
        if (tls == NULL && (err = servers_tls(setup, &written->tls, NULL, &tls)) == ERR_OK)
            forward->tls[forward->tls_count++] = tls;
        settings->tls = tls;
        if (settings->server_name == NULL)
            settings->server_name = written->tls_servername;
        if (settings->server_name == NULL) { /* the certificate is for the address, then */
            char ip[INET6_ADDRSTRLEN];
            address_print(&settings->to, ip);
            settings->server_name = arena_copy(setup->world, ip, strlen(ip));
        }
    }
    return err;
}

/* ---- the rest ---- */

static uint64_t rcode_bits(const struct option_numbers *list)
{
    uint64_t bits = 0;
    for (unsigned i = 0; i < list->count; i++)
        bits |= list->at[i] < 64 ? UINT64_C(1) << list->at[i] : 0;
    return bits;
}

/* A network other than /8, /16, /24 has several zones: one line for each, then. */
static enum err read_from(struct setup *setup, struct forward *forward, const struct written *written)
{
    static const struct option row = {.arg = "FROM", .kind = OPTION_NAME};
    const struct token *token = &setup->directive->args[0];
    struct network network;
    uint8_t name[NAME_MAX];
    if (strchr(written->from, '/') == NULL || !network_parse(written->from, &network)) {
        enum err err = option_value(setup, token, &row, &forward->from);
        forward->from_all = err == ERR_OK && forward->from[0] == 0;
        return err;
    }
    if (reverse_zones(&network) > 1)
        return setup_error(setup, token, "write a forward line for each",
            "'%s' is more than one reverse zone", written->from);
    unsigned len = reverse_zone(&network, 0, name);
    forward->from = (const uint8_t *)arena_copy(setup->world, name, len);
    return forward->from != NULL ? ERR_OK : ERR_MEMORY;
}

static enum err read_probe(struct setup *setup, struct forward *forward, const struct written *written)
{
    const struct option_strings *more = &written->probe_more;
    forward->probe.every_ms = (uint32_t)written->probe_ms;
    for (unsigned i = 0; i < more->count; i++) {
        const char *word = more->at[i], *why = NULL;
        size_t len;
        if (strcmp(word, "no_rec") == 0) {
            forward->probe.no_recursion = true;
        } else if (strcmp(word, "domain") == 0 && i + 1 < more->count) {
            word = more->at[++i];
            if (name_parse(word, strlen(word), NULL, forward->probe.name, &len, &why) != ERR_OK)
                return setup_error(setup, &setup->directive->name, NULL,
                    "health_check: '%s' is no domain name: %s", word, why);
        } else {
            return setup_error(setup, &setup->directive->name, "health_check 500ms no_rec domain example.org",
                "health_check: unexpected '%s'", word);
        }
    }
    return ERR_OK;
}

static enum err take(struct setup *setup, struct forward *forward, const struct written *written)
{
    enum err err = read_from(setup, forward, written);
    for (unsigned i = 1; i < setup->directive->args_count && err == ERR_OK; i++)
        err = read_target(setup, forward, &setup->directive->args[i]);
    if (err == ERR_OK)
        err = read_probe(setup, forward, written);
    if (err == ERR_OK)
        err = set_tls(setup, forward, written);
    if (err == ERR_OK && written->source.count > 1)
        return setup_error(setup, &setup->directive->name, NULL, "source_address takes one address");
    for (unsigned i = 0; i < forward->targets_count; i++) {
        forward->settings[i].expire_ms = written->expire_ms;
        if (written->source.count == 1)
            forward->settings[i].source = server_address(&written->source.at[0]);
    }
    forward->except = written->except.at;
    forward->except_count = written->except.count;
    forward->force_tcp = written->force_tcp;
    forward->prefer_udp = written->prefer_udp && !written->force_tcp;
    forward->failfast = written->failfast;
    forward->next_on_nodata = written->next_on_nodata;
    forward->policy = (enum policy)written->policy;
    forward->max_fails = (uint32_t)written->max_fails;
    forward->max_attempts =
        written->max_attempts < 0 ? 2 * forward->targets_count : (uint32_t)written->max_attempts;
    forward->read_timeout_ms = (uint32_t)written->read_timeout_ms;
    forward->max_concurrent = (uint64_t)written->max_concurrent;
    forward->next_rcodes = rcode_bits(&written->next_rcodes);
    forward->failover_rcodes = rcode_bits(&written->failover_rcodes);
    return err;
}

enum err forward_setup(struct setup *setup, void **self)
{
    struct written written = {0};
    struct forward *forward = ARENA_NEW(setup->world, struct forward), **last = (struct forward **)self;
    if (forward == NULL)
        return ERR_MEMORY;
    while (*last != NULL)
        last = &(*last)->next;
    *last = forward;
    setup->block->recursion = true;
    forward->block = setup->block;
    forward->kept_name = keep_name(setup, KEEP_DIRECTIVE, "servers");
    if (forward->kept_name == NULL)
        return ERR_MEMORY;
    enum err err = options_parse(setup, forward_options, &written);
    return err == ERR_OK ? take(setup, forward, &written) : err;
}
