#include "plugins/log/json.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "plugins/log/format.h"
#include "plugins/metadata.h"
#include "zone/wire/type.h"

struct line {
    char *at, *end;
};

static PRINTF(2, 3) void put(struct line *line, const char *format, ...)
{
    va_list args;
    size_t room = (size_t)(line->end - line->at);
    va_start(args, format);
    int len = vsnprintf(line->at, room, format, args);
    va_end(args);
    line->at += len < 0 ? 0 : (size_t)len < room ? (size_t)len : room - 1;
}

/* A string of JSON; octets that are no ASCII stand as they are in a name's presentation form, escaped
 * already. */
static void put_text(struct line *line, const char *text)
{
    put(line, "\"");
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            put(line, "\\%c", c);
        else if (c < 0x20 || c > 0x7e)
            put(line, "\\u%04x", c);
        else
            put(line, "%c", c);
    }
    put(line, "\"");
}

static void put_question(struct line *line, const struct query *query)
{
    char name[NAME_TEXT_MAX], type[16], class[16];
    name_print(query->message.question.lower, name);
    type_print(query->message.question.type, type);
    class_print(query->message.question.class, class);
    put(line, "\"type\":\"%s\",\"class\":\"%s\",\"name\":", type, class);
    put_text(line, name);
}

static void put_flags(struct line *line, const struct query *query)
{
    static const struct {
        uint16_t bit;
        const char *text;
    } texts[] = {{MESSAGE_QR, "qr"}, {MESSAGE_AA, "aa"}, {MESSAGE_TC, "tc"}, {MESSAGE_RD, "rd"},
        {MESSAGE_RA, "ra"}, {MESSAGE_AD, "ad"}, {MESSAGE_CD, "cd"}};
    unsigned flags = (unsigned)query->reply_bytes[2] << 8 | query->reply_bytes[3];
    const char *comma = "";
    put(line, ",\"rflags\":[");
    for (unsigned i = 0; i < ARRAY_COUNT(texts); i++) {
        if ((flags & texts[i].bit) == 0)
            continue;
        put(line, "%s\"%s\"", comma, texts[i].text);
        comma = ",";
    }
    put(line, "]");
}

static void put_reply(struct line *line, const struct query *query)
{
    const char *rcode = rcode_name(query->reply.rcode);
    uint64_t ns = query->end_ns > query->begin_ns ? query->end_ns - query->begin_ns : 0;
    if (rcode != NULL)
        put(line, ",\"rcode\":\"%s\"", rcode);
    else
        put(line, ",\"rcode\":\"%u\"", query->reply.rcode);
    put_flags(line, query);
    put(line, ",\"rsize\":%u,\"duration\":%" PRIu64 ".%09u", query->reply_len, ns / 1000000000u,
        (unsigned)(ns % 1000000000u));
    if (query->error != NULL) {
        put(line, ",\"error\":");
        put_text(line, query->error);
    }
}

static void put_view(struct line *line, const struct query *query)
{
    if (query->block == NULL || query->block->view == NULL)
        return;
    put(line, ",\"view\":");
    put_text(line, query->block->view);
}

size_t json_write(const struct query *query, char *out)
{
    struct line line = {out, out + FORMAT_LINE_MAX - 4};
    char remote[INET6_ADDRSTRLEN], local[INET6_ADDRSTRLEN];
    const struct message *message = &query->message;
    address_print(&query->client, remote);
    address_print(&query->server, local);
    put(&line,
        "{\"time\":%" PRIu64 ".%06u,\"remote\":\"%s\",\"port\":%u,\"local\":\"%s\",\"id\":%u,\"opcode\":%u,",
        query->begin_ns / 1000000000u, (unsigned)(query->begin_ns % 1000000000u / 1000u), remote,
        address_port(&query->client), local, message->id, message_opcode(message));
    put_question(&line, query);
    put(&line, ",\"proto\":\"%s\",\"size\":%u,\"do\":%s,\"bufsize\":%u",
        query->transport == TRANSPORT_UDP ? "udp" : "tcp", message->len,
        message->edns.dnssec ? "true" : "false",
        query->transport == TRANSPORT_UDP ? message->edns.size : MESSAGE_MAX);
    put_reply(&line, query);
    put_view(&line, query);
    memcpy(line.at, "}\n", 2);
    return (size_t)(line.at + 2 - out);
}
