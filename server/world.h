/* The world: one configuration, ready to serve. Made whole by the control thread from a Corefile, then
 * frozen and published by one atomic pointer; workers load it once per batch, and the old one is freed
 * when no query refers to it (epoch.h).
 *
 *     world -> routes[endpoint] -> (longest suffix) -> chain -> steps: file, whoami ...
 *
 * Zone contents are not part of it: the file plugin swaps snapshots on its own, so that a changed zone does
 * not make a new world. */
#ifndef SERVER_WORLD_H
#define SERVER_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "plugins/plugin.h"
#include "server/corefile.h"
#include "zone/base/arena.h"
#include "zone/sec/tsig_key.h"
#include "zone/wire/suffix.h"

/* One plugin of one server block. */
struct instance {
    const struct plugin *plugin;
    void *self;
};

struct step {
    enum served (*serve)(void *self, struct query *query);
    void (*finish)(void *self, struct query *query);
    void (*dropped)(void *self, struct query *query);
    void *self;
    uint16_t back; /* one more than the index of the nearest step before with a finish, 0: none */
};

struct chain {
    const struct step *steps; /* the plugins that serve or finish, in order; behind them one for `back` */
    const char *const *names; /* theirs */
    const struct instance *prefetch;
    const struct instance *sent;
    uint16_t step_count;
    uint16_t prefetch_count;
    uint16_t sent_count;
    bool drops; /* some step has a dropped */
    uint16_t udp_size;

    const struct chain *main;    /* of an `other` chain: the one it belongs to */
    const struct chain *other;   /* for classes other than IN: only the plugins with PLUGIN_ALL_CLASSES */
    const struct chain *opcodes; /* for NOTIFY and UPDATE: those, and the ones that take them */
    const struct chain *const *views; /* of a fork: the chains that want a zone, to be asked in order; it has
                                         nothing else */
    unsigned views_count;
    struct block block;
    struct instance *instances;
    unsigned instance_count;
    const struct server_block *source;
};

/* For names that no server block has: empty, so that the engine refuses. */
extern const struct chain chain_nobody;

/* What one address and port serves. */
struct endpoint_key {
    union address address;
    uint8_t transport; /* TRANSPORT_UDP stands for UDP and TCP together */
    bool wildcard;
};

struct endpoint_plan {
    struct endpoint_key key;
    struct suffix_table table; /* zone -> struct chain */
    const struct token *at;    /* whose wish it was, for errors */
    struct tls_context *tls;   /* of the blocks served there, for tls:// */
    unsigned id;               /* given by listen.c */
};

struct world {
    uint8_t digest[HOST_DIGEST_LEN]; /* of the Corefile and what it imports, as read */
    bool digest_known;
    const struct suffix_table **routes; /* by endpoint id; NULL entries refuse all */
    struct tls_context **tls;           /* by endpoint id; NULL: not over TLS */
    unsigned route_count;
    bool times;              /* some chain wants time stamps */
    const struct block *tcp; /* the one with the lowest limit on a client's connections, or NULL */
    struct {
        uint32_t idle_ms, read_ms, write_ms, queries; /* the strictest of the blocks, 0: the server's own */
    } tcp_limits;
    const struct chain *cookies; /* answers a cookie without a question (RFC 7873 5.4), or NULL */

    struct regex *regexes; /* to be freed with it */
    struct arena memory;
    struct tsig_ring keys;
    struct corefile corefile;
    struct chain *chains;
    unsigned chain_count;
    struct endpoint_plan *endpoints;
    unsigned endpoint_count;
};

/* Builds a world from the Corefile: reads it, sets every plugin up, runs the jobs they left. Opens no
 * socket, starts nothing. ERR_INVALID when errors were reported. */
enum err world_build(const char *corefile, uint16_t port, bool check, const struct finding_sink *sink,
    struct world **out) NODISCARD NONNULL(4, 5);

/* Runs every start(). */
enum err world_start(struct world *world) NODISCARD NONNULL(1);

/* Those of plugins that answer queries alone: nothing listens, nobody is told of a change or asked for a
 * zone. */
enum err world_start_quietly(struct world *world) NODISCARD NONNULL(1);

/* Stops its plugins and frees it. */
void world_free(void *world);

/* What TLS connections to the endpoint are made with; NULL: it is not in this world, or has no TLS. */
static inline struct tls_context *world_tls(const struct world *world, unsigned endpoint)
{
    return endpoint < world->route_count ? world->tls[endpoint] : NULL;
}

/* SHA-512 of the files that WORLD was read from, as they are now. */
enum err world_digest(const struct world *world, uint8_t out[HOST_DIGEST_LEN]) NODISCARD NONNULL(1, 2);

#endif
