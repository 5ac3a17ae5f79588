/* A `secondary` line of the Corefile, read: what it says becomes a plan (plan.h). Control thread, setup. */
#ifndef PLUGINS_SECONDARY_SETTINGS_H
#define PLUGINS_SECONDARY_SETTINGS_H

#include "plugins/plugin.h"
#include "plugins/secondary/plan.h"

struct settings {
    struct option_zones zones, fallthrough;
    struct option_lines transfers, notifies, tls;
    const char *key, *source, *state, *tls_servername;
    bool ixfr, zonemd, dnssec;
    int64_t max_size, max_time_ms, timeout_ms, journal;
    struct plan *plan; /* the caller's reference */
};

extern const struct option settings_options[];

/* Reads setup->directive. Keys are looked up by a job, when those of all server blocks are known. */
enum err settings_read(struct setup *setup, struct settings *settings) NODISCARD NONNULL(1, 2);

#endif
