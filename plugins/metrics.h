/* Numbers for Prometheus: a plugin's `metrics` hook adds samples, the prometheus plugin sends them in the
 * text exposition format (version 0.0.4). Samples of one metric may come from many plugins and blocks: they
 * are grouped here, since the format wants each metric's samples in one place.
 *
 *     static const struct metric hits = {"coredns_cache_hits_total", METRIC_COUNTER, "Cache hits."};
 *     metrics_add(out, &hits, count, METRIC_LABELS("server", server, "type", "success"));
 *
 * The same series added twice (by two server blocks) is one: counters and histograms are summed, of a gauge
 * the last value stays.
 *
 * Counters are kept by each worker for itself (an array indexed by query->worker) and summed here. Control
 * thread. Memory running out loses samples, never more. */
#ifndef PLUGINS_METRICS_H
#define PLUGINS_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include "zone/base/attr.h"

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

struct metric {
    const char *name; /* tells metrics apart */
    enum metric_kind kind;
    const char *help;
};

struct metrics;

/* Names and values by turns. */
#define METRIC_LABELS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define METRIC_NO_LABELS ((const char *const[]){NULL})

void metrics_add(struct metrics *metrics, const struct metric *metric, double value,
    const char *const *labels) NONNULL(1, 2, 4);

/* BUCKETS has COUNT + 1 numbers of what fell between the BOUNDS (not summed up), the last for what is above
 * all. */
void metrics_histogram(struct metrics *metrics, const struct metric *metric, const double *bounds,
    size_t count, const uint64_t *buckets, double sum, const char *const *labels) NONNULL(1, 2, 3, 5, 7);

/* ---- for whoever sends them ---- */

struct metrics *metrics_new(void) NODISCARD;
void metrics_free(struct metrics *metrics);

/* Asks every plugin of the running configuration, and the server. */
void metrics_collect(struct metrics *metrics) NONNULL(1);

/* All of it as text, malloced; NULL when memory runs out. */
char *metrics_print(const struct metrics *metrics, size_t *len) NODISCARD NONNULL(1, 2);

#endif
