/* Random well-formed rdata of any type, made from the type's layout: what the property tests feed on. */
#ifndef TESTS_UNIT_TEXT_RDATA_MAKE_H
#define TESTS_UNIT_TEXT_RDATA_MAKE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "zone/wire/field.h"
#include "zone/wire/svcb.h"
#include "zone/wire/type.h"

struct make {
    uint64_t seed;
    uint8_t *out;
    size_t len;
    bool plain; /* names and strings of letters and digits only: what every other program can read */
    bool old;   /* no service parameters younger than RFC 9460 */
};

static inline unsigned make_any(struct make *make, unsigned below)
{
    make->seed = make->seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (unsigned)((make->seed >> 33) % below);
}

static inline void make_put(struct make *make, unsigned octet)
{
    make->out[make->len++] = (uint8_t)octet;
}

static inline void make_octets(struct make *make, unsigned count)
{
    while (count-- > 0)
        make_put(make, make_any(make, 256));
}

static inline void make_text(struct make *make, unsigned count)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCXYZ0123456789";
    while (count-- > 0)
        make_put(make,
            make->plain ? (unsigned char)letters[make_any(make, sizeof letters - 1)] : make_any(make, 256));
}

static inline void make_name(struct make *make)
{
    for (unsigned labels = make_any(make, 5); labels > 0; labels--) {
        unsigned len = 1 + make_any(make, make_any(make, 8) == 0 ? 50 : 8);
        make_put(make, len);
        make_text(make, len);
    }
    make_put(make, 0);
}

static inline void make_string(struct make *make, unsigned most)
{
    unsigned len = make->plain ? 1 + make_any(make, most) : make_any(make, most + 1);
    make_put(make, len);
    make_text(make, len);
}

static inline void make_bitmap(struct make *make)
{
    unsigned window = 0;
    do {
        unsigned len = 1 + make_any(make, 32);
        make_put(make, window);
        make_put(make, len);
        make_octets(make, len - 1);
        make_put(make, 1 + make_any(make, 255));
        window += 1 + make_any(make, 90);
    } while (window < 256 && make_any(make, 3) == 0);
}

static inline void make_loc(struct make *make)
{
    make_put(make, 0);
    for (unsigned i = 0; i < 3; i++)
        make_put(make, (1 + make_any(make, 9)) << 4 | make_any(make, 10));
    for (unsigned i = 0; i < 2; i++) {
        uint32_t angle = (UINT32_C(1) << 31) + make_any(make, 90 * 7200000) - 90 * 3600000;
        for (int shift = 24; shift >= 0; shift -= 8)
            make_put(make, angle >> shift & 255);
    }
    make_octets(make, 4);
}

static inline void make_apl(struct make *make)
{
    for (unsigned count = 1 + make_any(make, 3); count > 0; count--) {
        bool six = make_any(make, 2) == 1;
        unsigned len = 1 + make_any(make, six ? 16 : 4);
        make_put(make, 0);
        make_put(make, six ? 2 : 1);
        make_put(make, make_any(make, six ? 129 : 33));
        make_put(make, len | make_any(make, 2) << 7);
        make_octets(make, len - 1);
        make_put(make, 1 + make_any(make, 255));
    }
}

static inline void make_gateway(struct make *make, unsigned type)
{
    if (type == 3)
        make_name(make);
    else
        make_octets(make, type == 1 ? 4 : type == 2 ? 16 : 0);
}

static inline void make_relay(struct make *make)
{
    unsigned type = make_any(make, 4);
    make_put(make, type | make_any(make, 2) << 7);
    make_gateway(make, type);
}

static inline void make_a6(struct make *make)
{
    unsigned prefix = make_any(make, 129), suffix = (128 - prefix + 7) / 8;
    make_put(make, prefix);
    size_t at = make->len;
    make_octets(make, suffix);
    if (suffix > 0)
        make->out[at] = (uint8_t)(make->out[at] & 0xff >> prefix % 8);
    if (prefix > 0)
        make_name(make);
}

static inline void make_hip(struct make *make)
{
    unsigned hit = 1 + make_any(make, 20), key = 1 + make_any(make, 200);
    make_put(make, hit);
    make_put(make, make_any(make, 4));
    make_put(make, 0);
    make_put(make, key);
    make_octets(make, hit + key);
}

static inline void make_param_value(struct make *make, unsigned key)
{
    switch (svcb_value((uint16_t)key)) {
    case SVCB_VALUE_NONE:
    case SVCB_VALUE_KEYS:
        return;
    case SVCB_VALUE_LIST:
    case SVCB_VALUE_PATH:
        for (unsigned count = 1 + make_any(make, 3); count > 0; count--) {
            unsigned len = 1 + make_any(make, 9);
            make_put(make, len);
            make_text(make, len);
        }
        return;
    case SVCB_VALUE_WEIGHTS:
        make_put(make, 3);
        make_text(make, 3);
        make_octets(make, 1);
        return;
    case SVCB_VALUE_PORT:
    case SVCB_VALUE_GROUPS:
        make_octets(make, 2);
        return;
    case SVCB_VALUE_IP4S:
        make_octets(make, 4 * (1 + make_any(make, 3)));
        return;
    case SVCB_VALUE_IP6S:
        make_octets(make, 16 * (1 + make_any(make, 2)));
        return;
    default:
        make_text(make, 1 + make_any(make, 30));
    }
}

