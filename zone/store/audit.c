/* image_audit: the whole structure walked, every offset checked; and the digest of a zone's content. */
#include <sodium.h>
#include <string.h>

#include "zone/store/image.h"
#include "zone/store/index.h"
#include "zone/store/snapshot.h"
#include "zone/wire/rdata.h"
#include "zone/wire/type.h"

static bool node_place_ok(const struct image *image, uint32_t ref)
{
    return (uint64_t)ref * 8 >= image->header->header_len &&
           (uint64_t)ref * 8 + sizeof(struct node) <= image->header->order_at;
}

/* REF is a node of the names, not just a place where one could be. */
static bool is_node(const struct image *image, uint32_t ref)
{
    if (!node_place_ok(image, ref))
        return false;
    uint32_t number = image_node(image, ref)->number;
    return number < image->header->node_count && image->order[number] == ref;
}

/* Where the links of one RRset may lead. */
struct auditing {
    const struct image *image;
    const struct rrset *rrset;
    const uint8_t *owner; /* whole wire name */
    unsigned suffix_max;  /* labels of the owner that may be pointed to: not the "*" of a wildcard, which is
                             another label in each answer (RFC 4592 2.1.1) */
};

/* The name at octet AT of NAME, when that is a label's beginning among the first KEEP octets. */
static const uint8_t *kept_name(const uint8_t *name, unsigned keep, unsigned at)
{
    unsigned place = 0;
    while (place < at && name[place] != 0)
        place += name[place] + 1u;
    return place == at && at < keep && name[place] != 0 ? name + at : NULL;
}

/* The name that a link to an earlier record leads to, or NULL. Records up to INDEX have been checked. */
static const uint8_t *earlier_name(
    const struct auditing *auditing, unsigned number, unsigned at, unsigned index)
{
    const uint8_t *next = auditing->rrset->data;
    struct record record;
    if (number >= index)
        return NULL;
    for (unsigned i = 0; i <= number; i++)
        next = record_read(next, true, &record);
    return kept_name(record.rdata + rrset_name_at(auditing->rrset->type), record.link->keep, at);
}

/* Whether KEEP octets of NAME and then what stands at TARGET (NULL: nothing) are NAME. */
static bool link_makes(const uint8_t *name, unsigned keep, const uint8_t *target)
{
    if (target == NULL)
        return false;
    unsigned place = 0;
    while (place < keep && name[place] != 0)
        place += name[place] + 1u;
    return place == keep && name_equal(name + place, target);
}

static bool link_fits(
    const struct auditing *auditing, const uint8_t *name, const struct link *link, unsigned index)
{
    if (link->from == 0)
        return link->keep == name_len(name);
    if (link->from >= LINK_RECORD)
        return link_makes(
            name, link->keep, earlier_name(auditing, link->from - LINK_RECORD, link->at, index));
    if (link->from > auditing->suffix_max)
        return false;
    return link_makes(
        name, link->keep, name_skip(auditing->owner, name_labels(auditing->owner) - link->from));
}

/* The second name of an SOA: its 128 means the first. */
static bool second_fits(const struct auditing *auditing, const uint8_t *first, const struct link *link)
{
    struct link second = {.keep = link->second.keep, .from = link->second.from, .at = link->second.at};
    const uint8_t *name = first + name_len(first);
    if (second.from == LINK_RECORD)
        return link_makes(name, second.keep, kept_name(first, link->keep, second.at));
    return second.from < LINK_RECORD && link_fits(auditing, name, &second, 0);
}

/* The names themselves have passed rdata_check. */
static const char *audit_link(const struct auditing *auditing, const struct record *record, unsigned index)
{
    const struct link *link = record->link;
    uint16_t type = auditing->rrset->type;
    const uint8_t *name = record->rdata + rrset_name_at(type);
    if (!link_fits(auditing, name, link, index))
        return "a link does not make its name";
    if (type == TYPE_SOA)
        return second_fits(auditing, name, link) ? NULL : "a link does not make the second name of the SOA";
    uint32_t target = link_target(link);
    return target != 0 && !is_node(auditing->image, target) ? "a link's target lies outside" : NULL;
}

