#include "zone/net/exchange.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "zone/sec/tsig.h"

#define TRIES 3 /* of one question over UDP */

struct asking {
    const struct peer *peer;
    struct exchange *exchange;
    struct tsig tsig;
    uint32_t timeout_ms;
    size_t plain_len; /* of the request without TSIG */
    size_t len;
    uint8_t message[REQUEST_MAX];
};

static uint64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

/* A request is signed anew for each connection: the exchange of a TSIG begins with it. */
static void sign(struct asking *asking)
{
    asking->len = asking->plain_len;
    if (asking->peer->key == NULL)
        return;
    if (asking->message[11] > 0 && asking->tsig.key != NULL)
        asking->message[11]--; /* the record that was there before */
    asking->len = tsig_sign_request(
        &asking->tsig, asking->peer->key, asking->message, asking->plain_len, (uint64_t)time(NULL));
}

static enum err failed(struct asking *asking, const char *what)
{
    snprintf(asking->exchange->why, sizeof asking->exchange->why, "%s: %s", what,
        errno == ETIMEDOUT ? "no answer in time" : strerror(errno));
    return ERR_IO;
}

/* Takes the reply in exchange->reply to be the answer. */
static enum err verify(struct asking *asking)
{
    struct exchange *exchange = asking->exchange;
    const char *why = NULL;
    if (asking->peer->key == NULL)
        return ERR_OK;
    enum err err =
        tsig_check_reply(&asking->tsig, exchange->reply, &exchange->reply_len, (uint64_t)time(NULL), &why);
    if (err != ERR_OK)
        snprintf(exchange->why, sizeof exchange->why, "TSIG: %s", why);
    return err;
}

/* One try: what does not answer our question is passed over (RFC 5452 9). */
static enum err await_datagram(struct asking *asking, int fd, int64_t until_ms)
{
    struct exchange *exchange = asking->exchange;
    for (;;) {
        int64_t left = until_ms - net_now_ms();
        if (net_wait(fd, POLLIN, left > 0 ? left : 0, 0, NULL) != ERR_OK)
            return failed(asking, "UDP");
        ssize_t got = recv(fd, exchange->reply, EXCHANGE_REPLY_MAX, 0);
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (got < 0)
            return failed(asking, "UDP");
        exchange->reply_len = (size_t)got;
        if (request_matches(asking->message, asking->len, exchange->reply, exchange->reply_len, false))
            return verify(asking);
    }
}

static enum err ask_udp(struct asking *asking)
{
    int fd = net_socket(asking->peer, SOCK_DGRAM);
    enum err err = ERR_IO;
    if (fd < 0 || connect(fd, &asking->peer->address.any, peer_address_len(&asking->peer->address)) != 0) {
        err = failed(asking, "UDP");
        if (fd >= 0)
            close(fd);
        return err;
    }
    sign(asking);
    int64_t begin = net_now_ms();
    for (unsigned i = 1; i <= TRIES; i++) {
        err = send(fd, asking->message, asking->len, 0) < 0
                  ? failed(asking, "UDP")
                  : await_datagram(asking, fd, begin + (int64_t)asking->timeout_ms * i / TRIES);
        if (err != ERR_IO || errno != ETIMEDOUT)
            break;
    }
    close(fd);
    asking->exchange->transport = PEER_UDP;
    return err;
}

static enum err ask_stream(struct asking *asking)
{
    struct exchange *exchange = asking->exchange;
    struct stream stream;
    uint8_t *message;
    size_t len;
    enum err err = stream_open(&stream, asking->peer, net_now_ms() + asking->timeout_ms, NULL);
    if (err == ERR_OK) {
        sign(asking);
        err = stream_send(&stream, asking->message, asking->len);
        if (err == ERR_OK)
            err = stream_receive(&stream, &message, &len);
        if (err == ERR_OK) {
            memcpy(exchange->reply, message, len);
            exchange->reply_len = len;
        }
        stream_close(&stream);
    }
    exchange->transport = asking->peer->transport == PEER_TLS ? PEER_TLS : PEER_TCP;
    if (err != ERR_OK) {
        memcpy(exchange->why, stream.why, sizeof exchange->why);
        return err == ERR_MISSING ? ERR_IO : err;
    }
    if (!request_matches(asking->message, asking->len, exchange->reply, exchange->reply_len, false)) {
        snprintf(exchange->why, sizeof exchange->why, "what came is no answer to the question");
        return ERR_WIRE;
    }
    return verify(asking);
}

static bool is_truncated(const struct exchange *exchange)
{
    return (exchange->reply[2] & (MESSAGE_TC >> 8)) != 0;
}

enum err exchange_ask(struct exchange *exchange, const struct peer *peer, const struct request *request)
{
    struct asking asking = {.peer = peer,
        .exchange = exchange,
        .timeout_ms = peer->timeout_ms != 0 ? peer->timeout_ms : PEER_TIMEOUT_MS};
    *exchange = (struct exchange){.reply = malloc(EXCHANGE_REPLY_MAX)};
    if (exchange->reply == NULL)
        return ERR_MEMORY;
    asking.plain_len = request_write(request, asking.message);
    uint64_t begin = now_us();
    enum err err = peer->transport == PEER_UDP ? ask_udp(&asking) : ask_stream(&asking);
    if (err == ERR_OK && exchange->transport == PEER_UDP && is_truncated(exchange) && !request->datagram)
        err = ask_stream(&asking);
    exchange->took_us = (uint32_t)(now_us() - begin);
    if (err != ERR_OK) {
        free(exchange->reply);
        exchange->reply = NULL;
    }
    return err;
}

void exchange_clear(struct exchange *exchange)
{
    free(exchange->reply);
    exchange->reply = NULL;
}

enum err exchange_notify(
    struct exchange *exchange, const struct peer *peer, const uint8_t *zone, uint32_t serial)
{
    struct request request = {.name = zone,
        .type = TYPE_SOA,
        .opcode = OPCODE_NOTIFY,
        .flags = MESSAGE_AA,
        .has_serial = true,
        .serial = serial};
    enum err err = exchange_ask(exchange, peer, &request);
    if (err != ERR_OK)
        return err;
    unsigned rcode = reply_rcode(exchange->reply, exchange->reply_len, NULL);
    exchange_clear(exchange);
    if (rcode == RCODE_NOERROR)
        return ERR_OK;
    const char *name = rcode_name(rcode);
    snprintf(exchange->why, sizeof exchange->why, "the answer is %s", name != NULL ? name : "an error");
    return ERR_INVALID;
}
