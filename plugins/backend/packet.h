/* DNS messages to and from a backend of plugin grpc. Workers. */
#ifndef PLUGINS_BACKEND_PACKET_H
#define PLUGINS_BACKEND_PACKET_H

#include "plugins/backend/call.h"

/* Writes the call's question, in its frame, into call->packet; returns the length of both. */
uint16_t packet_write(struct call *call) NODISCARD NONNULL(1);

/* Makes the message of LEN octets, which stay as long as the query, its reply. Nothing has changed when it is
 * none, or answers another question: *WHY tells. */
enum err packet_take(struct query *query, const uint8_t *bytes, size_t len, const char **why) NODISCARD
    NONNULL(1, 2, 4);

#endif
