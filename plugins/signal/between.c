#include "plugins/signal/between.h"

#include <stdlib.h>

#include "zone/base/hash.h"
#include "zone/base/log.h"
#include "zone/wire/name.h"
#include "zone/wire/suffix.h"

#define LOOK_MS 1000
#define SEED 0x7369676e616c2121u

struct between_table {
    struct arena memory;
    struct suffix_table names;
    uint64_t sum; /* of the zones' names */
};

struct looking {
    const struct between *between;
    struct between_table *table;
    uint64_t sum;
    unsigned names;
    bool failed;
};

bool between_wants(const struct between *between, const uint8_t *zone)
{
    for (unsigned i = 0; i < between->zones.count; i++) {
        if (name_under(zone, between->zones.at[i]))
            return true;
    }
    return false;
}

static void count(void *context, struct zone *zone)
{
    struct looking *looking = context;
    if (!between_wants(looking->between, zone->name))
        return;
    looking->sum += hash_bytes(SEED, zone->name, name_len(zone->name)) | 1;
    looking->names += name_labels(zone->name);
}

static void add(void *context, struct zone *zone)
{
    struct looking *looking = context;
    struct between_table *table = looking->table;
    if (!between_wants(looking->between, zone->name))
        return;
    const char *copy = arena_copy(&table->memory, zone->name, name_len(zone->name));
    const uint8_t *name = (const uint8_t *)copy;
    enum err err = name != NULL ? ERR_OK : ERR_MEMORY;
    for (; err == ERR_OK && *name != 0; name += 1 + *name)
        err = suffix_add(&table->names, name, table);
    looking->failed |= err != ERR_OK && err != ERR_EXISTS; /* what is above a known name is known */
}

static void free_table(void *arg)
{
    struct between_table *table = arg;
    arena_clear(&table->memory);
    free(table);
}

static struct between_table *make(struct looking *looking)
{
    struct between_table *table = calloc(1, sizeof *table);
    if (table == NULL)
        return NULL;
    arena_init(&table->memory, 4096);
    table->sum = looking->sum;
    looking->table = table;
    if (suffix_init(&table->names, &table->memory, looking->names + 1) == ERR_OK)
        configuration_zones(looking->between->configuration, add, looking);
    else
        looking->failed = true;
    if (!looking->failed)
        return table;
    free_table(table);
    return NULL;
}

/* A new table, when zones have come or gone. */
static void look(void *arg)
{
    struct between *between = arg;
    struct looking looking = {.between = between};
    struct between_table *old = atomic_load_explicit(&between->table, memory_order_relaxed);
    configuration_zones(between->configuration, count, &looking);
    if (old != NULL && old->sum == looking.sum)
        return;
    struct between_table *table = make(&looking);
    if (table == NULL) {
        log_error("plugin/signal: the zones that are served cannot be listed: out of memory");
        return;
    }
    atomic_store_explicit(&between->table, table, memory_order_release);
    if (old != NULL)
        host_retire(free_table, old);
}

enum err between_start(struct between *between)
{
    look(between);
    between->timer = host_timer_start(LOOK_MS, look, between);
    return between->timer != NULL && atomic_load(&between->table) != NULL ? ERR_OK : ERR_MEMORY;
}

void between_stop(struct between *between)
{
    struct between_table *table = atomic_load(&between->table);
    if (between->timer != NULL)
        host_timer_stop(between->timer);
    if (table != NULL)
        free_table(table);
}

bool between_has(const struct between *between, const uint8_t *name)
{
    const struct between_table *table = atomic_load_explicit(&between->table, memory_order_acquire);
    return *name == 0 || (table->names.count > 0 && suffix_exact(&table->names, name) != NULL);
}
