/* Editing a made zone (zone_make.h) at random: records and whole names come and go, and what stands above
 * them. */
#ifndef TESTS_UNIT_STORE_ZONE_EDIT_H
#define TESTS_UNIT_STORE_ZONE_EDIT_H

#include "tests/unit/store/zone_make.h"

static inline unsigned edit_any_but_soa(struct made_zone *zone)
{
    unsigned at = made_any(zone, zone->count);
    bool soa = zone->records[at].type == TYPE_SOA && name_equal(zone->records[at].owner, zone->apex);
    return soa && !zone->lawless ? zone->count : at;
}

static inline void edit_remove_at(struct made_zone *zone, unsigned at)
{
    memmove(&zone->records[at], &zone->records[at + 1], (zone->count - at - 1) * sizeof *zone->records);
    zone->count--;
}

static inline void edit_remove_one(struct made_zone *zone)
{
    unsigned at = edit_any_but_soa(zone);
    if (at < zone->count)
        edit_remove_at(zone, at);
}

static inline void edit_remove_name(struct made_zone *zone)
{
    unsigned at = edit_any_but_soa(zone);
    bool below = made_one_in(zone, 3);
    uint8_t owner[NAME_MAX + 1];
    if (at == zone->count || name_equal(zone->records[at].owner, zone->apex))
        return;
    memcpy(owner, zone->records[at].owner, sizeof owner);
    for (unsigned i = zone->count; i-- > 0;) {
        const uint8_t *name = zone->records[i].owner;
        if (below ? name_under(name, owner) : name_equal(name, owner))
            edit_remove_at(zone, i);
    }
}

static inline void edit_add(struct made_zone *zone, struct made_record *record)
{
    (void)made_insert(zone, record, made_any(zone, zone->count + 1));
}

static inline void edit_add_one(struct made_zone *zone)
{
    struct made_record record;
    made_record(zone, &record);
    edit_add(zone, &record);
}

/* A delegation, a DNAME, a wildcard or an address at or above a name that is there. */
static inline void edit_add_to_tree(struct made_zone *zone)
{
    static const uint16_t types[] = {TYPE_NS, TYPE_DNAME, TYPE_A, TYPE_NS, TYPE_NSEC};
    struct made_record record = {.type = types[made_any(zone, 5)], .ttl = 300};
    made_name(zone, record.owner);
    for (unsigned up = made_any(zone, 3); up > 0 && name_len(record.owner) > zone->apex_len; up--)
        memmove(record.owner, record.owner + *record.owner + 1, name_len(record.owner) - *record.owner - 1u);
    if (made_one_in(zone, 4) && name_len(record.owner) + 2 <= NAME_MAX) {
        memmove(record.owner + 2, record.owner, name_len(record.owner));
        memcpy(record.owner, "\1*", 2);
    }
    if (name_labels(record.owner) > NAME_LABELS_MAX)
        return;
    made_rdata(zone, &record);
    edit_add(zone, &record);
}

static inline void edit_change_one(struct made_zone *zone)
{
    unsigned at = edit_any_but_soa(zone);
    if (at == zone->count)
        return;
    struct made_record record = zone->records[at];
    edit_remove_at(zone, at);
    if (made_one_in(zone, 3) && !zone->tidy)
        record.ttl = 100 * made_any(zone, 4);
    else
        made_rdata(zone, &record);
    if (made_in_nsec3_set(&record) == made_in_nsec3_set(&zone->records[at < zone->count ? at : 0]))
        (void)made_insert(zone, &record, at);
    else
        edit_add(zone, &record);
}

static inline void edit_new_serial(struct made_zone *zone)
{
    for (unsigned i = 0; i < zone->count; i++) {
        struct made_record *record = &zone->records[i];
        if (record->type == TYPE_SOA && name_equal(record->owner, zone->apex))
            record->rdata[record->rdata_len - 17]++;
    }
}

static inline void edit_zone(struct made_zone *zone)
{
    static void (*const edits[])(struct made_zone *) = {edit_remove_one, edit_remove_one, edit_remove_name,
        edit_add_one, edit_add_one, edit_add_one, edit_add_to_tree, edit_add_to_tree, edit_change_one,
        edit_change_one};
    for (unsigned i = 1 + made_any(zone, made_one_in(zone, 3) ? 12 : 2); i > 0 && zone->count > 0; i--)
        edits[made_any(zone, sizeof edits / sizeof *edits)](zone);
    if (made_one_in(zone, 2))
        edit_new_serial(zone);
}

#endif
