/* A response of an upstream: looked over, sent on as octets with new TTLs, and taken apart into references.
 *
 * Whatever comes in: places of TTLs and the body lie inside the message; what is sent on has as many
 * well-formed records as its counts say; and what the look-over lets pass, reply_open can take apart or
 * refuses as a whole. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zone/wire/encode.h"
#include "zone/wire/reply_open.h"
#include "zone/wire/response.h"
#include "zone/wire/type.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void must(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "broken: %s\n", what);
    abort();
}

static void count_records(const uint8_t *out, size_t len, size_t at)
{
    unsigned count = (unsigned)(out[6] << 8 | out[7]) + (unsigned)(out[8] << 8 | out[9]) +
                     (unsigned)(out[10] << 8 | out[11]);
    for (; count > 0; count--) {
        struct message_record record;
        must(message_record_read(out, len, &at, &record) == ERR_OK, "records of the reply");
    }
    must(at == len, "octets behind the reply");
}

static void send_on(const struct response *response, struct message *query, struct arena *scratch)
{
    static uint8_t out[MESSAGE_MAX];
    struct reply reply;
    struct envelope envelope = {.query = query, .limit = sizeof out};
    reply_clear(&reply);
    reply.rcode = response->rcode;
    reply.body = &response->body;
    reply.retimed = true;
    reply.body_ttl = 77;
    count_records(out, reply_encode(&envelope, &reply, out), query->body_at);
    if (reply_open(&reply, &query->question, scratch) != ERR_OK)
        return;
    must(reply.body == NULL, "opened");
    count_records(out, reply_encode(&envelope, &reply, out), query->body_at);
    envelope.limit = 512;
    must(reply_encode(&envelope, &reply, out) <= 512, "limit");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct response response;
    struct arena scratch;
    if (response_read(&response, bytes, len) != ERR_OK)
        return 0;
    const struct reply_body *body = &response.body;
    must(body->at <= body->end && body->end <= len, "the body lies in the message");
    for (unsigned i = 0; i < body->ttl_count; i++)
        must(body->ttl_at[i] >= body->at && body->ttl_at[i] + 4u <= body->end + 0u, "a TTL lies in the body");
    if (!response.has_question || !response.plain)
        return 0;
    struct message query = {.body_at = body->at, .edns = {.size = EDNS_SIZE_MIN}};
    question_set(&query.question, bytes + MESSAGE_HEADER_LEN, TYPE_A, CLASS_IN);
    arena_init(&scratch, 0);
    send_on(&response, &query, &scratch);
    arena_clear(&scratch);
    return 0;
}
