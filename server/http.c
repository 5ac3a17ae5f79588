#include "plugins/http.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <uv.h>

#include "server/host.h"
#include "zone/base/log.h"

#define REQUEST_MAX 8192
#define CLIENTS_MAX 64
#define CLIENT_MS 10000
#define HEAD_MAX 256

struct http_route {
    struct http_route *next; /* newer ones first */
    struct site *site;
    const char *path;
    void (*answer)(void *arg, struct http_answer *answer);
    void *arg;
};

/* One address. */
struct site {
    uv_tcp_t listener;
    struct site *next;
    struct http_route *routes;
    unsigned clients;
    unsigned users; /* the listener and its clients: the last frees it */
    bool closing;
    char address[300];
};

struct visitor {
    uv_tcp_t tcp;
    uv_timer_t timer;
    uv_write_t write;
    struct site *site;
    unsigned handles;
    size_t len;
    char *body;
    char head[HEAD_MAX];
    char request[REQUEST_MAX];
};

static struct site *sites;

/* ---- addresses ---- */

/* "host:port", ":port", "[v6]:port". */
static bool split(const char *address, char *host, size_t room, const char **port)
{
    const char *colon = strrchr(address, ':');
    if (colon == NULL || colon[1] == '\0')
        return false;
    const char *from = address, *to = colon;
    if (*from == '[' && to > from && to[-1] == ']') {
        from++;
        to--;
    } else if (memchr(from, ':', (size_t)(to - from)) != NULL) {
        return false;
    }
    if ((size_t)(to - from) >= room)
        return false;
    memcpy(host, from, (size_t)(to - from));
    host[to - from] = '\0';
    *port = colon + 1;
    return true;
}

static struct addrinfo *resolve(const char *address)
{
    char host[256];
    const char *port;
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *list = NULL;
    if (!split(address, host, sizeof host, &port))
        return NULL;
    if (host[0] == '\0') { /* all addresses: one IPv6 socket takes both */
        hints.ai_family = AF_INET6;
        if (getaddrinfo(NULL, port, &hints, &list) == 0)
            return list;
        hints.ai_family = AF_INET;
    } else if (strcasecmp(host, "localhost") == 0) {
        hints.ai_family = AF_INET; /* as Go does: the first */
    }
    return getaddrinfo(host[0] != '\0' ? host : NULL, port, &hints, &list) == 0 ? list : NULL;
}

bool http_address_valid(const char *address)
{
    struct addrinfo *list = resolve(address);
    if (list == NULL)
        return false;
    freeaddrinfo(list);
    return true;
}

/* ---- visitors ---- */

static void site_leave(struct site *site)
{
    if (--site->users == 0)
        free(site);
}

static void visitor_closed(uv_handle_t *handle)
{
    struct visitor *visitor = handle->data;
    if (--visitor->handles != 0)
        return;
    visitor->site->clients--;
    site_leave(visitor->site);
    free(visitor->body);
    free(visitor);
}

static void visitor_close(struct visitor *visitor)
{
    if (uv_is_closing((uv_handle_t *)&visitor->tcp))
        return;
    uv_close((uv_handle_t *)&visitor->tcp, visitor_closed);
    uv_close((uv_handle_t *)&visitor->timer, visitor_closed);
}

static void too_late(uv_timer_t *timer)
{
    visitor_close(timer->data);
}

static void written(uv_write_t *write, int status)
{
    (void)status;
    visitor_close(write->data);
}

static const char *status_text(unsigned status)
{
    static const struct {
        unsigned status;
        const char *text;
    } texts[] = {{200, "OK"}, {400, "Bad Request"}, {404, "Not Found"}, {405, "Method Not Allowed"},
        {431, "Request Header Fields Too Large"}, {500, "Internal Server Error"},
        {503, "Service Unavailable"}};
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++)
        if (texts[i].status == status)
            return texts[i].text;
    return "Unknown";
}

static void respond(struct visitor *visitor, struct http_answer *answer, bool head)
{
    const char *words = status_text(answer->status);
    visitor->body = answer->body;
    const char *body = answer->body != NULL ? answer->body : words;
    size_t len = answer->body != NULL ? answer->len : strlen(words);
    int head_len = snprintf(visitor->head, sizeof visitor->head,
        "HTTP/1.1 %u %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n",
        answer->status, words, answer->type != NULL ? answer->type : "text/plain; charset=utf-8", len);
    uv_buf_t buffers[2] = {
        {.base = visitor->head, .len = (size_t)head_len}, {.base = (char *)body, .len = len}};
    visitor->write.data = visitor;
    uv_read_stop((uv_stream_t *)&visitor->tcp);
    if (uv_write(&visitor->write, (uv_stream_t *)&visitor->tcp, buffers, head ? 1 : 2, written) != 0)
        visitor_close(visitor);
}

static void answer_path(struct visitor *visitor, const char *path, size_t len, struct http_answer *answer)
{
    for (struct http_route *route = visitor->site->routes; route != NULL; route = route->next)
        if (strlen(route->path) == len && memcmp(route->path, path, len) == 0) {
            answer->status = 200;
            route->answer(route->arg, answer);
            return;
        }
    answer->status = 404;
}

