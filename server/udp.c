#include "server/udp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "server/serve.h"
#include "server/world.h"

#define ROUNDS 8 /* batches per wakeup, then other sockets have their turn */

struct udp_batch {
    struct slot *slots[BATCH];
    struct mmsghdr in[BATCH];
    struct mmsghdr out[BATCH];
    struct iovec in_iov[BATCH];
    struct iovec out_iov[BATCH];
    struct slot *sent[BATCH];
};

/* Makes place I receive into SLOT. */
static void arm(struct udp_batch *batch, unsigned i, struct slot *slot)
{
    batch->slots[i] = slot;
    slot->packet = slot->rx;
    slot->out = slot->tx;
    slot->out_limit = SLOT_TX;
    slot->query.transport = TRANSPORT_UDP;
    batch->in_iov[i] = (struct iovec){.iov_base = slot->rx, .iov_len = SLOT_RX};
    batch->in[i].msg_hdr = (struct msghdr){
        .msg_name = &slot->query.client,
        .msg_iov = &batch->in_iov[i],
        .msg_iovlen = 1,
        .msg_control = slot->local,
    };
}

struct udp_batch *udp_new(struct worker *worker)
{
    struct udp_batch *batch = calloc(1, sizeof *batch);
    for (unsigned i = 0; batch != NULL && i < BATCH; i++) {
        struct slot *slot = slot_take(worker);
        if (slot == NULL) {
            udp_free(batch);
            return NULL;
        }
        arm(batch, i, slot);
    }
    return batch;
}

void udp_free(struct udp_batch *batch)
{
    for (unsigned i = 0; batch != NULL && i < BATCH; i++)
        slot_free(batch->slots[i]);
    free(batch);
}

/* ---- the address asked ---- */

static void read_local4(struct slot *slot, struct cmsghdr *control)
{
    struct in_pktinfo *info = (struct in_pktinfo *)(void *)CMSG_DATA(control);
    slot->query.server.v4.sin_addr = info->ipi_addr;
    /* Sent back as it is, it names the source; routing chooses the interface. */
    info->ipi_spec_dst = info->ipi_addr;
    info->ipi_ifindex = 0;
}

static void read_local6(struct slot *slot, struct cmsghdr *control)
{
    struct in6_pktinfo *info = (struct in6_pktinfo *)(void *)CMSG_DATA(control);
    slot->query.server.v6.sin6_addr = info->ipi6_addr;
    if (!IN6_IS_ADDR_LINKLOCAL(&info->ipi6_addr))
        info->ipi6_ifindex = 0;
}

static void read_local(struct slot *slot, struct msghdr *header)
{
    slot->local_len = 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c != NULL; c = CMSG_NXTHDR(header, c)) {
        bool v4 = c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO;
        bool v6 = c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO;
        if (!v4 && !v6)
            continue;
        if (v4)
            read_local4(slot, c);
        else
            read_local6(slot, c);
        slot->local_len = (uint8_t)header->msg_controllen;
        return;
    }
}

/* ---- receiving and sending ---- */

static void reset(struct udp_batch *batch, bool wildcard)
{
    for (unsigned i = 0; i < BATCH; i++) {
        batch->in[i].msg_hdr.msg_namelen = sizeof(union address);
        batch->in[i].msg_hdr.msg_controllen = wildcard ? sizeof batch->slots[i]->local : 0;
    }
}

static void note(struct udp_batch *batch, struct listener *listener, unsigned count)
{
    uint64_t now = listener->worker->now_ns;
    for (unsigned i = 0; i < count; i++) {
        struct slot *slot = batch->slots[i];
        slot->packet_len = batch->in[i].msg_len;
        slot->listener = listener;
        slot->query.begin_ns = now;
        slot->query.server = listener->address;
        if (listener->wildcard)
            read_local(slot, &batch->in[i].msg_hdr);
    }
}

static unsigned receive(struct udp_batch *batch, struct listener *listener)
{
    reset(batch, listener->wildcard);
    int got = recvmmsg(listener->fd, batch->in, BATCH, MSG_DONTWAIT, NULL);
    if (got <= 0)
        return 0;
    note(batch, listener, (unsigned)got);
    return (unsigned)got;
}

