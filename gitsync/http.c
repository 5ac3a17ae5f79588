#include "gitsync/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gitsync/show.h"
#include "gitsync/webhook.h"
#include "zone/net/peer.h"

#define BODY_MAX ((size_t)1 << 20)
#define CONNECTIONS_MAX 32
#define TIMEOUT_S 10

struct http {
    struct MHD_Daemon *daemon;
    struct watch *watch;
    int wake;
    struct webhook_memory memory;
    char *secret;
    size_t secret_len;
    const char *branches[SETTINGS_REPOSITORIES_MAX + 1];
};

/* A request's body while it comes. */
struct incoming {
    char *bytes;
    size_t len;
    bool too_long;
};

static enum MHD_Result answer(
    struct MHD_Connection *connection, unsigned status, const char *type, char *text, size_t len)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(len, text, MHD_RESPMEM_MUST_FREE);
    if (response == NULL) {
        free(text);
        return MHD_NO;
    }
    MHD_add_response_header(response, "Content-Type", type);
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result answer_text(struct MHD_Connection *connection, unsigned status, const char *text)
{
    char *copy = strdup(text);
    return copy != NULL ? answer(connection, status, "text/plain; charset=utf-8", copy, strlen(copy))
                        : MHD_NO;
}

/* ---- GET ---- */

typedef unsigned render(struct http *http, FILE *out);

static unsigned render_metrics(struct http *http, FILE *out)
{
    watch_metrics(http->watch, out);
    return MHD_HTTP_OK;
}

static unsigned render_health(struct http *http, FILE *out)
{
    return watch_health(http->watch, out) ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE;
}

static unsigned render_status(struct http *http, FILE *out)
{
    struct problem unused;
    fputs("[", out);
    for (unsigned i = 0; i < http->watch->count; i++) {
        fputs(i > 0 ? "," : "", out);
        if (show_status_json(out, http->watch->repositories[i].settings, &unused) == OUTCOME_LOCAL)
            return MHD_HTTP_INTERNAL_SERVER_ERROR;
    }
    fputs("]\n", out);
    return MHD_HTTP_OK;
}

static const struct page {
    const char *path, *type;
    render *render;
} pages[] = {
    {"/metrics", "text/plain; version=0.0.4; charset=utf-8", render_metrics},
    {"/healthz", "text/plain; charset=utf-8", render_health},
    {"/status", "application/json", render_status},
};

static enum MHD_Result get(struct http *http, struct MHD_Connection *connection, const char *path)
{
    for (unsigned i = 0; i < ARRAY_COUNT(pages); i++) {
        char *text = NULL;
        size_t len = 0;
        if (strcmp(pages[i].path, path) != 0)
            continue;
        FILE *out = open_memstream(&text, &len);
        if (out == NULL)
            return MHD_NO;
        unsigned status = pages[i].render(http, out);
        if (fclose(out) == 0)
            return answer(connection, status, pages[i].type, text, len);
        free(text);
        return MHD_NO;
    }
    return answer_text(connection, MHD_HTTP_NOT_FOUND, "/metrics /healthz /status, and POST /webhook\n");
}

/* ---- POST ---- */

