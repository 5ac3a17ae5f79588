/* bailiwickd as its main function and the control socket see it: start, reload, stop, and what can be
 * asked of it. The control plane lives in the caller's libuv loop; one thread per core serves (worker.h).
 *
 *     main:  server_start(loop) ... uv_run(loop) ... server_stop -> the loop runs empty and returns
 *
 * All functions are for the thread that runs the loop. */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "plugins/plugin.h"
#include "plugins/zones.h"
#include "zone/base/err.h"
#include "zone/text/finding.h"

struct server_options {
    const char *corefile;     /* path; NULL: the built-in one (whoami and log) */
    uint16_t port;            /* for keys that name none; 0: 53 */
    unsigned workers;         /* 0: one per core the process may use */
    bool quiet;               /* no banner, no list of zones */
    struct finding_sink sink; /* errors and warnings of Corefile and zones */
};

struct server;

/* Reads the Corefile and everything it names, without opening a socket or leaving a trace. ERR_INVALID
 * when errors were reported. */
enum err server_check(const struct server_options *options) NODISCARD NONNULL(1);

/* Sets everything up, then serves: when it returns ERR_OK the sockets are open and answering. */
enum err server_start(const struct server_options *options, uv_loop_t *loop, struct server **out) NODISCARD
    NONNULL(1, 2, 3);

/* Prints the banner and the zones served, as CoreDNS does, unless options say `quiet`: whoever reads it may
 * send signals. */
void server_hello(const struct server *server) NONNULL(1);

/* Reads the Corefile again, sets the new world up and publishes it. When anything in it is wrong the old one
 * goes on, with the errors reported. Zones and sockets that stay the same are kept; zone files are
 * looked at, changed ones loaded in the background. */
enum err server_reload(struct server *server) NODISCARD NONNULL(1);

/* It will stop soon: from now on it says that it is not ready. Returns how long the configuration wants it to
 * go on serving until then (health's lameduck). */
int64_t server_end(struct server *server) NONNULL(1);

/* Stops listening, ends the workers and frees everything; the loop has nothing left of the server
 * afterwards. */
void server_stop(struct server *server);

/* Counters, summed over the workers. */
struct server_counters {
    uint64_t queries[2]; /* UDP, TCP */
    uint64_t replies;
    uint64_t rcodes[24];  /* by rcode; [23] has those above */
    uint64_t dropped;     /* not answered: too short, responses, or by a plugin */
    uint64_t malformed;   /* answered with FORMERR, NOTIMP or BADVERS by the parser */
    uint64_t truncated;   /* replies with TC */
    uint64_t batches;     /* of UDP packets */
    uint64_t connections; /* TCP, accepted */
    uint64_t connections_now;
    uint64_t connections_evicted;
    uint64_t connections_refused; /* by the limit of the tcp plugin */
    uint64_t suspended;           /* queries that waited for something */
    uint64_t send_errors;
};

struct server_status {
    const char *corefile;
    uint64_t started_s;  /* CLOCK_REALTIME */
    uint64_t reloaded_s; /* when the running world was published */
    unsigned workers, blocks, listeners, zones;
    uint64_t reloads, reload_failures;
    struct server_counters counters;
};

void server_status(const struct server *server, struct server_status *status) NONNULL(1, 2);

/* Tells of every zone served, block by block. */
void server_zones(const struct server *server, void (*each)(void *context, const struct zone_status *zone),
    void *context) NONNULL(1, 2);

/* The first zone of that name, or NULL. */
struct zone *server_zone(const struct server *server, const uint8_t *name) NONNULL(1, 2);

/* Names of the plugins built in, in the order of a chain; ends in NULL. */
const char *const *server_plugins(void);

#endif
