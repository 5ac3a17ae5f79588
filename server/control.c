#include "server/control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "server/control_command.h"
#include "zone/base/log.h"

struct control {
    uv_pipe_t listener;
    uv_loop_t *loop;
    struct control_hooks hooks;
    struct client *clients;
    unsigned clients_count;
    unsigned handles; /* open ones; the last to close frees the struct */
    bool stopping;
    char path[CONTROL_PATH_MAX];
};

/* One connection. While an answer is being written no request is read: answers keep their order, and a client
 * that does not read holds up nobody but itself. */
struct client {
    uv_pipe_t pipe;
    uv_write_t write;
    struct control *control;
    struct client *next, **link;
    char *answer;
    struct control_later *later; /* the answer is awaited */
    bool stop_after;             /* the answer to "stop" is on its way */
    bool ended;                  /* nothing more will be read */
    size_t len;
    char line[CONTROL_REQUEST_MAX];
};

static void handle_closed(struct control *control)
{
    if (--control->handles == 0)
        free(control);
}

static void client_closed(uv_handle_t *handle)
{
    struct client *client = handle->data;
    struct control *control = client->control;
    if (client->later != NULL)
        client->later->client = NULL;
    free(client->answer);
    free(client);
    handle_closed(control);
}

static void client_close(struct client *client)
{
    if (uv_is_closing((uv_handle_t *)&client->pipe))
        return;
    *client->link = client->next;
    if (client->next != NULL)
        client->next->link = client->link;
    client->control->clients_count--;
    uv_close((uv_handle_t *)&client->pipe, client_closed);
}

static void serve_lines(struct client *client);

static void written(uv_write_t *request, int status)
{
    struct client *client = request->data;
    free(client->answer);
    client->answer = NULL;
    if (client->stop_after) {
        struct control_hooks hooks = client->control->hooks;
        client->stop_after = false;
        hooks.stop(hooks.context);
        return;
    }
    if (status != 0 || client->control->stopping)
        client_close(client);
    else
        serve_lines(client);
}

static void send_answer(struct client *client, char *text, size_t len)
{
    client->answer = text;
    uv_buf_t buffer = {.base = client->answer, .len = len};
    client->write.data = client;
    if (text == NULL || uv_write(&client->write, (uv_stream_t *)&client->pipe, &buffer, 1, written) != 0)
        client_close(client);
}

void control_later_send(struct control_later *later, char *text, size_t len)
{
    struct client *client = later->client;
    free(later);
    if (client == NULL) {
        free(text);
        return;
    }
    client->later = NULL;
    if (uv_is_closing((uv_handle_t *)&client->pipe))
        free(text);
    else
        send_answer(client, text, len);
}

static void answer(struct client *client, const char *line)
{
    size_t len = 0;
    bool taken;
    struct control_later *later = calloc(1, sizeof *later);
    char *text = control_answer(&client->control->hooks, line, &len, &client->stop_after, later, &taken);
    if (taken) {
        later->client = client;
        client->later = later;
        return;
    }
    free(later);
    send_answer(client, text, len);
}

static void room_for_read(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    struct client *client = handle->data;
    (void)suggested;
    buffer->base = client->line + client->len;
    buffer->len = sizeof client->line - client->len;
}

static void have_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
    struct client *client = stream->data;
    (void)buffer;
    if (count == 0)
        return;
    if (count < 0) {
        client->ended = true;
        uv_read_stop(stream);
        client_close(client);
        return;
    }
    client->len += (size_t)count;
    uv_read_stop(stream);
    serve_lines(client);
}

/* Answers the first whole line that was read, or goes on reading. */
static void serve_lines(struct client *client)
{
    char request[CONTROL_REQUEST_MAX];
    char *end = memchr(client->line, '\n', client->len);
    if (end == NULL && client->len == sizeof client->line) {
        log_warning("control: a request longer than %d octets, connection closed", CONTROL_REQUEST_MAX);
        client_close(client);
        return;
    }
    if (end == NULL) {
        if (uv_read_start((uv_stream_t *)&client->pipe, room_for_read, have_read) != 0)
            client_close(client);
        return;
    }
    size_t len = (size_t)(end - client->line);
    memcpy(request, client->line, len);
    request[len] = '\0';
    client->len -= len + 1;
    memmove(client->line, end + 1, client->len);
    answer(client, request);
}

