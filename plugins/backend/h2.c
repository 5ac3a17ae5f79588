/* HTTP/2 connections for gRPC. One that ends while it is idle, or tells that it will (GOAWAY), is opened anew
 * with the next question; questions on one that breaks are asked again once on a new one. A connection on
 * which nothing at all has come since a question that timed out is taken for dead. */
#include "plugins/backend/h2.h"

#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/backend/frame.h"
#include "plugins/backend/packet.h"
#include "zone/base/version.h"

#define LOOK_MS 1000     /* how often a connection is looked at */
#define WINDOW (1 << 20) /* octets that a server may send ahead on a connection */
#define NAME_IS(text_) (namelen == sizeof(text_) - 1 && memcmp(name, text_, namelen) == 0)

struct connection {
    struct connection *next; /* of the lane */
    struct target *target;
    struct lane *lane;
    struct flow *flow;
    nghttp2_session *session;
    struct call *calls;
    struct alarm alarm;
    unsigned worker;
    uint64_t heard_ms, used_ms;
    bool draining;      /* takes no more questions: not in the lane any more */
    bool proved;        /* has brought an answer */
    bool busy;          /* nghttp2 is at work, and must not be called again */
    const char *failed; /* it is to be closed, for this */
};

static void pump(struct connection *link);

/* ---- calls of a link ---- */

static void join(struct connection *link, struct call *call)
{
    call->link = link;
    call->link_next = link->calls;
    call->link_at = &link->calls;
    if (link->calls != NULL)
        link->calls->link_at = &call->link_next;
    link->calls = call;
}

static void part(struct call *call)
{
    if (call->link_at == NULL)
        return;
    *call->link_at = call->link_next;
    if (call->link_next != NULL)
        call->link_next->link_at = call->link_at;
    call->link_at = NULL;
    call->link = NULL;
}

/* ---- the end of a link ---- */

static void leave_lane(struct connection *link)
{
    struct connection **at = &link->lane->links;
    if (link->draining)
        return;
    while (*at != NULL && *at != link)
        at = &(*at)->next;
    if (*at != NULL)
        *at = link->next;
    link->draining = true;
}

/* Its flow is gone. Calls are asked elsewhere: not of this one, which has left its lane. */
static void end_link(struct connection *link, const char *why)
{
    leave_lane(link);
    alarm_clear(&link->alarm);
    nghttp2_session_del(link->session);
    while (link->calls != NULL) {
        struct call *call = link->calls;
        part(call);
        call_why(call, "%s", why);
        if (link->proved)
            call_broken(call);
        else
            call_failed(call, true);
    }
    backend_drop(link->target);
    free(link);
}

static void close_link(struct connection *link, const char *why)
{
    flow_close(link->flow);
    end_link(link, why);
}

static void on_closed(void *context, const char *why)
{
    end_link(context, why);
}

static void on_look(struct alarm *alarm, bool ending)
{
    struct connection *link =
        (struct connection *)(void *)((char *)alarm - offsetof(struct connection, alarm));
    if (ending)
        return; /* the flow is closed, and tells so */
    bool idle = worker_now_ms(link->worker) - link->used_ms >= (uint64_t)link->target->expire_ms;
    if (link->failed != NULL)
        close_link(link, link->failed);
    else if (link->calls == NULL && (atomic_load(&link->target->over) || idle || link->draining))
        close_link(link, "");
    else
        alarm_set(&link->alarm, link->worker, LOOK_MS);
}

/* ---- answers ---- */

/* https://grpc.github.io/grpc/core/md_doc_statuscodes.html */
static const char *status_name(int status)
{
    static const char *const names[] = {"OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED",
        "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
        "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS",
        "UNAUTHENTICATED"};
    return status >= 0 && (unsigned)status < ARRAY_COUNT(names) ? names[status] : "unknown";
}

#define STATUS_NOT_FOUND 5

static void take_message(struct call *call)
{
    const uint8_t *message;
    size_t len;
    const char *why = "an empty answer";
    enum err err =
        call->body != NULL ? frame_read(call->body, call->body_len, &message, &len, &why) : ERR_WIRE;
    if (err == ERR_OK)
        err = packet_take(call->query, message, len, &why);
    if (err == ERR_OK) {
        call_answered(call);
        return;
    }
    call_why(call, "%s", why);
    call_failed(call, false);
}

/* As in CoreDNS, a backend that says NOT_FOUND has no such name. */
static void take_status(struct call *call)
{
    if (call->grpc_status == STATUS_NOT_FOUND) {
        reply_clear(&call->query->reply);
        call->query->reply.rcode = RCODE_NXDOMAIN;
        call_answered(call);
        return;
    }
    call_why(call, "gRPC status %d %s%s%s", call->grpc_status, status_name(call->grpc_status),
        call->grpc_message[0] != '\0' ? ": " : "", call->grpc_message);
    call_failed(call, false);
}

