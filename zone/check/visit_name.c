/* Names: of owners, and in data. */
#include <stdio.h>
#include <string.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "zone/check/visit.h"
#include "zone/wire/type.h"

enum look {
    LOOK_ODD = 1,        /* octets no host name has */
    LOOK_UNDERSCORE = 2, /* inside of a label */
    LOOK_SERVICE = 4,    /* a label begins with one */
    LOOK_HIGH = 8,       /* above 127 */
    LOOK_HYPHEN = 16,    /* at an end of a label */
    LOOK_DASHES = 32,    /* at the third and fourth place */
    LOOK_PUNYCODE = 64,  /* the same behind "xn" */
    LOOK_COLON = 128     /* an IPv6 address or a URL */
};

/* What kinds of octets tell. */
static const uint8_t octets[256] = {[0 ... '*'] = LOOK_ODD,
    ['+'] = LOOK_ODD,
    [','] = LOOK_ODD,
    ['.'] = LOOK_ODD,
    ['/'] = LOOK_ODD,
    [':'] = LOOK_ODD | LOOK_COLON,
    [';' ... '@'] = LOOK_ODD,
    ['[' ... '^'] = LOOK_ODD,
    ['_'] = LOOK_UNDERSCORE,
    ['`'] = LOOK_ODD,
    ['{' ... 127] = LOOK_ODD,
    [128 ... 255] = LOOK_ODD | LOOK_HIGH};

#if defined(__SSE2__)
/* Letters, digits and hyphens inside, as nearly all labels are: told of sixteen octets at once. What lies
 * behind a name on a tape can be read (tape.h). */
static inline bool is_plain(const uint8_t *label)
{
    unsigned len = *label;
    __m128i b = _mm_loadu_si128((const __m128i *)(const void *)(label + 1));
    __m128i letter = _mm_sub_epi8(_mm_or_si128(b, _mm_set1_epi8(0x20)), _mm_set1_epi8('a'));
    __m128i digit = _mm_sub_epi8(b, _mm_set1_epi8('0'));
    __m128i hyphens = _mm_cmpeq_epi8(b, _mm_set1_epi8('-'));
    __m128i good = _mm_or_si128(_mm_cmpeq_epi8(_mm_min_epu8(letter, _mm_set1_epi8(25)), letter),
        _mm_or_si128(_mm_cmpeq_epi8(_mm_min_epu8(digit, _mm_set1_epi8(9)), digit), hyphens));
    unsigned wanted = (1u << (len & 31)) - 1, hyphen = (unsigned)_mm_movemask_epi8(hyphens) & wanted;
    /* None at the ends, nor at the third and fourth place. */
    return len <= 16 && ((unsigned)_mm_movemask_epi8(good) & wanted) == wanted &&
           (hyphen == 0 || ((hyphen & (1u | 1u << (len - 1))) == 0 && (hyphen & 12) != 12));
}
#else
static inline bool is_plain(const uint8_t *label UNUSED)
{
    return false;
}
#endif

static unsigned look_at_label(const uint8_t *label)
{
    unsigned len = *label, look = 0;
    if (LIKELY(is_plain(label)))
        return 0;
    for (unsigned i = 1; i <= len; i++)
        look |= octets[label[i]];
    if (UNLIKELY((look & LOOK_UNDERSCORE) != 0)) {
        bool inside = memchr(label + 2, '_', len - 1) != NULL;
        look = (look & ~(unsigned)LOOK_UNDERSCORE) | (inside ? LOOK_UNDERSCORE : 0u) |
               (label[1] == '_' ? LOOK_SERVICE : 0u);
    }
    if (UNLIKELY(label[1] == '-' || label[len] == '-'))
        look |= LOOK_HYPHEN;
    if (UNLIKELY(len >= 4 && label[3] == '-' && label[4] == '-'))
        look |= (label[1] | 0x20) == 'x' && (label[2] | 0x20) == 'n' ? LOOK_PUNYCODE : LOOK_DASHES;
    return look;
}

static unsigned look_at(const uint8_t *name, unsigned *len)
{
    const uint8_t *at = name;
    unsigned look = 0;
    for (; *at != 0; at += *at + 1)
        look |= look_at_label(at);
    *len = (unsigned)(at - name) + 1;
    return look;
}

