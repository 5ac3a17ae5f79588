/* Service parameters of SVCB and HTTPS from text (RFC 9460 2.1 and appendix A). */
#include <string.h>

#include "zone/base/codec.h"
#include "zone/base/ip.h"
#include "zone/text/rdata_parser.h"
#include "zone/wire/rdata_field.h"
#include "zone/wire/svcb.h"

/* The parameter being read. Its value in text is first undone of the escapes of a character string, in
 * place behind the wire form; lists undo theirs a second time (RFC 9460 A.1). */
struct param {
    const char *text; /* the whole token, for complaints */
    size_t len;
    uint16_t key;
    bool numbered; /* written as keyNNNNN: the value is that of the wire (RFC 9460 2.1) */
    char name[24];
    const char *value; /* empty when there is no "=" */
    size_t value_len;
};

static bool refuse(struct rdata_parser *p, const struct param *param, const char *hint, const char *phrase)
{
    return parser_refuse_at(p, param->text, param->len, hint, " %s %s", param->name, phrase);
}

/* Splits "key=value" or "key="; a quoted value is the next token, right behind the "=". */
static bool param_split(struct rdata_parser *p, struct param *param)
{
    static const char hint[] = "keys are written in lower case: alpn, port, ipv4hint, ech ... or keyNNNNN";
    if (p->token.quoted)
        return parser_refuse(p, "write key=\"value\"", " is a value without a key");
    const char *equals = memchr(p->token.text, '=', p->token.len);
    size_t key_len = equals != NULL ? (size_t)(equals - p->token.text) : p->token.len;
    const char *end = p->token.text + p->token.len;
    *param = (struct param){.text = p->token.text, .len = p->token.len, .value = end};
    if (!svcb_key_parse(p->token.text, key_len, &param->key))
        return parser_refuse_at(p, p->token.text, key_len, hint, " \"%.*s\" is no service parameter",
            (int)(key_len < 30 ? key_len : 30), p->token.text);
    svcb_key_print(param->key, param->name);
    param->numbered = memcmp(p->token.text, "key", 3) == 0;
    if (equals == NULL)
        return true;
    param->value = equals + 1;
    param->value_len = p->token.len - key_len - 1;
    if (param->value_len == 0 && p->lexer->at < p->lexer->end && p->lexer->at == param->value &&
        *param->value == '"') {
        if (!lexer_next(p->lexer, &p->token))
            return parser_missing(p, "parameter value");
        param->value = p->token.text;
        param->value_len = p->token.len;
        param->len = (size_t)(p->token.text + p->token.len + 1 - param->text);
    }
    return true;
}

static bool keys_put(struct rdata_parser *p, const struct param *param, const char *text, size_t len)
{
    uint16_t key;
    if (!svcb_key_parse(text, len, &key))
        return refuse(
            p, param, "list keys with commas: mandatory=alpn,port", "lists something that is no key");
    if (key == SVCB_MANDATORY)
        return refuse(p, param, NULL, "must not list itself");
    parser_put(p, key, 2);
    return true;
}

static bool ip4_put(struct rdata_parser *p, const struct param *param, const char *text, size_t len)
{
    if (!ip4_parse(text, len, p->at))
        return refuse(
            p, param, "write IPv4 addresses with commas between them", "has a malformed IPv4 address");
    p->at += 4;
    return true;
}

static bool ip6_put(struct rdata_parser *p, const struct param *param, const char *text, size_t len)
{
    if (!ip6_parse(text, len, p->at))
        return refuse(
            p, param, "write IPv6 addresses with commas between them", "has a malformed IPv6 address");
    p->at += 16;
    return true;
}

static bool group_put(struct rdata_parser *p, const struct param *param, const char *text, size_t len)
{
    uint64_t group;
    if (!parser_number(text, len, 65535, &group))
        return refuse(p, param, "write the groups' numbers with commas between them",
            "has an item that is no number up to 65535");
    parser_put(p, group, 2);
    return true;
}

/* A row of things with commas between them, none of which can contain one; at most 18 octets each. */
static bool row_put(struct rdata_parser *p, const struct param *param,
    bool (*put)(struct rdata_parser *p, const struct param *param, const char *text, size_t len))
{
    const char *at = param->value, *end = at + param->value_len;
    for (;;) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        size_t len = (size_t)((comma != NULL ? comma : end) - at);
        if (parser_room(p) < 20)
            return parser_full(p);
        if (!put(p, param, at, len))
            return false;
        if (comma == NULL)
            return true;
        at = comma + 1;
    }
}

