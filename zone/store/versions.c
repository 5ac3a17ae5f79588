#include "zone/store/versions.h"

#include <stdlib.h>
#include <string.h>

#include "zone/base/parallel.h"
#include "zone/wire/name.h"
#include "zone/wire/record_hash.h"
#include "zone/wire/type.h"

/* A change makes one stretch of this size be read again. */
#define CHUNK_DEFAULT ((size_t)64 << 10)
#define BITS_LEAST 10
#define BITS_MOST 22

/* What one run of a text adds to its bucket. */
struct part_sum {
    uint64_t sum;
    uint32_t bucket;
};

struct part_sums {
    struct part_sum *items;
    size_t count;
    bool failed;
};

struct found {
    const uint8_t *owner, *rdata;
    uint32_t ttl;
    uint32_t place; /* in the order of the text */
    uint16_t type, covered, len;
};

struct comparing;

struct versions_side {
    struct comparing *comparing;
    const struct version *version;
    struct zone_text text;
    struct part_sums *chunks; /* of a text */
    size_t chunk_count;
    struct found *found; /* records of the names that may differ */
    size_t found_count, found_room;
    uint64_t records;
    const uint8_t *apex; /* what this version says, or NULL */
};

struct comparing {
    const struct versions_options *options;
    struct versions_side *sides; /* old, new */
    unsigned shift;              /* of a hash, to its bucket */
    size_t bucket_count;
    uint64_t *sums;
    uint8_t *suspect; /* a bit per bucket */
    struct versions *out;
};

static uint32_t bucket_of(const struct comparing *comparing, uint64_t hash)
{
    return (uint32_t)(hash >> comparing->shift);
}

static bool is_suspect(const struct comparing *comparing, uint32_t bucket)
{
    return (comparing->suspect[bucket / 8] >> bucket % 8 & 1) != 0;
}

/* ---- sums ---- */

static uint64_t run_sum(const struct run *run, uint64_t owner)
{
    uint64_t sum = 0;
    const struct tape_record *record = run_first(run);
    for (uint32_t i = 0; i < run->record_count; i++, record = tape_record_next(record))
        sum += record_hash(owner, record->type, record->ttl, record->rdata, record->rdata_len);
    return sum;
}

/* A chunk can come twice (chunks.h): its sums are added up when all is read. */
static void sum_chunk(void *context, size_t chunk, struct tape *tape)
{
    struct versions_side *side = context;
    struct part_sums *sums = &side->chunks[chunk];
    free(sums->items);
    sums->count = 0;
    sums->items = malloc((tape->run_count + 1) * sizeof *sums->items);
    sums->failed = sums->items == NULL;
    const struct run *run = tape_first(tape);
    for (size_t i = 0; i < tape->run_count && !sums->failed; i++, run = run_next(run)) {
        uint64_t owner = owner_hash(run->name, run->name_len);
        sums->items[sums->count++] =
            (struct part_sum){.sum = run_sum(run, owner), .bucket = bucket_of(side->comparing, owner)};
    }
    tape_clear(tape);
}

static struct text_options text_options_of(const struct versions_side *side)
{
    const struct versions_options *options = side->comparing->options;
    return (struct text_options){.origin = side->version->origin,
        .threads = options->threads,
        .chunk_size = options->chunk_size != 0 ? options->chunk_size : CHUNK_DEFAULT,
        .context = (void *)(uintptr_t)side};
}

static enum err read_text(struct versions_side *side)
{
    const struct versions_options *options = side->comparing->options;
    struct text_options how = text_options_of(side);
    how.consume = sum_chunk;
    side->chunk_count =
        sources_get(side->version->sources, side->version->file)->input.len / how.chunk_size + 1;
    side->chunks = calloc(side->chunk_count, sizeof *side->chunks);
    if (side->chunks == NULL)
        return ERR_MEMORY;
    enum err err = text_read(side->version->sources, side->version->file, &how, &side->text);
    if (err != ERR_OK)
        return err;
    text_report(&side->text, &options->sink);
    side->records = side->text.records;
    side->apex = side->text.soa_seen ? side->text.soa_owner : side->version->origin;
    return side->text.errors > 0 ? ERR_INVALID : ERR_OK;
}

static void add_to(
    struct comparing *comparing, const struct versions_side *side, uint32_t bucket, uint64_t sum)
{
    uint64_t signed_sum = side == comparing->sides ? 0 - sum : sum;
    __atomic_fetch_add(&comparing->sums[bucket], signed_sum, __ATOMIC_RELAXED);
}

