#include "zone/check/across.h"

#include <stdlib.h>
#include <string.h>

#include "zone/text/chunks.h"
#include "zone/wire/type.h"

void across_init(struct across *across)
{
    memset(across, 0, sizeof *across);
    arena_init(&across->arena, (size_t)1 << 20);
    across->end = &across->first;
}

void across_clear(struct across *across)
{
    arena_clear(&across->arena);
    across_init(across);
}

/* ---- keeping ---- */

static bool is_kept(uint16_t type)
{
    switch (type) {
    case TYPE_SOA:
    case TYPE_NS:
    case TYPE_A:
    case TYPE_AAAA:
    case TYPE_CNAME:
    case TYPE_DNAME:
    case TYPE_MX:
    case TYPE_SRV:
    case TYPE_PTR:
    case TYPE_DS:
    case TYPE_DNSKEY:
        return true;
    default:
        return false;
    }
}

static uint32_t count_records(const struct run *run)
{
    const struct tape_record *record = run_first(run);
    uint32_t count = 0;
    for (uint32_t i = 0; i < run->record_count; i++, record = tape_record_next(record))
        count += is_kept(record->type);
    return count;
}

static bool copy_records(struct across *across, const struct run *run, struct across_record **out)
{
    const struct tape_record *record = run_first(run);
    for (uint32_t i = 0; i < run->record_count; i++, record = tape_record_next(record)) {
        if (!is_kept(record->type))
            continue;
        uint8_t *rdata = (uint8_t *)arena_copy(&across->arena, record->rdata, record->rdata_len);
        if (rdata == NULL)
            return false;
        *(*out)++ = (struct across_record){.rdata = rdata,
            .at = run->at + record->behind,
            .type = record->type,
            .rdata_len = record->rdata_len,
            .file = run->file};
    }
    return true;
}

/* All entries of one name, from I on; returns how many. */
static size_t keep_name(struct across *across, const struct build *build, size_t i, struct across_name *name)
{
    size_t count = 1;
    uint32_t records = count_records(build->entries[i].run);
    while (i + count < build->count &&
           name_equal(build->entries[i + count].run->name, build->entries[i].run->name))
        records += count_records(build->entries[i + count++].run);
    struct across_record *kept = ARENA_ARRAY(&across->arena, struct across_record, records + 1), *at = kept;
    name->name = (const uint8_t *)arena_copy(
        &across->arena, build->entries[i].run->name, build->entries[i].run->name_len);
    name->records = kept;
    name->count = records;
    across->failed |= kept == NULL || name->name == NULL;
    for (size_t n = 0; n < count && !across->failed; n++)
        across->failed |= !copy_records(across, build->entries[i + n].run, &at);
    return count;
}

static const char *const *keep_files(struct across *across, const struct sources *sources)
{
    const char **files = ARENA_ARRAY(&across->arena, const char *, sources->count + 1);
    for (size_t i = 0; files != NULL && i < sources->count; i++) {
        files[i] = arena_copy(&across->arena, sources->files[i]->path, strlen(sources->files[i]->path));
        across->failed |= files[i] == NULL;
    }
    across->failed |= files == NULL;
    return files;
}

void across_keep(struct across *across, struct zone_pass *pass)
{
    const struct build *build = pass->build;
    struct across_zone *zone = ARENA_NEW(&across->arena, struct across_zone);
    struct across_name *names = ARENA_ARRAY(&across->arena, struct across_name, build->count + 1);
    if (zone == NULL || names == NULL || !zone_pass_gather(pass, pass->apex) ||
        visit_set(&pass->gathered, TYPE_SOA) == NULL) {
        across->failed |= zone == NULL || names == NULL;
        return; /* without a SOA nobody knows what zone it is */
    }
    zone->apex = (const uint8_t *)arena_copy(&across->arena, pass->apex, build->apex_len);
    zone->files = keep_files(across, pass->zone->text->sources);
    zone->names = names;
    for (size_t i = 0; i < build->count && !across->failed;)
        i += keep_name(across, build, i, &names[zone->count++]);
    if (across->failed || zone->apex == NULL)
        return;
    *across->end = zone;
    across->end = &zone->next;
    zone->number = across->count++;
}

/* ---- looking up ---- */

static int by_apex(const void *a, const void *b)
{
    const struct across_zone *x = *(const struct across_zone *const *)a;
    const struct across_zone *y = *(const struct across_zone *const *)b;
    int difference = name_compare(x->apex, y->apex);
    return difference != 0 ? difference : x->number < y->number ? -1 : 1;
}

enum err across_sort(struct across *across)
{
    uint32_t count = 0;
    across->sorted = ARENA_ARRAY(&across->arena, const struct across_zone *, across->count + 1);
    if (across->sorted == NULL)
        return ERR_MEMORY;
    for (const struct across_zone *zone = across->first; zone != NULL; zone = zone->next)
        across->sorted[count++] = zone;
    qsort(across->sorted, count, sizeof *across->sorted, by_apex);
    return ERR_OK;
}

const struct across_zone *across_zone(const struct across *across, const uint8_t *apex)
{
    uint32_t low = 0, high = across->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (name_compare(across->sorted[middle]->apex, apex) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < across->count && name_equal(across->sorted[low]->apex, apex) ? across->sorted[low] : NULL;
}

const struct across_zone *across_zone_of(const struct across *across, const uint8_t *name, bool above)
{
    const struct across_zone *found = NULL;
    if (!above)
        found = across_zone(across, name);
    while (found == NULL && *name != 0) {
        name += *name + 1;
        found = across_zone(across, name);
    }
    return found;
}

const struct across_name *across_find(const struct across_zone *zone, const uint8_t *name)
{
    uint32_t low = 0, high = zone->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int difference = name_compare(zone->names[middle].name, name);
        if (difference == 0)
            return &zone->names[middle];
        if (difference < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const struct across_record *across_next(
    const struct across_name *name, uint16_t type, const struct across_record *last)
{
    if (name == NULL)
        return NULL;
    const struct across_record *at = last == NULL ? name->records : last + 1;
    for (; at < name->records + name->count; at++) {
        if (at->type == type)
            return at;
    }
    return NULL;
}

/* Is there a name below NAME? In canonical order it comes right behind. */
static bool has_below(const struct across_zone *zone, const uint8_t *name)
{
    uint32_t low = 0, high = zone->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (name_compare(zone->names[middle].name, name) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < zone->count && name_under(zone->names[low].name, name);
}

enum across_state across_state(const struct across_zone *zone, const uint8_t *name)
{
    bool there = across_find(zone, name) != NULL || has_below(zone, name);
    size_t apex_len = name_len(zone->apex);
    bool nearest = true; /* the wildcard at the closest encloser counts (RFC 4592 3.3.1) */
    for (const uint8_t *at = name; name_len(at) > apex_len;) {
        at += *at + 1;
        const struct across_name *above = across_find(zone, at);
        bool apex = name_len(at) == apex_len;
        if (above != NULL && ((!apex && across_next(above, TYPE_NS, NULL) != NULL) ||
                                 across_next(above, TYPE_DNAME, NULL) != NULL))
            return ACROSS_COVERED;
        if (!nearest || (above == NULL && !has_below(zone, at)))
            continue;
        nearest = false;
        uint8_t wildcard[NAME_MAX + 2] = {1, '*'};
        memcpy(wildcard + 2, at, name_len(at));
        if (!there && across_find(zone, wildcard) != NULL)
            return ACROSS_COVERED;
    }
    return there ? ACROSS_THERE : ACROSS_MISSING;
}
