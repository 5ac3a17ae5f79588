#include "zone/wire/rdata_print.h"

#include "zone/base/codec.h"
#include "zone/base/ip.h"
#include "zone/wire/name.h"
#include "zone/wire/rdata_print_odd.h"
#include "zone/wire/svcb.h"
#include "zone/wire/type.h"

static bool number_print(struct out *out, const struct field_view *view, size_t len)
{
    uint64_t value = len == 1   ? view->at[0]
                     : len == 2 ? read16(view->at)
                     : len == 4 ? read32(view->at)
                                : read64(view->at);
    if ((view->field->flags & FIELD_WORD) != 0) {
        for (const struct word *word = view->field->words; word->name != NULL; word++) {
            if (word->value == value) {
                out_put(out, word->name, strlen(word->name));
                return true;
            }
        }
    }
    out_number(out, value);
    return true;
}

/* The civil date of a day counted from 1970-01-01, by 400-year eras that begin in March. */
static void day_print(struct out *out, uint32_t day)
{
    uint32_t shifted = day + 719468, era = shifted / 146097, of_era = shifted % 146097;
    uint32_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    uint32_t of_year = of_era - (365 * year + year / 4 - year / 100), month = (5 * of_year + 2) / 153;
    uint32_t of_month = of_year - (153 * month + 2) / 5 + 1;
    month = month < 10 ? month + 3 : month - 9;
    out_padded(out, year + era * 400 + (month <= 2 ? 1 : 0), 4);
    out_padded(out, month, 2);
    out_padded(out, of_month, 2);
}

/* RFC 4034 3.2. Serial numbers have no epoch; printed is the reading between 1970 and 2106. */
static bool time_print(struct out *out, const struct field_view *view, size_t len UNUSED)
{
    uint32_t seconds = read32(view->at), of_day = seconds % 86400;
    day_print(out, seconds / 86400);
    out_padded(out, of_day / 3600, 2);
    out_padded(out, of_day / 60 % 60, 2);
    out_padded(out, of_day % 60, 2);
    return true;
}

static void type_put(struct out *out, uint16_t type)
{
    char text[16];
    out_put(out, text, type_print(type, text));
}

static bool type_field_print(struct out *out, const struct field_view *view, size_t len UNUSED)
{
    type_put(out, (uint16_t)read16(view->at));
    return true;
}

static void name_put(struct out *out, const uint8_t *name)
{
    char text[NAME_TEXT_MAX];
    out_put(out, text, name_print(name, text));
}

static bool names_print(struct out *out, const struct field_view *view, size_t len)
{
    for (size_t at = 0; at < len; at += name_len(view->at + at)) {
        if (at > 0)
            out_char(out, ' ');
        name_put(out, view->at + at);
    }
    return true;
}

static bool ip4_field_print(struct out *out, const struct field_view *view, size_t len UNUSED)
{
    char text[IP4_TEXT_MAX];
    out_put(out, text, ip4_print(view->at, text));
    return true;
}

static bool ip6_field_print(struct out *out, const struct field_view *view, size_t len UNUSED)
{
    char text[IP6_TEXT_MAX];
    out_put(out, text, ip6_print(view->at, text));
    return true;
}

static const char small_digits[] = "0123456789abcdef";

static bool id64_print(struct out *out, const struct field_view *view, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (i > 0 && i % 2 == 0)
            out_char(out, ':');
        out_char(out, small_digits[view->at[i] >> 4]);
        out_char(out, small_digits[view->at[i] & 15]);
    }
    return true;
}

static bool eui_print(struct out *out, const struct field_view *view, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (i > 0)
            out_char(out, '-');
        out_char(out, small_digits[view->at[i] >> 4]);
        out_char(out, small_digits[view->at[i] & 15]);
    }
    return true;
}

static bool strings_print(struct out *out, const struct field_view *view, size_t len)
{
    for (size_t at = 0; at < len; at += (size_t)view->at[at] + 1) {
        if (at > 0)
            out_char(out, ' ');
        out_quoted(out, view->at + at + 1, view->at[at]);
    }
    return true;
}

static bool rest_print(struct out *out, const struct field_view *view, size_t len)
{
    out_quoted(out, view->at, len);
    return true;
}

