/* What the data of single records say: SOA, addresses, CAA, keys and fingerprints for other protocols. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "zone/check/visit.h"
#include "zone/wire/type.h"

/* ---- SOA ---- */

#define MINUTE 60u
#define DAY 86400u

static void check_timers(struct visit *visit, const struct gathered_record *soa, const uint8_t *timers)
{
    uint32_t refresh = visit_read32(timers + 4), retry = visit_read32(timers + 8);
    uint32_t expire = visit_read32(timers + 12), minimum = visit_read32(timers + 16);
    if (refresh < 5 * MINUTE || refresh > 2 * DAY)
        TELL(visit, "soa-refresh", soa, PART_DATA + 3, "the refresh of %u seconds is %s", refresh,
            refresh < 5 * MINUTE ? "very short" : "very long");
    if (retry == 0)
        TELL(visit, "soa-timers", soa, PART_DATA + 4, "the retry is 0: secondaries ask without a pause");
    else if (retry < MINUTE)
        TELL(visit, "soa-retry", soa, PART_DATA + 4, "the retry of %u seconds is very short", retry);
    if (expire < 2 * DAY)
        TELL(visit, "soa-expire", soa, PART_DATA + 5, "the zone expires after %u seconds", expire);
    if (minimum > DAY)
        TELL(visit, "soa-minimum", soa, PART_DATA + 6, "negative answers are to be kept %u seconds", minimum);
}

static bool is_date(unsigned year, unsigned month, unsigned day)
{
    static const uint8_t days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return year >= 1980 && month >= 1 && month <= 12 && day >= 1 && day <= days[month - 1];
}

/* A serial of ten digits that begins as the years of this century do is a date by intention. */
static void check_serial(struct visit *visit, const struct gathered_record *soa, uint32_t serial)
{
    time_t tomorrow = (time_t)(visit->shared->now + (int64_t)DAY);
    struct tm tm;
    if (serial == 0)
        TELL(visit, "soa-serial-zero", soa, PART_DATA + 2, "the serial is 0");
    if (serial < 1990000000u || serial > 2199999999u || gmtime_r(&tomorrow, &tm) == NULL)
        return;
    unsigned year = serial / 1000000, month = serial / 10000 % 100, day = serial / 100 % 100;
    uint32_t latest = (uint32_t)(tm.tm_year + 1900) * 1000000u + (uint32_t)(tm.tm_mon + 1) * 10000u +
                      (uint32_t)tm.tm_mday * 100u + 99u;
    if (!is_date(year, month, day))
        TELL(visit, "soa-serial-date", soa, PART_DATA + 2, "the serial %u looks like a date and is none",
            serial);
    else if (serial > latest)
        TELL(visit, "soa-serial-date", soa, PART_DATA + 2, "the serial %u is a date in the future", serial);
}

static bool is_server(const struct visit *visit, const uint8_t *name)
{
    const struct gathered_set *ns = visit_set(visit->gathered, TYPE_NS);
    if (ns == NULL)
        return true;
    VISIT_EACH(visit, ns, record)
    {
        if (name_equal(record->record->rdata, name))
            return true;
    }
    return false;
}

void visit_soa(struct visit *visit, const struct gathered_set *set)
{
    char name[NAME_TEXT_MAX];
    if (!visit->place->apex)
        return;
    VISIT_EACH(visit, set, soa)
    {
        const uint8_t *mname = soa->record->rdata, *timers = mname + soa->record->rdata_len - 20;
        visit_host(visit, soa, mname, PART_DATA);
        visit_name(visit, soa, mname + name_len(mname), PART_DATA + 1);
        if (mname[name_len(mname)] == 0)
            TELL(visit, "soa-mailbox", soa, PART_DATA + 1,
                "the mailbox is the root: nobody can be told of trouble");
        check_serial(visit, soa, visit_read32(timers));
        check_timers(visit, soa, timers);
        if (is_server(visit, mname))
            continue;
        name_print(mname, name);
        TELL(visit, "soa-mname-not-ns", soa, PART_DATA, "the primary %s is none of the name servers", name);
    }
}

