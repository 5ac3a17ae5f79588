/* One value of each kind: from a token to a field. */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/options.h"
#include "zone/wire/message.h"
#include "zone/wire/name.h"
#include "zone/wire/type.h"

/* ---- numbers ---- */

static bool whole_number(const char *text, int64_t *value)
{
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0 || isspace((unsigned char)*text))
        return false;
    *value = number;
    return true;
}

static bool within(const struct option *row, int64_t value)
{
    if (row->min == 0 && row->max == 0)
        return true;
    return value >= row->min && (row->max == 0 || value <= row->max);
}

static enum err out_of_range(struct setup *setup, const struct token *token, const struct option *row,
    const char *low, const char *high)
{
    if (row->max == 0)
        return setup_error(
            setup, token, NULL, "%s is '%s', but must be at least %s", row->arg, token->text, low);
    return setup_error(
        setup, token, NULL, "%s is '%s', but must be from %s to %s", row->arg, token->text, low, high);
}

static enum err store_number(
    struct setup *setup, const struct token *token, const struct option *row, int64_t value, void *field)
{
    char low[32], high[32];
    if (within(row, value)) {
        *(int64_t *)field = value;
        return ERR_OK;
    }
    if (row->kind == OPTION_DURATION) {
        duration_print(row->min, low);
        duration_print(row->max, high);
    } else {
        snprintf(low, sizeof low, "%lld", (long long)row->min);
        snprintf(high, sizeof high, "%lld", (long long)row->max);
    }
    return out_of_range(setup, token, row, low, high);
}

static enum err read_integer(
    struct setup *setup, const struct token *token, const struct option *row, void *field)
{
    int64_t value;
    if (!whole_number(token->text, &value))
        return setup_error(setup, token, NULL, "%s is '%s', which is no number", row->arg, token->text);
    return store_number(setup, token, row, value, field);
}

static const struct {
    const char *unit;
    double ms;
} duration_units[] = {{"ms", 1}, {"us", 1e-3}, {"\xc2\xb5s", 1e-3}, {"\xce\xbcs", 1e-3}, {"ns", 1e-6},
    {"s", 1000}, {"m", 60000}, {"h", 3600000}};

/* Milliseconds of the unit at AT, whose length goes to LEN; 0 when there is none. */
static double duration_unit(const char *at, size_t *len)
{
    for (unsigned i = 0; i < ARRAY_COUNT(duration_units); i++) {
        *len = strlen(duration_units[i].unit);
        if (strncmp(at, duration_units[i].unit, *len) == 0)
            return duration_units[i].ms;
    }
    return 0;
}

bool duration_parse(const char *text, int64_t *ms)
{
    double total = 0;
    const char *at = text;
    if (strcmp(text, "0") == 0) {
        *ms = 0;
        return true;
    }
    do {
        size_t digits = strspn(at, "0123456789"), len;
        size_t fraction = at[digits] == '.' ? strspn(at + digits + 1, "0123456789") + 1 : 0;
        if (digits + fraction == 0 || digits + fraction > 18 || (digits == 0 && fraction == 1))
            return false;
        double number = strtod(at, NULL);
        at += digits + fraction;
        double unit = duration_unit(at, &len);
        if (unit == 0)
            return false;
        total += number * unit;
        at += len;
    } while (*at != '\0');
    if (total > 9e15)
        return false;
    int64_t floor = (int64_t)total;
    *ms = floor + (total > (double)floor); /* up, so that 1us does not become "off" */
    return true;
}

void duration_print(int64_t ms, char out[32])
{
    long long rest = ms;
    int at = 0;
    if (rest >= 3600000)
        at += snprintf(out + at, 32 - (size_t)at, "%lldh", rest / 3600000);
    rest %= 3600000;
    if (rest >= 60000)
        at += snprintf(out + at, 32 - (size_t)at, "%lldm", rest / 60000);
    rest %= 60000;
    if (rest % 1000 != 0)
        snprintf(out + at, 32 - (size_t)at, "%lldms", rest);
    else if (rest != 0)
        snprintf(out + at, 32 - (size_t)at, "%llds", rest / 1000);
    else if (at == 0)
        snprintf(out, 32, "0");
}

