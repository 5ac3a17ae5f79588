/* The commands of the control socket, apart from sockets: a request's line to an answer's. */
#ifndef SERVER_CONTROL_COMMAND_H
#define SERVER_CONTROL_COMMAND_H

#include <stdio.h>

#include "server/control.h"
#include "server/control_later.h"
#include "zone/base/json.h"

struct control_request {
    const struct control_hooks *hooks;
    struct json json;
    const char *arg; /* what stands behind the command; "" when nothing does */
    bool *stop;
    struct control_later *later; /* NULL: the answer has to come at once */
    bool taken;                  /* LATER is kept: the answer will come */
};

/* The answer to LINE, malloced, with its newline; NULL when there is no memory. *STOP becomes true when the
 * server is to be stopped once the answer is sent. LATER may be NULL; *TAKEN: the answer comes by it, and
 * NULL is returned. */
char *control_answer(const struct control_hooks *hooks, const char *line, size_t *len, bool *stop,
    struct control_later *later, bool *taken) NONNULL(1, 2, 3, 4, 6);

/* Writes the answer's members; a text returned is the error that refuses the request. */
typedef const char *control_run(struct control_request *request);

void control_put_time(struct json *json, const char *name, uint64_t seconds) NONNULL(1, 2);
void control_put_zone(struct json *json, const struct zone_status *zone) NONNULL(1, 2);

/* The commands that are about one zone (control_zone.c). */
control_run control_zone, control_refresh, control_retransfer, control_notify, control_freeze, control_thaw;

/* Changes by hand (control_edit.c). */
control_run control_edit, control_rollback;

/* `reload wait` (control_reload.c): FINDINGS is a JSON array's inside. */
const char *control_reload_wait(struct control_request *request) NONNULL(1);

#endif