/* Punycode (RFC 3492 6.2), only to see whether it is. */
static bool punycode_ok(const uint8_t *text, unsigned len)
{
    uint32_t n = 128, i = 0, bias = 72, count = 0;
    unsigned at = 0;
    for (unsigned j = len; j-- > 0;) {
        if (text[j] == '-') {
            count = j;
            at = j + 1;
            break;
        }
    }
    if (at >= len)
        return false;
    while (at < len) {
        uint32_t before = i, weight = 1;
        for (uint32_t k = 36;; k += 36) {
            if (at >= len)
                return false;
            uint8_t c = text[at++];
            uint32_t digit = c >= '0' && c <= '9'                     ? c - '0' + 26u
                             : (c | 0x20) >= 'a' && (c | 0x20) <= 'z' ? (c | 0x20) - 'a' + 0u
                                                                      : 99u;
            if (digit > 35 || digit > (UINT32_MAX - i) / weight)
                return false;
            i += digit * weight;
            uint32_t least = k <= bias ? 1 : k >= bias + 26 ? 26 : k - bias;
            if (digit < least)
                break;
            if (weight > UINT32_MAX / (36 - least))
                return false;
            weight *= 36 - least;
        }
        uint32_t delta = before == 0 ? i / 700 : (i - before) / 2;
        delta += delta / ++count;
        uint32_t k = 0;
        for (; delta > 455; k += 36)
            delta /= 35;
        bias = k + 36 * delta / (delta + 38);
        n += i / count;
        i = i % count + 1;
        if (n > 0x10ffff || (n >= 0xd800 && n <= 0xdfff))
            return false;
    }
    return true;
}

static void check_idn(struct visit *visit, const struct gathered_record *record, const uint8_t *name,
    unsigned part, unsigned look)
{
    char text[80];
    if ((look & LOOK_HIGH) != 0)
        TELL(visit, "idn-raw", record, part, "the name has octets above 127");
    for (; (look & LOOK_PUNYCODE) != 0 && *name != 0; name += *name + 1) {
        if (*name < 4 || (name[1] | 0x20) != 'x' || (name[2] | 0x20) != 'n' || name[3] != '-' ||
            name[4] != '-')
            continue;
        if (punycode_ok(name + 5, *name - 4u))
            continue;
        visit_show(text, sizeof text, name + 1, *name);
        TELL(visit, "idn-syntax", record, part, "\"%s\" is no Punycode", text);
        return;
    }
}

/* RFC 952, RFC 1123 2.1. */
static void check_host(struct visit *visit, const struct gathered_record *record, const uint8_t *name,
    unsigned part, unsigned look, const char *what)
{
    char text[NAME_TEXT_MAX];
    if (LIKELY((look & ~(unsigned)(LOOK_PUNYCODE | LOOK_SERVICE)) == 0 && name[1] != '_'))
        return;
    name_print(name, text);
    if ((look & (LOOK_ODD | LOOK_HYPHEN)) != 0)
        TELL(visit, "hostname-syntax", record, part, "%s %s is no host name%s", what, text,
            (look & LOOK_ODD) != 0 ? "" : ": a label begins or ends with a hyphen");
    else if ((look & LOOK_UNDERSCORE) != 0 || name[1] == '_')
        TELL(visit, "hostname-underscore", record, part, "%s %s has an underscore", what, text);
    if ((look & LOOK_DASHES) != 0)
        TELL(visit, "hostname-double-dash", record, part, "%s %s has hyphens at the third and fourth place",
            what, text);
}

/* Does what stands before the apex end in the apex's own labels? For a zone right below the root only the
 * whole is telling: there are names such as com.com. */
static bool repeats_origin(const struct visit *visit, const uint8_t *name, unsigned len)
{
    unsigned apex = visit->apex_len - 1; /* without the root label */
    const uint8_t *apex_name = visit->place->apex_name;
    if (apex == 0 || len < 2 * apex + 1 || apex_name[apex_name[0] + 1u] == 0)
        return false;
    const uint8_t *before = name + len - 1 - 2 * apex;
    for (unsigned i = 0; i < apex; i++) {
        uint8_t a = before[i], b = before[apex + i];
        if (a != b && ((a ^ b) != 0x20 || (uint8_t)((a | 0x20) - 'a') >= 26))
            return false;
    }
    uint8_t lower[NAME_MAX];
    octets_lower(lower, before, apex);
    if (memcmp(lower, apex_name, apex) != 0)
        return false;
    /* The octets must begin a label, too. */
    const uint8_t *at = name;
    while (at < before)
        at += *at + 1;
    return at == before;
}

static bool is_number(const uint8_t *label)
{
    if (*label == 0 || *label > 3)
        return false;
    for (unsigned i = 1; i <= *label; i++) {
        if ((uint8_t)(label[i] - '0') > 9)
            return false;
    }
    return true;
}

/* Four numbers, alone or in front of the zone's own name. */
static bool is_address(const struct visit *visit, const uint8_t *name)
{
    for (unsigned i = 0; i < 4; i++) {
        if (!is_number(name))
            return false;
        name += *name + 1;
    }
    return *name == 0 || (!visit->reverse && name_equal(name, visit->place->apex_name));
}

