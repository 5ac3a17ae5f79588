/* acl: who may ask for what. Rules stand in the order of the Corefile, and the first that fits the type and
 * the client decides; a query that no rule fits goes on. What is refused or emptied says why by an extended
 * error (RFC 8914): 18 Prohibited where the client's address was the reason, 15 Blocked where only the name
 * and type were, 17 Filtered for an empty answer. */
#include <strings.h>

#include "plugins/plugin.h"
#include "zone/wire/netset.h"
#include "zone/wire/type.h"

enum action { ACTION_ALLOW, ACTION_BLOCK, ACTION_FILTER, ACTION_DROP };

struct rule {
    enum action action;
    bool all_clients;
    const uint8_t *const *zones; /* of its acl line */
    unsigned zones_count;
    int64_t *types; /* none: every type */
    unsigned types_count;
    struct netset clients;
};

struct acl {
    struct rule *rules;
    unsigned count, room;
    bool whole_block; /* every rule is for all names of the block: they need no comparing */
};

struct written {
    struct option_zones zones;
    struct option_lines rules;
};

static const struct option options[] = {
    {.arg = "ZONES...",
        .kind = OPTION_ZONES,
        .offset = offsetof(struct written, zones),
        .help = "the zones the rules are for; the block's own when left out"},
    {.word = "*",
        .arg = "allow|block|filter|drop [type TYPES...] [net NETWORKS...]",
        .kind = OPTION_LINES,
        .offset = offsetof(struct written, rules),
        .help = "a rule: what is done with queries for one of the types from one of the networks; without "
                "type or "
                "with type *, of every type, without net or with net *, from everywhere"},
    OPTIONS_END,
};

static const char *const actions[] = {"allow", "block", "filter", "drop"};

/* ---- reading rules ---- */

static bool is_section(const struct token *token)
{
    return strcasecmp(token->text, "type") == 0 || strcasecmp(token->text, "net") == 0;
}

static enum err add_type(struct setup *setup, struct rule *rule, const struct token *token, bool *all)
{
    static const struct option row = {.arg = "TYPES...", .kind = OPTION_TYPES, .help = ""};
    struct directive line = {.name = *token, .args = token, .args_count = 1};
    struct option_numbers numbers = {0};
    const struct option rows[] = {row, OPTIONS_END};
    enum err err = options_parse_line(setup, &line, rows, &numbers);
    if (err != ERR_OK)
        return err;
    if (numbers.count == 0) {
        *all = true;
        return ERR_OK;
    }
    rule->types[rule->types_count++] = numbers.at[0];
    return ERR_OK;
}

static enum err add_net(
    struct setup *setup, struct network *networks, unsigned *count, const struct token *token, bool *all)
{
    if (strcmp(token->text, "*") == 0) {
        *all = true;
        return ERR_OK;
    }
    if (!network_parse(token->text, &networks[*count]))
        return setup_error(
            setup, token, "write 192.0.2.0/24 or 2001:db8::/32", "'%s' is not a network", token->text);
    (*count)++;
    return ERR_OK;
}

struct reading {
    struct network *networks;
    unsigned networks_count;
    bool all_types, all_nets;
};

/* One "type ..." or "net ..."; *AT moves behind it. */
static enum err read_section(struct setup *setup, const struct directive *line, unsigned *at,
    struct rule *rule, struct reading *reading)
{
    const struct token *section = &line->args[(*at)++];
    bool types = strcasecmp(section->text, "type") == 0;
    enum err err = ERR_OK;
    if (*at == line->args_count || is_section(&line->args[*at]))
        return setup_error(setup, section, NULL, "nothing stands behind '%s'", section->text);
    for (; *at < line->args_count && !is_section(&line->args[*at]) && err == ERR_OK; (*at)++) {
        const struct token *token = &line->args[*at];
        err = types ? add_type(setup, rule, token, &reading->all_types)
                    : add_net(setup, reading->networks, &reading->networks_count, token, &reading->all_nets);
    }
    return err;
}

