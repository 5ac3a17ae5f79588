/* catalog: makes a catalog zone (RFC 9432) of the zones that the block serves, for consumers that follow it.
 * It is a zone like any other: transferred, notified, with a history. Looked at once a second: what has come
 * or gone is one step of it. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "plugins/catalog/members.h"
#include "plugins/serving.h"
#include "zone/base/log.h"

#define LOOK_MS 1000

struct written {
    const uint8_t *name;
    struct option_zones zones;
    struct option_lines groups, coos;
    const char *state;
};

struct producer {
    const struct block *block;
    struct serving serving;
    struct serving_zone served;
    struct members_rules rules;
    struct host_timer *timer;
    uint64_t sum; /* of the names that are listed */
    bool made;
};

static const struct option options[] = {
    {.arg = "NAME",
        .kind = OPTION_NAME,
        .flags = OPTION_REQUIRED,
        .offset = offsetof(struct written, name),
        .help = "the catalog's name"},
    {.arg = "ZONES...",
        .kind = OPTION_ZONES,
        .offset = offsetof(struct written, zones),
        .help = "zones at or below these names are listed; all of the block's when left out"},
    {.word = "group",
        .arg = "NAME ZONES...",
        .kind = OPTION_LINES,
        .offset = offsetof(struct written, groups),
        .help = "zones at or below these names have the group property NAME"},
    {.word = "coo",
        .arg = "CATALOG ZONES...",
        .kind = OPTION_LINES,
        .offset = offsetof(struct written, coos),
        .help = "zones at or below these names may go over to another catalog"},
    {.word = "state",
        .arg = "DIRECTORY",
        .kind = OPTION_PATH,
        .offset = offsetof(struct written, state),
        .help = "where the catalog and its history are kept; the server's state directory when left out"},
    OPTIONS_END,
};

/* ---- setting up ---- */

static const struct zone_kind kind = {.plugin = "catalog"};

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

/* "group NAME ZONES...", "coo CATALOG ZONES...". */
static enum err read_property(
    struct setup *setup, struct members_rules *rules, const struct directive *line, bool coo)
{
    struct members_property *property = ARENA_NEW(setup->world, struct members_property);
    const uint8_t **zones = ARENA_ARRAY(setup->world, const uint8_t *, line->args_count + 1);
    if (property == NULL || zones == NULL)
        return ERR_MEMORY;
    if (line->args_count < 2 || strlen(line->args[0].text) > 255)
        return setup_error(setup, &line->name, NULL, "%s NAME ZONES... is wanted", line->name.text);
    if (coo && (property->coo = read_name(setup, &line->args[0])) == NULL)
        return ERR_INVALID;
    property->group = coo ? NULL : line->args[0].text;
    for (unsigned i = 1; i < line->args_count; i++) {
        zones[i - 1] = read_name(setup, &line->args[i]);
        if (zones[i - 1] == NULL)
            return ERR_INVALID;
    }
    property->zones = zones;
    property->zones_count = line->args_count - 1;
    property->next = rules->properties;
    rules->properties = property;
    return ERR_OK;
}

static enum err make_zone(struct setup *setup, struct producer *producer, const struct written *written)
{
    const char *state = written->state != NULL ? written->state : zones_state(!setup->check);
    enum err err = setup_state(setup, &setup->directive->name, state);
    if (err != ERR_OK)
        return err;
    struct zone *zone = zone_new(&kind, written->name, NULL);
    if (zone == NULL)
        return ERR_MEMORY;
    zone->state = state != NULL ? arena_copy(setup->world, state, strlen(state)) : NULL;
    zone->source = "the zones of its block";
    zone->keeps_image = true;
    producer->served.zone = zone;
    err = serving_init(&producer->serving, "catalog", 1);
    return err == ERR_OK ? serving_add(&producer->serving, &producer->served) : err;
}

static enum err setup(struct setup *setup, void **self)
{
    struct written written = {0};
    if (*self != NULL)
        return setup_error(setup, &setup->directive->name, NULL, "a server block makes one catalog");
    enum err err = options_parse(setup, options, &written);
    struct producer *producer = ARENA_NEW(setup->world, struct producer);
    if (err != ERR_OK || producer == NULL)
        return err != ERR_OK ? err : ERR_MEMORY;
    producer->block = setup->block;
    producer->rules.catalog = written.name;
    producer->rules.zones = written.zones;
    *self = producer;
    for (unsigned i = 0; i < written.groups.count && err == ERR_OK; i++)
        err = read_property(setup, &producer->rules, written.groups.at[i], false);
    for (unsigned i = 0; i < written.coos.count && err == ERR_OK; i++)
        err = read_property(setup, &producer->rules, written.coos.at[i], true);
    return err == ERR_OK ? make_zone(setup, producer, &written) : err;
}

