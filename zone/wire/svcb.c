#include "zone/wire/svcb.h"

#include <stdio.h>
#include <string.h>

#include "zone/base/ip.h"
#include "zone/wire/rdata_field.h"
#include "zone/wire/rdata_out.h"

static const struct {
    const char *name;
    enum svcb_value value;
} keys[] = {
    [SVCB_MANDATORY] = {"mandatory", SVCB_VALUE_KEYS},             /* RFC 9460 8 */
    [SVCB_ALPN] = {"alpn", SVCB_VALUE_LIST},                       /* RFC 9460 7.1 */
    [SVCB_NO_DEFAULT_ALPN] = {"no-default-alpn", SVCB_VALUE_NONE}, /* RFC 9460 7.1 */
    [SVCB_PORT] = {"port", SVCB_VALUE_PORT},                       /* RFC 9460 7.2 */
    [SVCB_IPV4HINT] = {"ipv4hint", SVCB_VALUE_IP4S},               /* RFC 9460 7.3 */
    [SVCB_ECH] = {"ech", SVCB_VALUE_BASE64},                       /* RFC 9848 3 */
    [SVCB_IPV6HINT] = {"ipv6hint", SVCB_VALUE_IP6S},               /* RFC 9460 7.3 */
    [SVCB_DOHPATH] = {"dohpath", SVCB_VALUE_TEXT},                 /* RFC 9461 5 */
    [SVCB_OHTTP] = {"ohttp", SVCB_VALUE_NONE},                     /* RFC 9540 4 */
    [SVCB_TLS_SUPPORTED_GROUPS] = {"tls-supported-groups", SVCB_VALUE_GROUPS},
    [SVCB_DOCPATH] = {"docpath", SVCB_VALUE_PATH}, /* RFC 9953 3.2 */
    [SVCB_PVD] = {"pvd", SVCB_VALUE_NONE},         /* draft-ietf-intarea-proxy-config */
    [SVCB_OOTS] = {"oots", SVCB_VALUE_WEIGHTS},
};

enum svcb_value svcb_value(uint16_t key)
{
    return key < ARRAY_COUNT(keys) ? keys[key].value : SVCB_VALUE_OPAQUE;
}

bool svcb_key_parse(const char *text, size_t len, uint16_t *key)
{
    for (uint16_t i = 0; i < ARRAY_COUNT(keys); i++) {
        if (strlen(keys[i].name) == len && memcmp(keys[i].name, text, len) == 0) {
            *key = i;
            return true;
        }
    }
    if (len < 4 || len > 8 || memcmp(text, "key", 3) != 0 || (text[3] == '0' && len > 4))
        return false;
    unsigned value = 0;
    for (size_t i = 3; i < len; i++) {
        if ((unsigned char)(text[i] - '0') > 9)
            return false;
        value = value * 10 + (unsigned)(text[i] - '0');
    }
    *key = (uint16_t)value;
    return value <= 65535;
}

size_t svcb_key_print(uint16_t key, char *out)
{
    if (key < ARRAY_COUNT(keys))
        return (size_t)snprintf(out, 24, "%s", keys[key].name);
    return (size_t)snprintf(out, 24, "key%u", key);
}

static bool list_good(const uint8_t *value, size_t len)
{
    for (size_t at = 0; at < len;) {
        if (value[at] == 0 || value[at] >= len - at)
            return false;
        at += (size_t)value[at] + 1;
    }
    return true;
}

static const char *keys_check(const uint8_t *value, size_t len)
{
    if (len == 0 || len % 2 != 0)
        return "mandatory is empty or cut";
    for (size_t at = 0; at < len; at += 2) {
        if (read16(value + at) == SVCB_MANDATORY)
            return "mandatory lists itself";
        if (at > 0 && read16(value + at) <= read16(value + at - 2))
            return "the keys in mandatory do not ascend";
    }
    return NULL;
}

