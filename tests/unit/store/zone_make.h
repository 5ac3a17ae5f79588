/* Random zones and their text. Few labels, so that names collide, nest and occlude each other; every octet a
 * label can hold; whatever a zone can contain, sensible or not. A zone is a plain list of records in the
 * order of its text: what the oracle (zone_oracle.h) works from. */
#ifndef TESTS_UNIT_STORE_ZONE_MAKE_H
#define TESTS_UNIT_STORE_ZONE_MAKE_H

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zone/base/codec.h"
#include "zone/wire/name.h"
#include "zone/wire/rdata.h"
#include "zone/wire/type.h"

#define MADE_RECORDS_MAX 260
#define MADE_RDATA_MAX 600
#define MADE_TEXT_MAX (MADE_RECORDS_MAX * 8192)

struct made_record {
    uint8_t owner[NAME_MAX + 1]; /* absolute, lower case */
    uint16_t type, rdata_len;
    uint32_t ttl;
    uint8_t rdata[MADE_RDATA_MAX];
};

struct made_zone {
    uint64_t random;
    uint8_t apex[NAME_MAX + 1];
    unsigned apex_len;
    struct made_record records[MADE_RECORDS_MAX];
    unsigned count;
    bool tidy;    /* no unequal TTLs, no duplicates: order does not matter */
    bool lawless; /* may break the rules that keep a zone from being served */
};

static inline uint32_t made_any(struct made_zone *zone, uint32_t below)
{
    uint64_t z = zone->random += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (uint32_t)(((z >> 32) * below) >> 32);
}

static inline bool made_one_in(struct made_zone *zone, uint32_t n)
{
    return made_any(zone, n) == 0;
}

/* ---- names ---- */

static const struct made_label {
    uint8_t len;
    const char *octets;
} made_labels[] = {{1, "a"}, {1, "b"}, {1, "*"}, {2, "ns"}, {1, "c"}, {1, "*"}, {1, "\0"}, {1, "\1"},
    {2, "\1\1"}, {2, "a\0"}, {2, "a\1"}, {1, "\xff"}, {3, "a.b"}, {1, "\\"}, {1, "\""}, {1, ";"}, {1, "("},
    {1, ")"}, {1, "@"}, {1, "$"}, {1, " "}, {1, "\n"}, {1, "-"}, {2, "aa"}, {2, "**"}, {1, "["}, {1, "`"},
    {1, "{"}, {22, "sixteen-octets-equal-x"}, {22, "sixteen-octets-equal-y"}, {21, "sixteen-octets-equal-"},
    {63, "sixty-three-octets-are-the-most-that-a-label-can-ever-hold-63-x"}, {4, "mail"}, {3, "www"}};

#define MADE_COMMON 6 /* the first of these are taken most of the time */

static inline bool made_prepend(struct made_zone *zone, uint8_t *name)
{
    size_t len = name_len(name), count = sizeof made_labels / sizeof *made_labels;
    const struct made_label *label =
        &made_labels[made_any(zone, made_one_in(zone, 5) ? (uint32_t)count : MADE_COMMON)];
    if (len + label->len + 1 > NAME_MAX || name_labels(name) >= NAME_LABELS_MAX)
        return false;
    memmove(name + label->len + 1, name, len);
    name[0] = label->len;
    memcpy(name + 1, label->octets, label->len);
    return true;
}

/* A name in the zone: near one that has records, or anew from the apex. */
static inline void made_name(struct made_zone *zone, uint8_t *out)
{
    const uint8_t *base = zone->apex;
    if (zone->count > 0 && !made_one_in(zone, 3))
        base = zone->records[made_any(zone, zone->count)].owner;
    memcpy(out, base, name_len(base));
    unsigned up = made_one_in(zone, 4) ? made_any(zone, 3) : 0;
    for (; up > 0 && name_len(out) > zone->apex_len; up--)
        memmove(out, out + *out + 1, name_len(out) - *out - 1u);
    unsigned more = made_any(zone, 3);
    if (made_one_in(zone, 60))
        more = 130; /* as deep and long as a name can be */
    while (more-- > 0)
        (void)made_prepend(zone, out);
}

