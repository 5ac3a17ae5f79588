#include "zone/net/parent.h"

#include <stdio.h>

#include "zone/net/exchange.h"
#include "zone/sec/algorithm.h"
#include "zone/sec/rollkeys.h"
#include "zone/sec/verify.h"
#include "zone/wire/message.h"
#include "zone/wire/name.h"
#include "zone/wire/type.h"

#define DS_MAX 64

struct ds_seen {
    const uint8_t *rdata[DS_MAX];
    uint16_t len[DS_MAX];
    unsigned count;
};

/* The DS records of ZONE in the answer section. */
static bool collect(const uint8_t *reply, size_t len, const uint8_t *zone, struct ds_seen *out)
{
    struct reply_head head;
    if (!reply_head_read(&head, reply, len))
        return false;
    size_t at = head.answer_at;
    out->count = 0;
    for (unsigned i = 0; i < head.ancount; i++) {
        struct message_record record;
        uint8_t owner[NAME_MAX + 1];
        size_t name_at;
        if (message_record_read(reply, len, &at, &record) != ERR_OK)
            return false;
        name_at = record.name_at;
        if (record.type != TYPE_DS || out->count == DS_MAX ||
            name_read(reply, len, &name_at, owner, NULL) != ERR_OK)
            continue;
        name_lower(owner, owner);
        if (!name_equal(owner, zone))
            continue;
        out->rdata[out->count] = reply + record.rdata_at;
        out->len[out->count++] = record.rdata_len;
    }
    return true;
}

static bool is_published(const struct key *key, const struct ds_seen *seen)
{
    uint8_t dnskey[DNSKEY_RDATA_MAX];
    size_t len = key_write_dnskey(key, dnskey);
    for (unsigned i = 0; i < seen->count; i++)
        if (ds_matches(seen->rdata[i], seen->len[i], key->owner, dnskey, len))
            return true;
    return false;
}

static void note(struct roll *roll, const struct key_list *keys, const struct ds_seen *seen, int64_t now_s)
{
    for (unsigned i = 0; i < roll->count; i++) {
        const struct roll_key *key = &roll->keys[i];
        const struct key *file = roll_key_of(keys, key->id);
        if (file == NULL || key->stages[ROLL_DS].state == ROLL_NONE)
            continue;
        if (is_published(file, seen))
            roll_ds_seen(roll, key->id, now_s);
        else
            roll_ds_gone(roll, key->id, now_s);
    }
}

/* Only an answer with authority counts: a cache may say what was yesterday. On success SEEN points into
 * EXCHANGE, which is to be cleared. */
static enum err ask(const struct peer *parent, const uint8_t *zone, struct exchange *exchange,
    struct ds_seen *seen, char why[PARENT_WHY_MAX])
{
    struct request request = {.name = zone, .type = TYPE_DS, .edns = true, .dnssec = true};
    enum err err = exchange_ask(exchange, parent, &request);
    if (err != ERR_OK) {
        snprintf(why, PARENT_WHY_MAX, "%s", exchange->why);
        return err;
    }
    struct reply_head head;
    unsigned rcode = reply_rcode(exchange->reply, exchange->reply_len, NULL);
    if (reply_head_read(&head, exchange->reply, exchange->reply_len) && rcode == RCODE_NOERROR &&
        (head.flags & MESSAGE_AA) != 0 && collect(exchange->reply, exchange->reply_len, zone, seen))
        return ERR_OK;
    snprintf(why, PARENT_WHY_MAX, "its answer about the DS set does not count: %s",
        rcode != RCODE_NOERROR ? rcode_name(rcode) != NULL ? rcode_name(rcode) : "an error"
                               : "it does not speak for the parent zone");
    exchange_clear(exchange);
    return ERR_INVALID;
}

enum err parent_observe(const struct peer *parent, const uint8_t *zone, const struct key_list *keys,
    struct roll *roll, int64_t now_s, char why[PARENT_WHY_MAX])
{
    struct exchange exchange;
    struct ds_seen seen;
    enum err err = ask(parent, zone, &exchange, &seen, why);
    if (err != ERR_OK)
        return err;
    note(roll, keys, &seen, now_s);
    exchange_clear(&exchange);
    return ERR_OK;
}

/* ---- trust ---- */

/* Is there a signature by the key in DNSKEY over the DNSKEY set? */
static bool signs(const struct rrset *set, const uint8_t *dnskey, size_t len)
{
    const uint8_t *at = rrset_signatures(set);
    for (unsigned i = 0; i < set->sig_count; i++) {
        struct record record;
        struct rrsig rrsig;
        at = record_read(at, false, &record);
        if (rrsig_read(record.rdata, record.rdata_len, &rrsig) && rrsig.tag == dnskey_tag(dnskey, len) &&
            rrsig.algorithm == dnskey[3])
            return true;
    }
    return false;
}

static bool is_trusted(const struct rrset *set, const uint8_t *zone, const uint8_t *ds, uint16_t ds_len)
{
    const uint8_t *at = set->data;
    for (unsigned i = 0; i < set->count; i++) {
        struct record record;
        at = record_read(at, false, &record);
        if (ds_matches(ds, ds_len, zone, record.rdata, record.rdata_len) &&
            signs(set, record.rdata, record.rdata_len))
            return true;
    }
    return false;
}

/* DS records that no validator here understands make the zone insecure, not bogus (RFC 4035 5.2). */
static bool trusts_one(const struct rrset *set, const uint8_t *zone, const struct ds_seen *seen)
{
    bool any = false;
    for (unsigned i = 0; i < seen->count; i++) {
        if (seen->len[i] < 5 || ds_digest_find(seen->rdata[i][3]) == NULL)
            continue;
        any = true;
        if (set != NULL && is_trusted(set, zone, seen->rdata[i], seen->len[i]))
            return true;
    }
    return !any;
}

enum err parent_trusts(
    const struct peer *parent, const struct snapshot *zone, bool *trusts, char why[PARENT_WHY_MAX])
{
    struct exchange exchange;
    struct ds_seen seen;
    const uint8_t *name = zone->image->header->apex_name;
    enum err err = ask(parent, name, &exchange, &seen, why);
    if (err != ERR_OK)
        return err;
    *trusts = trusts_one(node_rrset(zone->apex, TYPE_DNSKEY), name, &seen);
    exchange_clear(&exchange);
    return ERR_OK;
}
