/* Octets in rdata: character strings, hexadecimal, base32hex and base64. */
#include <string.h>

#include "zone/base/codec.h"
#include "zone/text/rdata_parser.h"

static inline bool is_digit(char c)
{
    return (unsigned char)(c - '0') < 10;
}

/* The octet of the escape at TEXT (behind the backslash) and how many characters it took, 0 when bad. */
static size_t escape_read(const char *text, size_t len, uint8_t *octet)
{
    if (len == 0)
        return 0;
    if (!is_digit(text[0])) {
        *octet = (uint8_t)text[0];
        return 1;
    }
    if (len < 3 || !is_digit(text[1]) || !is_digit(text[2]))
        return 0;
    int value = (text[0] - '0') * 100 + (text[1] - '0') * 10 + text[2] - '0';
    *octet = (uint8_t)value;
    return value <= 255 ? 3 : 0;
}

static bool escape_refuse(struct rdata_parser *p, const char *at)
{
    size_t left = (size_t)(p->token.text + p->token.len - at);
    return parser_refuse_at(p, at, left < 4 ? left : 4,
        "write \\DDD with DDD from 000 to 255, or \\ and one character", ": a bad escape");
}

bool parser_unescape(struct rdata_parser *p, uint8_t *out, size_t room, size_t *len)
{
    const char *at = p->token.text, *end = at + p->token.len;
    size_t filled = 0;
    while (at < end) {
        const char *escape = memchr(at, '\\', (size_t)(end - at));
        size_t plain = (size_t)((escape != NULL ? escape : end) - at);
        if (plain > room - filled)
            plain = room - filled, escape = at + plain; /* too long: what is left does not fit */
        memcpy(out + filled, at, plain);
        filled += plain;
        at += plain;
        if (at == end)
            break;
        if (filled == room) {
            p->err = ERR_LIMIT;
            return false;
        }
        size_t used = escape_read(at + 1, (size_t)(end - at - 1), out + filled);
        if (used == 0)
            return escape_refuse(p, at);
        filled++;
        at += used + 1;
    }
    *len = filled;
    return true;
}

/* How long the token is, escapes undone, for a message. */
static size_t unescaped_len(const struct token *token)
{
    size_t len = 0;
    for (size_t i = 0; i < token->len; i++, len++) {
        if (token->text[i] == '\\')
            i += i + 1 < token->len && is_digit(token->text[i + 1]) ? 3 : 1;
    }
    return len;
}

/* The token in hand as a character string (RFC 1035 3.3). */
static bool string_put(struct rdata_parser *p)
{
    size_t room = parser_room(p), len;
    if (UNLIKELY(room < 1))
        return parser_full(p);
    bool narrow = room - 1 < 255;
    if (UNLIKELY(!parser_unescape(p, p->at + 1, narrow ? room - 1 : 255, &len))) {
        if (p->err != ERR_LIMIT)
            return false;
        if (narrow)
            return parser_full(p);
        return parser_refuse_at(p, p->token.text, p->token.len,
            "split it into several strings, each in quotes", " has a string of %zu octets, 255 fit",
            unescaped_len(&p->token));
    }
    *p->at = (uint8_t)len;
    p->at += len + 1;
    return true;
}

bool parse_string(struct rdata_parser *p)
{
    return parser_take(p) && string_put(p);
}

bool parse_strings(struct rdata_parser *p)
{
    if (!parser_take(p) || !string_put(p))
        return false;
    while (parser_more(p)) {
        if (!string_put(p))
            return false;
    }
    return true;
}

bool parse_rest(struct rdata_parser *p)
{
    size_t len;
    if (!parser_take(p))
        return false;
    if (!parser_unescape(p, p->at, parser_room(p), &len))
        return p->err == ERR_LIMIT ? parser_full(p) : false;
    if (len == 0 && (p->field->flags & FIELD_EMPTY) == 0)
        return parser_refuse(p, NULL, " must not be empty");
    p->at += len;
    return true;
}

/* RFC 8659 4.1: letters and digits. */
bool parse_tag(struct rdata_parser *p)
{
    if (!parser_word(p))
        return false;
    if (p->token.len > 255)
        return parser_refuse(p, NULL, " is longer than 255 octets");
    for (size_t i = 0; i < p->token.len; i++) {
        char c = p->token.text[i];
        if (!is_digit(c) && (unsigned char)((c | 0x20) - 'a') > 25)
            return parser_refuse(p, NULL, " has other characters than letters and digits");
    }
    *p->at++ = (uint8_t)p->token.len;
    memcpy(p->at, p->token.text, p->token.len);
    p->at += p->token.len;
    return true;
}

static const char padding_hint[] = "base64 comes in groups of four characters, the last filled up with =";

