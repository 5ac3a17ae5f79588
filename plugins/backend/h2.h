/* The carrier of plugin grpc: one HTTP/2 connection (nghttp2) from each worker to each server, with a stream
 * for each question. Workers. */
#ifndef PLUGINS_BACKEND_H2_H
#define PLUGINS_BACKEND_H2_H

#include "plugins/backend/call.h"

extern const struct carrier h2_carrier;

#endif