static bool tag_print(struct out *out, const struct field_view *view, size_t len)
{
    out_put(out, (const char *)view->at + 1, len - 1);
    return true;
}

static bool hex_print(struct out *out, const struct field_view *view, size_t len)
{
    out_hex(out, view->at, len);
    return true;
}

static bool base64_print(struct out *out, const struct field_view *view, size_t len)
{
    out_base64(out, view->at, len);
    return true;
}

static bool dash_print(struct out *out, const struct field_view *view, size_t len)
{
    if (len == 0)
        out_char(out, '-');
    out_base64(out, view->at, len);
    return true;
}

static bool salt_print(struct out *out, const struct field_view *view, size_t len)
{
    if (len == 1)
        out_char(out, '-');
    out_hex(out, view->at + 1, len - 1);
    return true;
}

static bool hash_print(struct out *out, const struct field_view *view, size_t len)
{
    char text[255 * 8 / 5 + 2];
    out_put(out, text, base32hex_encode(text, view->at + 1, len - 1));
    return true;
}

static bool types_put(struct out *out, unsigned window, const uint8_t *bits, size_t len, bool first)
{
    for (unsigned i = 0; i < len; i++) {
        for (unsigned left = bits[i]; left != 0;) {
            unsigned bit = 7 - (31 - (unsigned)__builtin_clz(left));
            left &= ~(0x80u >> bit);
            if (!first)
                out_char(out, ' ');
            first = false;
            type_put(out, (uint16_t)(window << 8 | (i * 8 + bit)));
        }
    }
    return first;
}

static bool bitmap_print(struct out *out, const struct field_view *view, size_t len)
{
    bool first = true;
    for (size_t at = 0; at < len; at += 2u + view->at[at + 1])
        first = types_put(out, view->at[at], view->at + at + 2, view->at[at + 1], first);
    return true;
}

static bool nxt_print(struct out *out, const struct field_view *view, size_t len)
{
    types_put(out, 0, view->at, len, true);
    return true;
}

static bool params_print(struct out *out, const struct field_view *view, size_t len)
{
    svcb_print(out, view->at, len);
    return true;
}

static bool any_print(struct out *out UNUSED, const struct field_view *view UNUSED, size_t len UNUSED)
{
    return false;
}

static bool (*const prints[FIELD_KINDS])(struct out *out, const struct field_view *view, size_t len) = {
    [FIELD_NAME] = names_print,
    [FIELD_NAMES] = names_print,
    [FIELD_U8] = number_print,
    [FIELD_U16] = number_print,
    [FIELD_U32] = number_print,
    [FIELD_U64] = number_print,
    [FIELD_PERIOD] = number_print,
    [FIELD_TIME] = time_print,
    [FIELD_TYPE] = type_field_print,
    [FIELD_IP4] = ip4_field_print,
    [FIELD_IP6] = ip6_field_print,
    [FIELD_ID64] = id64_print,
    [FIELD_EUI48] = eui_print,
    [FIELD_EUI64] = eui_print,
    [FIELD_STRING] = strings_print,
    [FIELD_STRINGS] = strings_print,
    [FIELD_REST] = rest_print,
    [FIELD_TAG] = tag_print,
    [FIELD_HEX] = hex_print,
    [FIELD_BASE64] = base64_print,
    [FIELD_BASE64_DASH] = dash_print,
    [FIELD_SALT] = salt_print,
    [FIELD_HASH] = hash_print,
    [FIELD_BITMAP] = bitmap_print,
    [FIELD_NXT] = nxt_print,
    [FIELD_LOC] = loc_print,
    [FIELD_APL] = apl_print,
    [FIELD_WKS] = wks_print,
    [FIELD_NSAP] = nsap_print,
    [FIELD_ATMA] = atma_print,
    [FIELD_A6] = a6_print,
    [FIELD_GATEWAY] = gateway_print,
    [FIELD_RELAY] = relay_print,
    [FIELD_HIP] = hip_print,
    [FIELD_PARAMS] = params_print,
    [FIELD_ANY] = any_print,
};

bool field_print(struct out *out, const struct field_view *view, size_t len)
{
    return prints[view->field->kind](out, view, len);
}
