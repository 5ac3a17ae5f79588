/* The DS records that the parent is to publish (RFC 4034 5, RFC 4509). */
#include <stdio.h>
#include <string.h>

#include "signer/keystore.h"
#include "zone/wire/rdata.h"
#include "zone/wire/type.h"

static uint8_t digests[CDS_DIGESTS_MAX];
static unsigned digest_count;
static bool cds, cdnskey, all;

static bool take_digest(const char *value)
{
    const struct ds_digest *digest = ds_digest_parse(value);
    if (digest != NULL && digest_count < CDS_DIGESTS_MAX) {
        digests[digest_count++] = digest->number;
        return true;
    }
    complain("-a %s: SHA-1, SHA-256 or SHA-384 is wanted", value);
    return false;
}

const struct option_row ds_rows[] = {
    KEYSTORE_ROW,
    {'a', "digest", "TYPE", "the digest (SHA-256); may be given again", NULL, NULL, take_digest},
    {0, "cds", NULL, "print CDS records", &cds, NULL, NULL},
    {0, "dnskey", NULL, "print the DNSKEY records: some registries want these", &cdnskey, NULL, NULL},
    {0, "all", NULL, "of all KSKs, not only of those that sign now", &all, NULL, NULL},
    NOW_ROW,
    SECRET_ROWS,
    {0},
};

static void print_record(const struct key *key, uint16_t type, const uint8_t *rdata, size_t len)
{
    char owner[NAME_TEXT_MAX], text[4 * DNSKEY_RDATA_MAX], mnemonic[16];
    name_print(key->owner, owner);
    mnemonic[type_print(type, mnemonic)] = '\0';
    rdata_print(cds && type == TYPE_CDS ? TYPE_DS : type, rdata, len, text, sizeof text);
    printf("%s IN %s %s\n", owner, mnemonic, text);
}

static void print_ds(const struct key *key)
{
    uint8_t rdata[DNSKEY_RDATA_MAX];
    if (cdnskey) {
        print_record(key, TYPE_DNSKEY, rdata, key_write_dnskey(key, rdata));
        return;
    }
    for (unsigned i = 0; i < digest_count; i++) {
        uint8_t ds[DS_RDATA_MAX];
        size_t len = key_write_ds(key, ds_digest_find(digests[i]), ds);
        print_record(key, cds ? TYPE_CDS : TYPE_DS, ds, len);
    }
}

static unsigned print_zone_keys(const struct key_list *list)
{
    unsigned count = 0;
    for (unsigned i = 0; i < list->count; i++) {
        const struct key *key = list->keys[i];
        bool wanted = all || (key_active_at(key, clock_now()) && (key->flags & KEY_REVOKE) == 0);
        if ((key->flags & KEY_SEP) == 0 || !wanted)
            continue;
        print_ds(key);
        count++;
    }
    return count;
}

/* A word is a key's name, or a zone's. */
static enum outcome print_word(const char *word)
{
    uint8_t zone[NAME_MAX + 1];
    struct key_list list = {0};
    if (strchr(word, '+') != NULL) {
        struct key *key = keystore_open(word, false);
        if (key == NULL)
            return OUTCOME_TROUBLE;
        print_ds(key);
        key_release(key);
        return OUTCOME_GOOD;
    }
    if (word[0] != '\0' && !take_name_value("ZONE", word, zone))
        return OUTCOME_TROUBLE;
    enum outcome outcome = OUTCOME_TROUBLE;
    if (keystore_load(word[0] != '\0' ? zone : NULL, false, &list))
        outcome = print_zone_keys(&list) > 0 ? OUTCOME_GOOD
                                             : complain("there is no KSK in use in %s", keystore_directory);
    key_list_clear(&list);
    return outcome;
}

enum outcome ds_run(const struct operands *operands)
{
    enum outcome worst = OUTCOME_GOOD;
    if (digest_count == 0)
        digests[digest_count++] = 2;
    if (operands->count == 0)
        return print_word("");
    for (unsigned i = 0; i < operands->count; i++) {
        enum outcome outcome = print_word(operands->words[i]);
        if (outcome > worst)
            worst = outcome;
    }
    return worst;
}
