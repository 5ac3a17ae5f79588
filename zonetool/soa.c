#include "zonetool/soa.h"

#include <stdio.h>
#include <string.h>

#include "zone/store/change.h"
#include "zone/text/entry.h"
#include "zone/wire/type.h"

#define SERIAL_DIGITS_MAX 10

static bool parse_serial(const struct piece *piece, uint32_t *value)
{
    uint64_t number = 0;
    if (piece->len == 0 || piece->len > SERIAL_DIGITS_MAX)
        return false;
    for (uint32_t i = 0; i < piece->len; i++) {
        if ((uint8_t)(piece->at[i] - '0') > 9)
            return false;
        number = number * 10 + (uint64_t)(piece->at[i] - '0');
    }
    *value = (uint32_t)number;
    return number <= UINT32_MAX;
}

/* The third token behind the type. */
static const struct piece *serial_piece(const struct entry *entry)
{
    unsigned tokens = 0;
    for (uint32_t i = entry->type + 1; i < entry->count; i++) {
        if (entry->pieces[i].kind == PIECE_TOKEN && ++tokens == 3)
            return &entry->pieces[i];
    }
    return NULL;
}

static bool is_soa(const struct entry *entry)
{
    uint16_t type;
    if (entry->kind != ENTRY_RECORD || entry->type == ENTRY_NONE)
        return false;
    const struct piece *piece = &entry->pieces[entry->type];
    return type_parse(piece->at, piece->len, &type) && type == TYPE_SOA;
}

enum err soa_find(const char *text, size_t len, struct soa_serial *serial)
{
    struct entry entry;
    enum err err = ERR_MISSING;
    entry_init(&entry);
    for (const char *at = text, *end = text + len; at < end; at = entry.next) {
        if (entry_scan(&entry, at, end) != ERR_OK) {
            err = ERR_MEMORY;
            break;
        }
        if (!is_soa(&entry))
            continue;
        const struct piece *piece = serial_piece(&entry);
        if (piece != NULL && parse_serial(piece, &serial->value)) {
            serial->at = (size_t)(piece->at - text);
            serial->len = piece->len;
            err = ERR_OK;
        }
        break;
    }
    entry_clear(&entry);
    return err;
}

static const char *const policies[] = {
    [SOA_INCREMENT] = "increment", [SOA_DATE] = "date", [SOA_UNIXTIME] = "unixtime", [SOA_GIT] = "git"};

bool soa_policy_parse(const char *word, enum soa_policy *policy)
{
    for (unsigned i = 0; i < ARRAY_COUNT(policies); i++) {
        if (strcmp(policies[i], word) == 0) {
            *policy = (enum soa_policy)i;
            return true;
        }
    }
    return false;
}

/* YYYYMMDDnn (RFC 1912 2.2), in UTC: two people in two time zones must not go back. */
static uint32_t date_serial(time_t now)
{
    struct tm day;
    gmtime_r(&now, &day);
    return (uint32_t)((day.tm_year + 1900) * 10000 + (day.tm_mon + 1) * 100 + day.tm_mday) * 100;
}

uint32_t soa_next(uint32_t old, enum soa_policy policy, time_t now, uint32_t commits)
{
    uint32_t next = policy == SOA_DATE       ? date_serial(now)
                    : policy == SOA_UNIXTIME ? (uint32_t)now
                    : policy == SOA_GIT      ? commits
                                             : old + 1;
    if (!serial_after(next, old))
        next = old + 1;
    return next != 0 ? next : 1; /* some software takes 0 for "none" */
}
