/* PKCS#11 URIs (RFC 7512), as far as keys need them. Any thread. */
#ifndef ZONE_SEC_PKCS11_URI_H
#define ZONE_SEC_PKCS11_URI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zone/base/attr.h"

struct pkcs11_uri {
    char token[33]; /* labels of tokens have 32 octets; "": any */
    char object[128];
    uint8_t id[64];
    size_t id_len;
    char pin_value[128];
    char pin_source[512];
};

/* Takes a URI apart; attributes that are not known are passed over. BIND's labels without "pkcs11:" are
 * objects. */
bool pkcs11_uri_read(const char *text, struct pkcs11_uri *out) NODISCARD NONNULL(1, 2);

#endif
