#include "plugins/backend/http1.h"

#include <string.h>
#include <strings.h>

#define HEAD_MAX 16384

static enum http1_state broken(struct http1 *response, const char *why)
{
    response->why = why;
    return HTTP1_BROKEN;
}

/* ---- the header ---- */

static bool is_number(const char *at, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (at[i] < '0' || at[i] > '9')
            return false;
    }
    return len > 0;
}

/* Is WORD one of the values in the list at AT? */
static bool lists(const char *at, size_t len, const char *word)
{
    size_t word_len = strlen(word);
    while (len > 0) {
        size_t item = 0;
        while (item < len && at[item] != ',')
            item++;
        size_t from = 0, to = item;
        while (from < to && (at[from] == ' ' || at[from] == '\t'))
            from++;
        while (to > from && (at[to - 1] == ' ' || at[to - 1] == '\t'))
            to--;
        if (to - from == word_len && strncasecmp(at + from, word, word_len) == 0)
            return true;
        at += item < len ? item + 1 : item;
        len -= item < len ? item + 1 : item;
    }
    return false;
}

struct head {
    bool close, keep, chunked, length, odd_coding;
    size_t content_len;
};

/* One header line without its end; false when it is none, or lengths contradict each other (RFC 9112 6.3). */
static bool read_field(struct head *head, const char *at, size_t len)
{
    const char *colon = memchr(at, ':', len);
    if (colon == NULL || colon == at)
        return false;
    size_t name_len = (size_t)(colon - at), value_len = len - name_len - 1;
    const char *value = colon + 1;
    while (value_len > 0 && (*value == ' ' || *value == '\t'))
        value++, value_len--;
    while (value_len > 0 && (value[value_len - 1] == ' ' || value[value_len - 1] == '\t'))
        value_len--;
    if (name_len == 10 && strncasecmp(at, "Connection", 10) == 0) {
        head->close |= lists(value, value_len, "close");
        head->keep |= lists(value, value_len, "keep-alive");
    } else if (name_len == 17 && strncasecmp(at, "Transfer-Encoding", 17) == 0) {
        head->chunked = value_len == 7 && strncasecmp(value, "chunked", 7) == 0;
        head->odd_coding |= !head->chunked;
    } else if (name_len == 16 && strncasecmp(at, "Content-Encoding", 16) == 0) {
        head->odd_coding |= !lists(value, value_len, "identity");
    } else if (name_len == 14 && strncasecmp(at, "Content-Length", 14) == 0) {
        size_t number = 0;
        if (!is_number(value, value_len) || value_len > 9)
            return false;
        for (size_t i = 0; i < value_len; i++)
            number = number * 10 + (size_t)(value[i] - '0');
        if (head->length && head->content_len != number)
            return false;
        head->length = true;
        head->content_len = number;
    }
    return true;
}

/* The line at *AT without its end; LEN is behind the header. */
static size_t next_line(const char *bytes, size_t len, size_t *at)
{
    size_t from = *at;
    const char *end = memchr(bytes + from, '\n', len - from);
    size_t to = end != NULL ? (size_t)(end - bytes) : len;
    *at = to + 1;
    return to > from && bytes[to - 1] == '\r' ? to - from - 1 : to - from;
}

