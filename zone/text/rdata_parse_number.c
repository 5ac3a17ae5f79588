/* Numbers, times and record types in rdata. */
#include <string.h>

#include "zone/text/rdata_parser.h"

static const char *const number_hints[9] = {[1] = "a number from 0 to 255 belongs here",
    [2] = "a number from 0 to 65535 belongs here",
    [4] = "a number from 0 to 4294967295 belongs here",
    [8] = "a number from 0 to 18446744073709551615 belongs here"};

static bool wide_number(const char *text, size_t len, uint64_t max, uint64_t *value)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < len; i++) {
        unsigned digit = (unsigned char)text[i] - (unsigned)'0';
        if (digit > 9 || sum > (UINT64_MAX - digit) / 10)
            return false;
        sum = sum * 10 + digit;
    }
    *value = sum;
    return len > 0 && sum <= max;
}

bool parser_number(const char *text, size_t len, uint64_t max, uint64_t *value)
{
    uint64_t sum = 0;
    if (UNLIKELY(len - 1 > 18)) /* none, or so many that they might overflow */
        return wide_number(text, len, max, value);
    for (size_t i = 0; i < len; i++) {
        unsigned digit = (unsigned char)text[i] - (unsigned)'0';
        if (UNLIKELY(digit > 9))
            return false;
        sum = sum * 10 + digit;
    }
    if (sum > max)
        return false;
    *value = sum;
    return true;
}

static bool all_digits(const struct token *token)
{
    for (size_t i = 0; i < token->len; i++) {
        if ((unsigned char)(token->text[i] - '0') > 9)
            return false;
    }
    return token->len > 0;
}

static bool number_refuse(struct rdata_parser *p, uint64_t max, unsigned octets)
{
    if (all_digits(&p->token))
        return parser_refuse(p, number_hints[octets], " is above %llu", (unsigned long long)max);
    return parser_refuse(p, number_hints[octets], " is not a number");
}

static const struct word *find_word(const struct word *words, const struct token *token)
{
    for (; words != NULL && words->name != NULL; words++) {
        if (parser_is(token, words->name))
            return words;
    }
    return NULL;
}

bool parse_number(struct rdata_parser *p)
{
    static const uint8_t widths[FIELD_KINDS] = {
        [FIELD_U8] = 1, [FIELD_U16] = 2, [FIELD_U32] = 4, [FIELD_U64] = 8};
    unsigned octets = widths[p->field->kind];
    uint64_t max = UINT64_MAX >> (64 - octets * 8), value;
    if (!parser_word(p))
        return false;
    if (UNLIKELY(!parser_number(p->token.text, p->token.len, max, &value))) {
        const struct word *word = find_word(p->field->words, &p->token);
        if (word == NULL)
            return number_refuse(p, max, octets);
        value = word->value;
    }
    parser_put(p, value, octets);
    return true;
}

bool parser_u8(struct rdata_parser *p, const char *what, unsigned max)
{
    uint64_t value;
    if (!parser_more(p))
        return parser_missing(p, what);
    if (p->token.quoted || !parser_number(p->token.text, p->token.len, max, &value))
        return parser_refuse_at(p, p->token.text, p->token.len, max == 255 ? number_hints[1] : NULL,
            ": %s \"%.*s\" is not a number up to %u", what, (int)(p->token.len < 20 ? p->token.len : 20),
            p->token.text, max);
    parser_put(p, value, 1);
    return true;
}

static uint64_t unit_seconds(char unit)
{
    switch (unit | 0x20) {
    case 's':
        return 1;
    case 'm':
        return 60;
    case 'h':
        return 3600;
    case 'd':
        return 86400;
    case 'w':
        return 604800;
    default:
        return 0;
    }
}

/* "3600", or numbers with units: "1h30m", in any order and case. */
static bool period_read(const char *text, size_t len, uint64_t max, uint64_t *seconds)
{
    uint64_t sum = 0;
    for (size_t at = 0; at < len; at++) {
        size_t start = at;
        uint64_t number;
        while (at < len && (unsigned char)(text[at] - '0') < 10)
            at++;
        if (at == start || at >= len || unit_seconds(text[at]) == 0 ||
            !parser_number(text + start, at - start, UINT32_MAX, &number))
            return false;
        sum += number * unit_seconds(text[at]);
        if (sum > max)
            return false;
    }
    *seconds = sum;
    return len > 0;
}

