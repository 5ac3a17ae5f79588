/* The reader's fast path: entries on one line, without quotes, escapes or parentheses, of the common
 * types. It never reports: at the first thing it does not understand it stops before that entry and leaves it
 * to the careful path. Compiled once per instruction set (see the Makefile), hence the name of the one
 * function it exports. */
#include <string.h>

#include "zone/text/rdata_parse.h"
#include "zone/text/reader.h"
#include "zone/text/simd.h"
#include "zone/wire/type.h"

#if defined(__AVX2__)
#define READER_FAST reader_fast_avx2
#else
#define READER_FAST reader_fast_base
#endif

ALWAYS_INLINE const char *token_end(const char *at)
{
    for (;; at += BLOCK) {
        uint32_t special = block_special(block_load(at));
        if (special != 0)
            return at + __builtin_ctz(special);
    }
}

ALWAYS_INLINE bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

ALWAYS_INLINE bool is_digit(char c)
{
    return (uint8_t)(c - '0') < 10;
}

ALWAYS_INLINE const char *skip_blanks(const char *at)
{
    while (is_blank(*at))
        at++;
    return at;
}

/* A name token of LEN octets without escapes, at most BLOCK long, to wire form at OUT (which takes wide
 * stores). The dots' places become the label lengths. Returns the octets written, 0 when malformed; a
 * relative name lacks its origin and *RELATIVE is set. */
ALWAYS_INLINE unsigned short_name(
    const char *text, uint32_t len, bool lower, uint8_t *out, bool *relative, unsigned *labels)
{
    block b = block_load(text);
    uint32_t dots = block_eq(b, '.') & (uint32_t)((1ULL << len) - 1);
    block_store(out + 1, lower ? block_lower(b) : b);
    unsigned at = 0, count = 0;
    if ((dots & 1) != 0)
        return 0;
    for (; dots != 0; dots &= dots - 1) {
        unsigned dot = (unsigned)__builtin_ctz(dots);
        unsigned label = dot - at;
        if (label == 0)
            return 0;
        out[at] = (uint8_t)label;
        at = dot + 1;
        count++;
    }
    if (at == len) { /* it ended in a dot */
        out[at] = 0;
        *relative = false;
        *labels = count;
        return len + 1;
    }
    out[at] = (uint8_t)(len - at);
    *relative = true;
    *labels = count + 1;
    return len + 1;
}

static unsigned long_name(
    const char *text, uint32_t len, bool lower, uint8_t *out, bool *relative, unsigned *labels)
{
    unsigned label_at = 0, at = 1, count = 0;
    if (len > NAME_MAX - 1)
        return 0;
    for (uint32_t i = 0; i < len; i++, at++) {
        char c = text[i];
        if (c != '.') {
            out[at] = (uint8_t)(lower && (uint8_t)(c - 'A') < 26 ? c + 32 : c);
            continue;
        }
        unsigned label = at - label_at - 1;
        if (label == 0 || label > NAME_LABEL_MAX)
            return 0;
        out[label_at] = (uint8_t)label;
        label_at = at;
        count++;
    }
    unsigned last = at - label_at - 1;
    if (last > NAME_LABEL_MAX)
        return 0;
    out[label_at] = (uint8_t)last;
    *relative = last != 0;
    *labels = count + (last != 0);
    return at;
}

/* A whole name token, completed by the origin; 0 when the careful path has to look at it. */
ALWAYS_INLINE unsigned read_name(
    const struct context *context, const char *text, uint32_t len, bool lower, uint8_t *out, unsigned *labels)
{
    bool relative;
    unsigned wire;
    if (UNLIKELY(len == 0 || (len == 1 && (*text == '@' || *text == '.'))))
        return 0;
    if (LIKELY(len < BLOCK))
        wire = short_name(text, len, lower, out, &relative, labels);
    else
        wire = long_name(text, len, lower, out, &relative, labels);
    if (wire == 0 || !relative)
        return wire > NAME_MAX ? 0 : wire;
    if (wire + context->origin_len > NAME_MAX)
        return 0;
    if (lower)
        octets_lower(out + wire, context->origin, context->origin_len);
    else
        memcpy(out + wire, context->origin, context->origin_len);
    for (const uint8_t *label = context->origin; *label != 0; label += *label + 1)
        ++*labels;
    return wire + context->origin_len;
}

/* Types are told by their letters, upper-cased, as one little-endian word. */
#define WORD1(a) ((uint64_t)(a))
#define WORD2(a, b) (WORD1(a) | WORD1(b) << 8)
#define WORD3(a, b, c) (WORD2(a, b) | WORD1(c) << 16)
#define WORD4(a, b, c, d) (WORD3(a, b, c) | WORD1(d) << 24)
#define WORD5(a, b, c, d, e) (WORD4(a, b, c, d) | WORD1(e) << 32)
#define WORD6(a, b, c, d, e, f) (WORD5(a, b, c, d, e) | WORD1(f) << 40)

