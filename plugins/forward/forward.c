/* forward: asks other servers what is not answered here. Options and behaviour are CoreDNS's; see journey.c
 * for the way of a question, target.c for the health of servers. */
#include "plugins/forward/forward.h"
#include "plugins/metrics.h"

#include <stdlib.h>
#include <string.h>

#include "plugins/metrics.h"
#include "zone/net/tls.h"
#include "zone/wire/type.h"

/* ---- living ---- */

/* Certificates of ours that were renewed. */
static void refresh_tls(struct tls_context *tls)
{
    char why[TLS_WHY_MAX];
    enum err err = tls_context_refresh(tls, why);
    (void)err; /* the old one stays */
}

static enum err start_line(struct forward *forward)
{
    unsigned workers = host_workers() > 0 ? host_workers() : 1;
    forward->sides = aligned_alloc(64, workers * sizeof *forward->sides);
    if (forward->sides == NULL)
        return ERR_MEMORY;
    memset(forward->sides, 0, workers * sizeof *forward->sides);
    forward->sides_count = workers;
    forward->deadline_ms = JOURNEY_DEADLINE_MS;
    if (forward->block->cancel_ms != 0 && forward->block->cancel_ms < JOURNEY_DEADLINE_MS)
        forward->deadline_ms = forward->block->cancel_ms;
    forward->tally = tally_take(forward->kept_name);
    if (forward->tally == NULL)
        return ERR_MEMORY;
    for (unsigned i = 0; i < forward->targets_count; i++) {
        const struct target_settings settings = {.name = forward->target_names[i],
            .label = forward->labels[i],
            .upstream = forward->settings[i],
            .probe = forward->probe,
            .tcp = forward->force_tcp};
        forward->targets[i] = target_take(&settings);
        if (forward->targets[i] == NULL)
            return ERR_MEMORY;
        if (forward->targets[i]->tls != settings.upstream.tls)
            refresh_tls(forward->targets[i]->tls);
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
            keep_drop(line->target_names[i], line->targets[i]);
        for (unsigned i = 0; i < line->sides_count; i++)
            journeys_free(line->sides[i].free);
        for (unsigned i = 0; i < line->tls_count; i++)
            tls_context_drop(line->tls[i]);
        keep_drop(line->kept_name, line->tally);
        free(line->sides);
    }
}

static void refresh(void *self)
{
    for (const struct forward *line = self; line != NULL; line = line->next) {
        for (unsigned i = 0; i < line->targets_count; i++) {
            if (line->targets[i]->tls != NULL)
                refresh_tls(line->targets[i]->tls);
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

/* A line for all names of the block that hands no answer on. */
static bool takes_all(const struct forward *line, const struct block *block)
{
    if (line->except_count > 0 || line->next_rcodes != 0 || line->next_on_nodata)
        return false;
    for (unsigned i = 0; i < block->zones_count; i++) {
        if (!line->from_all && !name_under(block->zones[i], line->from))
            return false;
    }
    return true;
}

static bool ends(void *self, const struct block *block)
{
    const struct forward *line = self;
    while (line != NULL && !takes_all(line, block))
        line = line->next;
    return line != NULL;
}

/* ---- telling ---- */

static void tell_lines(const struct forward *line, struct metrics *out)
{
    static const struct metric broken_metric = {"coredns_forward_healthcheck_broken_total", METRIC_COUNTER,
        "Counter of the number of complete failures of the healthchecks."};
    static const struct metric rejected_metric = {"coredns_forward_max_concurrent_rejects_total",
        METRIC_COUNTER,
        "Counter of the number of queries rejected because the concurrent queries were at maximum."};
    metrics_add(out, &broken_metric, (double)tally_sum(line->tally, TALLY_BROKEN), METRIC_NO_LABELS);
    metrics_add(out, &rejected_metric, (double)tally_sum(line->tally, TALLY_REJECTED), METRIC_NO_LABELS);
}

static void tell_target(const struct forward *line, unsigned i, struct metrics *out)
{
    static const double bounds[UPSTREAM_BUCKETS - 1] = {
        .00025, .0005, .001, .002, .004, .008, .016, .032, .064, .128, .256};
    static const struct metric took = {"coredns_proxy_request_duration_seconds", METRIC_HISTOGRAM,
        "Histogram of the time each request took."};
    static const struct metric hits = {"coredns_proxy_conn_cache_hits_total", METRIC_COUNTER,
        "Counter of connection cache hits per upstream and protocol."};
    static const struct metric misses = {"coredns_proxy_conn_cache_misses_total", METRIC_COUNTER,
        "Counter of connection cache misses per upstream and protocol."};
    static const struct metric failures = {"coredns_proxy_healthcheck_failures_total", METRIC_COUNTER,
        "Counter of the number of failed healthchecks."};
    const struct target *target = line->targets[i];
    const char *proto = line->settings[i].tls != NULL ? "tcp-tls" : line->force_tcp ? "tcp" : "udp";
    struct upstream_counters c;
    upstream_count(target->upstream, &c);
    for (unsigned rcode = 0; rcode < UPSTREAM_TOLD; rcode++) {
        if (c.answers[rcode] != 0)
            metrics_histogram(out, &took, bounds, UPSTREAM_BUCKETS - 1, c.took[rcode],
                (double)c.took_us[rcode] / 1e6,
                METRIC_LABELS("proxy_name", "forward", "to", target->label, "rcode",
                    rcode < UPSTREAM_TOLD - 1 ? rcode_name(rcode) : "other"));
    }
    const char *const *labels = METRIC_LABELS("proxy_name", "forward", "to", target->label, "proto", proto);
    metrics_add(out, &hits, (double)c.reused, labels);
    metrics_add(out, &misses, (double)c.opened, labels);
    metrics_add(out, &failures, (double)atomic_load(&target->probes_failed),
        METRIC_LABELS("proxy_name", "forward", "to", target->label));
}

static void metrics(void *self, struct metrics *out)
{
    for (const struct forward *line = self; line != NULL; line = line->next) {
        tell_lines(line, out);
        for (unsigned i = 0; i < line->targets_count; i++)
            tell_target(line, i, out);
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
    .ends = ends,
    .metrics = metrics,
    .stop = stop,
};
PLUGIN(forward)
