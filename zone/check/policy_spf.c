/* SPF (RFC 7208 5, 6, 7, 12). */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zone/check/policy.h"

struct term {
    const char *text;
    size_t len;
    size_t name_len;
    const char *value;  /* behind the ":" or "=", or NULL */
    size_t value_len;   /* without the prefix length */
    const char *prefix; /* from the first "/" on, or NULL */
    size_t prefix_len;
};

static bool is_letter(char c)
{
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool complain(struct spf *spf, const struct term *term, const char *why)
{
    if (spf->wrong[0] == '\0')
        snprintf(spf->wrong, sizeof spf->wrong, "\"%.*s\": %s", (int)(term->len < 60 ? term->len : 60),
            term->text, why);
    return false;
}

/* macro-string: "%" only before "{", "%", "_" or "-". */
static bool macros_ok(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] != '%')
            continue;
        if (++i >= len)
            return false;
        if (text[i] == '{') {
            const char *end = memchr(text + i, '}', len - i);
            if (end == NULL || i + 1 >= len || strchr("slodiphcrtvSLODIPHCRTV", text[i + 1]) == NULL)
                return false;
            i = (size_t)(end - text);
        } else if (strchr("%_-", text[i]) == NULL) {
            return false;
        }
    }
    return true;
}

static bool domain_ok(struct spf *spf, const struct term *term, bool needed)
{
    if (term->value == NULL)
        return !needed || complain(spf, term, "a domain name is missing");
    if (term->value_len == 0)
        return complain(spf, term, "the domain name is empty");
    if (!macros_ok(term->value, term->value_len))
        return complain(spf, term, "a malformed macro");
    if (memchr(term->value, '@', term->value_len) != NULL)
        return complain(spf, term, "a domain name has no @");
    /* domain-end: a top label that is not all digits, or a macro (RFC 7208 7.1). */
    size_t end = term->value_len - (term->value[term->value_len - 1] == '.' ? 1 : 0), from = end;
    while (from > 0 && term->value[from - 1] != '.')
        from--;
    bool digits = from<end, dot = from> 0;
    for (size_t i = from; i < end; i++)
        digits &= is_digit(term->value[i]);
    if (term->value[term->value_len - 1] == '}')
        return true;
    if (!dot)
        return complain(spf, term, "a domain name has two labels at least");
    return !digits || complain(spf, term, "an address where a domain name is wanted");
}

static bool number_ok(const char *text, size_t len, unsigned max)
{
    unsigned value = 0;
    if (len == 0 || len > 3 || (len > 1 && *text == '0'))
        return false;
    for (size_t i = 0; i < len; i++) {
        if (!is_digit(text[i]))
            return false;
        value = value * 10 + (unsigned)(text[i] - '0');
    }
    return value <= max;
}

/* "/24", "//64" or both. */
static bool dual_prefix_ok(const struct term *term)
{
    const char *at = term->prefix, *end = at + term->prefix_len;
    if (at == NULL)
        return true;
    if (!(end - at > 1 && at[1] == '/')) {
        const char *stop = memchr(at + 1, '/', (size_t)(end - at - 1));
        if (!number_ok(at + 1, (size_t)((stop != NULL ? stop : end) - at - 1), 32))
            return false;
        at = stop != NULL ? stop : end;
    }
    return at == end || (end - at > 2 && at[1] == '/' && number_ok(at + 2, (size_t)(end - at - 2), 128));
}

static bool take_all(struct spf *spf, const struct term *term)
{
    spf->all = true;
    spf->open |= is_letter(*term->text) || *term->text == '+';
    return (term->value == NULL && term->prefix == NULL) || complain(spf, term, "all takes nothing");
}

