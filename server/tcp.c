#include "server/tcp.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/tcp_clients.h"
#include "server/tcp_side.h"
#include "server/world.h"
#include "zone/net/tls.h"
#include "zone/wire/netset.h"

#define ACCEPT_ROUND 32

/* ---- the list by activity ---- */

static void unlink_connection(struct tcp_side *side, struct tcp_connection *c)
{
    *(c->older != NULL ? &c->older->newer : &side->oldest) = c->newer;
    *(c->newer != NULL ? &c->newer->older : &side->newest) = c->older;
}

static void append_connection(struct tcp_side *side, struct tcp_connection *c)
{
    c->newer = NULL;
    c->older = side->newest;
    *(side->newest != NULL ? &side->newest->newer : &side->oldest) = c;
    side->newest = c;
}

void tcp_touch(struct tcp_connection *c)
{
    struct tcp_side *side = c->worker->tcp;
    c->active_ms = uv_now(&c->worker->loop);
    if (side->newest == c)
        return;
    unlink_connection(side, c);
    append_connection(side, c);
}

/* ---- closing ---- */

void tcp_let_go(struct tcp_connection *c)
{
    if (c->handle_open || c->waiting > 0)
        return;
    listener_drop(c->listener);
    free(c->unread.bytes);
    free(c->unsent.bytes);
    free(c);
}

static void on_closed(uv_handle_t *handle)
{
    struct tcp_connection *c = handle->data;
    close(c->stream.fd);
    c->stream.fd = -1;
    c->handle_open = false;
    tcp_let_go(c);
}

void tcp_close(struct tcp_connection *c)
{
    struct tcp_side *side = c->worker->tcp;
    if (tcp_is_closing(c))
        return;
    unlink_connection(side, c);
    side->count--;
    if (c->counted)
        tcp_client_leave(&c->client);
    counter_add(&c->worker->counters.connections_now, (uint64_t)-1);
    tcp_stream_end(&c->stream);
    uv_poll_stop(&c->poll);
    uv_close((uv_handle_t *)&c->poll, on_closed);
    while (c->sending != NULL)
        tcp_end_sending(c, true);
    if (side->count == 0)
        uv_timer_stop(&side->timer);
}

static uint32_t or_standard(uint32_t limit)
{
    return limit != 0 ? limit : TCP_IDLE_MS;
}

/* The limits of `timeouts`: it depends on what the connection is in the midst of. */
static uint32_t limit_ms(const struct world *world, const struct tcp_connection *c)
{
    if (tcp_is_sending(c))
        return or_standard(world->tcp_limits.write_ms);
    return c->unread.len > 0 ? or_standard(world->tcp_limits.read_ms) : tcp_idle_ms(world);
}

static uint32_t shortest_ms(const struct world *world)
{
    uint32_t read = or_standard(world->tcp_limits.read_ms), write = or_standard(world->tcp_limits.write_ms);
    uint32_t shortest = tcp_idle_ms(world);
    shortest = read < shortest ? read : shortest;
    return write < shortest ? write : shortest;
}

static void on_tick(uv_timer_t *timer)
{
    struct worker *worker = timer->data;
    uint64_t now = uv_now(&worker->loop);
    struct tcp_connection *next;
    worker_enter(worker);
    const struct world *world = worker->world;
    uint32_t shortest = shortest_ms(world);
    for (struct tcp_connection *c = worker->tcp->oldest; c != NULL; c = next) {
        next = c->newer;
        if (now - c->active_ms < shortest)
            break;
        if (c->waiting == 0 && now - c->active_ms >= limit_ms(world, c))
            tcp_close(c);
    }
    worker_leave(worker);
}

/* The connection that has done nothing for the longest time makes room; one that waits for us only if all
 * others do, too. */
static void evict(struct worker *worker)
{
    struct tcp_connection *victim = worker->tcp->oldest;
    for (struct tcp_connection *c = victim; c != NULL; c = c->newer) {
        if (c->waiting == 0 && !tcp_is_sending(c)) {
            victim = c;
            break;
        }
    }
    if (victim != NULL) {
        counter_add(&worker->counters.connections_evicted, 1);
        tcp_close(victim);
    }
}

/* ---- accepting ---- */

static bool is_limited(const struct block *limits, const union address *client)
{
    if (limits == NULL)
        return false;
    return client->any.sa_family == AF_INET6
               ? !netset_has6(limits->tcp_exempt, client->v6.sin6_addr.s6_addr)
               : !netset_has4(limits->tcp_exempt, (const uint8_t *)&client->v4.sin_addr);
}

