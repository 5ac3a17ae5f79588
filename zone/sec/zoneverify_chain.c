/* NSEC and NSEC3: every name that must have one has it, it tells the types that are there, and leads to the
 * next. */
#include <stdlib.h>
#include <string.h>

#include "zone/base/codec.h"
#include "zone/sec/zoneverify_run.h"
#include "zone/store/find.h"
#include "zone/wire/type.h"

/* The bitmap that the records of a name ask for; memory of the part's scratch. */
static size_t expected_types(struct verify_part *part, const struct place *place, bool nsec, uint8_t **out)
{
    const struct rrset *rrset = node_rrsets(place->node);
    uint16_t *types = arena_alloc(&part->scratch, (place->node->rrset_count + 4u) * sizeof *types, 2);
    bool is_signed = nsec;
    size_t count = 0;
    *out = arena_alloc(&part->scratch, TYPE_BITMAP_MAX, 1);
    if (types == NULL || *out == NULL)
        return 0;
    for (unsigned i = 0; i < place->node->rrset_count; i++, rrset = rrset_next(rrset)) {
        if (rrset->count == 0 || type_is_made(rrset->type))
            continue;
        is_signed |= place_signs(place->kind, rrset->type);
        if ((place->kind & PLACE_CUT) == 0 || rrset->type == TYPE_NS || rrset->type == TYPE_DS)
            types[count++] = rrset->type;
    }
    return type_bitmap_finish(types, count, is_signed, nsec, *out);
}

static bool has_type(const uint8_t *bitmap, size_t len, uint16_t type)
{
    for (size_t at = 0; at + 2 <= len; at += 2u + bitmap[at + 1]) {
        unsigned low = type & 0xff;
        if (bitmap[at] == type >> 8)
            return low / 8 < bitmap[at + 1] && (bitmap[at + 2 + low / 8] & 0x80 >> low % 8) != 0;
    }
    return false;
}

static void tell_types(struct verify_part *part, const uint8_t *owner, uint16_t chain, const uint8_t *found,
    size_t found_len, const uint8_t *expected, size_t expected_len)
{
    for (unsigned type = 1; type < 65536; type++) {
        bool there = has_type(found, found_len, (uint16_t)type);
        char mnemonic[16];
        if (there == has_type(expected, expected_len, (uint16_t)type))
            continue;
        mnemonic[type_print((uint16_t)type, mnemonic)] = '\0';
        verify_tell(part, SEVERITY_ERROR, chain == TYPE_NSEC ? "nsec-types" : "nsec3-types", owner, chain,
            there ? "says that there is a %s, and there is none" : "denies %s, and there is one", mnemonic);
        return;
    }
    verify_tell(part, SEVERITY_ERROR, chain == TYPE_NSEC ? "nsec-types" : "nsec3-types", owner, chain,
        "its list of types is not in the form of RFC 4034 4.1.2");
}

void verify_nsec(
    struct verify_part *part, const struct place *place, const uint8_t *owner, const struct node *next)
{
    const struct rrset *nsec = node_rrset(place->node, TYPE_NSEC);
    struct record record;
    uint8_t target[NAME_MAX + 1], *expected;
    bool there = nsec != NULL && nsec->count > 0;
    if (!place_has_nsec(place->kind)) {
        if (there)
            verify_tell(part, SEVERITY_ERROR, "nsec-needless", owner, TYPE_NSEC,
                "this name must have no NSEC: it is empty, or below a delegation");
        return;
    }
    if (!there || nsec->count > 1) {
        verify_tell(part, SEVERITY_ERROR, "nsec-missing", owner, 0,
            there ? "has more than one NSEC record"
                  : "has no NSEC record: absent names and types cannot be denied here");
        return;
    }
    record_read(nsec->data, false, &record);
    size_t len = name_check(record.rdata, record.rdata_len);
    (void)snapshot_owner(part->verifying->snapshot, next, target);
    if (len == 0 || !name_equal(record.rdata, target)) {
        char text[NAME_TEXT_MAX];
        name_print(target, text);
        verify_tell(
            part, SEVERITY_ERROR, "nsec-next", owner, TYPE_NSEC, "does not point to the next name, %s", text);
        return;
    }
    arena_reset(&part->scratch);
    size_t expected_len = expected_types(part, place, true, &expected);
    if (expected_len != record.rdata_len - len || memcmp(expected, record.rdata + len, expected_len) != 0)
        tell_types(
            part, owner, TYPE_NSEC, record.rdata + len, record.rdata_len - len, expected, expected_len);
}

/* ---- NSEC3 ---- */

/* An NSEC3 record taken apart (RFC 5155 3.2); false when it is none that counts here. */
struct nsec3_fields {
    uint8_t flags;
    const uint8_t *next, *types;
    size_t types_len;
};