static bool is_url(const uint8_t *name)
{
    static const char *const schemes[] = {"http:", "https:", "ftp:", "mailto:"};
    for (size_t i = 0; i < ARRAY_COUNT(schemes); i++) {
        size_t len = strlen(schemes[i]);
        if (*name >= len && strncasecmp((const char *)name + 1, schemes[i], len) == 0)
            return true;
    }
    return false;
}

static unsigned check_written(
    struct visit *visit, const struct gathered_record *record, const uint8_t *name, unsigned part)
{
    char text[NAME_TEXT_MAX];
    unsigned len, look = look_at(name, &len);
    if (UNLIKELY(repeats_origin(visit, name, len))) {
        name_print(name, text);
        TELL(visit, "trailing-dot", record, part, "%s repeats the origin: a missing final dot?", text);
    }
    if (UNLIKELY((look & (LOOK_HIGH | LOOK_PUNYCODE)) != 0))
        check_idn(visit, record, name, part, look);
    if (UNLIKELY((look & LOOK_COLON) != 0 && is_url(name))) {
        name_print(name, text);
        TELL(visit, "target-is-url", record, part, "%s: a URL where a host is named", text);
        look &= ~(unsigned)LOOK_ODD;
    } else if (UNLIKELY((look & LOOK_COLON) != 0 || (uint8_t)(name[1] - '0') <= 9) &&
               ((look & LOOK_COLON) != 0 || is_address(visit, name))) {
        name_print(name, text);
        TELL(visit, "target-is-address", record, part, "%s: an address where a host is named?", text);
        look &= ~(unsigned)LOOK_ODD;
    }
    return look;
}

void visit_name(struct visit *visit, const struct gathered_record *record, const uint8_t *name, unsigned part)
{
    check_written(visit, record, name, part);
}

void visit_host(struct visit *visit, const struct gathered_record *record, const uint8_t *name, unsigned part)
{
    unsigned look = check_written(visit, record, name, part);
    if (*name != 0)
        check_host(visit, record, name, part, look, "the target");
}

void visit_owner(struct visit *visit)
{
    const struct gathered *gathered = visit->gathered;
    const uint8_t *name = visit->place->owner;
    unsigned look = 0, len;
    if (gathered->record_count == 0)
        return;
    const struct gathered_record *first = &gathered->records[0];
    if (visit->place->wildcard)
        name += 2;
    for (const uint8_t *at = name; at < visit->place->owner + visit->owner_len - visit->apex_len;
         at += *at + 1)
        look |= look_at_label(at);
    len = visit->owner_len - (unsigned)(name - visit->place->owner);
    if (UNLIKELY(repeats_origin(visit, name, len))) {
        char text[NAME_TEXT_MAX];
        name_print(name, text);
        TELL(visit, "trailing-dot", first, PART_OWNER, "%s repeats the origin: a missing final dot?", text);
    }
    if (LIKELY((look & ~(unsigned)LOOK_SERVICE) == 0 && name[1] != '_'))
        return;
    check_idn(visit, first, name, PART_OWNER, look);
    const struct gathered_set *set = visit_set(gathered, TYPE_A);
    if (set == NULL)
        set = visit_set(gathered, TYPE_AAAA);
    if (set == NULL)
        set = visit_set(gathered, TYPE_MX);
    if (set != NULL && *name != 0)
        check_host(visit, &gathered->records[set->from], name, PART_OWNER, look, "the owner");
}

/* ---- the types that name hosts ---- */

static void check_useful(
    struct visit *visit, const struct gathered_record *record, const uint8_t *name, unsigned part)
{
    if (UNLIKELY(*name == 0 || (*name == 9 && name[10] == 0 && visit_label_is(name, "localhost"))))
        TELL(visit, "target-useless", record, part, "%s is named as a server",
            *name == 0 ? "the root" : "localhost");
}

void visit_ns(struct visit *visit, const struct gathered_set *set)
{
    VISIT_EACH(visit, set, record)
    {
        visit_host(visit, record, record->record->rdata, PART_DATA);
        check_useful(visit, record, record->record->rdata, PART_DATA);
    }
    if (UNLIKELY(set->count == 1 && !visit->place->apex && visit->place->above == 0))
        TELL(visit, "delegation-ns-single", &visit->gathered->records[set->from], PART_TYPE,
            "the delegation has only one name server");
}

void visit_cname(struct visit *visit, const struct gathered_set *set)
{
    VISIT_EACH(visit, set, record)
    visit_name(visit, record, record->record->rdata, PART_DATA);
}

void visit_dname(struct visit *visit, const struct gathered_set *set)
{
    VISIT_EACH(visit, set, record)
    {
        visit_name(visit, record, record->record->rdata, PART_DATA);
        visit_see(visit, SEEN_DNAME, record);
        if (name_under(record->record->rdata, visit->place->owner))
            TELL(visit, "dname-loop", record, PART_DATA, "the DNAME leads to itself");
    }
}

