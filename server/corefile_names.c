#include "server/corefile_names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct word {
    const char *name;
    const char *removed; /* CoreDNS itself does not have it any more: how the sentence ends */
    const char *instead; /* a plugin to suggest, when it is there */
    const char *hint;    /* what to do; with INSTEAD: only when that plugin is there */
};

#define SIGNED_HINT "sign the zone beforehand and serve the signed file with 'file'"
#define HTTP_HINT "'bailiwickctl status' tells whether the server is up"

/* CoreDNS 1.14's plugins in the order of its plugin.cfg, then what older versions had. */
static const struct word words[] = {
    {.name = "root"},
    {.name = "metadata"},
    {.name = "geoip",
        .instead = "view",
        .hint = "a 'view' with incidr() tells clients apart by their addresses"},
    {.name = "cancel"},
    {.name = "proxyproto",
        .hint = "let the balancer keep the clients' addresses instead, or bind to an address of its own"},
    {.name = "quic", .hint = "DNS over QUIC is not served; 'tls://' is"},
    {.name = "grpc_server", .hint = "it limits grpc:// servers, which are not served"},
    {.name = "https", .hint = "it limits https:// servers; see 'timeouts' and 'tcp' for what can be limited"},
    {.name = "https3", .hint = "DNS over HTTP/3 is not served; 'tls://' is"},
    {.name = "timeouts"},
    {.name = "multisocket"},
    {.name = "reload", .hint = "'bailiwickctl reload' or SIGUSR1 reads the Corefile again"},
    {.name = "nsid"},
    {.name = "bufsize"},
    {.name = "bind"},
    {.name = "debug"},
    {.name = "trace",
        .instead = "log",
        .hint = "'log { json }' tells the duration of each query, 'bailiwickd -explain' what its plugins do"},
    {.name = "ready", .hint = HTTP_HINT},
    {.name = "health", .hint = HTTP_HINT},
    {.name = "pprof", .hint = "profile the process with perf(1)"},
    {.name = "shed", .instead = "rrl", .hint = "'rrl' and 'tcp' limit what single clients may take"},
    {.name = "prometheus", .hint = "'bailiwickctl stats' prints the counters"},
    {.name = "errors"},
    {.name = "log"},
    {.name = "dnstap", .instead = "log", .hint = "'log { json }' has the same fields as a line of text"},
    {.name = "local"},
    {.name = "dns64",
        .instead = "template",
        .hint = "a 'template IN AAAA' can make addresses from names that hold them"},
    {.name = "any"},
    {.name = "chaos"},
    {.name = "loadbalance"},
    {.name = "tsig"},
    {.name = "rewrite"},
    {.name = "autopath",
        .instead = "rewrite",
        .hint = "leave the search path to the clients, or 'rewrite' the names they ask for"},
    {.name = "acl"},
    {.name = "cache"},
    {.name = "header"},
    {.name = "dnssec"},
    {.name = "tls"},
    {.name = "minimal"},
    {.name = "template"},
    {.name = "transfer"},
    {.name = "hosts"},
    {.name = "route53",
        .instead = "secondary",
        .hint = "transfer the zone from there with 'secondary', or write it out as a file"},
    {.name = "azure",
        .instead = "secondary",
        .hint = "transfer the zone from there with 'secondary', or write it out as a file"},
    {.name = "clouddns",
        .instead = "secondary",
        .hint = "transfer the zone from there with 'secondary', or write it out as a file"},
    {.name = "k8s_external",
        .instead = "hosts",
        .hint = "write the services' addresses to a file for 'hosts', which reads it again when it changes"},
    {.name = "kubernetes",
        .instead = "forward",
        .hint = "'forward' the cluster's domain to the DNS service of the cluster"},
    {.name = "file"},
    {.name = "auto"},
    {.name = "secondary"},
    {.name = "etcd",
        .instead = "hosts",
        .hint = "write the keys out as a file for 'hosts' or 'file', which read it again when it changes"},
    {.name = "loop"},
    {.name = "forward"},
    {.name = "grpc"},
    {.name = "erratic", .hint = "it makes faults for tests; tc-netem(8) does that for every server"},
    {.name = "whoami"},
    {.name = "on",
        .hint = "a service manager runs commands at start and stop (ExecStartPost=, ExecStopPost=)"},
    {.name = "sign", .instead = "file", .hint = SIGNED_HINT},
    {.name = "view"},
    {.name = "nomad",
        .instead = "forward",
        .hint =
            "'forward' the domain to the DNS service of Consul, or write the services to a file for 'hosts'"},
    {.name = "metrics", .removed = "is called 'prometheus' in a Corefile", .instead = "prometheus"},
    {.name = "proxy",
        .removed = "was removed in CoreDNS 1.5.0, replaced by 'forward'",
        .instead = "forward",
        .hint = "write 'forward FROM TO...'"},
    {.name = "federation", .removed = "was removed in CoreDNS 1.7.0, and nothing replaced it"},
    {.name = "upstream", .removed = "has had no effect since CoreDNS 1.7.0", .hint = "remove it"},
    {.name = "resyncperiod", .removed = "was removed in CoreDNS 1.7.0", .hint = "remove it"},
    {.name = "no_reload",
        .removed = "was removed in CoreDNS 1.5.0; it is an option of 'file', now 'reload 0'"},
    {.name = "startup", .removed = "was removed in CoreDNS 1.0, replaced by 'on'", .instead = "on"},
    {.name = "shutdown", .removed = "was removed in CoreDNS 1.0, replaced by 'on'", .instead = "on"},
    {.name = "httpproxy",
        .removed = "was removed in CoreDNS 1.0, replaced by 'forward'",
        .instead = "forward"},
    {.name = "reverse",
        .removed = "was removed in CoreDNS 1.2, replaced by 'template'",
        .instead = "template"},
    {.name = "unbound",
        .removed = "is no part of CoreDNS, and not built into bailiwickd",
        .instead = "forward",
        .hint = "run Unbound beside, and 'forward' to it"},
    {.name = "redis",
        .removed = "is no part of CoreDNS, and not built into bailiwickd",
        .instead = "hosts",
        .hint = "write the data to a file for 'hosts' or 'file', which read it again when it changes"},
    {.name = "ssl", .removed = "is no directive of CoreDNS", .instead = "tls"},
};