/* RFC 9460 8: the keys ascend on the wire, in text they need not. */
static bool mandatory_put(struct rdata_parser *p, const struct param *param)
{
    uint8_t *start = p->at;
    if (!row_put(p, param, keys_put))
        return false;
    size_t count = (size_t)(p->at - start) / 2;
    for (size_t i = 1; i < count; i++) {
        for (size_t j = i; j > 0 && memcmp(start + j * 2 - 2, start + j * 2, 2) >= 0; j--) {
            uint8_t swap[2];
            if (memcmp(start + j * 2 - 2, start + j * 2, 2) == 0)
                return refuse(p, param, NULL, "lists a key twice");
            memcpy(swap, start + j * 2, 2);
            memcpy(start + j * 2, start + j * 2 - 2, 2);
            memcpy(start + j * 2 - 2, swap, 2);
        }
    }
    return true;
}

/* Items with a length octet from the unescaped value BYTES (which lies behind p->at): a comma parts them, a
 * backslash keeps the next comma or backslash. With WEIGHTS each item ends in ":" and a number. */
static bool item_close(struct rdata_parser *p, const struct param *param, uint8_t *length, bool weights)
{
    size_t len = (size_t)(p->at - length - 1);
    uint64_t weight = 0;
    if (weights) {
        const uint8_t *colon = len > 0 ? memrchr(length + 1, ':', len) : NULL;
        if (colon == NULL ||
            !parser_number((const char *)colon + 1, (size_t)(p->at - colon - 1), 255, &weight))
            return refuse(
                p, param, "write transport:weight, as in doq:20", "has an item without a weight up to 255");
        len = (size_t)(colon - length - 1);
        p->at = length + 1 + len;
    }
    if (len == 0)
        return refuse(p, param, "items stand behind commas without blanks", "has an empty item");
    if (len > 255)
        return refuse(p, param, NULL, "has an item longer than 255 octets");
    *length = (uint8_t)len;
    if (weights)
        parser_put(p, weight, 1);
    return true;
}

static bool list_put(
    struct rdata_parser *p, const struct param *param, const uint8_t *bytes, size_t len, bool weights)
{
    uint8_t *length = p->at++;
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] == ',') {
            if (!item_close(p, param, length, weights))
                return false;
            length = p->at++;
            continue;
        }
        if (bytes[i] == '\\') {
            if (i + 1 == len || (bytes[i + 1] != ',' && bytes[i + 1] != '\\'))
                return refuse(p, param, "in a list, \\\\, is a comma and \\\\\\\\ a backslash",
                    "has a bad escape in its list");
            i++;
        }
        *p->at++ = bytes[i];
    }
    return item_close(p, param, length, weights);
}

/* The value as octets behind a gap of one, so that a list, one octet longer, can be made from it in place. */
static bool value_unescape(struct rdata_parser *p, const struct param *param, uint8_t **bytes, size_t *len)
{
    p->token = (struct token){.text = param->value, .len = (uint32_t)param->value_len};
    if (parser_room(p) < 2)
        return parser_full(p);
    *bytes = p->at + 1;
    if (parser_unescape(p, *bytes, parser_room(p) - 1, len))
        return true;
    return p->err == ERR_LIMIT ? parser_full(p) : false;
}

static bool octets_put(struct rdata_parser *p, const struct param *param, enum svcb_value kind)
{
    uint8_t *bytes = NULL;
    size_t len = 0;
    if (!value_unescape(p, param, &bytes, &len))
        return false;
    if (kind == SVCB_VALUE_PATH && len == 0)
        return true;
    if (kind == SVCB_VALUE_LIST || kind == SVCB_VALUE_PATH || kind == SVCB_VALUE_WEIGHTS)
        return list_put(p, param, bytes, len, kind == SVCB_VALUE_WEIGHTS);
    memmove(p->at, bytes, len);
    p->at += len;
    return true;
}

static bool port_put(struct rdata_parser *p, const struct param *param)
{
    uint64_t port;
    if (!parser_number(param->value, param->value_len, 65535, &port))
        return refuse(p, param, "write a number from 0 to 65535", "is not a port number");
    parser_put(p, port, 2);
    return true;
}

static bool base64_put(struct rdata_parser *p, const struct param *param)
{
    struct lexer rest = *p->lexer;
    lexer_init(p->lexer, rest.end, 0); /* only this token */
    p->token = (struct token){.text = param->value, .len = (uint32_t)param->value_len};
    p->waiting = true;
    bool good = parser_base64(p, false);
    *p->lexer = rest;
    return good;
}

