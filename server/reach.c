#include "server/reach.h"

#include <string.h>

#include "plugins/zones.h"
#include "server/endpoint.h"
#include "zone/wire/type.h"

/* The place of PLUGIN's first directive in the block. */
static const struct token *place_of(const struct chain *chain, const struct plugin *plugin)
{
    unsigned at = block_find(chain->source, plugin->name, 0);
    return at < chain->source->directives_count ? &chain->source->directives[at].name
                                                : &chain->source->opened;
}

/* What stands behind a plugin that lets nothing pass answers nothing; what works on the way back still does.
 */
static void check_chain(struct build *build, struct chain *chain)
{
    const struct plugin *last = NULL;
    for (unsigned i = 0; i < chain->instance_count; i++) {
        const struct instance *instance = &chain->instances[i];
        const struct plugin *plugin = instance->plugin;
        if (last != NULL && plugin->serve != NULL) {
            struct setup setup = build_setup(build, chain, &chain->source->directives[0]);
            setup_warning(&setup, place_of(chain, plugin), "remove it, or let names fall through to it",
                "%s is never reached: %s answers every query of this block", plugin->name, last->name);
        } else if (plugin->ends != NULL && plugin->ends(instance->self, &chain->block)) {
            last = plugin;
        }
    }
}

struct looking {
    struct build *build;
    struct chain *chain;
    const struct plugin *plugin;
};

/* The block that a query for NAME comes to on an address where CHAIN is served, too, when it is another one.
 */
static const struct chain *taken_by(const struct world *world, const struct chain *chain, const uint8_t *name)
{
    struct question question;
    question_set(&question, name, TYPE_SOA, CLASS_IN);
    const struct chain *other = NULL;
    for (unsigned i = 0; i < world->endpoint_count; i++) {
        const struct suffix_table *table = &world->endpoints[i].table;
        bool here = false;
        for (unsigned z = 0; z < chain->block.zones_count && !here; z++) {
            const struct suffix_entry *entry = suffix_exact(table, chain->block.zones[z]);
            here = entry != NULL && entry->value == chain;
        }
        const struct suffix_entry *entry = here ? suffix_route(table, &question) : NULL;
        if (entry == NULL)
            continue;
        const struct chain *to = entry->value;
        if (to == chain || to->views != NULL)
            return NULL;
        other = to;
    }
    return other;
}

static void check_zone(void *context, struct zone *zone)
{
    const struct looking *looking = context;
    char text[NAME_TEXT_MAX];
    const uint8_t *name = zone->name;
    const struct chain *other = taken_by(looking->build->world, looking->chain, name);
    if (other == NULL)
        return;
    name_print(name, text);
    struct setup setup = build_setup(looking->build, looking->chain, &looking->chain->source->directives[0]);
    setup_warning(&setup, place_of(looking->chain, looking->plugin), "move it into that block",
        "the zone %s is never asked for here: the block '%s' takes its queries", text, other->block.label);
}

void reach_check(struct build *build)
{
    struct world *world = build->world;
    for (unsigned i = 0; i < world->chain_count; i++) {
        struct chain *chain = &world->chains[i];
        check_chain(build, chain);
        for (unsigned p = 0; p < chain->instance_count; p++) {
            struct looking looking = {build, chain, chain->instances[p].plugin};
            if (looking.plugin->zones != NULL)
                looking.plugin->zones(chain->instances[p].self, check_zone, &looking);
        }
    }
}
