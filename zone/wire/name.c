#include "zone/wire/name.h"

#include <string.h>

static inline uint8_t lower_octet(uint8_t c)
{
    return (uint8_t)(c + ((uint8_t)(c - 'A') < 26 ? 32 : 0));
}

size_t name_len(const uint8_t *name)
{
    size_t at = 0;
    while (name[at] != 0)
        at += (size_t)name[at] + 1;
    return at + 1;
}

unsigned name_labels(const uint8_t *name)
{
    unsigned labels = 0;
    for (; *name != 0; name += *name + 1)
        labels++;
    return labels;
}

const uint8_t *name_skip(const uint8_t *name, unsigned count)
{
    while (count-- > 0)
        name += *name + 1;
    return name;
}

/* Length octets are below 64, so lowering them changes nothing and whole names compare octet by octet. */
bool name_equal(const uint8_t *a, const uint8_t *b)
{
    for (;; a++, b++) {
        uint8_t label = *a;
        if (label != *b)
            return false;
        if (label == 0)
            return true;
        for (unsigned i = 0; i < label; i++) {
            a++, b++;
            if (lower_octet(*a) != lower_octet(*b))
                return false;
        }
    }
}

static unsigned label_starts(const uint8_t *name, const uint8_t *at[NAME_LABELS_MAX + 1])
{
    unsigned labels = 0;
    for (; *name != 0; name += *name + 1)
        at[labels++] = name;
    return labels;
}

static int label_compare(const uint8_t *a, const uint8_t *b)
{
    unsigned shorter = *a < *b ? *a : *b;
    for (unsigned i = 1; i <= shorter; i++) {
        int difference = lower_octet(a[i]) - lower_octet(b[i]);
        if (difference != 0)
            return difference;
    }
    return *a - *b;
}

int name_compare(const uint8_t *a, const uint8_t *b)
{
    const uint8_t *a_at[NAME_LABELS_MAX + 1], *b_at[NAME_LABELS_MAX + 1];
    unsigned a_labels = label_starts(a, a_at), b_labels = label_starts(b, b_at);
    while (a_labels > 0 && b_labels > 0) {
        int difference = label_compare(a_at[--a_labels], b_at[--b_labels]);
        if (difference != 0)
            return difference;
    }
    return (int)a_labels - (int)b_labels;
}

unsigned name_shared_labels(const uint8_t *a, const uint8_t *b)
{
    const uint8_t *a_at[NAME_LABELS_MAX + 1], *b_at[NAME_LABELS_MAX + 1];
    unsigned a_labels = label_starts(a, a_at), b_labels = label_starts(b, b_at), shared = 0;
    while (a_labels > 0 && b_labels > 0 && label_compare(a_at[--a_labels], b_at[--b_labels]) == 0)
        shared++;
    return shared;
}

bool name_under(const uint8_t *name, const uint8_t *ancestor)
{
    unsigned labels = name_labels(name), ancestor_labels = name_labels(ancestor);
    return labels >= ancestor_labels && name_equal(name_skip(name, labels - ancestor_labels), ancestor);
}

void octets_lower(uint8_t *out, const uint8_t *in, size_t len)
{
    for (size_t i = 0; i < len; i++)
        out[i] = lower_octet(in[i]);
}

size_t name_lower(uint8_t *out, const uint8_t *name)
{
    size_t len = name_len(name);
    octets_lower(out, name, len);
    return len;
}

static enum err refuse(const char **why, const char *phrase)
{
    if (why != NULL)
        *why = phrase;
    return ERR_SYNTAX;
}

static inline bool is_digit(char c)
{
    return (unsigned char)(c - '0') < 10;
}

/* The octet that the escape at TEXT (behind the backslash) means; 0 consumed when malformed. */
static unsigned read_escape(const char *text, size_t len, uint8_t *octet)
{
    if (len == 0)
        return 0;
    if (!is_digit(text[0])) {
        *octet = (uint8_t)text[0];
        return 1;
    }
    if (len < 3 || !is_digit(text[1]) || !is_digit(text[2]))
        return 0;
    int value = (text[0] - '0') * 100 + (text[1] - '0') * 10 + (text[2] - '0');
    if (value > 255)
        return 0;
    *octet = (uint8_t)value;
    return 3;
}

