#include "zone/wire/rdata_print_odd.h"

#include "zone/base/ip.h"
#include "zone/wire/name.h"

static void name_put(struct out *out, const uint8_t *name)
{
    char text[NAME_TEXT_MAX];
    out_put(out, text, name_print(name, text));
}

/* Thousandths of an arc second from the equator or the prime meridian. */
static void angle_put(struct out *out, uint32_t stored, const char *directions)
{
    int64_t value = (int64_t)stored - (INT64_C(1) << 31);
    uint64_t size = (uint64_t)(value < 0 ? -value : value);
    out_number(out, size / 3600000);
    out_char(out, ' ');
    out_number(out, size / 60000 % 60);
    out_char(out, ' ');
    out_number(out, size / 1000 % 60);
    out_char(out, '.');
    out_padded(out, size % 1000, 3);
    out_char(out, ' ');
    out_char(out, directions[value < 0]);
    out_char(out, ' ');
}

static void metres_put(struct out *out, uint64_t centimetres)
{
    out_number(out, centimetres / 100);
    if (centimetres % 100 != 0) {
        out_char(out, '.');
        out_padded(out, centimetres % 100, 2);
    }
    out_char(out, 'm');
}

/* RFC 1876 2: a mantissa and a power of ten, in centimetres. */
static bool precision_put(struct out *out, uint8_t size)
{
    uint64_t centimetres = size >> 4;
    if (centimetres == 0 && (size & 15) != 0)
        return false;
    for (unsigned power = size & 15; power > 0; power--)
        centimetres *= 10;
    out_char(out, ' ');
    metres_put(out, centimetres);
    return true;
}

bool loc_print(struct out *out, const struct field_view *view, size_t len UNUSED)
{
    const uint8_t *at = view->at;
    if (at[0] != 0)
        return false;
    angle_put(out, read32(at + 4), "NS");
    angle_put(out, read32(at + 8), "EW");
    int64_t altitude = (int64_t)read32(at + 12) - 10000000; /* above 100,000 m below the spheroid */
    if (altitude < 0)
        out_char(out, '-');
    uint64_t size = (uint64_t)(altitude < 0 ? -altitude : altitude);
    out_number(out, size / 100);
    out_char(out, '.');
    out_padded(out, size % 100, 2);
    out_char(out, 'm');
    return precision_put(out, at[1]) && precision_put(out, at[2]) && precision_put(out, at[3]);
}

bool apl_print(struct out *out, const struct field_view *view, size_t len)
{
    for (size_t at = 0; at < len;) {
        unsigned family = read16(view->at + at), part = view->at[at + 3] & 0x7f;
        uint8_t address[16] = {0};
        char text[IP6_TEXT_MAX];
        if (family != 1 && family != 2)
            return false;
        memcpy(address, view->at + at + 4, part);
        if (at > 0)
            out_char(out, ' ');
        if ((view->at[at + 3] & 0x80) != 0)
            out_char(out, '!');
        out_number(out, family);
        out_char(out, ':');
        out_put(out, text, family == 1 ? ip4_print(address, text) : ip6_print(address, text));
        out_char(out, '/');
        out_number(out, view->at[at + 2]);
        at += 4 + part;
    }
    return true;
}

/* Trailing zero octets mean nothing and cannot be written. */
bool wks_print(struct out *out, const struct field_view *view, size_t len)
{
    if (len > 1 && view->at[len - 1] == 0)
        return false;
    out_number(out, view->at[0]);
    for (size_t port = 0; port < (len - 1) * 8; port++) {
        if ((view->at[1 + port / 8] & 0x80 >> port % 8) == 0)
            continue;
        out_char(out, ' ');
        out_number(out, port);
    }
    return true;
}

bool nsap_print(struct out *out, const struct field_view *view, size_t len)
{
    out_put(out, "0x", 2);
    out_hex(out, view->at, len);
    return true;
}

bool atma_print(struct out *out, const struct field_view *view, size_t len)
{
    if (view->at[0] == 0) {
        out_hex(out, view->at + 1, len - 1);
        return true;
    }
    if (view->at[0] != 1)
        return false;
    for (size_t i = 1; i < len; i++) {
        if ((uint8_t)(view->at[i] - '0') >= 10)
            return false;
    }
    out_char(out, '+');
    out_put(out, (const char *)view->at + 1, len - 1);
    return true;
}

bool a6_print(struct out *out, const struct field_view *view, size_t len)
{
    unsigned prefix = view->at[0], suffix = (128 - prefix + 7) / 8;
    uint8_t address[16] = {0};
    char text[IP6_TEXT_MAX];
    memcpy(address + 16 - suffix, view->at + 1, suffix);
    if (prefix % 8 != 0 && (address[16 - suffix] & ~(0xffu >> prefix % 8)) != 0)
        return false; /* padding that text cannot express (RFC 2874 3.1) */
    out_number(out, prefix);
    if (suffix > 0) {
        out_char(out, ' ');
        out_put(out, text, ip6_print(address, text));
    }
    if (prefix > 0) {
        out_char(out, ' ');
        name_put(out, view->at + 1 + suffix);
    }
    return len > 0;
}

static bool gateway_put(struct out *out, unsigned type, const uint8_t *at)
{
    char text[IP6_TEXT_MAX];
    if (type == 0)
        out_char(out, '.');
    else if (type == 1)
        out_put(out, text, ip4_print(at, text));
    else if (type == 2)
        out_put(out, text, ip6_print(at, text));
    else if (type == 3)
        name_put(out, at);
    return type <= 3;
}

bool gateway_print(struct out *out, const struct field_view *view, size_t len UNUSED)
{
    return gateway_put(out, view->rdata[1], view->at);
}

/* RFC 8777 4.3.1: discovery bit, type, relay. */
bool relay_print(struct out *out, const struct field_view *view, size_t len UNUSED)
{
    out_number(out, view->at[0] >> 7);
    out_char(out, ' ');
    out_number(out, view->at[0] & 0x7f);
    out_char(out, ' ');
    return gateway_put(out, view->at[0] & 0x7f, view->at + 1);
}

/* RFC 8005 6. */
bool hip_print(struct out *out, const struct field_view *view, size_t len)
{
    size_t hit = view->at[0];
    out_number(out, view->at[1]);
    out_char(out, ' ');
    out_hex(out, view->at + 4, hit);
    out_char(out, ' ');
    out_base64(out, view->at + 4 + hit, len - 4 - hit);
    return true;
}
