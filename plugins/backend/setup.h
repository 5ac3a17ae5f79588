/* What the Corefile lines of grpc, proxy and httpjson have in common, and how they become a backend. Control
 * thread. */
#ifndef PLUGINS_BACKEND_SETUP_H
#define PLUGINS_BACKEND_SETUP_H

#include "plugins/backend/call.h"
#include "plugins/metrics.h"

struct written {
    const char *from;
    struct option_strings to;  /* servers; URLs for httpjson */
    struct option_zones zones; /* httpjson, instead of `from` */
    struct option_addresses addresses;
    struct option_zones except;
    struct option_zones fall;
    bool fall_nodata;
    struct option_strings tls;
    const char *tls_servername;
    struct option_strings protocol;
    struct option_lines headers;
    int policy;
    int64_t timeout_ms, expire_ms;
    const char *ignored;
};

#define WRITTEN(field_) .offset = offsetof(struct written, field_)

/* A new line, behind those of SELF. NULL: out of memory. */
struct backend *backend_new(struct setup *setup, void **self, const struct carrier *carrier) NODISCARD
    NONNULL(1, 2, 3);

/* One server more, of ADDRESS. AT is the token that names it. */
enum err backend_add(struct setup *setup, struct backend *backend, const struct token *at,
    const struct option_address *address) NODISCARD NONNULL(1, 2, 3, 4);

/* A server as CoreDNS lets one write it: IP, IP:PORT, grpc://IP, or a file of nameserver lines. */
enum err backend_add_written(struct setup *setup, struct backend *backend, const struct token *at) NODISCARD
    NONNULL(1, 2, 3);

/* All that is not servers. TLS: it is spoken; ALPN as for tls_settings. */
enum err backend_take(struct setup *setup, struct backend *backend, const struct written *written, bool tls,
    const char *alpn) NODISCARD NONNULL(1, 2, 3);

/* FROM, which may be a network, as zones. */
enum err backend_from(struct setup *setup, struct backend *backend, const char *from) NODISCARD
    NONNULL(1, 2, 3);

/* Is there an option line with this WORD? */
bool setup_has_line(const struct setup *setup, const char *word) NODISCARD NONNULL(1, 2);

/* Adds the numbers of all lines, under coredns_NAME_... */
struct backend_metrics {
    struct metric took, requests, responses, failures;
};
void backend_tell(const struct backend *line, const struct backend_metrics *as, struct metrics *out)
    NONNULL(2, 3);

#endif
