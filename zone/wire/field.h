/* The layout of rdata: each type is a short row of fields (type_table.c), each field of a kind. A kind is
 * known in three places only: rdata_field.c says how long it is on the wire and whether it is well
 * formed, rdata_print.c how it is printed, zone/text/rdata_parse.c how it is read from text. */
#ifndef ZONE_WIRE_FIELD_H
#define ZONE_WIRE_FIELD_H

#include <stdint.h>

enum field_kind {
    FIELD_END,
    FIELD_NAME,  /* a domain name, never compressed here */
    FIELD_NAMES, /* names to the end, possibly none (HIP) */
    FIELD_U8,    /* numbers; with `words`, mnemonics are read as well */
    FIELD_U16,
    FIELD_U32,
    FIELD_U64,
    FIELD_PERIOD, /* 32 bits of seconds, read with units: 1h30m */
    FIELD_TIME,   /* 32 bits, YYYYMMDDHHMMSS in text (RFC 4034 3.2) */
    FIELD_TYPE,   /* a record type */
    FIELD_IP4,
    FIELD_IP6,
    FIELD_ID64, /* 64 bits as four groups of hex (RFC 6742) */
    FIELD_EUI48,
    FIELD_EUI64,
    FIELD_STRING,  /* a length octet and up to 255 octets (RFC 1035 3.3) */
    FIELD_STRINGS, /* one or more of them to the end */
    FIELD_REST,    /* text to the end, without a length (URI, CAA) */
    FIELD_TAG,     /* a length octet and letters and digits (CAA) */
    FIELD_HEX,     /* octets to the end */
    FIELD_BASE64,
    FIELD_BASE64_DASH, /* the same in one token, "-" when empty (DOA) */
    FIELD_SALT,        /* a length octet and hex, "-" when empty (RFC 5155 3.3) */
    FIELD_HASH,        /* a length octet and base32hex, not empty (RFC 5155 3.3) */
    FIELD_BITMAP,      /* type bitmap in windows (RFC 4034 4.1.2) */
    FIELD_NXT,         /* the older flat bitmap of types below 128 (RFC 2535 5.2) */
    FIELD_LOC,         /* the whole of LOC (RFC 1876) */
    FIELD_APL,         /* address prefixes to the end (RFC 3123) */
    FIELD_WKS,         /* protocol and ports behind the address (RFC 1035 3.4.2) */
    FIELD_NSAP,        /* 0x and hex with dots (RFC 1706) */
    FIELD_ATMA,        /* +E.164 or hex AESA (af-saa-0069) */
    FIELD_A6,          /* prefix length, address suffix, prefix name (RFC 2874) */
    FIELD_GATEWAY,     /* gateway of the type named two octets before (RFC 4025 2.5) */
    FIELD_RELAY,       /* discovery bit, relay type and relay (RFC 8777 4.2) */
    FIELD_HIP,         /* algorithm, HIT and public key (RFC 8005 5) */
    FIELD_PARAMS,      /* SvcParams (RFC 9460 2.1) */
    FIELD_ANY,         /* unknown octets: generic form only */
    FIELD_KINDS
};

enum field_flag {
    FIELD_OPTIONAL = 1, /* may be missing at the end */
    FIELD_EMPTY = 2,    /* may be there and empty */
    FIELD_WORD = 4,     /* printed as its mnemonic when it has one */
    FIELD_TARGET = 8,   /* a name whose addresses belong in the additional section */
    FIELD_QUOTED = 16   /* printed in quotes even where blanks are impossible */
};

/* A number that may be written as a word. Lists end with a NULL name. */
struct word {
    const char *name;
    uint16_t value;
};

struct field {
    uint8_t kind;  /* enum field_kind */
    uint8_t flags; /* enum field_flag */
    const char *name;
    const struct word *words;
};

#define FIELDS_MAX 10 /* the longest row (RRSIG, SIG) with its end */

#endif