static const char *audit_rrset(const struct auditing *auditing)
{
    const struct rrset *rrset = auditing->rrset;
    const uint8_t *at = rrset->data, *end = at + rrset->data_len;
    bool linked = rrset_linked(rrset->type);
    size_t head = 2 + (linked ? sizeof(struct link) : 0);
    struct record record;
    const char *why = NULL;
    for (unsigned i = 0; i < rrset->count && why == NULL; i++) {
        if ((size_t)(end - at) < head)
            return "a record runs over its RRset";
        const uint8_t *next = record_read(at, linked, &record);
        if (next > end)
            return "a record runs over its RRset";
        if (rdata_check(rrset->type, record.rdata, record.rdata_len, &why) == ERR_OK)
            why = linked ? audit_link(auditing, &record, i) : NULL;
        at = next;
    }
    if (why == NULL && at != end)
        why = "an RRset's records do not fill it";
    end = at + rrset->sig_len;
    for (unsigned i = 0; i < rrset->sig_count && why == NULL; i++) {
        if (end - at < 2)
            return "a signature runs over its RRset";
        at = record_read(at, false, &record);
        if (at > end)
            return "a signature runs over its RRset";
        if (rdata_check(TYPE_RRSIG, record.rdata, record.rdata_len, &why) != ERR_OK)
            return why;
    }
    return why == NULL && at != end ? "an RRset's signatures do not fill it" : why;
}

static const char *audit_name(const struct node *node)
{
    unsigned at = 0, labels = 0;
    for (; at < node->name_len; labels++) {
        if (node->name[at] == 0 || node->name[at] > NAME_LABEL_MAX)
            return "a node's name is malformed";
        at += node->name[at] + 1u;
    }
    return at == node->name_len && labels == node->labels ? NULL : "a node's name does not fit its lengths";
}

static const char *audit_node(const struct image *image, uint32_t ref, uint32_t number)
{
    if (!node_place_ok(image, ref))
        return "a node lies outside";
    const struct node *node = image_node(image, ref);
    const uint8_t *limit = image->base + image->header->order_at;
    if (node->name + node->name_len > limit || node->name_len + image->header->apex_len > NAME_MAX)
        return "a node's name is too long";
    if (node->number != number || !is_node(image, node->parent) ||
        (node->cut != 0 && !is_node(image, node->cut)))
        return "a node refers outside";
    const char *why = audit_name(node);
    if (why != NULL)
        return why;
    uint8_t owner[NAME_MAX + 1];
    memcpy(owner, node->name, node->name_len);
    memcpy(owner + node->name_len, image->header->apex_name, image->header->apex_len);
    unsigned labels = node->labels + image->header->apex_labels;
    bool wildcard = node->name_len > 1 && node->name[0] == 1 && node->name[1] == '*';
    const uint8_t *at = (const uint8_t *)node_rrsets(node);
    int last = -1;
    for (unsigned i = 0; i < node->rrset_count && why == NULL; i++) {
        const struct rrset *rrset = (const struct rrset *)(const void *)at;
        if (at + sizeof *rrset > limit || rrset_size(rrset) > (size_t)(limit - at))
            return "an RRset lies outside";
        if (rrset->type <= last)
            return "a node's RRsets are not in order";
        last = rrset->type;
        const struct auditing auditing = {
            .image = image, .rrset = rrset, .owner = owner, .suffix_max = wildcard ? labels - 1 : labels};
        why = audit_rrset(&auditing);
        at += rrset_size(rrset);
    }
    return why;
}

static const char *audit_index(const struct image *image)
{
    uint32_t found = 0;
    for (uint32_t b = 0; b < image->header->bucket_count; b++) {
        for (unsigned i = 0; i < BUCKET_ENTRIES; i++) {
            uint32_t ref = image->index[b].ref[i];
            if (ref != 0 && !node_place_ok(image, ref))
                return "the index refers outside";
            found += ref != 0;
        }
    }
    return found == image->header->node_count ? NULL : "the index does not hold every node";
}

static bool has_records(const struct node *node, uint16_t type)
{
    const struct rrset *rrset = node_rrset(node, type);
    return rrset != NULL && rrset->count > 0;
}

/* What the answer engine takes for granted where a flag is set. */
static const char *audit_flags(const struct image *image, const struct node *node)
{
    bool apex = node->number == 0, hidden = node->cut != 0;
    const struct node *cut = image_node(image, node->cut);
    unsigned expected =
        (apex ? NODE_APEX : 0u) | (hidden ? NODE_HIDDEN : 0u) |
        (has_records(node, TYPE_NS) && !apex ? NODE_DELEGATION : 0u) |
        (has_records(node, TYPE_DNAME) ? NODE_DNAME : 0u) |
        (has_records(node, TYPE_CNAME) ? NODE_CNAME : 0u) |
        (has_records(node, TYPE_A) || has_records(node, TYPE_AAAA) ? NODE_ADDRESSES : 0u) |
        (node->name_len > 1 && node->name[0] == 1 && node->name[1] == '*' ? NODE_WILDCARD : 0u);
    if ((node->flags & ~(unsigned)NODE_WILDCARD_CHILD) != expected)
        return "a node's flags do not fit its content";
    if (hidden && (cut->number >= node->number || (cut->flags & (NODE_DELEGATION | NODE_DNAME)) == 0))
        return "a node lies below a cut that is none";
    return node->labels > image->header->max_labels ? "a node is deeper than the header says" : NULL;
}

