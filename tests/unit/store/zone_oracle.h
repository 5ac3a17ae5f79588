/* The naive zone: every question answered by walking plain lists, written without a look at the store. It
 * works from the records of a made zone (zone_make.h), and judges a snapshot of the same zone. */
#ifndef TESTS_UNIT_STORE_ZONE_ORACLE_H
#define TESTS_UNIT_STORE_ZONE_ORACLE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/store/zone_make.h"
#include "zone/store/find.h"
#include "zone/store/snapshot.h"

#define ORACLE_NODES_MAX (MADE_RECORDS_MAX * 4)

struct oracle_node {
    uint8_t name[NAME_MAX + 1]; /* relative, lower case, a root label behind */
    unsigned len, labels;
    uint16_t flags;
    const struct oracle_node *parent, *cut;
    bool nsec3, has_nsec, has_addresses;
};

struct oracle {
    const struct made_zone *zone;
    struct oracle_node nodes[ORACLE_NODES_MAX];
    unsigned count; /* in canonical order */
    struct oracle_node nsec3[MADE_RECORDS_MAX];
    unsigned nsec3_count;
};

/* ---- names ---- */

/* Canonical order of relative names (RFC 4034 6.1), label by label from the right. */
static inline int oracle_order(const void *a, const void *b)
{
    const struct oracle_node *x = a, *y = b;
    for (unsigned i = 1; i <= x->labels && i <= y->labels; i++) {
        const uint8_t *p = name_skip(x->name, x->labels - i), *q = name_skip(y->name, y->labels - i);
        int difference = memcmp(p + 1, q + 1, *p < *q ? *p : *q);
        if (difference == 0)
            difference = *p - *q;
        if (difference != 0)
            return difference;
    }
    return (int)x->labels - (int)y->labels;
}

static inline void oracle_set_name(struct oracle_node *node, const uint8_t *relative, unsigned len)
{
    memset(node, 0, sizeof *node);
    memcpy(node->name, relative, len);
    node->len = len;
    node->labels = name_labels(node->name);
}

static inline struct oracle_node *oracle_exact(struct oracle *oracle, const uint8_t *name, unsigned len)
{
    for (unsigned i = 0; i < oracle->count; i++) {
        if (oracle->nodes[i].len == len && memcmp(oracle->nodes[i].name, name, len) == 0)
            return &oracle->nodes[i];
    }
    return NULL;
}

static inline void oracle_add(struct oracle *oracle, const uint8_t *name, unsigned len)
{
    for (;; len -= *name + 1u, name += *name + 1u) { /* the name and all above it */
        if (oracle_exact(oracle, name, len) == NULL)
            oracle_set_name(&oracle->nodes[oracle->count++], name, len);
        if (len == 0)
            return;
    }
}

/* ---- records ---- */

static inline bool oracle_owns(
    const struct oracle *oracle, const struct oracle_node *node, const struct made_record *record)
{
    unsigned len = (unsigned)name_len(record->owner) - oracle->zone->apex_len;
    return len == node->len && memcmp(record->owner, node->name, len) == 0 &&
           made_in_nsec3_set(record) == node->nsec3;
}

/* The distinct records (or signatures) of one RRset in the order of the text. */
static inline unsigned oracle_records(const struct oracle *oracle, const struct oracle_node *node,
    uint16_t type, bool signatures, const struct made_record **out)
{
    unsigned count = 0;
    for (unsigned i = 0; i < oracle->zone->count; i++) {
        const struct made_record *record = &oracle->zone->records[i];
        bool again = false;
        if (!oracle_owns(oracle, node, record) || made_set_type(record) != type ||
            (record->type == TYPE_RRSIG) != signatures)
            continue;
        for (unsigned j = 0; j < count; j++)
            again |= made_same(record, out[j]);
        if (!again)
            out[count++] = record;
    }
    return count;
}

static inline bool oracle_has(const struct oracle *oracle, const struct oracle_node *node, uint16_t type)
{
    const struct made_record *records[MADE_RECORDS_MAX];
    return oracle_records(oracle, node, type, false, records) > 0;
}

