/* A `secondary` line of the Corefile, read: what it says becomes a plan (plan.h). Control thread, setup. */
#ifndef PLUGINS_SECONDARY_SETTINGS_H
#define PLUGINS_SECONDARY_SETTINGS_H

#include "plugins/plugin.h"
#include "plugins/secondary/plan.h"

struct settings {
    struct option_zones zones, fallthrough;
    struct option_lines transfers, notifies, tls;
    struct option_lines catalogs; /* of a line: catalog blocks; of such a block: groups */
    const char *group;            /* of a group */
    const char *key, *source, *state, *tls_servername;
    int ixfr; /* enum plan_ixfr */
    bool zonemd, dnssec;
    int64_t max_size, max_time_ms, timeout_ms, journal, iterations;
    struct plan *plan; /* the caller's reference */
};

extern const struct option settings_options[];

/* Reads setup->directive. Keys are looked up by a job, when those of all server blocks are known. */
enum err settings_read(struct setup *setup, struct settings *settings) NODISCARD NONNULL(1, 2);

/* The same for a `catalog` block of a line with the settings OUTER, and for a `group` of it: what has no
 * primaries of its own is followed by OUTER's plan. The rest is OUTER's. */
enum err settings_read_members(struct setup *setup, const struct directive *line,
    const struct settings *outer, struct settings *settings) NODISCARD NONNULL(1, 2, 3, 4);
enum err settings_read_group(struct setup *setup, const struct directive *line, const struct settings *outer,
    struct settings *settings) NODISCARD NONNULL(1, 2, 3, 4);

#endif
