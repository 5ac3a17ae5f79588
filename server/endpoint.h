/* An address and port to listen on. Any thread. */
#ifndef SERVER_ENDPOINT_H
#define SERVER_ENDPOINT_H

#include <stdio.h>

#include "server/world.h"

#define ENDPOINT_TEXT_MAX 64

bool endpoint_same(const struct endpoint_key *a, const struct endpoint_key *b) NONNULL(1, 2);

/* "192.0.2.1:53", "[2001:db8::1]:53". */
void endpoint_print(const struct endpoint_key *key, char *out, size_t size) NONNULL(1, 2);

#endif