/* ---- the tree ---- */

static inline bool oracle_hash_like(const struct oracle_node *node)
{
    for (unsigned i = 1; i <= node->name[0]; i++) {
        if (strchr("0123456789abcdefghijklmnopqrstuv", node->name[i]) == NULL)
            return false;
    }
    return node->labels == 1 && node->name[0] == 32;
}

static inline void oracle_stand(struct oracle *oracle, struct oracle_node *node)
{
    bool apex = node->len == 0;
    uint8_t wildcard[NAME_MAX + 3] = {1, '*'};
    memcpy(wildcard + 2, node->name, node->len);
    node->parent =
        apex ? node : oracle_exact(oracle, node->name + *node->name + 1, node->len - *node->name - 1u);
    node->flags =
        (uint16_t)((apex ? NODE_APEX : 0) |
                   (!apex && oracle_has(oracle, node, TYPE_NS) ? NODE_DELEGATION : 0) |
                   (oracle_has(oracle, node, TYPE_DNAME) ? NODE_DNAME : 0) |
                   (oracle_has(oracle, node, TYPE_CNAME) ? NODE_CNAME : 0) |
                   (oracle_exact(oracle, wildcard, node->len + 2) != NULL ? NODE_WILDCARD_CHILD : 0) |
                   (node->name[0] == 1 && node->name[1] == '*' ? NODE_WILDCARD : 0));
    for (unsigned i = node->labels; i > 0; i--) { /* the topmost is found last */
        const uint8_t *above = name_skip(node->name, node->labels - i + 1);
        struct oracle_node *cut = oracle_exact(oracle, above, (unsigned)(node->name + node->len - above));
        if (oracle_has(oracle, cut, TYPE_DNAME) || (cut->len > 0 && oracle_has(oracle, cut, TYPE_NS)))
            node->cut = cut;
    }
    node->flags |= node->cut != NULL ? NODE_HIDDEN : 0;
    node->has_nsec = oracle_has(oracle, node, TYPE_NSEC);
    node->has_addresses = oracle_has(oracle, node, TYPE_A) || oracle_has(oracle, node, TYPE_AAAA);
    node->flags |= node->has_addresses ? NODE_ADDRESSES : 0;
}

static inline void oracle_init(struct oracle *oracle, const struct made_zone *zone)
{
    struct oracle_node node;
    oracle->zone = zone;
    oracle->count = oracle->nsec3_count = 0;
    oracle_add(oracle, (const uint8_t *)"", 0);
    for (unsigned i = 0; i < zone->count; i++) {
        const struct made_record *record = &zone->records[i];
        unsigned len = (unsigned)name_len(record->owner) - zone->apex_len;
        oracle_set_name(&node, record->owner, len);
        node.nsec3 = made_in_nsec3_set(record);
        node.flags = NODE_NSEC3;
        if (!node.nsec3)
            oracle_add(oracle, record->owner, len);
        bool added = node.nsec3 && oracle_hash_like(&node) && oracle_has(oracle, &node, TYPE_NSEC3);
        for (unsigned j = 0; j < oracle->nsec3_count; j++)
            added = added && oracle_order(&oracle->nsec3[j], &node) != 0;
        if (added)
            oracle->nsec3[oracle->nsec3_count++] = node;
    }
    qsort(oracle->nodes, oracle->count, sizeof node, oracle_order);
    qsort(oracle->nsec3, oracle->nsec3_count, sizeof node, oracle_order);
    for (unsigned i = 0; i < oracle->count; i++)
        oracle_stand(oracle, &oracle->nodes[i]);
    for (unsigned i = 0; i < oracle->nsec3_count; i++)
        oracle->nsec3[i].parent = &oracle->nodes[0];
}

/* ---- judging a snapshot ---- */

static inline bool judge_is(const struct node *node, const struct oracle_node *expected)
{
    return node != NULL && node->name_len == expected->len &&
           memcmp(node->name, expected->name, expected->len) == 0;
}

/* Where the name of the linked record N goes on behind what it writes itself: the whole name, put together as
 * the encoder would. */
