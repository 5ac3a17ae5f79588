/* secondary: serves zones that it transfers from primaries (RFC 1034 4.3.5, 5936, 1995, 1996). What came is
 * kept in the state directory, so that a restart serves at once and becomes current by IXFR. */
#include <stdlib.h>
#include <string.h>

#include "plugins/secondary/clock.h"
#include "plugins/secondary/consumer.h"
#include "plugins/secondary/follower.h"
#include "plugins/secondary/ledger.h"
#include "plugins/secondary/settings.h"
#include "zone/base/log.h"
#include "zone/net/request.h"
#include "zone/sec/tsig.h"

struct secondary {
    struct consumer consumer; /* all zones, those of catalogs included */
    bool started;
};

/* ---- setting up ---- */

static enum err recover(void *arg, const struct finding_sink *sink UNUSED)
{
    follower_recover(arg);
    return ERR_OK;
}

/* The first of two entries of one name stays, and so does its plan. */
static void warn_twice(void *context, const struct entry *entry)
{
    const struct finding_sink *sink = context;
    char name[NAME_TEXT_MAX], message[NAME_TEXT_MAX + 80];
    name_print(entry->follower->zone->name, name);
    snprintf(
        message, sizeof message, "the zone %s is served from an earlier line; this one has no effect", name);
    struct finding finding = {.severity = SEVERITY_WARNING,
        .rule = "option",
        .file = entry->at->file,
        .line = entry->at->line,
        .column = entry->at->column,
        .message = message,
        .token = entry->at->text,
        .token_len = entry->at->source_len,
        .hint = "remove one of the two"};
    sink->report(sink->context, &finding);
}

static enum err make_roster(void *arg, const struct finding_sink *sink)
{
    struct consumer *consumer = &((struct secondary *)arg)->consumer;
    struct roster *roster =
        roster_new(consumer->mark, &consumer->fixed, &consumer->members, warn_twice, (void *)(uintptr_t)sink);
    atomic_store(&consumer->roster, roster);
    return roster != NULL ? ERR_OK : ERR_MEMORY;
}

/* Of one zone in one state directory there is one copy; who follows other primaries would overwrite it. */
static void warn_shared(struct setup *setup, const struct follower *follower, const struct plan *plan)
{
    char name[NAME_TEXT_MAX];
    const struct plan *other = follower->written;
    if (follower->written_in != setup->world || other == NULL || strcmp(other->text, plan->text) == 0)
        return;
    name_print(follower->zone->name, name);
    setup_warning(setup, &setup->directive->name, "give one of them a `state DIRECTORY` of its own",
        "%s is followed with other primaries (%s) elsewhere, and kept in the same place: both serve one copy",
        name, other->text);
}

static enum err add_zone(
    struct setup *setup, struct secondary *secondary, const struct settings *settings, const uint8_t *name)
{
    struct entry *entry = ARENA_NEW(setup->world, struct entry);
    if (entry == NULL)
        return ERR_MEMORY;
    struct follower *follower = follower_get(name, settings->state);
    if (follower == NULL)
        return ERR_MEMORY;
    warn_shared(setup, follower, settings->plan);
    follower->written_in = setup->world;
    plan_release(follower->written);
    follower->written = plan_hold(settings->plan);
    follower->zone->journal_max = (uint64_t)settings->journal;
    *entry = (struct entry){.served = {.zone = follower->zone,
                                .fall = settings->fallthrough.at,
                                .fall_count = settings->fallthrough.count,
                                .iterations = (uint16_t)settings->iterations},
        .follower = follower,
        .plan = plan_hold(settings->plan),
        .at = &setup->directive->name};
    enum err err = entries_add(&secondary->consumer.fixed, entry);
    if (err != ERR_OK) {
        follower_put(follower);
        plan_release(entry->plan);
        return err;
    }
    if (settings->catalogs.count > 0)
        err = consumer_read(setup, &secondary->consumer, follower, settings);
    return err != ERR_OK || setup->check || follower->recovered ? err : setup_job(setup, recover, follower);
}

static enum err setup(struct setup *setup, void **self)
{
    struct secondary *secondary = *self;
    struct settings settings;
    enum err err = settings_read(setup, &settings);
    if (err != ERR_OK)
        return err;
    if (secondary == NULL) {
        secondary = ARENA_NEW(setup->world, struct secondary);
        *self = secondary;
        if (secondary != NULL)
            consumer_init(&secondary->consumer, secondary, setup->block);
        err = secondary != NULL ? setup_job(setup, make_roster, secondary) : ERR_MEMORY;
    }
    for (unsigned i = 0; i < settings.zones.count && err == ERR_OK; i++)
        err = add_zone(setup, secondary, &settings, settings.zones.at[i]);
    plan_release(settings.plan);
    return err;
}

static const struct roster *roster_of(const struct secondary *secondary)
{
    return atomic_load_explicit(&secondary->consumer.roster, memory_order_acquire);
}

/* ---- living ---- */