/* A name for rdata: mostly in the zone, in mixed case. */
static inline size_t made_target(struct made_zone *zone, uint8_t *out)
{
    static const uint8_t outside[] = "\2ns\7outside";
    made_name(zone, out);
    if (made_one_in(zone, 6))
        memcpy(out, outside, sizeof outside);
    size_t len = name_len(out);
    for (size_t i = 0; i < len; i++) {
        if (out[i] >= 'a' && out[i] <= 'z' && made_one_in(zone, 8))
            out[i] = (uint8_t)(out[i] - 32);
    }
    return len;
}

/* ---- rdata ---- */

static inline void made_octets(struct made_zone *zone, struct made_record *record, unsigned count)
{
    while (count-- > 0)
        record->rdata[record->rdata_len++] = (uint8_t)made_any(zone, 256);
}

static inline void made_put(struct made_record *record, const void *octets, size_t len)
{
    memcpy(record->rdata + record->rdata_len, octets, len);
    record->rdata_len = (uint16_t)(record->rdata_len + len);
}

static inline void made_rdata_name(struct made_zone *zone, struct made_record *record)
{
    uint8_t name[NAME_MAX + 1];
    made_put(record, name, made_target(zone, name));
}

static inline void made_bitmap(struct made_record *record)
{
    static const uint8_t a_rrsig_nsec[] = {0, 6, 0x40, 0, 0, 0, 0, 3};
    made_put(record, a_rrsig_nsec, sizeof a_rrsig_nsec);
}

static inline void made_rrsig(struct made_zone *zone, struct made_record *record)
{
    static const uint16_t covered[] = {TYPE_A, TYPE_NS, TYPE_SOA, TYPE_NSEC, TYPE_NSEC3, TYPE_CNAME, TYPE_DS,
        TYPE_MX, TYPE_AAAA, TYPE_RRSIG};
    uint16_t type = covered[made_any(zone, sizeof covered / sizeof *covered)];
    uint8_t head[18] = {
        (uint8_t)(type >> 8), (uint8_t)type, 13, 2, 0, 0, 14, 16, 0x70, 0, 0, 0, 0x60, 0, 0, 0};
    made_put(record, head, sizeof head);
    made_put(record, zone->apex, zone->apex_len);
    made_octets(zone, record, 1 + made_any(zone, 3));
}

static inline void made_nsec3(struct made_zone *zone, struct made_record *record)
{
    static const uint8_t head[] = {1, 0, 0, 1, 2, 0xab, 0xcd, 20};
    made_put(record, head, sizeof head);
    made_octets(zone, record, 20);
    made_bitmap(record);
}

static inline void made_rdata(struct made_zone *zone, struct made_record *record)
{
    static const uint8_t param[] = {1, 0, 0, 1, 2, 0xab, 0xcd};
    record->rdata_len = 0;
    switch (record->type) {
    case TYPE_A:
        made_put(record, "\300\0\2", 3);
        record->rdata[record->rdata_len++] = (uint8_t)made_any(zone, zone->tidy ? 250 : 4);
        break;
    case TYPE_AAAA:
        made_octets(zone, record, 16);
        break;
    case TYPE_MX: /* 65 and 97 differ as letters do */
        made_put(record, made_one_in(zone, 2) ? "\0A" : "\0a", 2);
        made_rdata_name(zone, record);
        break;
    case TYPE_SRV:
        made_put(record, "\0\1\0\2\0", 5);
        made_put(record, made_one_in(zone, 2) ? "P" : "p", 1);
        made_rdata_name(zone, record);
        break;
    case TYPE_SOA:
        made_rdata_name(zone, record);
        made_rdata_name(zone, record);
        made_octets(zone, record, 4);
        made_put(record, "\0\0\16\20\0\0\3\204\0\11\72\200\0\0\1\54", 16);
        break;
    case TYPE_TXT:
        record->rdata[record->rdata_len++] = 3;
        made_octets(zone, record, 3);
        break;
    case TYPE_DS:
        made_put(record, "\1\2\15\2", 4);
        made_octets(zone, record, 32);
        break;
    case TYPE_RRSIG:
        made_rrsig(zone, record);
        break;
    case TYPE_NSEC:
        made_rdata_name(zone, record);
        made_bitmap(record);
        break;
    case TYPE_NSEC3:
        made_nsec3(zone, record);
        break;
    case TYPE_NSEC3PARAM:
        made_put(record, param, sizeof param);
        break;
    case 65280:
        made_octets(zone, record, made_any(zone, 3));
        break;
    default: /* NS, CNAME, PTR, DNAME */
        made_rdata_name(zone, record);
    }
}

