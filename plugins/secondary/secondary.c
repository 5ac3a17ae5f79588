/* secondary: serves zones that it transfers from primaries (RFC 1034 4.3.5, 5936, 1995, 1996). What came is
 * kept in the state directory, so that a restart serves at once and becomes current by IXFR. */
#include <stdlib.h>
#include <string.h>

#include "plugins/secondary/clock.h"
#include "plugins/secondary/follower.h"
#include "plugins/secondary/ledger.h"
#include "plugins/secondary/settings.h"
#include "plugins/serving.h"
#include "zone/base/log.h"
#include "zone/net/request.h"
#include "zone/sec/tsig.h"

/* A zone as one block serves it. */
struct entry {
    struct serving_zone served; /* first: what is found in the table is an entry */
    struct follower *follower;
    struct plan *plan;
    const struct token *at;
};

struct secondary {
    struct serving serving;
    struct entry **entries;
    unsigned count, room;
    struct arena *world;
    bool started;
};

/* ---- setting up ---- */

static bool grow(struct secondary *secondary)
{
    if (secondary->count < secondary->room)
        return true;
    unsigned room = secondary->room * 2 + 8;
    struct entry **entries = ARENA_ARRAY(secondary->world, struct entry *, room);
    if (entries == NULL)
        return false;
    if (secondary->count > 0)
        memcpy(entries, secondary->entries, secondary->count * sizeof *entries);
    secondary->entries = entries;
    secondary->room = room;
    return true;
}

static enum err recover(void *arg, const struct finding_sink *sink UNUSED)
{
    follower_recover(arg);
    return ERR_OK;
}

/* The first of two entries of one name stays, and so does its plan. */
static void warn_twice(const struct entry *entry, const struct finding_sink *sink)
{
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

static enum err make_table(void *arg, const struct finding_sink *sink)
{
    struct secondary *secondary = arg;
    enum err err = serving_init(&secondary->serving, "secondary", secondary->count);
    for (unsigned i = 0; i < secondary->count && err == ERR_OK; i++) {
        err = serving_add(&secondary->serving, &secondary->entries[i]->served);
        if (err == ERR_EXISTS) {
            warn_twice(secondary->entries[i], sink);
            err = ERR_OK;
        }
    }
    return err;
}

static enum err add_zone(
    struct setup *setup, struct secondary *secondary, const struct settings *settings, const uint8_t *name)
{
    struct entry *entry = ARENA_NEW(setup->world, struct entry);
    if (entry == NULL || !grow(secondary))
        return ERR_MEMORY;
    struct follower *follower = follower_get(name, settings->state);
    if (follower == NULL)
        return ERR_MEMORY;
    follower->zone->journal_max = (uint64_t)settings->journal;
    *entry = (struct entry){.served = {.zone = follower->zone,
                                .fall = settings->fallthrough.at,
                                .fall_count = settings->fallthrough.count},
        .follower = follower,
        .plan = plan_hold(settings->plan),
        .at = &setup->directive->name};
    secondary->entries[secondary->count++] = entry;
    return setup->check || follower->recovered ? ERR_OK : setup_job(setup, recover, follower);
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
            secondary->world = setup->world;
        err = secondary != NULL ? setup_job(setup, make_table, secondary) : ERR_MEMORY;
    }
    for (unsigned i = 0; i < settings.zones.count && err == ERR_OK; i++)
        err = add_zone(setup, secondary, &settings, settings.zones.at[i]);
    plan_release(settings.plan);
    return err;
}

/* ---- living ---- */

static enum err start(void *self)
{
    struct secondary *secondary = self;
    enum err err = clock_start();
    if (err != ERR_OK)
        return err;
    secondary->started = true;
    for (unsigned i = 0; i < secondary->count && err == ERR_OK; i++)
        err = follower_start(secondary->entries[i]->follower, secondary->entries[i]->plan);
    return err;
}

static void stop(void *self)
{
    struct secondary *secondary = self;
    if (secondary->started && clock_ends())
        ledger_save();
    for (unsigned i = 0; i < secondary->count; i++) {
        follower_put(secondary->entries[i]->follower);
        plan_release(secondary->entries[i]->plan);
    }
    if (secondary->started)
        clock_stop();
    serving_clear(&secondary->serving);
}

static void zones(void *self, void (*each)(void *context, struct zone *zone), void *context)
{
    const struct secondary *secondary = self;
    for (unsigned i = 0; i < secondary->count; i++)
        each(context, secondary->entries[i]->follower->zone);
}

static struct zone *zone_of(void *self, const uint8_t *name)
{
    const struct secondary *secondary = self;
    const struct serving_zone *found = serving_find(&secondary->serving, name);
    return found != NULL ? found->zone : NULL;
}

/* ---- answering ---- */

static bool prefetch(void *self, struct query *query, unsigned step)
{
    const struct secondary *secondary = self;
    return serving_prefetch(&secondary->serving, query, step);
}

static enum served serve(void *self, struct query *query)
{
    const struct secondary *secondary = self;
    return serving_serve(&secondary->serving, query);
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
    const struct secondary *secondary = self;
    if (message_opcode(&query->message) != OPCODE_NOTIFY)
        return SERVED_NEXT;
    const struct serving_zone *found = serving_find(&secondary->serving, query->question->lower);
    if (found == NULL)
        return SERVED_NEXT;
    const struct entry *entry = (const struct entry *)(const void *)found;
    int index = primary_of(entry->plan, query);
    if (!is_allowed(entry->plan, query, index)) {
        query->reply.rcode = RCODE_REFUSED;
        query->reply.ede = EDE_PROHIBITED + 1;
        return SERVED_ANSWERED;
    }
    if (is_news(found->zone, query))
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