static enum err start(void *self)
{
    struct secondary *secondary = self;
    enum err err = clock_start();
    if (err != ERR_OK)
        return err;
    secondary->started = true;
    const struct entries *fixed = &secondary->consumer.fixed;
    for (unsigned i = 0; i < fixed->count && err == ERR_OK; i++)
        err = follower_start(fixed->at[i]->follower, fixed->at[i]->plan);
    return err == ERR_OK ? consumer_start(&secondary->consumer) : err;
}

static void stop(void *self)
{
    struct secondary *secondary = self;
    if (secondary->started && clock_ends())
        ledger_save();
    consumer_stop(&secondary->consumer);
    if (secondary->started)
        clock_stop();
}

static void zones(void *self, void (*each)(void *context, struct zone *zone), void *context)
{
    const struct roster *roster = roster_of(self);
    for (unsigned i = 0; roster != NULL && i < roster->count; i++)
        each(context, roster->entries[i]->follower->zone);
}

static struct zone *zone_of(void *self, const uint8_t *name)
{
    const struct roster *roster = roster_of(self);
    const struct serving_zone *found = roster != NULL ? serving_find(&roster->serving, name) : NULL;
    return found != NULL ? found->zone : NULL;
}

/* ---- answering ---- */

static bool prefetch(void *self, struct query *query, unsigned step)
{
    return serving_prefetch(&roster_of(self)->serving, query, step);
}

static enum served serve(void *self, struct query *query)
{
    return serving_serve(&roster_of(self)->serving, query);
}

/* ---- NOTIFY ---- */

static bool in_networks(const struct netset *set, const union address *client)
{
    return client->any.sa_family == AF_INET6 ? netset_has6(set, client->v6.sin6_addr.s6_addr)
                                             : netset_has4(set, (const uint8_t *)&client->v4.sin_addr);
}

/* The client as a primary's address is written: an IPv4 address mapped into IPv6 is that address. */
static union peer_address address_of(const union address *client)
{
    union peer_address address = {.v6 = {0}};
    if (client->any.sa_family != AF_INET6) {
        address.v4 = client->v4;
    } else if (IN6_IS_ADDR_V4MAPPED(&client->v6.sin6_addr)) {
        address.v4.sin_family = AF_INET;
        memcpy(&address.v4.sin_addr, client->v6.sin6_addr.s6_addr + 12, 4);
    } else {
        address.v6 = client->v6;
    }
    return address;
}

static int primary_of(const struct plan *plan, const struct query *query)
{
    union peer_address address = address_of(&query->client);
    for (unsigned i = 0; i < plan->primary_count; i++) {
        if (peer_address_same_host(&plan->primaries[i].peer.address, &address))
            return (int)i;
    }
    return -1;
}

static bool signed_with(const struct query *query, const struct tsig_key *key)
{
    const struct tsig *tsig = query_tsig(query);
    return tsig != NULL && key != NULL && name_equal(tsig->name, key->name);
}

/* RFC 1996 3.10, 3.11: from a primary, or from whoever may say so besides. A NOTIFY is a hint that costs a
 * question at a primary that we know; so a primary's address is enough where no key is asked for. */
static bool is_allowed(const struct plan *plan, const struct query *query, int index)
{
    if (signed_with(query, plan->notify_key))
        return true;
    for (unsigned i = 0; i < plan->primary_count; i++) {
        if (signed_with(query, plan->primaries[i].peer.key))
            return true;
    }
    return !plan->notify_signed && (index >= 0 || in_networks(&plan->notifiers, &query->client));
}

/* A serial in the answer section that is not newer than ours needs no round (RFC 1996 3.7). */
static bool is_news(const struct zone *zone, const struct query *query)
{
    uint32_t serial;
    const struct snapshot *snapshot = atomic_load(&zone->current);
    return snapshot == NULL ||
           reply_serial(query->message.bytes, query->message.len, zone->name, &serial) != ERR_OK ||
           serial_after(serial, snapshot->serial);
}

static enum served take_opcode(void *self, struct query *query)
{
    if (message_opcode(&query->message) != OPCODE_NOTIFY)
        return SERVED_NEXT;
    const struct entry *entry = roster_find(roster_of(self), query->question->lower);
    if (entry == NULL)
        return SERVED_NEXT;
    int index = primary_of(entry->plan, query);
    if (!is_allowed(entry->plan, query, index)) {
        query->reply.rcode = RCODE_REFUSED;
        query->reply.ede = EDE_PROHIBITED + 1;
        return SERVED_ANSWERED;
    }
    if (is_news(entry->served.zone, query))
        clock_wish(entry->follower, index);
    query->reply.authoritative = true;
    return SERVED_ANSWERED;
}

static const struct plugin secondary_plugin = {
    .abi = PLUGIN_ABI,
    .flags = PLUGIN_OUTWARD,
    .name = "secondary",
    .options = settings_options,
    .setup = setup,
    .start = start,
    .serve = serve,
    .opcode = take_opcode,
    .prefetch = prefetch,
    .zones = zones,
    .zone = zone_of,
    .stop = stop,
};
PLUGIN(secondary)
