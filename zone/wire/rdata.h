/* Rdata of every type in the IANA registry, driven by one table of fields (type.h, field.h): presentation
 * to wire (zone/text/rdata_parse.h), wire to presentation, checks of wire form, canonical form, the names
 * inside. Unknown types take the generic form of RFC 3597. Any thread. */
#ifndef ZONE_WIRE_RDATA_H
#define ZONE_WIRE_RDATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zone/base/attr.h"
#include "zone/base/err.h"

#define RDATA_MAX 65535

/* Why something was refused: told to a person by the caller, who adds the place. */
struct complaint {
    const char *at; /* the offending token in the input, or NULL */
    uint32_t len;
    const char *hint; /* what to write instead, static, or NULL */
    char message[200];
};

/* Checks wire rdata of LEN octets against its type's layout and rules; *WHY (may be NULL) gets a phrase. */
enum err rdata_check(uint16_t type, const uint8_t *rdata, size_t len, const char **why) NODISCARD;

/* Prints rdata in presentation form into OUT of SIZE octets with a NUL; returns the length it needs, as
 * snprintf does. Rdata that is malformed, or that the presentation form of its type cannot express, and
 * unknown types are printed in generic form (RFC 3597 5). What rdata_check accepts is read back equal. */
size_t rdata_print(uint16_t type, const uint8_t *rdata, size_t len, char *out, size_t size);

/* The generic form whatever the type. */
size_t rdata_print_generic(const uint8_t *rdata, size_t len, char *out, size_t size);

/* Canonical form (RFC 4034 6.2 as updated by RFC 6840 5.1): lowers the names of the types listed there, in
 * place. RDATA must have passed rdata_check. */
void rdata_canonical(uint16_t type, uint8_t *rdata, size_t len);

/* Copies the rdata at *AT of a message, RDATA_LEN octets, to OUT of RDATA_MAX, expanding compressed names
 * where the type may have them (RFC 3597 4), and checks its layout. The rules beyond it (rdata_rule.h) are
 * not asked: what a primary serves, a secondary serves too. *AT moves behind it. */
enum err rdata_read(uint16_t type, const uint8_t *message, size_t message_len, size_t *at, size_t rdata_len,
    uint8_t *out, size_t *out_len) NODISCARD NONNULL(2, 4, 6, 7);

/* The names inside rdata, in order. `target` says whether the last one's addresses belong in the additional
 * section. RDATA must have passed rdata_check. */
struct rdata_names {
    const uint8_t *rdata;
    const struct field *field;
    size_t len;
    size_t at;
    bool target;
};

void rdata_names_init(struct rdata_names *names, uint16_t type, const uint8_t *rdata, size_t len)
    NONNULL(1, 3);

/* The next name, pointing into the rdata, or NULL. */
const uint8_t *rdata_names_next(struct rdata_names *names) NODISCARD NONNULL(1);

#endif
