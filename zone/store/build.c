#include "zone/store/build.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "zone/base/hash.h"
#include "zone/base/pages.h"
#include "zone/base/parallel.h"
#include "zone/store/index.h"
#include "zone/store/link.h"
#include "zone/store/segment.h"
#include "zone/store/source.h"
#include "zone/wire/name.h"
#include "zone/wire/type.h"

#define SEGMENT_DEFAULT ((size_t)1 << 15)
#define ALONE_BELOW 10000 /* records that one thread builds sooner than others could be started */
#define OUTSIDE_TOLD 1000 /* names outside the zone that are told one by one: more mean a wrong origin */
#define BUCKET_AVERAGE 6  /* entries aimed at; 10 fit */

struct builder {
    struct build shared;
    const struct zone_text *text;
    const struct build_options *options;
    struct build_result *result;
    unsigned threads;
    struct sort_entry *entries, *nsec3_entries;
    size_t *chunk_at, *chunk_nsec3_at; /* where each chunk's entries begin */
    struct segment *segments;          /* of names, then of the NSEC3 set */
    size_t name_segments, segment_count;
    struct arena arena;
    struct lint lint; /* findings about the whole zone */
    uint64_t size;
    uint32_t node_count, nsec3_count, record_count, rrset_count;
    uint16_t max_labels;
    struct image *image;
};

/* ---- entries ---- */

static bool run_in_zone(const struct build *shared, const struct run *run)
{
    return run->name_len >= shared->apex_len && run->labels >= shared->apex_labels &&
           memcmp(run->name + run->name_len - shared->apex_len, shared->apex, shared->apex_len) == 0 &&
           (run->labels == shared->apex_labels || name_under(run->name, shared->apex));
}

static void count_entries(void *context, size_t i)
{
    struct builder *builder = context;
    const struct tape *tape = &builder->text->chunks[i].tape;
    const struct run *run = tape_first(tape);
    size_t names = 0, nsec3s = 0;
    for (size_t r = 0; r < tape->run_count; r++, run = run_next(run)) {
        bool nsec3, other;
        gather_kinds(run, &nsec3, &other);
        if (run->record_count == 0 || !run_in_zone(&builder->shared, run))
            continue;
        names += other;
        nsec3s += nsec3;
    }
    builder->chunk_at[i + 1] = names;
    builder->chunk_nsec3_at[i + 1] = nsec3s;
}

static void make_entries(void *context, size_t i)
{
    struct builder *builder = context;
    const struct tape *tape = &builder->text->chunks[i].tape;
    const struct run *run = tape_first(tape);
    struct sort_entry *names = builder->entries + builder->chunk_at[i];
    struct sort_entry *nsec3s = builder->nsec3_entries + builder->chunk_nsec3_at[i];
    for (size_t r = 0; r < tape->run_count; r++, run = run_next(run)) {
        bool nsec3, other;
        gather_kinds(run, &nsec3, &other);
        if (run->record_count == 0 || !run_in_zone(&builder->shared, run))
            continue;
        struct sort_entry entry = {.run = run};
        sort_key(run, builder->shared.apex_labels, entry.key);
        if (other)
            *names++ = entry;
        if (nsec3)
            *nsec3s++ = entry;
    }
}

/* RFC 1035 5.2: what lies outside the zone is not its data. */
static void report_outside(struct builder *builder)
{
    size_t outside = 0;
    const struct run *last = NULL;
    char owner[NAME_TEXT_MAX];
    for (size_t i = 0; i < builder->text->count; i++) {
        const struct tape *tape = &builder->text->chunks[i].tape;
        const struct run *run = tape_first(tape);
        for (size_t r = 0; r < tape->run_count; r++, run = run_next(run)) {
            if (run->record_count == 0 || run_in_zone(&builder->shared, run))
                continue;
            last = run;
            if (++outside > OUTSIDE_TOLD)
                continue;
            name_print(run->name, owner);
            lint_report(&builder->lint, LINT_OUT_OF_ZONE, run, run_first(run),
                "%s is not in the zone: passed over", owner);
        }
    }
    if (outside <= OUTSIDE_TOLD)
        return;
    name_print(builder->shared.apex, owner);
    lint_report(&builder->lint, LINT_OUT_OF_ZONE, last, run_first(last),
        "%zu names more are not in the zone: is %s its right origin?", outside - OUTSIDE_TOLD, owner);
}

