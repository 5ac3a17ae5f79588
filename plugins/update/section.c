#include "plugins/update/section.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "zone/wire/name.h"
#include "zone/wire/rdata.h"
#include "zone/wire/type.h"

struct reading {
    const uint8_t *zone, *bytes;
    size_t len, at;
    uint8_t *rdata; /* of RDATA_MAX */
    struct arena *scratch;
};

/* RFC 2136 3.2: what a prerequisite may look like. */
static bool prerequisite_is_sound(const struct message_record *record)
{
    if (record->ttl != 0)
        return false;
    if (record->class == CLASS_ANY || record->class == CLASS_NONE)
        return record->rdata_len == 0 && (record->type == TYPE_ANY || !type_is_meta(record->type));
    return record->class == CLASS_IN && !type_is_meta(record->type);
}

/* RFC 2136 3.4.1.2, 3.4.1.3: and an update. */
static bool update_is_sound(const struct message_record *record)
{
    if (record->class == CLASS_ANY)
        return record->ttl == 0 && record->rdata_len == 0 &&
               (record->type == TYPE_ANY || !type_is_meta(record->type));
    if (record->class == CLASS_NONE)
        return record->ttl == 0 && !type_is_meta(record->type);
    return record->class == CLASS_IN && !type_is_meta(record->type);
}

static enum rcode read_rdata(
    struct reading *reading, const struct message_record *from, struct update_record *record)
{
    size_t at = from->rdata_at, len;
    enum err err =
        rdata_read(from->type, reading->bytes, reading->len, &at, from->rdata_len, reading->rdata, &len);
    if (err != ERR_OK || rdata_check(from->type, reading->rdata, len, NULL) != ERR_OK)
        return RCODE_FORMERR;
    record->rdata = (const uint8_t *)arena_copy(reading->scratch, (const char *)reading->rdata, len);
    record->rdata_len = (uint16_t)len;
    return record->rdata != NULL ? RCODE_NOERROR : RCODE_SERVFAIL;
}

static enum rcode read_record(struct reading *reading, struct update_record *record,
    bool (*is_sound)(const struct message_record *record))
{
    struct message_record found;
    uint8_t owner[NAME_MAX + 1];
    size_t owner_len;
    if (message_record_read(reading->bytes, reading->len, &reading->at, &found) != ERR_OK)
        return RCODE_FORMERR;
    size_t name_at = found.name_at;
    if (name_read(reading->bytes, reading->len, &name_at, owner, &owner_len) != ERR_OK || !is_sound(&found))
        return RCODE_FORMERR;
    if (!name_under(owner, reading->zone))
        return RCODE_NOTZONE;
    name_lower(owner, owner);
    *record = (struct update_record){
        .owner = (const uint8_t *)arena_copy(reading->scratch, (const char *)owner, owner_len),
        .ttl = found.ttl > INT32_MAX ? 0 : found.ttl, /* RFC 2181 8 */
        .type = found.type,
        .class = found.class};
    if (record->owner == NULL)
        return RCODE_SERVFAIL;
    bool empty = found.class == CLASS_ANY || (found.class == CLASS_NONE && found.rdata_len == 0);
    return empty ? RCODE_NOERROR : read_rdata(reading, &found, record);
}

static enum rcode read_section(struct reading *reading, struct update_section *section, unsigned count,
    bool (*is_sound)(const struct message_record *record))
{
    enum rcode rcode = RCODE_NOERROR;
    /* A record takes eleven octets at least: a header that lies gets no memory for it. */
    if (count > (reading->len - reading->at) / 11)
        return RCODE_FORMERR;
    section->records = ARENA_ARRAY(reading->scratch, struct update_record, count + 1);
    if (section->records == NULL)
        return RCODE_SERVFAIL;
    section->count = 0;
    while (section->count < count && rcode == RCODE_NOERROR)
        rcode = read_record(reading, &section->records[section->count++], is_sound);
    return rcode;
}

enum rcode update_message_read(struct update_message *message, const uint8_t *zone, const uint8_t *bytes,
    size_t len, size_t at, unsigned prerequisites, unsigned updates, struct arena *scratch)
{
    struct reading reading = {.zone = zone, .bytes = bytes, .len = len, .at = at, .scratch = scratch};
    message->zone = zone;
    if (at > len)
        return RCODE_FORMERR;
    reading.rdata = malloc(RDATA_MAX);
    if (reading.rdata == NULL)
        return RCODE_SERVFAIL;
    enum rcode rcode = read_section(&reading, &message->prerequisites, prerequisites, prerequisite_is_sound);
    if (rcode == RCODE_NOERROR)
        rcode = read_section(&reading, &message->updates, updates, update_is_sound);
    free(reading.rdata);
    return rcode;
}
