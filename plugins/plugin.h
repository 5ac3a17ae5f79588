/* The plugin contract: all that a plugin sees of the server. A server block of the Corefile becomes a
 * chain: a flat array of its plugins in the order of plugins/plugin.cfg, whatever their order in the
 * Corefile. A query walks it in two phases, run by an engine (not by nested calls), so that a query can
 * wait for something without holding a stack:
 *
 *     serve:   errors -> log -> chaos -> file      each says NEXT until one says ANSWERED
 *     finish:             log <- chaos <-          backwards over those passed: change the reply
 *     (the reply is written once, by reply_encode)
 *     sent:    all plugins of the block            look at what was sent: log, count
 *
 * Threads. setup, start, stop and timers run in the control thread. serve, finish, sent and prefetch run
 * in worker threads, many at once: what they read of `self` is frozen after start(), or swapped by one
 * atomic pointer whose old value goes to host_retire. They never lock, never wait, and take memory only
 * from query->scratch.
 *
 * The same source is compiled into the server or made a loadable object (`plugin PATH` in the Corefile);
 * it defines one `const struct plugin` with PLUGIN(name). Functions declared here that are not inline
 * are found in the program at load time. */
#ifndef PLUGINS_PLUGIN_H
#define PLUGINS_PLUGIN_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "plugins/options.h"
#include "zone/base/arena.h"
#include "zone/base/attr.h"
#include "zone/base/err.h"
#include "zone/store/find.h"
#include "zone/text/finding.h"
#include "zone/wire/message.h"
#include "zone/wire/reply.h"
#include "zone/wire/reply_open.h"

#define PLUGIN_ABI 1

/* ---- setting up ---- */

struct expression;
struct netset;
struct tls_context;
struct metadata_provider;
struct metadata_entry;

/* What the plugins of one server block set for the block itself; setup->block. */
struct block {
    const uint8_t *const *zones; /* the block's keys, wire names in lower case */
    unsigned zones_count;
    const char *label;            /* the keys as written, for messages */
    const char *server;           /* the first key's listening address as metrics name it: "dns://:53" */
    const char *root;             /* root: where relative paths begin; NULL: the working directory */
    struct option_strings bind;   /* bind: addresses and interfaces; none: all addresses */
    struct option_strings except; /* bind except */
    bool debug;                   /* debug */
    bool cookies;                 /* cookies: query->verified is valid behind it */
    bool recursion;               /* set by plugins that ask others (forward): replies offer recursion, RA */
    bool times;                   /* set by a plugin that reads query->begin_ns and end_ns */
    struct option_zones metadata; /* metadata: the names whose queries have it */
    struct metadata_provider *providers;
    uint16_t udp_size;       /* bufsize: 0 for the default of 1232 */
    struct tls_context *tls; /* tls: what tls:// is served with; the plugin's */
    int64_t lameduck_ms;     /* health: go on so long when asked to stop */
    uint32_t cancel_ms;      /* cancel: when waiting for others is given up, 0: no limit of the block */
    uint32_t tcp_idle_ms;    /* timeouts: 0: the server's own */
    uint32_t tcp_read_ms;
    uint32_t tcp_write_ms;
    uint32_t tcp_queries;              /* of one connection, 0: any number */
    const struct expression **filters; /* view: all must be true of a query that comes here */
    unsigned filters_count;
    const char *view;        /* the name of the last one, or NULL */
    uint32_t tcp_per_client; /* tcp: connections one client may have, 0: any number */
    const struct netset *tcp_exempt;
    uint16_t sockets; /* multisocket: workers to begin with, 0: one for each core */
};

/* Its name for metrics: "" when it has none. Not before all of the block is set up. */
static inline NONNULL(1) const char *block_view(const struct block *block)
{
    return block->view != NULL ? block->view : "";
}

/* Loads that setup leaves for later, to be run in parallel: JOB(ARG) runs on some thread before the set up
 * of the whole configuration ends. An error from it refuses the configuration; what it reports goes through
 * SINK, which may be called from that thread. Control thread, in setup only. */