static enum err collect(struct builder *builder)
{
    size_t chunks = builder->text->count, all_runs = 0;
    builder->chunk_at = calloc(chunks + 1, sizeof *builder->chunk_at);
    builder->chunk_nsec3_at = calloc(chunks + 1, sizeof *builder->chunk_nsec3_at);
    if (builder->chunk_at == NULL || builder->chunk_nsec3_at == NULL)
        return ERR_MEMORY;
    parallel_each(builder->threads, chunks, count_entries, builder);
    for (size_t i = 0; i < chunks; i++) {
        const struct tape *tape = &builder->text->chunks[i].tape;
        builder->chunk_at[i + 1] += builder->chunk_at[i];
        builder->chunk_nsec3_at[i + 1] += builder->chunk_nsec3_at[i];
        all_runs += tape->run_count;
    }
    size_t names = builder->chunk_at[chunks], nsec3s = builder->chunk_nsec3_at[chunks];
    builder->entries = pages_alloc(names * sizeof *builder->entries);
    builder->nsec3_entries = pages_alloc(nsec3s * sizeof *builder->nsec3_entries);
    builder->shared.count = names;
    builder->shared.nsec3_count = nsec3s;
    if (builder->entries == NULL || builder->nsec3_entries == NULL)
        return ERR_MEMORY;
    parallel_each(builder->threads, chunks, make_entries, builder);
    if (names + nsec3s < all_runs)
        report_outside(builder);
    builder->shared.entries = builder->entries;
    builder->shared.nsec3_entries = builder->nsec3_entries;
    enum err err = sort_entries(builder->entries, names, builder->threads);
    return err != ERR_OK ? err : sort_entries(builder->nsec3_entries, nsec3s, builder->threads);
}

/* ---- the apex ---- */

static size_t apex_entries(const struct builder *builder)
{
    size_t count = 0;
    while (count < builder->shared.count && builder->entries[count].run->name_len == builder->shared.apex_len)
        count++;
    return count;
}

/* The apex comes first in canonical order; without a SOA there is no zone (RFC 1035 5.2). */
static enum err look_at_apex(struct builder *builder)
{
    struct gathered gathered = {0};
    bool soa = false, ns = false;
    enum err err = gather(&gathered, builder->entries, apex_entries(builder), false);
    for (uint32_t i = 0; err == ERR_OK && i < gathered.set_count; i++) {
        soa |= gathered.sets[i].type == TYPE_SOA && gathered.sets[i].count > 0;
        ns |= gathered.sets[i].type == TYPE_NS && gathered.sets[i].count > 0;
        builder->shared.apex_signed |= gathered.sets[i].sig_count > 0;
        if (builder->options->whole_when_signed && gathered.sets[i].count > 0 &&
            (gathered.sets[i].type == TYPE_DNSKEY || gathered.sets[i].type == TYPE_ZONEMD))
            builder->shared.skeleton = false;
    }
    builder->shared.apex_flags = (uint16_t)(NODE_APEX | (gathered.flags & ~NODE_DELEGATION));
    char apex[NAME_TEXT_MAX];
    name_print(builder->shared.apex, apex);
    const struct run *first = builder->shared.count > 0 ? builder->entries[0].run : NULL;
    if (err == ERR_OK && !soa)
        lint_report(
            &builder->lint, LINT_SOA_MISSING, first, NULL, "the zone %s has no SOA record at its apex", apex);
    if (err == ERR_OK && soa && !ns && builder->options->checks)
        lint_report(
            &builder->lint, LINT_NS_MISSING, first, NULL, "the zone %s has no NS record at its apex", apex);
    gather_clear(&gathered);
    return err != ERR_OK ? err : soa ? ERR_OK : ERR_INVALID;
}