/* ---- records ---- */

/* Do the names in two records' rdata make them one (RFC 2181 5)? Said anew here, type by type. */
static inline bool made_same(const struct made_record *a, const struct made_record *b)
{
    unsigned name_at = a->type == TYPE_MX ? 2 : a->type == TYPE_SRV ? 6 : 0;
    if (a->type != b->type || a->rdata_len != b->rdata_len || memcmp(a->rdata, b->rdata, name_at) != 0)
        return false;
    if (memcmp(a->rdata, b->rdata, a->rdata_len) == 0)
        return true;
    bool named = a->type == TYPE_NS || a->type == TYPE_CNAME || a->type == TYPE_PTR || a->type == TYPE_MX ||
                 a->type == TYPE_SRV || a->type == TYPE_DNAME || a->type == TYPE_SOA;
    if (!named || !name_equal(a->rdata + name_at, b->rdata + name_at))
        return false;
    if (a->type != TYPE_SOA)
        return true;
    size_t first = name_len(a->rdata), second = first + name_len(a->rdata + first);
    return name_equal(a->rdata + first, b->rdata + first) &&
           memcmp(a->rdata + second, b->rdata + second, a->rdata_len - second) == 0;
}

/* What the RRset is: an RRSIG belongs to that of the type it covers. */
static inline uint16_t made_set_type(const struct made_record *record)
{
    return record->type == TYPE_RRSIG ? (uint16_t)((unsigned)record->rdata[0] << 8 | record->rdata[1])
                                      : record->type;
}

static inline bool made_in_nsec3_set(const struct made_record *record)
{
    return record->type == TYPE_NSEC3 || (record->type == TYPE_RRSIG && made_set_type(record) == TYPE_NSEC3);
}

static inline bool made_beside_cname(uint16_t type)
{
    return type == TYPE_CNAME || type == TYPE_RRSIG || type == TYPE_NSEC || type == TYPE_NSEC3;
}

/* Two records that no server takes in one zone (lint.h: fatal). */
static inline bool made_clash(const struct made_record *a, const struct made_record *b)
{
    if (!name_equal(a->owner, b->owner))
        return false;
    if (a->type == TYPE_CNAME || b->type == TYPE_CNAME) {
        const struct made_record *other = a->type == TYPE_CNAME ? b : a;
        if (other->type != TYPE_CNAME)
            return !made_beside_cname(other->type);
    }
    bool single = a->type == TYPE_CNAME || a->type == TYPE_DNAME || a->type == TYPE_SOA;
    return a->type == b->type && single && !made_same(a, b);
}

static inline bool made_fatal(const struct made_zone *zone)
{
    bool soa = false;
    for (unsigned i = 0; i < zone->count; i++) {
        soa |= zone->records[i].type == TYPE_SOA && name_equal(zone->records[i].owner, zone->apex);
        for (unsigned j = 0; j < i; j++) {
            if (made_clash(&zone->records[i], &zone->records[j]))
                return true;
        }
    }
    return !soa;
}

