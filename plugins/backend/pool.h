/* The carrier of plugin httpjson: connections of HTTP/1.1 that are kept open, with one question at a time on
 * each. Workers. */
#ifndef PLUGINS_BACKEND_POOL_H
#define PLUGINS_BACKEND_POOL_H

#include "plugins/backend/call.h"

extern const struct carrier pool_carrier;

#endif