/* ---- segments ---- */

/* The label right below the apex. */
static const uint8_t *branch(const struct build *shared, const struct run *run)
{
    return run->labels == shared->apex_labels ? NULL
                                              : name_skip(run->name, run->labels - shared->apex_labels - 1);
}

static bool same_branch(const struct build *shared, const struct run *a, const struct run *b)
{
    const uint8_t *x = branch(shared, a), *y = branch(shared, b);
    return x == NULL || y == NULL || (*x == *y && memcmp(x, y, *x + 1u) == 0);
}

static size_t cut_segments(const struct build *shared, const struct sort_entry *entries, size_t count,
    size_t size, struct segment *segments)
{
    size_t made = 0;
    for (size_t from = 0, to; from < count; from = to) {
        to = from + size < count ? from + size : count;
        while (to < count && same_branch(shared, entries[to - 1].run, entries[to].run))
            to++;
        segments[made].from = from;
        segments[made++].to = to;
    }
    return made;
}

static enum err make_segments(struct builder *builder)
{
    struct build *shared = &builder->shared;
    size_t size = builder->options->segment != 0 ? builder->options->segment : SEGMENT_DEFAULT;
    size_t room = shared->count / size + shared->nsec3_count / size + 4;
    builder->segments = calloc(room, sizeof *builder->segments);
    if (builder->segments == NULL)
        return ERR_MEMORY;
    builder->name_segments = cut_segments(shared, shared->entries, shared->count, size, builder->segments);
    builder->segment_count =
        builder->name_segments + cut_segments(shared, shared->nsec3_entries, shared->nsec3_count, size,
                                     builder->segments + builder->name_segments);
    for (size_t i = 0; i < builder->segment_count; i++) {
        struct segment *segment = &builder->segments[i];
        arena_init(&segment->arena, 0);
        segment->lint.findings.arena = &segment->arena;
        segment->lint.all = builder->options->checks;
        segment->lint.now = builder->options->now;
        segment->lint.sources = builder->text->sources;
        segment->lint.hooks = builder->options->checks ? builder->options->hooks : NULL;
    }
    return ERR_OK;
}

static void walk_segment(struct builder *builder, size_t i, bool write)
{
    struct segment *segment = &builder->segments[i];
    if (i < builder->name_segments)
        segment_walk(&builder->shared, segment, write);
    else
        segment_walk_nsec3(&builder->shared, segment, write);
}

static void measure_segment(void *context, size_t i)
{
    walk_segment(context, i, false);
}

static void write_segment(void *context, size_t i)
{
    walk_segment(context, i, true);
}

static enum err first_failure(const struct builder *builder)
{
    for (size_t i = 0; i < builder->segment_count; i++) {
        if (builder->segments[i].failure != ERR_OK)
            return builder->segments[i].failure;
    }
    return ERR_OK;
}

static uint64_t align64(uint64_t at)
{
    return (at + 63) & ~(uint64_t)63;
}

static enum err measure(struct builder *builder)
{
    parallel_each(builder->threads, builder->segment_count, measure_segment, builder);
    uint64_t at = align64(image_header_len(builder->shared.apex_len, (uint32_t)builder->shared.nsec3_count));
    builder->shared.apex_ref = (uint32_t)(at / 8);
    for (size_t i = 0; i < builder->segment_count; i++) {
        struct segment *segment = &builder->segments[i];
        uint32_t *count = i < builder->name_segments ? &builder->node_count : &builder->nsec3_count;
        segment->at = at;
        segment->number = *count;
        at += segment->size;
        *count += segment->node_count;
        builder->record_count += segment->record_count;
        builder->rrset_count += segment->rrset_count;
        if (segment->max_labels > builder->max_labels)
            builder->max_labels = segment->max_labels;
        if (segment->apex_wildcard)
            builder->shared.apex_flags |= NODE_WILDCARD_CHILD;
    }
    builder->size = at;
    if (at / 8 >= 0x80000000u)
        return ERR_LIMIT;
    return first_failure(builder);
}

