#include "zone/store/link.h"

#include <string.h>

#include "zone/store/index.h"
#include "zone/wire/name.h"
#include "zone/wire/type.h"

#define GROUP 16 /* looked up together, so that their memory reads overlap */

struct probe {
    const struct open_link *open;
    uint64_t hash;
    uint8_t name_len;
    uint8_t name[NAME_MAX]; /* relative, lower case */
};

static void prepare(
    struct probe *probe, const struct image *image, const struct build *build, const struct open_link *open)
{
    probe->open = open;
    size_t len = (size_t)open->record.record->rdata_len - rrset_name_at(open->record.type);
    probe->name_len = (uint8_t)(len - build->apex_len);
    octets_lower(probe->name, open->target, probe->name_len);
    probe->hash = index_hash(build->seed, probe->name, probe->name_len);
    index_prefetch(image, probe->hash);
}

/* Does something above the absent name answer for it: a delegation, a DNAME, a wildcard? */
static bool is_covered(const struct image *image, const struct build *build, const struct probe *probe)
{
    const uint8_t *name = probe->name;
    unsigned len = probe->name_len;
    while (len > 0) {
        len -= name[0] + 1u;
        name += name[0] + 1u;
        uint32_t ref = index_find(image, index_hash(build->seed, name, len), name, len);
        if (ref == 0)
            continue;
        uint16_t flags = image_node(image, ref)->flags;
        return (flags & (NODE_DELEGATION | NODE_DNAME | NODE_WILDCARD_CHILD | NODE_HIDDEN)) != 0;
    }
    return false;
}

/* Has the wildcard beside the absent name (RFC 4592 3.3.1) addresses? Some servers take them for glue. */
static bool wildcard_has_addresses(
    const struct image *image, const struct build *build, const struct probe *probe)
{
    uint8_t wildcard[NAME_MAX + 2] = {1, '*'};
    const uint8_t *name = probe->name;
    unsigned len = probe->name_len;
    while (len > 0) {
        len -= name[0] + 1u;
        name += name[0] + 1u;
        if (index_find(image, index_hash(build->seed, name, len), name, len) == 0)
            continue;
        memcpy(wildcard + 2, name, len);
        uint32_t ref = index_find(image, index_hash(build->seed, wildcard, len + 2), wildcard, len + 2);
        return ref != 0 && (image_node(image, ref)->flags & NODE_ADDRESSES) != 0;
    }
    return false;
}

/* Does the target lie at or below the delegation that owns the record (in-domain glue, RFC 9471 2)? */
static bool below_owner(const struct image *image, const struct probe *probe)
{
    const struct node *owner = image_node(image, probe->open->owner);
    return probe->name_len >= owner->name_len &&
           memcmp(probe->name + probe->name_len - owner->name_len, owner->name, owner->name_len) == 0;
}

#define CHAIN_MAX 32

static const struct node *cname_target(
    const struct image *image, const struct build *build, const struct node *node)
{
    const struct rrset *rrset = node_rrset(node, TYPE_CNAME);
    struct record record;
    uint8_t name[NAME_MAX];
    if (rrset == NULL || rrset->count == 0)
        return NULL;
    record_read(rrset->data, true, &record);
    size_t len = name_lower(name, record.rdata);
    if (len < build->apex_len || !name_under(name, build->apex))
        return NULL;
    unsigned relative = (unsigned)len - build->apex_len;
    uint32_t ref = index_find(image, index_hash(build->seed, name, relative), name, relative);
    return ref != 0 ? image_node(image, ref) : NULL;
}

/* Does the chain that begins at NODE come back to it? */
static bool is_loop(const struct image *image, const struct build *build, const struct node *node)
{
    const struct node *at = node;
    for (unsigned i = 0; i < CHAIN_MAX && at != NULL; i++) {
        at = cname_target(image, build, at);
        if (at == node)
            return true;
    }
    return false;
}

static void check(const struct image *image, const struct build *build, struct segment *segment,
    const struct probe *probe, const struct node *node)
{
    const struct node *owner = image_node(image, probe->open->owner);
    if ((owner->flags & NODE_HIDDEN) != 0)
        return;
    struct lint_target target = {.name = probe->open->target,
        .node = node,
        .covered = node == NULL && is_covered(image, build, probe),
        .own_glue = (owner->flags & NODE_DELEGATION) != 0 && below_owner(image, probe),
        .loop = probe->open->record.type == TYPE_CNAME && is_loop(image, build, owner)};
    target.wildcard = node == NULL && target.own_glue && wildcard_has_addresses(image, build, probe);
    lint_target(&segment->lint, &probe->open->record, &target);
}

/* Several threads may find the same name server. What is hidden delegates nothing. */
static void mark_named(const struct image *image, const struct probe *probe, struct node *node)
{
    const struct node *owner = image_node(image, probe->open->owner);
    if ((owner->flags & NODE_HIDDEN) == 0 &&
        (__atomic_load_n(&node->flags, __ATOMIC_RELAXED) & NODE_NAMED) == 0)
        __atomic_fetch_or(&node->flags, NODE_NAMED, __ATOMIC_RELAXED);
}

static void resolve(const struct image *image, const struct build *build, struct segment *segment,
    const struct probe *probe, bool checks)
{
    uint32_t ref = index_find(image, probe->hash, probe->name, probe->name_len);
    const struct node *target = ref != 0 ? image_node(image, ref) : NULL;
    uint16_t type = probe->open->record.type;
    if (!build->skeleton && target != NULL && type != TYPE_CNAME && (target->flags & NODE_ADDRESSES) != 0)
        memcpy(probe->open->link->target, &ref, 4);
    if (build->marks && target != NULL && type == TYPE_NS)
        mark_named(image, probe, (struct node *)(uintptr_t)target);
    if (checks)
        check(image, build, segment, probe, target);
}

void link_resolve(const struct image *image, const struct build *build, struct segment *segment, bool checks)
{
    struct probe probes[GROUP];
    for (size_t from = 0; from < segment->links.count; from += GROUP) {
        size_t count = segment->links.count - from < GROUP ? segment->links.count - from : GROUP;
        for (size_t i = from + GROUP; i < from + 2 * GROUP && i < segment->links.count; i++)
            __builtin_prefetch(segment->links.items[i].target);
        for (size_t i = 0; i < count; i++)
            prepare(&probes[i], image, build, &segment->links.items[from + i]);
        for (size_t i = 0; i < count; i++)
            resolve(image, build, segment, &probes[i], checks);
    }
}
