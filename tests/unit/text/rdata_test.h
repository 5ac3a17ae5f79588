/* What the rdata tests share: text to wire and back with the library. */
#ifndef TESTS_UNIT_TEXT_RDATA_TEST_H
#define TESTS_UNIT_TEXT_RDATA_TEST_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "zone/text/rdata_parse.h"
#include "zone/wire/type.h"

#define TEXT_MAX (4 * RDATA_MAX + 1024)

static const uint8_t test_origin[] = "\7example";

/* TEXT as rdata of TYPE, the input padded as the lexer wants it. */
static inline enum err test_parse(
    uint16_t type, const char *text, uint8_t *out, size_t *len, struct complaint *why)
{
    static char buffer[TEXT_MAX + LEXER_PAD];
    struct lexer lexer;
    size_t text_len = strlen(text);
    memcpy(buffer, text, text_len);
    memset(buffer + text_len, 0, LEXER_PAD);
    lexer_init(&lexer, buffer, text_len);
    memset(why, 0, sizeof *why);
    enum err err = rdata_parse(type, &lexer, test_origin, out, len, why);
    if (why->at != NULL) /* make the place comparable: it outlives the call, the buffer is static */
        why->at = text + (why->at - buffer);
    return err;
}

static inline uint16_t test_type(const char *name)
{
    uint16_t type = 0;
    return type_parse(name, strlen(name), &type) ? type : 0;
}

#endif