/* Others by their table; 0 for the careful path, which looks after SOA and refuses what no zone has. */
static __attribute__((noinline)) uint16_t other_type(const char *text, uint32_t len)
{
    uint16_t type;
    return type_parse(text, len, &type) && type != TYPE_SOA && !type_is_meta(type) ? type : 0;
}

ALWAYS_INLINE uint16_t common_type(const char *text, uint32_t len)
{
    if (len > 6)
        return other_type(text, len);
    uint64_t word;
    memcpy(&word, text, 8);
    word &= ((uint64_t)1 << (len * 8)) - 1;
    word &= ~((word >> 1) & 0x2020202020202020ULL & word); /* letters to upper case; digits have no 0x40 */
    switch (word) {
    case WORD1('A'):
        return TYPE_A;
    case WORD2('N', 'S'):
        return TYPE_NS;
    case WORD2('D', 'S'):
        return TYPE_DS;
    case WORD2('M', 'X'):
        return TYPE_MX;
    case WORD3('T', 'X', 'T'):
        return TYPE_TXT;
    case WORD3('P', 'T', 'R'):
        return TYPE_PTR;
    case WORD3('S', 'R', 'V'):
        return TYPE_SRV;
    case WORD4('A', 'A', 'A', 'A'):
        return TYPE_AAAA;
    case WORD4('N', 'S', 'E', 'C'):
        return TYPE_NSEC;
    case WORD5('C', 'N', 'A', 'M', 'E'):
        return TYPE_CNAME;
    case WORD5('R', 'R', 'S', 'I', 'G'):
        return TYPE_RRSIG;
    case WORD5('N', 'S', 'E', 'C', '3'):
        return TYPE_NSEC3;
    default:
        return other_type(text, len);
    }
}

/* A decimal number of at most MAX; false leaves it to the careful path. */
ALWAYS_INLINE bool read_decimal(const char *text, uint32_t len, uint32_t max, uint32_t *value)
{
    uint64_t number = 0;
    if (len == 0 || len > 10)
        return false;
    for (uint32_t i = 0; i < len; i++) {
        if (!is_digit(text[i]))
            return false;
        number = number * 10 + (uint64_t)(text[i] - '0');
    }
    *value = (uint32_t)number;
    return number <= max;
}

ALWAYS_INLINE bool read_ipv4(const char *text, uint32_t len, uint8_t *out)
{
    const char *end = text + len;
    for (unsigned i = 0; i < 4; i++) {
        unsigned value = 0, digits = 0;
        while (text < end && is_digit(*text) && digits < 4) {
            value = value * 10 + (unsigned)(*text++ - '0');
            digits++;
        }
        if (digits == 0 || value > 255 || (digits > 1 && text[-(int)digits] == '0'))
            return false;
        out[i] = (uint8_t)value;
        if (i < 3 && (text >= end || *text++ != '.'))
            return false;
    }
    return text == end;
}

static const int8_t hex_value[256] = {['0'] = 1,
    ['1'] = 2,
    ['2'] = 3,
    ['3'] = 4,
    ['4'] = 5,
    ['5'] = 6,
    ['6'] = 7,
    ['7'] = 8,
    ['8'] = 9,
    ['9'] = 10,
    ['a'] = 11,
    ['b'] = 12,
    ['c'] = 13,
    ['d'] = 14,
    ['e'] = 15,
    ['f'] = 16,
    ['A'] = 11,
    ['B'] = 12,
    ['C'] = 13,
    ['D'] = 14,
    ['E'] = 15,
    ['F'] = 16};

ALWAYS_INLINE bool read_ipv6(const char *text, uint32_t len, uint8_t *out)
{
    const char *end = text + len;
    uint8_t groups[16];
    unsigned used = 0;
    int gap = -1;
    if (len < 2 || len > 39)
        return false;
    if (*text == ':') {
        if (text[1] != ':')
            return false;
        gap = 0;
        text += 2;
    }
    while (text < end) {
        unsigned value = 0, digits = 0;
        for (int8_t d; text < end && (d = hex_value[(uint8_t)*text]) != 0 && digits < 5; text++, digits++)
            value = value << 4 | (unsigned)(d - 1);
        if (digits == 0 || digits > 4 || used == 16)
            return false; /* an embedded IPv4 address too */
        groups[used++] = (uint8_t)(value >> 8);
        groups[used++] = (uint8_t)value;
        if (text == end)
            break;
        if (*text++ != ':' || text == end)
            return false;
        if (*text == ':') {
            if (gap >= 0)
                return false;
            gap = (int)used;
            text++;
        }
    }
    if (gap < 0) {
        memcpy(out, groups, 16);
        return used == 16;
    }
    if (used > 14)
        return false;
    unsigned tail = used - (unsigned)gap;
    memset(out, 0, 16);
    memcpy(out, groups, (unsigned)gap);
    memcpy(out + 16 - tail, groups + gap, tail);
    return true;
}

