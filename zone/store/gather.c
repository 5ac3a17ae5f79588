#include "zone/store/gather.h"

#include <stdlib.h>
#include <string.h>

#include "zone/base/codec.h"
#include "zone/wire/name.h"
#include "zone/wire/type.h"

static uint16_t covered_type(const struct tape_record *record)
{
    return record->rdata_len >= 2 ? (uint16_t)((unsigned)record->rdata[0] << 8 | record->rdata[1]) : 0;
}

static bool belongs_to_nsec3(const struct tape_record *record)
{
    return record->type == TYPE_NSEC3 || (record->type == TYPE_RRSIG && covered_type(record) == TYPE_NSEC3);
}

void gather_kinds(const struct run *run, bool *nsec3, bool *other)
{
    const struct tape_record *record = run_first(run);
    *nsec3 = *other = false;
    for (uint32_t i = 0; i < run->record_count; i++, record = tape_record_next(record))
        *(belongs_to_nsec3(record) ? nsec3 : other) = true;
}

bool gather_hashed_owner(const struct run *run, unsigned apex_labels, uint8_t hash[20])
{
    size_t len;
    return run->labels == apex_labels + 1 && run->name[0] == 32 &&
           base32hex_decode(hash, (const char *)run->name + 1, 32, &len) == 32 && len == 20;
}

static enum err reserve_records(struct gathered *gathered, uint32_t more)
{
    if (gathered->record_count + more <= gathered->record_capacity)
        return ERR_OK;
    uint32_t capacity = (gathered->record_count + more) * 2;
    struct gathered_record *records = realloc(gathered->records, capacity * sizeof *records);
    if (records == NULL)
        return ERR_MEMORY;
    gathered->records = records;
    gathered->record_capacity = capacity;
    return ERR_OK;
}

static void take_run(struct gathered *gathered, const struct run *run, bool nsec3)
{
    const struct tape_record *record = run_first(run);
    for (uint32_t i = 0; i < run->record_count; i++, record = tape_record_next(record)) {
        if (belongs_to_nsec3(record) != nsec3)
            continue;
        bool signature = record->type == TYPE_RRSIG;
        gathered->records[gathered->record_count++] = (struct gathered_record){.record = record,
            .run = run,
            .type = signature ? covered_type(record) : record->type,
            .signature = signature};
    }
}

static int order(const struct gathered_record *a, const struct gathered_record *b)
{
    if (a->type != b->type)
        return a->type - b->type;
    return a->signature - b->signature;
}

static void merge_records(struct gathered_record *records, uint32_t count, struct gathered_record *spare)
{
    if (count < 2)
        return;
    uint32_t half = count / 2;
    merge_records(records, half, spare);
    merge_records(records + half, count - half, spare);
    memcpy(spare, records, half * sizeof *records);
    uint32_t a = 0, b = half, at = 0;
    while (a < half && b < count)
        records[at++] = order(&records[b], &spare[a]) < 0 ? records[b++] : spare[a++];
    memcpy(records + at, spare + a, (half - a) * sizeof *records);
}

#define INSERTION_UP_TO 24

/* By type, then signatures behind, else in the order of the text. */
static enum err sort_records(struct gathered *gathered)
{
    struct gathered_record *records = gathered->records;
    uint32_t count = gathered->record_count, at = 1;
    while (at < count && order(&records[at - 1], &records[at]) <= 0)
        at++;
    if (at >= count)
        return ERR_OK;
    if (count > INSERTION_UP_TO) {
        struct gathered_record *spare = malloc(count * sizeof *spare);
        if (spare == NULL)
            return ERR_MEMORY;
        merge_records(records, count, spare);
        free(spare);
        return ERR_OK;
    }
    for (; at < count; at++) {
        struct gathered_record record = records[at];
        uint32_t to = at;
        for (; to > 0 && order(&record, &records[to - 1]) < 0; to--)
            records[to] = records[to - 1];
        records[to] = record;
    }
    return ERR_OK;
}

/* Where names lie in the rdata of the types whose names compare without case (RFC 2181 5, RFC 4034 6.2) and
 * that come in numbers: octets outside them, a preference or a port, are no letters. */
static void name_span(const struct gathered_record *record, uint32_t *from, uint32_t *to)
{
    const struct tape_record *tape = record->record;
    *from = *to = 0;
    if (record->signature || !(rrset_linked(record->type) || record->type == TYPE_DNAME))
        return;
    *from = rrset_name_at(record->type);
    *to = record->type == TYPE_SOA ? tape->rdata_len - 20u : tape->rdata_len;
}

