#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/upstream_side.h"

#define ROUNDS 4 /* batches per event */
#define SOCKET_ROOM (1 << 20)

static void on_event(uv_poll_t *poll, int status, int events);

/* ---- sockets ---- */

static void on_closed(uv_handle_t *handle)
{
    struct channel *channel = handle->data;
    close(channel->fd);
    free(channel);
}

static void drop_place(struct channel *channel)
{
    struct upstream_side *side = channel->side;
    for (unsigned i = 0; i < UDP_CHANNELS; i++) {
        if (side->udp[i] == channel)
            side->udp[i] = NULL;
    }
    if (side->udp_now == channel)
        side->udp_turn = UINT64_MAX;
}

/* It takes no more questions, and its place is free for another. */
static void retire(struct channel *channel)
{
    drop_place(channel);
    channel->retiring = true;
    udp_settle(channel);
}

static void close_socket(struct channel *channel)
{
    if (uv_is_closing((uv_handle_t *)&channel->poll))
        return;
    drop_place(channel);
    channel->retiring = true;
    outlet_part(&channel->member);
    outlet_flush_never(channel->side->outlet, &channel->flush);
    uv_poll_stop(&channel->poll);
    uv_close((uv_handle_t *)&channel->poll, on_closed);
}

void udp_settle(struct channel *channel)
{
    if (channel->retiring && channel->outstanding == 0)
        close_socket(channel);
}

void udp_close_channel(struct channel *channel)
{
    channel_fail_all(channel, INQUIRY_BROKEN, "the upstream is not asked any more");
    close_socket(channel);
}

static void on_end(struct outlet_member *member)
{
    struct channel *channel = (struct channel *)(void *)((char *)member - offsetof(struct channel, member));
    outlet_part(member);
    channel_fail_all(channel, INQUIRY_ENDING, "the server ends");
    close_socket(channel);
}

void udp_close_idle(struct upstream_side *side, uint64_t now_ms)
{
    uint64_t expire = (uint64_t)side->upstream->settings.expire_ms;
    for (unsigned i = 0; i < UDP_CHANNELS; i++) {
        struct channel *channel = side->udp[i];
        if (channel == NULL)
            continue;
        bool idle = channel->outstanding == 0 && now_ms - channel->active_ms >= expire;
        if (idle || now_ms - channel->opened_ms >= UDP_LIFE_MS)
            retire(channel);
    }
}

static socklen_t address_len(const union address *address)
{
    return address->any.sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
}

/* Connected, so that the kernel lets in what comes from the upstream's address and port alone; on a port that
 * the kernel chooses at random (RFC 5452 9.2). */
static int open_socket(const struct upstream_settings *settings)
{
    int fd = socket(settings->to.any.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &(int){SOCKET_ROOM}, sizeof(int));
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &(int){SOCKET_ROOM}, sizeof(int));
    bool bound = settings->source.any.sa_family != settings->to.any.sa_family ||
                 bind(fd, &settings->source.any, address_len(&settings->source)) == 0;
    if (bound && connect(fd, &settings->to.any, address_len(&settings->to)) == 0)
        return fd;
    close(fd);
    return -1;
}

static void on_flush(struct flush *flush);

static struct channel *open_channel(struct upstream_side *side)
{
    struct channel *channel = calloc(1, sizeof *channel);
    int fd = channel != NULL ? open_socket(&side->upstream->settings) : -1;
    if (fd < 0 || uv_poll_init(&side->outlet->worker->loop, &channel->poll, fd) != 0) {
        if (fd >= 0)
            close(fd);
        free(channel);
        return NULL;
    }
    channel->side = side;
    channel->fd = fd;
    channel->opened_ms = channel->active_ms = worker_now_ms(side->worker);
    channel->unsent_last = &channel->unsent;
    channel->flush.flush = on_flush;
    channel->member.end = on_end;
    channel->poll.data = channel;
    outlet_join(side->outlet, &channel->member);
    uv_poll_start(&channel->poll, UV_READABLE, on_event);
    return channel;
}

/* One at random for all questions of an event: they leave by one system call, and the answers come by one. */
static struct channel *choose_channel(struct upstream_side *side)
{
    if (side->udp_turn == side->outlet->turn)
        return side->udp_now;
    struct channel **place = &side->udp[worker_random(side->worker) % UDP_CHANNELS];
    bool opened = *place == NULL;
    if (opened)
        *place = open_channel(side);
    if (*place == NULL)
        return NULL;
    counter_add(opened ? &side->counters.opened : &side->counters.reused, 1);
    side->udp_now = *place;
    side->udp_turn = side->outlet->turn;
    return *place;
}

/* ---- asking ---- */

/* RFC draft-vixie-dnsext-dns0x20: letters in a random mixture of cases, which the answer must repeat. */
static void mix_case(struct inquiry *inquiry)
{
    uint8_t *name = inquiry->packet + MESSAGE_HEADER_LEN;
    uint64_t bits = 0;
    for (unsigned i = 0, left = 0; i + 4 < inquiry->question_len; i++) {
        if ((uint8_t)((name[i] | 0x20) - 'a') >= 26)
            continue;
        if (left == 0) {
            bits = worker_random(inquiry->worker);
            left = 64;
        }
        name[i] = (uint8_t)(name[i] ^ (bits & 1) << 5);
        bits >>= 1;
        left--;
    }
}