static void add_chunk(void *context, size_t chunk)
{
    struct versions_side *side = context;
    const struct part_sums *sums = &side->chunks[chunk];
    for (size_t i = 0; i < sums->count; i++)
        add_to(side->comparing, side, sums->items[i].bucket, sums->items[i].sum);
}

static enum err add_text(struct versions_side *side)
{
    for (size_t i = 0; i < side->chunk_count; i++) {
        if (side->chunks[i].failed)
            return ERR_MEMORY;
    }
    parallel_each(side->comparing->options->threads, side->chunk_count, add_chunk, side);
    return ERR_OK;
}

/* Calls TELL for each record of a node's RRsets, signatures behind the set they cover. */
typedef enum err tell_record(struct versions_side *side, const uint8_t *owner, uint64_t hash, uint16_t type,
    uint32_t ttl, const uint8_t *rdata, uint16_t len);

static enum err each_record(struct versions_side *side, const struct node *node, const uint8_t *owner,
    uint64_t hash, tell_record *tell)
{
    enum err err = ERR_OK;
    const struct rrset *rrset = node_rrsets(node);
    for (unsigned i = 0; i < node->rrset_count; i++, rrset = rrset_next(rrset)) {
        const uint8_t *at = rrset->data;
        struct record record;
        for (unsigned r = 0; r < (unsigned)rrset->count + rrset->sig_count && err == ERR_OK; r++) {
            bool signature = r >= rrset->count;
            at = record_read(at, !signature && rrset_linked(rrset->type), &record);
            err = tell(side, owner, hash, signature ? TYPE_RRSIG : rrset->type, rrset->ttl, record.rdata,
                record.rdata_len);
        }
    }
    return err;
}

static enum err each_of_snapshot(struct versions_side *side, tell_record *tell, bool all)
{
    const struct snapshot *snapshot = side->version->snapshot;
    struct comparing *comparing = side->comparing;
    struct snapshot_walk walk;
    enum err err = ERR_OK;
    snapshot_walk_start(&walk, snapshot);
    for (const struct node *node; err == ERR_OK && (node = snapshot_walk_next(&walk)) != NULL;) {
        uint8_t owner[NAME_MAX + 1];
        size_t len = snapshot_owner(snapshot, node, owner);
        uint64_t hash = owner_hash(owner, len);
        if (node->rrset_count == 0 || (!all && !is_suspect(comparing, bucket_of(comparing, hash))))
            continue;
        const uint8_t *kept = all ? owner : (uint8_t *)arena_copy(&comparing->out->arena, owner, len);
        err = kept == NULL ? ERR_MEMORY : each_record(side, node, kept, hash, tell);
    }
    return err;
}

static enum err each_of_list(struct versions_side *side, tell_record *tell, bool all)
{
    struct comparing *comparing = side->comparing;
    struct change_record record;
    enum err err = ERR_OK;
    for (size_t at = 0; err == ERR_OK && change_next(side->version->records, &at, &record);) {
        uint64_t hash = owner_hash(record.owner, name_len(record.owner));
        if (all || is_suspect(comparing, bucket_of(comparing, hash)))
            err = tell(side, record.owner, hash, record.type, record.ttl, record.rdata, record.rdata_len);
    }
    return err;
}

static enum err add_record(struct versions_side *side, const uint8_t *owner UNUSED, uint64_t hash,
    uint16_t type, uint32_t ttl, const uint8_t *rdata, uint16_t len)
{
    side->records++;
    add_to(side->comparing, side, bucket_of(side->comparing, hash), record_hash(hash, type, ttl, rdata, len));
    return ERR_OK;
}

static enum err sum_side(struct versions_side *side)
{
    const struct version *version = side->version;
    if (version->sources != NULL) {
        enum err err = read_text(side);
        return err == ERR_OK ? add_text(side) : err;
    }
    if (version->snapshot != NULL) {
        side->apex = version->snapshot->image->header->apex_name;
        return each_of_snapshot(side, add_record, true);
    }
    struct change_record first;
    size_t at = 0;
    side->apex = change_next(version->records, &at, &first) ? first.owner : NULL;
    return each_of_list(side, add_record, true);
}

/* ---- the records that may differ ---- */