static unsigned collect(struct udp_batch *batch, bool wildcard, unsigned count)
{
    unsigned n = 0;
    for (unsigned i = 0; i < count; i++) {
        struct slot *slot = batch->slots[i];
        if (slot->served != SERVED_ANSWERED)
            continue;
        const struct msghdr *in = &batch->in[i].msg_hdr;
        struct msghdr *out = &batch->out[n].msg_hdr;
        batch->out_iov[n].iov_base = slot->out;
        batch->out_iov[n].iov_len = slot->query.reply_len;
        out->msg_name = &slot->query.client;
        out->msg_namelen = in->msg_namelen;
        out->msg_iov = &batch->out_iov[n];
        out->msg_iovlen = 1;
        out->msg_control = wildcard ? slot->local : NULL;
        out->msg_controllen = wildcard ? slot->local_len : 0;
        n++;
    }
    return n;
}

/* A reply the kernel does not take (a client that sent from port 0, a full buffer) is lost, as packets are;
 * the ones behind it still go out. */
static void send_all(struct udp_batch *batch, struct listener *listener, unsigned count)
{
    for (unsigned at = 0; at < count;) {
        int sent = sendmmsg(listener->fd, batch->out + at, count - at, 0);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0) {
            counter_add(&listener->worker->counters.send_errors, 1);
            sent = 1;
        }
        at += (unsigned)sent;
    }
}

/* The slots are free again, but those of suspended queries, which others replace. */
static void rearm(struct worker *worker, unsigned count)
{
    struct udp_batch *batch = worker->udp;
    for (unsigned i = 0; i < count; i++) {
        struct slot *slot = batch->slots[i];
        if (LIKELY(slot->served != SERVED_SUSPENDED)) {
            slot_reuse(slot);
            continue;
        }
        slot->listener->users++;
        struct slot *fresh = slot_take(worker);
        if (fresh == NULL)
            abort();
        arm(batch, i, fresh);
    }
}

static unsigned round_trip(struct listener *listener)
{
    struct worker *worker = listener->worker;
    struct udp_batch *batch = worker->udp;
    unsigned count = receive(batch, listener);
    if (count == 0)
        return 0;
    counter_add(&worker->counters.batches, 1);
    counter_add(&worker->counters.queries[0], count);
    serve_batch(worker, batch->slots, count);
    send_all(batch, listener, collect(batch, listener->wildcard, count));
    serve_sent(worker, batch->slots, count);
    rearm(worker, count);
    return count;
}

void udp_readable(uv_poll_t *poll, int status, int events)
{
    struct listener *listener = poll->data;
    struct worker *worker = listener->worker;
    (void)status, (void)events;
    for (unsigned rounds = 0; rounds < ROUNDS; rounds++) {
        worker_enter(worker);
        unsigned count = round_trip(listener);
        worker_leave(worker);
        if (count < BATCH)
            break;
    }
}

/* Fills place I of what goes out. */
static void prepare_resumed(struct udp_batch *batch, unsigned i, struct slot *slot)
{
    const struct listener *listener = slot->listener;
    bool v6 = slot->query.client.any.sa_family == AF_INET6;
    batch->out_iov[i] = (struct iovec){.iov_base = slot->out, .iov_len = slot->query.reply_len};
    batch->out[i].msg_hdr = (struct msghdr){
        .msg_name = &slot->query.client,
        .msg_namelen = v6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in),
        .msg_iov = &batch->out_iov[i],
        .msg_iovlen = 1,
        .msg_control = listener->wildcard ? slot->local : NULL,
        .msg_controllen = listener->wildcard ? slot->local_len : 0,
    };
}

void udp_send_resumed(struct worker *worker, struct slot *const *slots, unsigned count)
{
    struct udp_batch *batch = worker->udp;
    struct listener *listener = NULL;
    unsigned gathered = 0;
    for (unsigned i = 0; i < count; i++) {
        struct slot *slot = slots[i];
        if (slot->served != SERVED_ANSWERED || slot->listener->fd < 0)
            continue;
        if (slot->listener != listener && gathered > 0) {
            send_all(batch, listener, gathered);
            gathered = 0;
        }
        listener = slot->listener;
        prepare_resumed(batch, gathered++, slot);
    }
    if (gathered > 0)
        send_all(batch, listener, gathered);
}