static const char *groups_check(const uint8_t *value, size_t len)
{
    if (len == 0 || len % 2 != 0)
        return "tls-supported-groups is empty or cut";
    uint8_t seen[65536 / 8] = {0};
    for (size_t at = 0; at < len; at += 2) {
        unsigned group = read16(value + at), bit = 1u << (group & 7);
        if ((seen[group >> 3] & bit) != 0)
            return "tls-supported-groups names a group twice";
        seen[group >> 3] = (uint8_t)(seen[group >> 3] | bit);
    }
    return NULL;
}

static const char *weights_check(const uint8_t *value, size_t len)
{
    if (len == 0)
        return "oots is empty";
    for (size_t at = 0; at < len; at += (size_t)value[at] + 2) {
        if (value[at] == 0 || (size_t)value[at] + 2 > len - at)
            return "oots has an empty or cut transport";
        for (size_t earlier = 0; earlier < at; earlier += (size_t)value[earlier] + 2) {
            if (memcmp(value + at, value + earlier, (size_t)value[at] + 1) == 0)
                return "oots names a transport twice";
        }
    }
    return NULL;
}

const char *svcb_value_check(uint16_t key, const uint8_t *value, size_t len)
{
    switch (svcb_value(key)) {
    case SVCB_VALUE_NONE:
        return len == 0 ? NULL : "a parameter that has no value has one";
    case SVCB_VALUE_TEXT:
        return len > 0 ? NULL : "a parameter that needs a value has none";
    case SVCB_VALUE_KEYS:
        return keys_check(value, len);
    case SVCB_VALUE_LIST:
        return len > 0 && list_good(value, len) ? NULL : "a list has no item, an empty item or a cut one";
    case SVCB_VALUE_PATH:
        return list_good(value, len) ? NULL : "a path has an empty or cut segment";
    case SVCB_VALUE_PORT:
        return len == 2 ? NULL : "port is not two octets";
    case SVCB_VALUE_IP4S:
        return len > 0 && len % 4 == 0 ? NULL : "ipv4hint is not made of IPv4 addresses";
    case SVCB_VALUE_IP6S:
        return len > 0 && len % 16 == 0 ? NULL : "ipv6hint is not made of IPv6 addresses";
    case SVCB_VALUE_BASE64:
        return len > 0 ? NULL : "ech is empty";
    case SVCB_VALUE_GROUPS:
        return groups_check(value, len);
    case SVCB_VALUE_WEIGHTS:
        return weights_check(value, len);
    case SVCB_VALUE_OPAQUE:
        break;
    }
    return key == SVCB_INVALID ? "key65535 is reserved" : NULL;
}

const uint8_t *svcb_find(const uint8_t *params, size_t params_len, uint16_t key, size_t *len)
{
    for (size_t at = 0; params_len - at >= 4; at += 4 + read16(params + at + 2)) {
        if (read16(params + at) >= key) {
            *len = read16(params + at + 2);
            return read16(params + at) == key ? params + at + 4 : NULL;
        }
    }
    return NULL;
}

const char *svcb_check(const uint8_t *params, size_t len)
{
    int last = -1;
    for (size_t at = 0; at < len;) {
        if (len - at < 4 || read16(params + at + 2) > len - at - 4)
            return "a service parameter is longer than the rdata";
        uint16_t key = (uint16_t)read16(params + at);
        size_t value_len = read16(params + at + 2);
        if (key <= last) /* RFC 9460 2.2 */
            return "the service parameters do not ascend or one stands twice";
        const char *why = svcb_value_check(key, params + at + 4, value_len);
        if (why != NULL)
            return why;
        last = key;
        at += 4 + value_len;
    }
    size_t mandatory_len, other_len;
    const uint8_t *mandatory = svcb_find(params, len, SVCB_MANDATORY, &mandatory_len);
    for (size_t at = 0; mandatory != NULL && at < mandatory_len; at += 2) { /* RFC 9460 8 */
        if (svcb_find(params, len, (uint16_t)read16(mandatory + at), &other_len) == NULL)
            return "a mandatory service parameter is missing";
    }
    if (svcb_find(params, len, SVCB_NO_DEFAULT_ALPN, &other_len) != NULL &&
        svcb_find(params, len, SVCB_ALPN, &other_len) == NULL) /* RFC 9460 7.1.1 */
        return "no-default-alpn stands without alpn";
    return NULL;
}

