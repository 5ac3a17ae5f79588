/* Presentation to wire for the rdata of every type; the reader's hot types have their own faster path in
 * reader.c and must agree with this one (a property test compares them). */
#ifndef ZONE_TEXT_RDATA_PARSE_H
#define ZONE_TEXT_RDATA_PARSE_H

#include "zone/text/lexer.h"
#include "zone/wire/rdata.h"

/* Reads the rest of the entry as rdata of TYPE, the generic form "\# LEN HEX" included (for known types it
 * must then pass rdata_check, RFC 3597 5). ORIGIN completes relative names. OUT has room for RDATA_MAX.
 * Trailing tokens are an error. */
enum err rdata_parse(uint16_t type, struct lexer *lexer, const uint8_t *origin, uint8_t *out, size_t *out_len,
    struct complaint *why) NODISCARD NONNULL(2, 3, 4, 5, 6);

#endif
