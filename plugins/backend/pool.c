/* Connections of HTTP/1.1, of each worker to each server: idle ones are used again, the last one first; when
 * there are CONNECTIONS_MAX, questions wait for one. A question on a connection that had been used before and
 * breaks is asked once more on another: the server may have closed it at that very moment (RFC 9112 9.3.1).
 */
#include "plugins/backend/pool.h"

#include <stdlib.h>
#include <string.h>

#include "plugins/backend/http1.h"
#include "plugins/backend/jsonreply.h"
#include "zone/base/version.h"
#include "zone/wire/type.h"

#define CONNECTIONS_MAX 64
#define LOOK_MS 1000
#define REQUEST_MAX 8192

struct connection {
    struct connection *next; /* idle ones of the lane */
    struct target *target;
    struct lane *lane;
    struct flow *flow;
    struct call *call; /* NULL: idle */
    struct alarm alarm;
    unsigned worker;
    uint64_t used_ms;
    bool used;    /* has brought an answer */
    bool flowing; /* the body goes on until the connection ends */
};

static bool send_request(struct call *call, struct connection *link);

/* ---- the lane ---- */

static void leave_idle(struct connection *link)
{
    struct connection **at = &link->lane->links;
    while (*at != NULL && *at != link)
        at = &(*at)->next;
    if (*at != NULL)
        *at = link->next;
}

static void wait_in_line(struct call *call, struct lane *lane)
{
    if (lane->waiting == NULL)
        lane->waiting_last = &lane->waiting;
    call->next = NULL;
    *lane->waiting_last = call;
    lane->waiting_last = &call->next;
}

static void leave_line(struct call *call, struct lane *lane)
{
    struct call **at = &lane->waiting;
    while (*at != NULL && *at != call)
        at = &(*at)->next;
    if (*at == NULL)
        return;
    *at = call->next;
    if (call->next == NULL)
        lane->waiting_last = at;
}

static struct call *next_in_line(struct lane *lane)
{
    struct call *call = lane->waiting;
    if (call != NULL)
        lane->waiting = call->next;
    return call;
}

/* ---- the end of a connection ---- */

static struct connection *open_link(struct target *target, unsigned worker);

/* Its flow is gone. Who waits in line gets a connection of his own. */
static void free_link(struct connection *link)
{
    struct target *target = link->target;
    struct lane *lane = link->lane;
    unsigned worker = link->worker;
    alarm_clear(&link->alarm);
    leave_idle(link);
    free(link);
    lane->links_count--;
    struct call *waiting = next_in_line(lane);
    if (waiting != NULL) {
        struct connection *other = open_link(target, worker);
        call_why(waiting, "no connection can be opened");
        if (other == NULL || !send_request(waiting, other))
            call_failed(waiting, true);
    }
    backend_drop(target);
}

static void close_link(struct connection *link)
{
    flow_close(link->flow);
    free_link(link);
}

static void take_body(struct call *call, struct http1 *response);

static void on_closed(void *context, const char *why)
{
    struct connection *link = context;
    struct call *call = link->call;
    bool used = link->used, flowing = link->flowing;
    link->call = NULL;
    free_link(link);
    if (call == NULL)
        return;
    call->link = NULL;
    call_why(call, "%s", why);
    if (flowing)
        take_body(call, &(struct http1){.status = call->http_status});
    else if (used)
        call_broken(call);
    else
        call_failed(call, true);
}

static void on_look(struct alarm *alarm, bool ending)
{
    struct connection *link =
        (struct connection *)(void *)((char *)alarm - offsetof(struct connection, alarm));
    if (ending)
        return; /* the flow is closed, and tells so */
    bool idle = worker_now_ms(link->worker) - link->used_ms >= (uint64_t)link->target->expire_ms;
    if (link->call == NULL && (idle || atomic_load(&link->target->over)))
        close_link(link);
    else
        alarm_set(&link->alarm, link->worker, LOOK_MS);
}

/* ---- answers ---- */