/* ---- the image ---- */

/* A seed that follows from the zone's names: the same zone gives the same image, and yet nobody can choose
 * names that collide under it, because they change it. A name counts once: how many runs it came in depends
 * on where the text was cut into chunks. */
static uint64_t choose_seed(const struct build *shared)
{
    uint64_t seed = HASH_K1;
    const struct sort_entry *last = NULL;
    for (size_t i = 0; i < shared->count; last = &shared->entries[i++]) {
        const struct sort_entry *entry = &shared->entries[i];
        if (last == NULL || last->key[0] != entry->key[0] || last->key[1] != entry->key[1])
            seed = hash_mix(seed ^ entry->key[0], HASH_K0 ^ entry->key[1]);
    }
    return seed;
}

static enum err make_image(struct builder *builder)
{
    uint64_t nodes_end = align64(builder->size);
    struct image_header header = {.version = IMAGE_VERSION};
    memcpy(header.magic, IMAGE_MAGIC, sizeof header.magic);
    header.order_at = nodes_end;
    header.nsec3_order_at = align64(header.order_at + 4ULL * builder->node_count);
    header.nsec3_hash_at = align64(header.nsec3_order_at + 4ULL * builder->nsec3_count);
    header.index_at = align64(header.nsec3_hash_at + 8ULL * builder->nsec3_count);
    header.bucket_count = builder->node_count / BUCKET_AVERAGE + 1;
    header.sources_at = header.index_at + (uint64_t)header.bucket_count * sizeof(struct bucket);
    header.sources_len = (uint32_t)source_list_size(builder->text->sources);
    header.source_count = (uint32_t)builder->text->sources->count;
    header.size = header.sources_at + header.sources_len;
    header.seed = builder->shared.seed = choose_seed(&builder->shared);
    header.apex = builder->shared.apex_ref;
    header.node_count = builder->node_count;
    header.nsec3_count = builder->nsec3_count;
    header.record_count = builder->record_count;
    header.rrset_count = builder->rrset_count;
    header.max_labels = builder->max_labels;
    header.apex_len = (uint8_t)builder->shared.apex_len;
    header.header_len = image_header_len(header.apex_len, header.nsec3_count);
    header.apex_labels = (uint8_t)builder->shared.apex_labels;
    memcpy(header.apex_name, builder->shared.apex, builder->shared.apex_len);
    builder->shared.bucket_count = header.bucket_count;
    builder->image = image_new(header.size);
    if (builder->image == NULL)
        return ERR_MEMORY;
    uint8_t *base = (uint8_t *)(uintptr_t)builder->image->base;
    memcpy(base, &header, header.header_len);
    image_place(builder->image);
    builder->shared.base = base;
    builder->shared.order = (uint32_t *)(void *)(base + header.order_at);
    builder->shared.nsec3_order = (uint32_t *)(void *)(base + header.nsec3_order_at);
    builder->shared.nsec3_hash = (uint64_t *)(void *)(base + header.nsec3_hash_at);
    return ERR_OK;
}

/* ---- the index ---- */

static bool insert(struct bucket *buckets, uint32_t at, uint32_t end, const struct hashed *item)
{
    for (; at < end; at++) {
        struct bucket *bucket = &buckets[at];
        for (unsigned i = 0; i < BUCKET_ENTRIES; i++) {
            if (bucket->ref[i] == 0) {
                bucket->tag[i] = (uint16_t)item->hash;
                bucket->ref[i] = item->ref;
                return true;
            }
        }
        bucket->overflow++;
    }
    return false;
}

/* Fills the buckets of one part; what runs over its end is left for insert_rest. Those
 * items are moved to their lists' fronts. */
