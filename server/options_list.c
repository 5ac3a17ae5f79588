/* Values that are lists: all arguments that are left on a line. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "server/options.h"
#include "zone/wire/message.h"
#include "zone/wire/name.h"
#include "zone/wire/type.h"

/* Room for one more item behind COUNT items of SIZE octets. Lists are short and arenas free nothing, so it
 * doubles at powers of two. */
static void *list_grow(struct arena *world, void **items, unsigned count, size_t size)
{
    if ((count & (count - 1)) == 0) {
        void *grown = arena_zalloc(world, (count != 0 ? count * 2 : 1) * size, 8);
        if (grown == NULL)
            return NULL;
        if (count != 0)
            memcpy(grown, *items, count * size);
        *items = grown;
    }
    return (char *)*items + count * size;
}

#define LIST_ADD(setup, list)                                                                                \
    list_grow((setup)->world, (void **)&(list)->at, (list)->count, sizeof *(list)->at)

static enum err add_string(
    struct setup *setup, const struct token *token, const struct option *row, void *field)
{
    struct option_strings *list = field;
    const char **item = LIST_ADD(setup, list);
    (void)row;
    if (item == NULL)
        return ERR_MEMORY;
    *item = token->text;
    list->count++;
    return ERR_OK;
}

static enum err add_name(struct setup *setup, struct option_zones *list, const uint8_t *name)
{
    uint8_t *copy = arena_alloc(setup->world, name_len(name), 1);
    const uint8_t **item = LIST_ADD(setup, list);
    if (copy == NULL || item == NULL)
        return ERR_MEMORY;
    name_lower(copy, name);
    *item = copy;
    list->count++;
    return ERR_OK;
}

static enum err add_zone(
    struct setup *setup, const struct token *token, const struct option *row, void *field)
{
    uint8_t name[NAME_MAX];
    size_t len;
    const char *why = "malformed";
    struct network network;
    if (strchr(token->text, '/') != NULL && network_parse(token->text, &network)) {
        enum err err = ERR_OK;
        unsigned count = reverse_zones(&network);
        for (unsigned i = 0; i < count && err == ERR_OK; i++) {
            reverse_zone(&network, i, name);
            err = add_name(setup, field, name);
        }
        return err;
    }
    if (name_parse(token->text, token->len, NULL, name, &len, &why) != ERR_OK)
        return setup_error(
            setup, token, NULL, "'%s' in %s is no domain name: %s", token->text, row->arg, why);
    return add_name(setup, field, name);
}

bool option_zones_cover_block(const struct setup *setup, const struct option_zones *zones)
{
    for (unsigned b = 0; b < setup->zones_count; b++) {
        bool covered = false;
        for (unsigned z = 0; z < zones->count && !covered; z++)
            covered = name_under(setup->zones[b], zones->at[z]);
        if (!covered)
            return false;
    }
    return true;
}

enum err option_zones_default(struct setup *setup, struct option_zones *zones)
{
    zones->count = 0;
    for (unsigned i = 0; i < setup->zones_count; i++) {
        enum err err = add_name(setup, zones, setup->zones[i]);
        if (err != ERR_OK)
            return err;
    }
    return ERR_OK;
}

static enum err add_number(struct setup *setup, struct option_numbers *list, int64_t value)
{
    int64_t *item = LIST_ADD(setup, list);
    if (item == NULL)
        return ERR_MEMORY;
    *item = value;
    list->count++;
    return ERR_OK;
}

static enum err add_type(
    struct setup *setup, const struct token *token, const struct option *row, void *field)
{
    struct option_numbers *list = field;
    uint16_t type;
    list->given = true;
    if (strcmp(token->text, "*") == 0)
        return ERR_OK;
    if (!type_parse(token->text, token->len, &type))
        return setup_error(
            setup, token, "as in A, MX, TYPE65280", "'%s' in %s is no record type", token->text, row->arg);
    return add_number(setup, list, type);
}

static enum err add_rcode(
    struct setup *setup, const struct token *token, const struct option *row, void *field)
{
    struct option_numbers *list = field;
    struct option one = {.kind = OPTION_RCODE, .arg = row->arg};
    int64_t value;
    list->given = true;
    enum err err = option_value(setup, token, &one, &value);
    return err == ERR_OK ? add_number(setup, list, value) : err;
}

