/* TCP of captures: segments of a stream, of which each message needs two octets of length and itself (RFC
 * 1035 4.2.2). Clients send the length alone, several messages in one segment, or one in several. */
#include <stdlib.h>
#include <string.h>

#include "zonetool/capture_parts.h"

#define STREAMS 1024 /* places; a stream that comes to another's place takes it */
#define STREAM_MAX (2 + 65535)

struct stream {
    uint64_t flow;
    uint8_t *bytes; /* of a message that is not complete */
    uint32_t next;  /* the number of the octet that comes next */
    uint32_t len;
    bool known;
};

struct capture_streams {
    struct stream places[STREAMS];
};

static void drop(struct capture *capture, struct stream *stream)
{
    capture->passed_over += stream->len > 0;
    stream->len = 0;
}

static struct stream *find(struct capture *capture, uint64_t flow)
{
    if (capture->streams == NULL)
        capture->streams = calloc(1, sizeof *capture->streams);
    if (capture->streams == NULL)
        return NULL;
    struct stream *stream = &capture->streams->places[flow % STREAMS];
    if (stream->flow != flow || !stream->known) {
        drop(capture, stream);
        stream->flow = flow;
        stream->known = false;
    }
    return stream;
}

static size_t whole(const uint8_t *bytes, size_t len)
{
    size_t message = len >= 2 ? 2 + (size_t)(bytes[0] << 8 | bytes[1]) : SIZE_MAX;
    return message <= len ? message : 0;
}

/* Tells the messages at the front; returns what is left. */
static size_t take_messages(struct capture *capture, const uint8_t *bytes, size_t len)
{
    for (size_t message; (message = whole(bytes, len)) > 0; bytes += message, len -= message)
        capture_message(capture, bytes + 2, message - 2, false);
    return len;
}

static void append(struct capture *capture, struct stream *stream, const uint8_t *bytes, size_t len)
{
    if (stream->bytes == NULL)
        stream->bytes = malloc(2 * STREAM_MAX);
    if (stream->bytes == NULL || stream->len + len > 2 * STREAM_MAX) {
        drop(capture, stream);
        return;
    }
    memcpy(stream->bytes + stream->len, bytes, len);
    stream->len += (uint32_t)len;
    size_t left = take_messages(capture, stream->bytes, stream->len);
    memmove(stream->bytes, stream->bytes + stream->len - left, left);
    stream->len = (uint32_t)left;
}

void capture_stream(
    struct capture *capture, uint64_t flow, uint32_t sequence, bool begins, const uint8_t *bytes, size_t len)
{
    struct stream *stream = find(capture, flow);
    if (stream == NULL)
        return;
    if (begins) {
        drop(capture, stream);
        stream->known = true;
        stream->next = ++sequence;
    }
    if (len == 0)
        return;
    /* A capture may begin in the middle: then a message may, too. */
    int32_t ahead = stream->known ? (int32_t)(sequence - stream->next) : 0;
    if (ahead < 0 && (size_t) - (int64_t)ahead >= len)
        return; /* sent again */
    size_t again = ahead < 0 ? (size_t) - (int64_t)ahead : 0;
    if (ahead > 0)
        drop(capture, stream); /* something is missing */
    stream->known = true;
    stream->next = sequence + (uint32_t)len;
    append(capture, stream, bytes + again, len - again);
}

void capture_streams_clear(struct capture *capture)
{
    for (unsigned i = 0; capture->streams != NULL && i < STREAMS; i++) {
        drop(capture, &capture->streams->places[i]);
        free(capture->streams->places[i].bytes);
    }
    free(capture->streams);
    capture->streams = NULL;
}
