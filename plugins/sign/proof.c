#include "plugins/sign/proof.h"

#include <stdio.h>

#include "zone/sec/verify.h"
#include "zone/sec/zoneverify.h"
#include "zone/wire/name.h"
#include "zone/wire/type.h"

#define WHOLE_BELOW 2000 /* signatures of a zone that is verified whole after every change */
#define ALL_BELOW 50000  /* of one whose signatures are all computed; above, one of many is */
#define ABOUT 20000      /* so many, then */

/* ---- the whole zone ---- */

struct first {
    char *why;
    bool told;
};

static void keep_first(void *context, const struct zoneverify_fault *fault)
{
    struct first *first = context;
    char owner[NAME_TEXT_MAX], type[16] = "";
    if (fault->severity != SEVERITY_ERROR || first->told)
        return;
    name_print(fault->owner, owner);
    if (fault->type != 0)
        type_print(fault->type, type);
    snprintf(first->why, PROOF_WHY_MAX, "it would not validate: %.200s%s%s: %.150s", owner,
        type[0] != '\0' ? " " : "", type, fault->message);
    first->told = true;
}

static enum err prove_whole(const struct snapshot *made, const struct zonesign_options *options,
    const struct zonesign_result *result, char *why)
{
    struct first first = {.why = why};
    struct zoneverify_result verified;
    uint64_t signatures = result->made + result->kept;
    struct zoneverify_options how = {.from = options->now,
        .to = result->earliest > options->now ? result->earliest - 1 : options->now,
        .every = signatures <= ALL_BELOW ? 1 : (unsigned)(signatures / ABOUT),
        .fault = keep_first,
        .fault_context = &first,
        .threads = options->threads};
    enum err err = zone_verify(made, &how, &verified);
    if (err != ERR_OK)
        snprintf(why, PROOF_WHY_MAX, "it cannot be verified: %s", err_text(err));
    return err == ERR_OK && verified.errors > 0 ? ERR_INVALID : err;
}

/* ---- what has changed ---- */

static const struct rrset *set_of(const struct snapshot *made, const uint8_t *owner, uint16_t type)
{
    const uint8_t *apex = made->image->header->apex_name;
    size_t len = name_len(owner), apex_len = name_len(apex);
    if (!name_under(owner, apex))
        return NULL;
    const struct node *node = snapshot_find(made, type == TYPE_NSEC3, owner, (unsigned)(len - apex_len));
    return node != NULL ? node_rrset(node, type) : NULL;
}

static const struct key *key_of(const struct zonesign_options *options, const struct rrsig *rrsig)
{
    for (unsigned i = 0; i < options->key_count; i++) {
        const struct key *key = options->keys[i].key;
        if (options->keys[i].publish && key->tag == rrsig->tag && key->algorithm->number == rrsig->algorithm)
            return key;
    }
    return NULL;
}

static const char *fault_of(const struct snapshot *made, const struct zonesign_options *options,
    struct rrset_form *form, const struct change_record *record)
{
    struct rrsig rrsig;
    if (!rrsig_read(record->rdata, record->rdata_len, &rrsig))
        return "a signature is malformed";
    const struct rrset *set = set_of(made, record->owner, rrsig.type);
    const struct key *key = key_of(options, &rrsig);
    if (set == NULL || set->count == 0)
        return "a signature covers nothing";
    if (key == NULL)
        return "a signature's key is not published";
    enum verdict verdict =
        verify_rrset(form, key, record->owner, set, record->rdata, record->rdata_len, (uint32_t)options->now);
    return verdict == VERDICT_VALID ? NULL : verdict_text(verdict);
}

static enum err prove_change(const struct snapshot *made, const struct change *change,
    const struct zonesign_options *options, char *why)
{
    struct rrset_form form;
    struct change_record record;
    const char *fault = NULL;
    rrset_form_init(&form);
    for (size_t at = 0; fault == NULL && change_next(&change->added, &at, &record);) {
        if (record.type == TYPE_RRSIG)
            fault = fault_of(made, options, &form, &record);
    }
    rrset_form_clear(&form);
    if (fault == NULL)
        return ERR_OK;
    char owner[NAME_TEXT_MAX];
    name_print(record.owner, owner);
    snprintf(why, PROOF_WHY_MAX, "it would not validate: %.200s: %s", owner, fault);
    return ERR_INVALID;
}

enum err prove(const struct snapshot *made, const struct change *change,
    const struct zonesign_options *options, const struct zonesign_result *result, char why[PROOF_WHY_MAX])
{
    bool small =
        made->image->header->rrset_count < WHOLE_BELOW && made->image->header->node_count < WHOLE_BELOW;
    if (change == NULL || small)
        return prove_whole(made, options, result, why);
    return prove_change(made, change, options, why);
}