static enum err finish_relative(
    uint8_t *out, size_t len, const uint8_t *origin, size_t *out_len, const char **why)
{
    static const uint8_t root[1] = {0};
    if (origin == NULL)
        origin = root;
    size_t origin_len = name_len(origin);
    if (len + origin_len > NAME_MAX)
        return refuse(why, "the name with its origin is longer than 255 octets");
    memcpy(out + len, origin, origin_len);
    if (out_len != NULL)
        *out_len = len + origin_len;
    return ERR_OK;
}

enum err name_parse(
    const char *text, size_t len, const uint8_t *origin, uint8_t *out, size_t *out_len, const char **why)
{
    if (len == 0)
        return refuse(why, "an empty name");
    if (len == 1 && text[0] == '@')
        return finish_relative(out, 0, origin, out_len, why);
    if (len == 1 && text[0] == '.') {
        out[0] = 0;
        if (out_len != NULL)
            *out_len = 1;
        return ERR_OK;
    }
    size_t label_at = 0, at = 1;
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '.') {
            if (at == label_at + 1)
                return refuse(why, "an empty label (two dots in a row, or a dot in front)");
            out[label_at] = (uint8_t)(at - label_at - 1);
            if (i + 1 == len) {
                out[at++] = 0;
                if (out_len != NULL)
                    *out_len = at;
                return at <= NAME_MAX ? ERR_OK : refuse(why, "the name is longer than 255 octets");
            }
            label_at = at++;
            continue;
        }
        uint8_t octet = (uint8_t)text[i];
        if (octet == '\\') {
            unsigned used = read_escape(text + i + 1, len - i - 1, &octet);
            if (used == 0)
                return refuse(why, "a bad escape (write \\DDD with DDD up to 255, or \\ and one character)");
            i += used;
        }
        if (at - label_at > NAME_LABEL_MAX)
            return refuse(why, "a label is longer than 63 octets");
        if (at >= NAME_MAX - 1)
            return refuse(why, "the name is longer than 255 octets");
        out[at++] = octet;
    }
    out[label_at] = (uint8_t)(at - label_at - 1);
    return finish_relative(out, at, origin, out_len, why);
}

size_t name_print_label(const uint8_t *label, size_t len, char *out)
{
    char *start = out;
    for (size_t i = 0; i < len; i++) {
        uint8_t c = label[i];
        if (c <= ' ' || c >= 127) {
            *out++ = '\\';
            *out++ = (char)('0' + c / 100);
            *out++ = (char)('0' + c / 10 % 10);
            *out++ = (char)('0' + c % 10);
            continue;
        }
        if (c == '.' || c == '\\' || c == '"' || c == ';' || c == '(' || c == ')' || c == '@' || c == '$')
            *out++ = '\\';
        *out++ = (char)c;
    }
    return (size_t)(out - start);
}

size_t name_print(const uint8_t *name, char *out)
{
    char *start = out;
    if (*name == 0)
        *out++ = '.';
    for (; *name != 0; name += *name + 1) {
        out += name_print_label(name + 1, *name, out);
        *out++ = '.';
    }
    *out = '\0';
    return (size_t)(out - start);
}

enum err name_read(const uint8_t *message, size_t message_len, size_t *at, uint8_t *out, size_t *out_len)
{
    size_t from = *at, len = 0, behind = 0, bound = from;
    while (from < message_len) {
        uint8_t label = message[from];
        if (label >= 0xc0) {
            if (from + 1 >= message_len)
                return ERR_WIRE;
            size_t target = (size_t)(label & 0x3f) << 8 | message[from + 1];
            if (behind == 0)
                behind = from + 2;
            if (target >= bound) /* backwards only: no loops */
                return ERR_WIRE;
            from = bound = target;
            continue;
        }
        if (label > NAME_LABEL_MAX || len + label + 1 > NAME_MAX || from + label >= message_len)
            return ERR_WIRE;
        memcpy(out + len, message + from, (size_t)label + 1);
        len += (size_t)label + 1;
        from += (size_t)label + 1;
        if (label == 0) {
            *at = behind != 0 ? behind : from;
            if (out_len != NULL)
                *out_len = len;
            return ERR_OK;
        }
    }
    return ERR_WIRE;
}

size_t name_check(const uint8_t *bytes, size_t len)
{
    size_t at = 0;
    while (at < len && at < NAME_MAX) {
        uint8_t label = bytes[at];
        if (label > NAME_LABEL_MAX)
            return 0;
        at += (size_t)label + 1;
        if (label == 0)
            return at;
    }
    return 0;
}
