#include "plugins/update/policy.h"

#include <string.h>

#include "zone/sec/tsig_key.h"
#include "zone/wire/type.h"

/* ---- reading ---- */

/* The keys of one rule, looked up when those of all blocks are known. */
struct wanted_keys {
    const struct tsig_ring *ring;
    const struct policy_rule *rule;
    const struct token *at; /* as many as the rule has keys */
};

static enum err find_keys(void *arg, const struct finding_sink *sink)
{
    const struct wanted_keys *wanted = arg;
    enum err err = ERR_OK;
    for (unsigned i = 0; i < wanted->rule->keys_count; i++) {
        const struct token *at = &wanted->at[i];
        if (tsig_ring_find(wanted->ring, wanted->rule->keys[i]) != NULL)
            continue;
        struct finding finding = {.severity = SEVERITY_ERROR,
            .rule = "option",
            .file = at->file,
            .line = at->line,
            .column = at->column,
            .message = "there is no TSIG key of this name",
            .token = at->text,
            .token_len = at->source_len,
            .hint = "tsig { secret NAME KEY }, in any server block"};
        sink->report(sink->context, &finding);
        err = ERR_INVALID;
    }
    return err;
}

static enum err want_keys(struct setup *setup, const struct policy_rule *rule, const struct token *at)
{
    struct wanted_keys *wanted = ARENA_NEW(setup->world, struct wanted_keys);
    if (wanted == NULL)
        return ERR_MEMORY;
    *wanted = (struct wanted_keys){.ring = setup->keys, .rule = rule, .at = at};
    return setup_job(setup, find_keys, wanted);
}

static const uint8_t *read_name(struct setup *setup, const struct token *token)
{
    uint8_t name[NAME_MAX + 1];
    size_t len;
    const char *why = NULL;
    if (name_parse(token->text, strlen(token->text), (const uint8_t *)"", name, &len, &why) != ERR_OK) {
        setup_error(setup, token, NULL, "%s", why != NULL ? why : "this is no name");
        return NULL;
    }
    name_lower(name, name);
    return (const uint8_t *)arena_copy(setup->world, name, len);
}

/* One rule on its way: the words, and where it has come to. */
struct rule_reading {
    struct setup *setup;
    const struct directive *line;
    struct policy_rule *rule;
    struct network *networks;
    unsigned networks_count;
};

static enum err take_net(struct rule_reading *reading, const struct token *token)
{
    bool all = strcmp(token->text, "*") == 0;
    reading->rule->has_net = true;
    if (network_parse(all ? "0.0.0.0/0" : token->text, &reading->networks[reading->networks_count])) {
        reading->networks_count++;
        if (all && network_parse("::/0", &reading->networks[reading->networks_count]))
            reading->networks_count++;
        return ERR_OK;
    }
    return setup_error(reading->setup, token, "write 192.0.2.0/24, 2001:db8::/32 or *",
        "'%s' is not a network", token->text);
}

static enum err take_key(struct rule_reading *reading, const struct token *token)
{
    const uint8_t *name = read_name(reading->setup, token);
    if (name == NULL)
        return ERR_INVALID;
    reading->rule->keys[reading->rule->keys_count++] = name;
    return ERR_OK;
}

static enum err take_name(struct rule_reading *reading, const struct token *token)
{
    const uint8_t *name = read_name(reading->setup, token);
    if (name == NULL)
        return ERR_INVALID;
    reading->rule->at[reading->rule->at_count++] = name;
    return ERR_OK;
}

static enum err take_type(struct rule_reading *reading, const struct token *token)
{
    uint16_t type;
    if (strcmp(token->text, "*") == 0)
        return ERR_OK;
    if (!type_parse(token->text, strlen(token->text), &type) || type_is_meta(type))
        return setup_error(reading->setup, token, type_suggest(token->text, strlen(token->text)),
            "'%s' is no type of records", token->text);
    reading->rule->types[reading->rule->types_count++] = type;
    return ERR_OK;
}

static const struct clause {
    const char *word;
    enum err (*take)(struct rule_reading *reading, const struct token *token); /* NULL: nothing behind it */
    enum policy_names names;                                                   /* 0: not about names */
} clauses[] = {
    {"net", take_net, POLICY_ALL},
    {"key", take_key, POLICY_ALL},
    {"name", take_name, POLICY_NAME},
    {"subdomain", take_name, POLICY_SUBDOMAIN},
    {"self", NULL, POLICY_SELF},
    {"selfsub", NULL, POLICY_SELFSUB},
    {"type", take_type, POLICY_ALL},
};

static const struct clause *clause_of(const struct token *token)
{
    for (unsigned i = 0; i < ARRAY_COUNT(clauses) && !token->quoted; i++) {
        if (strcmp(clauses[i].word, token->text) == 0)
            return &clauses[i];
    }
    return NULL;
}

static enum err read_words(struct rule_reading *reading)
{
    const struct directive *line = reading->line;
    const struct clause *clause = NULL;
    enum err err = ERR_OK;
    for (unsigned i = 0; i < line->args_count && err == ERR_OK; i++) {
        const struct token *token = &line->args[i];
        const struct clause *next = clause_of(token);
        bool last = i + 1 == line->args_count || clause_of(&line->args[i + 1]) != NULL;
        if (next == NULL) {
            err = clause != NULL && clause->take != NULL
                      ? clause->take(reading, token)
                      : setup_error(reading->setup, token, "allow key host.example. selfsub type A AAAA",
                            "'%s' stands where net, key, name, subdomain, self, selfsub or type is expected",
                            token->text);
            continue;
        }
        clause = next;
        if (next->take != NULL && last)
            return setup_error(reading->setup, token, NULL, "nothing stands behind '%s'", token->text);
        if (next->names != POLICY_ALL && reading->rule->names != POLICY_ALL)
            return setup_error(reading->setup, token, "write a second rule",
                "a rule has one of name, subdomain, self and selfsub");
        if (next->names != POLICY_ALL)
            reading->rule->names = next->names;
    }
    return err;
}