static inline void judge_link(const uint8_t *owner, const struct rrset *rrset, unsigned n,
    const uint8_t *name, unsigned keep, unsigned from, unsigned place, const uint8_t *first)
{
    uint8_t whole[2 * NAME_MAX];
    struct record other;
    const uint8_t *at = rrset->data;
    assert_true(keep <= name_len(name));
    memcpy(whole, name, keep);
    if (from == 0) {
        assert_int_equal(keep, name_len(name));
        return;
    }
    if (from < LINK_RECORD) {
        unsigned labels = name_labels(owner);
        assert_true(from <= labels);
        if (owner[0] == 1 && owner[1] == '*') /* the owner of an answer is another there */
            assert_true(from < labels);
        memcpy(whole + keep, name_skip(owner, labels - from), name_len(name_skip(owner, labels - from)));
    } else if (first != NULL) {
        assert_int_equal(from, LINK_RECORD);
        memcpy(whole + keep, first + place, name_len(first + place));
    } else {
        assert_true(from - LINK_RECORD < n);
        for (unsigned i = 0; i <= from - LINK_RECORD; i++)
            at = record_read(at, true, &other);
        assert_true(place < other.link->keep); /* an octet that is really in the message */
        const uint8_t *suffix = other.rdata + rrset_name_at(rrset->type) + place;
        memcpy(whole + keep, suffix, name_len(suffix));
    }
    assert_true(name_equal(whole, name));
}

/* The node with addresses that a record points to. */
static inline void judge_target(
    struct oracle *oracle, const struct snapshot *snapshot, uint16_t type, const struct record *record)
{
    const struct made_zone *zone = oracle->zone;
    uint8_t name[NAME_MAX + 1];
    size_t len = name_lower(name, record->rdata + rrset_name_at(type));
    const struct oracle_node *expected = NULL;
    if (type != TYPE_CNAME && type != TYPE_PTR && name_under(name, zone->apex))
        expected = oracle_exact(oracle, name, (unsigned)len - zone->apex_len);
    if (expected != NULL && !expected->has_addresses)
        expected = NULL;
    const struct node *target = find_target(snapshot, type, record);
    if (expected == NULL)
        assert_null(target);
    else
        assert_true(judge_is(target, expected));
}

static inline bool judge_record(const struct record *record, const struct made_record *made)
{
    return record->rdata_len == made->rdata_len && memcmp(record->rdata, made->rdata, made->rdata_len) == 0;
}

/* COUNT records at AT against those expected: in their order, or in any. */
static inline const uint8_t *judge_records(const uint8_t *at, bool linked, unsigned count,
    const struct made_record **expected, unsigned expected_count, bool ordered)
{
    struct record record;
    bool taken[MADE_RECORDS_MAX] = {false};
    assert_int_equal(count, expected_count);
    for (unsigned i = 0; i < count; i++) {
        at = record_read(at, linked, &record);
        unsigned j = ordered ? i : 0;
        while (!ordered && j < count && (taken[j] || !judge_record(&record, expected[j])))
            j++;
        assert_true(j < count);
        assert_true(judge_record(&record, expected[j]));
        taken[j] = true;
    }
    return at;
}

static inline void judge_links(
    struct oracle *oracle, const struct snapshot *snapshot, const uint8_t *owner, const struct rrset *rrset)
{
    const uint8_t *at = rrset->data;
    struct record record;
    for (unsigned i = 0; i < rrset->count; i++) {
        at = record_read(at, true, &record);
        const struct link *link = record.link;
        const uint8_t *name = record.rdata + rrset_name_at(rrset->type);
        judge_link(owner, rrset, i, name, link->keep, link->from, link->at, NULL);
        if (rrset->type != TYPE_SOA) {
            judge_target(oracle, snapshot, rrset->type, &record);
            continue;
        }
        judge_link(owner, rrset, i, name + name_len(name), link->second.keep, link->second.from,
            link->second.at, name);
    }
}

