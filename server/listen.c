#include "server/listen.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/endpoint.h"
#include "zone/base/log.h"

#define BACKLOG 1024
#define SOCKET_BUFFER (1 << 20)

enum { UDP, TCP, KINDS };

struct endpoint {
    struct endpoint *next;
    struct endpoint_key key;
    unsigned id;
    unsigned workers;
    struct listener *listeners[][KINDS]; /* the workers', once handed over */
};

/* ---- sockets ---- */

static int set(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof value);
}

static void set_udp(int fd, const struct endpoint_key *key)
{
    bool v6 = key->address.any.sa_family == AF_INET6;
    if (key->wildcard)
        set(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_RECVPKTINFO : IP_PKTINFO, 1);
    /* Forged "fragmentation needed" messages must not make us send fragments (RFC 9715). */
    set(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_MTU_DISCOVER : IP_MTU_DISCOVER,
        v6 ? IPV6_PMTUDISC_OMIT : IP_PMTUDISC_OMIT);
    /* Bursts wait in the socket; root may ask for more than the system's limit. */
    if (set(fd, SOL_SOCKET, SO_RCVBUFFORCE, SOCKET_BUFFER) != 0)
        set(fd, SOL_SOCKET, SO_RCVBUF, SOCKET_BUFFER);
    if (set(fd, SOL_SOCKET, SO_SNDBUFFORCE, SOCKET_BUFFER) != 0)
        set(fd, SOL_SOCKET, SO_SNDBUF, SOCKET_BUFFER);
}