static enum err keep_record(struct versions_side *side, const uint8_t *owner, uint64_t hash UNUSED,
    uint16_t type, uint32_t ttl, const uint8_t *rdata, uint16_t len)
{
    if (side->found_count == side->found_room) {
        size_t room = side->found_room * 2 + 64;
        struct found *found = realloc(side->found, room * sizeof *found);
        if (found == NULL)
            return ERR_MEMORY;
        side->found = found;
        side->found_room = room;
    }
    if (!name_under(owner, side->comparing->out->apex))
        return ERR_OK;
    uint16_t covered = 0;
    if (type == TYPE_RRSIG && len >= 2)
        covered = (uint16_t)(rdata[0] << 8 | rdata[1]);
    side->found[side->found_count] = (struct found){.owner = owner,
        .rdata = rdata,
        .ttl = ttl,
        .place = (uint32_t)side->found_count,
        .type = type,
        .covered = covered,
        .len = len};
    side->found_count++;
    return ERR_OK;
}

static bool chunk_is_suspect(void *context, size_t chunk)
{
    const struct versions_side *side = context;
    const struct part_sums *sums = &side->chunks[chunk];
    for (size_t i = 0; i < sums->count; i++) {
        if (is_suspect(side->comparing, sums->items[i].bucket))
            return true;
    }
    return false;
}

static enum err keep_run(struct versions_side *side, const struct run *run)
{
    enum err err = ERR_OK;
    uint64_t hash = owner_hash(run->name, run->name_len);
    const struct tape_record *record = run_first(run);
    if (!is_suspect(side->comparing, bucket_of(side->comparing, hash)))
        return ERR_OK;
    for (uint32_t i = 0; i < run->record_count && err == ERR_OK; i++, record = tape_record_next(record))
        err = keep_record(side, run->name, hash, record->type, record->ttl, record->rdata, record->rdata_len);
    return err;
}

static enum err collect_text(struct versions_side *side)
{
    struct text_options how = text_options_of(side);
    enum err err = text_reread(&side->text, &how, chunk_is_suspect);
    for (size_t c = 0; c < side->text.count && err == ERR_OK; c++) {
        const struct tape *tape = &side->text.chunks[c].tape;
        const struct run *run = tape_first(tape);
        for (size_t i = 0; i < tape->run_count && err == ERR_OK; i++, run = run_next(run))
            err = keep_run(side, run);
    }
    return err;
}

static int compare_found(const void *a, const void *b)
{
    const struct found *x = a, *y = b;
    int order = name_compare(x->owner, y->owner);
    if (order != 0)
        return order;
    if ((x->type == TYPE_SOA) != (y->type == TYPE_SOA))
        return x->type == TYPE_SOA ? -1 : 1;
    if (x->type != y->type)
        return x->type - y->type;
    if (x->covered != y->covered)
        return x->covered - y->covered;
    return x->place < y->place ? -1 : 1;
}

static enum err collect_side(struct versions_side *side)
{
    const struct version *version = side->version;
    enum err err = version->sources != NULL    ? collect_text(side)
                   : version->snapshot != NULL ? each_of_snapshot(side, keep_record, false)
                                               : each_of_list(side, keep_record, false);
    if (err == ERR_OK && side->found_count > 0)
        qsort(side->found, side->found_count, sizeof *side->found, compare_found);
    return err;
}

/* ---- sets ---- */

static bool same_set(const struct found *a, const struct found *b)
{
    return a->type == b->type && a->covered == b->covered && name_equal(a->owner, b->owner);
}

static size_t set_end(const struct versions_side *side, size_t from)
{
    size_t to = from + 1;
    while (to < side->found_count && same_set(&side->found[from], &side->found[to]))
        to++;
    return to;
}

static int compare_rdata(const void *a, const void *b)
{
    const struct set_record *x = a, *y = b;
    int order = memcmp(x->rdata, y->rdata, x->len < y->len ? x->len : y->len);
    return order != 0 ? order : x->len - y->len;
}

/* The TTL of a set whose records disagree is the first one's (gather.c); signatures have that of what they
 * cover, which stands before them: RRSIG is behind every type that can be signed but NSEC and newer ones. */
static uint32_t covering_ttl(const struct versions_side *side, size_t at)
{
    const struct found *sig = &side->found[at];
    for (size_t i = at; i-- > 0 && name_equal(side->found[i].owner, sig->owner);) {
        if (side->found[i].type == sig->covered)
            at = i;
    }
    for (size_t i = at; i < side->found_count && name_equal(side->found[i].owner, sig->owner); i++) {
        if (side->found[i].type == sig->covered)
            return side->found[i].ttl;
    }
    return sig->ttl;
}

