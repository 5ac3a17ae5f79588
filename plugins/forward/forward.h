/* forward: one line of the Corefile as the workers see it, frozen after start but for its counters. */
#ifndef PLUGINS_FORWARD_FORWARD_H
#define PLUGINS_FORWARD_FORWARD_H

#include "plugins/forward/target.h"
#include "plugins/keep.h"

#define TARGETS_MAX 15           /* as CoreDNS */
#define JOURNEY_DEADLINE_MS 5000 /* of one question, all attempts together; as CoreDNS */

enum tallied { TALLY_BROKEN, TALLY_REJECTED };
enum policy { POLICY_RANDOM, POLICY_ROUND_ROBIN, POLICY_SEQUENTIAL };

struct journey;
struct tls_context;

/* One worker's part. */
struct forward_side {
    _Alignas(64) struct journey *free;
    unsigned free_count;
    unsigned turn; /* round robin */
};

struct forward {
    struct forward *next; /* the line below it */
    const uint8_t *from;
    bool from_all;
    const uint8_t *const *except;
    unsigned except_count;
    bool force_tcp, prefer_udp, failfast, next_on_nodata;
    enum policy policy;
    uint32_t max_fails, max_attempts, read_timeout_ms, deadline_ms;
    uint64_t max_concurrent;
    uint64_t next_rcodes, failover_rcodes; /* bit n: rcode n, below 64 */
    _Atomic uint64_t concurrent;
    struct target *targets[TARGETS_MAX];
    unsigned targets_count;
    struct upstream_settings settings[TARGETS_MAX]; /* from setup to start */
    const char *labels[TARGETS_MAX], *target_names[TARGETS_MAX];
    struct probe_settings probe;
    struct tls_context *tls[TARGETS_MAX + 1]; /* what setup made, to be dropped */
    unsigned tls_count;
    const struct block *block;
    struct forward_side *sides;
    unsigned sides_count;
    const char *kept_name; /* plugins/keep.h: of the counters, and the beginning of the targets' */
    struct tally *tally;   /* enum tallied */
};

/* forward_setup.c */
extern const struct option forward_options[];
enum err forward_setup(struct setup *setup, void **self);

/* forward.c: asks by the first line, from FORWARD on, that is for the question. */
enum served forward_serve(struct forward *forward, struct query *query) NODISCARD NONNULL(2);

/* journey.c */
enum served journey_begin(struct forward *forward, struct query *query) NODISCARD NONNULL(1, 2);
void journeys_free(struct journey *first);

#endif
