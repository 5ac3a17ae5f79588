/* Questions to backends: programs that answer from data of their own, over gRPC (grpc) or JSON over HTTP
 * (httpjson). What both have in common: which backend is asked, until when, what is done when one fails.
 *
 *     backend   one line of the Corefile, frozen after start, in world memory
 *     target    one server of it; counted, for its connections outlive the configuration
 *     lane      a target as one worker sees it: its connections and counters
 *     call      one question on its way; of one worker
 *
 * A carrier asks (`ask`) and ends each call by call_answered or call_failed, in the same worker. */
#ifndef PLUGINS_BACKEND_CALL_H
#define PLUGINS_BACKEND_CALL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "plugins/alarm.h"
#include "plugins/flow.h"
#include "plugins/plugin.h"
#include "plugins/upstream.h"

#define TARGETS_MAX 15        /* as CoreDNS */
#define TIMEOUT_DEFAULT "5s"  /* of one question, all attempts together; as CoreDNS */
#define CONNECT_MS 5000       /* of a connection: the questions that wait for it end earlier */
#define CALL_BUCKETS 16       /* of CoreDNS's histogram: 0.25 ms, doubling, and the last for all above */
#define CALL_RCODES 24        /* [23] has those above */
#define CALL_PACKET 512       /* room for a question with options */
#define CALL_WHY 160          /* room for a reason */
#define BODY_MAX (128u << 10) /* octets of one answer, with what wraps it */

enum policy { POLICY_RANDOM, POLICY_ROUND_ROBIN, POLICY_SEQUENTIAL };

struct call;
struct connection; /* the carrier's */

struct lane {
    _Alignas(64) struct connection *links;
    struct call *waiting, **waiting_last; /* httpjson: for a connection */
    unsigned links_count;
    uint64_t failed_until_ms; /* it could not be reached: others are asked first */
    _Atomic uint64_t requests, failures, took_us;
    _Atomic uint64_t rcodes[CALL_RCODES], took[CALL_BUCKETS];
};

struct target {
    struct flow_target flow;
    char *server_name;
    char label[80]; /* "192.0.2.1:8053" */
    int64_t expire_ms;
    _Atomic unsigned users;
    _Atomic bool over; /* the configuration is */
    unsigned lanes_count;
    struct lane *lanes;
};

struct carrier {
    /* Asks call->target; false, with call->why, when it cannot even be tried. The call may end only later. */
    bool (*ask)(struct call *call);
    /* Forgets the call: nothing comes of it any more. */
    void (*cancel)(struct call *call);
};

struct backend_header {
    const char *name, *value;
};

/* One worker's part. */
struct backend_side {
    _Alignas(64) struct call *free;
    unsigned turn; /* round robin */
};

struct backend {
    struct backend *next; /* the line below it */
    const struct carrier *carrier;
    const char *plugin; /* the directive, for messages */
    const struct block *block;
    const uint8_t *const *from;
    unsigned from_count;
    const uint8_t *const *except;
    unsigned except_count;
    const uint8_t *const *fall;
    unsigned fall_count;
    bool fall_nodata;
    enum policy policy;
    uint32_t deadline_ms;
    int64_t expire_ms;
    unsigned targets_count;
    struct flow_target settings[TARGETS_MAX]; /* from setup to start */
    const char *labels[TARGETS_MAX];
    struct target *targets[TARGETS_MAX];
    struct tls_context *tls; /* what setup made, to be dropped */
    struct backend_side *sides;
    unsigned sides_count;
    const char *authority[TARGETS_MAX]; /* what HTTP calls the server */
    const char *paths[TARGETS_MAX];     /* httpjson: "/resolve?" */
    const char *headers;                /* httpjson: header lines of every request */
};

struct call {
    struct call *next; /* of the free ones; of those that wait for a connection */
    struct backend *backend;
    struct query *query;
    struct target *target; /* asked now, */
    uint8_t number;        /* its place */
    struct alarm alarm;    /* the end of the attempt, or of a pause */
    uint64_t deadline_ms, asked_ms, asked_us;
    unsigned attempts;
    uint8_t at;   /* in `order`: whom to ask next */
    bool pausing; /* between two rounds */
    bool reasked; /* the connection broke, and the same server was asked anew */
    uint8_t order[TARGETS_MAX];
    char why[CALL_WHY];
    /* The carrier's. */
    struct connection *link;
    struct call *link_next, **link_at; /* among those of one connection */
    int32_t stream;
    unsigned http_status;
    int grpc_status; /* -1: none came */
    char grpc_message[96];
    uint8_t *body; /* in the query's scratch memory */
    size_t body_len, body_room;
    uint16_t sent, packet_len;
    uint8_t packet[CALL_PACKET + 16];
};

/* ---- for the plugins ---- */

enum err backend_start(void *self) NODISCARD;
void backend_stop(void *self);
void backend_refresh(void *self);
bool backend_ends(void *self, const struct block *block);
enum served backend_serve(void *self, struct query *query) NODISCARD NONNULL(2);

/* ---- for the carriers: worker threads ---- */

static inline struct lane *call_lane(const struct call *call)
{
    return &call->target->lanes[call->query->worker];
}

/* Keeps LEN octets more of the answer; false when there is no room or there are too many. */
bool call_keep(struct call *call, const void *bytes, size_t len) NODISCARD NONNULL(1);

/* query->reply is the answer, or (by its rcode, or NODATA) the next plugin's to better. */
void call_answered(struct call *call) NONNULL(1);

/* No answer came, for the reason in call->why. UNREACHABLE: there was no connection; the others first. */
void call_failed(struct call *call, bool unreachable) NONNULL(1);

/* The connection broke that had been good before: the same server is asked once more, else as call_failed. */
void call_broken(struct call *call) NONNULL(1);

void call_why(struct call *call, const char *format, ...) PRINTF(2, 3) NONNULL(1, 2);

/* For connections, one use each. */
struct target *backend_hold(struct target *target) NONNULL(1);
void backend_drop(struct target *target);

static inline void call_count(_Atomic uint64_t *counter, uint64_t more)
{
    atomic_store_explicit(
        counter, atomic_load_explicit(counter, memory_order_relaxed) + more, memory_order_relaxed);
}

#endif
