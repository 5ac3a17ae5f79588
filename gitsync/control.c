#include "gitsync/control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "zone/base/json.h"

static bool fail(struct control *control, const char *what)
{
    snprintf(control->why, sizeof control->why, "%s: %s", what,
        errno != 0 ? strerror(errno) : "the connection was closed");
    return false;
}

bool control_open(struct control *control, const char *path, uint32_t timeout_s)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct timeval limit = {.tv_sec = (time_t)timeout_s};
    *control = (struct control){.fd = -1};
    errno = ENAMETOOLONG;
    if (snprintf(address.sun_path, sizeof address.sun_path, "%s", path) >= (int)sizeof address.sun_path)
        return fail(control, path);
    control->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (control->fd < 0 || connect(control->fd, (struct sockaddr *)&address, sizeof address) != 0) {
        fail(control, path);
        control_close(control);
        return false;
    }
    setsockopt(control->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(control->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    control->stream = fdopen(control->fd, "r");
    if (control->stream != NULL)
        return true;
    fail(control, path);
    control_close(control);
    return false;
}

void control_close(struct control *control)
{
    if (control->stream != NULL)
        fclose(control->stream);
    else if (control->fd >= 0)
        close(control->fd);
    free(control->answer);
    control->stream = NULL;
    control->fd = -1;
    control->answer = NULL;
    control->room = 0;
}

bool control_ask(struct control *control, const char *command, const char *argument)
{
    char request[1300];
    int len = snprintf(request, sizeof request, "%s%s%s\n", command, argument != NULL ? " " : "",
        argument != NULL ? argument : "");
    errno = 0;
    if (control->stream == NULL || len >= (int)sizeof request ||
        send(control->fd, request, (size_t)len, MSG_NOSIGNAL) != len)
        return fail(control, "cannot ask the server");
    ssize_t got = getline(&control->answer, &control->room, control->stream);
    return got > 0 && control->answer[got - 1] == '\n' ? true : fail(control, "the server does not answer");
}

bool control_is_ok(struct control *control)
{
    size_t len;
    const char *ok = control->answer != NULL ? json_member(control->answer, "ok", &len) : NULL;
    if (ok != NULL && len == 4 && memcmp(ok, "true", 4) == 0)
        return true;
    if (control->answer == NULL || !json_get(control->answer, "error", control->why, sizeof control->why))
        snprintf(control->why, sizeof control->why, "the server's answer is not understood");
    return false;
}
