#include "plugins/backend/jsonread.h"

#include <string.h>

void jsonread_init(struct jsonread *r, const char *text, size_t len, struct arena *memory)
{
    *r = (struct jsonread){.at = text, .end = text + len, .memory = memory};
}

void jsonread_fail(struct jsonread *r, const char *error)
{
    if (r->error == NULL)
        r->error = error;
    r->at = r->end;
}

static void skip_space(struct jsonread *r)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r'))
        r->at++;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

char jsonread_peek(struct jsonread *r)
{
    skip_space(r);
    if (r->at == r->end)
        return '\0';
    return is_digit(*r->at) ? '0' : *r->at;
}

static bool take(struct jsonread *r, char wanted)
{
    if (jsonread_peek(r) != wanted || wanted == '\0')
        return false;
    r->at++;
    return true;
}

/* ---- objects and arrays ---- */

bool jsonread_open(struct jsonread *r, char bracket)
{
    if (!take(r, bracket)) {
        jsonread_fail(r, bracket == '{' ? "no object" : "no array");
        return false;
    }
    if (r->depth == JSONREAD_DEPTH_MAX) {
        jsonread_fail(r, "nested too deeply");
        return false;
    }
    r->first[++r->depth] = true;
    r->ends[r->depth] = bracket == '{' ? '}' : ']';
    return true;
}

bool jsonread_more(struct jsonread *r)
{
    char c = jsonread_peek(r);
    if (r->error != NULL)
        return false;
    if (r->depth > 0 && c == r->ends[r->depth]) {
        r->at++;
        r->depth--;
        return false;
    }
    if (!r->first[r->depth] && !take(r, ','))
        jsonread_fail(r, c == '\0' ? "cut short" : "a comma or bracket is missing");
    else if (jsonread_peek(r) == '\0')
        jsonread_fail(r, "cut short");
    r->first[r->depth] = false;
    return r->error == NULL;
}

struct jsonread_text jsonread_name(struct jsonread *r)
{
    struct jsonread_text name = jsonread_string(r);
    if (!take(r, ':'))
        jsonread_fail(r, "a member without a colon");
    return name;
}

/* ---- strings ---- */

static int hex4(const char *at, const char *end)
{
    int code = 0;
    if (end - at < 4)
        return -1;
    for (unsigned i = 0; i < 4; i++) {
        char c = at[i], low = (char)(c | 32);
        if (!is_digit(c) && (low < 'a' || low > 'f'))
            return -1;
        code = code << 4 | (is_digit(c) ? c - '0' : low - 'a' + 10);
    }
    return code;
}

static char *put_utf8(char *out, unsigned code)
{
    if (code < 0x80) {
        *out++ = (char)code;
        return out;
    }
    if (code < 0x800) {
        *out++ = (char)(0xc0 | code >> 6);
    } else {
        if (code < 0x10000) {
            *out++ = (char)(0xe0 | code >> 12);
        } else {
            *out++ = (char)(0xf0 | code >> 18);
            *out++ = (char)(0x80 | (code >> 12 & 63));
        }
        *out++ = (char)(0x80 | (code >> 6 & 63));
    }
    *out++ = (char)(0x80 | (code & 63));
    return out;
}

/* \uXXXX, and the second half of a pair of surrogates (RFC 8259 7); NULL when it is none. */
static char *take_unicode(struct jsonread *r, char *out)
{
    int code = hex4(r->at, r->end);
    if (code < 0)
        return NULL;
    r->at += 4;
    if (code >= 0xd800 && code < 0xdc00) {
        int low = r->end - r->at >= 6 && r->at[0] == '\\' && r->at[1] == 'u' ? hex4(r->at + 2, r->end) : -1;
        if (low < 0xdc00 || low > 0xdfff)
            return NULL;
        r->at += 6;
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    return put_utf8(out, (unsigned)code);
}

static char *take_escape(struct jsonread *r, char *out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    if (r->at == r->end)
        return NULL;
    char c = *r->at++;
    if (c == 'u')
        return take_unicode(r, out);
    const char *found = c != '\0' ? strchr(from, c) : NULL;
    if (found == NULL)
        return NULL;
    *out++ = to[found - from];
    return out;
}

struct jsonread_text jsonread_string(struct jsonread *r)
{
    const struct jsonread_text none = {NULL, 0};
    if (!take(r, '"')) {
        jsonread_fail(r, jsonread_peek(r) == '\0' ? "cut short" : "no string where one belongs");
        return none;
    }
    size_t room = 0; /* no character needs more room than its escape */
    while (r->at + room < r->end && r->at[room] != '"')
        room += r->at[room] == '\\' && r->at + room + 1 < r->end ? 2 : 1;
    char *out = arena_alloc(r->memory, room + 1, 1), *start = out;
    if (out == NULL) {
        jsonread_fail(r, "out of memory");
        return none;
    }
    while (r->at < r->end && *r->at != '"' && out != NULL) {
        char c = *r->at++;
        if (c == '\\')
            out = take_escape(r, out);
        else if ((unsigned char)c < 0x20)
            out = NULL;
        else
            *out++ = c;
    }
    if (out == NULL || !take(r, '"')) {
        jsonread_fail(
            r, out == NULL ? "a string with a control character or an unknown escape" : "cut short");
        return none;
    }
    *out = '\0';
    return (struct jsonread_text){start, (size_t)(out - start)};
}

/* ---- other values ---- */

uint32_t jsonread_number(struct jsonread *r)
{
    uint64_t number = 0;
    unsigned digits = 0;
    skip_space(r);
    for (; r->at < r->end && is_digit(*r->at) && number <= UINT32_MAX; digits++)
        number = number * 10 + (uint64_t)(*r->at++ - '0');
    bool more = r->at < r->end && strchr(".eE+-0123456789", *r->at) != NULL && *r->at != '\0';
    if (digits == 0 || more || number > UINT32_MAX) {
        jsonread_fail(r, "no whole number of 32 bits where one belongs");
        return 0;
    }
    return (uint32_t)number;
}

static bool take_word(struct jsonread *r, const char *word)
{
    size_t len = strlen(word);
    skip_space(r);
    if ((size_t)(r->end - r->at) < len || memcmp(r->at, word, len) != 0)
        return false;
    r->at += len;
    return true;
}

bool jsonread_bool(struct jsonread *r)
{
    if (take_word(r, "true"))
        return true;
    if (!take_word(r, "false"))
        jsonread_fail(r, "neither true nor false where one belongs");
    return false;
}

static void skip_number(struct jsonread *r)
{
    while (r->at < r->end && *r->at != '\0' && strchr("+-.eE0123456789", *r->at) != NULL)
        r->at++;
}

/* Depth is limited by jsonread_open. */
void jsonread_skip(struct jsonread *r)
{
    char c = jsonread_peek(r);
    if (c == '{' || c == '[') {
        jsonread_open(r, c);
        while (jsonread_more(r)) {
            if (c == '{')
                jsonread_name(r);
            jsonread_skip(r);
        }
    } else if (c == '"') {
        jsonread_string(r);
    } else if (c == '0' || c == '-') {
        skip_number(r);
    } else if (!take_word(r, "true") && !take_word(r, "false") && !take_word(r, "null")) {
        jsonread_fail(r, c == '\0' ? "cut short" : "no value where one belongs");
    }
}

bool jsonread_ended(struct jsonread *r)
{
    jsonread_peek(r);
    if (r->error == NULL && r->at != r->end)
        jsonread_fail(r, "something behind the end");
    return r->error == NULL;
}
