/* Record types and classes: one table, many uses. A row gives a type's mnemonic, its rules (may it stand
 * in a zone, how often, what happens to the names in it) and the layout of its rdata (field.h); parsing,
 * printing, checking and canonical form all read that row. The IANA registry "Resource Record (RR)
 * TYPEs" is complete here, obsolete types included. Any thread. */
#ifndef ZONE_WIRE_TYPE_H
#define ZONE_WIRE_TYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zone/base/attr.h"

enum rr_type {
    TYPE_A = 1,
    TYPE_NS = 2,
    TYPE_MD = 3,
    TYPE_MF = 4,
    TYPE_CNAME = 5,
    TYPE_SOA = 6,
    TYPE_MB = 7,
    TYPE_MG = 8,
    TYPE_MR = 9,
    TYPE_NULL = 10,
    TYPE_WKS = 11,
    TYPE_PTR = 12,
    TYPE_HINFO = 13,
    TYPE_MINFO = 14,
    TYPE_MX = 15,
    TYPE_TXT = 16,
    TYPE_RP = 17,
    TYPE_AFSDB = 18,
    TYPE_X25 = 19,
    TYPE_ISDN = 20,
    TYPE_RT = 21,
    TYPE_NSAP = 22,
    TYPE_NSAP_PTR = 23,
    TYPE_SIG = 24,
    TYPE_KEY = 25,
    TYPE_PX = 26,
    TYPE_GPOS = 27,
    TYPE_AAAA = 28,
    TYPE_LOC = 29,
    TYPE_NXT = 30,
    TYPE_EID = 31,
    TYPE_NIMLOC = 32,
    TYPE_SRV = 33,
    TYPE_ATMA = 34,
    TYPE_NAPTR = 35,
    TYPE_KX = 36,
    TYPE_CERT = 37,
    TYPE_A6 = 38,
    TYPE_DNAME = 39,
    TYPE_SINK = 40,
    TYPE_OPT = 41,
    TYPE_APL = 42,
    TYPE_DS = 43,
    TYPE_SSHFP = 44,
    TYPE_IPSECKEY = 45,
    TYPE_RRSIG = 46,
    TYPE_NSEC = 47,
    TYPE_DNSKEY = 48,
    TYPE_DHCID = 49,
    TYPE_NSEC3 = 50,
    TYPE_NSEC3PARAM = 51,
    TYPE_TLSA = 52,
    TYPE_SMIMEA = 53,
    TYPE_HIP = 55,
    TYPE_NINFO = 56,
    TYPE_RKEY = 57,
    TYPE_TALINK = 58,
    TYPE_CDS = 59,
    TYPE_CDNSKEY = 60,
    TYPE_OPENPGPKEY = 61,
    TYPE_CSYNC = 62,
    TYPE_ZONEMD = 63,
    TYPE_SVCB = 64,
    TYPE_HTTPS = 65,
    TYPE_DSYNC = 66,
    TYPE_HHIT = 67,
    TYPE_BRID = 68,
    TYPE_SPF = 99,
    TYPE_UINFO = 100,
    TYPE_UID = 101,
    TYPE_GID = 102,
    TYPE_UNSPEC = 103,
    TYPE_NID = 104,
    TYPE_L32 = 105,
    TYPE_L64 = 106,
    TYPE_LP = 107,
    TYPE_EUI48 = 108,
    TYPE_EUI64 = 109,
    TYPE_NXNAME = 128,
    TYPE_TKEY = 249,
    TYPE_TSIG = 250,
    TYPE_IXFR = 251,
    TYPE_AXFR = 252,
    TYPE_MAILB = 253,
    TYPE_MAILA = 254,
    TYPE_ANY = 255,
    TYPE_URI = 256,
    TYPE_CAA = 257,
    TYPE_AVC = 258,
    TYPE_DOA = 259,
    TYPE_AMTRELAY = 260,
    TYPE_RESINFO = 261,
    TYPE_WALLET = 262,
    TYPE_CLA = 263,
    TYPE_IPN = 264,
    TYPE_TA = 32768,
    TYPE_DLV = 32769
};

enum rr_class { CLASS_IN = 1, CLASS_CS = 2, CLASS_CH = 3, CLASS_HS = 4, CLASS_NONE = 254, CLASS_ANY = 255 };

enum type_flag {
    TYPE_FLAG_META = 1,        /* cannot stand in a zone (RFC 6895 3.1) */
    TYPE_FLAG_SINGLETON = 2,   /* at most one record at a name (RFC 2181 10.1, 1035, 6672, 4034 ...) */
    TYPE_FLAG_COMPRESS = 4,    /* its names may be compressed in messages (RFC 3597 4) */
    TYPE_FLAG_LOWER = 8,       /* its names are lowered in canonical form (RFC 4034 6.2, RFC 6840 5.1) */
    TYPE_FLAG_ADDITIONAL = 16, /* its target's addresses belong in the additional section */
    TYPE_FLAG_OBSOLETE = 32,   /* obsolete or never used; a finding, not an error */
    TYPE_FLAG_GENERIC = 64,    /* no presentation of its own: "\# LEN HEX" only */
    TYPE_FLAG_IN_ONLY = 128,   /* defined for class IN only */
    TYPE_FLAG_RULES = 256      /* rules tie its fields together (rdata_rule.h) */
};

struct field;

struct type_info {
    const char *name;           /* mnemonic; NULL for a type nobody assigned */
    const struct field *fields; /* layout of the rdata, ends with kind FIELD_END (field.h) */
    uint16_t type;
    uint16_t flags; /* enum type_flag */
    uint8_t name_len;
};

/* The row of TYPE; never NULL. For an unassigned type a row without name that takes any rdata. */
const struct type_info *type_info(uint16_t type) __attribute__((const, returns_nonnull));

/* A type from its mnemonic or "TYPE123", without regard to case. */
bool type_parse(const char *text, size_t len, uint16_t *type) NODISCARD;

/* The mnemonic, or "TYPE123" for unknown ones, into OUT of at least 16 octets. Returns its length. */
size_t type_print(uint16_t type, char *out);

/* The known mnemonic nearest to a misspelt one, or NULL when none is near: for hints. */
const char *type_suggest(const char *text, size_t len);

/* Types that cannot stand in a zone: OPT, TSIG, AXFR, ANY ... (RFC 6895 3.1), NXNAME (RFC 9824). */
bool type_is_meta(uint16_t type);

bool class_parse(const char *text, size_t len, uint16_t *class) NODISCARD;
size_t class_print(uint16_t class, char *out);

#endif
