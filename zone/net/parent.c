#include "zone/net/parent.h"

#include <stdio.h>

#include "zone/net/exchange.h"
#include "zone/sec/algorithm.h"
#include "zone/sec/rollkeys.h"
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

/* Only an answer with authority counts: a cache may say what was yesterday. */
enum err parent_observe(const struct peer *parent, const uint8_t *zone, const struct key_list *keys,
    struct roll *roll, int64_t now_s, char why[PARENT_WHY_MAX])
{
    struct request request = {.name = zone, .type = TYPE_DS, .edns = true, .dnssec = true};
    struct exchange exchange;
    struct ds_seen seen;
    enum err err = exchange_ask(&exchange, parent, &request);
    if (err != ERR_OK) {
        snprintf(why, PARENT_WHY_MAX, "%s", exchange.why);
        return err;
    }
    struct reply_head head;
    unsigned rcode = reply_rcode(exchange.reply, exchange.reply_len, NULL);
    bool usable = reply_head_read(&head, exchange.reply, exchange.reply_len) && rcode == RCODE_NOERROR &&
                  (head.flags & MESSAGE_AA) != 0 && collect(exchange.reply, exchange.reply_len, zone, &seen);
    if (usable)
        note(roll, keys, &seen, now_s);
    else
        snprintf(why, PARENT_WHY_MAX, "its answer about the DS set does not count: %s",
            rcode != RCODE_NOERROR ? rcode_name(rcode) != NULL ? rcode_name(rcode) : "an error"
                                   : "it does not speak for the parent zone");
    exchange_clear(&exchange);
    return usable ? ERR_OK : ERR_INVALID;
}