static inline void judge_rrset(struct oracle *oracle, const struct snapshot *snapshot,
    const struct oracle_node *node, const struct rrset *rrset, bool ordered)
{
    const struct made_record *data[MADE_RECORDS_MAX], *signatures[MADE_RECORDS_MAX];
    uint8_t owner[NAME_MAX + 1];
    unsigned count = oracle_records(oracle, node, rrset->type, false, data);
    unsigned sig_count = oracle_records(oracle, node, rrset->type, true, signatures);
    bool linked = rrset_linked(rrset->type);
    assert_true(count + sig_count > 0);
    assert_int_equal(rrset->ttl, count > 0 ? data[0]->ttl : signatures[0]->ttl);
    const uint8_t *at = judge_records(rrset->data, linked, rrset->count, data, count, ordered);
    assert_ptr_equal(at, rrset_signatures(rrset));
    at = judge_records(at, false, rrset->sig_count, signatures, sig_count, ordered);
    assert_ptr_equal(at, rrset_signatures(rrset) + rrset->sig_len);
    memcpy(owner, node->name, node->len);
    memcpy(owner + node->len, oracle->zone->apex, oracle->zone->apex_len);
    if (linked)
        judge_links(oracle, snapshot, owner, rrset);
}

static inline unsigned oracle_types(const struct oracle *oracle, const struct oracle_node *node)
{
    static bool seen[65536];
    unsigned types = 0;
    for (unsigned pass = 0; pass < 2; pass++) {
        for (unsigned i = 0; i < oracle->zone->count; i++) {
            const struct made_record *record = &oracle->zone->records[i];
            if (!oracle_owns(oracle, node, record))
                continue;
            types += pass == 0 && !seen[made_set_type(record)];
            seen[made_set_type(record)] = pass == 0;
        }
    }
    return types;
}

static inline void judge_node(struct oracle *oracle, const struct snapshot *snapshot, const struct node *node,
    const struct oracle_node *expected, bool ordered)
{
    assert_true(judge_is(node, expected));
    assert_int_equal(node->labels, expected->labels);
    assert_int_equal(node->flags, expected->flags);
    assert_true(judge_is(snapshot_node(snapshot, node->parent), expected->parent));
    if (expected->cut == NULL)
        assert_int_equal(node->cut, 0);
    else
        assert_true(judge_is(snapshot_node(snapshot, node->cut), expected->cut));
    assert_int_equal(node->rrset_count, oracle_types(oracle, expected));
    const struct rrset *rrset = node_rrsets(node);
    for (unsigned i = 0, last = 0; i < node->rrset_count; i++, rrset = rrset_next(rrset)) {
        assert_true(i == 0 || rrset->type > last);
        last = rrset->type;
        judge_rrset(oracle, snapshot, expected, rrset, ordered);
        assert_ptr_equal(node_rrset(node, rrset->type), rrset);
    }
}

static inline void judge_walk(struct oracle *oracle, const struct snapshot *snapshot, bool ordered)
{
    struct snapshot_walk walk;
    snapshot_walk_start(&walk, snapshot);
    for (unsigned i = 0; i < oracle->count; i++)
        judge_node(oracle, snapshot, snapshot_walk_next(&walk), &oracle->nodes[i], ordered);
    for (unsigned i = 0; i < oracle->nsec3_count; i++)
        judge_node(oracle, snapshot, snapshot_walk_next(&walk), &oracle->nsec3[i], ordered);
    assert_null(snapshot_walk_next(&walk));
    assert_true(judge_is(snapshot->apex, &oracle->nodes[0]));
}

/* A name is looked up: the node or its closest encloser (RFC 4592 3.3.1), the wildcard beside it, the NSEC
 * that matches or covers it. */