bool parse_period(struct rdata_parser *p)
{
    uint64_t max = UINT32_MAX, value;
    if (!parser_word(p))
        return false;
    if (UNLIKELY(!parser_number(p->token.text, p->token.len, max, &value) &&
                 !period_read(p->token.text, p->token.len, max, &value))) {
        uint64_t wide;
        bool period = all_digits(&p->token) || period_read(p->token.text, p->token.len, UINT64_MAX, &wide);
        if (period)
            return parser_refuse(p, NULL, " is above %llu seconds", (unsigned long long)max);
        return parser_refuse(p, "write seconds, or units as in 1w2d3h4m5s", " is not a time");
    }
    parser_put(p, value, 4);
    return true;
}

/* Eight digits at TEXT as four numbers of two digits, in the octets 0, 2, 4 and 6; false when they are not
 * all digits. Little-endian. */
static inline bool digit_pairs(const char *text, uint64_t *pairs)
{
    uint64_t word;
    memcpy(&word, text, 8);
    uint64_t digits = word ^ UINT64_C(0x3030303030303030);
    if (((digits + UINT64_C(0x0606060606060606)) | digits) & UINT64_C(0xf0f0f0f0f0f0f0f0))
        return false;
    *pairs = (digits * 10 + (digits >> 8)) & UINT64_C(0x00ff00ff00ff00ff);
    return true;
}

