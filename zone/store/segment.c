#include "zone/store/segment.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "zone/base/hash.h"
#include "zone/store/index.h"
#include "zone/wire/name.h"
#include "zone/wire/type.h"

/* The chain from the apex down to the node written last. */
struct ancestor {
    const uint8_t *name; /* relative */
    struct node *node;   /* when writing */
    uint64_t hash;
    uint32_t ref, cut;
    uint16_t flags;
    uint16_t above; /* flags of the topmost delegation or DNAME above; 0 when not hidden */
    uint8_t name_len;
};

struct walk {
    const struct build *build;
    struct segment *segment;
    bool write;
    uint64_t at; /* offset of the next node */
    uint32_t number;
    unsigned depth; /* of the top of the chain */
    struct gathered gathered;
    struct ancestor chain[NAME_LABELS_MAX + 1];
};

static void *grow(void *items, size_t *capacity, size_t size)
{
    size_t more = *capacity * 2 + 64;
    void *grown = realloc(items, more * size);
    if (grown != NULL)
        *capacity = more;
    return grown;
}

static void push_hash(struct walk *walk, uint64_t hash, uint32_t ref)
{
    uint64_t bucket = index_bucket(hash, walk->build->bucket_count);
    struct hashed_list *list = &walk->segment->parts[bucket * INDEX_PARTS / walk->build->bucket_count];
    if (list->count == list->capacity) {
        struct hashed *items = grow(list->items, &list->capacity, sizeof *items);
        if (items == NULL) {
            walk->segment->failure = ERR_MEMORY;
            return;
        }
        list->items = items;
    }
    list->items[list->count++] = (struct hashed){hash, ref};
}

/* Most targets lie elsewhere: the last octet tells them without a walk over the labels. */
static bool in_zone(const struct build *build, const uint8_t *name, size_t len)
{
    if (len < build->apex_len ||
        (build->apex_len > 1 && (name[len - 2] | 0x20) != (build->apex[build->apex_len - 2] | 0x20)))
        return false;
    unsigned labels = name_labels(name);
    return labels >= build->apex_labels &&
           name_equal(name_skip(name, labels - build->apex_labels), build->apex);
}

static void push_link(void *context, struct link *link, uint16_t type, const uint8_t *target,
    const struct gathered_record *record)
{
    struct walk *walk = context;
    struct open_links *links = &walk->segment->links;
    size_t len = record->record->rdata_len - rrset_name_at(type);
    if (type == TYPE_PTR || !in_zone(walk->build, target, len))
        return;
    if (links->count == links->capacity) {
        struct open_link *items = grow(links->items, &links->capacity, sizeof *items);
        if (items == NULL) {
            walk->segment->failure = ERR_MEMORY;
            return;
        }
        links->items = items;
    }
    links->items[links->count++] = (struct open_link){link, target, *record, walk->chain[walk->depth].ref};
}

static struct node *write_header(
    struct walk *walk, const struct ancestor *here, uint32_t parent, unsigned labels)
{
    struct node *node = (struct node *)(void *)(walk->build->base + walk->at);
    node->number = walk->number;
    node->parent = parent;
    node->cut = here->cut;
    node->flags = here->flags;
    node->rrset_count = 0;
    node->labels = (uint8_t)labels;
    node->name_len = here->name_len;
    memcpy(node->name, here->name, here->name_len);
    size_t end = NODE_NAME_AT + (size_t)here->name_len, whole = (end + 7) & ~(size_t)7;
    memset((uint8_t *)node + end, 0, whole - end);
    return node;
}

static void mark_wildcard_child(struct walk *walk, struct ancestor *parent)
{
    parent->flags |= NODE_WILDCARD_CHILD;
    if (walk->depth == 1)
        walk->segment->apex_wildcard = true; /* the apex may be another thread's */
    else if (walk->write)
        parent->node->flags |= NODE_WILDCARD_CHILD;
}

/* Puts a node of DEPTH labels on the chain; its name is relative and stays where it is. */
static struct ancestor *enter(struct walk *walk, const uint8_t *name, unsigned name_len, unsigned depth)
{
    struct ancestor *parent = &walk->chain[depth - 1], *here = &walk->chain[depth];
    walk->depth = depth;
    here->name = name;
    here->name_len = (uint8_t)name_len;
    here->ref = (uint32_t)(walk->at / 8);
    here->flags = 0;
    here->cut = parent->cut;
    here->above = parent->above;
    if (parent->above == 0 && (parent->flags & (NODE_DELEGATION | NODE_DNAME)) != 0) {
        here->cut = parent->ref;
        here->above = parent->flags;
    }
    if (here->above != 0)
        here->flags |= NODE_HIDDEN;
    if (name[0] == 1 && name[1] == '*') {
        here->flags |= NODE_WILDCARD;
        mark_wildcard_child(walk, parent);
    }
    if (walk->write)
        here->hash = hash_label(parent->hash, name + 1, name[0]);
    return here;
}