static enum err read_rule(struct setup *setup, const struct directive *line, struct rule *rule)
{
    struct reading reading = {.networks = ARENA_ARRAY(setup->world, struct network, line->args_count + 1)};
    unsigned action = 0;
    rule->types = ARENA_ARRAY(setup->world, int64_t, line->args_count + 1);
    if (rule->types == NULL || reading.networks == NULL)
        return ERR_MEMORY;
    while (action < ARRAY_COUNT(actions) && strcasecmp(actions[action], line->name.text) != 0)
        action++;
    if (action == ARRAY_COUNT(actions))
        return setup_error(
            setup, &line->name, "allow, block, filter or drop", "'%s' is no action of acl", line->name.text);
    rule->action = (enum action)action;
    for (unsigned at = 0; at < line->args_count;) {
        if (!is_section(&line->args[at]))
            return setup_error(setup, &line->args[at], "write: block type A AAAA net 192.0.2.0/24",
                "'%s' stands where type or net is expected", line->args[at].text);
        enum err err = read_section(setup, line, &at, rule, &reading);
        if (err != ERR_OK)
            return err;
    }
    if (reading.all_types)
        rule->types_count = 0;
    rule->all_clients = reading.all_nets || reading.networks_count == 0;
    return netset_init(&rule->clients, reading.networks, reading.networks_count, setup->world);
}

static bool make_room(struct acl *acl, unsigned more, struct arena *world)
{
    if (acl->count + more <= acl->room)
        return true;
    struct rule *rules = ARENA_ARRAY(world, struct rule, acl->count + more);
    if (rules == NULL)
        return false;
    if (acl->count > 0)
        memcpy(rules, acl->rules, acl->count * sizeof *rules);
    acl->rules = rules;
    acl->room = acl->count + more;
    return true;
}

static enum err setup(struct setup *setup, void **self)
{
    struct acl *acl = *self;
    struct written written = {0};
    if (acl == NULL) {
        *self = acl = ARENA_NEW(setup->world, struct acl);
        if (acl == NULL)
            return ERR_MEMORY;
        acl->whole_block = true;
    }
    enum err err = options_parse(setup, options, &written);
    if (err != ERR_OK)
        return err;
    if (written.rules.count == 0)
        setup_warning(setup, &setup->directive->name, "acl { block net 192.0.2.0/24 }", "acl has no rule");
    if (!make_room(acl, written.rules.count, setup->world))
        return ERR_MEMORY;
    acl->whole_block = acl->whole_block && option_zones_cover_block(setup, &written.zones);
    for (unsigned i = 0; i < written.rules.count && err == ERR_OK; i++) {
        struct rule *rule = &acl->rules[acl->count++];
        rule->zones = (const uint8_t *const *)written.zones.at;
        rule->zones_count = written.zones.count;
        err = read_rule(setup, written.rules.at[i], rule);
    }
    return err;
}

/* ---- deciding ---- */

static bool fits_name(const struct acl *acl, const struct rule *rule, const struct query *query)
{
    if (LIKELY(acl->whole_block))
        return true;
    for (unsigned i = 0; i < rule->zones_count; i++) {
        if (question_under(query->question, rule->zones[i]))
            return true;
    }
    return false;
}

static bool fits_type(const struct rule *rule, uint16_t type)
{
    for (unsigned i = 0; i < rule->types_count; i++) {
        if (rule->types[i] == type)
            return true;
    }
    return rule->types_count == 0;
}

static bool fits_client(const struct rule *rule, const union address *client)
{
    if (rule->all_clients)
        return true;
    return client->any.sa_family == AF_INET6
               ? netset_has6(&rule->clients, client->v6.sin6_addr.s6_addr)
               : netset_has4(&rule->clients, (const uint8_t *)&client->v4.sin_addr);
}

static enum served act(const struct rule *rule, struct query *query)
{
    switch (rule->action) {
    case ACTION_ALLOW:
        return SERVED_NEXT;
    case ACTION_DROP:
        return SERVED_DROPPED;
    case ACTION_BLOCK:
        query->reply.rcode = RCODE_REFUSED;
        query->reply.ede = (rule->all_clients ? EDE_BLOCKED : EDE_PROHIBITED) + 1;
        return SERVED_ANSWERED;
    case ACTION_FILTER:
        query->reply.ede = EDE_FILTERED + 1;
        return SERVED_ANSWERED;
    }
    return SERVED_NEXT;
}

static enum served serve(void *self, struct query *query)
{
    const struct acl *acl = self;
    for (unsigned i = 0; i < acl->count; i++) {
        const struct rule *rule = &acl->rules[i];
        if (fits_type(rule, query->question->type) && fits_client(rule, &query->client) &&
            fits_name(acl, rule, query))
            return act(rule, query);
    }
    return SERVED_NEXT;
}

static const struct plugin acl_plugin = {
    .abi = PLUGIN_ABI,
    .flags = PLUGIN_ALL_CLASSES,
    .name = "acl",
    .options = options,
    .setup = setup,
    .serve = serve,
};
PLUGIN(acl)
