/* What Prometheus's own clients tell of their process, under the same names (process_...). Control thread. */
#ifndef PLUGINS_PROMETHEUS_PROCESS_H
#define PLUGINS_PROMETHEUS_PROCESS_H

#include "plugins/metrics.h"

void process_tell(struct metrics *out) NONNULL(1);

#endif