static bool take_address(struct spf *spf, const struct term *term, int family, unsigned max)
{
    char text[64];
    uint8_t ip[16];
    if (term->value == NULL || term->value_len >= sizeof text)
        return complain(spf, term, "an address is missing");
    memcpy(text, term->value, term->value_len);
    text[term->value_len] = '\0';
    if (inet_pton(family, text, ip) != 1)
        return complain(spf, term, family == AF_INET ? "no IPv4 address" : "no IPv6 address");
    if (term->prefix != NULL && !number_ok(term->prefix + 1, term->prefix_len - 1, max))
        return complain(spf, term, "a malformed prefix length");
    return true;
}

static bool take_ip4(struct spf *spf, const struct term *term)
{
    return take_address(spf, term, AF_INET, 32);
}

static bool take_ip6(struct spf *spf, const struct term *term)
{
    return take_address(spf, term, AF_INET6, 128);
}

static bool take_host(struct spf *spf, const struct term *term)
{
    spf->lookups++;
    if (!dual_prefix_ok(term))
        return complain(spf, term, "a malformed prefix length");
    return domain_ok(spf, term, false);
}

static bool take_ptr(struct spf *spf, const struct term *term)
{
    spf->lookups++;
    spf->ptr = true;
    return domain_ok(spf, term, false);
}

static bool take_domain(struct spf *spf, const struct term *term)
{
    spf->lookups++;
    return domain_ok(spf, term, true);
}

static const struct {
    const char *name;
    bool (*take)(struct spf *spf, const struct term *term);
} mechanisms[] = {{"all", take_all}, {"include", take_domain}, {"a", take_host}, {"mx", take_host},
    {"ptr", take_ptr}, {"ip4", take_ip4}, {"ip6", take_ip6}, {"exists", take_domain}};

static bool is_name(const char *text, size_t len, const char *name)
{
    return strlen(name) == len && strncasecmp(text, name, len) == 0;
}

static bool take_modifier(struct spf *spf, const struct term *term, const char *name)
{
    if (!is_letter(*name))
        return complain(spf, term, "no mechanism and no modifier");
    if (is_name(name, term->name_len, "redirect")) {
        if (spf->redirect) /* RFC 7208 6 */
            return complain(spf, term, "a second redirect");
        spf->redirect = true;
        spf->lookups++;
        return domain_ok(spf, term, true);
    }
    return macros_ok(term->value, term->value_len) || complain(spf, term, "a malformed macro");
}

static void take_term(struct spf *spf, const char *text, size_t len)
{
    struct term term = {.text = text, .len = len};
    const char *name = text, *end = text + len;
    if (strchr("+-~?", *name) != NULL)
        name++;
    const char *stop = name;
    while (stop < end && *stop != ':' && *stop != '=' && *stop != '/')
        stop++;
    term.name_len = (size_t)(stop - name);
    if (stop < end && *stop != '/') {
        bool modifier = *stop == '=';
        term.value = stop + 1;
        term.value_len = (size_t)(end - stop - 1);
        if (modifier && name == text) {
            take_modifier(spf, &term, name);
            return;
        }
        if (modifier) {
            complain(spf, &term, "a mechanism takes its value behind a colon");
            return;
        }
    }
    const char *slash = stop < end ? memchr(stop, '/', (size_t)(end - stop)) : NULL;
    if (slash != NULL && !is_name(name, term.name_len, "exists") &&
        !is_name(name, term.name_len, "include")) {
        term.prefix = slash;
        term.prefix_len = (size_t)(end - slash);
        if (term.value != NULL)
            term.value_len = (size_t)(slash - term.value);
    }
    for (size_t i = 0; i < ARRAY_COUNT(mechanisms); i++) {
        if (is_name(name, term.name_len, mechanisms[i].name)) {
            spf->after_all |= spf->all;
            mechanisms[i].take(spf, &term);
            return;
        }
    }
    complain(spf, &term, "no mechanism and no modifier");
}

void spf_parse(const char *text, struct spf *spf)
{
    memset(spf, 0, sizeof *spf);
    for (const char *at = text + strlen("v=spf1"); *at != '\0';) {
        at += strspn(at, " ");
        size_t len = strcspn(at, " ");
        if (len > 0)
            take_term(spf, at, len);
        at += len;
    }
}