enum err setup_job(struct setup *setup, enum err (*job)(void *arg, const struct finding_sink *sink),
    void *arg) NODISCARD NONNULL(1, 2);

/* Makes a TSIG key known (taken over, also on failure): queries signed with it are believed, and other
 * plugins find it by name in setup->keys, in a job or later. The same key may come from several places;
 * another one of its name is an error at AT. Control thread, in setup only. */
struct tsig_key;
enum err setup_key(struct setup *setup, const struct token *at, struct tsig_key *key) NODISCARD
    NONNULL(1, 2, 3);

/* ---- the query ---- */

enum transport {
    TRANSPORT_UDP,
    TRANSPORT_TCP,
    TRANSPORT_TLS,
    TRANSPORT_HTTPS,
    TRANSPORT_QUIC,
    TRANSPORT_GRPC
};

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

struct chain;
struct tsig;

/* A find begun ahead of time by a plugin's prefetch hook; its serve goes on from there when `owner` is
 * still its own mark. A plugin that changes the question clears `owner` (query_rename does). */
struct lookup {
    const void *owner;
    const void *zone;
    struct find find;
};

/* One query on its way. Belongs to a worker; a plugin has it from serve until it has returned a verdict
 * other than SERVED_SUSPENDED, or until it has called query_resume. */
struct query {
    const struct question *question; /* what the chain answers: message.question unless rewritten */
    struct arena *scratch;           /* memory that lives until the reply is sent */
    const struct chain *chain;
    const struct block *block;    /* of the chain */
    struct metadata_entry *noted; /* metadata_note */
    struct query_state *kept;     /* query_keep */
    const char *why;              /* query_why: for -explain alone */
    const char *error;          /* query_fail: what went wrong, for the errors plugin; NULL if nothing did */
    const char *error_by;       /* the plugin that said so */
    uint64_t begin_ns;          /* CLOCK_REALTIME of arrival, when block->times */
    uint64_t end_ns;            /* and of sending, valid in sent */
    const uint8_t *reply_bytes; /* valid in sent: the reply, */
    uint32_t reply_len;         /* and its octets */
    uint16_t worker;            /* index of this thread, below host_workers(): for counters */
    uint8_t transport;          /* enum transport */
    uint8_t depth;              /* 0; more for sub-queries */
    bool dnssec;                /* the DO bit */
    bool verified;              /* cookies: the client's address is not forged; when block->cookies */
    bool answered;              /* by a plugin; false when the end of the chain refused */
    bool waited;                /* it was suspended: the answer comes from elsewhere */
    bool exists; /* set by a plugin that passes it on but has the name, with other types: who denies the name
                    (NXDOMAIN) denies the type alone */
    uint16_t options_len; /* EDNS options for the reply, see query_option */
    uint16_t step;        /* the engine's place in the chain, */
    uint16_t floor;       /* and the first one of a copy made by query_behind */
    uint16_t answered_by; /* the engine's: the step that answered (query_answered_by) */
    uint16_t options_room;
    uint8_t *options;
    struct query *parent; /* of a sub-query, else NULL */
    void *held;           /* cache: what it keeps of a query that is on its way, or NULL */
    const void *hashed;   /* cache: whose prefetch has made `hash` of the question, or NULL */
    uint64_t hash;
    union address client;
    union address server; /* the local address asked; the port alone where it is not known */
    struct reply reply;
    struct message message; /* as received; message.question is what will be echoed */
    struct lookup lookup;
    struct tsig *tsig;           /* see query_tsig */
    struct reply_stream *stream; /* instead of a reply, for SERVED_ANSWERED; the server's from then on */
    const uint16_t *types; /* set by a plugin that denies a type of the question's name, or the name: which it
                              has, for who proves that; NULL: it does not tell */
    uint16_t types_count;
};

/* A reply of several messages (a zone transfer), for transports that can carry them: everything but UDP. The
 * server writes one after the other while the client takes them, between other clients' queries. Worker
 * threads; always the same one. */
