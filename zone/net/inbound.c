#include "zone/net/inbound.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zone/net/request.h"
#include "zone/wire/rdata.h"
#include "zone/wire/type.h"

#define SOA_FIXED 20
#define NO_REF SIZE_MAX

/* A record, expanded. */
struct incoming {
    uint8_t owner[NAME_MAX + 1]; /* lower case */
    size_t owner_len;
    size_t owner_ref; /* offset in the message where it is written, for the records that follow with it */
    const uint8_t *rdata;
    size_t rdata_len;
    uint32_t ttl;
    uint16_t type;
    bool apex;
};

static enum err refuse(struct inbound *inbound, const char *format, ...) PRINTF(2, 3);

static enum err refuse(struct inbound *inbound, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(inbound->why, sizeof inbound->why, format, args);
    va_end(args);
    return ERR_INVALID;
}

enum err inbound_init(
    struct inbound *inbound, const uint8_t *zone, bool incremental, uint32_t from, uint64_t max_octets)
{
    memset(inbound, 0, sizeof *inbound);
    inbound->zone_len = name_lower(inbound->zone, zone);
    inbound->incremental = incremental;
    inbound->from = from;
    inbound->max_octets = max_octets;
    inbound->rdata = malloc(RDATA_MAX);
    return inbound->rdata != NULL ? ERR_OK : ERR_MEMORY;
}

void inbound_clear(struct inbound *inbound)
{
    for (size_t i = 0; i < inbound->step_count; i++)
        change_clear(&inbound->steps[i]);
    free(inbound->steps);
    free(inbound->rdata);
    change_list_clear(&inbound->whole);
    whole_clear(&inbound->tapes);
    inbound->steps = NULL;
    inbound->step_count = 0;
    inbound->rdata = NULL;
}

/* ---- what a record means where it stands ---- */

