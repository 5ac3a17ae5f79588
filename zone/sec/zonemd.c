#include "zone/sec/zonemd.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "zone/base/copy.h"
#include "zone/store/overlay.h"
#include "zone/wire/canonical.h"
#include "zone/wire/name.h"
#include "zone/wire/type.h"

struct digest {
    const struct snapshot *snapshot;
    EVP_MD_CTX *context;
    struct arena scratch;
    uint8_t *buffer; /* records on their way: a call for each would cost more than its octets */
    size_t used;
};

#define BUFFER ((size_t)1 << 17)
#define RECORD_MAX (NAME_MAX + 10 + 65535)

size_t zonemd_digest_len(unsigned hash)
{
    return hash == ZONEMD_SHA384 ? 48 : hash == ZONEMD_SHA512 ? 64 : 0;
}

static void flush(struct digest *digest)
{
    EVP_DigestUpdate(digest->context, digest->buffer, digest->used);
    digest->used = 0;
}

static void put_record(struct digest *digest, const uint8_t *owner, size_t owner_len, uint16_t type,
    uint32_t ttl, const uint8_t *rdata, uint16_t rdata_len)
{
    if (BUFFER - digest->used < RECORD_MAX)
        flush(digest);
    uint8_t *at = digest->buffer + digest->used;
    const uint16_t head[] = {__builtin_bswap16(type), __builtin_bswap16(CLASS_IN)};
    uint32_t ttl_wire = __builtin_bswap32(ttl);
    uint16_t len = __builtin_bswap16(rdata_len);
    copy_octets(at, owner, owner_len);
    at += owner_len;
    memcpy(at, head, 4);
    memcpy(at + 4, &ttl_wire, 4);
    memcpy(at + 8, &len, 2);
    copy_octets(at + 10, rdata, rdata_len);
    digest->used += owner_len + 10 + rdata_len;
}

/* In canonical order, equal ones once (RFC 8976 3.3.1). */
static enum err put_records(struct digest *digest, const uint8_t *owner, size_t owner_len, uint16_t type,
    uint32_t ttl, const uint8_t *at, unsigned count, bool linked)
{
    arena_reset(&digest->scratch);
    const struct canonical_record *records = canonical_sort(&digest->scratch, type, at, count, linked);
    if (records == NULL)
        return ERR_MEMORY;
    for (unsigned i = 0; i < count; i++) {
        const struct canonical_record *record = &records[i];
        uint16_t len = record->record.rdata_len;
        if (i == 0 || len != record[-1].record.rdata_len || memcmp(record->form, record[-1].form, len) != 0)
            put_record(digest, owner, owner_len, type, ttl, record->form, len);
    }
    return ERR_OK;
}

struct signature {
    uint32_t ttl;
    uint16_t len;
    const uint8_t *rdata;
};

static int signature_order(const void *a, const void *b)
{
    const struct signature *x = a, *y = b;
    int order = memcmp(x->rdata, y->rdata, x->len < y->len ? x->len : y->len);
    return order != 0 ? order : x->len - y->len;
}

/* All RRSIGs of a name are one RRset here; those over the apex's ZONEMD are left out. */
static enum err put_signatures(
    struct digest *digest, const uint8_t *owner, size_t owner_len, const struct node *node)
{
    unsigned count = 0, room = 0;
    const struct rrset *rrset = node_rrsets(node);
    for (unsigned i = 0; i < node->rrset_count; i++, rrset = rrset_next(rrset))
        room += rrset->sig_count;
    if (room == 0)
        return ERR_OK;
    struct signature *signatures = malloc(room * sizeof *signatures);
    if (signatures == NULL)
        return ERR_MEMORY;
    rrset = node_rrsets(node);
    for (unsigned i = 0; i < node->rrset_count; i++, rrset = rrset_next(rrset)) {
        const uint8_t *at = rrset_signatures(rrset);
        if (rrset->type == TYPE_ZONEMD && (node->flags & NODE_APEX) != 0)
            continue;
        for (unsigned j = 0; j < rrset->sig_count; j++) {
            struct record record;
            at = record_read(at, false, &record);
            signatures[count++] = (struct signature){rrset->ttl, record.rdata_len, record.rdata};
        }
    }
    /* An RRSIG's canonical form has the signer in lower case; nobody writes it otherwise (RFC 6840 5.1). */
    qsort(signatures, count, sizeof *signatures, signature_order);
    for (unsigned i = 0; i < count; i++)
        put_record(
            digest, owner, owner_len, TYPE_RRSIG, signatures[i].ttl, signatures[i].rdata, signatures[i].len);
    free(signatures);
    return ERR_OK;
}