/* Octets up to and with the empty line; 0 when there is none yet. */
static size_t head_len(const char *bytes, size_t len)
{
    const char *at = bytes, *end = bytes + len;
    while ((at = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        at++;
        if (at < end && *at == '\n')
            return (size_t)(at + 1 - bytes);
        if (end - at > 1 && at[0] == '\r' && at[1] == '\n')
            return (size_t)(at + 2 - bytes);
    }
    return 0;
}

static enum http1_state read_head(struct http1 *response, struct head *head, const char *bytes, size_t len)
{
    size_t at = 0, line = next_line(bytes, len, &at);
    if (line < 12 || memcmp(bytes, "HTTP/1.", 7) != 0 || !is_number(bytes + 7, 1) || bytes[8] != ' ' ||
        !is_number(bytes + 9, 3) || (line > 12 && bytes[12] != ' '))
        return broken(response, "an answer that is not HTTP/1");
    response->status = (unsigned)((bytes[9] - '0') * 100 + (bytes[10] - '0') * 10 + (bytes[11] - '0'));
    while (at < len) {
        size_t from = at;
        line = next_line(bytes, len, &at);
        if (line > 0 && !read_field(head, bytes + from, line))
            return broken(response, "a malformed HTTP header");
    }
    if (head->odd_coding || (head->chunked && head->length)) /* RFC 9112 6.1: perhaps an attack */
        return broken(response, "an HTTP body in a form that was not asked for");
    response->keep = !head->close && (bytes[7] >= '1' || head->keep);
    return HTTP1_WHOLE;
}

/* ---- chunks (RFC 9112 7.1) ---- */

/* Reads the line in front of a chunk; its length, or -1 when it is none, -2 when more is needed. */
static long chunk_len(const uint8_t *bytes, size_t len, size_t *at)
{
    size_t from = *at, digits = 0;
    long value = 0;
    const uint8_t *end = memchr(bytes + from, '\n', len - from);
    if (end == NULL)
        return len - from > 1024 ? -1 : -2;
    for (; from < len; from++, digits++) {
        uint8_t c = bytes[from], low = c | 32;
        if (c >= '0' && c <= '9')
            value = value << 4 | (c - '0');
        else if (low >= 'a' && low <= 'f')
            value = value << 4 | (low - 'a' + 10);
        else
            break;
        if (digits >= 7)
            return -1;
    }
    if (digits == 0 ||
        (bytes[from] != ';' && bytes[from] != '\r' && bytes[from] != '\n' && bytes[from] != ' '))
        return -1;
    *at = (size_t)(end + 1 - bytes);
    return value;
}

/* Behind the last chunk there may be lines, up to an empty one. */
static enum http1_state read_trailer(struct http1 *response, const uint8_t *body, size_t len, size_t at)
{
    while (at < len) {
        const uint8_t *end = memchr(body + at, '\n', len - at);
        if (end == NULL)
            return HTTP1_MORE;
        size_t line = (size_t)(end - (body + at));
        at = (size_t)(end + 1 - body);
        if (line == 0 || (line == 1 && end[-1] == '\r')) {
            response->body_len = at;
            return HTTP1_WHOLE;
        }
    }
    return HTTP1_MORE;
}

static enum http1_state read_chunks(struct http1 *response, const uint8_t *body, size_t len)
{
    size_t at = 0;
    while (at < len) {
        long chunk = chunk_len(body, len, &at);
        if (chunk == -2)
            return HTTP1_MORE;
        if (chunk < 0)
            return broken(response, "a malformed HTTP chunk");
        if (chunk == 0)
            return read_trailer(response, body, len, at);
        if (len - at < (size_t)chunk + 2)
            return HTTP1_MORE;
        at += (size_t)chunk;
        if (body[at] != '\r' || body[at + 1] != '\n')
            return broken(response, "a malformed HTTP chunk");
        at += 2;
    }
    return HTTP1_MORE;
}

size_t http1_unchunk(const struct http1 *response, const uint8_t *body, uint8_t *out)
{
    size_t at = 0, used = 0;
    long chunk;
    while (at < response->body_len && (chunk = chunk_len(body, response->body_len, &at)) > 0) {
        memmove(out + used, body + at, (size_t)chunk);
        used += (size_t)chunk;
        at += (size_t)chunk + 2;
    }
    return used;
}

/* ---- the whole ---- */

enum http1_state http1_read(struct http1 *response, const uint8_t *bytes, size_t len)
{
    struct head head = {0};
    *response = (struct http1){0};
    response->head_len = head_len((const char *)bytes, len);
    if (response->head_len == 0 || response->head_len > HEAD_MAX)
        return len > HEAD_MAX ? broken(response, "an HTTP header that is too long") : HTTP1_MORE;
    enum http1_state state = read_head(response, &head, (const char *)bytes, response->head_len);
    if (state != HTTP1_WHOLE)
        return state;
    const uint8_t *body = bytes + response->head_len;
    size_t body_len = len - response->head_len;
    if (response->status < 200 || response->status == 204 || response->status == 304)
        return HTTP1_WHOLE;
    response->chunked = head.chunked;
    if (head.chunked)
        return read_chunks(response, body, body_len);
    response->until_close = !head.length;
    response->keep = response->keep && head.length;
    response->body_len = head.length ? head.content_len : body_len;
    return head.length && body_len >= head.content_len ? HTTP1_WHOLE : HTTP1_MORE;
}