/* Puts RECORD at the place AT when the zone may have it. */
static inline bool made_insert(struct made_zone *zone, const struct made_record *record, unsigned at)
{
    if (zone->count == MADE_RECORDS_MAX)
        return false;
    for (unsigned i = 0; i < zone->count; i++) {
        const struct made_record *other = &zone->records[i];
        if (!zone->lawless && made_clash(record, other))
            return false;
        bool same_set =
            made_set_type(record) == made_set_type(other) && name_equal(record->owner, other->owner);
        if (zone->tidy && same_set && (record->ttl != other->ttl || made_same(record, other)))
            return false;
    }
    memmove(&zone->records[at + 1], &zone->records[at], (zone->count - at) * sizeof *record);
    zone->records[at] = *record;
    zone->count++;
    return true;
}

/* The hash of an NSEC3 owner: some share their first octets, some are none at all. */
static inline void made_hashed_owner(struct made_zone *zone, uint8_t *out)
{
    uint8_t hash[20] = {0};
    char text[33];
    bool close = made_one_in(zone, 3);
    for (unsigned i = close ? 16 : 0; i < 20; i++)
        hash[i] = (uint8_t)made_any(zone, 256);
    base32hex_encode(text, hash, 20);
    out[0] = made_one_in(zone, 30) ? 31 : 32;
    for (unsigned i = 0; i < out[0]; i++)
        out[1 + i] = (uint8_t)tolower(text[i]);
    memcpy(out + out[0] + 1, zone->apex, zone->apex_len);
    if (made_one_in(zone, 40))
        (void)made_prepend(zone, out);
}

/* A new random record. */
static inline void made_record(struct made_zone *zone, struct made_record *record)
{
    static const uint16_t types[] = {TYPE_A, TYPE_A, TYPE_AAAA, TYPE_NS, TYPE_NS, TYPE_CNAME, TYPE_PTR,
        TYPE_MX, TYPE_SRV, TYPE_TXT, TYPE_DS, TYPE_DNAME, TYPE_RRSIG, TYPE_RRSIG, TYPE_NSEC, TYPE_NSEC3,
        TYPE_NSEC3PARAM, 65280, TYPE_NS, TYPE_A};
    record->type = types[made_any(zone, sizeof types / sizeof *types)];
    if (made_one_in(zone, 100))
        record->type = TYPE_SOA;
    record->ttl = zone->tidy || !made_one_in(zone, 4) ? 300 : made_any(zone, 3) * 100;
    made_name(zone, record->owner);
    bool again = zone->count > 0 && made_one_in(zone, 3);
    if (again)
        memcpy(record->owner, zone->records[made_any(zone, zone->count)].owner, sizeof record->owner);
    if (record->type == TYPE_NSEC3PARAM && !made_one_in(zone, 4))
        memcpy(record->owner, zone->apex, zone->apex_len);
    made_rdata(zone, record);
    if (made_in_nsec3_set(record) && !(again && made_one_in(zone, 2)) &&
        name_len(zone->apex) + 33 <= NAME_MAX)
        made_hashed_owner(zone, record->owner);
    if (!zone->tidy && zone->count > 0 && made_one_in(zone, 20))
        *record = zone->records[made_any(zone, zone->count)]; /* once more */
    if (made_one_in(zone, 30) && name_len(zone->apex) + 33 <= NAME_MAX)
        made_hashed_owner(zone, record->owner); /* other data beside an NSEC3 */
}

static inline void made_zone(struct made_zone *zone, uint64_t seed)
{
    static const char *const apexes[] = {"\7example", "", "\1a\1b", "\1*\1x", "\2aa\1a\1a", "\1\0"};
    static const unsigned lens[] = {9, 1, 5, 5, 8, 3};
    memset(zone, 0, offsetof(struct made_zone, records));
    zone->random = seed;
    zone->count = 0;
    unsigned which = made_any(zone, 6);
    zone->apex_len = lens[which];
    memcpy(zone->apex, apexes[which], zone->apex_len);
    zone->tidy = made_one_in(zone, 3);
    zone->lawless = !zone->tidy && made_one_in(zone, 20);
    struct made_record record = {.type = TYPE_SOA, .ttl = 300};
    memcpy(record.owner, zone->apex, zone->apex_len);
    made_rdata(zone, &record);
    if (!zone->lawless || !made_one_in(zone, 4))
        (void)made_insert(zone, &record, 0);
    record.type = TYPE_NSEC; /* without one at the apex there is no chain */
    made_rdata(zone, &record);
    if (made_one_in(zone, 2))
        (void)made_insert(zone, &record, 0);
    for (unsigned wanted = made_any(zone, made_one_in(zone, 10) ? 240 : 50); wanted > 0; wanted--) {
        made_record(zone, &record);
        (void)made_insert(zone, &record, zone->count);
    }
}