static void fill_part(void *context, size_t part)
{
    struct builder *builder = context;
    struct bucket *buckets = (struct bucket *)(uintptr_t)builder->image->index;
    uint64_t count = builder->shared.bucket_count;
    uint32_t end = (uint32_t)(((part + 1) * count + INDEX_PARTS - 1) / INDEX_PARTS);
    for (size_t s = 0; s < builder->name_segments; s++) {
        struct hashed_list *list = &builder->segments[s].parts[part];
        size_t left = 0;
        for (size_t i = 0; i < list->count; i++) {
            if (i + 8 < list->count)
                __builtin_prefetch(&buckets[index_bucket(list->items[i + 8].hash, (uint32_t)count)], 1);
            if (!insert(buckets, index_bucket(list->items[i].hash, (uint32_t)count), end, &list->items[i]))
                list->items[left++] = list->items[i];
        }
        list->count = left;
    }
}

static void insert_rest(struct builder *builder)
{
    struct bucket *buckets = (struct bucket *)(uintptr_t)builder->image->index;
    uint32_t count = builder->shared.bucket_count;
    for (unsigned part = 0; part < INDEX_PARTS; part++) {
        uint32_t end = (uint32_t)(((part + 1) * (uint64_t)count + INDEX_PARTS - 1) / INDEX_PARTS);
        for (size_t s = 0; s < builder->name_segments; s++) {
            struct hashed_list *list = &builder->segments[s].parts[part];
            for (size_t i = 0; i < list->count; i++) {
                /* Up to END its buckets are full and have counted it. */
                if (!insert(buckets, end < count ? end : 0, count, &list->items[i]))
                    (void)insert(buckets, 0, count, &list->items[i]);
            }
        }
    }
}

static void link_segment(void *context, size_t i)
{
    struct builder *builder = context;
    link_resolve(builder->image, &builder->shared, &builder->segments[i], builder->options->checks);
}

/* ---- what the header says of the zone's content ---- */

static void describe_nsec3(struct image_header *header, const struct rrset *param)
{
    struct record record;
    const uint8_t *at = param->data;
    for (unsigned i = 0; i < param->count && header->nsec3_count > 0; i++) {
        at = record_read(at, false, &record);
        /* RFC 5155 4.1.2: flags other than 0 mean a chain in the making; only SHA-1 is known. */
        if (record.rdata_len < 5 || record.rdata[0] != 1 || record.rdata[1] != 0)
            continue;
        header->flags |= IMAGE_NSEC3;
        header->nsec3_iterations = (uint16_t)(record.rdata[2] << 8 | record.rdata[3]);
        header->nsec3_salt_len = record.rdata[4];
        memcpy(header->nsec3_salt, record.rdata + 5, record.rdata[4]);
        return;
    }
}

static void describe(struct builder *builder)
{
    struct image_header *header = (struct image_header *)(uintptr_t)builder->image->header;
    const struct node *apex = image_node(builder->image, header->apex);
    const struct rrset *soa = node_rrset(apex, TYPE_SOA), *param = node_rrset(apex, TYPE_NSEC3PARAM);
    struct record record;
    record_read(soa->data, true, &record);
    const uint8_t *serial = record.rdata + record.rdata_len - 20;
    header->serial =
        (uint32_t)serial[0] << 24 | (uint32_t)serial[1] << 16 | (uint32_t)serial[2] << 8 | serial[3];
    header->flags |= soa->sig_count > 0 ? IMAGE_SIGNED : 0;
    const struct rrset *nsec = node_rrset(apex, TYPE_NSEC);
    header->flags |= nsec != NULL && nsec->count > 0 ? IMAGE_NSEC : 0;
    if (param != NULL)
        describe_nsec3(header, param);
}

/* ---- all together ---- */

