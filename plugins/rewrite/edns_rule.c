#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "plugins/metadata.h"
#include "plugins/rewrite/rule.h"
#include "zone/wire/type.h"

#define FORM                                                                                                 \
    "rewrite edns0 local|nsid|subnet set|append|replace|unset ... [revert]: local CODE DATA, subnet V4BITS " \
    "V6BITS"

static const char *const actions[] = {"set", "append", "replace", "unset"};
static const char *const whats[] = {"local", "nsid", "subnet"};

static int find(const char *const *words, unsigned count, const char *word)
{
    for (unsigned i = 0; i < count; i++) {
        if (strcasecmp(words[i], word) == 0)
            return (int)i;
    }
    return -1;
}

static enum err read_number(struct setup *setup, const struct token *token, unsigned max, unsigned *out)
{
    char *end;
    unsigned long number = strtoul(token->text, &end, 0);
    if (token->len == 0 || *end != '\0' || number > max || token->text[0] == '-')
        return setup_error(setup, token, FORM, "'%s' is no number up to %u", token->text, max);
    *out = (unsigned)number;
    return ERR_OK;
}

static int nibble(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

static enum err read_hex(struct setup *setup, const struct token *token, struct edns_rule *rule)
{
    size_t digits = token->len - 2;
    uint8_t *bytes = arena_alloc(setup->world, digits / 2 + 1, 1);
    if (bytes == NULL)
        return ERR_MEMORY;
    for (size_t i = 0; i < digits; i++) {
        int value = nibble(token->text[2 + i]);
        if (value < 0 || digits % 2 != 0)
            return setup_error(
                setup, token, "0x and pairs of hexadecimal digits", "'%s' is malformed", token->text);
        bytes[i / 2] = (uint8_t)(i % 2 == 0 ? value << 4 : bytes[i / 2] | value);
    }
    rule->data = bytes;
    rule->data_len = digits / 2;
    return ERR_OK;
}

/* Text, 0x and hexadecimal digits, or {variable}. */
static enum err read_data(struct setup *setup, const struct token *token, struct edns_rule *rule)
{
    if (token->len > 2 && token->text[0] == '{' && token->text[token->len - 1] == '}') {
        rule->variable = arena_copy(setup->world, token->text + 1, token->len - 2);
        return rule->variable != NULL ? ERR_OK : ERR_MEMORY;
    }
    if (token->len >= 2 && strncasecmp(token->text, "0x", 2) == 0)
        return read_hex(setup, token, rule);
    rule->data = (const uint8_t *)token->text;
    rule->data_len = token->len;
    return token->len <= UINT16_MAX - 64 ? ERR_OK : setup_error(setup, token, NULL, "the data is too long");
}

static enum err read_subnet(struct setup *setup, const struct token *args, struct edns_rule *rule)
{
    unsigned v4 = 0, v6 = 0;
    enum err err = read_number(setup, &args[0], 32, &v4);
    err = err == ERR_OK ? read_number(setup, &args[1], 128, &v6) : err;
    rule->v4_bits = (uint8_t)v4;
    rule->v6_bits = (uint8_t)v6;
    return err;
}

enum err rule_read_edns(struct rule *to, struct setup *setup, const struct token *args, unsigned count)
{
    struct edns_rule *rule = &to->edns;
    unsigned code = 0;
    if (count > 0 && strcmp(args[count - 1].text, "revert") == 0) {
        rule->revert = true;
        count--;
    }
    if (count < 2)
        return setup_error(setup, &setup->directive->name, FORM, "the edns0 rule is not complete");
    int what = find(whats, ARRAY_COUNT(whats), args[0].text),
        action = find(actions, ARRAY_COUNT(actions), args[1].text);
    if (what < 0 || action < 0)
        return setup_error(setup, &args[what < 0 ? 0 : 1], FORM, "'%s' is not one of %s",
            args[what < 0 ? 0 : 1].text, what < 0 ? "local, nsid, subnet" : "set, append, replace, unset");
    rule->what = (enum edns_what)what;
    rule->action = (enum edns_action)action;
    static const unsigned wants[] = {2, 0, 2};
    unsigned want = rule->action == EDNS_UNSET ? (rule->what == EDNS_WHAT_LOCAL ? 1 : 0) : wants[what];
    if (count - 2 != want)
        return setup_error(
            setup, &args[count - 1], FORM, "%u words are expected behind '%s'", want, args[1].text);
    rule->code = rule->what == EDNS_WHAT_NSID ? EDNS_NSID : EDNS_SUBNET;
    if (rule->what == EDNS_WHAT_LOCAL) {
        enum err err = read_number(setup, &args[2], UINT16_MAX, &code);
        rule->code = (uint16_t)code;
        return err != ERR_OK || rule->action == EDNS_UNSET ? err : read_data(setup, &args[3], rule);
    }
    return rule->what == EDNS_WHAT_SUBNET && rule->action != EDNS_UNSET ? read_subnet(setup, args + 2, rule)
                                                                        : ERR_OK;
}

/* ---- applying ---- */

/* CoreDNS sends addresses, ports and types as octets, names and protocols as text. */
static size_t put_address(const union address *address, uint8_t *out)
{
    bool v6 = address->any.sa_family == AF_INET6;
    memcpy(out, v6 ? (const void *)&address->v6.sin6_addr : &address->v4.sin_addr, v6 ? 16 : 4);
    return v6 ? 16 : 4;
}

static size_t put16(unsigned number, uint8_t *out)
{
    out[0] = (uint8_t)(number >> 8);
    out[1] = (uint8_t)number;
    return 2;
}

static size_t put_qname(const struct query *query, uint8_t *out)
{
    return name_print(query->question->lower, (char *)out);
}

static size_t put_variable(const char *variable, const struct query *query, uint8_t *out, size_t size)
{
    if (strcmp(variable, "qname") == 0)
        return put_qname(query, out);
    if (strcmp(variable, "qtype") == 0)
        return put16(query->question->type, out);
    if (strcmp(variable, "client_ip") == 0)
        return put_address(&query->client, out);
    if (strcmp(variable, "server_ip") == 0)
        return put_address(&query->server, out);
    if (strcmp(variable, "client_port") == 0)
        return put16(address_port(&query->client), out);
    if (strcmp(variable, "server_port") == 0)
        return put16(address_port(&query->server), out);
    if (strcmp(variable, "protocol") == 0) {
        memcpy(out, query->transport == TRANSPORT_UDP ? "udp" : "tcp", 3);
        return 3;
    }
    return metadata_value(query, variable, strlen(variable), (char *)out, size);
}

/* RFC 7871 6: family, source and scope prefix length, the prefix's octets with the bits behind it clear. */
static size_t put_subnet(const struct edns_rule *rule, const struct query *query, uint8_t *out)
{
    bool v6 = query->client.any.sa_family == AF_INET6;
    unsigned bits = v6 ? rule->v6_bits : rule->v4_bits, len = (bits + 7) / 8;
    uint8_t ip[16];
    put_address(&query->client, ip);
    put16(v6 ? 2 : 1, out);
    out[2] = (uint8_t)bits;
    out[3] = 0;
    memcpy(out + 4, ip, len);
    if (bits % 8 != 0)
        out[4 + len - 1] &= (uint8_t)(0xff << (8 - bits % 8));
    return 4u + len;
}

static size_t make_data(const struct edns_rule *rule, const struct query *query, uint8_t *out, size_t size)
{
    if (rule->what == EDNS_WHAT_NSID)
        return 0;
    if (rule->what == EDNS_WHAT_SUBNET)
        return put_subnet(rule, query, out);
    if (rule->variable != NULL)
        return put_variable(rule->variable, query, out, size);
    memcpy(out, rule->data, rule->data_len < size ? rule->data_len : size);
    return rule->data_len < size ? rule->data_len : size;
}

/* The options without those of CODE. */
static size_t copy_options(const struct edns *edns, uint16_t code, uint8_t *out)
{
    struct edns_option option;
    uint16_t at = 0;
    size_t len = 0;
    while (edns->present && edns_next(edns, &at, &option)) {
        if (option.code != code)
            len += edns_write_option(out + len, option.code, option.bytes, option.len);
    }
    return len;
}

bool rule_apply_edns(const struct edns_rule *rule, struct query *query)
{
    struct edns *edns = &query->message.edns;
    struct edns_option there;
    uint8_t data[METADATA_VALUE_MAX + NAME_TEXT_MAX];
    bool has = edns->present && edns_find(edns, rule->code, &there);
    if (has ? rule->action == EDNS_APPEND : rule->action == EDNS_REPLACE || rule->action == EDNS_UNSET)
        return false;
    bool unset = rule->action == EDNS_UNSET;
    size_t data_len = unset ? 0 : make_data(rule, query, data, sizeof data);
    uint8_t *options =
        arena_alloc(query->scratch, (edns->present ? edns->options_len : 0u) + data_len + 8, 1);
    if (options == NULL)
        return false;
    size_t len = copy_options(edns, rule->code, options);
    if (!unset)
        len += edns_write_option(options + len, rule->code, data, (uint16_t)data_len);
    if (len > UINT16_MAX)
        return false;
    if (!edns->present)
        *edns = (struct edns){.present = true, .size = MESSAGE_MAX > 4096 ? 4096 : MESSAGE_MAX};
    edns->options = options;
    edns->options_len = (uint16_t)len;
    edns->seen |= rule->code < 32 && !unset ? 1u << rule->code : 0;
    return true;
}