/* ---- text ---- */

struct made_text {
    char *text;
    size_t len;
    uint8_t origin[NAME_MAX + 1];
    uint8_t owner[NAME_MAX + 1]; /* the last one written */
    bool has_owner;
    uint32_t ttl; /* of the last $TTL */
    bool has_ttl;
    const char *newline;
};

static inline void made_say(struct made_text *text, const char *words)
{
    size_t len = strlen(words);
    memcpy(text->text + text->len, words, len);
    text->len += len;
}

static inline void made_newline(struct made_text *text)
{
    made_say(text, text->newline);
}

/* A name in one of the ways it can be written: relative, with capitals, with needless escapes. */
static inline void made_say_name(struct made_zone *zone, struct made_text *text, const uint8_t *name)
{
    char words[NAME_TEXT_MAX], octal[8];
    uint8_t relative[NAME_MAX + 1];
    unsigned labels = name_labels(name), origin = name_labels(text->origin);
    memcpy(relative, name, name_len(name));
    bool under = name_under(name, text->origin) && made_one_in(zone, 2);
    if (under && labels == origin) {
        made_say(text, "@");
        return;
    }
    if (under)
        relative[name_len(name) - name_len(text->origin)] = 0;
    size_t len = name_print(relative, words);
    if (under)
        words[--len] = '\0';
    for (size_t i = 0; i < len; i++) {
        if (words[i] == '\\') {
            size_t escape = isdigit((unsigned char)words[i + 1]) ? 4 : 2;
            memcpy(text->text + text->len, words + i, escape);
            text->len += escape;
            i += escape - 1;
        } else if (isalpha((unsigned char)words[i]) && made_one_in(zone, 20)) {
            snprintf(octal, sizeof octal, "\\%03u", (unsigned)words[i]);
            made_say(text, octal);
        } else {
            text->text[text->len++] = (char)(made_one_in(zone, 6) ? toupper(words[i]) : words[i]);
        }
    }
}

static inline void made_noise(struct made_zone *zone, struct made_text *text)
{
    char words[64];
    switch (made_any(zone, 24)) {
    case 0:
        made_newline(text);
        break;
    case 1:
        made_say(text, "; a comment ( with \" marks and $ORIGIN no.");
        made_newline(text);
        break;
    case 2:
        made_say(text, " \t ; nothing");
        made_newline(text);
        break;
    case 3:
        text->has_ttl = true;
        text->ttl = made_any(zone, 3) == 0 ? 100 : 300;
        snprintf(words, sizeof words, "$TTL %s", text->ttl == 300 ? "5m" : "1m40s");
        made_say(text, words);
        made_newline(text);
        break;
    case 4:
    case 5: {
        uint8_t origin[NAME_MAX + 1];
        made_name(zone, origin);
        made_say(text, made_one_in(zone, 4) ? "$origin " : "$ORIGIN ");
        made_say_name(zone, text, origin);
        memcpy(text->origin, origin, name_len(origin));
        made_newline(text);
        break;
    }
    default:
        break;
    }
}

