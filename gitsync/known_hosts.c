#include "gitsync/known_hosts.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "gitsync/armor.h"

#define FIELD_MAX 16384
#define SHA1_LEN 20

unsigned known_hosts_port(const char *url)
{
    if (strncmp(url, "ssh://", 6) != 0)
        return 22;
    const char *host = url + 6, *end = host + strcspn(host, "/");
    const char *at = memchr(host, '@', (size_t)(end - host));
    host = at != NULL ? at + 1 : host;
    const char *colon = *host == '[' ? strchr(host, ']') : host;
    colon = colon != NULL && colon < end ? memchr(colon, ':', (size_t)(end - colon)) : NULL;
    unsigned long port = colon != NULL ? strtoul(colon + 1, NULL, 10) : 22;
    return port > 0 && port < 65536 ? (unsigned)port : 22;
}

/* "|1|salt|hash": HMAC-SHA1 of the name, keyed by the salt. */
static bool matches_hashed(const char *field, size_t len, const char *name)
{
    uint8_t salt[64], want[64], is[EVP_MAX_MD_SIZE];
    size_t salt_len, want_len;
    unsigned is_len = 0;
    const char *bar = len > 3 ? memchr(field + 3, '|', len - 3) : NULL;
    if (bar == NULL || !armor_base64(field + 3, (size_t)(bar - field) - 3, salt, sizeof salt, &salt_len) ||
        !armor_base64(bar + 1, len - (size_t)(bar + 1 - field), want, sizeof want, &want_len))
        return false;
    return want_len == SHA1_LEN &&
           HMAC(EVP_sha1(), salt, (int)salt_len, (const uint8_t *)name, strlen(name), is, &is_len) != NULL &&
           memcmp(is, want, SHA1_LEN) == 0;
}

/* Only "*" and "?" are special: names of hosts with a port begin with a bracket. */
static bool matches_pattern(const char *pattern, const char *name)
{
    const char *star = NULL, *again = NULL;
    while (*name != '\0') {
        if (*pattern == '*') {
            star = pattern++;
            again = name;
        } else if (*pattern == '?' || (*pattern != '\0' && strncasecmp(pattern, name, 1) == 0)) {
            pattern++;
            name++;
        } else if (star != NULL) {
            pattern = star + 1;
            name = ++again;
        } else {
            return false;
        }
    }
    return pattern[strspn(pattern, "*")] == '\0';
}

/* The list of names in one line; a pattern with "!" excludes. */
static bool matches(const char *field, size_t len, const char *name)
{
    bool found = false;
    if (len > 3 && memcmp(field, "|1|", 3) == 0)
        return matches_hashed(field, len, name);
    for (size_t at = 0; at < len;) {
        char pattern[300];
        size_t part = strcspn(field + at, ", \t\n");
        part = part < len - at ? part : len - at;
        if (part > 0 && part < sizeof pattern) {
            memcpy(pattern, field + at, part);
            pattern[part] = '\0';
            bool not = pattern[0] == '!';
            if (matches_pattern(pattern + not, name)) {
                if (not )
                    return false;
                found = true;
            }
        }
        at += part + 1;
    }
    return found;
}

static size_t next_field(const char **at)
{
    *at += strspn(*at, " \t");
    return strcspn(*at, " \t\r\n");
}

/* Both keys begin with their type, by which a name with several keys is told from one with another key. */
static bool same_type(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
    size_t len = a_len >= 4 ? ((size_t)a[2] << 8 | a[3]) + 4 : 0;
    return len > 4 && len <= a_len && len <= b_len && memcmp(a, b, len) == 0;
}

static enum known_host_verdict look_at(const char *line, const char *name, const struct known_host *seen)
{
    static uint8_t key[FIELD_MAX];
    size_t len = next_field(&line), key_len;
    bool revoked = len == 8 && memcmp(line, "@revoked", 8) == 0;
    if (len == 0 || *line == '#' || (*line == '@' && !revoked))
        return KNOWN_HOST_UNKNOWN;
    if (revoked) {
        line += len;
        len = next_field(&line);
    }
    if (!matches(line, len, name))
        return KNOWN_HOST_UNKNOWN;
    line += len;
    line += next_field(&line); /* the type stands in the key, too */
    len = next_field(&line);
    if (!armor_base64(line, len, key, sizeof key, &key_len))
        return KNOWN_HOST_UNKNOWN;
    bool same = key_len == seen->key_len && memcmp(key, seen->key, key_len) == 0;
    if (revoked)
        return same ? KNOWN_HOST_REVOKED : KNOWN_HOST_UNKNOWN;
    return same                                                ? KNOWN_HOST_KNOWN
           : same_type(key, key_len, seen->key, seen->key_len) ? KNOWN_HOST_CHANGED
                                                               : KNOWN_HOST_UNKNOWN;
}

enum known_host_verdict known_hosts_find(const char *text, const struct known_host *seen)
{
    enum known_host_verdict found = KNOWN_HOST_UNKNOWN;
    char name[300];
    if (seen->port == 22)
        snprintf(name, sizeof name, "%s", seen->host);
    else
        snprintf(name, sizeof name, "[%s]:%u", seen->host, seen->port);
    for (const char *line = text; *line != '\0';) {
        enum known_host_verdict verdict = look_at(line, name, seen);
        if (verdict == KNOWN_HOST_REVOKED)
            return verdict; /* whatever else stands in the file */
        if (verdict == KNOWN_HOST_KNOWN || found == KNOWN_HOST_UNKNOWN)
            found = verdict;
        line += strcspn(line, "\n");
        line += *line == '\n';
    }
    return found;
}
