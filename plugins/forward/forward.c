/* forward: asks other servers what is not answered here. Options and behaviour are CoreDNS's; see journey.c
 * for the way of a question, target.c for the health of servers. */
#include "plugins/forward/forward.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zone/net/tls.h"
#include "zone/wire/type.h"

/* ---- living ---- */

static enum err start_line(struct forward *forward)
{
    unsigned workers = host_workers() > 0 ? host_workers() : 1;
    forward->sides = aligned_alloc(64, workers * sizeof *forward->sides);
    if (forward->sides == NULL)
        return ERR_MEMORY;
    memset(forward->sides, 0, workers * sizeof *forward->sides);
    forward->sides_count = workers;
    for (unsigned i = 0; i < forward->targets_count; i++) {
        enum err err =
            target_new(&forward->settings[i], &forward->probe, forward->labels[i], &forward->targets[i]);
        if (err != ERR_OK)
            return err;
        forward->targets[i]->tcp = forward->force_tcp;
    }
    return ERR_OK;
}

static enum err start(void *self)
{
    enum err err = ERR_OK;
    for (struct forward *line = self; line != NULL && err == ERR_OK; line = line->next)
        err = start_line(line);
    return err;
}

static void stop(void *self)
{
    for (struct forward *line = self; line != NULL; line = line->next) {
        for (unsigned i = 0; i < line->targets_count; i++)
            target_drop(line->targets[i]);
        for (unsigned i = 0; i < line->sides_count; i++)
            journeys_free(line->sides[i].free);
        for (unsigned i = 0; i < line->tls_count; i++)
            tls_context_drop(line->tls[i]);
        free(line->sides);
    }
}

/* Certificates of ours that were renewed. */
static void refresh(void *self)
{
    char why[TLS_WHY_MAX];
    for (struct forward *line = self; line != NULL; line = line->next) {
        for (unsigned i = 0; i < line->tls_count; i++) {
            enum err err = tls_context_refresh(line->tls[i], why);
            (void)err; /* the old one stays */
        }
    }
}

/* ---- serving ---- */

static bool is_for(const struct forward *forward, const uint8_t *name)
{
    if (!forward->from_all && !name_under(name, forward->from))
        return false;
    for (unsigned i = 0; i < forward->except_count; i++) {
        if (name_under(name, forward->except[i]))
            return false;
    }
    return true;
}

enum served forward_serve(struct forward *forward, struct query *query)
{
    const struct question *question = query->question;
    if (UNLIKELY(question->type == TYPE_AXFR || question->type == TYPE_IXFR)) /* no single answers */
        return SERVED_NEXT;
    for (; forward != NULL; forward = forward->next) {
        if (is_for(forward, question->lower))
            return journey_begin(forward, query);
    }
    return SERVED_NEXT;
}

static enum served serve(void *self, struct query *query)
{
    return forward_serve(self, query);
}

/* ---- telling ---- */

typedef void each_metric(void *context, const struct metric *metric);

static void tell(
    each_metric *each, void *context, const char *name, const char *help, const char *labels, double value)
{
    struct metric metric = {
        .name = name, .help = help, .kind = METRIC_COUNTER, .labels = labels, .value = value};
    each(context, &metric);
}

static void tell_lines(void *self, each_metric *each, void *context)
{
    uint64_t rejected = 0, broken = 0;
    for (const struct forward *line = self; line != NULL; line = line->next) {
        for (unsigned i = 0; i < line->sides_count; i++) {
            rejected += atomic_load_explicit(&line->sides[i].rejected, memory_order_relaxed);
            broken += atomic_load_explicit(&line->sides[i].broken, memory_order_relaxed);
        }
    }
    tell(each, context, "coredns_forward_healthcheck_broken_total",
        "Counter of the number of complete failures of the healthchecks.", "", (double)broken);
    tell(each, context, "coredns_forward_max_concurrent_rejects_total",
        "Counter of the number of queries rejected because the concurrent queries were at maximum.", "",
        (double)rejected);
}

static void tell_duration(
    const struct target *target, const struct upstream_counters *c, each_metric *each, void *context)
{
    static const double limits[UPSTREAM_BUCKETS - 1] = {
        .00025, .0005, .001, .002, .004, .008, .016, .032, .064, .128, .256};
    char labels[160];
    snprintf(labels, sizeof labels, "proxy_name=\"forward\",to=\"%s\",rcode=\"all\"", target->label);
    struct metric metric = {.name = "coredns_proxy_request_duration_seconds",
        .help = "Histogram of the time each request took.",
        .kind = METRIC_HISTOGRAM,
        .labels = labels,
        .value = (double)c->took_us / 1e6,
        .limits = limits,
        .buckets = c->took,
        .buckets_count = UPSTREAM_BUCKETS};
    each(context, &metric);
}

static void tell_target(
    const struct forward *line, unsigned i, unsigned which, each_metric *each, void *context)
{
    const struct target *target = line->targets[i];
    const char *proto = line->settings[i].tls != NULL ? "tcp-tls" : line->force_tcp ? "tcp" : "udp";
    struct upstream_counters c;
    char labels[160];
    upstream_count(target->upstream, &c);
    snprintf(labels, sizeof labels, "proxy_name=\"forward\",to=\"%s\",proto=\"%s\"", target->label, proto);
    if (which == 0) {
        tell_duration(target, &c, each, context);
    } else if (which == 1) {
        tell(each, context, "coredns_proxy_conn_cache_hits_total",
            "Counter of connection cache hits per upstream and protocol.", labels, (double)c.reused);
    } else if (which == 2) {
        tell(each, context, "coredns_proxy_conn_cache_misses_total",
            "Counter of connection cache misses per upstream and protocol.", labels, (double)c.opened);
    } else {
        snprintf(labels, sizeof labels, "proxy_name=\"forward\",to=\"%s\"", target->label);
        tell(each, context, "coredns_proxy_healthcheck_failures_total",
            "Counter of the number of failed healthchecks.", labels,
            (double)atomic_load(&target->probes_failed));
    }
}

static void metrics(void *self, each_metric *each, void *context)
{
    tell_lines(self, each, context);
    for (unsigned which = 0; which < 4; which++) {
        for (const struct forward *line = self; line != NULL; line = line->next) {
            for (unsigned i = 0; i < line->targets_count; i++)
                tell_target(line, i, which, each, context);
        }
    }
}

static const struct plugin forward_plugin = {
    .abi = PLUGIN_ABI,
    .name = "forward",
    .options = forward_options,
    .setup = forward_setup,
    .start = start,
    .serve = serve,
    .refresh = refresh,
    .metrics = metrics,
    .stop = stop,
};
PLUGIN(forward)