static enum err read_duration(
    struct setup *setup, const struct token *token, const struct option *row, void *field)
{
    int64_t value;
    if (!duration_parse(token->text, &value)) {
        bool unit_missing = whole_number(token->text, &value);
        return setup_error(setup, token,
            unit_missing ? "write a unit behind it: ms, s, m, h" : "as in 30s, 1m30s, 500ms",
            "%s is '%s', which is no duration", row->arg, token->text);
    }
    return store_number(setup, token, row, value, field);
}

static enum err read_size(
    struct setup *setup, const struct token *token, const struct option *row, void *field)
{
    static const char units[] = "kmgt";
    char *end;
    errno = 0;
    unsigned long long number = strtoull(token->text, &end, 10);
    const char *unit = *end != '\0' ? strchr(units, tolower((unsigned char)*end)) : NULL;
    unsigned shift = unit != NULL ? 10 * (unsigned)(unit - units + 1) : 0;
    bool whole =
        isdigit((unsigned char)token->text[0]) && errno == 0 && *(unit != NULL ? end + 1 : end) == '\0';
    if (!whole || number > (unsigned long long)INT64_MAX >> shift)
        return setup_error(
            setup, token, "as in 512, 64k, 1m", "%s is '%s', which is no size", row->arg, token->text);
    return store_number(setup, token, row, (int64_t)(number << shift), field);
}

static enum err read_percent(
    struct setup *setup, const struct token *token, const struct option *row, void *field)
{
    char digits[16];
    int64_t value;
    size_t len = token->len;
    bool sign = len >= 2 && len <= sizeof digits && token->text[len - 1] == '%';
    if (sign) {
        memcpy(digits, token->text, len - 1);
        digits[len - 1] = '\0';
    }
    if (!sign || !whole_number(digits, &value))
        return setup_error(
            setup, token, "as in 10%", "%s is '%s', which is no percentage", row->arg, token->text);
    return store_number(setup, token, row, value, field);
}

static bool rcode_parse(const char *text, int64_t *value)
{
    for (unsigned code = 0; code < 24; code++) {
        const char *name = rcode_name(code);
        if (name != NULL && strcasecmp(name, text) == 0) {
            *value = code;
            return true;
        }
    }
    return whole_number(text, value) && *value >= 0 && *value <= 4095; /* RFC 6895 2.3: 12 bits with EDNS */
}

static enum err read_rcode(
    struct setup *setup, const struct token *token, const struct option *row, void *field)
{
    if (rcode_parse(token->text, field))
        return ERR_OK;
    return setup_error(
        setup, token, "as in NXDOMAIN, SERVFAIL", "%s is '%s', which is no rcode", row->arg, token->text);
}

/* ---- words ---- */

static enum err read_on_off(
    struct setup *setup, const struct token *token, const struct option *row, void *field)
{
    static const struct {
        const char *word;
        bool value;
    } words[] = {{"on", true}, {"true", true}, {"off", false}, {"false", false}};
    for (unsigned i = 0; i < ARRAY_COUNT(words); i++) {
        if (strcmp(words[i].word, token->text) != 0)
            continue;
        *(bool *)field = words[i].value;
        return ERR_OK;
    }
    return setup_error(setup, token, "on or off", "%s is '%s'", row->arg, token->text);
}

