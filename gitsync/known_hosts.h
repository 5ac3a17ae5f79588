/* The file of known ssh servers, as of sshd(8): "host[,host...] type base64" with patterns, "[host]:port",
 * hashed names ("|1|salt|hash"), and @revoked. Pure functions. */
#ifndef GITSYNC_KNOWN_HOSTS_H
#define GITSYNC_KNOWN_HOSTS_H

#include <stddef.h>
#include <stdint.h>

#include "zone/base/attr.h"

struct known_host {
    const char *host;
    unsigned port;
    const uint8_t *key; /* the raw key: type, then its numbers */
    size_t key_len;
};

enum known_host_verdict {
    KNOWN_HOST_UNKNOWN,
    KNOWN_HOST_KNOWN,
    KNOWN_HOST_CHANGED, /* the name is there with another key of the same type */
    KNOWN_HOST_REVOKED
};

enum known_host_verdict known_hosts_find(const char *text, const struct known_host *seen) NONNULL(1, 2);

/* The port in an ssh URL; 22 without one. */
unsigned known_hosts_port(const char *url) NONNULL(1);

#endif
