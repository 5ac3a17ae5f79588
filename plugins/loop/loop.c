/* loop: finds out at the start whether questions that are forwarded come back to this server, and ends it
 * then: each would be asked again and again. As in CoreDNS, the server asks itself for a name that nobody
 * else knows, and counts how often it sees that question. */
#include <arpa/inet.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "plugins/plugin.h"
#include "zone/base/log.h"
#include "zone/wire/type.h"

#define SEEN_MAX 2  /* more than this is a loop */
#define SEND_MS 500 /* until one has come through */
#define SEND_MAX 60 /* that is 30 seconds */
#define WORD_LEN 19 /* digits of a random label */

struct loop {
    const uint8_t *zone;
    const struct block *block;
    struct host_timer *timer;
    unsigned sent;
    union address to;
    _Atomic unsigned seen;
    _Atomic unsigned name_version; /* odd: the name is just being changed */
    uint8_t name[NAME_MAX];        /* what is asked */
};

/* ---- asking ourselves ---- */

static uint8_t *put_random_label(uint8_t *at)
{
    *at++ = WORD_LEN;
    for (unsigned i = 0; i < WORD_LEN; i++)
        *at++ = (uint8_t)('0' + randombytes_uniform(10));
    return at;
}

static size_t make_name(struct loop *loop)
{
    size_t len = name_len(loop->zone);
    atomic_fetch_add(&loop->name_version, 1);
    uint8_t *at = put_random_label(put_random_label(loop->name));
    memcpy(at, loop->zone, len);
    atomic_store(&loop->seen, 0);
    atomic_fetch_add(&loop->name_version, 1);
    return (size_t)(at - loop->name) + len;
}

static void send_probe(struct loop *loop)
{
    uint8_t packet[MESSAGE_HEADER_LEN + NAME_MAX + 4] = {0};
    size_t len = make_name(loop);
    packet[0] = (uint8_t)randombytes_uniform(256);
    packet[1] = (uint8_t)randombytes_uniform(256);
    packet[2] = MESSAGE_RD >> 8;
    packet[5] = 1;
    memcpy(packet + MESSAGE_HEADER_LEN, loop->name, len);
    packet[MESSAGE_HEADER_LEN + len + 1] = TYPE_HINFO;
    packet[MESSAGE_HEADER_LEN + len + 3] = CLASS_IN;
    bool v6 = loop->to.any.sa_family == AF_INET6;
    int fd = socket(loop->to.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return;
    ssize_t sent = sendto(fd, packet, MESSAGE_HEADER_LEN + len + 4, 0, &loop->to.any,
        v6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in));
    (void)sent; /* lost: the next one, then */
    close(fd);
}

static void tick(void *arg)
{
    struct loop *loop = arg;
    if (loop->sent > 0 && atomic_load(&loop->seen) > 0) {
        host_timer_stop(loop->timer); /* it came once, and would have come back by now */
        loop->timer = NULL;
    } else if (loop->sent++ < SEND_MAX) {
        send_probe(loop);
    } else {
        host_timer_stop(loop->timer);
        loop->timer = NULL;
    }
}

/* ---- seeing ourselves ---- */

static void end_server(struct loop *loop, const struct query *query)
{
    char zone[NAME_TEXT_MAX], name[NAME_TEXT_MAX], from[INET6_ADDRSTRLEN];
    name_print(loop->zone, zone);
    name_print(query->question->lower, name);
    address_print(&query->client, from);
    log_fatal("plugin/loop: Loop (%s:%u -> %s) detected for zone \"%s\": what is forwarded comes back to "
              "this server; "
              "forward to other servers. Query: \"HINFO %s\"",
        from, (unsigned)address_port(&query->client), loop->block->server, zone, name);
    _exit(EXIT_FAILURE);
}

static enum served serve(void *self, struct query *query)
{
    struct loop *loop = self;
    if (LIKELY(query->question->type != TYPE_HINFO))
        return SERVED_NEXT;
    unsigned version = atomic_load(&loop->name_version);
    if (version == 0 || version % 2 == 1 || !name_equal(query->question->lower, loop->name) ||
        atomic_load(&loop->name_version) != version)
        return SERVED_NEXT;
    if (atomic_fetch_add(&loop->seen, 1) + 1 > SEEN_MAX)
        end_server(loop, query);
    return SERVED_NEXT;
}

/* ---- setting up ---- */

/* The block's first address and port. */
static void find_ourselves(struct loop *loop)
{
    const char *server = loop->block->server, *colon = server != NULL ? strrchr(server, ':') : NULL;
    uint16_t port = (uint16_t)(colon != NULL ? strtoul(colon + 1, NULL, 10) : 53);
    const char *address = loop->block->bind.count > 0 ? loop->block->bind.at[0] : "127.0.0.1";
    loop->to.v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
    if (inet_pton(AF_INET, address, &loop->to.v4.sin_addr) == 1)
        return;
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    if (inet_pton(AF_INET6, address, &v6.sin6_addr) == 1)
        loop->to.v6 = v6;
    else /* an interface: the loopback address may not be served, and then there is no probe */
        inet_pton(AF_INET, "127.0.0.1", &loop->to.v4.sin_addr);
}

static enum err setup(struct setup *setup, void **self)
{
    struct loop *loop = ARENA_NEW(setup->world, struct loop);
    if (loop == NULL)
        return ERR_MEMORY;
    if (*self != NULL)
        return setup_error(
            setup, &setup->directive->name, "remove one of the two", "loop is there twice in this block");
    *self = loop;
    loop->block = setup->block;
    loop->zone = setup->zones[0];
    if (name_len(loop->zone) > NAME_MAX - 2 * (WORD_LEN + 1))
        return setup_error(
            setup, &setup->directive->name, NULL, "the block's zone is too long a name for a probe");
    return options_parse(setup, NULL, NULL);
}

static enum err start(void *self)
{
    struct loop *loop = self;
    find_ourselves(loop);
    loop->timer = host_timer_start(SEND_MS, tick, loop);
    return loop->timer != NULL ? ERR_OK : ERR_MEMORY;
}

static void stop(void *self)
{
    struct loop *loop = self;
    if (loop->timer != NULL)
        host_timer_stop(loop->timer);
}

static const struct plugin loop_plugin = {
    .abi = PLUGIN_ABI,
    .name = "loop",
    .setup = setup,
    .start = start,
    .serve = serve,
    .stop = stop,
};
PLUGIN(loop)
