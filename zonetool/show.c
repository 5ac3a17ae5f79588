#include "zonetool/show.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "zone/base/utf8.h"
#include "zone/wire/name.h"
#include "zone/wire/rdata.h"
#include "zone/wire/type.h"

const char *show_rdata(uint16_t type, const uint8_t *rdata, size_t len)
{
    static char *text;
    static size_t room;
    size_t need = rdata_print(type, rdata, len, text, room);
    if (need + 1 > room) {
        char *wider = realloc(text, need + 1);
        if (wider == NULL)
            return "";
        text = wider;
        room = need + 1;
        rdata_print(type, rdata, len, text, room);
    }
    return text;
}

const char *show_type(uint16_t type)
{
    static char text[2][20];
    static unsigned turn;
    char *out = text[turn++ % 2];
    out[type_print(type, out)] = '\0';
    return out;
}

const char *show_name(const uint8_t *name)
{
    static char text[2][NAME_TEXT_MAX];
    static unsigned turn;
    char *out = text[turn++ % 2];
    name_print(name, out);
    return out;
}

void show_record(
    FILE *out, const uint8_t *owner, uint16_t type, uint32_t ttl, const uint8_t *rdata, size_t len)
{
    fprintf(
        out, "%s\t%u\tIN\t%s\t%s\n", show_name(owner), ttl, show_type(type), show_rdata(type, rdata, len));
}

const char *show_span(uint32_t seconds)
{
    static const struct {
        uint32_t seconds;
        char letter;
    } units[] = {{604800, 'w'}, {86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
    static char text[2][48];
    static unsigned turn;
    char *out = text[turn++ % 2], *at = out;
    for (size_t i = 0; i < ARRAY_COUNT(units); i++) {
        if (seconds >= units[i].seconds) {
            at += snprintf(at, 16, "%u%c", seconds / units[i].seconds, units[i].letter);
            seconds %= units[i].seconds;
        }
    }
    if (at == out)
        snprintf(out, 16, "0s");
    return out;
}

/* GitHub and GitLab look for names of people, issues and addresses of the web after the markup is read: a
 * backslash before them is too late. */
static bool begins_link(const char *from, const char *at)
{
    return (*at == ':' && at[1] == '/') ||
           (*at == '.' && at - from >= 3 && strncasecmp(at - 3, "www", 3) == 0);
}

void show_markdown(FILE *out, const char *text)
{
    for (const char *at = text; *at != '\0';) {
        size_t len = strcspn(at, "|\\`*_<>[]&#~!@:.");
        utf8_print(out, at, len);
        at += len;
        if (*at == '\0')
            return;
        if ((*at != ':' && *at != '.') || begins_link(text, at))
            putc('\\', out);
        putc(*at, out);
        if (*at == '@' || *at == '#')
            fputs("&#8203;", out);
        at++;
    }
}

/* Between backticks nothing means anything but a backtick, and in tables a pipe, before which readers differ
 * on backslashes: with those it is HTML's form of code. */
void show_code(FILE *out, const char *text)
{
    size_t len = strlen(text);
    if (len > 0 && strcspn(text, "`|\\") == len && text[0] != ' ' && text[len - 1] != ' ') {
        putc('`', out);
        utf8_print(out, text, len);
        putc('`', out);
        return;
    }
    fputs("<code>", out);
    for (const char *at = text; *at != '\0';) {
        len = strcspn(at, "|\\`*_<>[]&#~!@:.\"");
        utf8_print(out, at, len);
        at += len;
        if (*at != '\0')
            fprintf(out, *at == '.' && !begins_link(text, at) ? "%c" : "&#%d;", *at);
        at += *at != '\0';
    }
    fputs("</code>", out);
}
