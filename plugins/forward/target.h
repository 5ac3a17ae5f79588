/* A server that forward asks: an upstream, and what is known of its health, by all workers. CoreDNS's rules:
 * a question that fails has the server probed, every so often, until it answers; while more probes than
 * `max_fails` have failed in a row it is down. What it answers does not matter.
 *
 * Counted: those who took it (one configuration, for a moment two) are one user, each probe under way
 * another. It is kept over reloads that do not change its line (plugins/keep.h). */
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
    struct tls_context *tls; /* the upstream's, which holds it, or NULL */
    bool tcp;                /* probes, too */
    _Atomic unsigned users;
    _Atomic bool over;    /* no configuration has it any more */
    _Atomic bool probing; /* some worker does */
    _Atomic uint32_t fails;
    _Atomic uint64_t probes_failed;
};

struct target_settings {
    const char *name; /* for plugins/keep.h */
    const char *label;
    struct upstream_settings upstream;
    struct probe_settings probe;
    bool tcp; /* asked by TCP alone */
};

/* The target of that name, or a new one; NULL: out of memory. keep_drop lets go of it. Control thread. */
struct target *target_take(const struct target_settings *settings) NODISCARD NONNULL(1);

static inline bool target_is_down(const struct target *target, uint32_t max_fails)
{
    return max_fails != 0 && atomic_load_explicit(&target->fails, memory_order_relaxed) > max_fails;
}

/* Probes it until it answers, unless somebody does already. Worker threads. */
void target_probe(struct target *target, unsigned worker) NONNULL(1);

#endif
