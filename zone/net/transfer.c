#include "zone/net/transfer.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "zone/net/exchange.h"
#include "zone/net/request.h"
#include "zone/net/stream.h"
#include "zone/sec/tsig.h"

#define UDP_WAIT_MS 1500

static enum err failed(struct transfer *transfer, enum err err, const char *why)
{
    snprintf(transfer->why, sizeof transfer->why, "%s", why);
    return err;
}

static struct request request_for(const struct transfer_request *wanted)
{
    return (struct request){.name = wanted->zone,
        .type = wanted->incremental ? TYPE_IXFR : TYPE_AXFR,
        .has_serial = wanted->incremental,
        .serial = wanted->from};
}

/* RFC 5936 2.2.1: the id and, in the first message at least, the question. */
static enum err check_message(
    struct transfer *transfer, const uint8_t *request, size_t request_len, const uint8_t *message, size_t len)
{
    if (request_matches(request, request_len, message, len, transfer->in.messages > 0))
        return ERR_OK;
    return failed(transfer, ERR_INVALID, "a message does not belong to the request");
}

static enum err check_tsig(struct transfer *transfer, struct tsig *tsig, uint8_t *message, size_t *len)
{
    const char *why = NULL;
    enum err err = tsig_check_reply(tsig, message, len, (uint64_t)time(NULL), &why);
    if (err != ERR_OK)
        snprintf(transfer->why, sizeof transfer->why, "TSIG: %s", why);
    return err;
}

static enum err receive(struct transfer *transfer, struct stream *stream, const uint8_t *request,
    size_t request_len, struct tsig *tsig)
{
    enum err err = ERR_OK;
    while (err == ERR_OK && !inbound_is_done(&transfer->in)) {
        uint8_t *message;
        size_t len;
        err = stream_receive(stream, &message, &len);
        if (err != ERR_OK)
            return failed(transfer, err == ERR_MISSING ? ERR_IO : err, stream->why);
        transfer->received += len + 2;
        err = check_message(transfer, request, request_len, message, len);
        if (err == ERR_OK && tsig != NULL)
            err = check_tsig(transfer, tsig, message, &len);
        if (err != ERR_OK)
            return err;
        err = inbound_message(&transfer->in, message, len);
        if (err != ERR_OK)
            return failed(transfer, err, transfer->in.why);
    }
    const char *why = NULL;
    if (tsig != NULL && tsig_check_end(tsig, &why) != ERR_OK)
        return failed(transfer, ERR_INVALID, why);
    return err;
}

static enum err fetch_stream(
    struct transfer *transfer, const struct peer *peer, const struct transfer_request *wanted)
{
    struct request request = request_for(wanted);
    uint8_t message[REQUEST_MAX];
    struct stream stream;
    struct tsig tsig;
    int64_t deadline = wanted->max_ms != 0 ? net_now_ms() + wanted->max_ms : 0;
    enum err err = stream_open(&stream, peer, deadline, wanted->stop);
    if (err != ERR_OK)
        return failed(transfer, err, stream.why);
    size_t len = request_write(&request, message);
    if (peer->key != NULL)
        len = tsig_sign_request(&tsig, peer->key, message, len, (uint64_t)time(NULL));
    err = stream_send(&stream, message, len);
    err = err == ERR_OK ? receive(transfer, &stream, message, len, peer->key != NULL ? &tsig : NULL)
                        : failed(transfer, err, stream.why);
    stream_close(&stream);
    return err;
}

/* RFC 1995 2: what does not fit comes as a lone SOA, or truncated; then TCP has to do it. Whoever does not
 * answer such questions by UDP is not waited for as long as one that is all there is. */
static enum err fetch_udp(
    struct transfer *transfer, const struct peer *peer, const struct transfer_request *wanted)
{
    struct request request = request_for(wanted);
    struct peer hurried = *peer;
    struct exchange exchange;
    request.edns = request.datagram = true;
    if (hurried.timeout_ms == 0 || hurried.timeout_ms > UDP_WAIT_MS)
        hurried.timeout_ms = UDP_WAIT_MS;
    enum err err = exchange_ask(&exchange, &hurried, &request);
    if (err != ERR_OK)
        return failed(transfer, err, exchange.why);
    transfer->received += exchange.reply_len;
    err = inbound_message(&transfer->in, exchange.reply, exchange.reply_len);
    if (err != ERR_OK)
        failed(transfer, err, transfer->in.why);
    exchange_clear(&exchange);
    return err;
}

static enum err begin(struct transfer *transfer, const struct transfer_request *wanted)
{
    memset(transfer, 0, sizeof *transfer);
    enum err err =
        inbound_init(&transfer->in, wanted->zone, wanted->incremental, wanted->from, wanted->max_octets);
    transfer->in.on_tapes = wanted->build;
    return err == ERR_OK ? err : failed(transfer, err, err_text(err));
}

enum err transfer_fetch(
    struct transfer *transfer, const struct peer *peer, const struct transfer_request *wanted)
{
    int64_t began = net_now_ms();
    enum err err = begin(transfer, wanted);
    if (err == ERR_OK && wanted->incremental && wanted->udp && peer->transport == PEER_UDP) {
        err = fetch_udp(transfer, peer, wanted);
        transfer->by_udp = err == ERR_OK && inbound_is_done(&transfer->in);
        if (transfer->by_udp)
            goto out;
        inbound_clear(&transfer->in);
        err = begin(transfer, wanted);
    }
    if (err == ERR_OK)
        err = fetch_stream(transfer, peer, wanted);
out:
    transfer->took_ms = (uint32_t)(net_now_ms() - began);
    return err;
}

void transfer_clear(struct transfer *transfer)
{
    inbound_clear(&transfer->in);
}
