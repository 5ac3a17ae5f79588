/* Answers that come later: a command begins work in the background and keeps the handle; the connection
 * waits, the others go on. Control thread. */
#ifndef SERVER_CONTROL_LATER_H
#define SERVER_CONTROL_LATER_H

#include <stddef.h>

#include "zone/base/attr.h"

struct client;

struct control_later {
    struct client *client; /* NULL: it has gone, nobody wants the answer */
};

/* Sends ANSWER (malloced, a line; NULL: there was no memory) and frees LATER. */
void control_later_send(struct control_later *later, char *answer, size_t len) NONNULL(1);

#endif
