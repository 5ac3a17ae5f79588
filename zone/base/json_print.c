/* Reading JSON back: just enough to tell the control socket's answers to people. */
#include <stdlib.h>
#include <string.h>

#include "zone/base/json.h"

#define COLUMNS_MAX 16
#define PATH_MAX_LEN 128

/* A value as it stands in the text. */
struct span {
    const char *at;
    size_t len;
};

static const char *skip_space(const char *at)
{
    return at + strspn(at, " \t\r\n");
}

static const char *skip_string(const char *at)
{
    for (at++; *at != '\0' && *at != '"'; at++)
        if (*at == '\\' && at[1] != '\0')
            at++;
    return *at == '"' ? at + 1 : NULL;
}

/* The end of the value at AT, or NULL. Brackets are only counted: what the server wrote is well formed, and
 * what is not ends in NULL or in a shorter text, never behind its end. */
static const char *skip_value(const char *at)
{
    unsigned depth = 0;
    do {
        at = skip_space(at);
        if (*at == '"') {
            at = skip_string(at);
            if (at == NULL)
                return NULL;
        } else if (*at == '{' || *at == '[') {
            depth++;
            at++;
        } else if (*at == '}' || *at == ']') {
            if (depth-- == 0)
                return NULL;
            at++;
        } else if (depth != 0 && (*at == ',' || *at == ':')) {
            at++;
        } else {
            size_t len = strcspn(at, ",:]}[{\" \t\r\n");
            if (len == 0)
                return NULL;
            at += len;
        }
    } while (depth != 0);
    return at;
}

/* Steps to the next member; false at the end of the object. *AT begins behind its '{'. */
static bool next_member(const char **at, struct span *name, struct span *value)
{
    const char *from = skip_space(*at), *to;
    from = *from == ',' ? skip_space(from + 1) : from;
    if (*from != '"' || (to = skip_string(from)) == NULL)
        return false;
    *name = (struct span){from + 1, (size_t)(to - from) - 2};
    from = skip_space(to);
    if (*from != ':')
        return false;
    from = skip_space(from + 1);
    to = skip_value(from);
    if (to == NULL)
        return false;
    *value = (struct span){from, (size_t)(to - from)};
    *at = to;
    return true;
}

static bool next_element(const char **at, struct span *value)
{
    const char *from = skip_space(*at);
    from = *from == ',' ? skip_space(from + 1) : from;
    const char *to = *from != ']' && *from != '\0' ? skip_value(from) : NULL;
    if (to == NULL)
        return false;
    *value = (struct span){from, (size_t)(to - from)};
    *at = to;
    return true;
}

static bool named(struct span name, const char *text)
{
    return text != NULL && strlen(text) == name.len && memcmp(text, name.at, name.len) == 0;
}

const char *json_member(const char *text, const char *name, size_t *len)
{
    struct span found, value;
    const char *at = skip_space(text);
    if (*at++ != '{')
        return NULL;
    while (next_member(&at, &found, &value)) {
        if (!named(found, name))
            continue;
        *len = value.len;
        return value.at;
    }
    return NULL;
}

/* One octet of a string's text; *AT moves on. */
static int plain_octet(const char **at)
{
    char c = *(*at)++;
    if (c != '\\')
        return (unsigned char)c;
    c = *(*at)++;
    if (c != 'u')
        return c == 'n' || c == 't' || c == 'r' ? ' ' : (unsigned char)c;
    char digits[5] = {0};
    size_t len = strspn(*at, "0123456789abcdefABCDEF");
    memcpy(digits, *at, len < 4 ? len : 4);
    *at += len < 4 ? len : 4;
    long code = strtol(digits, NULL, 16);
    return code >= 0x20 && code < 0x7f ? (int)code : '?'; /* a terminal obeys control characters */
}

bool json_get(const char *object, const char *name, char *out, size_t room)
{
    size_t len, used = 0;
    const char *at = json_member(object, name, &len);
    if (at == NULL || room == 0 || (len == 4 && memcmp(at, "null", 4) == 0))
        return false;
    const char *end = at + len;
    if (*at == '"') {
        at++;
        end--;
    }
    while (at < end && used + 1 < room)
        out[used++] = (char)plain_octet(&at);
    out[used] = '\0';
    return true;
}