bool option_address_parse(const char *text, uint16_t port, struct option_address *out)
{
    char ip[64];
    const char *end = text + strlen(text), *colon = strrchr(text, ':'), *ip_end = end, *start = text;
    if (text[0] == '[') {
        start++;
        ip_end = strchr(text, ']');
        if (ip_end == NULL || (ip_end[1] != '\0' && ip_end + 1 != colon))
            return false;
        colon = ip_end[1] != '\0' ? colon : NULL;
    } else if (colon != NULL && strchr(text, ':') == colon) {
        ip_end = colon;
    } else {
        colon = NULL;
    }
    size_t len = (size_t)(ip_end - start);
    if (len == 0 || len >= sizeof ip)
        return false;
    memcpy(ip, start, len);
    ip[len] = '\0';
    *out = (struct option_address){.family = strchr(ip, ':') != NULL ? 6 : 4, .port = port};
    if (inet_pton(out->family == 6 ? AF_INET6 : AF_INET, ip, out->ip) != 1)
        return false;
    if (colon == NULL)
        return true;
    size_t digits = strspn(colon + 1, "0123456789");
    unsigned long number = strtoul(colon + 1, NULL, 10);
    out->port = (uint16_t)number;
    return digits != 0 && digits <= 5 && colon[1 + digits] == '\0' && number != 0 && number <= 65535;
}

static enum err add_address(
    struct setup *setup, const struct token *token, const struct option *row, void *field)
{
    struct option_addresses *list = field;
    struct option_address address;
    if (strcmp(token->text, "*") == 0) {
        list->any = true;
        return ERR_OK;
    }
    if (!option_address_parse(token->text, (uint16_t)row->min, &address))
        return setup_error(setup, token, "as in 192.0.2.1, 192.0.2.1:5353, [2001:db8::1]:53",
            "'%s' in %s is no IP address", token->text, row->arg);
    struct option_address *item = LIST_ADD(setup, list);
    if (item == NULL)
        return ERR_MEMORY;
    *item = address;
    list->count++;
    return ERR_OK;
}

static enum err add_one_network(
    struct setup *setup, struct option_networks *list, const struct network *network)
{
    struct network *item = LIST_ADD(setup, list);
    if (item == NULL)
        return ERR_MEMORY;
    *item = *network;
    list->count++;
    return ERR_OK;
}

static enum err add_network(
    struct setup *setup, const struct token *token, const struct option *row, void *field)
{
    struct network network;
    if (strcmp(token->text, "*") == 0) {
        enum err err = add_one_network(setup, field, &(struct network){.family = 4});
        return err == ERR_OK ? add_one_network(setup, field, &(struct network){.family = 6}) : err;
    }
    if (!network_parse(token->text, &network))
        return setup_error(setup, token, "as in 192.0.2.0/24, 2001:db8::/32, or *",
            "'%s' in %s is no network", token->text, row->arg);
    return add_one_network(setup, field, &network);
}

enum err option_line_add(struct setup *setup, const struct directive *line, void *field)
{
    struct option_lines *list = field;
    const struct directive **item = LIST_ADD(setup, list);
    if (item == NULL)
        return ERR_MEMORY;
    *item = line;
    list->count++;
    return ERR_OK;
}

typedef enum err adder(struct setup *, const struct token *, const struct option *, void *);

static adder *const adders[OPTION_REMOVED + 1] = {
    [OPTION_STRINGS] = add_string,
    [OPTION_ZONES] = add_zone,
    [OPTION_TYPES] = add_type,
    [OPTION_RCODES] = add_rcode,
    [OPTION_ADDRESSES] = add_address,
    [OPTION_NETWORKS] = add_network,
};

bool option_is_list(enum option_kind kind)
{
    return adders[kind] != NULL;
}

enum err option_list_add(
    struct setup *setup, const struct token *tokens, unsigned count, const struct option *row, void *field)
{
    enum err worst = ERR_OK;
    for (unsigned i = 0; i < count; i++) {
        enum err err = adders[row->kind](setup, &tokens[i], row, field);
        if (err != ERR_OK && err != ERR_INVALID)
            return err;
        worst = err != ERR_OK ? err : worst;
    }
    return worst;
}

enum err option_split(
    struct setup *setup, const char *text, const struct token *place, struct token **tokens, unsigned *count)
{
    size_t len = strlen(text);
    char *copy = arena_copy(setup->world, text, len);
    struct token *list = ARENA_ARRAY(setup->world, struct token, len / 2 + 1);
    unsigned found = 0;
    if (copy == NULL || list == NULL)
        return ERR_MEMORY;
    for (char *rest = copy, *word = strsep(&rest, " "); word != NULL; word = strsep(&rest, " ")) {
        if (*word == '\0')
            continue;
        list[found] = *place;
        list[found].text = word;
        list[found++].len = (uint32_t)strlen(word);
    }
    *tokens = list;
    *count = found;
    return ERR_OK;
}
