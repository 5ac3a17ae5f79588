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

#define ZONE_HINT "write the zone out as a master file and serve it with 'file'"
#define SIGNED_HINT "sign the zone beforehand and serve the signed file with 'file'"
#define HTTP_HINT "'bailiwickctl status' tells whether the server is up"

/* CoreDNS 1.14's plugins in the order of its plugin.cfg, then what older versions had. */
static const struct word words[] = {
    {.name = "root"},
    {.name = "metadata"},
    {.name = "geoip"},
    {.name = "cancel"},
    {.name = "proxyproto"},
    {.name = "quic"},
    {.name = "grpc_server"},
    {.name = "https"},
    {.name = "https3"},
    {.name = "timeouts"},
    {.name = "multisocket", .hint = "remove it: each worker has sockets of its own anyway"},
    {.name = "reload", .hint = "'bailiwickctl reload' or SIGUSR1 reads the Corefile again"},
    {.name = "nsid"},
    {.name = "bufsize"},
    {.name = "bind"},
    {.name = "debug"},
    {.name = "trace"},
    {.name = "ready", .hint = HTTP_HINT},
    {.name = "health", .hint = HTTP_HINT},
    {.name = "pprof"},
    {.name = "shed"},
    {.name = "prometheus", .hint = "'bailiwickctl stats' prints the counters"},
    {.name = "errors"},
    {.name = "log"},
    {.name = "dnstap"},
    {.name = "local"},
    {.name = "dns64"},
    {.name = "any"},
    {.name = "chaos"},
    {.name = "loadbalance"},
    {.name = "tsig"},
    {.name = "rewrite"},
    {.name = "autopath"},
    {.name = "acl"},
    {.name = "cache"},
    {.name = "header"},
    {.name = "dnssec", .instead = "file", .hint = SIGNED_HINT},
    {.name = "tls"},
    {.name = "minimal"},
    {.name = "template",
        .instead = "file",
        .hint = "a zone file with wildcards or $GENERATE may do, served with 'file'"},
    {.name = "transfer"},
    {.name = "hosts", .instead = "file", .hint = ZONE_HINT},
    {.name = "route53", .instead = "file", .hint = ZONE_HINT},
    {.name = "azure", .instead = "file", .hint = ZONE_HINT},
    {.name = "clouddns", .instead = "file", .hint = ZONE_HINT},
    {.name = "k8s_external"},
    {.name = "kubernetes"},
    {.name = "file"},
    {.name = "auto", .instead = "file", .hint = "write one 'file' line for each zone"},
    {.name = "secondary",
        .instead = "file",
        .hint = "fetch the zone by other means and serve it with 'file'"},
    {.name = "etcd", .instead = "file", .hint = ZONE_HINT},
    {.name = "loop"},
    {.name = "forward"},
    {.name = "grpc"},
    {.name = "erratic"},
    {.name = "whoami"},
    {.name = "on"},
    {.name = "sign", .instead = "file", .hint = SIGNED_HINT},
    {.name = "view"},
    {.name = "nomad"},
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
