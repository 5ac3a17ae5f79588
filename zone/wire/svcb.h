/* Service parameters of SVCB and HTTPS (RFC 9460): the keys, how their values look, checks of the wire
 * form and its printing. IANA "DNS SVCB Service Parameter Keys". Any thread. */
#ifndef ZONE_WIRE_SVCB_H
#define ZONE_WIRE_SVCB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zone/base/attr.h"

enum svcb_key {
    SVCB_MANDATORY = 0,
    SVCB_ALPN = 1,
    SVCB_NO_DEFAULT_ALPN = 2,
    SVCB_PORT = 3,
    SVCB_IPV4HINT = 4,
    SVCB_ECH = 5,
    SVCB_IPV6HINT = 6,
    SVCB_DOHPATH = 7,
    SVCB_OHTTP = 8,
    SVCB_TLS_SUPPORTED_GROUPS = 9,
    SVCB_DOCPATH = 10,
    SVCB_PVD = 11,
    SVCB_OOTS = 12,
    SVCB_INVALID = 65535 /* RFC 9460 14.3.1: never a key */
};

enum svcb_value {
    SVCB_VALUE_OPAQUE, /* octets of a character string: unknown keys */
    SVCB_VALUE_NONE,   /* no value at all */
    SVCB_VALUE_TEXT,   /* octets of a character string, not empty */
    SVCB_VALUE_KEYS,   /* ascending keys (RFC 9460 8) */
    SVCB_VALUE_LIST,   /* one or more strings with a length octet (RFC 9460 7.1) */
    SVCB_VALUE_PATH,   /* the same, or none (RFC 9953 3.2) */
    SVCB_VALUE_PORT,
    SVCB_VALUE_IP4S,
    SVCB_VALUE_IP6S,
    SVCB_VALUE_BASE64,
    SVCB_VALUE_GROUPS, /* 16-bit numbers, none twice (draft-ietf-tls-key-share-prediction) */
    SVCB_VALUE_WEIGHTS /* names with a weight, none twice (draft-johani-dnsop-svcb-oots) */
};

/* How the values of KEY look. */
enum svcb_value svcb_value(uint16_t key);

/* A key from its name or "keyNNNNN" (no leading zeros, RFC 9460 2.1); lower case only, as registered. */
bool svcb_key_parse(const char *text, size_t len, uint16_t *key) NODISCARD;

/* Its name, or "keyNNNNN", into OUT of 24 octets with a NUL. Returns the length. */
size_t svcb_key_print(uint16_t key, char *out);

/* NULL when VALUE is well formed for KEY, else a phrase. */
const char *svcb_value_check(uint16_t key, const uint8_t *value, size_t len);

/* NULL when PARAMS are well formed: keys ascending, values sound, mandatory keys there. Else a phrase. */
const char *svcb_check(const uint8_t *params, size_t len);

/* The parameter KEY in checked PARAMS, or NULL; *LEN gets the length of its value. */
const uint8_t *svcb_find(const uint8_t *params, size_t params_len, uint16_t key, size_t *len);

struct out;

/* Prints all PARAMS, separated by blanks. */
void svcb_print(struct out *out, const uint8_t *params, size_t len);

#endif
