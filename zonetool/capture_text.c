/* Recorded queries as text: "NAME TYPE [COUNT]", or a server's log. */
#include <string.h>
#include <strings.h>

#include "zone/wire/type.h"
#include "zonetool/capture_parts.h"

struct word {
    const char *text;
    size_t len;
};

#define WORDS_MAX 48

static unsigned split(const char *at, const char *end, struct word *words)
{
    unsigned count = 0;
    while (at < end && count < WORDS_MAX) {
        while (at < end && strchr(" \t\r\"'(),", *at) != NULL)
            at++;
        const char *from = at;
        while (at < end && strchr(" \t\r\"'(),", *at) == NULL)
            at++;
        if (at > from)
            words[count++] = (struct word){from, (size_t)(at - from)};
    }
    return count;
}

static bool parse_name(const struct word *word, uint8_t *out)
{
    uint8_t name[NAME_MAX];
    if (name_parse(word->text, word->len, (const uint8_t *)"", name, NULL, NULL) != ERR_OK)
        return false;
    name_lower(out, name);
    return true;
}

static bool parse_type(const struct word *word, uint16_t *type)
{
    return type_parse(word->text, word->len, type);
}

static bool parse_pair(const struct word *name, const struct word *type, uint8_t *out, uint16_t *number)
{
    return parse_type(type, number) && parse_name(name, out);
}

/* The forms of servers' logs, tried at each word of a line: W points to it, LEFT words stand before it and
 * RIGHT behind. */
struct at_word {
    const struct word *w;
    unsigned left, right;
};

static bool is_word(const struct word *word, const char *text)
{
    return word->len == strlen(text) && strncasecmp(word->text, text, word->len) == 0;
}

static bool ends_with(const struct word *word, char c)
{
    return word->len > 0 && word->text[word->len - 1] == c;
}

/* "www.example.org IN A" (BIND, NSD), "A IN www.example.org." (CoreDNS, with its final dot: Unbound's log of
 * replies has a code there), "www.example.org. A IN" at the end (Unbound). */
static bool parse_class(const struct at_word *at, uint8_t *name, uint16_t *type)
{
    const struct word *w = at->w;
    if (at->left == 0 || !is_word(w, "IN"))
        return false;
    if (at->right > 0)
        return parse_pair(&w[-1], &w[1], name, type) ||
               (ends_with(&w[1], '.') && parse_pair(&w[1], &w[-1], name, type));
    return at->left > 1 && parse_pair(&w[-2], &w[-1], name, type);
}

/* "www.example.org|A" (dnsdist, PowerDNS), "www.example.org/IN/A" (dnstap-read), "www.example.org/A". */
static bool parse_joined(const struct at_word *at, uint8_t *name, uint16_t *type)
{
    static const char *const between[] = {"|", "/IN/", "/"};
    for (size_t i = 0; i < ARRAY_COUNT(between); i++) {
        size_t len = strlen(between[i]);
        const char *found = memmem(at->w->text, at->w->len, between[i], len);
        if (found == NULL || found == at->w->text)
            continue;
        struct word front = {at->w->text, (size_t)(found - at->w->text)};
        struct word back = {found + len, at->w->len - front.len - len};
        return parse_pair(&front, &back, name, type);
    }
    return false;
}

/* "A? www.example.org." (tcpdump). */
static bool parse_asked(const struct at_word *at, uint8_t *name, uint16_t *type)
{
    struct word asked = {at->w->text, at->w->len - ends_with(at->w, '?')};
    return asked.len < at->w->len && at->right > 0 && parse_pair(&at->w[1], &asked, name, type);
}

/* "for www.example.org. A with id" (dnsdist's LogAction), "query: www.example.org. A". */
static bool parse_announced(const struct at_word *at, uint8_t *name, uint16_t *type)
{
    return (is_word(at->w, "for") || is_word(at->w, "query:")) && at->right > 1 &&
           parse_pair(&at->w[1], &at->w[2], name, type);
}

static bool parse_log(const struct word *words, unsigned count, uint8_t *name, uint16_t *type)
{
    static bool (*const forms[])(const struct at_word *at, uint8_t *name, uint16_t *type) = {
        parse_class, parse_joined, parse_asked, parse_announced};
    for (size_t form = 0; form < ARRAY_COUNT(forms); form++) {
        for (unsigned i = 0; i < count; i++) {
            struct at_word at = {&words[i], i, count - i - 1};
            if (forms[form](&at, name, type))
                return true;
        }
    }
    return false;
}

static bool parse_count(const struct word *word, uint64_t *count)
{
    *count = 0;
    for (size_t i = 0; i < word->len; i++) {
        if ((uint8_t)(word->text[i] - '0') > 9 || *count > UINT32_MAX)
            return false;
        *count = *count * 10 + (uint64_t)(word->text[i] - '0');
    }
    return true;
}

static bool parse_line(
    const struct word *words, unsigned count, uint8_t *name, uint16_t *type, uint64_t *times)
{
    *times = 1;
    if ((count == 2 || (count == 3 && parse_count(&words[2], times))) &&
        parse_pair(&words[0], &words[1], name, type))
        return true;
    *times = 1;
    return parse_log(words, count, name, type);
}

void capture_text(struct capture *capture, const char *text, size_t len)
{
    const char *at = text, *end = at + len;
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at)), *stop = newline != NULL ? newline : end;
        struct word words[WORDS_MAX];
        uint8_t name[NAME_MAX + 1];
        uint16_t type;
        uint64_t times;
        unsigned count = split(at, stop, words);
        if (count > 0 && *words[0].text != '#' && *words[0].text != ';') {
            if (parse_line(words, count, name, &type, &times)) {
                capture->queries += times;
                capture->query(capture->context, name, type, times);
            } else {
                capture->passed_over++;
            }
        }
        at = stop + 1;
    }
}