/* RFC 9460 A.1: items of a list escape comma and backslash, then the whole is a character string, in which a
 * backslash is escaped once more. */
static void item_print(struct out *out, const uint8_t *item, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (item[i] == ',')
            out_put(out, "\\\\,", 3);
        else if (item[i] == '\\')
            out_put(out, "\\\\\\\\", 4);
        else
            out_text(out, item + i, 1);
    }
}

static void list_print(struct out *out, const uint8_t *value, size_t len)
{
    out_char(out, '"');
    for (size_t at = 0; at < len; at += (size_t)value[at] + 1) {
        if (at > 0)
            out_char(out, ',');
        item_print(out, value + at + 1, value[at]);
    }
    out_char(out, '"');
}

static void weights_print(struct out *out, const uint8_t *value, size_t len)
{
    out_char(out, '"');
    for (size_t at = 0; at < len; at += (size_t)value[at] + 2) {
        if (at > 0)
            out_char(out, ',');
        item_print(out, value + at + 1, value[at]);
        out_char(out, ':');
        out_number(out, value[at + 1 + value[at]]);
    }
    out_char(out, '"');
}

/* Comma-separated things of SIZE octets each. */
static void row_print(struct out *out, const uint8_t *value, size_t len, enum svcb_value kind, size_t size)
{
    char text[IP6_TEXT_MAX];
    for (size_t at = 0; at < len; at += size) {
        if (at > 0)
            out_char(out, ',');
        if (kind == SVCB_VALUE_IP4S)
            out_put(out, text, ip4_print(value + at, text));
        else if (kind == SVCB_VALUE_IP6S)
            out_put(out, text, ip6_print(value + at, text));
        else if (kind == SVCB_VALUE_KEYS)
            out_put(out, text, svcb_key_print((uint16_t)read16(value + at), text));
        else
            out_number(out, read16(value + at));
    }
}

static void value_print(struct out *out, uint16_t key, const uint8_t *value, size_t len)
{
    enum svcb_value kind = svcb_value(key);
    switch (kind) {
    case SVCB_VALUE_LIST:
    case SVCB_VALUE_PATH:
        list_print(out, value, len);
        break;
    case SVCB_VALUE_WEIGHTS:
        weights_print(out, value, len);
        break;
    case SVCB_VALUE_BASE64:
        out_base64(out, value, len);
        break;
    case SVCB_VALUE_IP4S:
        row_print(out, value, len, kind, 4);
        break;
    case SVCB_VALUE_IP6S:
        row_print(out, value, len, kind, 16);
        break;
    case SVCB_VALUE_KEYS:
    case SVCB_VALUE_PORT:
    case SVCB_VALUE_GROUPS:
        row_print(out, value, len, kind, 2);
        break;
    case SVCB_VALUE_OPAQUE:
    case SVCB_VALUE_TEXT:
    case SVCB_VALUE_NONE:
        out_quoted(out, value, len);
        break;
    }
}

void svcb_print(struct out *out, const uint8_t *params, size_t len)
{
    char name[24];
    for (size_t at = 0; at < len;) {
        uint16_t key = (uint16_t)read16(params + at);
        size_t value_len = read16(params + at + 2);
        if (at > 0)
            out_char(out, ' ');
        out_put(out, name, svcb_key_print(key, name));
        if (value_len > 0) {
            out_char(out, '=');
            value_print(out, key, params + at + 4, value_len);
        }
        at += 4 + value_len;
    }
}