static bool digit_refuse(struct rdata_parser *p, size_t at, const char *kind)
{
    char c = p->token.text[at];
    if (c == '=')
        return parser_refuse_at(p, p->token.text + at, 1, padding_hint, ": '=' in the middle");
    if ((unsigned char)c < ' ' || (unsigned char)c > 126)
        return parser_refuse_at(
            p, p->token.text + at, 1, NULL, ": octet %u is no %s digit", (unsigned char)c, kind);
    return parser_refuse_at(p, p->token.text + at, 1, NULL, ": '%c' is no %s digit", c, kind);
}

static inline void note_first(struct rdata_parser *p)
{
    if (p->first.text == NULL)
        p->first = p->token;
}

/* Digits may be split over tokens anywhere, also in the middle of an octet. */
bool parser_hex(struct rdata_parser *p, bool empty)
{
    int half = -1;
    uint8_t *before = p->at;
    while (parser_more(p)) {
        const char *text = p->token.text;
        size_t len = p->token.len, at = 0;
        note_first(p);
        if (p->token.quoted)
            return parser_refuse_at(p, text, len, "remove the quotes", " must not be quoted");
        if (parser_room(p) < (len + 1) / 2)
            return parser_full(p);
        if (half >= 0 && len > 0) {
            int digit = base16_digit(text[0]);
            if (digit < 0)
                return digit_refuse(p, 0, "hexadecimal");
            *p->at++ = (uint8_t)(half << 4 | digit);
            half = -1;
            at = 1;
        }
        size_t even = (len - at) & ~(size_t)1, used = base16_decode(p->at, text + at, even);
        if (used != even)
            return digit_refuse(p, at + used, "hexadecimal");
        p->at += even / 2;
        if (at + even < len) {
            half = base16_digit(text[len - 1]);
            if (half < 0)
                return digit_refuse(p, len - 1, "hexadecimal");
        }
    }
    if (half >= 0)
        return parser_refuse_at(
            p, p->token.text, p->token.len, NULL, " has an odd number of hexadecimal digits");
    return empty || p->at > before ? true : parser_missing(p, p->field->name);
}

/* RFC 8078 4: in a request to delete, "0" stands for the digest or key, which is one octet of 0 (erratum
 * 5049). Octet ALGORITHM_AT of the rdata tells. */
static bool lone_zero(struct rdata_parser *p, uint16_t type, unsigned algorithm_at)
{
    if (LIKELY(p->info->type != type) || p->start[algorithm_at] != 0 || !parser_more(p))
        return false;
    bool zero = p->token.len == 1 && *p->token.text == '0' && !p->token.quoted;
    p->waiting = !zero;
    if (!zero)
        return false;
    note_first(p);
    parser_put(p, 0, 1);
    return true;
}

bool parse_hex(struct rdata_parser *p)
{
    return lone_zero(p, TYPE_CDS, 2) || parser_hex(p, (p->field->flags & FIELD_EMPTY) != 0);
}

/* Digits that do not fill a group of four yet. */
struct group {
    uint32_t value;
    unsigned count;
    unsigned pad; /* one of two padding characters, the other may stand behind a blank */
    bool closed;  /* padding was seen: nothing may follow */
};

/* Loose digits one by one, until the group is whole. */
static bool group_add(struct rdata_parser *p, struct group *group, size_t *at, size_t end)
{
    while (*at < end && group->count < 4) {
        int digit = base64_digit(p->token.text[*at]);
        if (digit < 0)
            return digit_refuse(p, *at, "base64");
        group->value = group->value << 6 | (uint32_t)digit;
        group->count++;
        ++*at;
    }
    if (group->count == 4) {
        parser_put(p, group->value & 0xffffff, 3);
        *group = (struct group){.value = 0};
    }
    return true;
}

/* PAD characters '=' end the text (RFC 4648 3.2); the bits they leave over must be zero (3.5). */
static bool group_close(struct rdata_parser *p, struct group *group, size_t pad)
{
    const char *at = p->token.text + p->token.len - pad;
    unsigned all = group->pad + (unsigned)pad;
    if (group->count == 2 && all == 1) {
        group->pad = 1;
        return true;
    }
    if (group->count + all != 4 || group->count < 2)
        return parser_refuse_at(p, at, pad, padding_hint, ": the padding does not fit");
    uint32_t value = group->value << (all == 1 ? 6 : 12);
    if ((value & (all == 1 ? 0xffu : 0xffffu)) != 0)
        return parser_refuse_at(p, at - 1, pad + 1, NULL, ": the last digit has bits that mean nothing");
    parser_put(p, value >> (all == 1 ? 8 : 16), 3 - all);
    group->count = 0;
    group->closed = true;
    return true;
}

