#include "gitsync/ssh_url.h"

#include <stdlib.h>
#include <string.h>

#define SCHEME "ssh://"
#define SCHEME_LEN 6
#define COMMAND "git-upload-pack '"

/* The colon of "host:path", behind the brackets of an IPv6 address; a path with a colon has a slash before
 * it. */
static const char *short_colon(const char *url)
{
    const char *host = strchr(url, '@') != NULL ? strchr(url, '@') + 1 : url;
    const char *from = *host == '[' ? strchr(host, ']') : host;
    const char *colon = from != NULL ? strchr(from, ':') : NULL;
    return colon != NULL && memchr(url, '/', (size_t)(colon - url)) == NULL ? colon : NULL;
}

bool ssh_url_is(const char *url)
{
    if (strncmp(url, SCHEME, SCHEME_LEN) == 0 || *url == '-')
        return true; /* the latter so that it is refused */
    return strstr(url, "://") == NULL && short_colon(url) != NULL;
}

static bool copy(char *out, unsigned room, const char *from, const char *end)
{
    size_t len = (size_t)(end - from);
    if (len >= room)
        return false;
    memcpy(out, from, len);
    out[len] = '\0';
    return true;
}

/* No control characters, no blanks, and nothing that ssh(1) would take for an option. */
static bool is_plain(const char *text, const char *others)
{
    if (*text == '-')
        return false;
    for (; *text != '\0'; text++)
        if ((*text < 'a' || *text > 'z') && (*text < 'A' || *text > 'Z') && (*text < '0' || *text > '9') &&
            strchr(others, *text) == NULL)
            return false;
    return true;
}

static bool is_path(const char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return false;
    return true;
}

/* "[::1]:22" and "host:22" up to END. */
static const char *take_host(struct ssh_url *out, const char *from, const char *end, bool with_port)
{
    const char *close = *from == '[' ? memchr(from, ']', (size_t)(end - from)) : NULL;
    const char *colon = close != NULL ? close + 1 : memchr(from, ':', (size_t)(end - from));
    if (close != NULL && colon < end && *colon != ':')
        return "there is something between the address and its port";
    if (colon == NULL || colon > end)
        colon = end;
    if (!copy(out->host, sizeof out->host, close != NULL ? from + 1 : from, close != NULL ? close : colon))
        return "its host is too long";
    if (with_port && colon < end && !copy(out->port, sizeof out->port, colon + 1, end))
        return "its port is no number below 65536";
    if (out->host[0] == '\0' || !is_plain(out->host, close != NULL ? ".:%-_" : ".-_"))
        return "its host is none";
    if (out->port[strspn(out->port, "0123456789")] != '\0' || strtoul(out->port, NULL, 10) > 65535 ||
        (with_port && colon < end && strtoul(out->port, NULL, 10) == 0))
        return "its port is no number below 65536";
    return NULL;
}

const char *ssh_url_parse(struct ssh_url *out, const char *url)
{
    bool whole = strncmp(url, SCHEME, SCHEME_LEN) == 0;
    const char *from = whole ? url + SCHEME_LEN : url;
    const char *end = whole ? from + strcspn(from, "/") : short_colon(url);
    *out = (struct ssh_url){0};
    if (*url == '-')
        return "it begins as an option does";
    if (end == NULL || *end == '\0')
        return "it has no path";
    const char *at = memrchr(from, '@', (size_t)(end - from));
    if (at != NULL && (!copy(out->user, sizeof out->user, from, at) || !is_plain(out->user, ".-_+@\\")))
        return "its user is none (a password does not stand in the URL: keys are used)";
    const char *why = take_host(out, at != NULL ? at + 1 : from, end, whole);
    if (why != NULL)
        return why;
    const char *path = whole ? end : end + 1;
    if (path[0] == '/' && path[1] == '~')
        path++; /* ssh://host/~user/x: below a home directory */
    if (*path == '\0' || strcmp(path, "/") == 0)
        return "it has no path";
    if (!copy(out->path, sizeof out->path, path, path + strlen(path)) || !is_path(out->path))
        return "its path is too long, or has control characters";
    return NULL;
}

bool ssh_url_command(const struct ssh_url *url, char *out, unsigned room)
{
    size_t used = strlen(COMMAND);
    if (room < used + 2)
        return false;
    memcpy(out, COMMAND, used);
    for (const char *at = url->path; *at != '\0'; at++) {
        if (used + 6 >= room)
            return false;
        if (*at == '\'' || *at == '!') {
            memcpy(out + used, "'\\", 2);
            out[used + 2] = *at;
            out[used + 3] = '\'';
            used += 4;
        } else {
            out[used++] = *at;
        }
    }
    memcpy(out + used, "'", 2);
    return true;
}