static enum err put_node(struct digest *digest, const struct node *node)
{
    uint8_t owner[NAME_MAX + 1];
    size_t owner_len = snapshot_owner(digest->snapshot, node, owner);
    const struct rrset *rrset = node_rrsets(node);
    bool signatures = false;
    enum err err = ERR_OK;
    for (unsigned i = 0; i < node->rrset_count && err == ERR_OK; i++, rrset = rrset_next(rrset)) {
        if (!signatures && rrset->type > TYPE_RRSIG) {
            err = put_signatures(digest, owner, owner_len, node);
            signatures = true;
        }
        if (err == ERR_OK && rrset->count > 0 &&
            !(rrset->type == TYPE_ZONEMD && (node->flags & NODE_APEX) != 0))
            err = put_records(digest, owner, owner_len, rrset->type, rrset->ttl, rrset->data, rrset->count,
                rrset_linked(rrset->type));
    }
    return err == ERR_OK && !signatures ? put_signatures(digest, owner, owner_len, node) : err;
}

/* The next node of the NSEC3 set; a walk of its own, for its names stand between the others. */
static const struct node *next_nsec3(struct snapshot_walk *walk)
{
    const struct node *node;
    do
        node = snapshot_walk_next(walk);
    while (node != NULL && (node->flags & NODE_NSEC3) == 0);
    return node;
}

static enum err put_zone(struct digest *digest)
{
    struct snapshot_walk walk, nsec3_walk;
    snapshot_walk_start(&walk, digest->snapshot);
    snapshot_walk_start(&nsec3_walk, digest->snapshot);
    const struct node *node = snapshot_walk_next(&walk), *nsec3 = next_nsec3(&nsec3_walk);
    enum err err = ERR_OK;
    while (err == ERR_OK && (node != NULL || nsec3 != NULL)) {
        if (node != NULL && (node->flags & NODE_NSEC3) != 0)
            node = NULL;
        bool first = nsec3 == NULL || (node != NULL && relative_compare(node->name, node->name_len,
                                                           nsec3->name, nsec3->name_len) < 0);
        if (node == NULL && nsec3 == NULL)
            break;
        err = put_node(digest, first ? node : nsec3);
        if (first)
            node = snapshot_walk_next(&walk);
        else
            nsec3 = next_nsec3(&nsec3_walk);
    }
    return err;
}

enum err zonemd_digest(const struct snapshot *snapshot, enum zonemd_hash hash, uint8_t out[ZONEMD_DIGEST_MAX])
{
    struct digest digest = {.snapshot = snapshot, .context = EVP_MD_CTX_new(), .buffer = malloc(BUFFER)};
    arena_init(&digest.scratch, 0);
    enum err err = ERR_MEMORY;
    if (digest.context != NULL && digest.buffer != NULL &&
        EVP_DigestInit_ex(digest.context, hash == ZONEMD_SHA384 ? EVP_sha384() : EVP_sha512(), NULL) == 1)
        err = put_zone(&digest);
    if (err == ERR_OK) {
        flush(&digest);
        err = EVP_DigestFinal_ex(digest.context, out, NULL) == 1 ? ERR_OK : ERR_MEMORY;
    }
    EVP_MD_CTX_free(digest.context);
    arena_clear(&digest.scratch);
    free(digest.buffer);
    return err;
}