static uint32_t serial_of(const struct incoming *record)
{
    const uint8_t *at = record->rdata + record->rdata_len - SOA_FIXED;
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static bool is_soa(const struct incoming *record)
{
    return record->type == TYPE_SOA && record->apex;
}

/* Both SOAs of a transfer must be the same (RFC 5936 2.2): else the zone has changed on the way. */
static enum err check_last_soa(struct inbound *inbound, const struct incoming *record)
{
    if (record->rdata_len == inbound->soa_len && memcmp(record->rdata, inbound->soa, inbound->soa_len) == 0)
        return ERR_OK;
    return refuse(inbound, "the SOA at the end (serial %u) is not the one at the beginning (serial %u)",
        serial_of(record), inbound->serial);
}

static enum err keep(struct inbound *inbound, const struct incoming *record, bool removed)
{
    struct change *step = inbound->step_count > 0 ? &inbound->steps[inbound->step_count - 1] : NULL;
    inbound->records++;
    inbound->octets += record->owner_len + 10 + record->rdata_len;
    if (inbound->max_octets != 0 && inbound->octets > inbound->max_octets) {
        snprintf(inbound->why, sizeof inbound->why, "the transfer has more than the %llu octets allowed",
            (unsigned long long)inbound->max_octets);
        return ERR_LIMIT;
    }
    enum err err;
    if (step == NULL && inbound->on_tapes)
        err = whole_add(
            &inbound->tapes, record->owner, record->type, record->ttl, record->rdata, record->rdata_len);
    else if (step == NULL)
        err = change_list_add(
            &inbound->whole, record->owner, record->type, record->ttl, record->rdata, record->rdata_len);
    else if (removed)
        err = change_remove(step, record->owner, record->type, record->ttl, record->rdata, record->rdata_len);
    else
        err = change_add(step, record->owner, record->type, record->ttl, record->rdata, record->rdata_len);
    if (err != ERR_OK)
        return err == ERR_MEMORY ? err : refuse(inbound, "a step has two SOA records for one version");
    return ERR_OK;
}

static enum err take_first(struct inbound *inbound, const struct incoming *record)
{
    if (!is_soa(record))
        return refuse(inbound, "the answer does not begin with the zone's SOA");
    if (record->rdata_len > sizeof inbound->soa)
        return refuse(inbound, "the SOA is too long");
    memcpy(inbound->soa, record->rdata, record->rdata_len);
    inbound->soa_len = (uint16_t)record->rdata_len;
    inbound->soa_ttl = record->ttl;
    inbound->serial = serial_of(record);
    inbound->state = INBOUND_SECOND;
    return ERR_OK;
}

/* The SOA that takes the old version away: from serial to serial, without a gap (RFC 1995 4). */
static enum err begin_step(struct inbound *inbound, const struct incoming *record)
{
    uint32_t wanted = inbound->step_count > 0 ? inbound->steps[inbound->step_count - 1].to : inbound->from;
    if (serial_of(record) != wanted)
        return refuse(inbound, "a step begins at serial %u, not at %u", serial_of(record), wanted);
    if (inbound->step_count == INBOUND_STEPS_MAX)
        return refuse(inbound, "there are more than %d steps", INBOUND_STEPS_MAX);
    if (inbound->step_count == inbound->step_room) {
        size_t room = inbound->step_room * 2 + 8;
        struct change *steps = realloc(inbound->steps, room * sizeof *steps);
        if (steps == NULL)
            return ERR_MEMORY;
        inbound->steps = steps;
        inbound->step_room = room;
    }
    inbound->steps[inbound->step_count++] = (struct change){0};
    inbound->state = INBOUND_REMOVED;
    return keep(inbound, record, true);
}

static enum err begin_whole(struct inbound *inbound)
{
    struct incoming soa = {.rdata = inbound->soa,
        .rdata_len = inbound->soa_len,
        .owner_len = inbound->zone_len,
        .ttl = inbound->soa_ttl,
        .type = TYPE_SOA};
    memcpy(soa.owner, inbound->zone, inbound->zone_len);
    inbound->state = INBOUND_WHOLE;
    return keep(inbound, &soa, false);
}

static enum err finish(struct inbound *inbound, const struct incoming *record, enum inbound_kind kind)
{
    enum err err = check_last_soa(inbound, record);
    inbound->kind = kind;
    inbound->state = INBOUND_DONE;
    return err;
}

static enum err take_whole(struct inbound *inbound, const struct incoming *record)
{
    return is_soa(record) ? finish(inbound, record, INBOUND_FULL) : keep(inbound, record, false);
}

/* The second record: a SOA of the version we have means steps, anything else the whole zone (RFC 1995 4). */
static enum err take_second(struct inbound *inbound, const struct incoming *record)
{
    if (inbound->incremental && is_soa(record) && serial_of(record) == inbound->from &&
        inbound->serial != inbound->from)
        return begin_step(inbound, record);
    enum err err = begin_whole(inbound);
    return err == ERR_OK ? take_whole(inbound, record) : err;
}

static enum err take_removed(struct inbound *inbound, const struct incoming *record)
{
    if (!is_soa(record))
        return keep(inbound, record, true);
    inbound->state = INBOUND_ADDED;
    const struct change *step = &inbound->steps[inbound->step_count - 1];
    if (!serial_after(serial_of(record), step->from))
        return refuse(inbound, "a step leads from serial %u back to %u", step->from, serial_of(record));
    return keep(inbound, record, false);
}

static enum err take_added(struct inbound *inbound, const struct incoming *record)
{
    if (!is_soa(record))
        return keep(inbound, record, false);
    if (inbound->steps[inbound->step_count - 1].to != inbound->serial)
        return begin_step(inbound, record);
    return finish(inbound, record, INBOUND_STEPS);
}

static enum err take(struct inbound *inbound, const struct incoming *record)
{
    switch (inbound->state) {
    case INBOUND_FIRST:
        return take_first(inbound, record);
    case INBOUND_SECOND:
        return take_second(inbound, record);
    case INBOUND_WHOLE:
        return take_whole(inbound, record);
    case INBOUND_REMOVED:
        return take_removed(inbound, record);
    case INBOUND_ADDED:
        return take_added(inbound, record);
    case INBOUND_DONE:
    default:
        return refuse(inbound, "records follow behind the last SOA");
    }
}

/* ---- reading a message ---- */

static enum err refuse_record(struct inbound *inbound, const struct incoming *record, const char *what)
{
    char owner[NAME_TEXT_MAX], type[16];
    name_print(record->owner, owner);
    type_print(record->type, type);
    return refuse(inbound, "%s: %.140s %s", what, owner, type);
}

/* The owner. Names mostly follow each other: a pointer to the one that was read last needs no reading. */
static enum err read_owner(
    struct inbound *inbound, const uint8_t *message, size_t len, size_t at, struct incoming *record)
{
    size_t ref = at;
    if (message[at] >= 0xc0 && at + 1 < len)
        ref = (size_t)(message[at] & 0x3f) << 8 | message[at + 1];
    if (ref == record->owner_ref)
        return ERR_OK;
    record->owner_ref = NO_REF;
    if (name_read(message, len, &at, record->owner, &record->owner_len) != ERR_OK)
        return refuse(inbound, "a name is malformed");
    name_lower(record->owner, record->owner);
    if (!name_under(record->owner, inbound->zone))
        return refuse_record(inbound, record, "a record is not in the zone");
    record->apex = record->owner_len == inbound->zone_len;
    record->owner_ref = ref;
    return ERR_OK;
}

static enum err read_record(
    struct inbound *inbound, const uint8_t *message, size_t len, size_t *at, struct incoming *record)
{
    struct message_record raw;
    if (message_record_read(message, len, at, &raw) != ERR_OK)
        return refuse(inbound, "a record is malformed");
    record->type = raw.type;
    enum err err = read_owner(inbound, message, len, raw.name_at, record);
    if (err != ERR_OK)
        return err;
    record->ttl = raw.ttl > INT32_MAX ? 0 : raw.ttl; /* RFC 2181 8 */
    if (raw.class != CLASS_IN)
        return refuse_record(inbound, record, "a record is not of class IN");
    if (type_is_meta(raw.type))
        return refuse_record(inbound, record, "a record has a type that no zone has");
    size_t rdata_at = raw.rdata_at;
    if (rdata_read(raw.type, message, len, &rdata_at, raw.rdata_len, inbound->rdata, &record->rdata_len) !=
        ERR_OK)
        return refuse_record(inbound, record, "the data of a record is malformed");
    record->rdata = inbound->rdata;
    return ERR_OK;
}

static enum err check_head(struct inbound *inbound, const struct reply_head *head)
{
    unsigned rcode = head->flags & 15u;
    if (rcode != RCODE_NOERROR) {
        const char *name = rcode_name(rcode);
        inbound->rcode = (uint16_t)rcode;
        return name != NULL ? refuse(inbound, "the primary answers %s", name)
                            : refuse(inbound, "the primary answers with rcode %u", rcode);
    }
    if ((head->flags & MESSAGE_TC) != 0)
        return refuse(inbound, "a message of the transfer is truncated");
    if (head->ancount == 0 && inbound->state == INBOUND_FIRST)
        return refuse(inbound, "the answer has no records");
    return ERR_OK;
}

enum err inbound_message(struct inbound *inbound, const uint8_t *message, size_t len)
{
    struct reply_head head;
    struct incoming record = {.owner_ref = NO_REF};
    if (!reply_head_read(&head, message, len))
        return refuse(inbound, "a message is malformed");
    enum err err = check_head(inbound, &head);
    size_t at = head.answer_at;
    inbound->messages++;
    for (unsigned i = 0; i < head.ancount && err == ERR_OK; i++) {
        err = read_record(inbound, message, len, &at, &record);
        if (err == ERR_OK)
            err = take(inbound, &record);
    }
    /* A lone SOA, not newer than what we have: there is nothing to send (RFC 1995 2). */
    if (err == ERR_OK && inbound->state == INBOUND_SECOND && inbound->incremental &&
        !serial_after(inbound->serial, inbound->from)) {
        inbound->kind = INBOUND_CURRENT;
        inbound->state = INBOUND_DONE;
    }
    if (err == ERR_MEMORY)
        snprintf(inbound->why, sizeof inbound->why, "out of memory");
    return err;
}
