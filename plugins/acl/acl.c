/* acl: who may ask for what. Rules stand in the order of the Corefile, and the first that fits the type and
 * the client decides; a query that no rule fits goes on. What is refused or emptied says why by an extended
 * error (RFC 8914): 18 Prohibited where the client's address was the reason, 15 Blocked where only the name
 * and type were, 17 Filtered for an empty answer. */
#include <string.h>
#include <strings.h>

#include "plugins/keep.h"
#include "plugins/metrics.h"
#include "plugins/plugin.h"
#include "zone/wire/netset.h"
#include "zone/wire/type.h"

enum action { ACTION_ALLOW, ACTION_BLOCK, ACTION_FILTER, ACTION_DROP };

struct rule {
    enum action action;
    bool all_clients;
    const uint8_t *const *zones; /* of its acl line */
    unsigned zones_count;
    struct tally *const *tallies;   /* of its acl line: of each zone, by action; or NULL, */
    struct tally *const *all_tally; /* and the one for all */
    int64_t *types;                 /* none: every type */
    unsigned types_count;
    struct netset clients;
};

struct acl {
    struct rule *rules;
    unsigned count, room;
    bool whole_block; /* every rule is for all names of the block: they need no comparing */
    const struct block *block;
    struct counted *counted, **last_counted;
    const char *allowed_name;
    struct tally *allowed;
};

/* What a line's rules have done, for each of its zones; beyond COUNTED_MAX for all of them together. */
#define COUNTED_MAX 32
struct counted {
    struct counted *next;
    unsigned count;
    const char *names[COUNTED_MAX]; /* plugins/keep.h */
    const char *zones[COUNTED_MAX]; /* as text; "" for all together */
    struct tally *tallies[COUNTED_MAX];
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

/* Counters for a line of ZONES. */
static struct counted *add_counted(struct setup *setup, struct acl *acl, const struct option_zones *zones)
{
    struct counted *counted = ARENA_NEW(setup->world, struct counted);
    if (counted == NULL)
        return NULL;
    counted->count = zones->count <= COUNTED_MAX ? zones->count : 1;
    for (unsigned i = 0; i < counted->count; i++) {
        char text[NAME_TEXT_MAX] = "";
        if (zones->count <= COUNTED_MAX)
            name_print(zones->at[i], text);
        counted->zones[i] = arena_copy(setup->world, text, strlen(text));
        counted->names[i] = keep_name(setup, KEEP_DIRECTIVE, text);
        if (counted->zones[i] == NULL || counted->names[i] == NULL)
            return NULL;
    }
    *acl->last_counted = counted;
    acl->last_counted = &counted->next;
    return counted;
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
        acl->block = setup->block;
        acl->last_counted = &acl->counted;
        acl->allowed_name = keep_name(setup, KEEP_KEYS, "allowed");
        if (acl->allowed_name == NULL)
            return ERR_MEMORY;
    }
    enum err err = options_parse(setup, options, &written);
    if (err != ERR_OK)
        return err;
    if (written.rules.count == 0)
        setup_warning(setup, &setup->directive->name, "acl { block net 192.0.2.0/24 }", "acl has no rule");
    struct counted *counted = add_counted(setup, acl, &written.zones);
    if (counted == NULL || !make_room(acl, written.rules.count, setup->world))
        return ERR_MEMORY;
    acl->whole_block = acl->whole_block && option_zones_cover_block(setup, &written.zones);
    for (unsigned i = 0; i < written.rules.count && err == ERR_OK; i++) {
        struct rule *rule = &acl->rules[acl->count++];
        rule->zones = (const uint8_t *const *)written.zones.at;
        rule->zones_count = written.zones.count;
        rule->tallies = counted->count == written.zones.count ? counted->tallies : NULL;
        rule->all_tally = counted->tallies;
        err = read_rule(setup, written.rules.at[i], rule);
    }
    return err;
}

/* ---- living ---- */

static enum err start(void *self)
{
    struct acl *acl = self;
    acl->allowed = tally_take(acl->allowed_name);
    bool whole = acl->allowed != NULL;
    for (struct counted *line = acl->counted; line != NULL; line = line->next) {
        for (unsigned i = 0; i < line->count; i++)
            whole = (line->tallies[i] = tally_take(line->names[i])) != NULL && whole;
    }
    return whole ? ERR_OK : ERR_MEMORY;
}

static void stop(void *self)
{
    const struct acl *acl = self;
    keep_drop(acl->allowed_name, acl->allowed);
    for (const struct counted *line = acl->counted; line != NULL; line = line->next) {
        for (unsigned i = 0; i < line->count; i++)
            keep_drop(line->names[i], line->tallies[i]);
    }
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

static void count(const struct rule *rule, const struct query *query)
{
    unsigned best = 0;
    size_t best_len = 0;
    for (unsigned i = 0; rule->tallies != NULL && rule->zones_count > 1 && i < rule->zones_count; i++) {
        size_t len = name_len(rule->zones[i]);
        if (len > best_len && question_under(query->question, rule->zones[i])) {
            best = i;
            best_len = len;
        }
    }
    tally_add(
        rule->tallies != NULL ? rule->tallies[best] : rule->all_tally[0], query->worker, rule->action, 1);
}

static enum served act(const struct rule *rule, struct query *query)
{
    if (rule->action != ACTION_ALLOW)
        count(rule, query);
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
            fits_name(acl, rule, query)) {
            enum served served = act(rule, query);
            if (served == SERVED_NEXT)
                break;
            return served;
        }
    }
    tally_add(acl->allowed, query->worker, 0, 1);
    return SERVED_NEXT;
}

/* ---- telling ---- */

static void metrics(void *self, struct metrics *out)
{
    static const struct metric did[] = {
        [ACTION_BLOCK] = {"coredns_acl_blocked_requests_total", METRIC_COUNTER,
            "Counter of DNS requests being blocked."},
        [ACTION_FILTER] = {"coredns_acl_filtered_requests_total", METRIC_COUNTER,
            "Counter of DNS requests being filtered."},
        [ACTION_DROP] = {"coredns_acl_dropped_requests_total", METRIC_COUNTER,
            "Counter of DNS requests being dropped."},
    };
    static const struct metric allowed = {
        "coredns_acl_allowed_requests_total", METRIC_COUNTER, "Counter of DNS requests being allowed."};
    const struct acl *acl = self;
    const char *server = acl->block->server, *view = block_view(acl->block);
    metrics_add(
        out, &allowed, (double)tally_sum(acl->allowed, 0), METRIC_LABELS("server", server, "view", view));
    for (const struct counted *line = acl->counted; line != NULL; line = line->next) {
        for (unsigned i = 0; i < line->count; i++)
            for (unsigned action = ACTION_BLOCK; action <= ACTION_DROP; action++)
                metrics_add(out, &did[action], (double)tally_sum(line->tallies[i], action),
                    METRIC_LABELS("server", server, "zone", line->zones[i], "view", view));
    }
}

static const struct plugin acl_plugin = {
    .abi = PLUGIN_ABI,
    .flags = PLUGIN_ALL_CLASSES,
    .name = "acl",
    .options = options,
    .setup = setup,
    .start = start,
    .serve = serve,
    .metrics = metrics,
    .stop = stop,
};
PLUGIN(acl)