/* The tokens behind "key", for findings. */
static enum err check_keys(struct rule_reading *reading)
{
    const struct directive *line = reading->line;
    struct token *at = ARENA_ARRAY(reading->setup->world, struct token, line->args_count + 1);
    const struct clause *clause = NULL;
    unsigned count = 0;
    if (at == NULL)
        return ERR_MEMORY;
    for (unsigned i = 0; i < line->args_count; i++) {
        const struct clause *next = clause_of(&line->args[i]);
        clause = next != NULL ? next : clause;
        if (next == NULL && clause != NULL && clause->take == take_key)
            at[count++] = line->args[i];
    }
    return count > 0 ? want_keys(reading->setup, reading->rule, at) : ERR_OK;
}

static enum err read_rule(struct setup *setup, const struct directive *line, struct policy_rule *rule)
{
    struct arena *world = setup->world;
    unsigned room = line->args_count + 2;
    struct rule_reading reading = {
        .setup = setup, .line = line, .rule = rule, .networks = ARENA_ARRAY(world, struct network, room)};
    *rule = (struct policy_rule){.deny = strcmp(line->name.text, "deny") == 0,
        .keys = ARENA_ARRAY(world, const uint8_t *, room),
        .at = ARENA_ARRAY(world, const uint8_t *, room),
        .types = ARENA_ARRAY(world, int64_t, room)};
    if (reading.networks == NULL || rule->keys == NULL || rule->at == NULL || rule->types == NULL)
        return ERR_MEMORY;
    if (!rule->deny && strcmp(line->name.text, "allow") != 0)
        return setup_error(setup, &line->name, "allow or deny", "'%s' is no rule of update", line->name.text);
    enum err err = read_words(&reading);
    bool self = rule->names == POLICY_SELF || rule->names == POLICY_SELFSUB;
    if (err == ERR_OK && !rule->deny && !rule->has_net && rule->keys_count == 0 && !self)
        err = setup_error(setup, &line->name, "allow key NAME, or net * for everybody",
            "this rule says of nobody that he may update");
    if (err == ERR_OK)
        err = check_keys(&reading);
    return err == ERR_OK ? netset_init(&rule->clients, reading.networks, reading.networks_count, world) : err;
}

enum err policy_read(struct setup *setup, const struct option_lines *lines, struct policy *policy)
{
    enum err err = ERR_OK;
    policy->count = 0;
    policy->rules = ARENA_ARRAY(setup->world, struct policy_rule, lines->count + 1);
    if (policy->rules == NULL)
        return ERR_MEMORY;
    for (unsigned i = 0; i < lines->count && err == ERR_OK; i++)
        err = read_rule(setup, lines->at[i], &policy->rules[policy->count++]);
    return err;
}

/* ---- asking ---- */

static bool in_clients(const struct policy_rule *rule, const union address *client)
{
    return client->any.sa_family == AF_INET6
               ? netset_has6(&rule->clients, client->v6.sin6_addr.s6_addr)
               : netset_has4(&rule->clients, (const uint8_t *)&client->v4.sin_addr);
}

static bool fits_client(const struct policy_rule *rule, const struct policy_client *client)
{
    bool self = rule->names == POLICY_SELF || rule->names == POLICY_SELFSUB;
    if (rule->has_net && !in_clients(rule, client->address))
        return false;
    if (client->key == NULL)
        return rule->keys_count == 0 && !self;
    for (unsigned i = 0; i < rule->keys_count; i++) {
        if (name_equal(rule->keys[i], client->key))
            return true;
    }
    return rule->keys_count == 0;
}

static bool fits_name(
    const struct policy_rule *rule, const struct policy_client *client, const uint8_t *owner)
{
    switch (rule->names) {
    case POLICY_SELF:
        return name_equal(owner, client->key);
    case POLICY_SELFSUB:
        return name_under(owner, client->key);
    case POLICY_NAME:
    case POLICY_SUBDOMAIN:
        for (unsigned i = 0; i < rule->at_count; i++) {
            if (rule->names == POLICY_NAME ? name_equal(owner, rule->at[i]) : name_under(owner, rule->at[i]))
                return true;
        }
        return false;
    case POLICY_ALL:
    default:
        return true;
    }
}

static bool fits_type(const struct policy_rule *rule, uint16_t type)
{
    for (unsigned i = 0; i < rule->types_count; i++) {
        if (rule->types[i] == type)
            return true;
    }
    return rule->types_count == 0;
}

bool policy_knows(const struct policy *policy, const struct policy_client *client)
{
    for (unsigned i = 0; i < policy->count; i++) {
        if (!policy->rules[i].deny && fits_client(&policy->rules[i], client))
            return true;
    }
    return false;
}

bool policy_allows(
    const struct policy *policy, const struct policy_client *client, const uint8_t *owner, uint16_t type)
{
    for (unsigned i = 0; i < policy->count; i++) {
        const struct policy_rule *rule = &policy->rules[i];
        if (fits_client(rule, client) && fits_type(rule, type) && fits_name(rule, client, owner))
            return !rule->deny;
    }
    return false;
}