static bool base64_token(struct rdata_parser *p, struct group *group)
{
    const char *text = p->token.text;
    size_t len = p->token.len, pad = 0, at = 0;
    if (group->closed)
        return parser_refuse_at(p, text, len, padding_hint, " goes on after its padding");
    if (parser_room(p) < len / 4 * 3 + 3)
        return parser_full(p);
    while (pad < 2 && pad < len && text[len - 1 - pad] == '=')
        pad++;
    size_t end = len - pad;
    if (group->pad > 0 && end > 0)
        return parser_refuse_at(p, text, len, padding_hint, " goes on after its padding");
    if (group->count > 0 && !group_add(p, group, &at, end))
        return false;
    if (group->count == 0) {
        size_t whole = (end - at) & ~(size_t)3, used = base64_decode(p->at, text + at, whole);
        if (used != whole)
            return digit_refuse(p, at + used, "base64");
        p->at += whole / 4 * 3;
        at += whole;
        if (!group_add(p, group, &at, end))
            return false;
    }
    return pad == 0 || group_close(p, group, pad);
}

bool parser_base64(struct rdata_parser *p, bool empty)
{
    struct group group = {.value = 0};
    uint8_t *before = p->at;
    while (parser_more(p)) {
        note_first(p);
        if (UNLIKELY(p->token.quoted))
            return parser_refuse_at(
                p, p->token.text, p->token.len, "remove the quotes", " must not be quoted");
        if (UNLIKELY(!base64_token(p, &group)))
            return false;
    }
    if (group.count > 0)
        return parser_refuse_at(
            p, p->token.text, p->token.len, padding_hint, ": the last group of base64 is not whole");
    return empty || p->at > before ? true : parser_missing(p, p->field->name);
}

bool parse_base64(struct rdata_parser *p)
{
    return lone_zero(p, TYPE_CDNSKEY, 3) || parser_base64(p, (p->field->flags & FIELD_EMPTY) != 0);
}

/* "-" stands for nothing. */
bool parse_dash(struct rdata_parser *p)
{
    if (!parser_take(p))
        return false;
    if (p->token.len == 1 && p->token.text[0] == '-')
        return true;
    p->waiting = true;
    return parser_base64(p, false);
}

bool parse_salt(struct rdata_parser *p)
{
    if (!parser_word(p))
        return false;
    size_t len = p->token.len == 1 && p->token.text[0] == '-' ? 0 : p->token.len;
    if (len > 510)
        return parser_refuse(p, NULL, " is longer than 255 octets");
    if (len % 2 != 0 || p->token.len == 0)
        return parser_refuse(p, "no salt is written as -", " has an odd number of hexadecimal digits");
    size_t used = base16_decode(p->at + 1, p->token.text, len);
    if (used != len)
        return digit_refuse(p, used, "hexadecimal");
    *p->at = (uint8_t)(len / 2);
    p->at += 1 + len / 2;
    return true;
}

bool parse_hash(struct rdata_parser *p)
{
    size_t len;
    if (!parser_word(p))
        return false;
    if (p->token.len == 0 || p->token.len > 408)
        return parser_refuse(p, NULL, " is empty or longer than 255 octets");
    size_t used = base32hex_decode(p->at + 1, p->token.text, p->token.len, &len);
    if (used + 1 == p->token.len && base32hex_digit(p->token.text[used]) >= 0)
        return parser_refuse(
            p, "base32hex of SHA-1 has 32 characters", " is cut: its last characters make no octet");
    if (used != p->token.len)
        return digit_refuse(p, used, "base32hex");
    *p->at = (uint8_t)len;
    p->at += 1 + len;
    return true;
}

bool parse_eui(struct rdata_parser *p)
{
    unsigned octets = p->field->kind == FIELD_EUI48 ? 6 : 8;
    if (!parser_word(p))
        return false;
    const char *text = p->token.text;
    bool good = p->token.len == octets * 3 - 1;
    for (unsigned i = 0; good && i < octets; i++) {
        int high = base16_digit(text[i * 3]), low = base16_digit(text[i * 3 + 1]);
        good = high >= 0 && low >= 0 && (i + 1 == octets || text[i * 3 + 2] == '-');
        parser_put(p, (unsigned)high << 4 | (unsigned)low, 1);
    }
    if (good)
        return true;
    return parser_refuse(p, octets == 6 ? "write xx-xx-xx-xx-xx-xx" : "write xx-xx-xx-xx-xx-xx-xx-xx",
        " is not %u octets in hexadecimal with hyphens between them", octets);
}

/* RFC 6742 2.1.2: four groups of one to four hexadecimal digits. */
bool parse_id64(struct rdata_parser *p)
{
    if (!parser_word(p))
        return false;
    const char *at = p->token.text, *end = at + p->token.len;
    for (unsigned group = 0; group < 4; group++) {
        unsigned value = 0, digits = 0;
        for (; at < end && base16_digit(*at) >= 0 && digits < 4; at++, digits++)
            value = value << 4 | (unsigned)base16_digit(*at);
        if (digits == 0 || (group < 3 && (at == end || *at++ != ':')) || (group == 3 && at != end))
            return parser_refuse(p, "write xxxx:xxxx:xxxx:xxxx",
                " is not four groups of hexadecimal digits with colons between them");
        parser_put(p, value, 2);
    }
    return true;
}