static bool is_octet(const uint8_t *label)
{
    unsigned value = 0;
    for (unsigned i = 1; i <= *label; i++)
        value = value * 10 + (unsigned)(label[i] - '0');
    return is_number(label) && value <= 255 && (*label == 1 || label[1] != '0');
}

/* An address as it is read, where it must stand backwards: 192.0.2.1 completed by an origin. */
static bool is_forward(const uint8_t *owner, bool reverse)
{
    unsigned numbers = 0;
    while (is_octet(owner)) {
        owner += *owner + 1;
        numbers++;
    }
    return reverse ? numbers > 4 : numbers == 4;
}

static bool is_nibble(const uint8_t *label)
{
    return *label == 1 && ((uint8_t)(label[1] - '0') <= 9 || (uint8_t)(label[1] - 'a') <= 5);
}

/* Only names of an address' own length are judged: others serve classless delegation (RFC 2317) and services.
 */
static bool is_odd_reverse(const uint8_t *owner)
{
    unsigned labels = name_labels(owner);
    bool ip4 = labels == 6 && name_equal(name_skip(owner, 4), (const uint8_t *)"\7in-addr\4arpa");
    bool ip6 = labels >= 34 && name_equal(name_skip(owner, labels - 2), (const uint8_t *)"\3ip6\4arpa");
    if (owner[1] == '_' || owner[1] == '*' || (!ip4 && !ip6))
        return false;
    for (unsigned i = 0; i < labels - 2; i++, owner += *owner + 1) {
        if (ip4 ? !is_octet(owner) : !is_nibble(owner))
            return true;
    }
    return ip6 && labels > 34;
}

void visit_ptr(struct visit *visit, const struct gathered_set *set)
{
    char text[NAME_TEXT_MAX];
    if ((visit->reverse && is_odd_reverse(visit->place->owner)) ||
        is_forward(visit->place->owner, visit->reverse)) {
        name_print(visit->place->owner, text);
        TELL(visit, "ptr-owner", &visit->gathered->records[set->from], PART_OWNER,
            "%s is no address backwards", text);
    }
    VISIT_EACH(visit, set, record)
    {
        const uint8_t *target = record->record->rdata;
        if (!visit->reverse) {
            visit_name(visit, record, target, PART_DATA);
            continue;
        }
        if (name_under(target, visit->place->apex_name)) {
            name_print(target, text);
            TELL(visit, "ptr-in-reverse-zone", record, PART_DATA,
                "PTR points to %s, in the reverse zone: a missing final dot?", text);
        } else {
            visit_host(visit, record, target, PART_DATA);
        }
    }
    if (visit->reverse && set->count > 1)
        TELL(visit, "ptr-multiple", visit_next(visit, set, visit_next(visit, set, NULL)), PART_DATA,
            "the address has %u PTR records", set->count);
}

void visit_mx(struct visit *visit, const struct gathered_set *set)
{
    VISIT_EACH(visit, set, record)
    {
        const uint8_t *rdata = record->record->rdata;
        if (rdata[2] != 0) {
            visit_host(visit, record, rdata + 2, PART_DATA + 1);
            check_useful(visit, record, rdata + 2, PART_DATA + 1);
            continue;
        }
        if (set->count > 1)
            TELL(visit, "mx-null-with-others", record, PART_DATA + 1, "a null MX (\".\") beside %u other MX",
                set->count - 1);
        if (visit_read16(rdata) != 0)
            TELL(visit, "mx-null-preference", record, PART_DATA, "a null MX (\".\") with preference %u",
                visit_read16(rdata));
    }
}

/* _service._proto in front (RFC 2782, RFC 7553 4.1); services below a name, such as _ldap._tcp.dc._msdcs, are
 * fine. */
bool visit_is_service(const uint8_t *owner, unsigned labels)
{
    for (; labels > 0; labels--, owner += *owner + 1) {
        if (*owner == 0 || owner[1] != '_')
            return false;
    }
    return true;
}

void visit_srv(struct visit *visit, const struct gathered_set *set)
{
    const struct gathered_record *first = &visit->gathered->records[set->from];
    const uint8_t *owner = visit->place->owner + (visit->place->wildcard ? 2 : 0);
    if (!visit_is_service(owner, visit->place->wildcard ? 1 : 2))
        TELL(visit, "srv-name", first, PART_OWNER, "a SRV record that is not at _service._proto");
    VISIT_EACH(visit, set, record)
    {
        const uint8_t *target = record->record->rdata + 6;
        if (*target != 0)
            visit_host(visit, record, target, PART_DATA + 3);
        else if (set->count > 1)
            TELL(visit, "srv-null-with-others", record, PART_DATA + 3,
                "a target of \".\" beside %u other SRV records", set->count - 1);
    }
}
