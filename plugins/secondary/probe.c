#include "plugins/secondary/probe.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "zone/net/stream.h"

static enum probe_outcome failed(const struct probe *probe, char *why, const char *what)
{
    char at[PEER_TEXT_MAX];
    snprintf(why, PROBE_WHY_MAX, "%s: %s", peer_address_print(&probe->peer->address, at), what);
    return PROBE_FAILED;
}

static bool send_query(struct probe *probe)
{
    probe->tries++;
    probe->until_ms = net_now_ms() + PROBE_TRY_MS;
    return send(probe->fd, probe->message, probe->len, MSG_NOSIGNAL) == (ssize_t)probe->len;
}

static void write_query(struct probe *probe)
{
    static const uint8_t expire[4] = {0, EDNS_EXPIRE, 0, 0};
    struct request request = {.name = probe->follower->zone->name, .type = TYPE_SOA};
    if (!probe->plain) {
        request.edns = true;
        request.options = expire;
        request.options_len = sizeof expire;
    }
    probe->len = request_write(&request, probe->message);
    if (probe->peer->key != NULL)
        probe->len = tsig_sign_request(
            &probe->tsig, probe->peer->key, probe->message, probe->len, (uint64_t)time(NULL));
}

enum probe_outcome probe_begin(struct probe *probe, struct follower *follower, char *why)
{
    probe->left_s = LEFT_UNKNOWN;
    probe->plain = false;
    probe->follower = follower;
    probe->plan = plan_hold(follower->plan);
    probe->peer = &probe->plan->primaries[follower->index].peer;
    probe->tries = 0;
    probe->fd = net_socket(probe->peer, SOCK_DGRAM);
    if (probe->fd < 0 ||
        connect(probe->fd, &probe->peer->address.any, peer_address_len(&probe->peer->address)) != 0)
        return failed(probe, why, strerror(errno));
    write_query(probe);
    return send_query(probe) ? PROBE_WAITING : failed(probe, why, strerror(errno));
}

/* A SOA in an answer with AA; whoever answers without is no primary (RFC 1034 4.3.5). */
static enum probe_outcome judge(struct probe *probe, uint8_t *reply, size_t len, uint32_t *serial, char *why)
{
    const char *wrong = NULL;
    if (probe->peer->key != NULL &&
        tsig_check_reply(&probe->tsig, reply, &len, (uint64_t)time(NULL), &wrong) != ERR_OK) {
        char text[160];
        snprintf(text, sizeof text, "TSIG: %s", wrong);
        return failed(probe, why, text);
    }
    unsigned rcode = reply_rcode(reply, len, NULL);
    if ((rcode == RCODE_FORMERR || rcode == RCODE_NOTIMP) && !probe->plain) {
        probe->plain = true; /* RFC 6891 7: it may be older than EDNS */
        write_query(probe);
        return send_query(probe) ? PROBE_WAITING : failed(probe, why, strerror(errno));
    }
    if (rcode != RCODE_NOERROR) {
        char text[64];
        const char *name = rcode_name(rcode);
        snprintf(text, sizeof text, "answers %s", name != NULL ? name : "an error");
        return failed(probe, why, text);
    }
    if (reply_serial(reply, len, probe->follower->zone->name, serial) != ERR_OK)
        return failed(probe, why, "answers without the zone's SOA");
    if ((reply[2] & (MESSAGE_AA >> 8)) == 0)
        return failed(probe, why, "is not authoritative for the zone");
    struct edns_option left;
    if (reply_option(reply, len, EDNS_EXPIRE, &left) && left.len == 4)
        probe->left_s = (uint32_t)left.bytes[0] << 24 | (uint32_t)left.bytes[1] << 16 |
                        (uint32_t)left.bytes[2] << 8 | left.bytes[3];
    return PROBE_ANSWERED;
}

enum probe_outcome probe_look(struct probe *probe, int64_t now_ms, bool readable, uint32_t *serial, char *why)
{
    uint8_t reply[4096];
    while (readable) {
        ssize_t got = recv(probe->fd, reply, sizeof reply, 0);
        if (got < 0 && errno == EAGAIN)
            break;
        if (got < 0)
            return failed(probe, why, strerror(errno));
        if (request_matches(probe->message, probe->len, reply, (size_t)got, false))
            return judge(probe, reply, (size_t)got, serial, why);
    }
    if (now_ms < probe->until_ms)
        return PROBE_WAITING;
    if (probe->tries >= PROBE_TRIES)
        return failed(probe, why, "no answer in time");
    return send_query(probe) ? PROBE_WAITING : failed(probe, why, strerror(errno));
}

void probe_end(struct probe *probe)
{
    if (probe->fd >= 0)
        close(probe->fd);
    probe->fd = -1;
    plan_release(probe->plan);
    probe->plan = NULL;
}
