/* Walks over a whole zone: its nodes, its targets, its wildcards. */
#include <string.h>

#include "zone/check/zone_pass.h"
#include "zone/store/index.h"
#include "zone/wire/type.h"

/* ---- nodes ---- */

#define ALIASES_MAX 8 /* in a row; resolvers follow 8 to 16 */

/* The whole name of NODE. */
static void name_of(const struct zone_pass *pass, const struct node *node, uint8_t *name)
{
    memcpy(name, node->name, node->name_len);
    memcpy(name + node->name_len, pass->apex, pass->build->apex_len);
}

/* A record of NODE, the first of TYPE or OR_TYPE, to point at. */
static const struct gathered_record *record_of(
    struct zone_pass *pass, const struct node *node, uint16_t type, uint16_t or_type)
{
    uint8_t name[NAME_MAX];
    name_of(pass, node, name);
    if (!zone_pass_gather(pass, name))
        return NULL;
    const struct gathered_set *set = visit_set(&pass->gathered, type);
    if (set == NULL)
        set = visit_set(&pass->gathered, or_type);
    return set != NULL ? &pass->gathered.records[set->from] : NULL;
}

static const struct node *next_alias(const struct zone_pass *pass, const struct node *node)
{
    const struct rrset *rrset = node_rrset(node, TYPE_CNAME);
    struct record record;
    uint8_t name[NAME_MAX];
    if (rrset == NULL || rrset->count == 0)
        return NULL;
    record_read(rrset->data, true, &record);
    name_lower(name, record.rdata);
    if (!name_under(name, pass->apex))
        return NULL;
    const struct node *next = zone_pass_node(pass, name);
    return next != NULL && (next->flags & NODE_CNAME) != 0 ? next : NULL;
}

static void check_aliases(struct zone_pass *pass, const struct node *node)
{
    unsigned aliases = 1;
    const struct node *at = node;
    char text[NAME_TEXT_MAX];
    uint8_t name[NAME_MAX];
    while (aliases <= 2 * ALIASES_MAX && (at = next_alias(pass, at)) != NULL) {
        if (at == node)
            return; /* a loop is told elsewhere */
        aliases++;
    }
    if (aliases < 2)
        return;
    const struct gathered_record *record = record_of(pass, node, TYPE_CNAME, TYPE_CNAME);
    name_of(pass, node, name);
    name_print(name, text);
    if (record == NULL)
        return;
    if (aliases > ALIASES_MAX)
        TELL_RECORD(pass, "cname-chain-long", record, PART_DATA, "%s leads over %s%u aliases", text,
            aliases > 2 * ALIASES_MAX ? "more than " : "", aliases);
    else
        TELL_RECORD(pass, "cname-chain", record, PART_DATA, "%s leads to an alias", text);
}

static void check_glue(struct zone_pass *pass, const struct node *node)
{
    char text[NAME_TEXT_MAX];
    uint8_t name[NAME_MAX];
    const struct node *cut = node->cut != 0 ? image_node(pass->zone->image, node->cut) : node;
    if ((cut->flags & NODE_DNAME) != 0 || (cut->flags & NODE_DELEGATION) == 0)
        return;
    const struct gathered_record *record = record_of(pass, node, TYPE_A, TYPE_AAAA);
    if (record == NULL)
        return;
    name_of(pass, node, name);
    name_print(name, text);
    TELL_RECORD(pass, "glue-unused", record, PART_OWNER, "no NS record names %s, below a delegation", text);
}

void zone_walk(struct zone_pass *pass)
{
    const struct image *image = pass->zone->image;
    for (uint32_t i = 0; i < image->header->node_count; i++) {
        if (i + 16 < image->header->node_count)
            __builtin_prefetch(image_node(image, image->order[i + 16]));
        const struct node *node = image_node(image, image->order[i]);
        if ((node->flags & (NODE_CNAME | NODE_HIDDEN)) == NODE_CNAME)
            check_aliases(pass, node);
        if ((node->flags & (NODE_HIDDEN | NODE_DELEGATION)) != 0 &&
            (node->flags & (NODE_ADDRESSES | NODE_NAMED)) == NODE_ADDRESSES)
            check_glue(pass, node);
    }
}

/* ---- targets ---- */

