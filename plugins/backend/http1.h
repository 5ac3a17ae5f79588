/* A response of HTTP/1.1 (RFC 9112), found in the octets that have come. Any thread. */
#ifndef PLUGINS_BACKEND_HTTP1_H
#define PLUGINS_BACKEND_HTTP1_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zone/base/attr.h"

enum http1_state {
    HTTP1_MORE,  /* not all of it is there */
    HTTP1_WHOLE, /* it is */
    HTTP1_BROKEN /* it is none: `why` */
};

struct http1 {
    unsigned status;
    size_t head_len; /* 0: the header is not whole */
    size_t body_len; /* as it came: with its chunks */
    bool chunked;
    bool until_close; /* the body ends with the connection; it is whole when nothing comes any more */
    bool keep;        /* the connection can be used again */
    const char *why;
};

enum http1_state http1_read(struct http1 *response, const uint8_t *bytes, size_t len) NODISCARD NONNULL(1, 2);

/* Copies the body of a whole chunked response, without what separates its chunks, to OUT (of body_len octets,
 * perhaps the same place); returns its length. */
size_t http1_unchunk(const struct http1 *response, const uint8_t *body, uint8_t *out) NONNULL(1, 2, 3);

#endif