static bool is_leap(unsigned year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* Days from 1970-01-01; years begin in March, so that the leap day comes last. */
static int64_t days_from_civil(unsigned year, unsigned month, unsigned day)
{
    unsigned of_march = month > 2 ? month - 3 : month + 9;
    unsigned shifted = year - (month <= 2 ? 1 : 0), of_era = shifted % 400;
    int64_t of_year = (153 * of_march + 2) / 5 + day - 1;
    return (int64_t)(shifted / 400) * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static const char *date_fault(unsigned year, unsigned month, unsigned day)
{
    static const uint8_t lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (year < 1901)
        return "the year is before 1901";
    if (month < 1 || month > 12)
        return "there is no such month";
    if (day < 1 || day > lengths[month - 1] + (month == 2 && is_leap(year) ? 1u : 0u))
        return "the month has no such day";
    return NULL;
}

static const char time_hint[] = "write YYYYMMDDHHMMSS in UTC, or seconds since 1970";

/* RFC 4034 3.2: 14 digits are a date, up to 10 are seconds since 1970. Both are modulo 2^32 (RFC 4034
 * 3.1.5, serial number arithmetic), so that a date beyond 2106 wraps, as does one before 1970, which
 * other programs print for a time far ahead. */
bool parse_time(struct rdata_parser *p)
{
    uint64_t value, date, day_and_time;
    if (!parser_word(p))
        return false;
    const char *text = p->token.text;
    if (UNLIKELY(p->token.len != 14 || !digit_pairs(text, &date) || !digit_pairs(text + 6, &day_and_time))) {
        if (!all_digits(&p->token) || p->token.len > 10)
            return parser_refuse(p, time_hint, " is not a time");
        if (!parser_number(text, p->token.len, UINT32_MAX, &value))
            return parser_refuse(p, time_hint, " is above 4294967295");
        parser_put(p, value, 4);
        return true;
    }
    unsigned year = (unsigned)(date & 255) * 100 + (unsigned)(date >> 16 & 255);
    unsigned month = (unsigned)(date >> 32 & 255), day = (unsigned)(date >> 48);
    unsigned hour = (unsigned)(day_and_time >> 16 & 255), minute = (unsigned)(day_and_time >> 32 & 255);
    unsigned second = (unsigned)(day_and_time >> 48);
    const char *fault = date_fault(year, month, day);
    if (fault == NULL && (hour > 23 || minute > 59 || second > 59))
        fault = "there is no such time of day";
    if (fault != NULL)
        return parser_refuse(p, time_hint, ": %s", fault);
    value = (uint64_t)days_from_civil(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
    parser_put(p, value & UINT32_MAX, 4);
    return true;
}

static bool type_take(struct rdata_parser *p, uint16_t *type)
{
    if (UNLIKELY(p->token.quoted))
        return parser_refuse(p, "remove the quotes", " must not be quoted");
    if (LIKELY(type_parse(p->token.text, p->token.len, type)))
        return true;
    uint64_t number;
    bool bare = p->info->type == TYPE_SIG || p->info->type == TYPE_NXT; /* RFC 2535 4.5, 5.2 */
    if (bare && parser_number(p->token.text, p->token.len, 65535, &number)) {
        *type = (uint16_t)number;
        return true;
    }
    const char *near = type_suggest(p->token.text, p->token.len);
    if (near != NULL)
        return parser_refuse(p, NULL, " is no record type (%s?)", near);
    return parser_refuse(p, "an unknown type is written as TYPE123 (RFC 3597 5)", " is no record type");
}

bool parse_type(struct rdata_parser *p)
{
    uint16_t type;
    if (!parser_take(p) || !type_take(p, &type))
        return false;
    parser_put(p, type, 2);
    return true;
}

/* Type bitmaps hold mostly types below 512; the rest is kept apart, and cleared only when needed. */
struct bitmap {
    uint8_t low[2][32];
    uint8_t len[2]; /* octets in use in each of them */
    unsigned last;  /* highest window in use */
    bool wide;      /* `high` is in use */
    uint8_t high[256][32];
};

static uint8_t *bitmap_window(struct bitmap *bitmap, unsigned window)
{
    if (!bitmap->wide)
        memset(bitmap->high, 0, sizeof bitmap->high);
    bitmap->wide = true;
    return bitmap->high[window];
}

static unsigned bits_len(const uint8_t bits[32])
{
    unsigned len = 32;
    while (len > 0 && bits[len - 1] == 0)
        len--;
    return len;
}

static bool bitmap_put(struct rdata_parser *p, unsigned window, const uint8_t bits[32], unsigned len)
{
    if (len == 0)
        return true;
    if (UNLIKELY(parser_room(p) < 2 + len))
        return parser_full(p);
    *p->at++ = (uint8_t)window;
    *p->at++ = (uint8_t)len;
    memcpy(p->at, bits, len);
    p->at += len;
    return true;
}

static inline void bitmap_add(struct bitmap *bitmap, uint16_t type)
{
    unsigned window = type >> 8, octet = type >> 3 & 31;
    uint8_t *bits = window < 2 ? bitmap->low[window] : bitmap_window(bitmap, window);
    bits[octet] = (uint8_t)(bits[octet] | 0x80 >> (type & 7));
    if (window < 2 && octet >= bitmap->len[window])
        bitmap->len[window] = (uint8_t)(octet + 1);
    bitmap->last = window > bitmap->last ? window : bitmap->last;
}

bool parse_bitmap(struct rdata_parser *p)
{
    struct bitmap bitmap;
    uint8_t *before = p->at;
    uint16_t type;
    memset(bitmap.low, 0, sizeof bitmap.low);
    bitmap.len[0] = bitmap.len[1] = 0;
    bitmap.last = 0;
    bitmap.wide = false;
    while (parser_more(p)) {
        if (UNLIKELY(!type_take(p, &type)))
            return false;
        bitmap_add(&bitmap, type);
    }
    if (!bitmap_put(p, 0, bitmap.low[0], bitmap.len[0]) || !bitmap_put(p, 1, bitmap.low[1], bitmap.len[1]))
        return false;
    for (unsigned window = 2; bitmap.wide && window <= bitmap.last; window++) {
        if (!bitmap_put(p, window, bitmap.high[window], bits_len(bitmap.high[window])))
            return false;
    }
    return p->at > before || (p->field->flags & FIELD_EMPTY) != 0 ? true : parser_missing(p, p->field->name);
}

/* RFC 2535 5.2: one bit per type below 128, at least one. */
bool parse_nxt(struct rdata_parser *p)
{
    uint8_t bits[16] = {0};
    unsigned len = 0;
    uint16_t type;
    while (parser_more(p)) {
        if (!type_take(p, &type))
            return false;
        if (type == 0 || type > 127)
            return parser_refuse(p, NULL, " is not among the types 1 to 127 that NXT can list");
        bits[type >> 3] = (uint8_t)(bits[type >> 3] | 0x80 >> (type & 7));
        len = (type >> 3) + 1u > len ? (type >> 3) + 1u : len;
    }
    if (len == 0)
        return parser_missing(p, p->field->name);
    memcpy(p->at, bits, len);
    p->at += len;
    return true;
}