static inline void judge_find(struct oracle *oracle, const struct snapshot *snapshot, const uint8_t *name)
{
    struct question question;
    struct find find;
    struct oracle_node sought;
    unsigned len = (unsigned)name_len(name) - oracle->zone->apex_len;
    question_set(&question, name, TYPE_A, 1);
    find_name(&find, snapshot, &question);
    oracle_set_name(&sought, question.lower, len);
    const struct oracle_node *encloser = NULL, *nsec = NULL;
    for (unsigned up = 0; encloser == NULL; up++) {
        const uint8_t *above = name_skip(sought.name, up);
        encloser = oracle_exact(oracle, above, (unsigned)(sought.name + len - above));
    }
    assert_true(judge_is(find.node, encloser));
    assert_int_equal(find.exact, encloser->len == len);
    assert_int_equal(find.node->flags, encloser->flags);
    const struct node *node = find_relative(snapshot, sought.name, len);
    assert_ptr_equal(node, find.exact ? find.node : NULL);
    uint8_t below[NAME_MAX + 3] = {1, '*'};
    memcpy(below + 2, encloser->name, encloser->len);
    const struct oracle_node *wildcard = oracle_exact(oracle, below, encloser->len + 2);
    node = find_wildcard(snapshot, find.node);
    assert_true(wildcard != NULL ? judge_is(node, wildcard) : node == NULL);
    assert_ptr_equal(find_source(&find), node);
    for (unsigned i = 0; i < oracle->count; i++) {
        if (oracle->nodes[0].has_nsec && oracle->nodes[i].has_nsec &&
            oracle_order(&oracle->nodes[i], &sought) <= 0)
            nsec = &oracle->nodes[i];
    }
    node = find_nsec(snapshot, sought.name, len);
    assert_true(nsec != NULL ? judge_is(node, nsec) : node == NULL);
}

/* RFC 5155 7.2: the node with the hash, or the last before it on the ring. */
static inline void judge_nsec3(struct oracle *oracle, const struct snapshot *snapshot, const uint8_t hash[20])
{
    struct oracle_node sought = {.name = {32}, .len = 33, .labels = 1};
    bool exact = true, expected_exact = false;
    base32hex_encode((char *)sought.name + 1, hash, 20);
    for (unsigned i = 1; i <= 32; i++)
        sought.name[i] = (uint8_t)tolower(sought.name[i]);
    const struct oracle_node *expected =
        oracle->nsec3_count > 0 ? &oracle->nsec3[oracle->nsec3_count - 1] : NULL;
    for (unsigned i = 0; i < oracle->nsec3_count; i++) {
        int order = oracle_order(&oracle->nsec3[i], &sought);
        expected = order <= 0 ? &oracle->nsec3[i] : expected;
        expected_exact |= order == 0;
    }
    const struct node *node = find_nsec3(snapshot, hash, &exact);
    assert_true(expected != NULL ? judge_is(node, expected) : node == NULL);
    assert_int_equal(exact, expected_exact);
}

/* Names that are there, names near them, hashes likewise. */
static inline void judge_lookups(
    struct oracle *oracle, struct made_zone *random, const struct snapshot *snapshot)
{
    uint8_t name[NAME_MAX + 1], hash[20];
    for (unsigned i = 0; i < oracle->count + 20; i++) {
        if (i < oracle->count) {
            memcpy(name, oracle->nodes[i].name, oracle->nodes[i].len);
            memcpy(name + oracle->nodes[i].len, oracle->zone->apex, oracle->zone->apex_len);
        } else {
            made_name(random, name);
        }
        judge_find(oracle, snapshot, name);
        if (made_prepend(random, name))
            judge_find(oracle, snapshot, name);
    }
    for (unsigned i = 0; i < oracle->nsec3_count + 4; i++) {
        size_t len = 20;
        for (unsigned j = 0; j < 20; j++)
            hash[j] = (uint8_t)made_any(random, 256);
        if (i < oracle->nsec3_count)
            assert_int_equal(base32hex_decode(hash, (const char *)oracle->nsec3[i].name + 1, 32, &len), 32);
        if (i > oracle->nsec3_count)
            memset(hash, i == oracle->nsec3_count + 1 ? 0 : 255, 20);
        judge_nsec3(oracle, snapshot, hash);
        hash[19] = (uint8_t)(hash[19] + (made_one_in(random, 2) ? 1 : -1));
        judge_nsec3(oracle, snapshot, hash);
    }
}

#endif