static uint8_t lowered(uint8_t octet)
{
    return (uint8_t)(octet + ((uint8_t)(octet - 'A') < 26 ? 32 : 0));
}

/* Rdata in order, names without regard to case. */
static int rdata_difference(const struct gathered_record *a, const struct gathered_record *b)
{
    const struct tape_record *x = a->record, *y = b->record;
    uint32_t from, to;
    if (x->rdata_len != y->rdata_len)
        return x->rdata_len - y->rdata_len;
    int difference = memcmp(x->rdata, y->rdata, x->rdata_len);
    if (difference == 0)
        return 0;
    name_span(a, &from, &to);
    for (uint32_t i = 0; i < x->rdata_len; i++) {
        bool letters = i >= from && i < to;
        difference = letters ? lowered(x->rdata[i]) - lowered(y->rdata[i]) : x->rdata[i] - y->rdata[i];
        if (difference != 0)
            return difference;
    }
    return 0;
}

static int rdata_order(const void *a, const void *b)
{
    const struct gathered_record *const *x = a, *const *y = b;
    int difference = rdata_difference(*x, *y);
    return difference != 0 ? difference : *x < *y ? -1 : 1;
}

#define PAIRWISE_UP_TO 32

/* In large sets duplicates are found by sorting. */
static enum err mark_many(struct gathered_record *records, uint32_t count)
{
    struct gathered_record **sorted = malloc(count * sizeof(struct gathered_record *));
    if (sorted == NULL)
        return ERR_MEMORY;
    for (uint32_t i = 0; i < count; i++)
        sorted[i] = &records[i];
    qsort(sorted, count, sizeof *sorted, rdata_order);
    for (uint32_t i = 1; i < count; i++)
        sorted[i]->duplicate = rdata_difference(sorted[i - 1], sorted[i]) == 0;
    free(sorted);
    return ERR_OK;
}

static enum err mark_duplicates(struct gathered_record *records, uint32_t count)
{
    if (count > PAIRWISE_UP_TO)
        return mark_many(records, count);
    for (uint32_t i = 1; i < count; i++) {
        for (uint32_t j = 0; j < i && !records[i].duplicate; j++)
            records[i].duplicate = rdata_difference(&records[i], &records[j]) == 0;
    }
    return ERR_OK;
}

static struct gathered_set *new_set(struct gathered *gathered)
{
    if (gathered->set_count == gathered->set_capacity) {
        uint32_t capacity = gathered->set_capacity * 2 + 16;
        struct gathered_set *sets = realloc(gathered->sets, capacity * sizeof *sets);
        if (sets == NULL)
            return NULL;
        gathered->sets = sets;
        gathered->set_capacity = capacity;
    }
    struct gathered_set *set = &gathered->sets[gathered->set_count++];
    memset(set, 0, sizeof *set);
    return set;
}

/* The TTL of a set whose records disagree is the first one's in the text, as BIND has it (RFC 2181 5.2). */
static void count_set(struct gathered *gathered, struct gathered_set *set)
{
    size_t head = 2 + (rrset_linked(set->type) ? sizeof(struct link) : 0);
    for (uint32_t i = set->from; i < set->from + set->records; i++) {
        const struct gathered_record *record = &gathered->records[i];
        if (record->duplicate)
            continue;
        gathered->kept++;
        if (record->signature) {
            set->sig_count++;
            set->sig_len += 2u + record->record->rdata_len;
        } else {
            set->count++;
            set->data_len += head + record->record->rdata_len;
        }
    }
    set->ttl = gathered->records[set->from].record->ttl;
}

static enum err make_sets(struct gathered *gathered)
{
    static const uint16_t flag_of[64] = {[TYPE_A] = NODE_ADDRESSES,
        [TYPE_NS] = NODE_DELEGATION,
        [TYPE_CNAME] = NODE_CNAME,
        [TYPE_AAAA] = NODE_ADDRESSES,
        [TYPE_DNAME] = NODE_DNAME};
    for (uint32_t from = 0, to; from < gathered->record_count; from = to) {
        const struct gathered_record *records = gathered->records;
        uint32_t signatures = from;
        for (to = from; to < gathered->record_count && records[to].type == records[from].type; to++)
            signatures += !records[to].signature;
        struct gathered_set *set = new_set(gathered);
        if (set == NULL)
            return ERR_MEMORY;
        set->type = records[from].type;
        set->from = from;
        set->records = to - from;
        enum err err = mark_duplicates(gathered->records + from, signatures - from);
        if (err == ERR_OK)
            err = mark_duplicates(gathered->records + signatures, to - signatures);
        if (err != ERR_OK)
            return err;
        count_set(gathered, set);
        if (set->count > 0 && set->type < ARRAY_COUNT(flag_of))
            gathered->flags |= flag_of[set->type];
    }
    return ERR_OK;
}