/* The whole head of a request has come: METHOD PATH HTTP/1.x, and fields that do not matter here. */
static void serve(struct visitor *visitor)
{
    struct http_answer answer = {.status = 400};
    const char *line = visitor->request, *end = memchr(line, '\r', visitor->len);
    const char *path = memchr(line, ' ', (size_t)(end - line));
    const char *version = path != NULL ? memchr(path + 1, ' ', (size_t)(end - path - 1)) : NULL;
    bool head = visitor->len > 5 && memcmp(line, "HEAD ", 5) == 0;
    if (version != NULL && end - version >= 9 && memcmp(version + 1, "HTTP/1.", 7) == 0) {
        path++;
        const char *query = memchr(path, '?', (size_t)(version - path));
        if (head || memcmp(line, "GET ", 4) == 0)
            answer_path(visitor, path, (size_t)((query != NULL ? query : version) - path), &answer);
        else
            answer.status = 405;
    }
    respond(visitor, &answer, head);
}

static void room_for_read(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    struct visitor *visitor = handle->data;
    (void)suggested;
    *buffer = uv_buf_init(visitor->request + visitor->len, (unsigned)(REQUEST_MAX - visitor->len));
}

static void have_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
    struct visitor *visitor = stream->data;
    (void)buffer;
    if (count == 0)
        return;
    if (count < 0) {
        visitor_close(visitor);
        return;
    }
    visitor->len += (size_t)count;
    if (memmem(visitor->request, visitor->len, "\r\n\r\n", 4) != NULL)
        serve(visitor);
    else if (visitor->len == REQUEST_MAX)
        respond(visitor, &(struct http_answer){.status = 431}, false);
}

static struct visitor *visitor_new(struct site *site)
{
    struct visitor *visitor = malloc(sizeof *visitor);
    if (visitor == NULL)
        return NULL;
    visitor->site = site;
    visitor->handles = 2;
    visitor->len = 0;
    visitor->body = NULL;
    visitor->tcp.data = visitor->timer.data = visitor;
    uv_timer_init(site->listener.loop, &visitor->timer);
    uv_tcp_init(site->listener.loop, &visitor->tcp);
    site->clients++;
    site->users++;
    return visitor;
}

static void connected(uv_stream_t *listener, int status)
{
    struct site *site = listener->data;
    struct visitor *visitor = status == 0 ? visitor_new(site) : NULL;
    if (visitor == NULL)
        return;
    if (uv_accept(listener, (uv_stream_t *)&visitor->tcp) != 0 || site->clients > CLIENTS_MAX ||
        uv_timer_start(&visitor->timer, too_late, CLIENT_MS, 0) != 0 ||
        uv_read_start((uv_stream_t *)&visitor->tcp, room_for_read, have_read) != 0)
        visitor_close(visitor);
}

/* ---- sites ---- */

static void site_closed(uv_handle_t *handle)
{
    site_leave(handle->data);
}

static void site_close(struct site *site)
{
    struct site **link = &sites;
    while (*link != site)
        link = &(*link)->next;
    *link = site->next;
    uv_close((uv_handle_t *)&site->listener, site_closed);
}

static enum err site_listen(struct site *site, const struct addrinfo *list)
{
    int result = uv_tcp_bind(&site->listener, list->ai_addr, 0);
    if (result == 0)
        result = uv_listen((uv_stream_t *)&site->listener, 16, connected);
    errno = -result;
    return result == 0 ? ERR_OK : ERR_IO;
}

static enum err site_new(const char *address, struct site **out)
{
    struct addrinfo *list = resolve(address);
    if (list == NULL)
        return ERR_RANGE;
    struct site *site = calloc(1, sizeof *site);
    enum err err = ERR_MEMORY;
    if (site != NULL) {
        snprintf(site->address, sizeof site->address, "%s", address);
        site->users = 1;
        site->listener.data = site;
        uv_tcp_init(host_loop(), &site->listener);
        site->next = sites;
        sites = site;
        err = site_listen(site, list);
        int saved = errno;
        if (err != ERR_OK)
            site_close(site);
        errno = saved;
    }
    freeaddrinfo(list);
    *out = site;
    return err;
}

enum err http_open(const char *address, const char *path,
    void (*answer)(void *arg, struct http_answer *answer), void *arg, struct http_route **out)
{
    struct site *site = sites;
    struct http_route *route = calloc(1, sizeof *route);
    if (route == NULL)
        return ERR_MEMORY;
    while (site != NULL && strcmp(site->address, address) != 0)
        site = site->next;
    enum err err = site == NULL ? site_new(address, &site) : ERR_OK;
    if (err != ERR_OK) {
        free(route);
        return err;
    }
    *route =
        (struct http_route){.next = site->routes, .site = site, .path = path, .answer = answer, .arg = arg};
    site->routes = route;
    *out = route;
    return ERR_OK;
}

void http_close(struct http_route *route)
{
    if (route == NULL)
        return;
    struct http_route **link = &route->site->routes;
    while (*link != route)
        link = &(*link)->next;
    *link = route->next;
    if (route->site->routes == NULL)
        site_close(route->site);
    free(route);
}