static void welcome(struct listener *listener, int fd, const union address *client)
{
    struct worker *worker = listener->worker;
    struct tcp_side *side = worker->tcp;
    const struct block *limits = worker->world->tcp;
    bool counted = is_limited(limits, client);
    if (counted && !tcp_client_enter(client, limits->tcp_per_client)) {
        counter_add(&worker->counters.connections_refused, 1);
        close(fd);
        return;
    }
    if (side->count >= side->limit)
        evict(worker);
    struct tls_context *tls = world_tls(worker->world, listener->endpoint);
    struct tcp_connection *c = calloc(1, sizeof *c);
    if (c != NULL && listener->tls &&
        (c->stream.tls = tls != NULL ? tls_open(tls, fd, NULL) : NULL) == NULL) {
        free(c);
        c = NULL;
    }
    if (c == NULL || uv_poll_init(&worker->loop, &c->poll, fd) != 0) {
        if (c != NULL)
            tcp_stream_end(&c->stream);
        free(c);
        close(fd);
        if (counted)
            tcp_client_leave(client);
        return;
    }
    c->counted = counted;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    c->worker = worker;
    c->listener = listener;
    listener->users++;
    c->poll.data = c;
    c->stream.fd = fd;
    c->handle_open = true;
    c->client = *client;
    c->server = listener->address;
    socklen_t len = sizeof c->server;
    if (listener->wildcard)
        getsockname(fd, &c->server.any, &len);
    c->active_ms = uv_now(&worker->loop);
    append_connection(side, c);
    if (side->count++ == 0)
        uv_timer_start(&side->timer, on_tick, TCP_TICK_MS, TCP_TICK_MS);
    counter_add(&worker->counters.connections, 1);
    counter_add(&worker->counters.connections_now, 1);
    tcp_choose_events(c);
}

static void accept_some(struct listener *listener)
{
    struct worker *worker = listener->worker;
    if (!worker->tcp->timer_ready) {
        uv_timer_init(&worker->loop, &worker->tcp->timer);
        worker->tcp->timer.data = worker;
        worker->tcp->timer_ready = true;
    }
    for (unsigned i = 0; i < ACCEPT_ROUND; i++) {
        union address client = {0};
        socklen_t len = sizeof client;
        int fd = accept4(listener->fd, &client.any, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE)
                evict(worker); /* the event stays and is taken up once that one is closed */
            return;
        }
        welcome(listener, fd, &client);
    }
}

void tcp_acceptable(uv_poll_t *poll, int status, int events)
{
    struct listener *listener = poll->data;
    (void)status, (void)events;
    worker_enter(listener->worker);
    accept_some(listener);
    worker_leave(listener->worker);
}

bool query_client_is(const struct query *query, const char *name)
{
    const struct slot *slot = (const struct slot *)(const void *)query;
    return query->transport == TRANSPORT_TLS && query->depth == 0 &&
           tls_peer_is(slot->connection->stream.tls, name);
}

/* ---- the whole side ---- */

static unsigned connection_limit(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        return 256;
    unsigned workers = host_workers() > 0 ? host_workers() : 1;
    uint64_t share = (uint64_t)files.rlim_cur * 3 / 4 / workers;
    return share < 8 ? 8 : share < TCP_CONNECTIONS ? (unsigned)share : TCP_CONNECTIONS;
}

struct tcp_side *tcp_new(struct worker *worker)
{
    struct tcp_side *side = calloc(1, sizeof *side);
    if (side == NULL)
        return NULL;
    size_t out_len = (BATCH + 1) * REPLY_ROOM;
    uint8_t *room = mmap(NULL, out_len + READ_ROOM, PROT_READ | PROT_WRITE,
        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (room == MAP_FAILED) {
        free(side);
        return NULL;
    }
    side->out = room;
    side->in = room + out_len;
    side->limit = connection_limit();
    for (unsigned i = 0; i < BATCH; i++) {
        side->slots[i] = slot_take(worker);
        if (side->slots[i] == NULL) {
            tcp_free(side);
            return NULL;
        }
    }
    return side;
}

void tcp_free(struct tcp_side *side)
{
    if (side == NULL)
        return;
    for (unsigned i = 0; i < BATCH; i++)
        slot_free(side->slots[i]);
    munmap(side->out, (BATCH + 1) * REPLY_ROOM + READ_ROOM);
    free(side);
}

void tcp_close_listener(struct worker *worker, const struct listener *listener)
{
    struct tcp_connection *next;
    for (struct tcp_connection *c = worker->tcp->oldest; c != NULL; c = next) {
        next = c->newer;
        if (c->listener == listener)
            tcp_close(c);
    }
}

void tcp_close_all(struct worker *worker)
{
    while (worker->tcp->oldest != NULL)
        tcp_close(worker->tcp->oldest);
    if (worker->tcp->timer_ready)
        uv_close((uv_handle_t *)&worker->tcp->timer, NULL);
}