enum err gather(struct gathered *gathered, const struct sort_entry *entries, size_t count, bool nsec3)
{
    gathered->record_count = gathered->set_count = gathered->kept = 0;
    gathered->flags = 0;
    for (size_t i = 0; i < count; i++) {
        enum err err = reserve_records(gathered, entries[i].run->record_count);
        if (err != ERR_OK)
            return err;
        take_run(gathered, entries[i].run, nsec3);
    }
    enum err err = sort_records(gathered);
    if (err == ERR_OK)
        err = make_sets(gathered);
    /* Signatures alone make no member of the chain: lookups count on its NSEC3 record. */
    if (err == ERR_OK && nsec3 && gathered->set_count > 0 && gathered->sets[0].count == 0)
        gathered->set_count = gathered->kept = 0;
    return err;
}

void gather_clear(struct gathered *gathered)
{
    free(gathered->records);
    free(gathered->sets);
    memset(gathered, 0, sizeof *gathered);
}

size_t gather_size(const struct gathered *gathered, unsigned name_len)
{
    size_t size = (NODE_NAME_AT + (size_t)name_len + 3) & ~(size_t)3;
    for (uint32_t i = 0; i < gathered->set_count; i++) {
        const struct gathered_set *set = &gathered->sets[i];
        if (!gathered->skeleton || set->type == TYPE_CNAME)
            size += (sizeof(struct rrset) + set->data_len + set->sig_len + 3) & ~(size_t)3;
    }
    return (size + 7) & ~(size_t)7;
}

/* The labels two names share from the root on, found without tables: both are cut to the same count of labels
 * and walked together. */
static unsigned shared_suffix(const uint8_t *name, unsigned labels, const uint8_t *other,
    unsigned other_labels, const uint8_t **suffix, const uint8_t **other_suffix)
{
    for (; labels > other_labels; labels--)
        name += *name + 1;
    for (; other_labels > labels; other_labels--)
        other += *other + 1;
    const uint8_t *start = name, *other_start = other;
    unsigned shared = 0;
    for (; *name != 0; name += *name + 1, other += *other + 1) {
        bool same = *name == *other;
        for (unsigned i = 1; same && i <= *name; i++) {
            uint8_t a = name[i], b = other[i];
            same = a == b || ((a ^ b) == 0x20 && (uint8_t)((a | 0x20) - 'a') < 26);
        }
        if (same) {
            shared++;
            continue;
        }
        shared = 0;
        start = name + *name + 1;
        other_start = other + *other + 1;
    }
    *suffix = start;
    *other_suffix = other_start;
    return shared;
}

/* What a name can point to: the owner, and names that earlier records wrote out. */
struct targets {
    const uint8_t *owner;
    unsigned owner_labels;
    const uint8_t *names[LINK_RECORD - 1];
    uint8_t labels[LINK_RECORD - 1];
    uint8_t kept[LINK_RECORD - 1]; /* octets that the name writes itself */
    unsigned count;
};

#define COMPARED_MAX 16 /* earlier names tried: more would make large sets slow to build */

/* The best compression of NAME (RFC 1035 4.1.4): a suffix at least one label long. */
static void compress(struct targets *targets, const uint8_t *name, uint8_t *keep, uint8_t *from, uint8_t *at)
{
    unsigned labels = name_labels(name), best;
    const uint8_t *suffix, *other;
    *at = *from = 0;
    best = shared_suffix(name, labels, targets->owner, targets->owner_labels, &suffix, &other);
    if (best > 0) {
        /* A wildcard's own label is replaced by the query's: only what lies behind it may be pointed to. */
        if (best == targets->owner_labels && targets->owner[0] == 1 && targets->owner[1] == '*') {
            best--;
            suffix += *suffix + 1;
        }
        *from = (uint8_t)best;
    }
    const uint8_t *best_suffix = best > 0 ? suffix : name + name_len(name);
    unsigned first = targets->count > COMPARED_MAX ? targets->count - COMPARED_MAX : 0;
    for (unsigned i = first; i < targets->count && best < labels; i++) {
        unsigned shared = shared_suffix(name, labels, targets->names[i], targets->labels[i], &suffix, &other);
        size_t offset = (size_t)(other - targets->names[i]);
        if (shared <= best || offset >= targets->kept[i])
            continue;
        best = shared;
        best_suffix = suffix;
        *from = (uint8_t)(LINK_RECORD + i);
        *at = (uint8_t)offset;
    }
    *keep = (uint8_t)(best_suffix - name);
    if (targets->count < ARRAY_COUNT(targets->names)) {
        targets->names[targets->count] = name;
        targets->labels[targets->count] = (uint8_t)labels;
        targets->kept[targets->count++] = *keep;
    }
}

