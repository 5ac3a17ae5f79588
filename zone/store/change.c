#include "zone/store/change.h"

#include <stdlib.h>
#include <string.h>

#include "zone/wire/name.h"
#include "zone/wire/rdata.h"
#include "zone/wire/type.h"

#define SOA_TAIL 20 /* serial and the four times behind its two names (RFC 1035 3.3.13) */
#define HEAD 10     /* type, class, TTL, RDLENGTH */

static void put16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static unsigned get16(const uint8_t *at)
{
    return (unsigned)at[0] << 8 | at[1];
}

static uint32_t get32(const uint8_t *at)
{
    return (uint32_t)get16(at) << 16 | get16(at + 2);
}

/* ---- lists ---- */

void change_list_clear(struct change_list *list)
{
    free(list->bytes);
    *list = (struct change_list){0};
}

void change_clear(struct change *change)
{
    change_list_clear(&change->removed);
    change_list_clear(&change->added);
    change->from = change->to = 0;
}

static enum err reserve(struct change_list *list, size_t more)
{
    if (list->room - list->len >= more)
        return ERR_OK;
    size_t room = (list->len + more) * 2 + 256;
    uint8_t *bytes = realloc(list->bytes, room);
    if (bytes == NULL)
        return ERR_MEMORY;
    list->bytes = bytes;
    list->room = room;
    return ERR_OK;
}

/* Writes a record at AT, whose room is there. */
static void write_record(uint8_t *at, const uint8_t *owner, size_t owner_len, uint16_t type, uint32_t ttl,
    const uint8_t *rdata, size_t rdata_len)
{
    octets_lower(at, owner, owner_len);
    at += owner_len;
    put16(at, type);
    put16(at + 2, CLASS_IN);
    put16(at + 4, ttl >> 16);
    put16(at + 6, ttl & 0xffff);
    put16(at + 8, (unsigned)rdata_len);
    if (rdata_len > 0)
        memcpy(at + HEAD, rdata, rdata_len);
}

enum err change_list_add(struct change_list *list, const uint8_t *owner, uint16_t type, uint32_t ttl,
    const uint8_t *rdata, size_t rdata_len)
{
    size_t owner_len = name_len(owner), size = owner_len + HEAD + rdata_len;
    if (rdata_len > UINT16_MAX)
        return ERR_RANGE;
    enum err err = reserve(list, size);
    if (err != ERR_OK)
        return err;
    write_record(list->bytes + list->len, owner, owner_len, type, ttl, rdata, rdata_len);
    list->len += size;
    list->count++;
    return ERR_OK;
}

static bool begins_with_soa(const struct change_list *list)
{
    struct change_record first;
    size_t at = 0;
    return change_next(list, &at, &first) && first.type == TYPE_SOA;
}

/* RFC 1995 4: the SOA stands before all others. */
static enum err put_soa(struct change_list *list, uint32_t *serial, const uint8_t *owner, uint32_t ttl,
    const uint8_t *rdata, size_t rdata_len)
{
    size_t owner_len = name_len(owner), size = owner_len + HEAD + rdata_len;
    if (rdata_len < SOA_TAIL + 2 || rdata_len > UINT16_MAX)
        return ERR_WIRE;
    if (begins_with_soa(list))
        return ERR_EXISTS;
    enum err err = reserve(list, size);
    if (err != ERR_OK)
        return err;
    memmove(list->bytes + size, list->bytes, list->len);
    write_record(list->bytes, owner, owner_len, TYPE_SOA, ttl, rdata, rdata_len);
    list->len += size;
    list->count++;
    *serial = get32(rdata + rdata_len - SOA_TAIL);
    return ERR_OK;
}

enum err change_remove(struct change *change, const uint8_t *owner, uint16_t type, uint32_t ttl,
    const uint8_t *rdata, size_t rdata_len)
{
    if (type == TYPE_SOA)
        return put_soa(&change->removed, &change->from, owner, ttl, rdata, rdata_len);
    return change_list_add(&change->removed, owner, type, ttl, rdata, rdata_len);
}

enum err change_add(struct change *change, const uint8_t *owner, uint16_t type, uint32_t ttl,
    const uint8_t *rdata, size_t rdata_len)
{
    if (type == TYPE_SOA)
        return put_soa(&change->added, &change->to, owner, ttl, rdata, rdata_len);
    return change_list_add(&change->added, owner, type, ttl, rdata, rdata_len);
}

bool change_next(const struct change_list *list, size_t *at, struct change_record *record)
{
    if (*at >= list->len)
        return false;
    const uint8_t *from = list->bytes + *at, *head = from + name_len(from);
    *record = (struct change_record){.owner = from,
        .rdata = head + HEAD,
        .ttl = get32(head + 4),
        .type = (uint16_t)get16(head),
        .rdata_len = (uint16_t)get16(head + 8)};
    *at += (size_t)(record->rdata - from) + record->rdata_len;
    return true;
}

