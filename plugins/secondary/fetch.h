/* One transfer of one zone from one primary: IXFR, AXFR where that does not go, the checks, and publication.
 * Blocks for as long as it takes; threads of the crew. */
#ifndef PLUGINS_SECONDARY_FETCH_H
#define PLUGINS_SECONDARY_FETCH_H

#include <stdatomic.h>

#include "plugins/secondary/follower.h"

enum fetch_outcome {
    FETCH_CURRENT,   /* the primary has what we have */
    FETCH_PUBLISHED, /* a new version is served */
    FETCH_FAILED     /* told, and noted */
};

struct fetch {
    struct follower *follower;
    const struct plan_primary *primary;
    const struct plan *plan;
    bool force;
    const atomic_bool *stop;
    struct snapshot *kept; /* an expired version, or NULL */
    struct snapshot *base; /* what we have; fetch_zone's own */
};

enum fetch_outcome fetch_zone(struct fetch *fetch) NODISCARD NONNULL(1);

#endif
