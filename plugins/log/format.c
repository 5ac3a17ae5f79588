#include "plugins/log/format.h"

#include <string.h>

#include "plugins/metadata.h"

#include "zone/wire/type.h"

#define COMMON                                                                                               \
    "{remote}:{port} - {>id} \"{type} {class} {name} {proto} {size} {>do} {>bufsize}\" {rcode} {>rflags} "   \
    "{rsize} {duration}"
#define PREFIX "[INFO] "

/* A line being written; what does not fit is left out. */
struct line {
    char *at;
    char *end;
};

typedef void write_part(struct line *line, const struct query *query);

struct format_part {
    write_part *write; /* NULL: the text */
    bool metadata;     /* the text is a label */
    const char *text;
    size_t len;
};

/* ---- writing ---- */

static void put(struct line *line, const char *text, size_t len)
{
    size_t room = (size_t)(line->end - line->at);
    len = len < room ? len : room;
    memcpy(line->at, text, len);
    line->at += len;
}

static void put_text(struct line *line, const char *text)
{
    put(line, text, strlen(text));
}

static void put_number(struct line *line, uint64_t number)
{
    char digits[20];
    size_t at = sizeof digits;
    if (number <= UINT32_MAX) { /* shorter divisions */
        uint32_t small = (uint32_t)number;
        do
            digits[--at] = (char)('0' + small % 10);
        while ((small /= 10) != 0);
    } else {
        do
            digits[--at] = (char)('0' + number % 10);
        while ((number /= 10) != 0);
    }
    put(line, digits + at, sizeof digits - at);
}

static void put_address(struct line *line, const union address *address)
{
    char text[INET6_ADDRSTRLEN];
    bool v6 = address->any.sa_family == AF_INET6;
    address_print(address, text);
    put(line, "[", v6);
    put_text(line, text);
    put(line, "]", v6);
}

static void put_remote(struct line *line, const struct query *query)
{
    put_address(line, &query->client);
}

static void put_port(struct line *line, const struct query *query)
{
    put_number(line, address_port(&query->client));
}

static void put_local(struct line *line, const struct query *query)
{
    put_address(line, &query->server);
}

static void put_id(struct line *line, const struct query *query)
{
    put_number(line, query->message.id);
}

static void put_opcode(struct line *line, const struct query *query)
{
    put_number(line, message_opcode(&query->message));
}

static void put_type(struct line *line, const struct query *query)
{
    char text[16];
    put(line, text, type_print(query->message.question.type, text));
}

static void put_class(struct line *line, const struct query *query)
{
    char text[16];
    put(line, text, class_print(query->message.question.class, text));
}

static void put_name(struct line *line, const struct query *query)
{
    char text[NAME_TEXT_MAX];
    put(line, text, name_print(query->message.question.lower, text));
}

static void put_proto(struct line *line, const struct query *query)
{
    put_text(line, query->transport == TRANSPORT_UDP ? "udp" : "tcp");
}

static void put_size(struct line *line, const struct query *query)
{
    put_number(line, query->message.len);
}

static void put_do(struct line *line, const struct query *query)
{
    put_text(line, query->message.edns.dnssec ? "true" : "false");
}

static void put_bufsize(struct line *line, const struct query *query)
{
    put_number(line, query->transport == TRANSPORT_UDP ? query->message.edns.size : MESSAGE_MAX);
}

static void put_rcode(struct line *line, const struct query *query)
{
    const char *name = rcode_name(query->reply.rcode);
    if (name != NULL)
        put_text(line, name);
    else
        put_number(line, query->reply.rcode);
}

static const struct {
    uint16_t bit;
    const char *text;
} flag_texts[] = {
    {MESSAGE_QR, "qr"},
    {MESSAGE_AA, "aa"},
    {MESSAGE_TC, "tc"},
    {MESSAGE_RD, "rd"},
    {MESSAGE_RA, "ra"},
    {MESSAGE_AD, "ad"},
    {MESSAGE_CD, "cd"},
};

static void put_rflags(struct line *line, const struct query *query)
{
    unsigned flags = (unsigned)query->reply_bytes[2] << 8 | query->reply_bytes[3];
    bool first = true;
    for (unsigned i = 0; i < ARRAY_COUNT(flag_texts); i++) {
        if ((flags & flag_texts[i].bit) == 0)
            continue;
        put(line, ",", !first);
        put_text(line, flag_texts[i].text);
        first = false;
    }
}

static void put_rsize(struct line *line, const struct query *query)
{
    put_number(line, query->reply_len);
}

