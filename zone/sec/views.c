#include "zone/sec/views.h"

#include <string.h>

void views_clear(struct views *views)
{
    views->ds_count = views->dnskey_count = views->zone_count = 0;
}

static bool mask_add(key_mask *list, unsigned *count, key_mask mask)
{
    for (unsigned i = 0; i < *count; i++)
        if (list[i] == mask)
            return true;
    if (*count == VIEWS_VERSIONS_MAX)
        return false;
    list[(*count)++] = mask;
    return true;
}

bool views_add_ds(struct views *views, key_mask keys)
{
    return mask_add(views->ds, &views->ds_count, keys);
}

bool views_add_zone(struct views *views, key_mask signers)
{
    return mask_add(views->zone, &views->zone_count, signers);
}

bool views_add_dnskey(struct views *views, key_mask keys, key_mask signers)
{
    for (unsigned i = 0; i < views->dnskey_count; i++)
        if (views->dnskey[i].keys == keys && views->dnskey[i].signers == signers)
            return true;
    if (views->dnskey_count == VIEWS_VERSIONS_MAX)
        return false;
    views->dnskey[views->dnskey_count++] = (struct views_dnskey){.keys = keys, .signers = signers};
    return true;
}

/* Is there, for each algorithm among WANTED, a key among HAVE? Otherwise *MISSING is the first without. */
static bool algorithms_covered(const struct views *views, key_mask wanted, key_mask have, uint8_t *missing)
{
    for (; wanted != 0; wanted &= wanted - 1) {
        uint8_t algorithm = views->algorithms[__builtin_ctz(wanted)];
        key_mask found = have;
        while (found != 0 && views->algorithms[__builtin_ctz(found)] != algorithm)
            found &= found - 1;
        if (found == 0) {
            *missing = algorithm;
            return false;
        }
    }
    return true;
}

/* From the DS set to the DNSKEY set. A validator needs one path only (RFC 6840 5.11), but some ask for one
 * of each algorithm of the DS set, and the zone has to be signed so (RFC 4035 2.2). */
static enum view_fault prove_keys(
    const struct views *views, key_mask ds, const struct views_dnskey *dnskey, uint8_t *missing)
{
    key_mask entry = ds & dnskey->keys & dnskey->signers;
    if (entry == 0)
        return VIEW_NO_KEY_FOR_DS;
    return algorithms_covered(views, ds, entry, missing) ? VIEW_SECURE : VIEW_NO_KEY_FOR_ALGORITHM;
}

static enum view_fault prove_zone(
    const struct views *views, const struct views_dnskey *dnskey, key_mask signers, uint8_t *missing)
{
    key_mask usable = signers & dnskey->keys;
    if (usable == 0)
        return VIEW_NO_SIGNATURE;
    /* The algorithms of the signatures alone decide: a validator looks for each algorithm of the DNSKEY set,
     * by whichever key of it. */
    return algorithms_covered(views, dnskey->keys, usable, missing) ? VIEW_SECURE : VIEW_NO_ALGORITHM;
}

static bool prove_below(const struct views *views, key_mask ds, struct view_failure *failure)
{
    for (unsigned k = 0; k < views->dnskey_count; k++) {
        uint8_t missing = 0;
        *failure = (struct view_failure){.ds = ds, .dnskey = views->dnskey[k]};
        failure->fault = prove_keys(views, ds, &views->dnskey[k], &missing);
        failure->algorithm = missing;
        if (failure->fault != VIEW_SECURE)
            return false;
        for (unsigned z = 0; z < views->zone_count; z++) {
            failure->zone = views->zone[z];
            failure->fault = prove_zone(views, &views->dnskey[k], views->zone[z], &missing);
            failure->algorithm = missing;
            if (failure->fault != VIEW_SECURE)
                return false;
        }
    }
    return true;
}

bool views_prove(const struct views *views, struct view_failure *failure)
{
    for (unsigned d = 0; d < views->ds_count; d++)
        if (views->ds[d] != 0 && !prove_below(views, views->ds[d], failure))
            return false;
    *failure = (struct view_failure){.fault = VIEW_SECURE};
    return true;
}

const char *view_fault_text(enum view_fault fault)
{
    static const char *const texts[] = {
        [VIEW_SECURE] = "every view validates",
        [VIEW_NO_KEY_FOR_DS] = "no key of the DS set is in the DNSKEY set and signs it",
        [VIEW_NO_KEY_FOR_ALGORITHM] = "an algorithm of the DS set has no key that signs the DNSKEY set",
        [VIEW_NO_SIGNATURE] = "a record set has no signature by a key of the DNSKEY set",
        [VIEW_NO_ALGORITHM] = "a record set has no signature of one algorithm of the DNSKEY set",
    };
    return (unsigned)fault < ARRAY_COUNT(texts) ? texts[fault] : "?";
}
