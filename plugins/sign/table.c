#include "plugins/sign/table.h"

#include <stdlib.h>
#include <string.h>

#include "zone/wire/name.h"

struct gathering {
    struct sign_table *table;
    struct sign_line *lines;
    bool failed;
};

static bool grow(struct sign_table *table)
{
    if (table->count < table->room)
        return true;
    unsigned room = table->room * 2 + 8;
    struct signed_zone **zones = realloc(table->zones, room * sizeof *zones);
    if (zones == NULL)
        return false;
    table->zones = zones;
    struct sign_line **lines = realloc(table->lines, room * sizeof *lines);
    if (lines == NULL)
        return false;
    table->lines = lines;
    table->room = room;
    return true;
}

static void add(struct gathering *gathering, struct zone *input, const uint8_t *name, struct sign_line *line)
{
    struct sign_table *table = gathering->table;
    struct signed_zone *signed_zone = grow(table) ? signed_get(input, name, line->terms) : NULL;
    if (signed_zone == NULL) {
        gathering->failed = true;
        return;
    }
    table->zones[table->count] = signed_zone;
    table->lines[table->count++] = line;
}

static void add_input(void *context, struct zone *input)
{
    struct gathering *gathering = context;
    if (strcmp(input->kind->plugin, "sign") == 0)
        return;
    for (struct sign_line *line = gathering->lines; line != NULL; line = line->next) {
        for (unsigned i = 0; i < line->zones.count && line->terms->path == NULL; i++) {
            if (name_under(input->name, line->zones.at[i])) {
                add(gathering, input, input->name, line);
                return;
            }
        }
    }
}

static void add_texts(struct gathering *gathering)
{
    for (struct sign_line *line = gathering->lines; line != NULL; line = line->next) {
        for (unsigned i = 0; i < line->zones.count && line->terms->path != NULL; i++)
            add(gathering, NULL, line->zones.at[i], line);
    }
}

/* Of two zones of one name the first is served, as it would be without signatures. */
static enum err make_serving(struct sign_table *table)
{
    table->served = calloc(table->count + 1, sizeof *table->served);
    enum err err =
        table->served != NULL ? serving_init(&table->serving, "sign", table->count + 1) : ERR_MEMORY;
    for (unsigned i = 0; i < table->count && err == ERR_OK; i++) {
        const struct option_zones *fall = &table->lines[i]->terms->fall;
        table->served[i] =
            (struct serving_zone){.zone = table->zones[i]->zone, .fall = fall->at, .fall_count = fall->count};
        err = serving_add(&table->serving, &table->served[i]);
        err = err == ERR_EXISTS ? ERR_OK : err;
    }
    return err;
}

struct sign_table *sign_table_new(struct sign_line *lines, const struct block *block)
{
    struct gathering gathering = {.table = calloc(1, sizeof *gathering.table), .lines = lines};
    if (gathering.table == NULL)
        return NULL;
    add_texts(&gathering);
    block_zones(block, add_input, &gathering);
    if (!gathering.failed && make_serving(gathering.table) == ERR_OK)
        return gathering.table;
    sign_table_free(gathering.table);
    return NULL;
}

void sign_table_free(void *arg)
{
    struct sign_table *table = arg;
    if (table == NULL)
        return;
    for (unsigned i = 0; i < table->count; i++)
        signed_put(table->zones[i]);
    serving_clear(&table->serving);
    free(table->served);
    free(table->zones);
    free(table->lines);
    free(table);
}

bool sign_table_same(const struct sign_table *a, const struct sign_table *b)
{
    if (a->count != b->count)
        return false;
    for (unsigned i = 0; i < a->count; i++) {
        if (a->zones[i] != b->zones[i])
            return false;
    }
    return true;
}