/* Whole records in lower case, COUNT of them, a SOA in front alone. */
static bool list_check(const struct change_list *list, uint32_t serial)
{
    uint32_t count = 0;
    for (size_t at = 0; at < list->len; count++) {
        const uint8_t *from = list->bytes + at;
        size_t left = list->len - at, owner_len = name_check(from, left);
        if (owner_len == 0 || left - owner_len < HEAD)
            return false;
        const uint8_t *head = from + owner_len;
        size_t rdata_len = get16(head + 8);
        bool soa = get16(head) == TYPE_SOA;
        if (left - owner_len - HEAD < rdata_len || get16(head + 2) != CLASS_IN || soa != (count == 0))
            return false;
        if (rdata_check((uint16_t)get16(head), head + HEAD, rdata_len, NULL) != ERR_OK)
            return false;
        if (soa && (rdata_len < SOA_TAIL + 2 || get32(head + HEAD + rdata_len - SOA_TAIL) != serial))
            return false;
        at += owner_len + HEAD + rdata_len;
    }
    return count == list->count;
}

bool change_check(const struct change *change)
{
    return change->removed.count > 0 && change->added.count > 0 &&
           list_check(&change->removed, change->from) && list_check(&change->added, change->to);
}

/* ---- condensing ---- */

/* One thing done to one record. */
struct deed {
    struct change_record record;
    uint32_t order;
    bool add;
};

/* The same owner, type and rdata: one record, whatever its TTL. */
static int same_record(const struct change_record *a, const struct change_record *b)
{
    int order = name_compare(a->owner, b->owner);
    if (order == 0)
        order = a->type - b->type;
    if (order == 0)
        order = a->rdata_len - b->rdata_len;
    return order != 0 ? order : memcmp(a->rdata, b->rdata, a->rdata_len);
}

static int deed_order(const void *left, const void *right)
{
    const struct deed *a = left, *b = right;
    int order = same_record(&a->record, &b->record);
    return order != 0 ? order : a->order < b->order ? -1 : 1;
}

static size_t list_deeds(const struct change_list *list, bool add, struct deed *deeds, size_t count)
{
    struct change_record record;
    for (size_t at = 0; change_next(list, &at, &record);) {
        if (record.type != TYPE_SOA) {
            deeds[count] = (struct deed){.record = record, .order = (uint32_t)count, .add = add};
            count++;
        }
    }
    return count;
}

/* FIRST and LAST are what was done first and last to one record: it was there before when it was first
 * removed, and is there now when it was last added. */
static enum err sum_up(const struct deed *first, const struct deed *last, struct change *out)
{
    const struct change_record *old = &first->record, *new = &last->record;
    bool was = !first->add, is = last->add;
    enum err err = ERR_OK;
    if (was && is && old->ttl == new->ttl)
        return ERR_OK;
    if (was)
        err = change_remove(out, old->owner, old->type, old->ttl, old->rdata, old->rdata_len);
    if (is && err == ERR_OK)
        err = change_add(out, new->owner, new->type, new->ttl, new->rdata, new->rdata_len);
    return err;
}

static enum err take_soas(const struct change *first, const struct change *last, struct change *out)
{
    struct change_record old, new;
    size_t at = 0, end = 0;
    if (!change_next(&first->removed, &at, &old) || !change_next(&last->added, &end, &new))
        return ERR_INVALID;
    enum err err = change_remove(out, old.owner, old.type, old.ttl, old.rdata, old.rdata_len);
    return err == ERR_OK ? change_add(out, new.owner, new.type, new.ttl, new.rdata, new.rdata_len) : err;
}

static enum err condense(struct deed *deeds, size_t count, struct change *out)
{
    enum err err = ERR_OK;
    qsort(deeds, count, sizeof *deeds, deed_order);
    for (size_t from = 0, to; from < count && err == ERR_OK; from = to) {
        for (to = from + 1; to < count && same_record(&deeds[from].record, &deeds[to].record) == 0; to++)
            continue;
        err = sum_up(&deeds[from], &deeds[to - 1], out);
    }
    return err;
}

enum err change_condense(const struct change *const *changes, size_t count, struct change *out)
{
    struct change sum = {0};
    size_t room = 0, used = 0;
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && changes[i]->from != changes[i - 1]->to)
            return ERR_INVALID;
        room += (size_t)changes[i]->removed.count + changes[i]->added.count;
    }
    if (count == 0)
        return ERR_INVALID;
    struct deed *deeds = malloc((room + 1) * sizeof *deeds);
    if (deeds == NULL)
        return ERR_MEMORY;
    for (size_t i = 0; i < count; i++) {
        used = list_deeds(&changes[i]->removed, false, deeds, used);
        used = list_deeds(&changes[i]->added, true, deeds, used);
    }
    enum err err = take_soas(changes[0], changes[count - 1], &sum);
    if (err == ERR_OK)
        err = condense(deeds, used, &sum);
    free(deeds);
    if (err == ERR_OK)
        *out = sum;
    else
        change_clear(&sum);
    return err;
}