static void take_json(struct call *call)
{
    struct query *query = call->query;
    struct reply *reply = &query->reply;
    const char *why = NULL;
    reply_clear(reply);
    if (jsonreply_read((const char *)call->body, call->body_len, query->question, reply, query->scratch,
            &why) == ERR_OK) {
        reply->authentic = reply->authentic && (query->dnssec || (query->message.flags & MESSAGE_AD) != 0);
        call_answered(call);
        return;
    }
    reply_clear(reply);
    call_why(call, "odd JSON: %s", why);
    for (char *c = call->why; *c != '\0'; c++) { /* it may quote the backend */
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
    }
    call_failed(call, false);
}

/* The body is in call->body. */
static void take_body(struct call *call, struct http1 *response)
{
    if (response->status != 200) {
        call_why(call, "HTTP status %u", response->status);
        call_failed(call, false);
        return;
    }
    if (response->chunked)
        call->body_len = http1_unchunk(response, call->body, call->body);
    if (call->body_len == 0) {
        call_why(call, "an empty answer");
        call_failed(call, false);
        return;
    }
    take_json(call);
}

/* A call has its answer: the next one in line goes on with the connection, or it is idle. */
static void release(struct connection *link, bool keep)
{
    link->call = NULL;
    link->used = true;
    link->used_ms = worker_now_ms(link->worker);
    if (!keep || atomic_load(&link->target->over)) {
        close_link(link);
        return;
    }
    struct call *waiting = next_in_line(link->lane);
    if (waiting != NULL) {
        if (!send_request(waiting, link)) {
            close_link(link);
            call_failed(waiting, true);
        }
        return;
    }
    link->next = link->lane->links;
    link->lane->links = link;
}

static void end_broken(struct connection *link, const char *why)
{
    struct call *call = link->call;
    link->call = NULL;
    close_link(link);
    call->link = NULL;
    call_why(call, "%s", why);
    call_failed(call, false);
}

/* A body without a length is collected as it comes. */
static size_t collect(struct connection *link, const uint8_t *bytes, size_t len)
{
    if (!call_keep(link->call, bytes, len))
        end_broken(link, "an answer that is too long");
    return len;
}

/* Octets behind the answer belong to nothing that was asked: the connection is not to be trusted. */
static void take_whole(struct connection *link, struct http1 *response, const uint8_t *bytes, size_t len)
{
    struct call *call = link->call;
    if (!call_keep(call, bytes + response->head_len, response->body_len)) {
        end_broken(link, "an answer that is too long");
        return;
    }
    call->link = NULL;
    release(link, response->keep && len == response->head_len + response->body_len);
    take_body(call, response);
}

static size_t on_received(void *context, const uint8_t *bytes, size_t len)
{
    struct connection *link = context;
    struct http1 response;
    if (link->call == NULL) { /* nothing was asked: perhaps a timeout of its, in words */
        close_link(link);
        return len;
    }
    if (link->flowing)
        return collect(link, bytes, len);
    size_t passed = 0;
    enum http1_state state = http1_read(&response, bytes, len);
    while (state == HTTP1_WHOLE && response.status < 200) { /* it will go on (RFC 9110 15.2) */
        passed += response.head_len;
        state = http1_read(&response, bytes + passed, len - passed);
    }
    bytes += passed;
    if (state == HTTP1_WHOLE) {
        take_whole(link, &response, bytes, len - passed);
        return len;
    }
    if (state == HTTP1_BROKEN || len > BODY_MAX) {
        end_broken(link, state == HTTP1_BROKEN ? response.why : "an answer that is too long");
        return len;
    }
    if (response.head_len == 0 || !response.until_close)
        return passed;
    link->flowing = true;
    link->call->http_status = response.status;
    collect(link, bytes + response.head_len, len - passed - response.head_len);
    return len;
}

/* ---- asking ---- */

