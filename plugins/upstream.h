/* Questions to other servers, asked from the event loop of a worker without ever blocking it.
 *
 *     upstream    one server: address, protocol; shared by all workers
 *     inquiry    one question to it, and the answer; of one worker
 *
 * Each worker has sockets of its own to each upstream, kept open while they are in use: several for UDP, on
 * random ports, among which every question chooses at random; connections for TCP and TLS, on which questions
 * are pipelined and answered in any order (RFC 7766 6.2.1.1, 7). A connection that the other side closes
 * early is opened again and its questions are asked anew.
 *
 * What an inquiry accepts as its answer: it comes from the address and port asked, to the socket that asked,
 * with the random id and, over UDP, the name in the very mixture of cases it was sent with (0x20). Other
 * packets are ignored and counted; when there are too many on a socket, or when only the case differs, the
 * question goes to the same server by TCP, where nobody can guess. */
#ifndef PLUGINS_UPSTREAM_H
#define PLUGINS_UPSTREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "plugins/alarm.h"
#include "plugins/flow.h"
#include "plugins/plugin.h"
#include "zone/wire/response.h"

struct upstream;
struct channel;
struct inquiry;

struct upstream_settings {
    union address to;
    union address source;    /* family 0: any */
    struct tls_context *tls; /* DNS over TLS (RFC 7858); held by the upstream */
    const char *server_name; /* for TLS, or NULL; copied */
    int64_t expire_ms;       /* sockets and connections idle for so long are closed */
    unsigned max_idle;       /* connections kept idle by each worker, 0: any number */
};

/* Control thread. One user: the caller. */
enum err upstream_new(const struct upstream_settings *settings, struct upstream **out) NODISCARD
    NONNULL(1, 2);

/* The caller asks it nothing any more. Any thread; what is still open is closed in the workers' own time. */
void upstream_drop(struct upstream *upstream);

/* ---- asking: in the thread of a worker ---- */

enum inquiry_end {
    INQUIRY_ANSWERED, /* `response` is valid until the current event is over */
    INQUIRY_TIMEOUT,
    INQUIRY_BROKEN, /* no socket, no connection, or it broke: `why` */
    INQUIRY_ENDING  /* the worker ends: let go, ask nothing new */
};

struct inquiry {
    /* The caller's: it stays in place, and is not changed, from inquiry_ask until `done`. */
    struct upstream *upstream;
    void (*done)(struct inquiry *inquiry, enum inquiry_end end);
    uint8_t *packet; /* the query; its id and the case of its name are set while asking */
    uint16_t len;
    uint16_t question_len; /* of name, type and class behind the header */
    bool tcp;              /* not by UDP */
    /* Valid in `done`. */
    const struct response *response;
    const char *why;
    uint32_t took_us;
    /* Inner. */
    struct alarm alarm;
    struct channel *channel;
    struct inquiry *next, **link; /* among those of one id bucket of the channel */
    struct inquiry *send_next;
    uint64_t asked_ns;
    unsigned worker;
    uint16_t id;
    uint8_t reasked;
    bool unsent;
    bool case_differed;
    uint8_t ended; /* enum inquiry_end + 1: told by the alarm */
};

/* Asks; `done` is called later, never before this returns. */
void inquiry_ask(struct inquiry *inquiry, unsigned worker, uint32_t timeout_ms) NONNULL(1);

/* `done` will not be called. */
void inquiry_cancel(struct inquiry *inquiry) NONNULL(1);

/* Random octets that nobody can foresee, from the worker's store. */
uint64_t worker_random(unsigned worker);

/* ---- counters, of all workers together; any thread ---- */

#define UPSTREAM_BUCKETS 12 /* of CoreDNS's histogram: 0.25 ms, doubling, and the last for all above */
#define UPSTREAM_TOLD 8     /* rcodes told apart: 0 to 6, and the last for all above */

struct upstream_counters {
    uint64_t udp, tcp, tls;          /* questions sent */
    uint64_t answers[UPSTREAM_TOLD]; /* by rcode */
    uint64_t timeouts, broken;       /* questions without an answer */
    uint64_t wrong;                  /* packets that answered no question of ours */
    uint64_t opened, reused;         /* questions that opened a connection or socket, and others */
    uint64_t took[UPSTREAM_TOLD][UPSTREAM_BUCKETS]; /* and by time, not cumulative */
    uint64_t took_us[UPSTREAM_TOLD];                /* sums */
};

void upstream_count(const struct upstream *upstream, struct upstream_counters *sum) NONNULL(1, 2);

#endif