struct reply_stream {
    /* Writes the next message into OUT of LIMIT octets, RESERVE of them left free for TSIG; returns its
     * length, 0 when it cannot go on. LAST: no other comes behind it. */
    size_t (*next)(struct reply_stream *stream, uint8_t *out, size_t limit, size_t reserve, bool *last);
    /* All messages have been sent, or (BROKEN) the client has gone. The query and its world are over. */
    void (*end)(struct reply_stream *stream, bool broken);
};

/* The TSIG of a query that was signed (RFC 8945; zone/sec/tsig.h), else NULL. Plugins only see queries whose
 * signature is right, so that its key is who asks; the reply is signed by the server. */
static inline NONNULL(1) struct tsig *query_tsig(const struct query *query)
{
    return query->message.tsig_at != 0 ? query->tsig : NULL;
}

/* Came the query by TLS, from a client whose certificate is for NAME and good (zone/net/tls.h, tls_peer_is)?
 * Not for sub-queries, and before the query has waited for anything. */
bool query_client_is(const struct query *query, const char *name) NODISCARD NONNULL(1, 2);

enum served {
    SERVED_NEXT,      /* not for me: the next plugin */
    SERVED_ANSWERED,  /* query->reply is the answer, whatever its rcode */
    SERVED_SUSPENDED, /* query_resume will be called for this query, once */
    SERVED_DROPPED    /* no reply at all */
};

/* ---- the plugin ---- */

struct zone; /* a zone that a plugin serves: plugins/zones.h */

enum plugin_flag {
    PLUGIN_ALL_CLASSES = 1, /* serve sees queries of classes other than IN, too; the others need not look */
    PLUGIN_OUTWARD = 2 /* start begins to talk to others on its own (transfers, NOTIFY): not for -explain */
};

struct metrics;

struct plugin {
    uint32_t abi;   /* PLUGIN_ABI */
    uint32_t flags; /* enum plugin_flag */
    const char *name;
    const struct option *options; /* rows, or NULL */

    /* Reads setup->directive; no side effects outside *SELF, which is in world memory. Called for each of
     * the plugin's directives in a block, in order: *SELF is NULL the first time. Everything that can be
     * refused is refused here or in a job (files are loaded there), by setup_error. */
    enum err (*setup)(struct setup *setup, void **self);
    /* The whole new configuration is valid: begin. May be NULL, as all below. */
    enum err (*start)(void *self);
    enum served (*serve)(void *self, struct query *query);
    /* The same for NOTIFY and UPDATE, which serve does not see (but where PLUGIN_ALL_CLASSES is set). What
     * nobody takes is refused. */
    enum served (*opcode)(void *self, struct query *query);
    void (*finish)(void *self, struct query *query);
    /* A query that serve had passed on ends without a reply, and without finish: let go of it. */
    void (*dropped)(void *self, struct query *query);
    void (*sent)(void *self, const struct query *query);
    /* Called over a whole batch before any serve, step 0, 1, ... while it returns true: start memory
     * reads whose results serve will need. */
    bool (*prefetch)(void *self, struct query *query, unsigned step);
    /* SIGUSR1 or "reload" with an unchanged Corefile: look again at what lies outside it. */
    void (*refresh)(void *self);
    /* Tells of each zone it serves. */
    void (*zones)(void *self, void (*each)(void *context, struct zone *zone), void *context);
    /* The zone of exactly that name (lower case) that it serves, or NULL. Any thread; in a worker the handle
     * is good for as long as the query. */
    struct zone *(*zone)(void *self, const uint8_t *name);
    /* True when no query of class IN that comes to it goes on to the plugins behind: -check tells of those
     * that are never reached. */
    bool (*ends)(void *self, const struct block *block);
    /* False while it cannot answer yet (the ready plugin asks). */
    bool (*ready)(void *self);
    /* Adds its numbers (plugins/metrics.h). */
    void (*metrics)(void *self, struct metrics *out);
    /* No query will come again and none is under way. Also called when start was not. */
    void (*stop)(void *self);
};

