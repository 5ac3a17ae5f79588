#include "zone/base/json.h"

#include <string.h>

#include "zone/base/utf8.h"

void json_init(struct json *json, FILE *out)
{
    memset(json, 0, sizeof *json);
    json->out = out;
}

/* Beyond the first plane: two of them (RFC 8259 7). */
static void put_code(FILE *out, uint32_t code)
{
    if (code < 0x10000)
        fprintf(out, "\\u%04x", code);
    else
        fprintf(out, "\\u%04x\\u%04x", 0xd7c0 + (code >> 10), 0xdc00 + (code & 0x3ff));
}

/* What could steer a terminal that the JSON is looked at with is written by its number. */
static void put_string(FILE *out, const char *text)
{
    const char *end = text + strlen(text);
    fputc('"', out);
    while (text < end) {
        uint32_t code = (unsigned char)*text;
        unsigned len = utf8_read(text, (size_t)(end - text), &code);
        if (*text == '"' || *text == '\\')
            fprintf(out, "\\%c", *text);
        else if (len == 0 || !utf8_is_plain(code))
            put_code(out, code);
        else
            fwrite(text, 1, len, out);
        text += len != 0 ? len : 1;
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