/* ---- addresses (RFC 6890 and the IANA registries of special-purpose addresses) ---- */

struct range {
    uint8_t ip[4];
    uint8_t bits;
    const char *what;
};

static const struct range unusable[] = {
    {{0, 0, 0, 0}, 8, "\"this network\" (RFC 1122 3.2.1.3)"},
    {{224, 0, 0, 0}, 4, "a multicast address (RFC 5771)"},
    {{240, 0, 0, 0}, 4, "a reserved address (RFC 1112 4)"},
};

static const struct range special[] = {
    {{10, 0, 0, 0}, 8, "private (RFC 1918)"},
    {{172, 16, 0, 0}, 12, "private (RFC 1918)"},
    {{192, 168, 0, 0}, 16, "private (RFC 1918)"},
    {{127, 0, 0, 0}, 8, "loopback (RFC 1122)"},
    {{169, 254, 0, 0}, 16, "link-local (RFC 3927)"},
    {{100, 64, 0, 0}, 10, "shared by carriers (RFC 6598)"},
    {{192, 0, 2, 0}, 24, "for documentation (RFC 5737)"},
    {{198, 51, 100, 0}, 24, "for documentation (RFC 5737)"},
    {{203, 0, 113, 0}, 24, "for documentation (RFC 5737)"},
    {{198, 18, 0, 0}, 15, "for benchmarks (RFC 2544)"},
};

static const char *find_range(const struct range *ranges, size_t count, const uint8_t *ip)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t mask = ~(uint32_t)0 << (32 - ranges[i].bits);
        if ((visit_read32(ip) & mask) == visit_read32(ranges[i].ip))
            return ranges[i].what;
    }
    return NULL;
}

void visit_a(struct visit *visit, const struct gathered_set *set)
{
    VISIT_EACH(visit, set, record)
    {
        const uint8_t *ip = record->record->rdata;
        const char *what = find_range(unusable, ARRAY_COUNT(unusable), ip);
        if (UNLIKELY(what != NULL))
            TELL(visit, "address-unusable", record, PART_DATA, "%u.%u.%u.%u is %s", ip[0], ip[1], ip[2],
                ip[3], what);
        else if ((what = find_range(special, ARRAY_COUNT(special), ip)) != NULL)
            TELL(visit, "address-special", record, PART_DATA, "%u.%u.%u.%u is %s", ip[0], ip[1], ip[2], ip[3],
                what);
    }
}

struct range6 {
    uint8_t ip[16];
    uint8_t bits;
    bool unusable;
    const char *what;
};

static const struct range6 ranges6[] = {
    {{0}, 128, true, "the unspecified address (RFC 4291 2.5.2)"},
    {{[10] = 0xff, [11] = 0xff}, 96, true, "IPv4 written as IPv6 (RFC 4291 2.5.5.2)"},
    {{0xff}, 8, true, "a multicast address (RFC 4291 2.7)"},
    {{0xfe, 0xc0}, 10, true, "site-local, which is no more (RFC 3879)"},
    {{[15] = 1}, 128, false, "loopback (RFC 4291 2.5.3)"},
    {{0xfe, 0x80}, 10, true, "link-local, which needs a scope (RFC 4291 2.5.6)"},
    {{0xfc}, 7, false, "private (RFC 4193)"},
    {{0x20, 0x01, 0x0d, 0xb8}, 32, false, "for documentation (RFC 3849)"},
    {{0x3f, 0xff}, 20, false, "for documentation (RFC 9637)"},
    {{0x01}, 64, false, "for discarding (RFC 6666)"},
};

static bool has_prefix(const uint8_t *ip, const struct range6 *range)
{
    unsigned whole = range->bits / 8, rest = range->bits % 8;
    return memcmp(ip, range->ip, whole) == 0 &&
           (rest == 0 || ((ip[whole] ^ range->ip[whole]) & (0xff << (8 - rest) & 0xff)) == 0);
}