/* The line that makes SYMBOL (a `const struct plugin`) known: `PLUGIN(whoami)` for `whoami_plugin`. In a
 * loadable object it is what the server looks up. */
#ifdef PLUGIN_LOADABLE
#define PLUGIN(name)                                                                                         \
    extern const struct plugin *const bailiwick_plugin;                                                      \
    const struct plugin *const bailiwick_plugin = &name##_plugin;
#else
#define PLUGIN(name)                                                                                         \
    extern const struct plugin *const bailiwick_plugin_##name;                                               \
    const struct plugin *const bailiwick_plugin_##name = &name##_plugin;
#endif

/* ---- what a plugin may ask of the engine while it has a query (worker threads) ---- */

/* Continues a suspended query as if serve had returned VERDICT (not SUSPENDED). From any thread; the query
 * must not be touched afterwards. It goes on in its own worker. */
void query_resume(struct query *query, enum served verdict) NONNULL(1);

/* False when so many queries wait in this worker that no more may be suspended: answer SERVFAIL then. */
bool query_may_wait(const struct query *query) NODISCARD NONNULL(1);

/* Asks another question through the same server block, from its first plugin. DONE gets the child with its
 * reply, on the same worker: perhaps before query_sub returns, else later, while the parent is suspended.
 * The child and what its reply refers to live as long as the parent. ERR_LIMIT when nested too deep. */
enum err query_sub(struct query *parent, const uint8_t *name, uint16_t type,
    void (*done)(struct query *child, enum served verdict, void *context), void *context) NODISCARD
    NONNULL(1, 2, 4);

/* The same, of the server block that a client's query for NAME would come to. ERR_MISSING: that is no other
 * than this one, or it asks other servers and this one does not. */
enum err query_sub_elsewhere(struct query *parent, const uint8_t *name, uint16_t type,
    void (*done)(struct query *child, enum served verdict, void *context), void *context) NODISCARD
    NONNULL(1, 2, 4);

/* Whether QUERY asks for NAME, or a query whose sub-query it is does. */
bool query_asked(const struct query *query, const uint8_t *name) NODISCARD NONNULL(1, 2);

/* Asks the question of QUERY once more of the plugins behind this one, in the background: QUERY itself goes
 * on and may be answered before. DONE gets the reply, on the same worker, perhaps before this returns; the
 * copy ends when DONE returns. Its `parent` is NULL, the plugins in front of this one do not see it. */
enum err query_behind(struct query *query,
    void (*done)(struct query *copy, enum served verdict, void *context), void *context) NODISCARD
    NONNULL(1, 2);

/* Makes the rest of the chain answer for another name (lower or mixed case, copied). */
enum err query_rename(struct query *query, const uint8_t *name) NODISCARD NONNULL(1, 2);

/* The same for name, type and class together. A query of another class that becomes one of class IN goes on
 * through the plugins for that. */
enum err query_requestion(struct query *query, const uint8_t *name, uint16_t type, uint16_t class) NODISCARD
    NONNULL(1, 2);

/* For finish: query->question is BEFORE again, what it was when the same plugin's serve renamed it, and the
 * reply is made one to that question. */
enum err query_restore(struct query *query, const struct question *before) NODISCARD NONNULL(1, 2);

/* What a plugin's serve wants its finish to know of this query, by its own SELF. */
struct query_state {
    struct query_state *next;
    const void *owner;
    void *state;
};

static inline NODISCARD NONNULL(1, 2, 3) enum err
    query_keep(struct query *query, const void *owner, void *state)
{
    struct query_state *kept =
        (struct query_state *)arena_alloc(query->scratch, sizeof *kept, _Alignof(struct query_state));
    if (kept == NULL)
        return ERR_MEMORY;
    kept->next = query->kept;
    kept->owner = owner;
    kept->state = state;
    query->kept = kept;
    return ERR_OK;
}

/* What OWNER kept last, or NULL. */
static inline NONNULL(1, 2) void *query_kept(const struct query *query, const void *owner)
{
    for (const struct query_state *kept = query->kept; kept != NULL; kept = kept->next) {
        if (kept->owner == owner)
            return kept->state;
    }
    return NULL;
}

