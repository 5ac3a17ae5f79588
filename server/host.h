/* What plugins may ask of the server's control thread (the host_ functions of plugins/plugin.h), and the
 * freeing of retired memory. There is one server in a process. Control thread. */
#ifndef SERVER_HOST_H
#define SERVER_HOST_H

#include <uv.h>

#include "zone/base/attr.h"
#include "zone/base/err.h"

enum err host_open(uv_loop_t *loop, unsigned workers) NODISCARD NONNULL(1);

/* The loop of the control thread. */
uv_loop_t *host_loop(void);

/* Frees what waits for the workers; they must have ended. Timers of plugins must be stopped. */
void host_close(void);

#endif
