/* A reply of many messages on its way to one client (struct reply_stream), signed message by message when the
 * query was (RFC 8945 5.3.1). Made from the slot of the query, which it outlives; belongs to the connection.
 * Worker threads. */
#ifndef SERVER_SENDING_H
#define SERVER_SENDING_H

#include "server/slot.h"

struct sending {
    struct sending *next; /* of the same connection */
    struct reply_stream *stream;
    struct tsig *tsig; /* NULL: unsigned */
    bool over;         /* the last message has been written */
};

/* Takes the slot's stream over and writes its first message as the query's reply. NULL: there is none, and
 * the stream is ended. */
struct sending *sending_begin(struct slot *slot) NODISCARD NONNULL(1);

/* The next message; 0 when it cannot go on. Not once it is `over`. */
size_t sending_next(struct sending *sending, uint8_t *out, size_t limit) NONNULL(1, 2);

/* Frees it. */
void sending_end(struct sending *sending, bool broken) NONNULL(1);

#endif