static enum err take_set(struct comparing *comparing, const struct versions_side *side, size_t from,
    size_t to, struct set_version *set)
{
    set->records = ARENA_ARRAY(&comparing->out->arena, struct set_record, to - from);
    if (set->records == NULL)
        return ERR_MEMORY;
    set->ttl = side->found[from].type == TYPE_RRSIG ? covering_ttl(side, from) : side->found[from].ttl;
    for (size_t i = from; i < to; i++)
        set->records[i - from] =
            (struct set_record){.rdata = side->found[i].rdata, .len = side->found[i].len};
    qsort(set->records, to - from, sizeof *set->records, compare_rdata);
    set->count = 1;
    for (size_t i = 1; i < to - from; i++) {
        if (compare_rdata(&set->records[set->count - 1], &set->records[i]) != 0)
            set->records[set->count++] = set->records[i];
    }
    return ERR_OK;
}

/* Marks the records that only one of the two has; true when they differ. */
static bool mark_alone(struct set_version *old, struct set_version *new)
{
    uint32_t i = 0, j = 0;
    bool differ = old->count == 0 || new->count == 0 || old->ttl != new->ttl;
    while (i < old->count || j < new->count) {
        int order = i == old->count   ? 1
                    : j == new->count ? -1
                                      : compare_rdata(&old->records[i], &new->records[j]);
        if (order < 0)
            old->records[i].alone = true;
        if (order > 0)
            new->records[j].alone = true;
        differ |= order != 0;
        i += order <= 0;
        j += order >= 0;
    }
    return differ;
}

static enum err keep_set(struct comparing *comparing, const struct set_change *set, size_t *room)
{
    struct versions *out = comparing->out;
    if (out->count == *room) {
        size_t wider = *room * 2 + 32;
        struct set_change *sets = realloc(out->sets, wider * sizeof *sets);
        if (sets == NULL)
            return ERR_MEMORY;
        out->sets = sets;
        *room = wider;
    }
    out->sets[out->count++] = *set;
    return ERR_OK;
}

/* The order of two sets, `place` left out. */
static int compare_sets(const struct found *a, const struct found *b)
{
    return same_set(a, b) ? 0 : compare_found(a, b);
}

static enum err compare_sides(struct comparing *comparing)
{
    const struct versions_side *old = &comparing->sides[0], *new = &comparing->sides[1];
    size_t i = 0, j = 0, room = 0;
    enum err err = ERR_OK;
    while (err == ERR_OK && (i < old->found_count || j < new->found_count)) {
        int order = i == old->found_count   ? 1
                    : j == new->found_count ? -1
                                            : compare_sets(&old->found[i], &new->found[j]);
        const struct found *first = order <= 0 ? &old->found[i] : &new->found[j];
        struct set_change set = {.owner = first->owner, .type = first->type, .covered = first->covered};
        if (order <= 0) {
            size_t to = set_end(old, i);
            err = take_set(comparing, old, i, to, &set.old);
            i = to;
        }
        if (order >= 0 && err == ERR_OK) {
            size_t to = set_end(new, j);
            err = take_set(comparing, new, j, to, &set.new);
            j = to;
        }
        if (err == ERR_OK && set.type == TYPE_SOA && name_equal(set.owner, comparing->out->apex))
            comparing->out->soa = set;
        if (err == ERR_OK && mark_alone(&set.old, &set.new))
            err = keep_set(comparing, &set, &room);
    }
    return err;
}

/* ---- all ---- */

