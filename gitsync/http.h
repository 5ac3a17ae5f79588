/* The daemon's HTTP side, by libmicrohttpd: GET /metrics, /healthz, /status, and POST /webhook. Meant for
 * loopback, or behind a proxy that speaks TLS. */
#ifndef GITSYNC_HTTP_H
#define GITSYNC_HTTP_H

#include "gitsync/problem.h"
#include "gitsync/watch.h"

struct http;

/* Listens at "ADDRESS:PORT". WAKE is an eventfd that a good webhook writes to; SECRET of 0 octets: no
 * webhooks. */
enum outcome http_start(const char *listen, const char *secret, size_t secret_len, struct watch *watch,
    int wake, struct http **out, struct problem *problem) NODISCARD NONNULL(1, 2, 4, 6, 7);

/* What to poll for reading; and what to do then, or after as many milliseconds as it returns (-1: any time).
 * There is no thread: the daemon forks. */
int http_fd(struct http *http) NODISCARD NONNULL(1);
int http_serve(struct http *http) NONNULL(1);

void http_stop(struct http *http);

#endif
