/* Rdata of every type in the IANA registry, driven by one table of fields (type.h): presentation to
 * wire, wire to presentation, checks of wire form, canonical form. Unknown types take the generic form of
 * RFC 3597. Any thread. */
#ifndef ZONE_WIRE_RDATA_H
#define ZONE_WIRE_RDATA_H

#include <stddef.h>
#include <stdint.h>

#include "zone/base/attr.h"
#include "zone/base/err.h"

#define RDATA_MAX 65535

/* Why something was refused: told to a person by the caller, who adds the place. */
struct complaint {
    const char *at;   /* the offending token in the input, or NULL */
    uint32_t len;
    const char *hint; /* what to write instead, static, or NULL */
    char message[200];
};

/* Checks wire rdata of LEN octets against its type's layout; *WHY (may be NULL) gets a phrase. */
enum err rdata_check(uint16_t type, const uint8_t *rdata, size_t len, const char **why) NODISCARD;

/* Prints rdata in presentation form into OUT of SIZE octets with a NUL; returns the length it needs, as
 * snprintf does. Malformed rdata and unknown types are printed in generic form (RFC 3597 5). */
size_t rdata_print(uint16_t type, const uint8_t *rdata, size_t len, char *out, size_t size);

/* Canonical form (RFC 4034 6.2 as updated by RFC 6840 5.1): lowers the names of the types listed there, in
 * place. */
void rdata_canonical(uint16_t type, uint8_t *rdata, size_t len);

#endif