/* ---- making versions ---- */

/* The next serial: the time, so that it also goes up where nothing is kept. */
static uint32_t next_serial(const struct snapshot *old)
{
    uint32_t now = (uint32_t)time(NULL);
    return old == NULL || serial_after(now, old->serial) ? now : old->serial + 1;
}

static enum err make_version(struct producer *producer, uint32_t serial, struct snapshot **out)
{
    struct change_list list = {0};
    struct image *image;
    char why[CHANGE_WHY_MAX] = "";
    enum err err = members_make(&producer->rules, producer->block, serial, &list);
    if (err == ERR_OK)
        err = change_build(producer->served.zone->name, &list, 1, why, &image);
    change_list_clear(&list);
    if (err != ERR_OK) {
        log_error("plugin/catalog: %s", why[0] != '\0' ? why : err_text(err));
        return err;
    }
    *out = snapshot_new(image);
    if (*out == NULL)
        image_release(image);
    return *out != NULL ? ERR_OK : ERR_MEMORY;
}

/* A new version, when it says anything else than the last one. */
static void make(struct producer *producer)
{
    struct zone *zone = producer->served.zone;
    struct snapshot *old = zone_take(zone), *next = NULL;
    enum err err = ERR_OK;
    if (old != NULL)
        err = make_version(producer, old->serial, &next);
    bool same = old != NULL && err == ERR_OK && members_same(old, next);
    snapshot_release(next);
    if (err == ERR_OK && !same)
        err = make_version(producer, next_serial(old), &next);
    if (err == ERR_OK && !same) {
        zone->records = next->image->header->record_count;
        err = zone_publish(zone, next, NULL, old == NULL ? ZONE_SILENT : 0);
    }
    if (err != ERR_OK)
        log_error("plugin/catalog: the zones that are served cannot be listed: %s", err_text(err));
    snapshot_release(old);
}

static void look(void *arg)
{
    struct producer *producer = arg;
    uint64_t sum = members_sum(&producer->rules, producer->block);
    if ((producer->made && sum == producer->sum) || !zone_write_try(producer->served.zone))
        return;
    make(producer);
    producer->sum = sum;
    producer->made = true;
    zone_write_end(producer->served.zone);
}

/* ---- living ---- */

static enum err start(void *self)
{
    struct producer *producer = self;
    struct snapshot *kept;
    struct zone *zone = producer->served.zone;
    if (zone->state != NULL && zone_recover(zone, &kept) == ERR_OK)
        zone_begin(zone, kept);
    look(producer);
    producer->timer = host_timer_start(LOOK_MS, look, producer);
    return producer->timer != NULL ? ERR_OK : ERR_MEMORY;
}

static void stop(void *self)
{
    struct producer *producer = self;
    if (producer->timer != NULL)
        host_timer_stop(producer->timer);
    serving_clear(&producer->serving);
    zone_release(producer->served.zone);
}

static bool prefetch(void *self, struct query *query, unsigned step)
{
    const struct producer *producer = self;
    return serving_prefetch(&producer->serving, query, step);
}

static enum served serve(void *self, struct query *query)
{
    const struct producer *producer = self;
    return serving_serve(&producer->serving, query);
}

static void zones(void *self, void (*each)(void *context, struct zone *zone), void *context)
{
    const struct producer *producer = self;
    if (producer->served.zone != NULL)
        each(context, producer->served.zone);
}

static struct zone *zone_of(void *self, const uint8_t *name)
{
    const struct producer *producer = self;
    return name_equal(producer->rules.catalog, name) ? producer->served.zone : NULL;
}

static const struct plugin catalog_plugin = {
    .abi = PLUGIN_ABI,
    .name = "catalog",
    .options = options,
    .setup = setup,
    .start = start,
    .serve = serve,
    .prefetch = prefetch,
    .zones = zones,
    .zone = zone_of,
    .stop = stop,
};
PLUGIN(catalog)