void visit_aaaa(struct visit *visit, const struct gathered_set *set)
{
    VISIT_EACH(visit, set, record)
    {
        const struct range6 *found = NULL;
        for (size_t i = 0; i < ARRAY_COUNT(ranges6) && found == NULL; i++)
            found = has_prefix(record->record->rdata, &ranges6[i]) ? &ranges6[i] : NULL;
        if (found != NULL && found->unusable)
            TELL(visit, "address-unusable", record, PART_DATA, "the address is %s", found->what);
        else if (found != NULL)
            TELL(visit, "address-special", record, PART_DATA, "the address is %s", found->what);
    }
}

/* ---- CAA (RFC 8659) ---- */

static bool is_word(const uint8_t *text, size_t len, const char *word)
{
    return strlen(word) == len && strncasecmp((const char *)text, word, len) == 0;
}

static bool begins(const char *text, const char *word)
{
    return strncasecmp(text, word, strlen(word)) == 0;
}

static bool issuer_ok(const char *value)
{
    const char *end = value + strcspn(value, ";");
    while (*value == ' ' || *value == '\t')
        value++;
    size_t len = (size_t)(end - value);
    while (len > 0 && (value[len - 1] == ' ' || value[len - 1] == '\t'))
        len--;
    bool label = false;
    for (size_t i = 0; i < len; i++) {
        char c = value[i];
        bool letter = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
        if (!letter && !(c == '-' && label) && !(c == '.' && label))
            return false;
        label = c != '.';
    }
    if (len > 0 && !label)
        return false;
    /* Parameters: tag=value, separated by semicolons (RFC 8659 4.2). */
    for (const char *at = end; *at != '\0';) {
        at += strspn(at, "; \t");
        size_t tag = strcspn(at, "=; \t");
        if (*at == '\0')
            break;
        if (tag == 0 || at[tag] != '=')
            return false;
        at += tag + strcspn(at + tag, "; \t");
    }
    return true;
}

static void check_caa_value(
    struct visit *visit, const struct gathered_record *record, const uint8_t *tag, unsigned tag_len)
{
    char value[512];
    const uint8_t *text = tag + tag_len;
    visit_show(value, sizeof value, text, record->record->rdata_len - 2u - tag_len);
    if (is_word(tag, tag_len, "iodef")) {
        if (!begins(value, "mailto:") && !begins(value, "http://") && !begins(value, "https://"))
            TELL(visit, "caa-syntax", record, PART_DATA + 2, "iodef \"%s\" is no mailto: or http(s): URL",
                value);
        return;
    }
    if (is_word(tag, tag_len, "contactemail") || is_word(tag, tag_len, "contactphone"))
        return;
    if (!issuer_ok(value))
        TELL(visit, "caa-syntax", record, PART_DATA + 2, "\"%s\" is no issuer's domain name", value);
}

void visit_caa(struct visit *visit, const struct gathered_set *set)
{
    static const char *const tags[] = {
        "issue", "issuewild", "iodef", "issuemail", "issuevmc", "contactemail", "contactphone"};
    VISIT_EACH(visit, set, record)
    {
        const uint8_t *rdata = record->record->rdata, *tag = rdata + 2;
        bool known = false;
        char text[64];
        for (size_t i = 0; i < ARRAY_COUNT(tags); i++)
            known |= is_word(tag, rdata[1], tags[i]);
        if ((rdata[0] & 0x7f) != 0)
            TELL(visit, "caa-flags", record, PART_DATA, "the flags are %u", rdata[0]);
        visit_show(text, sizeof text, tag, rdata[1]);
        if (known)
            check_caa_value(visit, record, tag, rdata[1]);
        else
            TELL(visit, "caa-tag", record, PART_DATA + 1, "no issuer knows the tag \"%s\"", text);
    }
}

/* ---- keys and fingerprints ---- */

static bool is_port(const uint8_t *label)
{
    unsigned port = 0;
    if (*label < 2 || *label > 6 || label[1] != '_')
        return false;
    if (*label == 2 && label[2] == '*')
        return true;
    for (unsigned i = 2; i <= *label; i++) {
        if ((uint8_t)(label[i] - '0') > 9)
            return false;
        port = port * 10 + (unsigned)(label[i] - '0');
    }
    return port <= 65535;
}