static inline void make_params(struct make *make)
{
    bool alpn = false;
    for (unsigned key = 1 + make_any(make, 9); key < 65535; key += 1 + make_any(make, key < 12 ? 6 : 30000)) {
        if (make->old && key > 6 && key < 100)
            continue;
        if (key == SVCB_NO_DEFAULT_ALPN && !alpn) /* RFC 9460 7.1.1 */
            continue;
        alpn |= key == SVCB_ALPN;
        make_put(make, key >> 8);
        make_put(make, key & 255);
        size_t at = make->len;
        make->len += 2;
        make_param_value(make, key);
        make->out[at] = (uint8_t)((make->len - at - 2) >> 8);
        make->out[at + 1] = (uint8_t)(make->len - at - 2);
    }
}

static inline void make_rest(struct make *make, unsigned kind)
{
    switch (kind) {
    case FIELD_NAME:
        make_name(make);
        break;
    case FIELD_NAMES:
        for (unsigned count = make_any(make, 4); count > 0; count--)
            make_name(make);
        break;
    case FIELD_STRING:
        make_string(make, make_any(make, 10) == 0 ? 255 : 12);
        break;
    case FIELD_STRINGS:
        for (unsigned count = 1 + make_any(make, 4); count > 0; count--)
            make_string(make, make_any(make, 6) == 0 ? 255 : 30);
        break;
    case FIELD_REST:
        make_text(make, 1 + make_any(make, 300));
        break;
    case FIELD_TAG:
        make_put(make, 5);
        memcpy(make->out + make->len, "issue", 5);
        make->len += 5;
        break;
    case FIELD_SALT:
        make_put(make, make_any(make, 20));
        make_octets(make, make->out[make->len - 1]);
        break;
    case FIELD_HASH:
        make_put(make, 20);
        make_octets(make, 20);
        break;
    case FIELD_NXT:
        make_put(make, make_any(make, 127));
        make_octets(make, make_any(make, 14));
        make_put(make, 1 + make_any(make, 255));
        break;
    case FIELD_WKS:
        make_put(make, 6);
        make_octets(make, make_any(make, 40));
        make_put(make, 1 + make_any(make, 255));
        break;
    case FIELD_ATMA:
        make_put(make, 0);
        make_octets(make, 20);
        break;
    default: /* hex, base64, NSAP, any */
        make_octets(make, 1 + make_any(make, make_any(make, 5) == 0 ? 700 : 70));
    }
}

static inline void make_field(struct make *make, const struct field *field, const uint8_t *rdata)
{
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
    if (fixed[field->kind] != 0)
        make_octets(make, fixed[field->kind]);
    else if (field->kind == FIELD_BITMAP)
        make_bitmap(make);
    else if (field->kind == FIELD_LOC)
        make_loc(make);
    else if (field->kind == FIELD_APL)
        make_apl(make);
    else if (field->kind == FIELD_GATEWAY)
        make_gateway(make, rdata[1]);
    else if (field->kind == FIELD_RELAY)
        make_relay(make);
    else if (field->kind == FIELD_A6)
        make_a6(make);
    else if (field->kind == FIELD_HIP)
        make_hip(make);
    else if (field->kind == FIELD_PARAMS)
        make_params(make);
    else
        make_rest(make, field->kind);
}

/* Rdata of TYPE into OUT (room for 65535 octets); returns its length. */
static inline size_t make_rdata(struct make *make, uint16_t type, uint8_t *out)
{
    make->out = out;
    make->len = 0;
    for (const struct field *field = type_info(type)->fields; field->kind != FIELD_END; field++) {
        make_field(make, field, out);
        if (type == TYPE_IPSECKEY && make->len == 2)
            out[1] &= 3;
        if (type == TYPE_KEY && make->len == 2)
            out[0] &= 0x3f;
        if (type == TYPE_NSEC3 && make->len == 1)
            out[0] = 1;
    }
    /* digests of algorithms without a rule, so that any length of at least twelve octets holds */
    if (type == TYPE_DS || type == TYPE_CDS || type == TYPE_TA || type == TYPE_DLV)
        out[3] = (uint8_t)(out[3] | 0x40);
    if (type == TYPE_SSHFP)
        out[1] = (uint8_t)(out[1] | 0x40);
    if (type == TYPE_TLSA || type == TYPE_SMIMEA)
        out[2] = (uint8_t)(out[2] | 0x40);
    if (type == TYPE_ZONEMD) {
        out[5] = (uint8_t)(out[5] | 0x40);
        while (make->len < 18)
            make_octets(make, 1);
    }
    return make->len;
}

#endif
