/* Times and spans as BIND's key files and tools write them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "zone/sec/keyfile.h"

static const struct {
    const char *unit;
    int64_t seconds;
} units[] = {{"mo", 30 * 86400}, {"mi", 60}, {"y", 365 * 86400}, {"w", 7 * 86400}, {"d", 86400}, {"h", 3600},
    {"m", 60}, {"s", 1}};

#define SPAN_MAX (INT64_C(200) * 365 * 86400)

static const char *take_unit(const char *text, int64_t *seconds)
{
    for (size_t i = 0; i < ARRAY_COUNT(units); i++) {
        size_t len = strlen(units[i].unit);
        if (strncasecmp(text, units[i].unit, len) == 0) {
            *seconds = units[i].seconds;
            return text + len;
        }
    }
    return NULL;
}

bool span_parse(const char *text, int64_t *seconds)
{
    int64_t total = 0;
    if (*text == '\0')
        return false;
    while (*text != '\0') {
        char *end;
        if (*text < '0' || *text > '9')
            return false;
        unsigned long long value = strtoull(text, &end, 10);
        int64_t unit = 1;
        if (value > (unsigned long long)SPAN_MAX)
            return false;
        text = *end == '\0' ? end : take_unit(end, &unit);
        if (text == NULL || (int64_t)value > SPAN_MAX / unit)
            return false;
        total += (int64_t)value * unit;
        if (total > SPAN_MAX)
            return false;
    }
    *seconds = total;
    return true;
}

static bool all_digits(const char *text, size_t count)
{
    return strlen(text) == count && strspn(text, "0123456789") == count;
}

/* YYYYMMDDHHMMSS, or YYYYMMDD for its midnight. */
static bool take_date(const char *text, int64_t *out)
{
    struct tm parts = {0};
    if (!all_digits(text, 14) && !all_digits(text, 8))
        return false;
    int taken = sscanf(text, "%4d%2d%2d%2d%2d%2d", &parts.tm_year, &parts.tm_mon, &parts.tm_mday,
        &parts.tm_hour, &parts.tm_min, &parts.tm_sec);
    parts.tm_year -= 1900;
    parts.tm_mon -= 1;
    struct tm given = parts;
    time_t value = timegm(&parts);
    if (taken < 3 || value < 0 || given.tm_mon != parts.tm_mon || given.tm_mday != parts.tm_mday ||
        given.tm_hour != parts.tm_hour || given.tm_min != parts.tm_min)
        return false;
    *out = value;
    return true;
}

bool time_parse(const char *text, int64_t now, int64_t *out)
{
    int64_t value = now;
    if (strcasecmp(text, "none") == 0 || strcasecmp(text, "never") == 0) {
        *out = 0;
        return true;
    }
    if (*text == '@') {
        char *end;
        value = strtoll(text + 1, &end, 10);
        if (end == text + 1 || *end != '\0' || value < 0)
            return false;
        *out = value;
        return true;
    }
    if (take_date(text, out))
        return true;
    if (strncasecmp(text, "now", 3) == 0)
        text += 3;
    else if (*text != '+' && *text != '-')
        return false;
    if (*text != '\0') {
        int64_t span;
        if ((*text != '+' && *text != '-') || !span_parse(text + 1, &span))
            return false;
        value += *text == '+' ? span : -span;
    }
    if (value <= 0)
        return false;
    *out = value;
    return true;
}

void time_print(int64_t time, char out[16])
{
    struct tm parts;
    time_t value = (time_t)time;
    if (gmtime_r(&value, &parts) == NULL || strftime(out, 16, "%Y%m%d%H%M%S", &parts) == 0)
        memcpy(out, "0", 2);
}
