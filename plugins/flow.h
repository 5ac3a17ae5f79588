/* Connections of a worker to other servers, for plugins with protocols of their own (DNS over TCP and TLS
 * stand on it, too): TCP or TLS, never blocking, on the worker's event loop. What is sent is gathered and
 * leaves when the current event is over, so that many small writes are one.
 *
 *     flow_open ... flow_send, received, flow_send ... flow_close, or: closed
 *
 * A flow belongs to the worker that opened it; all calls and events are in that worker's thread. Queries
 * may be resumed from events; what `received` shows lies there until the event is over and what was resumed
 * is answered. */
#ifndef PLUGINS_FLOW_H
#define PLUGINS_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "plugins/plugin.h"
#include "zone/base/attr.h"

struct flow;
struct tls_context;

struct flow_target {
    union address to;
    union address source;    /* family 0: any */
    struct tls_context *tls; /* NULL: plain TCP */
    const char *server_name; /* for TLS; stays as long as the flow */
    uint32_t connect_ms;     /* time for connecting and the handshake together */
};

struct flow_events {
    /* It is connected, the handshake is done. May be NULL. */
    void (*opened)(void *context);
    /* LEN octets have come, behind those that were not used before. Returns how many are used up: what is
     * left comes again with more behind it. */
    size_t (*received)(void *context, const uint8_t *bytes, size_t len);
    /* It is over, by the other side or by an error; the flow is gone. Not called after flow_close. */
    void (*closed)(void *context, const char *why);
};

/* Begins to connect; EVENTS and what TARGET points to stay. NULL when there is no socket to be had. */
struct flow *flow_open(unsigned worker, const struct flow_target *target, const struct flow_events *events,
    void *context) NODISCARD NONNULL(2, 3);

/* Copies LEN octets to be sent, also before it is connected. ERR_MEMORY. */
enum err flow_send(struct flow *flow, const void *bytes, size_t len) NODISCARD NONNULL(1, 2);

/* Octets that wait to be sent. */
size_t flow_unsent(const struct flow *flow) NONNULL(1);

/* What ALPN agreed on ("h2"), or NULL. */
const char *flow_alpn(const struct flow *flow) NONNULL(1);

void flow_close(struct flow *flow) NONNULL(1);

#endif