static inline void made_say_head(
    struct made_zone *zone, struct made_text *text, const struct made_record *record)
{
    char ttl[32], type[24], line[100];
    bool written = !(text->has_ttl && text->ttl == record->ttl && made_one_in(zone, 2));
    bool class = made_one_in(zone, 2);
    snprintf(ttl, sizeof ttl, record->ttl == 300 && made_one_in(zone, 5) ? "5M " : "%u ", record->ttl);
    if (record->type == 65280 || made_one_in(zone, 12))
        snprintf(type, sizeof type, "TYPE%u", record->type);
    else
        type_print(record->type, type);
    bool first = made_one_in(zone, 2);
    snprintf(line, sizeof line, "%s%s%s%s ", written && first ? ttl : "", class ? "IN " : "",
        written && !first ? ttl : "", type);
    made_say(text, line);
}

static inline void made_say_record(
    struct made_zone *zone, struct made_text *text, const struct made_record *record)
{
    char words[MADE_RDATA_MAX * 5 + 64];
    if (text->has_owner && name_equal(text->owner, record->owner) && !made_one_in(zone, 4))
        made_say(text, made_one_in(zone, 2) ? "\t" : "   ");
    else {
        made_say_name(zone, text, record->owner);
        made_say(text, made_one_in(zone, 4) ? "\t" : " ");
    }
    memcpy(text->owner, record->owner, name_len(record->owner));
    text->has_owner = true;
    made_say_head(zone, text, record);
    if (record->type == 65280 || made_one_in(zone, 10))
        rdata_print_generic(record->rdata, record->rdata_len, words, sizeof words);
    else
        rdata_print(record->type, record->rdata, record->rdata_len, words, sizeof words);
    bool parentheses = made_one_in(zone, 10);
    if (parentheses)
        made_say(text, "( ");
    if (parentheses && made_one_in(zone, 2))
        made_newline(text);
    made_say(text, words);
    if (parentheses && made_one_in(zone, 2)) {
        made_say(text, made_one_in(zone, 2) ? " ; not the end )" : "");
        made_newline(text);
    }
    if (parentheses)
        made_say(text, ")");
    if (made_one_in(zone, 10))
        made_say(text, " ; done");
    made_newline(text);
}

/* COUNT records from FROM on as text, a new variant each time; the text begins at the apex as its origin. OUT
 * has room for MADE_TEXT_MAX. Returns its length. */
static inline size_t made_print_some(struct made_zone *zone, unsigned from, unsigned count, char *out)
{
    struct made_text text = {.text = out, .newline = made_one_in(zone, 8) ? "\r\n" : "\n"};
    memcpy(text.origin, zone->apex, zone->apex_len);
    for (unsigned i = from; i < from + count; i++) {
        made_noise(zone, &text);
        made_say_record(zone, &text, &zone->records[i]);
    }
    return text.len;
}

/* The whole zone, with one of the ends that files have. */
static inline size_t made_print(struct made_zone *zone, char *out)
{
    size_t head = made_one_in(zone, 20) ? 3 : 0;
    memcpy(out, "\xef\xbb\xbf", head);
    size_t len = head + made_print_some(zone, 0, zone->count, out + head);
    if (len > head && made_one_in(zone, 8))
        len -= len > head + 1 && out[len - 2] == '\r' ? 2 : 1;
    return len;
}

/* The zone in two files: its middle stands in one that the other includes. */
static inline size_t made_print_two(
    struct made_zone *zone, char *out, const char *inner_path, char *inner, size_t *inner_len)
{
    char apex[NAME_TEXT_MAX];
    unsigned from = made_any(zone, zone->count + 1), count = made_any(zone, zone->count - from + 1);
    name_print(zone->apex, apex);
    size_t len = made_print_some(zone, 0, from, out);
    len += (size_t)sprintf(out + len, "$INCLUDE %s %s\n$ORIGIN %s\n", inner_path, apex, apex);
    *inner_len = made_print_some(zone, from, count, inner);
    return len + made_print_some(zone, from + count, zone->count - from - count, out + len);
}

static inline void made_shuffle(struct made_zone *zone)
{
    for (unsigned i = zone->count; i > 1; i--) {
        unsigned j = made_any(zone, i);
        struct made_record swap = zone->records[i - 1];
        zone->records[i - 1] = zone->records[j];
        zone->records[j] = swap;
    }
}

#endif