void visit_tlsa(struct visit *visit, const struct gathered_set *set)
{
    const uint8_t *owner = visit->place->owner, *second = owner + *owner + 1;
    const struct gathered_record *first = &visit->gathered->records[set->from];
    /* "*._tcp" stands for all ports; a name under _dane or the like is an alias' target. */
    bool named = (is_port(owner) || visit->place->wildcard) && *second > 1 && second[1] == '_';
    bool alias = *owner > 0 && (owner[1] == '_' || (*second > 0 && second[1] == '_'));
    if (!named && !alias)
        TELL(visit, "tlsa-name", first, PART_OWNER, "a TLSA record that is not at _port._proto");
    else if (!named && is_port(owner))
        TELL(visit, "tlsa-name", first, PART_OWNER, "a TLSA record without a protocol in its name");
    if (named)
        visit_later(visit, first);
    if (!visit->place->signed_zone)
        TELL(visit, "tlsa-unsigned", first, PART_TYPE, "a TLSA record in an unsigned zone");
    VISIT_EACH(visit, set, record)
    {
        const uint8_t *rdata = record->record->rdata;
        bool usage = rdata[0] > 3 && rdata[0] != 255, selector = rdata[1] > 1 && rdata[1] != 255;
        if (usage || selector || (rdata[2] > 2 && rdata[2] != 255))
            TELL(visit, "tlsa-fields", record,
                PART_DATA + (usage         ? 0u
                                : selector ? 1u
                                           : 2u),
                "TLSA %u %u %u: %s is unknown", rdata[0], rdata[1], rdata[2],
                usage      ? "the usage"
                : selector ? "the selector"
                           : "the matching type");
    }
}

static bool is_hash(const uint8_t *label)
{
    bool hex = *label == 56;
    for (unsigned i = 1; hex && i <= *label; i++)
        hex = (label[i] >= '0' && label[i] <= '9') || ((label[i] | 0x20) >= 'a' && (label[i] | 0x20) <= 'f');
    return hex;
}

static bool is_hashed_name(const struct visit *visit, const char *word)
{
    const uint8_t *owner = visit->place->owner;
    return (is_hash(owner) || visit->place->wildcard) && visit_label_is(owner + *owner + 1, word);
}

void visit_smimea(struct visit *visit, const struct gathered_set *set)
{
    if (!is_hashed_name(visit, "_smimecert"))
        TELL(visit, "smimea-name", &visit->gathered->records[set->from], PART_OWNER,
            "a SMIMEA record that is not at HASH._smimecert");
}

void visit_openpgpkey(struct visit *visit, const struct gathered_set *set)
{
    if (!is_hashed_name(visit, "_openpgpkey"))
        TELL(visit, "openpgpkey-name", &visit->gathered->records[set->from], PART_OWNER,
            "an OPENPGPKEY record that is not at HASH._openpgpkey");
}

void visit_sshfp(struct visit *visit, const struct gathered_set *set)
{
    VISIT_EACH(visit, set, record)
    {
        unsigned algorithm = record->record->rdata[0], type = record->record->rdata[1];
        bool known = (algorithm >= 1 && algorithm <= 4) || algorithm == 6;
        if (!known || type < 1 || type > 2)
            TELL(visit, "sshfp-fields", record, PART_DATA + known, "the %s %u is unknown",
                known ? "fingerprint type" : "algorithm", known ? type : algorithm);
        else if (type == 1 || algorithm == 2)
            TELL(visit, "sshfp-weak", record, PART_DATA + (type == 1), "%s",
                type == 1 ? "a SHA-1 fingerprint" : "a DSA key");
    }
}

/* ---- NAPTR, RP ---- */

static const uint8_t *skip_string(const uint8_t *at)
{
    return at + *at + 1;
}

/* delim ERE delim replacement delim flags, the flag i or none; a delimiter behind a backslash is none (RFC
 * 3402 3.2) */