static void count_node(struct walk *walk, size_t size, uint32_t records, uint32_t rrsets)
{
    struct segment *segment = walk->segment;
    segment->node_count++;
    segment->record_count += records;
    segment->rrset_count += rrsets;
    if (walk->depth > segment->max_labels)
        segment->max_labels = (uint16_t)walk->depth;
    walk->at += size;
    walk->number++;
}

/* RFC 4592 2.2.2: ancestors without records exist all the same. */
static void add_empty(struct walk *walk, const uint8_t *name, unsigned name_len, unsigned depth)
{
    struct ancestor *here = enter(walk, name, name_len, depth);
    size_t size = (NODE_NAME_AT + (size_t)name_len + 7) & ~(size_t)7;
    if (walk->write) {
        here->node = write_header(walk, here, walk->chain[depth - 1].ref, depth);
        walk->build->order[walk->number] = here->ref;
        push_hash(walk, here->hash, here->ref);
    }
    count_node(walk, size, 0, 0);
}

/* The deepest node on the chain that is an ancestor of the name, which has DEPTH labels. */
static unsigned common_depth(const struct walk *walk, const uint8_t *name, unsigned name_len, unsigned depth)
{
    unsigned at = depth - 1 < walk->depth ? depth - 1 : walk->depth;
    const uint8_t *suffix = name_skip(name, depth - at);
    for (; at > 0; at--) {
        const struct ancestor *ancestor = &walk->chain[at];
        size_t len = (size_t)(name + name_len - suffix);
        if (ancestor->name_len == len && memcmp(ancestor->name, suffix, len) == 0)
            return at;
        suffix += *suffix + 1;
    }
    return 0;
}

static void add_missing_ancestors(struct walk *walk, const uint8_t *name, unsigned name_len, unsigned depth)
{
    unsigned shared = common_depth(walk, name, name_len, depth);
    walk->depth = shared;
    for (unsigned at = shared + 1; at < depth; at++) {
        const uint8_t *suffix = name_skip(name, depth - at);
        add_empty(walk, suffix, (unsigned)(name + name_len - suffix), at);
    }
}

static void check_node(struct walk *walk, const struct run *run, const struct ancestor *here)
{
    struct lint_place place = {.owner = run->name,
        .apex_name = walk->build->apex,
        .run = run,
        .signed_zone = walk->build->apex_signed,
        .consecutive = true,
        .apex = walk->depth == 0,
        .wildcard = (here->flags & NODE_WILDCARD) != 0,
        .above = here->above};
    lint_node(&walk->segment->lint, &place, &walk->gathered);
}

static void add_node(struct walk *walk, const struct sort_entry *entries, size_t count)
{
    const struct build *build = walk->build;
    const struct run *run = entries->run;
    unsigned depth = run->labels - build->apex_labels, name_len = run->name_len - build->apex_len;
    enum err err = gather(&walk->gathered, entries, count, false);
    if (err != ERR_OK) {
        walk->segment->failure = err;
        return;
    }
    struct ancestor *here = &walk->chain[0];
    if (depth > 0) {
        if (depth > 1)
            add_missing_ancestors(walk, run->name, name_len, depth);
        here = enter(walk, run->name, name_len, depth);
        here->flags |= walk->gathered.flags;
    }
    size_t size = gather_size(&walk->gathered, name_len);
    if (!walk->write) {
        check_node(walk, run, here);
    } else {
        here->node = write_header(walk, here, depth > 0 ? walk->chain[depth - 1].ref : here->ref, depth);
        gather_write(&walk->gathered, here->node, run->name, push_link, walk);
        build->order[walk->number] = here->ref;
        push_hash(walk, here->hash, here->ref);
    }
    count_node(walk, size, walk->gathered.kept, walk->gathered.set_count);
}

static bool same_name(const struct sort_entry *a, const struct sort_entry *b)
{
    return a->key[0] == b->key[0] && a->key[1] == b->key[1] && a->run->name_len == b->run->name_len &&
           memcmp(a->run->name, b->run->name, a->run->name_len) == 0;
}

