/* bailiwickd's control socket, as a client: a line out, a JSON object back (bailiwickctl(8)). One connection
 * for one deployment; one thread. */
#ifndef GITSYNC_CONTROL_H
#define GITSYNC_CONTROL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "zone/base/attr.h"

#define CONTROL_WHY_MAX 300

struct control {
    FILE *stream; /* NULL: not connected */
    int fd;
    char *answer; /* malloced by getline */
    size_t room;
    char why[CONTROL_WHY_MAX]; /* when something failed */
};

/* False when nobody listens at PATH. */
bool control_open(struct control *control, const char *path, uint32_t timeout_s) NODISCARD NONNULL(1, 2);
void control_close(struct control *control) NONNULL(1);

/* Sends "COMMAND ARGUMENT"; the answer is control->answer, whatever it says. False: no answer came. */
bool control_ask(struct control *control, const char *command, const char *argument) NODISCARD NONNULL(1, 2);

/* Whether the last answer says "ok"; if not, its error is control->why. */
bool control_is_ok(struct control *control) NODISCARD NONNULL(1);

#endif