static bool substitution_sound(const uint8_t *string)
{
    const uint8_t *end = string + 1 + *string, *at = string + 2;
    uint8_t delimiter = string[1];
    unsigned delimiters = 1;
    if (delimiter == '\\' || delimiter == 'i' || (delimiter >= '1' && delimiter <= '9'))
        return false;
    for (; at < end && delimiters < 3; at++)
        if (*at == '\\' && at + 1 < end)
            at++;
        else if (*at == delimiter)
            delimiters++;
    return delimiters == 3 && (at == end || (at + 1 == end && *at == 'i'));
}

/* What is wrong with the flags (RFC 3403 4.1: letters and digits, and of S, A, U and P at most one), or NULL.
 */
static const char *naptr_flags_wrong(const uint8_t *flags)
{
    unsigned terminal = 0;
    for (unsigned i = 1; i <= *flags; i++) {
        bool letter = (flags[i] | 0x20) >= 'a' && (flags[i] | 0x20) <= 'z';
        if (!letter && (flags[i] < '0' || flags[i] > '9'))
            return "a flag that is no letter or digit";
        terminal += letter && strchr("SAUP", flags[i] & ~0x20) != NULL;
    }
    return terminal > 1 ? "flags that exclude each other" : NULL;
}

void visit_naptr(struct visit *visit, const struct gathered_set *set)
{
    VISIT_EACH(visit, set, record)
    {
        const uint8_t *flags = record->record->rdata + 4, *regexp = skip_string(skip_string(flags));
        const uint8_t *replacement = skip_string(regexp);
        const char *wrong = naptr_flags_wrong(flags);
        if (wrong != NULL)
            TELL(visit, "naptr-fields", record, PART_DATA + 2, "%s", wrong);
        else if (*regexp > 0 && !substitution_sound(regexp))
            TELL(visit, "naptr-fields", record, PART_DATA + 4, "a regexp that is not !PATTERN!REPLACEMENT!");
        else if (*regexp > 0 && *replacement != 0)
            TELL(visit, "naptr-fields", record, PART_DATA + 5, "both a regexp and a replacement");
        visit_name(visit, record, replacement, PART_DATA + 5);
    }
}

void visit_rp(struct visit *visit, const struct gathered_set *set)
{
    VISIT_EACH(visit, set, record)
    {
        const uint8_t *mailbox = record->record->rdata;
        size_t len = name_len(mailbox);
        if (memchr(mailbox, '@', len) != NULL)
            TELL(visit, "rp-mailbox", record, PART_DATA, "the mailbox has an @ in it");
        visit_name(visit, record, mailbox, PART_DATA);
        visit_name(visit, record, mailbox + len, PART_DATA + 1);
        visit_later(visit, record);
    }
}

/* ---- the apex ---- */

static bool has_text(const struct visit *visit, const char *beginning)
{
    const struct gathered_set *txt = visit_set(visit->gathered, TYPE_TXT);
    size_t len = strlen(beginning);
    if (txt == NULL)
        return false;
    VISIT_EACH(visit, txt, record)
    {
        const uint8_t *rdata = record->record->rdata;
        if (rdata[0] >= len && strncasecmp((const char *)rdata + 1, beginning, len) == 0)
            return true;
    }
    return false;
}

void visit_apex(struct visit *visit)
{
    const struct gathered_set *soa = visit_set(visit->gathered, TYPE_SOA);
    const struct gathered_set *mx = visit_set(visit->gathered, TYPE_MX);
    if (soa != NULL && !visit->reverse && visit_set(visit->gathered, TYPE_CAA) == NULL)
        TELL(visit, "caa-missing", &visit->gathered->records[soa->from], PART_OWNER, "the zone has no CAA");
    if (mx != NULL && visit->gathered->records[mx->from].record->rdata[2] != 0 && !has_text(visit, "v=spf1"))
        TELL(visit, "mail-policy-missing", &visit->gathered->records[mx->from], PART_TYPE,
            "the zone has MX but no SPF policy");
    visit_apex_keys(visit);
}
