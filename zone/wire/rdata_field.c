#include "zone/wire/rdata_field.h"

#include "zone/wire/name.h"
#include "zone/wire/svcb.h"

/* Octets of the kinds that have always the same. */
static const uint8_t fixed[FIELD_KINDS] = {[FIELD_U8] = 1,
    [FIELD_U16] = 2,
    [FIELD_U32] = 4,
    [FIELD_U64] = 8,
    [FIELD_PERIOD] = 4,
    [FIELD_TIME] = 4,
    [FIELD_TYPE] = 2,
    [FIELD_IP4] = 4,
    [FIELD_IP6] = 16,
    [FIELD_ID64] = 8,
    [FIELD_EUI48] = 6,
    [FIELD_EUI64] = 8};

static size_t names_measure(const struct field_view *view)
{
    size_t at = 0;
    while (at < view->left) {
        size_t len = name_check(view->at + at, view->left - at);
        if (len == 0)
            return FIELD_BAD;
        at += len;
    }
    return at;
}

static size_t name_measure(const struct field_view *view)
{
    size_t len = name_check(view->at, view->left);
    return len != 0 ? len : FIELD_BAD;
}

static size_t string_measure(const struct field_view *view)
{
    return view->left > 0 && view->at[0] < view->left ? (size_t)view->at[0] + 1 : FIELD_BAD;
}

static size_t strings_measure(const struct field_view *view)
{
    size_t at = 0;
    while (at < view->left)
        at += (size_t)view->at[at] + 1;
    return at == view->left ? at : FIELD_BAD;
}

static size_t rest_measure(const struct field_view *view)
{
    return view->left;
}

/* RFC 8659 4.1: one or more ASCII letters and digits. */
static size_t tag_measure(const struct field_view *view)
{
    size_t len = string_measure(view);
    if (len == FIELD_BAD || len == 1)
        return FIELD_BAD;
    for (size_t i = 1; i < len; i++) {
        uint8_t c = view->at[i];
        if ((uint8_t)(c - '0') >= 10 && (uint8_t)((c | 0x20) - 'a') >= 26)
            return FIELD_BAD;
    }
    return len;
}

static size_t hash_measure(const struct field_view *view)
{
    size_t len = string_measure(view);
    return len != 1 ? len : FIELD_BAD;
}

/* RFC 4034 4.1.2: windows ascend, each has 1 to 32 octets and no zero octet at its end. */
static size_t bitmap_measure(const struct field_view *view)
{
    int last = -1;
    for (size_t at = 0; at < view->left;) {
        if (view->left - at < 3 || view->at[at] <= last)
            return FIELD_BAD;
        unsigned len = view->at[at + 1];
        if (len == 0 || len > 32 || view->left - at - 2 < len || view->at[at + 1 + len] == 0)
            return FIELD_BAD;
        last = view->at[at];
        at += 2 + len;
    }
    return view->left;
}

/* RFC 2535 5.2: at most 128 bits, the first of which is reserved for another format. */
static size_t nxt_measure(const struct field_view *view)
{
    bool good = view->left <= 16 && (view->at[0] & 0x80) == 0 && view->at[view->left - 1] != 0;
    return good ? view->left : FIELD_BAD;
}

static bool loc_size_good(uint8_t size)
{
    return size >> 4 <= 9 && (size & 15) <= 9;
}

/* RFC 1876 2. Other versions than 0 are opaque. */
static size_t loc_measure(const struct field_view *view)
{
    const int64_t equator = INT64_C(1) << 31;
    if (view->at[0] != 0)
        return view->left;
    if (view->left < 16)
        return FIELD_BAD;
    for (unsigned i = 1; i <= 3; i++) {
        if (!loc_size_good(view->at[i]))
            return FIELD_BAD;
    }
    int64_t latitude = read32(view->at + 4) - equator, longitude = read32(view->at + 8) - equator;
    if (latitude < -90 * 3600000 || latitude > 90 * 3600000 || longitude < -180 * 3600000 ||
        longitude > 180 * 3600000)
        return FIELD_BAD;
    return 16;
}

/* RFC 3123 4: no zero octet at the end of an address part. */
static size_t apl_measure(const struct field_view *view)
{
    for (size_t at = 0; at < view->left;) {
        if (view->left - at < 4)
            return FIELD_BAD;
        unsigned family = read16(view->at + at), prefix = view->at[at + 2], len = view->at[at + 3] & 0x7f;
        if (view->left - at - 4 < len || (len > 0 && view->at[at + 3 + len] == 0))
            return FIELD_BAD;
        if ((family == 1 && (len > 4 || prefix > 32)) || (family == 2 && (len > 16 || prefix > 128)))
            return FIELD_BAD;
        at += 4 + len;
    }
    return view->left;
}

static size_t wks_measure(const struct field_view *view)
{
    return view->left >= 1 && view->left <= 1 + 8192 ? view->left : FIELD_BAD;
}

/* A format octet: 0 for an AESA, 1 for the digits of E.164. */
static size_t atma_measure(const struct field_view *view)
{
    return view->left >= 2 ? view->left : FIELD_BAD;
}

