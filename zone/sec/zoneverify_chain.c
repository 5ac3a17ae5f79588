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

/* OWNER is that of the NSEC or NSEC3 record. NAME is the name an NSEC3 record stands for, or "". */
static void tell_types(struct verify_part *part, const uint8_t *owner, uint16_t chain, const char *name,
    const uint8_t *found, size_t found_len, const uint8_t *expected, size_t expected_len)
{
    const char *rule = chain == TYPE_NSEC ? "nsec-types" : "nsec3-types", *of = *name != '\0' ? " of " : "";
    for (unsigned type = 1; type < 65536; type++) {
        bool there = has_type(found, found_len, (uint16_t)type);
        char mnemonic[16];
        if (there == has_type(expected, expected_len, (uint16_t)type))
            continue;
        mnemonic[type_print((uint16_t)type, mnemonic)] = '\0';
        verify_tell(part, SEVERITY_ERROR, rule, owner, chain,
            there ? "says that there is a %s%s%s, and there is none" : "denies %s%s%s, and there is one",
            mnemonic, of, name);
        return;
    }
    verify_tell(part, SEVERITY_ERROR, rule, owner, chain,
        "its list of types%s%s is not in the form of RFC 4034 4.1.2", of, name);
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
            part, owner, TYPE_NSEC, "", record.rdata + len, record.rdata_len - len, expected, expected_len);
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

/* Has the apex NSEC3PARAM with the hash, the iterations and the salt of NSEC3 rdata? A zone may have several,
 * of which one is used (RFC 5155 4). */
static bool has_param(const struct snapshot *snapshot, const uint8_t *nsec3)
{
    const struct rrset *params = node_rrset(snapshot->apex, TYPE_NSEC3PARAM);
    const uint8_t *at = params != NULL ? params->data : NULL;
    for (unsigned i = 0; params != NULL && i < params->count; i++) {
        struct record record;
        at = record_read(at, false, &record);
        if (record.rdata[0] == nsec3[0] && memcmp(record.rdata + 2, nsec3 + 2, 3u + nsec3[4]) == 0)
            return true;
    }
    return false;
}

static void tell_strange(const struct snapshot *snapshot, struct verify_part *part, const struct node *node)
{
    const struct rrset *rrset = node_rrset(node, TYPE_NSEC3);
    const uint8_t *at = rrset != NULL ? rrset->data : NULL;
    uint8_t owner[NAME_MAX + 1];
    for (unsigned i = 0; rrset != NULL && i < rrset->count; i++) {
        struct record record;
        at = record_read(at, false, &record);
        if (has_param(snapshot, record.rdata))
            continue;
        (void)snapshot_owner(snapshot, node, owner);
        verify_tell(part, SEVERITY_WARNING, "nsec3-strange", owner, TYPE_NSEC3,
            "algorithm %u, %u iterations and this salt are those of no NSEC3PARAM", record.rdata[0],
            (unsigned)record.rdata[2] << 8 | record.rdata[3]);
    }
}

static void tell_flags(
    const struct snapshot *snapshot, struct verify_part *part, const struct node *node, unsigned flags)
{
    uint8_t owner[NAME_MAX + 1];
    (void)snapshot_owner(snapshot, node, owner);
    verify_tell(part, SEVERITY_WARNING, "nsec3-strange", owner, TYPE_NSEC3,
        "the flags %u: only opt-out (1) is defined", flags);
}

static int by_hash(const void *a, const void *b)
{
    return memcmp(((const struct nsec3_member *)a)->hash, ((const struct nsec3_member *)b)->hash, 20);
}

enum err verify_gather_nsec3(struct verifying *verifying, struct verify_part *part)
{
    struct snapshot_walk walk;
    const struct node *node;
    uint32_t room = 0;
    snapshot_walk_start(&walk, verifying->snapshot);
    while ((node = snapshot_walk_next(&walk)) != NULL) {
        struct nsec3_fields fields;
        size_t len;
        if ((node->flags & NODE_NSEC3) == 0)
            continue;
        if (!read_nsec3(verifying->snapshot, node, &fields)) {
            tell_strange(verifying->snapshot, part, node);
            continue;
        }
        if ((fields.flags & ~1u) != 0) /* RFC 5155 8.2: validators pass over the record */
            tell_flags(verifying->snapshot, part, node, fields.flags);
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

/* The names between a delegation that has NSEC3 and the apex are there, so they have NSEC3, too, if they are
 * empty (RFC 5155 7.1, 10.3); a name with data is looked at by itself. */
static void verify_empty_above(struct verify_part *part, const uint8_t *owner)
{
    const struct verifying *verifying = part->verifying;
    unsigned apex_labels = name_labels(verifying->snapshot->image->header->apex_name);
    uint8_t hash[20];
    bool exact;
    for (owner += *owner + 1; name_labels(owner) > apex_labels; owner += *owner + 1) {
        nsec3_hash(verifying->snapshot, owner, name_len(owner), hash);
        (void)find_member(verifying, hash, &exact);
        if (exact)
            return;
        verify_tell(part, SEVERITY_ERROR, "nsec3-missing", owner, 0,
            "has no NSEC3 record, and a delegation below it has: what is between is denied");
    }
}

static void verify_member_types(struct verify_part *part, const struct place *place, const uint8_t *owner,
    const struct nsec3_member *member, const struct nsec3_fields *fields)
{
    uint8_t hashed[NAME_MAX + 1], *expected = NULL;
    char name[NAME_TEXT_MAX];
    size_t expected_len = 0;
    arena_reset(&part->scratch);
    if ((place->kind & PLACE_CONTENT) != 0)
        expected_len = expected_types(part, place, false, &expected);
    if (expected_len == fields->types_len &&
        (expected_len == 0 || memcmp(expected, fields->types, expected_len) == 0))
        return;
    (void)snapshot_owner(part->verifying->snapshot, member->node, hashed);
    name_print(owner, name);
    tell_types(part, hashed, TYPE_NSEC3, name, fields->types, fields->types_len, expected, expected_len);
}

void verify_nsec3(struct verify_part *part, const struct place *place, const uint8_t *owner)
{
    const struct verifying *verifying = part->verifying;
    struct nsec3_fields fields;
    uint8_t hash[20];
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
        bool insecure = !place_has_nsec3(place->kind, true);
        if (insecure && (fields.flags & 1) == 0)
            verify_tell(part, SEVERITY_ERROR, "nsec3-opt-out", owner, 0,
                "an insecure delegation without NSEC3, under one without the opt-out flag");
        else if (!insecure)
            verify_tell(part, SEVERITY_ERROR, "nsec3-missing", owner, 0,
                "has no NSEC3 record: absent names and types cannot be denied here");
        return;
    }
    __atomic_store_n(&member->named, true, __ATOMIC_RELAXED);
    if (!place_has_nsec3(place->kind, true))
        verify_empty_above(part, owner);
    verify_member_types(part, place, owner, member, &fields);
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
