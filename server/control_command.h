/* The commands of the control socket, apart from sockets: a request's line to an answer's. */
#ifndef SERVER_CONTROL_COMMAND_H
#define SERVER_CONTROL_COMMAND_H

#include "server/control.h"

/* The answer to LINE, malloced, with its newline; NULL when there is no memory. *STOP becomes true when the
 * server is to be stopped once the answer is sent. */
char *control_answer(const struct control_hooks *hooks, const char *line, size_t *len, bool *stop)
    NONNULL(1, 2, 3, 4);

#endif