static bool below(const struct node *node, const struct node *parent)
{
    return parent->labels + 1 == node->labels && parent->number < node->number &&
           parent->name_len + 1u + node->name[0] == node->name_len &&
           memcmp(node->name + 1 + node->name[0], parent->name, parent->name_len) == 0;
}

static const char *audit_nsec3(const struct image *image)
{
    const struct image_header *header = image->header;
    const struct node *last = NULL;
    for (uint32_t i = 0; i < header->nsec3_count; i++) {
        const struct node *node = image_node(image, image->nsec3_order[i]);
        if (node->flags != NODE_NSEC3 || node->labels != 1 || node->name[0] != 32 ||
            !has_records(node, TYPE_NSEC3))
            return "an NSEC3 node is none";
        if (last != NULL && memcmp(last->name, node->name, node->name_len) >= 0)
            return "the NSEC3 nodes are not in order";
        last = node;
    }
    return NULL;
}

static const char *audit_chain(const struct image *image)
{
    const struct image_header *header = image->header;
    for (uint32_t i = 0; i < header->node_count; i++) {
        const struct node *node = image_node(image, image->order[i]);
        const struct node *parent = image_node(image, node->parent);
        if (i == 0 ? node->labels != 0 : node->labels == 0 || !below(node, parent))
            return "a node's parent is not its ancestor";
        const char *why = audit_flags(image, node);
        if (why != NULL)
            return why;
        if (index_find(image, index_hash(header->seed, node->name, node->name_len), node->name,
                node->name_len) != image->order[i])
            return "the index does not find a node";
    }
    return NULL;
}

static const char *audit_apex(const struct image_header *header)
{
    uint8_t lower[NAME_MAX];
    if (name_check(header->apex_name, header->apex_len) != header->apex_len ||
        name_labels(header->apex_name) != header->apex_labels)
        return "the header's apex is no name";
    name_lower(lower, header->apex_name);
    return memcmp(lower, header->apex_name, header->apex_len) == 0 ? NULL : "the apex is not in lower case";
}

enum err image_audit(const struct image *image, const char **why)
{
    const struct image_header *header = image->header;
    const char *reason = audit_apex(header);
    for (uint32_t i = 0; i < header->node_count && reason == NULL; i++)
        reason = audit_node(image, image->order[i], i);
    for (uint32_t i = 0; i < header->nsec3_count && reason == NULL; i++)
        reason = audit_node(image, image->nsec3_order[i], i);
    if (reason == NULL)
        reason = audit_index(image);
    if (reason == NULL)
        reason = audit_chain(image);
    if (reason == NULL)
        reason = audit_nsec3(image);
    if (reason == NULL &&
        (header->apex != image->order[0] || node_rrset(image_node(image, header->apex), TYPE_SOA) == NULL))
        reason = "the apex is not the first node, or has no SOA";
    *why = reason;
    return reason == NULL ? ERR_OK : ERR_DAMAGED;
}

static void digest_rrset(crypto_generichash_state *state, const struct rrset *rrset)
{
    /* Records in any order give one digest: each is hashed alone and the hashes are added. */
    uint64_t sum[4] = {0}, one[4];
    struct record record;
    const uint8_t *at = rrset->data;
    for (unsigned i = 0; i < rrset->count + rrset->sig_count; i++) {
        bool signature = i >= rrset->count;
        at = record_read(at, !signature && rrset_linked(rrset->type), &record);
        uint8_t key[16] = {signature};
        crypto_generichash((unsigned char *)one, sizeof one, record.rdata, record.rdata_len, key, sizeof key);
        for (unsigned w = 0; w < 4; w++)
            sum[w] += one[w];
    }
    uint32_t head[4] = {rrset->type, rrset->ttl, rrset->count, rrset->sig_count};
    crypto_generichash_update(state, (const unsigned char *)head, sizeof head);
    crypto_generichash_update(state, (const unsigned char *)sum, sizeof sum);
}

void image_content_digest(const struct image *image, uint8_t digest[32])
{
    crypto_generichash_state state;
    crypto_generichash_init(&state, NULL, 0, 32);
    crypto_generichash_update(&state, image->header->apex_name, image->header->apex_len);
    uint32_t names = image->header->node_count;
    for (uint32_t i = 0; i < names + image->header->nsec3_count; i++) {
        const struct node *node =
            image_node(image, i < names ? image->order[i] : image->nsec3_order[i - names]);
        if (node->rrset_count == 0)
            continue;
        crypto_generichash_update(&state, &node->name_len, 1);
        crypto_generichash_update(&state, node->name, node->name_len);
        const struct rrset *rrset = node_rrsets(node);
        for (unsigned r = 0; r < node->rrset_count; r++, rrset = rrset_next(rrset))
            digest_rrset(&state, rrset);
    }
    crypto_generichash_final(&state, digest, 32);
}
