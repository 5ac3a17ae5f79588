/* Small HTTP for the programs that watch a server: GET and HEAD of a few paths, answered at once from the
 * control thread. Plugins that name one address share its listener; over a reload of the configuration it
 * stays open, the new configuration's route takes the old one's place.
 *
 * Not a web server: requests are limited to 8 KiB, 64 connections at a time, 10 seconds each; the address
 * should be one that only those who watch can reach. Control thread. */
#ifndef PLUGINS_HTTP_H
#define PLUGINS_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#include "zone/base/attr.h"
#include "zone/base/err.h"

struct http_answer {
    unsigned status;  /* 200 */
    const char *type; /* NULL: text/plain; static */
    char *body;       /* malloced, given away; NULL: the status in words */
    size_t len;
};

struct http_route;

/* ANSWER is called for GET of PATH (without query string) on ADDRESS ("localhost:9153", ":8080", "[::1]:80").
 * ERR_RANGE: it is no address; ERR_IO with errno: nobody can listen there. */
enum err http_open(const char *address, const char *path,
    void (*answer)(void *arg, struct http_answer *answer), void *arg, struct http_route **out) NODISCARD
    NONNULL(1, 2, 3, 5);

void http_close(struct http_route *route);

/* Is ADDRESS one? For setup, which must leave no trace. */
bool http_address_valid(const char *address) NODISCARD NONNULL(1);

#endif
