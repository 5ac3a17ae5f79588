/* Record types and classes: one table, many uses (mnemonics, field layouts, rules). */
#ifndef ZONE_WIRE_TYPE_H
#define ZONE_WIRE_TYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zone/base/attr.h"

enum rr_type {
    TYPE_A = 1,
    TYPE_NS = 2,
    TYPE_CNAME = 5,
    TYPE_SOA = 6,
    TYPE_PTR = 12,
    TYPE_HINFO = 13,
    TYPE_MX = 15,
    TYPE_TXT = 16,
    TYPE_AAAA = 28,
    TYPE_SRV = 33,
    TYPE_NAPTR = 35,
    TYPE_DNAME = 39,
    TYPE_OPT = 41,
    TYPE_DS = 43,
    TYPE_SSHFP = 44,
    TYPE_RRSIG = 46,
    TYPE_NSEC = 47,
    TYPE_DNSKEY = 48,
    TYPE_NSEC3 = 50,
    TYPE_NSEC3PARAM = 51,
    TYPE_TLSA = 52,
    TYPE_CDS = 59,
    TYPE_CDNSKEY = 60,
    TYPE_ZONEMD = 63,
    TYPE_SVCB = 64,
    TYPE_HTTPS = 65,
    TYPE_NXNAME = 128,
    TYPE_TSIG = 250,
    TYPE_IXFR = 251,
    TYPE_AXFR = 252,
    TYPE_ANY = 255,
    TYPE_CAA = 257
};

enum rr_class { CLASS_IN = 1, CLASS_CH = 3, CLASS_HS = 4, CLASS_NONE = 254, CLASS_ANY = 255 };

/* A type from its mnemonic or "TYPE123", without regard to case. */
bool type_parse(const char *text, size_t len, uint16_t *type) NODISCARD;

/* The mnemonic, or "TYPE123" for unknown ones, into OUT of at least 16 octets. Returns its length. */
size_t type_print(uint16_t type, char *out);

/* Types that cannot stand in a zone: OPT, TSIG, AXFR, ANY ... (RFC 6895 3.1), NXNAME (RFC 9824). */
bool type_is_meta(uint16_t type);

bool class_parse(const char *text, size_t len, uint16_t *class) NODISCARD;
size_t class_print(uint16_t class, char *out);

#endif