/* Pairs of hexadecimal digits. */
ALWAYS_INLINE bool read_hex(const char *text, uint32_t len, uint8_t *out)
{
    if (len == 0 || (len & 1) != 0)
        return false;
    for (uint32_t i = 0; i < len; i += 2) {
        int high = hex_value[(uint8_t)text[i]], low = hex_value[(uint8_t)text[i + 1]];
        if (high == 0 || low == 0)
            return false;
        *out++ = (uint8_t)((high - 1) << 4 | (low - 1));
    }
    return true;
}

/* Other control characters than these are part of a token, if an odd one: for the careful path. */
#define ENDS_TOKEN ((uint64_t)1 << ' ' | (uint64_t)1 << '\t' | (uint64_t)1 << '\n' | (uint64_t)1 << '\r')

/* One token; false at anything but an ordinary one. */
ALWAYS_INLINE bool next_token(const char **at, const char **text, uint32_t *len)
{
    *text = skip_blanks(*at);
    *at = token_end(*text);
    *len = (uint32_t)(*at - *text);
    uint8_t c = (uint8_t) * *at;
    return *len != 0 && LIKELY(c > ' ' || (ENDS_TOKEN >> c & 1) != 0);
}

ALWAYS_INLINE bool read_number_token(const char **at, uint32_t max, uint32_t *value)
{
    const char *text;
    uint32_t len;
    return next_token(at, &text, &len) && read_decimal(text, len, max, value);
}

/* The common DS form: tag, algorithm and digest type as numbers, SHA-1, SHA-256 or SHA-384 in one token. */
ALWAYS_INLINE size_t read_ds(const char **at, uint8_t *out)
{
    uint32_t tag, algorithm, digest_type, len;
    const char *text;
    if (!read_number_token(at, 65535, &tag) || !read_number_token(at, 255, &algorithm) ||
        !read_number_token(at, 255, &digest_type) || !next_token(at, &text, &len))
        return 0;
    uint32_t expected = digest_type == 2 ? 64 : digest_type == 1 ? 40 : digest_type == 4 ? 96 : 0;
    if (len != expected || !read_hex(text, len, out + 4))
        return 0;
    out[0] = (uint8_t)(tag >> 8);
    out[1] = (uint8_t)tag;
    out[2] = (uint8_t)algorithm;
    out[3] = (uint8_t)digest_type;
    return 4 + len / 2;
}

/* Rdata of TYPE at *AT into OUT; its length, or SIZE_MAX for the careful path. */
ALWAYS_INLINE size_t read_data(struct reader *reader, uint16_t type, const char **at, uint8_t *out)
{
    const char *text;
    uint32_t len, number;
    unsigned labels;
    size_t wire;
    switch (type) {
    case TYPE_NS:
    case TYPE_CNAME:
    case TYPE_PTR:
        if (!next_token(at, &text, &len))
            return SIZE_MAX;
        wire = read_name(&reader->context, text, len, false, out, &labels);
        return wire == 0 ? SIZE_MAX : wire;
    case TYPE_A:
        return next_token(at, &text, &len) && read_ipv4(text, len, out) ? 4 : SIZE_MAX;
    case TYPE_AAAA:
        return next_token(at, &text, &len) && read_ipv6(text, len, out) ? 16 : SIZE_MAX;
    case TYPE_DS:
        wire = read_ds(at, out);
        return wire == 0 ? SIZE_MAX : wire;
    case TYPE_MX:
        if (!read_number_token(at, 65535, &number) || !next_token(at, &text, &len))
            return SIZE_MAX;
        out[0] = (uint8_t)(number >> 8);
        out[1] = (uint8_t)number;
        wire = read_name(&reader->context, text, len, false, out + 2, &labels);
        return wire == 0 ? SIZE_MAX : wire + 2;
    default: {
        struct lexer lexer;
        struct complaint why;
        lexer_init(&lexer, *at, (size_t)(reader->end - *at));
        if (rdata_parse(type, &lexer, reader->context.origin, out, &wire, &why) != ERR_OK ||
            lexer.wrapped != NULL)
            return SIZE_MAX;
        *at = lexer.at;
        return wire;
    }
    }
}