/* For finish: gives a reply that is a finished message (reply.raw) the form of references, so that it can be
 * looked at and changed. Costs nothing when it has it. */
static inline NODISCARD NONNULL(1) enum err query_open(struct query *query)
{
    return reply_open(&query->reply, query->question, query->scratch);
}

/* Notes an error for the errors plugin, sets RCODE, and returns SERVED_ANSWERED. */
enum served query_fail(struct query *query, const char *by, uint16_t rcode, const char *format, ...)
    PRINTF(4, 5) NONNULL(1, 2);

/* Says in words why serve does what it is about to do ("the name is not in the table"): `bailiwickd -explain`
 * tells it. TEXT is static, or lives as long as the query. */
static inline NONNULL(1) void query_why(struct query *query, const char *text)
{
    query->why = text;
}

/* For finish: there shall be no reply after all. The plugins before this one are not asked any more. */
#define QUERY_DROPPED 0xffff /* as reply.rcode */
static inline NONNULL(1) void query_drop(struct query *query)
{
    query->reply.rcode = QUERY_DROPPED;
}

/* Adds an EDNS option to the reply; ignored when the client sent no OPT record. */
enum err query_option(struct query *query, uint16_t code, const void *bytes, uint16_t len) NONNULL(1);

/* Client and server address as text without port, into OUT of at least INET6_ADDRSTRLEN. */
void address_print(const union address *address, char *out) NONNULL(1, 2);
uint16_t address_port(const union address *address) NONNULL(1);

/* Name of the plugin whose serve answered, NULL when the end of the chain refused. Valid in sent. */
const char *query_answered_by(const struct query *query) NONNULL(1);

/* ---- what a plugin may ask of the server (control thread, but where said otherwise) ---- */

/* Worker threads there are. Any thread. */
unsigned host_workers(void);

/* Calls FREE(WHAT) in the control thread when no query that could have seen WHAT is left. Any thread. */
void host_retire(void (*free)(void *), void *what) NONNULL(1);

/* Runs WORK(ARG) on a background thread, then DONE(ARG) (may be NULL) in the control thread. Any thread. */
enum err host_work(void (*work)(void *), void (*done)(void *), void *arg) NODISCARD NONNULL(1);

/* Runs CALL(ARG) in the control thread, soon, in order. Any thread. ERR_MEMORY: it will not. */
enum err host_call(void (*call)(void *), void *arg) NODISCARD NONNULL(1);

/* Calls TICK(ARG) every PERIOD_MS in the control thread until host_timer_stop. NULL: out of memory. */
struct host_timer;
struct host_timer *host_timer_start(int64_t period_ms, void (*tick)(void *), void *arg) NODISCARD NONNULL(2);
void host_timer_stop(struct host_timer *timer);

/* Reads the Corefile again and serves by it, as SIGUSR1 does. An error: the old configuration goes on, and
 * the log tells why. */
enum err host_reload(void) NODISCARD;

/* SHA-512 of the Corefile and all files it imports: as they were when the running configuration was read, or
 * as they are NOW. ERR_MISSING: there is none, or a file cannot be read. */
#define HOST_DIGEST_LEN 64
enum err host_config_digest(bool now, uint8_t out[HOST_DIGEST_LEN]) NODISCARD NONNULL(2);

/* Tells of each plugin of the configuration that is not ready; the number of them. True in ENDING: the server
 * is about to stop. */
unsigned host_unready(void (*each)(void *context, const char *name), void *context, bool *ending)
    NONNULL(1, 3);

/* Tells of the plugins of the server block, in the order of its chain. From start on. */
void block_plugins(const struct block *block, void (*each)(void *context, const char *name), void *context)
    NONNULL(1, 2);

/* Appends a line (LEN octets, newline included) to standard output by way of the worker's own buffer: one
 * write per batch at most, made by another thread; when that cannot keep up, lines are dropped
 * and counted. Worker threads. */
void host_line(unsigned worker, const char *line, size_t len) NONNULL(2);

#endif
