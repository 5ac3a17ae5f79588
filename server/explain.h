/* bailiwickd -explain: one question goes through the server in words: which server block takes it, what each
 * plugin does with it and why, what comes back. The real plugins serve it, in a real worker without sockets,
 * so that what it tells is what would happen; plugins that ask others ask them. Control thread. */
#ifndef SERVER_EXPLAIN_H
#define SERVER_EXPLAIN_H

#include <uv.h>

#include "server/server.h"

/* QUESTION: NAME [TYPE] [CLASS] [tcp] [do] [from ADDRESS] [port PORT]. Prints to standard output. ERR_SYNTAX
 * when QUESTION is not understood, which is told on standard error; ERR_INVALID when the Corefile is wrong.
 */
enum err explain(const struct server_options *options, const char *question, uv_loop_t *loop) NODISCARD
    NONNULL(1, 2, 3);

#endif
