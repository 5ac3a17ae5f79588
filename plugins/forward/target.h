/* A server that forward asks: an upstream, and what is known of its health, by all workers. CoreDNS's rules:
 * a question that fails has the server probed, every so often, until it answers; while more probes than
 * `max_fails` have failed in a row it is down. What it answers does not matter.
 *
 * Counted: the configuration has one user, each probe under way another; it may outlive the configuration. */
#ifndef PLUGINS_FORWARD_TARGET_H
#define PLUGINS_FORWARD_TARGET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "plugins/upstream.h"

#define TARGET_LABEL 80

struct probe_settings {
    uint32_t every_ms;
    bool no_recursion;
    uint8_t name[NAME_MAX];
};

struct target {
    struct upstream *upstream;
    char label[TARGET_LABEL]; /* "192.0.2.1:53" */
    struct probe_settings probe;
    bool tcp; /* probes, too */
    _Atomic unsigned users;
    _Atomic bool over;    /* the configuration is */
    _Atomic bool probing; /* some worker does */
    _Atomic uint32_t fails;
    _Atomic uint64_t probes_failed;
};

/* SETTINGS as for upstream_new. Control thread. */
enum err target_new(const struct upstream_settings *settings, const struct probe_settings *probe,
    const char *label, struct target **out) NODISCARD NONNULL(1, 2, 3, 4);
void target_drop(struct target *target);

static inline bool target_is_down(const struct target *target, uint32_t max_fails)
{
    return max_fails != 0 && atomic_load_explicit(&target->fails, memory_order_relaxed) > max_fails;
}

/* Probes it until it answers, unless somebody does already. Worker threads. */
void target_probe(struct target *target, unsigned worker) NONNULL(1);

#endif