size_t zonemd_write(
    uint32_t serial, enum zonemd_hash hash, const uint8_t *digest, uint8_t out[ZONEMD_RDATA_MAX])
{
    size_t len = zonemd_digest_len(hash);
    serial = __builtin_bswap32(serial);
    memcpy(out, &serial, 4);
    out[4] = ZONEMD_SIMPLE;
    out[5] = (uint8_t)hash;
    if (digest != NULL)
        memcpy(out + 6, digest, len);
    else
        memset(out + 6, 0, len);
    return 6 + len;
}

/* ---- verifying ---- */

static uint32_t serial_of(const struct record *record)
{
    uint32_t serial;
    memcpy(&serial, record->rdata, 4);
    return __builtin_bswap32(serial);
}

/* One record: ZONEMD_SERIAL and ZONEMD_UNSUPPORTED let another decide. */
static enum zonemd_verdict verify_one(const struct snapshot *snapshot, const struct record *record)
{
    uint8_t made[ZONEMD_DIGEST_MAX];
    if (record->rdata_len < 6 || serial_of(record) != snapshot->serial)
        return ZONEMD_SERIAL;
    size_t len = zonemd_digest_len(record->rdata[5]);
    if (record->rdata[4] != ZONEMD_SIMPLE || len == 0 || record->rdata_len != 6 + len)
        return ZONEMD_UNSUPPORTED;
    if (zonemd_digest(snapshot, record->rdata[5], made) != ERR_OK)
        return ZONEMD_MEMORY;
    return memcmp(made, record->rdata + 6, len) == 0 ? ZONEMD_VALID : ZONEMD_WRONG;
}

static bool repeats(const struct rrset *rrset)
{
    uint8_t seen[32][2];
    const uint8_t *at = rrset->data;
    for (unsigned i = 0; i < rrset->count && i < ARRAY_COUNT(seen); i++) {
        struct record record;
        at = record_read(at, false, &record);
        memcpy(seen[i], record.rdata + 4, 2);
        for (unsigned j = 0; j < i; j++) {
            if (memcmp(seen[j], seen[i], 2) == 0)
                return true;
        }
    }
    return false;
}

enum zonemd_verdict zonemd_verify(const struct snapshot *snapshot)
{
    const struct rrset *rrset = node_rrset(snapshot->apex, TYPE_ZONEMD);
    enum zonemd_verdict verdict = ZONEMD_NONE;
    if (rrset == NULL || rrset->count == 0)
        return verdict;
    if (repeats(rrset))
        return ZONEMD_REPEATED;
    const uint8_t *at = rrset->data;
    for (unsigned i = 0; i < rrset->count; i++) {
        struct record record;
        at = record_read(at, false, &record);
        enum zonemd_verdict one = verify_one(snapshot, &record);
        if (one == ZONEMD_VALID || one == ZONEMD_MEMORY)
            return one;
        if (one > verdict)
            verdict = one;
    }
    return verdict;
}

const char *zonemd_verdict_text(enum zonemd_verdict verdict)
{
    static const char *const texts[] = {
        [ZONEMD_VALID] = "the ZONEMD digest is that of the zone",
        [ZONEMD_NONE] = "the zone has no ZONEMD",
        [ZONEMD_SERIAL] = "the ZONEMD is for another serial",
        [ZONEMD_UNSUPPORTED] = "the ZONEMD is of a scheme or hash that is not known",
        [ZONEMD_REPEATED] = "two ZONEMD records have the same scheme and hash",
        [ZONEMD_WRONG] = "the ZONEMD digest is not that of the zone",
        [ZONEMD_MEMORY] = "out of memory",
    };
    return texts[verdict];
}
