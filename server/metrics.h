/* The server's own numbers, beside those of the plugins (plugins/metrics.h). Control thread. */
#ifndef SERVER_METRICS_H
#define SERVER_METRICS_H

#include "plugins/metrics.h"
#include "server/server.h"

/* Counters, times, and what each zone is. */
void metrics_of_server(struct metrics *metrics, const struct server *server) NONNULL(1, 2);

#endif