static size_t a6_suffix_len(const struct field_view *view)
{
    return (128u - view->at[0] + 7u) / 8u;
}

static size_t a6_measure(const struct field_view *view)
{
    if (view->at[0] > 128)
        return FIELD_BAD;
    size_t at = 1 + a6_suffix_len(view);
    if (at > view->left)
        return FIELD_BAD;
    if (view->at[0] == 0)
        return at;
    size_t name = name_check(view->at + at, view->left - at);
    return name != 0 ? at + name : FIELD_BAD;
}

/* A gateway or relay of TYPE. One of a type not yet defined takes all that is left, opaque. */
static size_t gateway_len(unsigned type, const uint8_t *at, size_t left)
{
    size_t len = type == 0 ? 0 : type == 1 ? 4 : type == 2 ? 16 : left;
    if (type == 3)
        len = name_check(at, left);
    return len > left || (type == 3 && len == 0) ? FIELD_BAD : len;
}

static size_t gateway_measure(const struct field_view *view)
{
    return gateway_len(view->rdata[1], view->at, view->left);
}

static size_t relay_measure(const struct field_view *view)
{
    size_t len = gateway_len(view->at[0] & 0x7f, view->at + 1, view->left - 1);
    return len != FIELD_BAD ? len + 1 : FIELD_BAD;
}

static size_t hip_measure(const struct field_view *view)
{
    if (view->left < 4)
        return FIELD_BAD;
    size_t hit = view->at[0], key = read16(view->at + 2);
    return hit > 0 && key > 0 && 4 + hit + key <= view->left ? 4 + hit + key : FIELD_BAD;
}

static const struct {
    size_t (*measure)(const struct field_view *view); /* at least one octet is left */
    const char *why;
} measures[FIELD_KINDS] = {
    [FIELD_NAME] = {name_measure, "a name in the rdata is malformed"},
    [FIELD_NAMES] = {names_measure, "a name in the rdata is malformed"},
    [FIELD_STRING] = {string_measure, "a character string is longer than the rdata"},
    [FIELD_STRINGS] = {strings_measure, "a character string is longer than the rdata"},
    [FIELD_REST] = {rest_measure, NULL},
    [FIELD_TAG] = {tag_measure, "the tag is not made of letters and digits"},
    [FIELD_HEX] = {rest_measure, NULL},
    [FIELD_BASE64] = {rest_measure, NULL},
    [FIELD_BASE64_DASH] = {rest_measure, NULL},
    [FIELD_SALT] = {string_measure, "the salt is longer than the rdata"},
    [FIELD_HASH] = {hash_measure, "the hash is empty or longer than the rdata"},
    [FIELD_BITMAP] = {bitmap_measure, "the type bitmap is malformed"},
    [FIELD_NXT] = {nxt_measure, "the type bitmap is malformed"},
    [FIELD_LOC] = {loc_measure, "the location is short or out of range"},
    [FIELD_APL] = {apl_measure, "an address prefix is malformed"},
    [FIELD_WKS] = {wks_measure, "the port bitmap is longer than 8192 octets"},
    [FIELD_NSAP] = {rest_measure, NULL},
    [FIELD_ATMA] = {atma_measure, "the address is empty"},
    [FIELD_A6] = {a6_measure, "the prefix length, suffix or prefix name is malformed"},
    [FIELD_GATEWAY] = {gateway_measure, "the gateway is malformed"},
    [FIELD_RELAY] = {relay_measure, "the relay is malformed"},
    [FIELD_HIP] = {hip_measure, "the HIT or the public key is empty or longer than the rdata"},
    [FIELD_ANY] = {rest_measure, NULL},
};

static bool may_be_nothing(const struct field_view *view)
{
    return (view->field->flags & FIELD_EMPTY) != 0 ||
           (view->field->kind == FIELD_GATEWAY && view->rdata[1] == 0);
}

size_t field_measure(const struct field_view *view, const char **why)
{
    unsigned kind = view->field->kind;
    if (fixed[kind] != 0) {
        *why = "the rdata is too short";
        return view->left >= fixed[kind] ? fixed[kind] : FIELD_BAD;
    }
    if (view->left == 0) {
        *why = "the rdata is too short";
        return may_be_nothing(view) ? 0 : FIELD_BAD;
    }
    if (kind == FIELD_PARAMS) {
        *why = svcb_check(view->at, view->left);
        return *why == NULL ? view->left : FIELD_BAD;
    }
    *why = measures[kind].why;
    return measures[kind].measure(view);
}

size_t field_name_at(const struct field_view *view, size_t len)
{
    switch (view->field->kind) {
    case FIELD_NAME:
        return 0;
    case FIELD_A6:
        return view->at[0] > 0 ? 1 + a6_suffix_len(view) : FIELD_BAD;
    case FIELD_GATEWAY:
        return view->rdata[1] == 3 && len > 0 ? 0 : FIELD_BAD;
    case FIELD_RELAY:
        return (view->at[0] & 0x7f) == 3 ? 1 : FIELD_BAD;
    default:
        return FIELD_BAD;
    }
}