void udp_ask(struct upstream_side *side, struct inquiry *inquiry)
{
    struct channel *channel = choose_channel(side);
    if (channel == NULL) {
        inquiry_finish_later(inquiry, INQUIRY_BROKEN, "no socket");
        return;
    }
    channel_add(channel, inquiry);
    if (!atomic_load_explicit(&side->upstream->case_blind, memory_order_relaxed))
        mix_case(inquiry);
    inquiry->send_next = NULL;
    inquiry->unsent = true;
    *channel->unsent_last = inquiry;
    channel->unsent_last = &inquiry->send_next;
    counter_add(&side->counters.udp, 1);
    outlet_flush_later(side->outlet, &channel->flush);
}

void udp_forget(struct inquiry *inquiry)
{
    struct channel *channel = inquiry->channel;
    struct inquiry **at = &channel->unsent;
    while (*at != inquiry)
        at = &(*at)->send_next;
    *at = inquiry->send_next;
    if (*at == NULL)
        channel->unsent_last = at;
    inquiry->unsent = false;
}

/* ---- sending ---- */

static void take_sent(struct channel *channel, unsigned count)
{
    while (count-- > 0) {
        channel->unsent->unsent = false;
        channel->unsent = channel->unsent->send_next;
    }
    if (channel->unsent == NULL)
        channel->unsent_last = &channel->unsent;
}

static void watch(struct channel *channel, bool writing)
{
    if (channel->writing != writing)
        uv_poll_start(&channel->poll, writing ? UV_READABLE | UV_WRITABLE : UV_READABLE, on_event);
    channel->writing = writing;
}

/* An error that an ICMP message brought, or the lack of a route: nobody is there. */
static void fail_channel(struct channel *channel, int error)
{
    drop_place(channel); /* what is asked again goes another way */
    channel->retiring = true;
    channel_fail_all(channel, INQUIRY_BROKEN, strerror(error));
    udp_settle(channel);
}

static void send_unsent(struct channel *channel)
{
    struct mmsghdr headers[BATCH];
    struct iovec iovs[BATCH];
    while (channel->unsent != NULL) {
        unsigned count = 0;
        for (struct inquiry *e = channel->unsent; e != NULL && count < BATCH; e = e->send_next, count++) {
            iovs[count] = (struct iovec){e->packet, e->len};
            headers[count].msg_hdr = (struct msghdr){.msg_iov = &iovs[count], .msg_iovlen = 1};
        }
        int sent = sendmmsg(channel->fd, headers, count, MSG_DONTWAIT);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0 && errno != EAGAIN && errno != ENOBUFS) {
            fail_channel(channel, errno);
            return;
        }
        if (sent < 0) {
            watch(channel, true);
            return;
        }
        take_sent(channel, (unsigned)sent);
    }
    watch(channel, false);
}

static void on_flush(struct flush *flush)
{
    struct channel *channel = (struct channel *)(void *)((char *)flush - offsetof(struct channel, flush));
    send_unsent(channel);
}

/* ---- receiving ---- */

/* Somebody sends what answers nothing: what is on its way here goes by TCP, where guessing is of no use. */
static void flee(struct channel *channel)
{
    retire(channel);
    for (unsigned i = 0; i < CHANNEL_BUCKETS; i++) {
        while (channel->buckets[i] != NULL)
            inquiry_by_flow(channel->buckets[i]);
    }
}

static void note_wrong(struct channel *channel)
{
    counter_add(&channel->side->counters.wrong, 1);
    channel->wrong++;
}

static void take_packet(
    struct channel *channel, const uint8_t *bytes, size_t len, bool cut, struct response *response)
{
    struct inquiry *inquiry = NULL;
    if (len >= MESSAGE_HEADER_LEN)
        inquiry = channel_find(channel, (uint16_t)(bytes[0] << 8 | bytes[1]));
    if (inquiry == NULL) {
        note_wrong(channel);
        return;
    }
    enum same_question same = QUESTION_OTHER;
    bool read = !cut && response_read(response, bytes, len) == ERR_OK;
    if (read)
        same = inquiry_compare(inquiry, response);
    if (same == QUESTION_SAME) {
        inquiry_answer(inquiry, response);
    } else if (same == QUESTION_OTHER_CASE) {
        inquiry->case_differed = true;
        inquiry_by_flow(inquiry);
    } else {
        note_wrong(channel);
        if (!read)
            inquiry_by_flow(inquiry); /* broken, or cut here: the id was right at least */
    }
}

static unsigned receive(struct channel *channel)
{
    struct outlet *outlet = channel->side->outlet;
    for (unsigned i = 0; i < BATCH; i++)
        outlet->headers[i].msg_hdr = (struct msghdr){.msg_iov = &outlet->iovs[i], .msg_iovlen = 1};
    int got = recvmmsg(channel->fd, outlet->headers, BATCH, MSG_DONTWAIT, NULL);
    if (got < 0) {
        if (errno != EAGAIN && errno != EINTR)
            fail_channel(channel, errno);
        return 0;
    }
    for (int i = 0; i < got; i++) {
        bool cut = (outlet->headers[i].msg_hdr.msg_flags & MSG_TRUNC) != 0;
        take_packet(channel, outlet->packets[i], outlet->headers[i].msg_len, cut, &outlet->responses[i]);
    }
    if (UNLIKELY(channel->wrong > UDP_WRONG_MAX))
        flee(channel);
    return (unsigned)got;
}

static void on_event(uv_poll_t *poll, int status, int events)
{
    struct channel *channel = poll->data;
    struct worker *worker = channel->side->outlet->worker;
    (void)status;
    if ((events & UV_WRITABLE) != 0) {
        worker_enter(worker);
        send_unsent(channel);
        worker_leave(worker);
    }
    for (unsigned round = 0; round < ROUNDS && !uv_is_closing((uv_handle_t *)poll); round++) {
        worker_enter(worker);
        unsigned got = receive(channel);
        worker_leave(worker);
        if (got < BATCH)
            break;
    }
}