void json_each(
    const char *text, const char *name, void (*each)(void *context, const char *object), void *context)
{
    size_t len;
    struct span element;
    const char *at = json_member(text, name, &len);
    if (at == NULL || *at++ != '[')
        return;
    while (next_element(&at, &element))
        if (*element.at == '{')
            each(context, element.at);
}

/* Prints a scalar without quotes and escapes; OUT may be NULL. Returns its width. */
static unsigned put_scalar(FILE *out, struct span value)
{
    const char *at = value.at, *end = value.at + value.len;
    unsigned width = 0;
    if (value.len == 4 && memcmp(value.at, "null", 4) == 0) {
        at = "-";
        end = at + 1;
    } else if (*at == '"') {
        at++;
        end--;
    }
    while (at < end) {
        int c = plain_octet(&at);
        width += (c & 0xc0) != 0x80;
        if (out != NULL)
            fputc(c, out);
    }
    return width;
}

static void put_padded(FILE *out, struct span value, unsigned width, bool last)
{
    unsigned used = put_scalar(out, value);
    if (!last)
        fprintf(out, "%*s", (int)(width - used + 2), "");
}

struct table {
    struct span heads[COLUMNS_MAX];
    unsigned widths[COLUMNS_MAX];
    unsigned count;
};

static void measure_row(struct table *table, struct span row, bool first)
{
    struct span name, value;
    const char *at = row.at + 1;
    for (unsigned i = 0; i < COLUMNS_MAX && next_member(&at, &name, &value); i++) {
        unsigned width = put_scalar(NULL, value);
        if (first) {
            table->heads[i] = name;
            table->widths[i] = (unsigned)name.len;
            table->count = i + 1;
        }
        if (width > table->widths[i])
            table->widths[i] = width;
    }
}

static void put_row(FILE *out, const struct table *table, struct span row)
{
    struct span name, value;
    const char *at = row.at + 1;
    for (unsigned i = 0; i < table->count && next_member(&at, &name, &value); i++)
        put_padded(out, value, table->widths[i], i + 1 == table->count);
    fputc('\n', out);
}

static void put_table(FILE *out, struct span array)
{
    struct table table = {.count = 0};
    struct span row;
    const char *at = array.at + 1;
    for (bool first = true; next_element(&at, &row); first = false)
        if (*row.at == '{')
            measure_row(&table, row, first);
    for (unsigned i = 0; i < table.count; i++)
        put_padded(out, table.heads[i], table.widths[i], i + 1 == table.count);
    if (table.count != 0)
        fputc('\n', out);
    at = array.at + 1;
    while (next_element(&at, &row)) {
        if (*row.at == '{') {
            put_row(out, &table, row);
        } else {
            put_scalar(out, row);
            fputc('\n', out);
        }
    }
}

static enum err put_object(FILE *out, const char *text, const char *prefix, const char *skip, unsigned depth)
{
    struct span name, value;
    const char *at = text + 1;
    if (depth >= JSON_DEPTH_MAX)
        return ERR_SYNTAX;
    while (next_member(&at, &name, &value)) {
        char path[PATH_MAX_LEN];
        if (named(name, skip))
            continue;
        snprintf(path, sizeof path, "%s%.*s", prefix, (int)name.len, name.at);
        if (*value.at == '{') {
            strncat(path, ".", sizeof path - strlen(path) - 1);
            enum err err = put_object(out, value.at, path, NULL, depth + 1);
            if (err != ERR_OK)
                return err;
        } else if (*value.at == '[') {
            put_table(out, value);
        } else {
            fprintf(out, "%-24s ", path);
            put_scalar(out, value);
            fputc('\n', out);
        }
    }
    return *skip_space(at) == '}' ? ERR_OK : ERR_SYNTAX;
}

enum err json_print(FILE *out, const char *text, const char *skip)
{
    const char *at = skip_space(text);
    return *at == '{' && skip_value(at) != NULL ? put_object(out, at, "", skip, 0) : ERR_SYNTAX;
}