static struct connection *open_link(struct target *target, unsigned worker)
{
    static const struct flow_events events = {.received = on_received, .closed = on_closed};
    struct connection *link = calloc(1, sizeof *link);
    if (link == NULL)
        return NULL;
    link->flow = flow_open(worker, &target->flow, &events, link);
    if (link->flow == NULL) {
        free(link);
        return NULL;
    }
    link->target = backend_hold(target);
    link->worker = worker;
    link->lane = &target->lanes[worker];
    link->lane->links_count++;
    link->alarm.ring = on_look;
    alarm_set(&link->alarm, worker, LOOK_MS);
    return link;
}

static char *put_text(char *at, const char *end, const char *text)
{
    size_t len = strlen(text), room = (size_t)(end - at);
    len = len < room ? len : room;
    memcpy(at, text, len);
    return at + len;
}

/* RFC 3986 2.3: what is not unreserved is written as %XX. */
static char *put_name(char *at, const char *end, const uint8_t *name)
{
    static const char hex[] = "0123456789ABCDEF";
    char text[NAME_TEXT_MAX];
    size_t len = name_print(name, text);
    for (size_t i = 0; i < len && end - at > 3; i++) {
        unsigned char c = (unsigned char)text[i];
        bool plain = (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '-' || c == '.' ||
                     c == '_' || c == '~';
        if (plain) {
            *at++ = (char)c;
        } else {
            *at++ = '%';
            *at++ = hex[c >> 4];
            *at++ = hex[c & 15];
        }
    }
    return at;
}

/* The type by its mnemonic, where it has one, else by its number. */
static char *put_type(char *at, const char *end, uint16_t type)
{
    char text[32];
    text[type_print(type, text)] = '\0';
    return put_text(at, end, strncmp(text, "TYPE", 4) == 0 ? text + 4 : text);
}

static size_t write_request(const struct call *call, char *out)
{
    const struct backend *backend = call->backend;
    const struct query *query = call->query;
    const char *end = out + REQUEST_MAX;
    char *at = put_text(out, end, "GET ");
    at = put_text(at, end, backend->paths[call->number]);
    at = put_text(at, end, "name=");
    at = put_name(at, end, query->question->name);
    at = put_text(at, end, "&type=");
    at = put_type(at, end, query->question->type);
    if (query->dnssec)
        at = put_text(at, end, "&do=1");
    if ((query->message.flags & MESSAGE_CD) != 0)
        at = put_text(at, end, "&cd=1");
    at = put_text(at, end, " HTTP/1.1\r\nHost: ");
    at = put_text(at, end, backend->authority[call->number]);
    at = put_text(at, end,
        "\r\nAccept: application/dns-json, application/json\r\nUser-Agent: bailiwick/" BAILIWICK_VERSION
        "\r\n");
    at = put_text(at, end, backend->headers);
    at = put_text(at, end, "\r\n");
    return (size_t)(at - out);
}

static bool send_request(struct call *call, struct connection *link)
{
    char request[REQUEST_MAX];
    size_t len = write_request(call, request);
    link->call = call;
    link->flowing = false;
    call->link = link;
    if (flow_send(link->flow, request, len) == ERR_OK)
        return true;
    link->call = NULL;
    call->link = NULL;
    call_why(call, "the server reads nothing any more");
    return false;
}

static bool ask(struct call *call)
{
    struct lane *lane = call_lane(call);
    struct connection *link = lane->links;
    if (link != NULL) {
        lane->links = link->next;
    } else if (lane->links_count >= CONNECTIONS_MAX) {
        wait_in_line(call, lane);
        return true;
    } else if ((link = open_link(call->target, call->query->worker)) == NULL) {
        call_why(call, "no connection can be opened");
        return false;
    }
    if (send_request(call, link))
        return true;
    close_link(link);
    return false;
}

/* HTTP/1.1 cannot take a request back: the connection is given up. */
static void cancel(struct call *call)
{
    struct connection *link = call->link;
    if (link == NULL) {
        leave_line(call, call_lane(call));
        return;
    }
    call->link = NULL;
    link->call = NULL;
    close_link(link);
}

const struct carrier pool_carrier = {.ask = ask, .cancel = cancel};