static uint32_t serial_of(const struct set_version *soa)
{
    if (soa->count == 0 || soa->records[0].len < 22)
        return 0;
    const uint8_t *at = soa->records[0].rdata + soa->records[0].len - 20;
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static enum err choose_apex(struct comparing *comparing)
{
    const uint8_t *a = comparing->sides[0].apex, *b = comparing->sides[1].apex;
    const uint8_t *given = comparing->options->apex;
    comparing->out->apex[0] = 0;
    if (given == NULL && (a == NULL || b == NULL || !name_equal(a, b)))
        return ERR_INVALID;
    name_lower(comparing->out->apex, given != NULL ? given : b);
    return ERR_OK;
}

static void note_suspects(struct comparing *comparing)
{
    uint32_t apex = bucket_of(comparing, owner_hash(comparing->out->apex, name_len(comparing->out->apex)));
    for (size_t i = 0; i < comparing->bucket_count; i++) {
        if (comparing->sums[i] != 0 || i == apex)
            comparing->suspect[i / 8] |= (uint8_t)(1u << i % 8);
    }
}

static enum err compare(struct comparing *comparing)
{
    enum err err = ERR_OK;
    for (unsigned i = 0; i < 2; i++) { /* both texts' errors are told */
        enum err side = sum_side(&comparing->sides[i]);
        err = err != ERR_OK && side == ERR_INVALID ? err : side != ERR_OK ? side : err;
    }
    if (err == ERR_OK)
        err = choose_apex(comparing);
    if (err != ERR_OK)
        return err;
    note_suspects(comparing);
    for (unsigned i = 0; i < 2 && err == ERR_OK; i++)
        err = collect_side(&comparing->sides[i]);
    if (err == ERR_OK)
        err = compare_sides(comparing);
    comparing->out->from = serial_of(&comparing->out->soa.old);
    comparing->out->to = serial_of(&comparing->out->soa.new);
    comparing->out->old_records = comparing->sides[0].records;
    comparing->out->new_records = comparing->sides[1].records;
    return err;
}

static uint64_t size_of(const struct version *version)
{
    if (version->sources != NULL)
        return sources_get(version->sources, version->file)->input.len;
    return version->snapshot != NULL ? version->snapshot->image->size : version->records->len;
}

enum err versions_compare(const struct version *old, const struct version *new,
    const struct versions_options *options, struct versions *out)
{
    memset(out, 0, sizeof *out);
    arena_init(&out->arena, 0);
    unsigned bits = BITS_LEAST;
    while (bits < BITS_MOST && (size_of(old) + size_of(new)) >> bits > 128)
        bits++;
    struct comparing comparing = {
        .options = options, .shift = 64 - bits, .bucket_count = (size_t)1 << bits, .out = out};
    out->sides = comparing.sides = calloc(2, sizeof *comparing.sides);
    comparing.sums = calloc(comparing.bucket_count, sizeof *comparing.sums);
    comparing.suspect = calloc(comparing.bucket_count / 8, 1);
    enum err err = ERR_MEMORY;
    if (comparing.sides != NULL && comparing.sums != NULL && comparing.suspect != NULL) {
        comparing.sides[0] = (struct versions_side){.comparing = &comparing, .version = old};
        comparing.sides[1] = (struct versions_side){.comparing = &comparing, .version = new};
        err = compare(&comparing);
    }
    free(comparing.sums);
    free(comparing.suspect);
    if (err != ERR_OK) {
        uint8_t apex = out->apex[0];
        versions_clear(out);
        out->apex[0] = apex;
    }
    return err;
}

static enum err put_set(struct change *change, const struct set_change *set, bool removed, bool all)
{
    const struct set_version *version = removed ? &set->old : &set->new;
    enum err err = ERR_OK;
    for (uint32_t i = 0; i < version->count && err == ERR_OK; i++) {
        const struct set_record *record = &version->records[i];
        if (all || record->alone || set->old.ttl != set->new.ttl)
            err = (removed ? change_remove : change_add)(
                change, set->owner, set->type, version->ttl, record->rdata, record->len);
    }
    return err;
}

enum err versions_change(const struct versions *versions, struct change *out)
{
    struct change change = {.from = versions->from, .to = versions->to};
    enum err err = ERR_OK;
    if (versions->count > 0) {
        err = put_set(&change, &versions->soa, true, true);
        if (err == ERR_OK)
            err = put_set(&change, &versions->soa, false, true);
    }
    for (size_t i = 0; i < versions->count && err == ERR_OK; i++) {
        const struct set_change *set = &versions->sets[i];
        if (set->type == TYPE_SOA && name_equal(set->owner, versions->apex))
            continue;
        err = put_set(&change, set, true, false);
        if (err == ERR_OK)
            err = put_set(&change, set, false, false);
    }
    if (err == ERR_OK)
        *out = change;
    else
        change_clear(&change);
    return err;
}

void versions_clear(struct versions *versions)
{
    for (unsigned s = 0; s < 2 && versions->sides != NULL; s++) {
        struct versions_side *side = &versions->sides[s];
        for (size_t i = 0; i < side->chunk_count && side->chunks != NULL; i++)
            free(side->chunks[i].items);
        free(side->chunks);
        free(side->found);
        text_clear(&side->text);
    }
    free(versions->sides);
    free(versions->sets);
    arena_clear(&versions->arena);
    memset(versions, 0, sizeof *versions);
}