static void link_record(struct targets *targets, uint16_t type, const uint8_t *rdata, struct link *link)
{
    memset(link, 0, sizeof *link);
    const uint8_t *name = rdata + rrset_name_at(type);
    if (type == TYPE_SRV) { /* not compressed (RFC 2782, RFC 3597 4) */
        link->keep = (uint8_t)name_len(name);
        return;
    }
    if (type == TYPE_SOA)
        targets->count = 0; /* its second name may point only to its own first */
    compress(targets, name, &link->keep, &link->from, &link->at);
    if (type == TYPE_SOA)
        compress(targets, name + name_len(name), &link->second.keep, &link->second.from, &link->second.at);
}

static uint8_t *write_record(uint8_t *out, const struct tape_record *record, size_t link_len)
{
    memcpy(out, &record->rdata_len, 2);
    memcpy(out + 2 + link_len, record->rdata, record->rdata_len);
    return out + 2 + link_len + record->rdata_len;
}

static uint8_t *write_set(const struct gathered *gathered, const struct gathered_set *set,
    struct rrset *rrset, const uint8_t *owner, gather_link *linked, void *context)
{
    rrset->type = set->type;
    rrset->count = (uint16_t)set->count;
    rrset->ttl = set->ttl;
    rrset->data_len = (uint32_t)set->data_len;
    rrset->sig_len = (uint16_t)set->sig_len;
    rrset->sig_count = (uint16_t)set->sig_count;
    bool links = rrset_linked(set->type);
    struct targets targets;
    targets.count = 0;
    targets.owner = owner;
    targets.owner_labels = links ? name_labels(owner) : 0;
    uint8_t *out = rrset->data;
    for (uint32_t i = set->from; i < set->from + set->records; i++) {
        const struct gathered_record *record = &gathered->records[i];
        if (record->duplicate)
            continue;
        bool link_it = links && !record->signature;
        struct link *link = (struct link *)(void *)(out + 2);
        if (link_it)
            link_record(&targets, set->type, record->record->rdata, link);
        out = write_record(out, record->record, link_it ? sizeof *link : 0);
        if (link_it && set->type != TYPE_SOA && linked != NULL)
            linked(context, link, set->type, record->record->rdata + rrset_name_at(set->type), record);
    }
    return out;
}

/* What write_set tells of its links, without writing. */
static void tell_links(
    const struct gathered *gathered, const struct gathered_set *set, gather_link *linked, void *context)
{
    if (!rrset_linked(set->type) || set->type == TYPE_SOA)
        return;
    for (uint32_t i = set->from; i < set->from + set->records; i++) {
        const struct gathered_record *record = &gathered->records[i];
        if (!record->signature && !record->duplicate)
            linked(context, NULL, set->type, record->record->rdata + rrset_name_at(set->type), record);
    }
}

void gather_write(const struct gathered *gathered, struct node *node, const uint8_t *owner,
    gather_link *linked, void *context)
{
    node->rrset_count = 0;
    uint8_t *at = (uint8_t *)(uintptr_t)node_rrsets(node);
    for (uint32_t i = 0; i < gathered->set_count; i++) {
        if (gathered->skeleton && gathered->sets[i].type != TYPE_CNAME) {
            tell_links(gathered, &gathered->sets[i], linked, context);
            continue;
        }
        node->rrset_count++;
        uint8_t *end =
            write_set(gathered, &gathered->sets[i], (struct rrset *)(void *)at, owner, linked, context);
        size_t pad = (size_t)(-(intptr_t)(end - (uint8_t *)node) & 3);
        memset(end, 0, pad);
        at = end + pad;
    }
    memset(at, 0, (size_t)(-(intptr_t)(at - (uint8_t *)node) & 7));
}