static struct client *client_new(struct control *control)
{
    struct client *client = calloc(1, sizeof *client);
    if (client == NULL || uv_pipe_init(control->loop, &client->pipe, 0) != 0) {
        free(client);
        return NULL;
    }
    client->pipe.data = client;
    client->control = control;
    client->next = control->clients;
    client->link = &control->clients;
    if (client->next != NULL)
        client->next->link = &client->next;
    control->clients = client;
    control->clients_count++;
    control->handles++;
    return client;
}

static void connected(uv_stream_t *listener, int status)
{
    struct control *control = listener->data;
    struct client *client = status == 0 ? client_new(control) : NULL;
    if (client == NULL)
        return;
    if (uv_accept(listener, (uv_stream_t *)&client->pipe) != 0 ||
        control->clients_count > CONTROL_CLIENTS_MAX)
        client_close(client);
    else
        serve_lines(client);
}

static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    int result = connect(fd, (struct sockaddr *)&address, sizeof address);
    int saved = errno;
    close(fd);
    errno = saved;
    return result;
}

/* Removes a socket file that a server left behind when it was killed. Anything else stays. */
static enum err make_way(const char *path)
{
    struct stat status;
    if (lstat(path, &status) != 0)
        return ERR_OK;
    if (!S_ISSOCK(status.st_mode)) {
        errno = EEXIST;
        return ERR_IO;
    }
    if (connect_to(path) == 0 || errno != ECONNREFUSED)
        return ERR_EXISTS;
    return unlink(path) == 0 ? ERR_OK : ERR_IO;
}

/* The mode is set between bind and listen: until then nobody can connect. */
static enum err listen_at(struct control *control, const char *path)
{
    int result = uv_pipe_bind(&control->listener, path);
    if (result == 0 && chmod(path, 0600) != 0)
        result = -errno;
    if (result == 0)
        result = uv_listen((uv_stream_t *)&control->listener, 16, connected);
    errno = result != 0 ? -result : 0;
    return result == 0 ? ERR_OK : ERR_IO;
}

static void listener_closed(uv_handle_t *handle)
{
    handle_closed(handle->data);
}

enum err control_start(
    uv_loop_t *loop, const char *path, const struct control_hooks *hooks, struct control **out)
{
    if (strlen(path) >= CONTROL_PATH_MAX) {
        errno = ENAMETOOLONG;
        return ERR_IO;
    }
    enum err err = make_way(path);
    struct control *control = err == ERR_OK ? calloc(1, sizeof *control) : NULL;
    if (control == NULL)
        return err != ERR_OK ? err : ERR_MEMORY;
    snprintf(control->path, sizeof control->path, "%s", path);
    control->hooks = *hooks;
    control->loop = loop;
    control->handles = 1;
    control->listener.data = control;
    if (uv_pipe_init(loop, &control->listener, 0) != 0) {
        free(control);
        return ERR_IO;
    }
    err = listen_at(control, path);
    if (err != ERR_OK) {
        int saved = errno;
        uv_close((uv_handle_t *)&control->listener, listener_closed);
        errno = saved;
        return err;
    }
    *out = control;
    return ERR_OK;
}

/* libuv removes the socket file when it closes the listener. A client whose answer is under way is
 * closed by written(). */
void control_stop(struct control *control)
{
    if (control == NULL || control->stopping)
        return;
    control->stopping = true;
    uv_close((uv_handle_t *)&control->listener, listener_closed);
    for (struct client *client = control->clients, *next; client != NULL; client = next) {
        next = client->next;
        if (client->answer == NULL)
            client_close(client);
    }
}

bool control_place(unsigned index, char *out)
{
    const char *const directories[] = {
        getenv("RUNTIME_DIRECTORY"), "/run/bailiwick", getenv("XDG_RUNTIME_DIR")};
    for (unsigned i = 0; i < ARRAY_COUNT(directories); i++) {
        if (directories[i] == NULL || index-- != 0)
            continue;
        return snprintf(out, CONTROL_PATH_MAX, "%s/bailiwickd.sock", directories[i]) < CONTROL_PATH_MAX;
    }
    return false;
}

bool control_default_path(char *out)
{
    if (geteuid() == 0)
        (void)mkdir("/run/bailiwick", 0755);
    for (unsigned i = 0; control_place(i, out); i++) {
        char directory[CONTROL_PATH_MAX];
        snprintf(directory, sizeof directory, "%.*s", (int)(strrchr(out, '/') - out), out);
        if (access(directory, W_OK | X_OK) == 0)
            return true;
    }
    return false;
}