/* Every walk has the apex at the root of its chain; only the first segment writes it. */
static void start(struct walk *walk, const struct build *build, struct segment *segment, bool write)
{
    memset(walk, 0, offsetof(struct walk, chain));
    walk->build = build;
    walk->segment = segment;
    walk->write = write;
    walk->gathered.skeleton = build->skeleton;
    walk->at = segment->at;
    walk->number = segment->number;
    segment->node_count = segment->record_count = segment->rrset_count = 0;
    walk->chain[0] = (struct ancestor){
        .name = (const uint8_t *)"", .hash = build->seed, .ref = build->apex_ref, .flags = build->apex_flags};
}

#define LOOK_AHEAD 8

/* In a shuffled file each run is far from the last: its first records too are worth asking for early. */
static inline void prefetch_run(const struct run *run)
{
    __builtin_prefetch(run);
    __builtin_prefetch((const uint8_t *)run + 64);
    __builtin_prefetch((const uint8_t *)run + 128);
}

void segment_walk(const struct build *build, struct segment *segment, bool write)
{
    struct walk *walk = malloc(sizeof *walk);
    if (walk == NULL) {
        segment->failure = ERR_MEMORY;
        return;
    }
    start(walk, build, segment, write);
    const struct sort_entry *entries = build->entries;
    for (size_t i = segment->from, next; i < segment->to && segment->failure == ERR_OK; i = next) {
        if (i + LOOK_AHEAD < build->count)
            prefetch_run(entries[i + LOOK_AHEAD].run);
        for (next = i + 1; next < segment->to && same_name(&entries[i], &entries[next]); next++)
            continue;
        add_node(walk, entries + i, next - i);
    }
    segment->size = walk->at - segment->at;
    gather_clear(&walk->gathered);
    free(walk);
}

static void add_nsec3(struct walk *walk, const struct sort_entry *entries, size_t count)
{
    const struct build *build = walk->build;
    const struct run *run = entries->run;
    unsigned name_len = run->name_len - build->apex_len;
    uint8_t hash[20];
    if (!gather_hashed_owner(run, build->apex_labels, hash)) {
        if (!walk->write)
            lint_report(&walk->segment->lint, LINT_NSEC3_OWNER, run, run_first(run),
                "an NSEC3 record whose owner is not a base32hex SHA-1 hash directly below the apex");
        return;
    }
    walk->segment->failure = gather(&walk->gathered, entries, count, true);
    if (walk->segment->failure != ERR_OK)
        return;
    if (walk->gathered.set_count == 0) {
        if (!walk->write && walk->segment->lint.all)
            lint_report(&walk->segment->lint, LINT_RRSIG_ORPHAN, run, run_first(run),
                "a signature covers NSEC3, which is not there");
        return;
    }
    size_t size = gather_size(&walk->gathered, name_len);
    if (!walk->write && walk->segment->lint.all) {
        struct lint_place place = {.owner = run->name,
            .apex_name = build->apex,
            .run = run,
            .signed_zone = build->apex_signed,
            .consecutive = true};
        lint_nsec3(&walk->segment->lint, &place, &walk->gathered, hash);
    }
    if (walk->write) {
        struct ancestor here = {.name = run->name, .name_len = (uint8_t)name_len, .flags = NODE_NSEC3};
        struct node *node = write_header(walk, &here, build->apex_ref, 1);
        gather_write(&walk->gathered, node, run->name, NULL, NULL);
        build->nsec3_order[walk->number] = (uint32_t)(walk->at / 8);
        uint64_t prefix;
        memcpy(&prefix, hash, 8);
        build->nsec3_hash[walk->number] = __builtin_bswap64(prefix);
    }
    walk->depth = 1;
    count_node(walk, size, walk->gathered.kept, walk->gathered.set_count);
}

void segment_walk_nsec3(const struct build *build, struct segment *segment, bool write)
{
    struct walk *walk = malloc(sizeof *walk);
    if (walk == NULL) {
        segment->failure = ERR_MEMORY;
        return;
    }
    start(walk, build, segment, write);
    const struct sort_entry *entries = build->nsec3_entries;
    for (size_t i = segment->from, next; i < segment->to && segment->failure == ERR_OK; i = next) {
        for (next = i + 1; next < segment->to && same_name(&entries[i], &entries[next]); next++)
            continue;
        add_nsec3(walk, entries + i, next - i);
    }
    segment->size = walk->at - segment->at;
    gather_clear(&walk->gathered);
    free(walk);
}

void segment_clear(struct segment *segment)
{
    for (unsigned i = 0; i < INDEX_PARTS; i++)
        free(segment->parts[i].items);
    free(segment->links.items);
    arena_clear(&segment->arena);
}