static int open_socket(const struct endpoint_key *key, int kind, bool shared)
{
    int family = key->address.any.sa_family;
    int fd = socket(family, (kind == TCP ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (shared)
        set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (family == AF_INET6)
        set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    if (kind == TCP)
        set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    else
        set_udp(fd, key);
    socklen_t len = family == AF_INET6 ? sizeof key->address.v6 : sizeof key->address.v4;
    if (bind(fd, &key->address.any, len) != 0 || (kind == TCP && shared && listen(fd, BACKLOG) != 0)) {
        int why = errno;
        close(fd);
        errno = why;
        return -1;
    }
    return fd;
}

/* TLS runs over TCP alone. */
static int first_kind(const struct endpoint_key *key)
{
    return key->transport == TRANSPORT_TLS ? TCP : UDP;
}

/* SO_REUSEPORT would let a second server of the same user share our port unseen: try without it first. */
static bool is_taken(const struct listen *listen, const struct endpoint_key *key)
{
    for (const struct endpoint *own = listen->endpoints; own != NULL; own = own->next) {
        if (address_port(&own->key.address) == address_port(&key->address))
            return false; /* our own sockets would be in the way */
    }
    for (const struct endpoint *own = listen->fresh; own != NULL; own = own->next) {
        if (address_port(&own->key.address) == address_port(&key->address))
            return false;
    }
    for (int kind = first_kind(key); kind < KINDS; kind++) {
        int fd = open_socket(key, kind, false);
        if (fd < 0 && errno == EADDRINUSE)
            return true;
        if (fd >= 0)
            close(fd);
    }
    return false;
}

/* ---- endpoints ---- */

static void endpoint_free(struct endpoint *endpoint)
{
    for (unsigned i = 0; endpoint != NULL && i < endpoint->workers; i++) {
        for (int kind = 0; kind < KINDS; kind++) {
            struct listener *listener = endpoint->listeners[i][kind];
            if (listener != NULL)
                close(listener->fd);
            free(listener);
        }
    }
    free(endpoint);
}

static struct listener *make_listener(const struct endpoint *endpoint, int kind)
{
    struct listener *listener = calloc(1, sizeof *listener);
    if (listener == NULL)
        return NULL;
    listener->endpoint = endpoint->id;
    listener->address = endpoint->key.address;
    listener->tcp = kind == TCP;
    listener->tls = endpoint->key.transport == TRANSPORT_TLS;
    listener->wildcard = endpoint->key.wildcard;
    listener->fd = open_socket(&endpoint->key, kind, true);
    if (listener->fd >= 0)
        return listener;
    free(listener);
    return NULL;
}

static enum err endpoint_open(struct listen *listen, const struct endpoint_key *key, unsigned workers)
{
    struct endpoint *endpoint = calloc(1, sizeof *endpoint + workers * sizeof endpoint->listeners[0]);
    if (endpoint == NULL)
        return ERR_MEMORY;
    endpoint->key = *key;
    endpoint->workers = workers;
    endpoint->id = listen->next_id;
    for (unsigned i = 0; i < workers; i++) {
        for (int kind = first_kind(key); kind < KINDS; kind++) {
            endpoint->listeners[i][kind] = make_listener(endpoint, kind);
            if (endpoint->listeners[i][kind] == NULL) {
                int why = errno;
                endpoint_free(endpoint);
                errno = why;
                return ERR_IO;
            }
        }
    }
    listen->next_id++;
    endpoint->next = listen->fresh;
    listen->fresh = endpoint;
    return ERR_OK;
}

static struct endpoint *find(struct endpoint *list, const struct endpoint_key *key)
{
    while (list != NULL && !endpoint_same(&list->key, key))
        list = list->next;
    return list;
}

/* ---- preparing ---- */

static const char *hint_for(int why)
{
    switch (why) {
    case EACCES:
        return "ports below 1024 need root or CAP_NET_BIND_SERVICE; -dns.port chooses another";
    case EADDRINUSE:
        return "another server is listening there; `ss -lnptu` shows which";
    case EADDRNOTAVAIL:
        return "no interface of this machine has that address";
    default:
        return NULL;
    }
}

static void complain(const struct finding_sink *sink, const struct endpoint_plan *plan, int why)
{
    char text[ENDPOINT_TEXT_MAX];
    endpoint_print(&plan->key, text, sizeof text);
    struct setup setup = {.sink = sink};
    setup_error(&setup, plan->at, hint_for(why), "cannot listen on %s: %s", text, strerror(why));
}

/* A machine without IPv6 is served over IPv4 all the same. */
static bool may_miss(const struct endpoint_plan *plan, int why)
{
    return plan->key.wildcard && plan->key.address.any.sa_family == AF_INET6 &&
           (why == EAFNOSUPPORT || why == EADDRNOTAVAIL);
}

static enum err prepare(
    struct listen *listen, struct endpoint_plan *plan, unsigned workers, const struct finding_sink *sink)
{
    struct endpoint *open = find(listen->endpoints, &plan->key);
    if (open != NULL) {
        plan->id = open->id;
        return ERR_OK;
    }
    if (is_taken(listen, &plan->key)) {
        complain(sink, plan, EADDRINUSE);
        return ERR_INVALID;
    }
    plan->id = listen->next_id;
    enum err err = endpoint_open(listen, &plan->key, workers);
    if (err == ERR_IO && may_miss(plan, errno)) {
        plan->id = UINT32_MAX;
        return ERR_OK;
    }
    if (err == ERR_IO) {
        complain(sink, plan, errno);
        return ERR_INVALID;
    }
    return err;
}

static enum err make_routes(struct world *world, unsigned count)
{
    world->routes = calloc(count + 1, sizeof *world->routes);
    world->tls = calloc(count + 1, sizeof *world->tls);
    if (world->routes == NULL || world->tls == NULL)
        return ERR_MEMORY;
    world->route_count = count;
    for (unsigned i = 0; i < world->endpoint_count; i++) {
        if (world->endpoints[i].id >= count)
            continue;
        world->routes[world->endpoints[i].id] = &world->endpoints[i].table;
        world->tls[world->endpoints[i].id] = world->endpoints[i].tls;
    }
    return ERR_OK;
}

enum err listen_prepare(
    struct listen *listen, struct world *world, unsigned workers, const struct finding_sink *sink)
{
    enum err err = ERR_OK;
    for (unsigned i = 0; i < world->endpoint_count; i++) {
        enum err one = prepare(listen, &world->endpoints[i], workers, sink);
        err = err != ERR_OK ? err : one;
    }
    if (err == ERR_OK)
        err = make_routes(world, listen->next_id);
    if (err != ERR_OK)
        listen_abandon(listen);
    return err;
}

static void free_list(struct endpoint **list)
{
    while (*list != NULL) {
        struct endpoint *endpoint = *list;
        *list = endpoint->next;
        endpoint_free(endpoint);
    }
}

void listen_abandon(struct listen *listen)
{
    free_list(&listen->fresh);
}

/* ---- handing over ---- */

static bool wanted(const struct world *world, const struct endpoint *endpoint)
{
    for (unsigned i = 0; i < world->endpoint_count; i++) {
        if (world->endpoints[i].id == endpoint->id)
            return true;
    }
    return false;
}

static void each_listener(struct endpoint *endpoint, struct worker *const *workers, unsigned worker_count,
    void (*call)(struct worker *worker, void *listener))
{
    for (unsigned i = 0; i < worker_count; i++) {
        for (int kind = first_kind(&endpoint->key); kind < KINDS; kind++)
            worker_post(workers[i], call, endpoint->listeners[i][kind]);
    }
}

void listen_apply(
    struct listen *listen, const struct world *world, struct worker *const *workers, unsigned worker_count)
{
    for (struct endpoint **at = &listen->endpoints; *at != NULL;) {
        struct endpoint *endpoint = *at;
        if (wanted(world, endpoint)) {
            at = &endpoint->next;
            continue;
        }
        *at = endpoint->next;
        each_listener(endpoint, workers, worker_count, listener_close);
        free(endpoint);
    }
    while (listen->fresh != NULL) {
        struct endpoint *endpoint = listen->fresh;
        listen->fresh = endpoint->next;
        each_listener(endpoint, workers, worker_count, listener_open);
        endpoint->next = listen->endpoints;
        listen->endpoints = endpoint;
    }
}

void listen_close(struct listen *listen)
{
    while (listen->endpoints != NULL) { /* their listeners were the workers' */
        struct endpoint *endpoint = listen->endpoints;
        listen->endpoints = endpoint->next;
        free(endpoint);
    }
    free_list(&listen->fresh);
}

unsigned listen_count(const struct listen *listen)
{
    unsigned count = 0;
    for (const struct endpoint *endpoint = listen->endpoints; endpoint != NULL; endpoint = endpoint->next)
        count += endpoint->workers * (unsigned)(KINDS - first_kind(&endpoint->key));
    return count;
}
