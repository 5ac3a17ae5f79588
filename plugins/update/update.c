/* update: changes that clients ask for by UPDATE messages (RFC 2136), by policy and TSIG (RFC 3007). A worker
 * only looks who asks; the query waits while a background thread does the work, several updates of a zone at
 * one go: they are one step of its journal, which is on the disk before any of them is acknowledged. */
#include <stdlib.h>
#include <string.h>

#include "plugins/update/courier.h"
#include "plugins/update/desk.h"
#include "plugins/update/policy.h"
#include "zone/base/log.h"
#include "zone/sec/tsig.h"
#include "zone/wire/type.h"

struct written {
    struct option_zones zones;
    struct option_lines rules;
    const char *state;
    bool forwards;
};

/* One `update` directive. */
struct grant {
    struct grant *next;
    struct option_zones zones;
    struct policy policy;
    const char *state;
    bool forwards;
};

struct update {
    const struct block *block;
    struct grant *first, **end;
};

static const struct option options[] = {
    {.arg = "ZONES...",
        .kind = OPTION_ZONES,
        .offset = offsetof(struct written, zones),
        .help = "the zones that may be updated; the block's own when left out"},
    {.word = "state",
        .arg = "DIRECTORY",
        .kind = OPTION_PATH,
        .offset = offsetof(struct written, state),
        .help = "where the changes are kept; the server's state directory when left out"},
    {.word = "forward",
        .kind = OPTION_FLAG,
        .offset = offsetof(struct written, forwards),
        .help =
            "updates of zones that are transferred are passed on to the zone's primary; the rules say whose"},
    {.word = "*",
        .arg =
            "allow|deny [net NETWORK...] [key NAME...] [name NAME...|subdomain NAME...|self|selfsub] [type "
            "TYPE...]",
        .kind = OPTION_LINES,
        .offset = offsetof(struct written, rules),
        .help = "a rule: whether clients of these networks, or who sign with one of these keys, may change "
                "records of these types at these names"},
    OPTIONS_END,
};

/* ---- setting up ---- */

static enum err setup(struct setup *setup, void **self)
{
    struct update *update = *self;
    struct written written = {0};
    struct grant *grant = ARENA_NEW(setup->world, struct grant);
    if (update == NULL) {
        *self = update = ARENA_NEW(setup->world, struct update);
        if (update == NULL)
            return ERR_MEMORY;
        update->block = setup->block;
        update->end = &update->first;
    }
    if (grant == NULL)
        return ERR_MEMORY;
    enum err err = options_parse(setup, options, &written);
    if (err != ERR_OK)
        return err;
    if (written.rules.count == 0)
        return setup_error(
            setup, &setup->directive->name, "update { allow key NAME }", "update says of nobody that he may");
    grant->zones = written.zones;
    grant->forwards = written.forwards;
    grant->state = written.state != NULL ? written.state : zones_state(!setup->check);
    if (grant->state == NULL && !setup->check)
        return setup_error(setup, &setup->directive->name, "bailiwickd -state DIRECTORY",
            "there is no directory to keep the changes in");
    err = setup_state(setup, &setup->directive->name, grant->state);
    if (err != ERR_OK)
        return err;
    *update->end = grant;
    update->end = &grant->next;
    return policy_read(setup, &written.rules, &grant->policy);
}

/* The directive that speaks of ZONE: the first one of those with the longest name above it. */
static const struct grant *grant_of(const struct update *update, const uint8_t *zone)
{
    const struct grant *best = NULL;
    size_t best_len = 0;
    for (const struct grant *grant = update->first; grant != NULL; grant = grant->next) {
        for (unsigned i = 0; i < grant->zones.count; i++) {
            size_t len = name_len(grant->zones.at[i]);
            if (len > best_len && name_under(zone, grant->zones.at[i])) {
                best = grant;
                best_len = len;
            }
        }
    }
    return best;
}

static void prepare(void *context, struct zone *zone)
{
    const struct update *update = context;
    const struct grant *grant = grant_of(update, zone->name);
    bool made = zone->kind->changed_at != NULL; /* of another zone, which is among these, too */
    if (grant != NULL && zone->kind->local && !made && zone_write_try(zone)) {
        desk_prepare(zone, grant->state, true);
        zone_write_end(zone);
    }
}

static enum err start(void *self)
{
    struct update *update = self;
    block_zones(update->block, prepare, update);
    return ERR_OK;
}

/* ---- messages ---- */

static enum served refuse(struct query *query, enum rcode rcode, uint16_t ede, const char *why)
{
    query->reply.rcode = (uint16_t)rcode;
    query->reply.ede = (uint16_t)(ede + 1);
    query->reply.ede_text = why;
    return SERVED_ANSWERED;
}

static enum served take(struct update *update, struct query *query)
{
    const struct question *question = query->question;
    const struct grant *grant = grant_of(update, question->lower);
    if (grant == NULL)
        return SERVED_NEXT;
    if (question->type != TYPE_SOA || question->class != CLASS_IN) /* RFC 2136 3.1.1 */
        return refuse(query, RCODE_FORMERR, EDE_NOT_SUPPORTED, "the zone section must name a zone");
    struct zone *zone = query_zone(query, question->lower);
    if (zone == NULL)
        return refuse(query, RCODE_NOTAUTH, EDE_NOT_AUTHORITATIVE, "no zone of this name is served");
    zone = zone_changed_at(zone); /* the sign plugin signs what becomes of it */
    bool goes_on = grant->forwards && zone->kind->pass_on != NULL;
    if (!zone->kind->local && !goes_on) /* 3.1.2; section 6 leaves it to us whether we pass it on */
        return refuse(query, RCODE_REFUSED, EDE_NOT_SUPPORTED, "updates go to the zone's primary");
    const struct tsig *tsig = query_tsig(query);
    struct policy_client client = {.address = &query->client, .key = tsig != NULL ? tsig->name : NULL};
    if (!policy_knows(&grant->policy, &client))
        return refuse(query, RCODE_REFUSED, EDE_PROHIBITED, "this client may not update the zone");
    struct errand *errand = ARENA_NEW(query->scratch, struct errand);
    if (errand == NULL || !query_may_wait(query))
        return query_fail(query, "update", RCODE_SERVFAIL, "too many updates wait");
    *errand = (struct errand){.query = query,
        .zone = zone_hold(zone),
        .policy = &grant->policy,
        .client = client,
        .state = grant->state};
    if (goes_on)
        courier_put(errand);
    else
        desk_put(errand);
    return SERVED_SUSPENDED;
}

static enum served take_opcode(void *self, struct query *query)
{
    return message_opcode(&query->message) == OPCODE_UPDATE ? take(self, query) : SERVED_NEXT;
}

static const struct plugin update_plugin = {
    .abi = PLUGIN_ABI,
    .name = "update",
    .options = options,
    .setup = setup,
    .start = start,
    .opcode = take_opcode,
};
PLUGIN(update)