static const char *header(struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

static enum MHD_Result post(
    struct http *http, struct MHD_Connection *connection, const char *path, const struct incoming *incoming)
{
    uint64_t one = 1;
    if (strcmp(path, "/webhook") != 0)
        return answer_text(connection, MHD_HTTP_NOT_FOUND, "POST /webhook\n");
    if (http->secret_len == 0)
        return answer_text(connection, MHD_HTTP_FORBIDDEN, "there is no --webhook-secret-file\n");
    if (incoming->too_long)
        return answer_text(connection, MHD_HTTP_CONTENT_TOO_LARGE, "too long\n");
    struct webhook webhook = {.signature = header(connection, "X-Hub-Signature-256"),
        .token = header(connection, "X-Gitlab-Token"),
        .body = incoming->bytes != NULL ? incoming->bytes : "",
        .len = incoming->len};
    if (webhook.signature == NULL)
        webhook.signature = header(connection, "X-Gitea-Signature");
    switch (webhook_judge(&webhook, http->secret, http->secret_len, http->branches)) {
    case WEBHOOK_LOOK:
        if (webhook_is_again(&http->memory, &webhook))
            return answer_text(connection, MHD_HTTP_OK, "seen before\n");
        if (write(http->wake, &one, sizeof one) != (ssize_t)sizeof one)
            return answer_text(connection, MHD_HTTP_INTERNAL_SERVER_ERROR, "cannot wake\n");
        return answer_text(connection, MHD_HTTP_ACCEPTED, "looking\n");
    case WEBHOOK_OTHER:
        return answer_text(connection, MHD_HTTP_OK, "another branch\n");
    default:
        return answer_text(connection, MHD_HTTP_FORBIDDEN, "not signed with the secret\n");
    }
}

static void collect(struct incoming *incoming, const char *bytes, size_t len)
{
    if (incoming->len + len > BODY_MAX || incoming->too_long) {
        incoming->too_long = true;
        return;
    }
    char *more = realloc(incoming->bytes, incoming->len + len + 1);
    if (more == NULL) {
        incoming->too_long = true;
        return;
    }
    memcpy(more + incoming->len, bytes, len);
    incoming->bytes = more;
    incoming->len += len;
    more[incoming->len] = '\0';
}

static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *path,
    const char *method, const char *version, const char *upload, size_t *upload_len, void **request)
{
    struct http *http = context;
    struct incoming *incoming = *request;
    (void)version;
    if (incoming == NULL) {
        *request = calloc(1, sizeof *incoming);
        return *request != NULL ? MHD_YES : MHD_NO;
    }
    if (*upload_len > 0) {
        collect(incoming, upload, *upload_len);
        *upload_len = 0;
        return MHD_YES;
    }
    if (strcmp(method, "GET") == 0)
        return get(http, connection, path);
    if (strcmp(method, "POST") == 0)
        return post(http, connection, path, incoming);
    return answer_text(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "GET or POST\n");
}

static void forget(
    void *context, struct MHD_Connection *connection, void **request, enum MHD_RequestTerminationCode code)
{
    struct incoming *incoming = *request;
    (void)context;
    (void)connection;
    (void)code;
    if (incoming != NULL)
        free(incoming->bytes);
    free(incoming);
    *request = NULL;
}

/* ---- starting ---- */

/* Pushes to other branches are no reason to look; one repository without a branch makes every push one. */
static void list_branches(struct http *http)
{
    for (unsigned i = 0; i < http->watch->count; i++)
        http->branches[i] = http->watch->repositories[i].settings->branch;
    for (unsigned i = 0; i < http->watch->count; i++)
        if (http->branches[i] == NULL)
            http->branches[0] = NULL;
}

enum outcome http_start(const char *listen, const char *secret, size_t secret_len, struct watch *watch,
    int wake, struct http **out, struct problem *problem)
{
    union peer_address address;
    if (strchr(listen, ':') == NULL || peer_address_parse(listen, strlen(listen), 0, &address) != ERR_OK)
        return problem_set(
            problem, OUTCOME_USAGE, NULL, "--listen %s: an address and a port are wanted", listen);
    struct http *http = calloc(1, sizeof *http);
    char *copy = http != NULL ? malloc(secret_len + 1) : NULL;
    if (copy == NULL) {
        free(http);
        return problem_set(problem, OUTCOME_LOCAL, NULL, "out of memory");
    }
    memcpy(copy, secret, secret_len);
    *http = (struct http){.watch = watch, .wake = wake, .secret = copy, .secret_len = secret_len};
    list_branches(http);
    unsigned flags = MHD_USE_EPOLL | (address.any.sa_family == AF_INET6 ? MHD_USE_IPv6 : 0);
    http->daemon = MHD_start_daemon(flags, 0, NULL, NULL, handle, http, MHD_OPTION_SOCK_ADDR, &address.any,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)TIMEOUT_S, MHD_OPTION_NOTIFY_COMPLETED, forget, NULL, MHD_OPTION_END);
    if (http->daemon == NULL) {
        http_stop(http);
        return problem_errno(problem, "cannot listen at", listen);
    }
    *out = http;
    return OUTCOME_FINE;
}

int http_fd(struct http *http)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    return info != NULL ? info->epoll_fd : -1;
}

int http_serve(struct http *http)
{
    MHD_UNSIGNED_LONG_LONG wait_ms;
    (void)MHD_run(http->daemon);
    if (MHD_get_timeout(http->daemon, &wait_ms) != MHD_YES)
        return -1;
    return wait_ms < 60000 ? (int)wait_ms : 60000;
}

void http_stop(struct http *http)
{
    if (http == NULL)
        return;
    if (http->daemon != NULL)
        MHD_stop_daemon(http->daemon);
    free(http->secret);
    free(http);
}
