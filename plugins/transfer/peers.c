#include "plugins/transfer/peers.h"

#include <string.h>
#include <strings.h>

#include "zone/sec/tsig.h"

/* ---- reading ---- */

struct reading {
    struct setup *setup;
    struct peer_group *group;
    struct network *networks;
    unsigned network_count;
};

static void network_of(const union peer_address *address, struct network *network)
{
    bool v6 = address->any.sa_family == AF_INET6;
    *network = (struct network){.family = v6 ? 6 : 4, .prefix_len = v6 ? 128 : 32};
    if (v6)
        memcpy(network->ip, &address->v6.sin6_addr, 16);
    else
        memcpy(network->ip, &address->v4.sin_addr, 4);
}

static enum err add_where(struct reading *reading, const struct token *token)
{
    struct peer_group *group = reading->group;
    union peer_address address;
    struct network *network = &reading->networks[reading->network_count];
    if (strcmp(token->text, "*") == 0) {
        group->any = true;
        return ERR_OK;
    }
    if (peer_address_parse(token->text, token->len, 53, &address) == ERR_OK) {
        network_of(&address, network);
        reading->network_count++;
        group->targets[group->target_count++] = address;
        return ERR_OK;
    }
    if (!network_parse(token->text, network))
        return setup_error(reading->setup, token, "write 192.0.2.1, 192.0.2.1:5353, 192.0.2.0/24 or *",
            "'%s' is neither an address nor a network", token->text);
    reading->network_count++;
    return ERR_OK;
}

static enum err add_key(struct reading *reading, const struct token *token)
{
    uint8_t name[NAME_MAX + 1];
    size_t len;
    const char *why = NULL;
    if (name_parse(token->text, token->len, NULL, name, &len, &why) != ERR_OK)
        return setup_error(reading->setup, token, NULL, "'%s' is no name of a key: %s", token->text, why);
    octets_lower(name, name, len);
    reading->group->key_name = (uint8_t *)arena_copy(reading->setup->world, name, len);
    reading->group->key_at = token;
    return reading->group->key_name != NULL ? ERR_OK : ERR_MEMORY;
}

/* "tls" with the name of a certificate behind it, or without: *AT is where to go on. */
static enum err add_tls(struct reading *reading, const struct directive *line, unsigned *at)
{
    struct peer_group *group = reading->group;
    const struct token *next = *at + 1 < line->args_count ? &line->args[*at + 1] : NULL;
    uint8_t name[NAME_MAX + 1];
    size_t len;
    const char *why = NULL;
    group->tls = true;
    if (next == NULL || strcasecmp(next->text, "key") == 0)
        return ERR_OK;
    if (name_parse(next->text, next->len, (const uint8_t *)"", name, &len, &why) != ERR_OK || len < 3)
        return setup_error(reading->setup, next, "to ADDRESS... tls secondary.example.net key NAME",
            "'%s' is no name that a certificate is for", next->text);
    (*at)++;
    group->certificate =
        arena_copy(reading->setup->world, next->text, next->len - (next->text[next->len - 1] == '.'));
    return group->certificate != NULL ? ERR_OK : ERR_MEMORY;
}

static enum err read_line(struct setup *setup, const struct directive *line, struct peer_group *group)
{
    struct reading reading = {.setup = setup, .group = group};
    enum err err = ERR_OK;
    reading.networks = ARENA_ARRAY(setup->world, struct network, line->args_count + 1);
    group->targets = ARENA_ARRAY(setup->world, union peer_address, line->args_count + 1);
    if (reading.networks == NULL || group->targets == NULL)
        return ERR_MEMORY;
    for (unsigned i = 0; i < line->args_count && err == ERR_OK; i++) {
        const struct token *token = &line->args[i];
        bool key = strcasecmp(token->text, "key") == 0;
        if (strcasecmp(token->text, "tls") == 0)
            err = add_tls(&reading, line, &i);
        else if (!key)
            err = group->tls ? setup_error(setup, token, "to ADDRESS... tls [NAME] [key NAME]",
                                   "addresses stand before 'tls'")
                             : add_where(&reading, token);
        else if (i + 2 != line->args_count)
            err = setup_error(setup, token, "to ADDRESS... key NAME", "one name of a key ends the line");
        else
            err = add_key(&reading, &line->args[++i]);
    }
    if (err == ERR_OK && reading.network_count == 0 && !group->any) {
        if (group->key_name == NULL && group->certificate == NULL)
            return setup_error(setup, &line->name, "to * is anybody", "nobody is named");
        group->any = true; /* a key or a certificate alone: from anywhere */
    }
    return err == ERR_OK
               ? netset_init(&group->networks, reading.networks, reading.network_count, setup->world)
               : err;
}

enum err peers_read(
    struct setup *setup, const struct directive *const *lines, unsigned count, struct peers *peers)
{
    struct peer_group *groups = ARENA_ARRAY(setup->world, struct peer_group, count + 1);
    enum err err = groups != NULL ? ERR_OK : ERR_MEMORY;
    for (unsigned i = 0; i < count && err == ERR_OK; i++)
        err = read_line(setup, lines[i], &groups[i]);
    peers->groups = groups;
    peers->count = count;
    return err;
}

/* ---- judging ---- */

static bool comes_from(const struct peer_group *group, const union address *client)
{
    if (group->any)
        return true;
    return client->any.sa_family == AF_INET6
               ? netset_has6(&group->networks, client->v6.sin6_addr.s6_addr)
               : netset_has4(&group->networks, (const uint8_t *)&client->v4.sin_addr);
}

/* RFC 9103 7.4, 8.2: whoever wants a zone kept from the wire gives it to nobody who would have it in plain
 * text, and with mutual TLS only to those he knows. */
static bool comes_by(const struct peer_group *group, const struct query *query)
{
    if (group->certificate != NULL)
        return query_client_is(query, group->certificate);
    return !group->tls || query->transport == TRANSPORT_TLS;
}

bool peers_allow(const struct peers *peers, const struct query *query)
{
    const struct tsig *tsig = query_tsig(query);
    for (unsigned i = 0; i < peers->count; i++) {
        const struct peer_group *group = &peers->groups[i];
        bool signed_so = group->key_name == NULL || (tsig != NULL && name_equal(tsig->name, group->key_name));
        if (signed_so && comes_from(group, &query->client) && comes_by(group, query))
            return true;
    }
    return false;
}