static void end_stream(struct connection *link, struct call *call, uint32_t error)
{
    part(call);
    if (error == NGHTTP2_REFUSED_STREAM) { /* it was not looked at (RFC 9113 8.7) */
        call_why(call, "the stream was refused");
        call_broken(call);
    } else if (call->http_status != 0 && call->http_status != 200) {
        call_why(call, "HTTP status %u", call->http_status);
        call_failed(call, false);
    } else if (call->grpc_status > 0) {
        take_status(call);
    } else if (error != NGHTTP2_NO_ERROR || call->grpc_status < 0) {
        call_why(call, "no gRPC status: %s", nghttp2_http2_strerror(error));
        call_failed(call, false);
    } else {
        link->proved = true;
        take_message(call);
    }
}

/* ---- nghttp2's events ---- */

static struct call *call_of(nghttp2_session *session, int32_t stream)
{
    return nghttp2_session_get_stream_user_data(session, stream);
}

static ssize_t on_want(nghttp2_session *session, int32_t stream, uint8_t *out, size_t size, uint32_t *flags,
    nghttp2_data_source *source, void *context)
{
    struct call *call = call_of(session, stream);
    (void)source;
    (void)context;
    if (call == NULL)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    size_t left = (size_t)(call->packet_len - call->sent), len = left < size ? left : size;
    memcpy(out, call->packet + call->sent, len);
    call->sent = (uint16_t)(call->sent + len);
    if (len == left)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)len;
}

static int number_of(const uint8_t *value, size_t len)
{
    int number = 0;
    for (size_t i = 0; i < len && i < 4; i++) {
        if (value[i] < '0' || value[i] > '9')
            return -1;
        number = number * 10 + (value[i] - '0');
    }
    return len > 0 ? number : -1;
}

/* For a log line: what is not printable is not printed. */
static void keep_text(char *out, size_t room, const uint8_t *value, size_t len)
{
    size_t used = 0;
    for (size_t i = 0; i < len && used + 1 < room; i++)
        out[used++] = value[i] >= 0x20 && value[i] < 0x7f ? (char)value[i] : '?';
    out[used] = '\0';
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
    size_t namelen, const uint8_t *value, size_t valuelen, uint8_t flags, void *context)
{
    struct call *call = call_of(session, frame->hd.stream_id);
    (void)flags;
    (void)context;
    if (call == NULL)
        return 0;
    if (NAME_IS(":status"))
        call->http_status = (unsigned)number_of(value, valuelen);
    else if (NAME_IS("grpc-status"))
        call->grpc_status = number_of(value, valuelen);
    else if (NAME_IS("grpc-message"))
        keep_text(call->grpc_message, sizeof call->grpc_message, value, valuelen);
    return 0;
}

static int on_data(
    nghttp2_session *session, uint8_t flags, int32_t stream, const uint8_t *bytes, size_t len, void *context)
{
    struct call *call = call_of(session, stream);
    (void)flags;
    (void)context;
    if (call == NULL || call_keep(call, bytes, len))
        return 0;
    nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, stream, NGHTTP2_CANCEL);
    return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t stream, uint32_t error, void *context)
{
    struct call *call = call_of(session, stream);
    if (call != NULL)
        end_stream(context, call, error);
    return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *context)
{
    (void)session;
    if (frame->hd.type == NGHTTP2_GOAWAY)
        leave_lane(context);
    return 0;
}

/* ---- octets ---- */

/* Hands on what nghttp2 has to send. A link that has failed, or takes no more questions and has none, is
 * closed a moment later: who called may still be busy with its calls. */
static void pump(struct connection *link)
{
    const uint8_t *bytes;
    ssize_t len;
    if (link->busy || link->failed != NULL)
        return;
    link->busy = true;
    while ((len = nghttp2_session_mem_send(link->session, &bytes)) > 0) {
        if (flow_send(link->flow, bytes, (size_t)len) != ERR_OK) {
            len = NGHTTP2_ERR_NOMEM;
            break;
        }
    }
    link->busy = false;
    if (len < 0)
        link->failed = "the server reads nothing any more";
    else if (!nghttp2_session_want_read(link->session) && !nghttp2_session_want_write(link->session))
        link->failed = "the connection is over";
    if (link->failed != NULL)
        leave_lane(link);
    if (link->failed != NULL || (link->draining && link->calls == NULL))
        alarm_set(&link->alarm, link->worker, 1);
}

static size_t on_received(void *context, const uint8_t *bytes, size_t len)
{
    struct connection *link = context;
    link->heard_ms = worker_now_ms(link->worker);
    link->busy = true;
    ssize_t used = nghttp2_session_mem_recv(link->session, bytes, len);
    link->busy = false;
    if (used < 0)
        close_link(link, nghttp2_strerror((int)used));
    else
        pump(link);
    return len;
}

