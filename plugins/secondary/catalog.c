#include "plugins/secondary/catalog.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zone/wire/name.h"
#include "zone/wire/type.h"

#define ZONES "\005zones"
#define VERSION "\007version"
#define GROUP "\005group"
#define COO "\003coo"

struct catalog_reading {
    const struct snapshot *snapshot;
    struct catalog *out;
    unsigned room;
    char *why;
};

static enum err broken(struct catalog_reading *reading, const struct node *node, const char *what)
{
    uint8_t owner[NAME_MAX + 1];
    char text[NAME_TEXT_MAX];
    (void)snapshot_owner(reading->snapshot, node, owner);
    name_print(owner, text);
    snprintf(reading->why, CATALOG_WHY_MAX, "%.300s %s", text, what);
    return ERR_INVALID;
}

/* RFC 9432 4.2.1: one TXT record of one string, "2". */
static enum err check_version(struct catalog_reading *reading)
{
    const struct node *node =
        snapshot_find(reading->snapshot, false, (const uint8_t *)VERSION, sizeof VERSION - 1);
    const struct rrset *rrset = node != NULL ? node_rrset(node, TYPE_TXT) : NULL;
    struct record record;
    if (rrset == NULL || rrset->count != 1) {
        snprintf(reading->why, CATALOG_WHY_MAX, "it has no version, or more than one");
        return ERR_INVALID;
    }
    record_read(rrset->data, false, &record);
    if (record.rdata_len == 2 && memcmp(record.rdata, "\0012", 2) == 0)
        return ERR_OK;
    return broken(reading, node, "is not \"2\", the only version that is known here");
}

static const uint8_t *copy_lower(struct catalog *catalog, const uint8_t *name)
{
    uint8_t lower[NAME_MAX + 1];
    size_t len = name_lower(lower, name);
    return (const uint8_t *)arena_copy(&catalog->memory, lower, len);
}

/* RFC 9432 4.1, 4.4.1: exactly one PTR. */
static enum err read_pointer(struct catalog_reading *reading, const struct node *node, const uint8_t **out)
{
    const struct rrset *rrset = node_rrset(node, TYPE_PTR);
    struct record record;
    *out = NULL;
    if (rrset == NULL)
        return ERR_OK;
    if (rrset->count != 1)
        return broken(reading, node, "has more than one PTR record");
    record_read(rrset->data, true, &record);
    *out = copy_lower(reading->out, record.rdata);
    return *out != NULL ? ERR_OK : ERR_MEMORY;
}

static enum err add_member(struct catalog_reading *reading, const struct node *node)
{
    struct catalog *catalog = reading->out;
    struct catalog_member member = {.label = NULL};
    enum err err = read_pointer(reading, node, &member.zone);
    if (err != ERR_OK || member.zone == NULL)
        return err;
    if (catalog->count == reading->room) {
        unsigned room = reading->room * 2 + 64;
        struct catalog_member *members = realloc(catalog->members, room * sizeof *members);
        if (members == NULL)
            return ERR_MEMORY;
        catalog->members = members;
        reading->room = room;
    }
    member.label = (const uint8_t *)arena_copy(&catalog->memory, node->name, node->name[0] + 1u);
    if (member.label == NULL)
        return ERR_MEMORY;
    catalog->members[catalog->count++] = member;
    return ERR_OK;
}

/* 4.4.2: the first string of its TXT record. */
static enum err read_group(struct catalog_reading *reading, const struct node *node, const char **out)
{
    const struct rrset *rrset = node_rrset(node, TYPE_TXT);
    struct record record;
    if (rrset == NULL)
        return ERR_OK;
    if (rrset->count != 1)
        return broken(reading, node, "has more than one group");
    record_read(rrset->data, false, &record);
    *out = arena_copy(&reading->out->memory, record.rdata + 1, record.rdata[0]); /* with a NUL behind it */
    return *out != NULL ? ERR_OK : ERR_MEMORY;
}

/* A property of the member read last: canonical order has it right behind. */
static enum err read_property(struct catalog_reading *reading, const struct node *node)
{
    struct catalog *catalog = reading->out;
    struct catalog_member *member = catalog->count > 0 ? &catalog->members[catalog->count - 1] : NULL;
    const uint8_t *label = node->name + node->name[0] + 1;
    if (member == NULL || memcmp(member->label, label, label[0] + 1u) != 0)
        return ERR_OK;
    if (memcmp(node->name, COO, sizeof COO - 1) == 0)
        return read_pointer(reading, node, &member->coo);
    if (memcmp(node->name, GROUP, sizeof GROUP - 1) == 0)
        return read_group(reading, node, &member->group);
    return ERR_OK;
}

static enum err read_node(struct catalog_reading *reading, const struct node *node)
{
    size_t tail = sizeof ZONES - 1;
    if (node->labels < 2 || node->labels > 3 || node->name_len <= tail ||
        memcmp(node->name + node->name_len - tail, ZONES, tail) != 0)
        return ERR_OK;
    const uint8_t *at = node->name;
    for (unsigned i = 0; i + 1 < node->labels; i++)
        at += *at + 1;
    if (at != node->name + node->name_len - tail)
        return ERR_OK;
    return node->labels == 2 ? add_member(reading, node) : read_property(reading, node);
}

static int by_zone(const void *left, const void *right)
{
    const struct catalog_member *const *a = left, *const *b = right;
    return name_compare((*a)->zone, (*b)->zone);
}

/* 4.1: one member zone, one label. */
static enum err check_twice(struct catalog_reading *reading)
{
    struct catalog *catalog = reading->out;
    struct catalog_member **order = malloc((catalog->count + 1) * sizeof *order);
    enum err err = ERR_OK;
    if (order == NULL)
        return ERR_MEMORY;
    for (unsigned i = 0; i < catalog->count; i++)
        order[i] = &catalog->members[i];
    qsort(order, catalog->count, sizeof *order, by_zone);
    for (unsigned i = 1; i < catalog->count && err == ERR_OK; i++) {
        char text[NAME_TEXT_MAX];
        if (!name_equal(order[i]->zone, order[i - 1]->zone))
            continue;
        name_print(order[i]->zone, text);
        snprintf(reading->why, CATALOG_WHY_MAX, "it lists %.300s twice", text);
        err = ERR_INVALID;
    }
    free(order);
    return err;
}

enum err catalog_read(const struct snapshot *snapshot, struct catalog *out, char why[CATALOG_WHY_MAX])
{
    struct catalog_reading reading = {.snapshot = snapshot, .out = out, .why = why};
    struct snapshot_walk walk;
    *out = (struct catalog){.members = NULL};
    arena_init(&out->memory, 0);
    why[0] = '\0';
    enum err err = check_version(&reading);
    snapshot_walk_start(&walk, snapshot);
    for (const struct node *node; err == ERR_OK && (node = snapshot_walk_next(&walk)) != NULL;)
        err = read_node(&reading, node);
    if (err == ERR_OK)
        err = check_twice(&reading);
    if (err != ERR_OK)
        catalog_clear(out);
    return err;
}

void catalog_clear(struct catalog *catalog)
{
    free(catalog->members);
    arena_clear(&catalog->memory);
    catalog->members = NULL;
    catalog->count = 0;
}