static const struct word *find_word(const char *name)
{
    for (unsigned i = 0; i < ARRAY_COUNT(words); i++)
        if (strcmp(words[i].name, name) == 0)
            return &words[i];
    return NULL;
}

bool plugin_word(const char *word)
{
    return find_word(word) != NULL;
}

static bool among(const char *name, const char *const *names, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

static void report_known(
    struct reporter *reporter, const struct token *token, const struct word *word, bool instead_there)
{
    const char *hint = word->instead == NULL || instead_there ? word->hint : NULL;
    if (word->removed != NULL)
        report(
            reporter, SEVERITY_ERROR, "removed-directive", token, hint, "'%s' %s", word->name, word->removed);
    else
        report(reporter, SEVERITY_ERROR, "plugin-not-built", token, hint,
            "CoreDNS plugin '%s' is not built into bailiwickd", word->name);
}

/* A directive that ends in a brace, or holds one, suffers from a missing blank rather than from a slip. */
static void report_unknown(
    struct reporter *reporter, const struct token *token, const char *const *names, unsigned count)
{
    char hint[80];
    const char *near = nearest_word(token->text, names, count);
    const char *told = NULL;
    if (strpbrk(token->text, "{}") != NULL && !token->quoted)
        told = "a brace stands alone, with blanks around it";
    else if (near != NULL && snprintf(hint, sizeof hint, "did you mean '%s'?", near) > 0)
        told = hint;
    else if (strchr(token->text, '.') != NULL)
        told = "a zone stands before its own '{', outside of other blocks";
    report(reporter, SEVERITY_ERROR, "unknown-directive", token, told, "unknown directive '%s'", token->text);
}

/* A slip of one key in a built-in name ("fil", "lgo") is meant rather than an old word at a distance. */
static void check_directive(
    struct reporter *reporter, const struct directive *directive, const char *const *names, unsigned count)
{
    const struct token *token = &directive->name;
    if (among(token->text, names, count))
        return;
    const struct word *word = find_word(token->text);
    if (word != NULL)
        report_known(reporter, token, word, word->instead != NULL && among(word->instead, names, count));
    else
        report_unknown(reporter, token, names, count);
}

unsigned corefile_check_names(const struct corefile *corefile, const char *const *names, unsigned count,
    const struct finding_sink *sink)
{
    struct reporter reporter = {.sink = sink};
    for (unsigned i = 0; i < corefile->blocks_count; i++)
        for (unsigned j = 0; j < corefile->blocks[i].directives_count; j++)
            check_directive(&reporter, &corefile->blocks[i].directives[j], names, count);
    return reporter.errors;
}
