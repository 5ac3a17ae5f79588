/* What backends send. The first octet chooses: a gRPC message, a response of HTTP/1.1, or a JSON reply.
 *
 * Whatever comes in: what is found lies inside of it; HTTP that is whole stays so with more octets behind it;
 * and a JSON reply that is taken can be written as a DNS message with as many well-formed records as it
 * counts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/backend/frame.h"
#include "plugins/backend/http1.h"
#include "plugins/backend/jsonreply.h"
#include "zone/wire/encode.h"
#include "zone/wire/type.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void must(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "broken: %s\n", what);
    abort();
}

static void try_frame(const uint8_t *bytes, size_t len)
{
    const uint8_t *message;
    const char *why = NULL;
    size_t message_len;
    if (frame_read(bytes, len, &message, &message_len, &why) != ERR_OK) {
        must(why != NULL, "a reason");
        return;
    }
    must(message >= bytes && message_len <= len && message + message_len <= bytes + len, "inside the frame");
}

static void try_http1(const uint8_t *bytes, size_t len)
{
    struct http1 response, longer;
    enum http1_state state = http1_read(&response, bytes, len);
    must(state != HTTP1_BROKEN || response.why != NULL, "a reason");
    if (state != HTTP1_WHOLE)
        return;
    must(response.head_len > 0 && response.head_len + response.body_len <= len, "inside the response");
    uint8_t *more = calloc(1, len + 16);
    must(more != NULL, "memory");
    memcpy(more, bytes, len);
    must(http1_read(&longer, more, len + 16) == HTTP1_WHOLE && longer.body_len == response.body_len, "whole");
    if (response.chunked)
        must(
            http1_unchunk(&response, more + response.head_len, more + response.head_len) <= response.body_len,
            "shorter");
    free(more);
}

static void write_message(const struct question *question, const struct reply *reply)
{
    static uint8_t out[MESSAGE_MAX];
    struct message query = {.body_at = MESSAGE_HEADER_LEN + question->name_len + 4u};
    struct envelope envelope = {.query = &query, .limit = sizeof out};
    query.question = *question;
    query.edns.size = EDNS_SIZE_MIN;
    size_t len = reply_encode(&envelope, reply, out), at = query.body_at;
    unsigned count = (unsigned)(out[6] << 8 | out[7]) + (unsigned)(out[8] << 8 | out[9]) +
                     (unsigned)(out[10] << 8 | out[11]);
    for (; count > 0; count--) {
        struct message_record record;
        must(message_record_read(out, len, &at, &record) == ERR_OK, "records of the reply");
    }
    must(at == len, "octets behind the reply");
}

static void try_json(const uint8_t *bytes, size_t len)
{
    static const uint8_t name[] = "\003www\007example\003com";
    struct question question;
    struct arena scratch;
    struct reply reply = {.refs = NULL};
    const char *why = NULL;
    question_set(&question, name, TYPE_A, CLASS_IN);
    arena_init(&scratch, 0);
    reply.refs = reply.inline_refs;
    reply.capacity = REPLY_INLINE;
    reply_clear(&reply);
    if (jsonreply_read((const char *)bytes, len, &question, &reply, &scratch, &why) == ERR_OK)
        write_message(&question, &reply);
    else
        must(why != NULL, "a reason");
    arena_clear(&scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static void (*const tries[])(const uint8_t *, size_t) = {try_frame, try_http1, try_json};
    if (len > 0)
        tries[bytes[0] % 3](bytes + 1, len - 1);
    return 0;
}
