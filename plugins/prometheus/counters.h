/* What the prometheus plugin counts: for each zone of the server block and each worker one set of counters,
 * which its worker alone writes and anyone may read. Rows that are never used stay untouched memory. */
#ifndef PLUGINS_PROMETHEUS_COUNTERS_H
#define PLUGINS_PROMETHEUS_COUNTERS_H

#include <stdatomic.h>

#include "plugins/metrics.h"
#include "plugins/plugin.h"

#define PROTOS 6   /* enum transport */
#define FAMILIES 2 /* 1: IPv4, 2: IPv6, as CoreDNS numbers them */
#define TYPES 24
#define RCODES 24
#define PLUGINS 48
#define TIME_BOUNDS 16
#define SIZE_BOUNDS 14

typedef _Atomic uint64_t counter;

struct counters {
    counter requests[PROTOS][FAMILIES][TYPES];
    counter responses[PLUGINS][RCODES];
    counter dnssec;
    counter times[TIME_BOUNDS + 1];
    counter time_sum_ns;
    counter request_sizes[PROTOS][SIZE_BOUNDS + 1];
    counter response_sizes[PROTOS][SIZE_BOUNDS + 1];
    counter request_sum[PROTOS], response_sum[PROTOS];
};

/* What the labels say. */
struct labels {
    const char *server;
    const char *zone;
    const char *view;
    const char *const *plugins; /* PLUGINS names, NULL where there is none */
};

void counters_add(struct counters *counters, const struct query *query, unsigned plugin) NONNULL(1, 2);

/* Adds the samples of COUNTERS, one set for each of WORKERS, STRIDE sets apart. */
void counters_tell(const struct counters *counters, unsigned workers, size_t stride,
    const struct labels *labels, struct metrics *out) NONNULL(1, 4, 5);

#endif