/* The topmost name above NAME that has a DNAME or a delegation; NULL for none. */
static const struct node *cut_above(const struct zone_pass *pass, const uint8_t *name)
{
    while (name_len(name) > pass->build->apex_len) {
        name += *name + 1;
        const struct node *node = zone_pass_node(pass, name);
        if (node == NULL)
            continue;
        if ((node->flags & NODE_DNAME) != 0 || ((node->flags & NODE_DELEGATION) != 0 && node->cut == 0))
            return node;
        return node->cut != 0 ? image_node(pass->zone->image, node->cut) : NULL;
    }
    return NULL;
}

static void check_target(struct zone_pass *pass, const struct seen_record *at, const uint8_t *written)
{
    uint8_t name[NAME_MAX];
    char text[NAME_TEXT_MAX], type[16];
    name_lower(name, written);
    if (!name_under(name, pass->apex) || name_len(name) == pass->build->apex_len)
        return;
    const struct node *cut = cut_above(pass, name), *node = zone_pass_node(pass, name);
    if (cut == NULL)
        return;
    name_print(name, text);
    type_print(at->record->type, type);
    unsigned part = PART_DATA + (at->record->type == TYPE_MX ? 1u : at->record->type == TYPE_SRV ? 3u : 0u);
    if ((cut->flags & NODE_DNAME) != 0) {
        TELL_RECORD(pass, "target-below-dname", at, part, "%s points to %s, below a DNAME", type, text);
        return;
    }
    uint8_t owner[NAME_MAX];
    name_of(pass, cut, owner);
    if (at->record->type == TYPE_NS && !name_equal(owner, at->run->name) &&
        (node == NULL || (node->flags & NODE_ADDRESSES) == 0))
        TELL_RECORD(
            pass, "glue-sibling-missing", at, part, "%s, in another delegation, has no address here", text);
}

void zone_walk_targets(struct zone_pass *pass)
{
    for (size_t i = 0; i < pass->build->count; i++) {
        const struct run *run = pass->build->entries[i].run;
        const struct tape_record *record = run_first(run);
        for (uint32_t r = 0; r < run->record_count; r++, record = tape_record_next(record)) {
            const struct seen_record at = {run, record};
            if (record->type == TYPE_NS || record->type == TYPE_MX || record->type == TYPE_SRV)
                check_target(pass, &at, record->rdata + rrset_name_at(record->type));
        }
    }
}

/* ---- wildcards (RFC 4592) ---- */

#define TYPES_MAX 8

struct wildcard {
    const uint8_t *parent;
    uint16_t types[TYPES_MAX];
    unsigned count;
};

static void check_sibling(struct zone_pass *pass, const struct wildcard *wildcard, const struct run *run)
{
    char type[16], text[NAME_TEXT_MAX];
    if (!zone_pass_gather(pass, run->name) || pass->gathered.record_count == 0 ||
        (pass->gathered.flags & (NODE_DELEGATION | NODE_CNAME | NODE_DNAME)) != 0 || run->name[1] == '_')
        return;
    for (unsigned i = 0; i < wildcard->count; i++) {
        if (visit_set(&pass->gathered, wildcard->types[i]) != NULL)
            continue;
        type_print(wildcard->types[i], type);
        name_print(run->name, text);
        TELL_RECORD(pass, "wildcard-shadowed", &pass->gathered.records[0], PART_OWNER,
            "the wildcard's %s does not reach %s, which exists", type, text);
        return;
    }
}

static bool is_wildcard(const struct run *run)
{
    return run->name[0] == 1 && run->name[1] == '*';
}

void zone_walk_wildcards(struct zone_pass *pass)
{
    const struct build *build = pass->build;
    for (size_t i = 0; i < build->count; i++) {
        const struct run *run = build->entries[i].run;
        struct wildcard wildcard = {.parent = run->name + 2};
        if (!is_wildcard(run) || (i > 0 && name_equal(build->entries[i - 1].run->name, run->name)) ||
            !zone_pass_gather(pass, run->name))
            continue;
        for (uint32_t s = 0; s < pass->gathered.set_count && wildcard.count < TYPES_MAX; s++) {
            uint16_t type = pass->gathered.sets[s].type;
            if (pass->gathered.sets[s].count > 0 && type != TYPE_NSEC && type != TYPE_CNAME)
                wildcard.types[wildcard.count++] = type;
        }
        for (size_t j = i + 1; j < build->count && name_under(build->entries[j].run->name, wildcard.parent);
             j++) {
            const struct run *sibling = build->entries[j].run;
            if (sibling->labels == run->labels && !is_wildcard(sibling) &&
                !name_equal(build->entries[j - 1].run->name, sibling->name))
                check_sibling(pass, &wildcard, sibling);
        }
    }
}
