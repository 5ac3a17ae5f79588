#include "zone/base/json.h"

#include <string.h>

void json_init(struct json *json, FILE *out)
{
    memset(json, 0, sizeof *json);
    json->out = out;
}

/* Octets of the UTF-8 sequence at AT (RFC 3629 4, without its finer points), 0 when it is none. */
static unsigned sequence_len(const unsigned char *at)
{
    unsigned len = at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;
    if (at[0] < 0xc2 || at[0] > 0xf4)
        return 0;
    for (unsigned i = 1; i < len; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    return len;
}

static void put_string(FILE *out, const char *text)
{
    fputc('"', out);
    for (const unsigned char *at = (const unsigned char *)text; *at != '\0';) {
        unsigned len = *at < 0x80 ? 1 : sequence_len(at);
        if (*at == '"' || *at == '\\')
            fprintf(out, "\\%c", *at);
        else if (*at < 0x20 || *at == 0x7f || len == 0)
            fprintf(out, "\\u%04x", *at);
        else
            fwrite(at, 1, len, out);
        at += len != 0 ? len : 1;
    }
    fputc('"', out);
}

static void lead(struct json *json, const char *name)
{
    if (json->comma[json->depth])
        fputc(',', json->out);
    json->comma[json->depth] = true;
    if (name == NULL)
        return;
    put_string(json->out, name);
    fputc(':', json->out);
}

void json_open(struct json *json, const char *name, char bracket)
{
    lead(json, name);
    fputc(bracket, json->out);
    if (json->depth + 1 < JSON_DEPTH_MAX)
        json->depth++;
    json->comma[json->depth] = false;
}

void json_close(struct json *json, char bracket)
{
    fputc(bracket, json->out);
    if (json->depth != 0)
        json->depth--;
}

void json_text(struct json *json, const char *name, const char *text)
{
    lead(json, name);
    if (text != NULL)
        put_string(json->out, text);
    else
        fputs("null", json->out);
}

void json_number(struct json *json, const char *name, uint64_t number)
{
    lead(json, name);
    fprintf(json->out, "%llu", (unsigned long long)number);
}

void json_bool(struct json *json, const char *name, bool value)
{
    lead(json, name);
    fputs(value ? "true" : "false", json->out);
}
