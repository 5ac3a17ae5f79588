#include "zone/sec/sign.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "zone/base/copy.h"
#include "zone/wire/canonical.h"
#include "zone/wire/type.h"

struct signing {
    struct key *key;
    struct keypair_signer *signer;
    struct rrset_form form;
};

static void put16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
    value = __builtin_bswap32(value);
    memcpy(at, &value, 4);
}

/* ---- canonical form ---- */

void rrset_form_init(struct rrset_form *form)
{
    *form = (struct rrset_form){0};
    arena_init(&form->scratch, 0);
}

void rrset_form_clear(struct rrset_form *form)
{
    free(form->bytes);
    arena_clear(&form->scratch);
    *form = (struct rrset_form){0};
}

static enum err make_room(struct rrset_form *form, size_t size)
{
    if (size <= form->capacity)
        return ERR_OK;
    size_t capacity = size * 2 > 4096 ? size * 2 : 4096;
    uint8_t *bytes = realloc(form->bytes, capacity);
    if (bytes == NULL)
        return ERR_MEMORY;
    form->bytes = bytes;
    form->capacity = capacity;
    return ERR_OK;
}

/* The owner as the signature sees it: in lower case, a name that came from a wildcard as that wildcard
 * (RFC 4035 5.3.2). Returns its length. */
static size_t form_owner(const uint8_t *owner, unsigned cut, uint8_t *out)
{
    if (cut == 0)
        return name_lower(out, owner);
    out[0] = 1;
    out[1] = '*';
    return 2 + name_lower(out + 2, name_skip(owner, cut));
}

static uint8_t *put_record(
    uint8_t *at, const uint8_t *head, size_t head_len, const uint8_t *rdata, size_t len)
{
    copy_octets(at, head, head_len);
    put16(at + head_len, (unsigned)len);
    memcpy(at + head_len + 2, rdata, len);
    return at + head_len + 2 + len;
}

/* The records in canonical order, each once (RFC 4034 6.3). */
static enum err put_records(
    struct rrset_form *form, const uint8_t *head, size_t head_len, const struct rrset *rrset)
{
    bool linked = rrset_linked(rrset->type);
    uint8_t *at = form->bytes + RRSET_FORM_HEAD;
    const struct canonical_record *records;
    arena_reset(&form->scratch);
    records = canonical_sort(&form->scratch, rrset->type, rrset->data, rrset->count, linked);
    if (records == NULL)
        return ERR_MEMORY;
    for (unsigned i = 0; i < rrset->count; i++) {
        const struct canonical_record *record = &records[i];
        if (i > 0 && record->record.rdata_len == record[-1].record.rdata_len &&
            memcmp(record->form, record[-1].form, record->record.rdata_len) == 0)
            continue;
        at = put_record(at, head, head_len, record->form, record->record.rdata_len);
    }
    form->records_len = (size_t)(at - form->bytes) - RRSET_FORM_HEAD;
    return ERR_OK;
}

enum err rrset_form_make(struct rrset_form *form, const uint8_t *owner, const struct rrset *rrset,
    uint32_t original_ttl, unsigned wire_labels)
{
    unsigned labels = name_labels(owner), cut = 0;
    bool wildcard = owner[0] == 1 && owner[1] == '*';
    unsigned own = labels - wildcard;
    if (wire_labels != UINT_MAX) {
        if (wire_labels > own)
            return ERR_INVALID;
        cut = wire_labels < own ? labels - wire_labels : 0;
        own = wire_labels;
    }
    uint8_t head[NAME_MAX + 8];
    size_t head_len = form_owner(owner, cut, head);
    put16(head + head_len, rrset->type);
    put16(head + head_len + 2, CLASS_IN);
    put32(head + head_len + 4, original_ttl);
    head_len += 8;
    form->type = rrset->type;
    form->labels = (uint8_t)own;
    enum err err = make_room(form, RRSET_FORM_HEAD + rrset->data_len + rrset->count * (head_len + 2));
    return err != ERR_OK ? err : put_records(form, head, head_len, rrset);
}

/* ---- signing ---- */

enum err signing_new(struct key *key, struct signing **out)
{
    struct signing *signing = calloc(1, sizeof *signing);
    if (signing == NULL)
        return ERR_MEMORY;
    enum err err = keypair_signer_new(key->pair, &signing->signer);
    if (err != ERR_OK) {
        free(signing);
        return err;
    }
    signing->key = key_hold(key);
    rrset_form_init(&signing->form);
    *out = signing;
    return ERR_OK;
}

void signing_free(struct signing *signing)
{
    if (signing == NULL)
        return;
    keypair_signer_free(signing->signer);
    key_release(signing->key);
    rrset_form_clear(&signing->form);
    free(signing);
}

const struct key *signing_key(const struct signing *signing)
{
    return signing->key;
}

void signing_deterministic(struct signing *signing, bool on)
{
    keypair_signer_deterministic(signing->signer, on);
}

/* RRSIG rdata without the signature (RFC 4034 3.1). */
static size_t write_head(
    const struct key *key, const struct rrset_form *form, const struct rrsig_terms *terms, uint8_t *out)
{
    put16(out, form->type);
    out[2] = key->algorithm->number;
    out[3] = form->labels;
    put32(out + 4, terms->original_ttl);
    put32(out + 8, terms->expiration);
    put32(out + 12, terms->inception);
    put16(out + 16, key->tag);
    return 18 + name_lower(out + 18, terms->signer);
}

enum err sign_form(struct signing *signing, struct rrset_form *form, const struct rrsig_terms *terms,
    uint8_t *out, size_t *out_len)
{
    size_t head = write_head(signing->key, form, terms, out), signature;
    uint8_t *message = form->bytes + RRSET_FORM_HEAD - head;
    memcpy(message, out, head);
    enum err err = keypair_sign(signing->signer, message, head + form->records_len, out + head, &signature);
    if (err == ERR_OK)
        *out_len = head + signature;
    return err;
}

enum err sign_rrset(struct signing *signing, const uint8_t *owner, const struct rrset *rrset,
    const struct rrsig_terms *terms, uint8_t *out, size_t *out_len)
{
    enum err err = rrset_form_make(&signing->form, owner, rrset, terms->original_ttl, UINT_MAX);
    return err != ERR_OK ? err : sign_form(signing, &signing->form, terms, out, out_len);
}

enum err signing_prove(struct signing *signing, const uint8_t *dnskey, size_t dnskey_len)
{
    static const uint8_t probe[] = "a probe: it verifies, or nothing is published";
    uint8_t signature[SIGNATURE_MAX];
    size_t len;
    struct key *published;
    enum err err = keypair_sign(signing->signer, probe, sizeof probe, signature, &len);
    if (err == ERR_OK)
        err = key_from_dnskey(signing->key->owner, dnskey, dnskey_len, &published);
    if (err != ERR_OK)
        return err;
    bool good = published->algorithm == signing->key->algorithm && published->tag == signing->key->tag &&
                keypair_verify(published->pair, probe, sizeof probe, signature, len);
    key_release(published);
    return good ? ERR_OK : ERR_INVALID;
}