static bool value_put(struct rdata_parser *p, const struct param *param)
{
    enum svcb_value kind = param->numbered ? SVCB_VALUE_OPAQUE : svcb_value(param->key);
    if (kind == SVCB_VALUE_NONE)
        return param->value_len == 0 ? true : refuse(p, param, NULL, "has a value, but takes none");
    if (param->value_len == 0 && kind != SVCB_VALUE_OPAQUE && kind != SVCB_VALUE_PATH)
        return refuse(p, param, "write key=value", "needs a value");
    switch (kind) {
    case SVCB_VALUE_KEYS:
        return mandatory_put(p, param);
    case SVCB_VALUE_PORT:
        return port_put(p, param);
    case SVCB_VALUE_IP4S:
        return row_put(p, param, ip4_put);
    case SVCB_VALUE_IP6S:
        return row_put(p, param, ip6_put);
    case SVCB_VALUE_GROUPS:
        return row_put(p, param, group_put);
    case SVCB_VALUE_BASE64:
        return base64_put(p, param);
    default:
        return octets_put(p, param, kind);
    }
}

static void reverse(uint8_t *from, uint8_t *to)
{
    while (from + 1 < to) {
        uint8_t swap = *from;
        *from++ = *--to;
        *to = swap;
    }
}

/* Moves the parameter at LAST, the newest, before the first one with a greater key (RFC 9460 2.2: keys
 * ascend on the wire, in text they come in any order). False when its key is there already. */
static bool param_sort(struct rdata_parser *p, uint8_t *first, uint8_t *last)
{
    unsigned key = read16(last);
    uint8_t *at = first;
    while (at < last && read16(at) < key)
        at += 4 + read16(at + 2);
    if (at == last)
        return true;
    if (read16(at) == key)
        return false;
    reverse(at, last);
    reverse(last, p->at);
    reverse(at, p->at);
    return true;
}

static bool param_put(struct rdata_parser *p, uint8_t *first, unsigned *highest)
{
    struct param param;
    if (!param_split(p, &param))
        return false;
    if (param.key == SVCB_INVALID)
        return refuse(p, &param, NULL, "is reserved and cannot be used");
    if (parser_room(p) < 8)
        return parser_full(p);
    uint8_t *start = p->at;
    p->at += 4;
    if (!value_put(p, &param))
        return false;
    size_t len = (size_t)(p->at - start - 4);
    const char *fault = svcb_value_check(param.key, start + 4, len);
    if (fault != NULL)
        return parser_refuse_at(p, param.text, param.len, NULL, ": %s", fault);
    start[0] = (uint8_t)(param.key >> 8);
    start[1] = (uint8_t)param.key;
    start[2] = (uint8_t)(len >> 8);
    start[3] = (uint8_t)len;
    if (param.key > *highest || start == first)
        *highest = param.key;
    else if (!param_sort(p, first, start))
        return refuse(p, &param, "each parameter may stand once", "stands twice");
    return true;
}

/* RFC 9460 8: what mandatory lists must be there. */
static bool mandatory_hold(struct rdata_parser *p, const uint8_t *first, const struct token *mandatory)
{
    size_t params_len = (size_t)(p->at - first), len, other_len;
    const uint8_t *keys = svcb_find(first, params_len, SVCB_MANDATORY, &len);
    for (size_t at = 0; keys != NULL && at < len; at += 2) {
        char name[24];
        uint16_t key = (uint16_t)read16(keys + at);
        if (svcb_find(first, params_len, key, &other_len) != NULL)
            continue;
        svcb_key_print(key, name);
        return parser_refuse_at(p, mandatory->text, mandatory->len,
            "add the parameter, or take it from mandatory", " mandatory lists %s, which is not there", name);
    }
    return true;
}

/* RFC 9460 7.1.1: no-default-alpn is only for those that list what there is instead. */
static bool alpn_holds(struct rdata_parser *p, const uint8_t *first, const struct token *no_default)
{
    size_t params_len = (size_t)(p->at - first), len;
    if (svcb_find(first, params_len, SVCB_NO_DEFAULT_ALPN, &len) == NULL ||
        svcb_find(first, params_len, SVCB_ALPN, &len) != NULL)
        return true;
    return parser_refuse_at(p, no_default->text, no_default->len,
        "list the protocols that are there: alpn=h2", " no-default-alpn needs alpn beside it");
}

bool parse_params(struct rdata_parser *p)
{
    uint8_t *first = p->at;
    unsigned highest = 0;
    struct token mandatory = {.text = p->token.text}, no_default = mandatory;
    while (parser_more(p)) {
        if (p->token.len >= 9 && memcmp(p->token.text, "mandatory", 9) == 0)
            mandatory = p->token;
        if (p->token.len >= 15 && memcmp(p->token.text, "no-default-alpn", 15) == 0)
            no_default = p->token;
        if (!param_put(p, first, &highest))
            return false;
    }
    return mandatory_hold(p, first, &mandatory) && alpn_holds(p, first, &no_default);
}