static enum err read_choice(
    struct setup *setup, const struct token *token, const struct option *row, void *field)
{
    char hint[256];
    size_t at = 0;
    for (unsigned i = 0; row->choices[i] != NULL; i++) {
        if (strcmp(row->choices[i], token->text) == 0) {
            *(int *)field = (int)i;
            return ERR_OK;
        }
        if (at < sizeof hint)
            at += (size_t)snprintf(
                hint + at, sizeof hint - at, "%s%s", at != 0 ? ", " : "one of ", row->choices[i]);
    }
    return setup_error(setup, token, hint, "'%s' is none of the words %s can be", token->text, row->arg);
}

static enum err read_string(
    struct setup *setup, const struct token *token, const struct option *row, void *field)
{
    (void)setup;
    (void)row;
    *(const char **)field = token->text;
    return ERR_OK;
}

const char *setup_path(struct setup *setup, const char *path)
{
    if (path[0] == '/' || setup->root == NULL || setup->root[0] == '\0')
        return path;
    return arena_printf(setup->world, "%s/%s", setup->root, path);
}

static enum err read_path(
    struct setup *setup, const struct token *token, const struct option *row, void *field)
{
    if (token->len == 0)
        return setup_error(setup, token, NULL, "%s is empty", row->arg);
    const char *path = setup_path(setup, token->text);
    if (path == NULL)
        return ERR_MEMORY;
    *(const char **)field = path;
    return ERR_OK;
}

static enum err read_name(
    struct setup *setup, const struct token *token, const struct option *row, void *field)
{
    uint8_t name[NAME_MAX];
    size_t len;
    const char *why = "malformed";
    if (name_parse(token->text, token->len, NULL, name, &len, &why) != ERR_OK)
        return setup_error(
            setup, token, NULL, "%s is '%s', which is no domain name: %s", row->arg, token->text, why);
    uint8_t *copy = arena_alloc(setup->world, len, 1);
    if (copy == NULL)
        return ERR_MEMORY;
    name_lower(copy, name);
    *(const uint8_t **)field = copy;
    return ERR_OK;
}

typedef enum err reader(struct setup *, const struct token *, const struct option *, void *);

static const struct {
    reader *read;
    size_t size;
} kinds[] = {
    [OPTION_FLAG] = {NULL, sizeof(bool)},
    [OPTION_ON_OFF] = {read_on_off, sizeof(bool)},
    [OPTION_INTEGER] = {read_integer, sizeof(int64_t)},
    [OPTION_DURATION] = {read_duration, sizeof(int64_t)},
    [OPTION_SIZE] = {read_size, sizeof(int64_t)},
    [OPTION_PERCENT] = {read_percent, sizeof(int64_t)},
    [OPTION_CHOICE] = {read_choice, sizeof(int)},
    [OPTION_RCODE] = {read_rcode, sizeof(int64_t)},
    [OPTION_STRING] = {read_string, sizeof(const char *)},
    [OPTION_PATH] = {read_path, sizeof(const char *)},
    [OPTION_NAME] = {read_name, sizeof(const uint8_t *)},
    [OPTION_STRINGS] = {NULL, sizeof(struct option_strings)},
    [OPTION_ZONES] = {NULL, sizeof(struct option_zones)},
    [OPTION_TYPES] = {NULL, sizeof(struct option_numbers)},
    [OPTION_RCODES] = {NULL, sizeof(struct option_numbers)},
    [OPTION_ADDRESSES] = {NULL, sizeof(struct option_addresses)},
    [OPTION_NETWORKS] = {NULL, sizeof(struct option_networks)},
    [OPTION_LINES] = {NULL, sizeof(struct option_lines)},
    [OPTION_IGNORED] = {NULL, 0},
    [OPTION_REMOVED] = {NULL, 0},
};

size_t option_size(enum option_kind kind)
{
    return kinds[kind].size;
}

enum err option_value(struct setup *setup, const struct token *token, const struct option *row, void *field)
{
    reader *read = kinds[row->kind].read;
    if (read == NULL)
        return setup_error(setup, token, NULL, "the plugin asks for a value of a kind that has none");
    return read(setup, token, row, field);
}