static bool read_nsec3(const struct snapshot *snapshot, const struct node *node, struct nsec3_fields *out)
{
    const struct image_header *header = snapshot->image->header;
    const struct rrset *rrset = node_rrset(node, TYPE_NSEC3);
    const uint8_t *at = rrset != NULL ? rrset->data : NULL;
    for (unsigned i = 0; rrset != NULL && i < rrset->count; i++) {
        struct record record;
        at = record_read(at, false, &record);
        const uint8_t *rdata = record.rdata;
        size_t salt = rdata[4];
        if (record.rdata_len < 6 + salt + 20 || rdata[0] != 1 || salt != header->nsec3_salt_len ||
            memcmp(rdata + 5, header->nsec3_salt, salt) != 0 ||
            ((unsigned)rdata[2] << 8 | rdata[3]) != header->nsec3_iterations || rdata[5 + salt] != 20)
            continue;
        *out = (struct nsec3_fields){.flags = rdata[1],
            .next = rdata + 6 + salt,
            .types = rdata + 26 + salt,
            .types_len = record.rdata_len - 26 - salt};
        return true;
    }
    return false;
}

static int by_hash(const void *a, const void *b)
{
    return memcmp(((const struct nsec3_member *)a)->hash, ((const struct nsec3_member *)b)->hash, 20);
}

enum err verify_gather_nsec3(struct verifying *verifying)
{
    struct snapshot_walk walk;
    const struct node *node;
    uint32_t room = 0;
    snapshot_walk_start(&walk, verifying->snapshot);
    while ((node = snapshot_walk_next(&walk)) != NULL) {
        struct nsec3_fields fields;
        size_t len;
        if ((node->flags & NODE_NSEC3) == 0 || !read_nsec3(verifying->snapshot, node, &fields))
            continue;
        if (verifying->member_count == room) {
            room = room * 2 + 256;
            struct nsec3_member *members = realloc(verifying->members, room * sizeof *members);
            if (members == NULL)
                return ERR_MEMORY;
            verifying->members = members;
        }
        struct nsec3_member *member = &verifying->members[verifying->member_count];
        *member = (struct nsec3_member){.node = node};
        if (node->name[0] == 32 &&
            base32hex_decode(member->hash, (const char *)node->name + 1, 32, &len) == 32 && len == 20)
            verifying->member_count++;
    }
    if (verifying->member_count > 0)
        qsort(verifying->members, verifying->member_count, sizeof *verifying->members, by_hash);
    return ERR_OK;
}

/* The member of that hash, or the one before it, whose span covers it; the first one's is the last. */
static struct nsec3_member *find_member(
    const struct verifying *verifying, const uint8_t hash[20], bool *exact)
{
    uint32_t low = 0, high = verifying->member_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = memcmp(verifying->members[middle].hash, hash, 20);
        if (order == 0) {
            *exact = true;
            return &verifying->members[middle];
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *exact = false;
    return &verifying->members[low > 0 ? low - 1 : verifying->member_count - 1];
}

void verify_nsec3(struct verify_part *part, const struct place *place, const uint8_t *owner)
{
    const struct verifying *verifying = part->verifying;
    struct nsec3_fields fields;
    uint8_t hash[20], *expected;
    bool exact;
    if (!place_has_nsec3(place->kind, false))
        return;
    if (verifying->member_count == 0) {
        verify_tell(part, SEVERITY_ERROR, "nsec3-missing", owner, 0, "has no NSEC3 record: there are none");
        return;
    }
    nsec3_hash(verifying->snapshot, owner, name_len(owner), hash);
    struct nsec3_member *member = find_member(verifying, hash, &exact);
    if (!read_nsec3(verifying->snapshot, member->node, &fields))
        return;
    if (!exact) {
        bool may = !place_has_nsec3(place->kind, true) && (fields.flags & 1) != 0;
        if (!may)
            verify_tell(part, SEVERITY_ERROR, "nsec3-missing", owner, 0,
                "has no NSEC3 record: absent names and types cannot be denied here");
        return;
    }
    __atomic_store_n(&member->named, true, __ATOMIC_RELAXED);
    arena_reset(&part->scratch);
    size_t expected_len = 0;
    expected = NULL;
    if ((place->kind & PLACE_CONTENT) != 0)
        expected_len = expected_types(part, place, false, &expected);
    if (expected_len != fields.types_len ||
        (expected_len > 0 && memcmp(expected, fields.types, expected_len) != 0))
        tell_types(part, owner, TYPE_NSEC3, fields.types, fields.types_len, expected, expected_len);
}

void verify_member(struct verify_part *part, uint32_t i)
{
    const struct verifying *verifying = part->verifying;
    const struct nsec3_member *member = &verifying->members[i];
    const struct nsec3_member *next = &verifying->members[(i + 1) % verifying->member_count];
    struct nsec3_fields fields;
    uint8_t owner[NAME_MAX + 1];
    (void)snapshot_owner(verifying->snapshot, member->node, owner);
    verify_set(part, owner, node_rrset(member->node, TYPE_NSEC3));
    if (!read_nsec3(verifying->snapshot, member->node, &fields))
        return;
    if (memcmp(fields.next, next->hash, 20) != 0)
        verify_tell(part, SEVERITY_ERROR, "nsec3-next", owner, TYPE_NSEC3, "does not point to the next hash");
    if (!member->named)
        verify_tell(
            part, SEVERITY_ERROR, "nsec3-needless", owner, TYPE_NSEC3, "no name of the zone has this hash");
}