static enum err assemble(struct builder *builder)
{
    enum err err = make_image(builder);
    if (err != ERR_OK)
        return err;
    parallel_each(builder->threads, builder->segment_count, write_segment, builder);
    err = first_failure(builder);
    if (err != ERR_OK)
        return err;
    parallel_each(builder->threads, INDEX_PARTS, fill_part, builder);
    insert_rest(builder);
    parallel_each(builder->threads, builder->name_segments, link_segment, builder);
    if (!builder->shared.skeleton)
        describe(builder);
    if (builder->options->remember)
        source_list_write(builder->text->sources, builder->threads,
            (uint8_t *)(uintptr_t)builder->image->base + builder->image->header->sources_at);
    return first_failure(builder);
}

static void tell(struct builder *builder, const struct lint *lint)
{
    builder->result->errors += lint->findings.errors;
    builder->result->warnings += lint->findings.warnings;
    builder->result->fatal += lint->fatal;
    if (builder->options->sink != NULL)
        pending_report(&lint->findings, builder->text->sources, builder->options->sink);
}

static void tell_all(struct builder *builder)
{
    tell(builder, &builder->lint);
    for (size_t i = 0; i < builder->segment_count; i++)
        tell(builder, &builder->segments[i].lint);
}

static unsigned fatal_count(const struct builder *builder)
{
    unsigned fatal = builder->lint.fatal;
    for (size_t i = 0; i < builder->segment_count; i++)
        fatal += builder->segments[i].lint.fatal;
    return fatal;
}

static void call_zone_hook(struct builder *builder, bool whole)
{
    const struct lint_hooks *hooks = builder->lint.hooks;
    struct lint_zone zone = {.build = &builder->shared,
        .image = whole ? builder->image : NULL,
        .text = builder->text,
        .threads = builder->threads};
    hooks->zone(hooks->context, &builder->lint, &zone);
}

static enum err run(struct builder *builder)
{
    enum err err = collect(builder);
    if (err == ERR_OK)
        err = look_at_apex(builder);
    enum err apex = err;
    if (err != ERR_OK && err != ERR_INVALID)
        return err;
    /* Without a SOA there will be no image, but its names are checked all the same. */
    err = make_segments(builder);
    if (err == ERR_OK)
        err = measure(builder);
    if (err == ERR_OK && (apex != ERR_OK || fatal_count(builder) > 0))
        err = ERR_INVALID;
    err = err == ERR_OK ? assemble(builder) : err;
    if (builder->lint.hooks != NULL && (err == ERR_OK || err == ERR_INVALID))
        call_zone_hook(builder, err == ERR_OK);
    return err;
}

enum err build_image(const struct zone_text *text, const struct build_options *options,
    struct build_result *result, struct image **out)
{
    struct builder *builder = calloc(1, sizeof *builder);
    memset(result, 0, sizeof *result);
    if (builder == NULL)
        return ERR_MEMORY;
    builder->text = text;
    builder->options = options;
    builder->result = result;
    builder->threads = text->records < ALONE_BELOW ? 1 : options->threads;
    builder->shared.apex = options->apex;
    builder->shared.apex_len = (unsigned)name_len(options->apex);
    builder->shared.apex_labels = name_labels(options->apex);
    builder->shared.skeleton = builder->shared.marks = options->skeleton;
    arena_init(&builder->arena, 0);
    builder->lint.findings.arena = &builder->arena;
    builder->lint.all = options->checks;
    builder->lint.now = options->now;
    builder->lint.sources = text->sources;
    builder->lint.hooks = options->checks ? options->hooks : NULL;
    enum err err = run(builder);
    tell_all(builder);
    if (err == ERR_OK)
        *out = builder->image;
    else
        image_release(builder->image);
    for (size_t i = 0; i < builder->segment_count; i++)
        segment_clear(&builder->segments[i]);
    free(builder->segments);
    pages_free(builder->entries, builder->shared.count * sizeof *builder->entries);
    pages_free(builder->nsec3_entries, builder->shared.nsec3_count * sizeof *builder->nsec3_entries);
    free(builder->chunk_at);
    free(builder->chunk_nsec3_at);
    arena_clear(&builder->arena);
    free(builder);
    return err;
}