/* The owner token at AT; false for the careful path. */
ALWAYS_INLINE bool read_owner(struct reader *reader, const char *text, uint32_t len)
{
    if (LIKELY(len == reader->owner_text_len && reader->owner_text != NULL && len < BLOCK)) {
        uint32_t same = block_same(block_load(text), block_load(reader->owner_text));
        if ((~same & (uint32_t)((1ULL << len) - 1)) == 0)
            return true;
    }
    unsigned labels;
    unsigned wire = read_name(&reader->context, text, len, true, reader->owner, &labels);
    if (wire == 0) {
        /* The wide store has spoilt the last owner; the careful path takes a new one or leaves none. */
        reader->owner_text = NULL;
        reader->owner_text_len = 0;
        reader->owner_bad = true;
        reader->run_open = false;
        return false;
    }
    reader->owner_len = (uint8_t)wire;
    reader->owner_labels = (uint8_t)labels;
    reader->owner_text = text;
    reader->owner_text_len = len;
    reader->owner_bad = false;
    reader->run_open = false;
    return true;
}

/* From the end of the data to the next line; NULL for the careful path. */
ALWAYS_INLINE const char *finish_line(const struct reader *reader, const char *at)
{
    at = skip_blanks(at);
    if (LIKELY(*at == '\n' && at < reader->end))
        return at + 1;
    if (at >= reader->end)
        return reader->end;
    if (*at == '\r' && at + 1 < reader->end && at[1] == '\n')
        return at + 2;
    if (*at == ';') {
        at = memchr(at, '\n', (size_t)(reader->end - at));
        return at != NULL ? at + 1 : reader->end;
    }
    return NULL;
}

/* [TTL] [class] type, as in nearly every file: the TTL a plain number, the class IN. */
ALWAYS_INLINE uint16_t read_head(
    const struct reader *reader, const char **at, uint32_t *ttl, bool *has_ttl, bool *has_class)
{
    const char *text;
    uint32_t len;
    while (next_token(at, &text, &len)) {
        if (is_digit(*text)) {
            if (*has_ttl || !read_decimal(text, len, INT32_MAX, ttl))
                return 0;
            *has_ttl = true;
            continue;
        }
        if (len == 2 && (text[0] | 0x20) == 'i' && (text[1] | 0x20) == 'n') {
            if (*has_class || reader->class > CLASS_IN)
                return 0;
            *has_class = true;
            continue;
        }
        return LIKELY(**at != '\\') ? common_type(text, len) : 0; /* an escape goes on with the token */
    }
    return 0;
}

/* One entry; false leaves everything as it was but for the owner. */
ALWAYS_INLINE bool fast_entry(struct reader *reader)
{
    const char *entry = reader->at, *at = entry;
    if (is_blank(*at)) {
        at = skip_blanks(at);
        if (*at == '\n' || *at == ';' || *at == '\r' || *at == '$' || reader->owner_len == 0 ||
            reader->owner_bad)
            return false;
    } else {
        const char *end = token_end(at);
        if (end == at || !is_blank(*end) || *at == '$' || !read_owner(reader, at, (uint32_t)(end - at)))
            return false;
        at = end;
    }
    uint32_t ttl = 0;
    bool has_ttl = false, has_class = false;
    uint16_t type = read_head(reader, &at, &ttl, &has_ttl, &has_class);
    if (type == 0)
        return false;
    if (!has_ttl) {
        if (!reader->context.has_default_ttl)
            return false;
        ttl = reader->context.default_ttl;
    }
    struct tape_record *record = reader_record(reader, entry);
    if (UNLIKELY(record == NULL))
        return false;
    size_t len = read_data(reader, type, &at, record->rdata);
    if (len == SIZE_MAX || at > reader->end)
        return false;
    at = finish_line(reader, at);
    if (at == NULL)
        return false;
    if (has_ttl) {
        reader->context.last_ttl = ttl;
        reader->context.has_last_ttl = true;
    }
    if (has_class)
        reader->class = CLASS_IN;
    reader_record_done(reader, record, type, ttl, len);
    reader->at = at;
    return true;
}

/* Blank lines and comment lines. */
ALWAYS_INLINE bool skip_line(struct reader *reader)
{
    const char *at = reader->at;
    if (*at == '\n') {
        reader->at = at + 1;
        return true;
    }
    if (*at != ';')
        return false;
    const char *newline = memchr(at, '\n', (size_t)(reader->end - at));
    reader->at = newline != NULL ? newline + 1 : reader->end;
    return true;
}

void READER_FAST(struct reader *reader, const char *stop)
{
    while (reader->at < stop) {
        if (!skip_line(reader) && !fast_entry(reader))
            return;
    }
}