/* Seconds with nine places: "0.000123456s". */
static void put_duration(struct line *line, const struct query *query)
{
    uint64_t ns = query->end_ns > query->begin_ns ? query->end_ns - query->begin_ns : 0;
    char places[10];
    put_number(line, ns / 1000000000u);
    uint32_t rest = (uint32_t)(ns % 1000000000u);
    for (unsigned i = 9; i > 0; i--, rest /= 10)
        places[i] = (char)('0' + rest % 10);
    places[0] = '.';
    put(line, places, sizeof places);
    put(line, "s", 1);
}

/* Whatever a provider, perhaps the client, put there stays within its line. */
static void put_metadata(struct line *line, const struct query *query, const char *label, size_t label_len)
{
    char text[METADATA_VALUE_MAX];
    size_t len = metadata_value(query, label, label_len, text, sizeof text);
    for (size_t i = 0; i < len; i++)
        text[i] = text[i] < ' ' || text[i] > '~' ? '?' : text[i];
    put(line, len > 0 ? text : "-", len > 0 ? len : 1);
}

static const struct {
    const char *word;
    write_part *write;
} placeholders[] = {
    {"remote", put_remote},
    {"port", put_port},
    {"local", put_local},
    {">id", put_id},
    {">opcode", put_opcode},
    {"type", put_type},
    {"class", put_class},
    {"name", put_name},
    {"proto", put_proto},
    {"size", put_size},
    {">do", put_do},
    {">bufsize", put_bufsize},
    {"rcode", put_rcode},
    {">rflags", put_rflags},
    {"rsize", put_rsize},
    {"duration", put_duration},
};

size_t format_write(const struct format *format, const struct query *query, char *out)
{
    struct line line = {.at = out, .end = out + FORMAT_LINE_MAX - 1};
    put(&line, PREFIX, sizeof PREFIX - 1);
    for (unsigned i = 0; i < format->count; i++) {
        const struct format_part *part = &format->parts[i];
        if (part->write != NULL)
            part->write(&line, query);
        else if (part->metadata)
            put_metadata(&line, query, part->text, part->len);
        else
            put(&line, part->text, part->len);
    }
    *line.at++ = '\n';
    return (size_t)(line.at - out);
}

/* ---- parsing ---- */

static const struct {
    const char *word;
    const char *text;
} short_forms[] = {
    {"{common}", COMMON},
    {"{combined}", COMMON " \"{>opcode}\""},
};

/* TEXT with {common} and {combined} written out. */
static const char *write_out(const char *text, struct arena *world)
{
    for (unsigned i = 0; i < ARRAY_COUNT(short_forms) && text != NULL; i++) {
        const char *at = strstr(text, short_forms[i].word);
        if (at != NULL)
            text = arena_printf(world, "%.*s%s%s", (int)(at - text), text, short_forms[i].text,
                at + strlen(short_forms[i].word));
    }
    return text;
}

static write_part *find_placeholder(const char *word, size_t len)
{
    for (unsigned i = 0; i < ARRAY_COUNT(placeholders); i++) {
        if (strlen(placeholders[i].word) == len && memcmp(placeholders[i].word, word, len) == 0)
            return placeholders[i].write;
    }
    return NULL;
}

enum err format_parse(struct format *format, const char *text, struct setup *setup)
{
    text = write_out(text, setup->world);
    if (text == NULL)
        return ERR_MEMORY;
    struct format_part *parts = ARENA_ARRAY(setup->world, struct format_part, strlen(text) + 1);
    if (parts == NULL)
        return ERR_MEMORY;
    unsigned count = 0;
    while (*text != '\0') {
        size_t len = strcspn(text, "{");
        if (len > 0) {
            parts[count++] = (struct format_part){.text = text, .len = len};
            text += len;
            continue;
        }
        len = strcspn(text, "}");
        if (len > 2 && text[1] == '/' && text[len] == '}') {
            parts[count++] = (struct format_part){.metadata = true, .text = text + 2, .len = len - 2};
            text += len + 1;
            continue;
        }
        write_part *write = text[len] == '}' ? find_placeholder(text + 1, len - 1) : NULL;
        if (write == NULL)
            return setup_error(setup, &setup->directive->name,
                "{remote} {port} {local} {>id} {>opcode} {type} {class} {name} {proto} {size} {>do} "
                "{>bufsize} "
                "{rcode} {>rflags} {rsize} {duration} {common} {combined}",
                "log: unknown placeholder '%.*s'", (int)len + 1, text);
        parts[count++] = (struct format_part){.write = write};
        text += len + 1;
    }
    format->parts = parts;
    format->count = count;
    return ERR_OK;
}