static void on_opened(void *context)
{
    struct connection *link = context;
    const char *alpn = flow_alpn(link->flow);
    link->heard_ms = worker_now_ms(link->worker);
    if (alpn != NULL && strcmp(alpn, "h2") != 0)
        close_link(link, "the server speaks no HTTP/2");
}

/* ---- opening ---- */

static bool new_session(struct connection *link)
{
    static const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0}, {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, BODY_MAX}};
    nghttp2_session_callbacks *callbacks;
    if (nghttp2_session_callbacks_new(&callbacks) != 0)
        return false;
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    int result = nghttp2_session_client_new(&link->session, callbacks, link);
    nghttp2_session_callbacks_del(callbacks);
    if (result != 0)
        return false;
    if (nghttp2_submit_settings(link->session, NGHTTP2_FLAG_NONE, settings, ARRAY_COUNT(settings)) == 0 &&
        nghttp2_session_set_local_window_size(link->session, NGHTTP2_FLAG_NONE, 0, WINDOW) == 0)
        return true;
    nghttp2_session_del(link->session);
    return false;
}

static struct connection *open_link(struct target *target, unsigned worker)
{
    static const struct flow_events events = {
        .opened = on_opened, .received = on_received, .closed = on_closed};
    struct connection *link = calloc(1, sizeof *link);
    if (link == NULL)
        return NULL;
    if (!new_session(link)) {
        free(link);
        return NULL;
    }
    link->flow = flow_open(worker, &target->flow, &events, link);
    if (link->flow == NULL) {
        nghttp2_session_del(link->session);
        free(link);
        return NULL;
    }
    link->target = backend_hold(target);
    link->worker = worker;
    link->lane = &target->lanes[worker];
    link->next = link->lane->links;
    link->lane->links = link;
    link->alarm.ring = on_look;
    alarm_set(&link->alarm, worker, LOOK_MS);
    return link;
}

/* ---- asking ---- */

#define HEADER(name_, value_, flags_)                                                                        \
    {                                                                                                        \
        (uint8_t *)(uintptr_t)(name_), (uint8_t *)(uintptr_t)(value_), sizeof(name_) - 1, strlen(value_),    \
            (flags_)                                                                                         \
    }

static int32_t submit(struct connection *link, struct call *call)
{
    const struct backend *backend = call->backend;
    char timeout[16];
    snprintf(timeout, sizeof timeout, "%llum", (unsigned long long)(call->deadline_ms - call->asked_ms));
    const nghttp2_nv headers[] = {
        HEADER(":method", "POST", NGHTTP2_NV_FLAG_NONE),
        HEADER(":scheme", link->target->flow.tls != NULL ? "https" : "http", NGHTTP2_NV_FLAG_NONE),
        HEADER(":path", "/coredns.dns.DnsService/Query", NGHTTP2_NV_FLAG_NONE),
        HEADER(":authority", backend->authority[call->number], NGHTTP2_NV_FLAG_NONE),
        HEADER("te", "trailers", NGHTTP2_NV_FLAG_NONE),
        HEADER("grpc-timeout", timeout, NGHTTP2_NV_FLAG_NO_INDEX),
        HEADER("content-type", "application/grpc", NGHTTP2_NV_FLAG_NONE),
        HEADER("user-agent", "bailiwick/" BAILIWICK_VERSION, NGHTTP2_NV_FLAG_NONE),
    };
    const nghttp2_data_provider body = {.read_callback = on_want};
    return (int32_t)nghttp2_submit_request(link->session, NULL, headers, ARRAY_COUNT(headers), &body, call);
}

static bool ask(struct call *call)
{
    unsigned worker = call->query->worker;
    struct connection *link = call_lane(call)->links;
    if (link != NULL && !nghttp2_session_check_request_allowed(link->session)) {
        leave_lane(link);
        link = NULL;
    }
    if (link == NULL && (link = open_link(call->target, worker)) == NULL) {
        call_why(call, "no connection can be opened");
        return false;
    }
    call->packet_len = packet_write(call);
    call->stream = submit(link, call);
    if (call->stream < 0) {
        call_why(call, "%s", nghttp2_strerror(call->stream));
        return false;
    }
    link->used_ms = worker_now_ms(worker);
    join(link, call);
    pump(link);
    return true;
}

static void cancel(struct call *call)
{
    struct connection *link = call->link;
    if (link == NULL)
        return;
    nghttp2_session_set_stream_user_data(link->session, call->stream, NULL);
    nghttp2_submit_rst_stream(link->session, NGHTTP2_FLAG_NONE, call->stream, NGHTTP2_CANCEL);
    bool dead = link->heard_ms < call->asked_ms;
    part(call);
    if (dead)
        leave_lane(link);
    pump(link);
}

const struct carrier h2_carrier = {.ask = ask, .cancel = cancel};
