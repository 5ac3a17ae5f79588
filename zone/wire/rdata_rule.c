#include "zone/wire/rdata_rule.h"

#include "zone/base/attr.h"
#include "zone/wire/name.h"
#include "zone/wire/type.h"

#define DS_RULES(type)                                                                                       \
    {type, 3, 1, 4, 20, 0, 3, "SHA-1"}, {type, 3, 2, 4, 32, 0, 3, "SHA-256"},                                \
        {type, 3, 3, 4, 32, 0, 3, "GOST"}, {type, 3, 4, 4, 48, 0, 3, "SHA-384"},                             \
        {type, 3, 5, 4, 32, 0, 3, "GOST R 34.11-2012"},                                                      \
    {                                                                                                        \
        type, 3, 6, 4, 32, 0, 3, "SM3"                                                                       \
    }
#define TLSA_RULES(type)                                                                                     \
    {type, 2, 1, 3, 32, 0, 3, "SHA-256"},                                                                    \
    {                                                                                                        \
        type, 2, 2, 3, 64, 0, 3, "SHA-512"                                                                   \
    }
#define ANY_CODE 255

static const struct rdata_rule rules[] = {
    DS_RULES(TYPE_DS), /* IANA "DS RR Type Digest Algorithms"; RFC 3658, 4509, 6605, 9558, 9563 */
    DS_RULES(TYPE_CDS), DS_RULES(TYPE_TA), DS_RULES(TYPE_DLV),
    {TYPE_SSHFP, 1, 1, 2, 20, 0, 2, "SHA-1"},       /* RFC 4255 3.1.2 */
    {TYPE_SSHFP, 1, 2, 2, 32, 0, 2, "SHA-256"},     /* RFC 6594 4.1 */
    TLSA_RULES(TYPE_TLSA), TLSA_RULES(TYPE_SMIMEA), /* RFC 6698 2.1.3 */
    {TYPE_ZONEMD, 5, 1, 6, 48, 0, 3, "SHA-384"},    /* RFC 8976 2.2.3 */
    {TYPE_ZONEMD, 5, 2, 6, 64, 0, 3, "SHA-512"},
    {TYPE_ZONEMD, 5, ANY_CODE, 6, 0, 12, 3, "ZONEMD"}, /* RFC 8976 2.2.4 */
};

/* RFC 5155 3.2 and 11: algorithm 1 is SHA-1, 20 octets; the hash has its own length octet behind the salt. */
static const struct rdata_rule nsec3_rule = {TYPE_NSEC3, 0, 1, 0, 20, 0, 4, "SHA-1"};

static bool breaks(const struct rdata_rule *rule, const uint8_t *rdata, size_t digest_len)
{
    if (rule->code != ANY_CODE && rdata[rule->code_at] != rule->code)
        return false;
    if (rule->type == TYPE_ZONEMD && rule->code != ANY_CODE && rdata[4] != 1) /* RFC 8976 A.3 cuts them */
        return false;
    return rule->digest_len != 0 ? digest_len != rule->digest_len : digest_len < rule->least;
}

const struct rdata_rule *rdata_rule_broken(
    uint16_t type, const uint8_t *rdata, size_t len, size_t *digest_len)
{
    if ((type_info(type)->flags & TYPE_FLAG_RULES) == 0)
        return NULL;
    if (type == TYPE_NSEC3) {
        *digest_len = rdata[5 + rdata[4]];
        return breaks(&nsec3_rule, rdata, *digest_len) ? &nsec3_rule : NULL;
    }
    for (size_t i = 0; i < ARRAY_COUNT(rules); i++) {
        if (rules[i].type != type)
            continue;
        *digest_len = len - rules[i].digest_at;
        if (breaks(&rules[i], rdata, *digest_len))
            return &rules[i];
    }
    return NULL;
}

bool rdata_key_missing(uint16_t type, const uint8_t *rdata, size_t len)
{
    if (type == TYPE_KEY)
        return len == 4 && (rdata[0] & 0xc0) != 0xc0;
    if (type != TYPE_IPSECKEY || rdata[2] == 0 || rdata[1] > 3)
        return false;
    size_t gateway = rdata[1] == 0 ? 0 : rdata[1] == 1 ? 4 : rdata[1] == 2 ? 16 : name_len(rdata + 3);
    return len == 3 + gateway;
}
