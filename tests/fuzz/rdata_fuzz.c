/* Rdata of any type from hostile text and hostile wire. The first two octets pick the type (small numbers
 * are likelier), the third the direction.
 *
 * Text: what rdata_parse accepts, rdata_check accepts; it is printed and read back equal. A refusal has a
 * message and points into the input.
 * Wire: what rdata_check accepts is printed and read back equal; the names in it are found and lowered
 * without changing its length, and it is still well formed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zone/text/rdata_parse.h"
#include "zone/wire/name.h"
#include "zone/wire/type_table.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

#define TEXT_ROOM (RDATA_MAX * 6 + 1024)

static const uint8_t origin[] = "\7example";
static uint8_t wire[RDATA_MAX], again[RDATA_MAX];
static char text[TEXT_ROOM + LEXER_PAD];

static void must(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "broken: %s\n", what);
    abort();
}

static enum err read_text(uint16_t type, const char *input, size_t len, uint8_t *out, size_t *out_len)
{
    struct lexer lexer;
    struct complaint why = {.len = 0};
    lexer_init(&lexer, input, len);
    enum err err = rdata_parse(type, &lexer, origin, out, out_len, &why);
    if (err != ERR_OK) {
        must(why.message[0] != '\0', "a refusal has a message");
        must(why.at >= input && why.at + why.len <= input + len + 1, "a refusal points into the input");
    }
    return err;
}

static void print_and_read_back(uint16_t type, const uint8_t *rdata, size_t len)
{
    size_t text_len = rdata_print(type, rdata, len, text, TEXT_ROOM), again_len = 0;
    must(text_len < TEXT_ROOM, "the text fits");
    must(strlen(text) == text_len, "the length printed is the length told");
    memset(text + text_len, 0, LEXER_PAD);
    enum err err = read_text(type, text, text_len, again, &again_len);
    if (err != ERR_OK || again_len != len || memcmp(again, rdata, len) != 0)
        fprintf(stderr, "type %u: %s\n", type, text);
    must(err == ERR_OK, "what was printed is read");
    must(again_len == len && memcmp(again, rdata, len) == 0, "and is the same");
}

static void try_text(uint16_t type, const uint8_t *bytes, size_t len)
{
    char *input = malloc(len + LEXER_PAD);
    size_t wire_len = 0;
    const char *why = "";
    must(input != NULL, "memory");
    memcpy(input, bytes, len);
    memset(input + len, 0, LEXER_PAD);
    if (read_text(type, input, len, wire, &wire_len) == ERR_OK) {
        must(rdata_check(type, wire, wire_len, &why) == ERR_OK, "what was read is well formed");
        print_and_read_back(type, wire, wire_len);
    }
    free(input);
}

static void try_wire(uint16_t type, const uint8_t *bytes, size_t len)
{
    uint8_t *rdata = malloc(len > 0 ? len : 1);
    struct rdata_names names;
    must(rdata != NULL, "memory");
    memcpy(rdata, bytes, len);
    rdata_print(type, rdata, len, text, 100);
    if (rdata_check(type, rdata, len, NULL) == ERR_OK) {
        print_and_read_back(type, rdata, len);
        rdata_names_init(&names, type, rdata, len);
        for (const uint8_t *name = rdata_names_next(&names); name != NULL; name = rdata_names_next(&names))
            must(name_check(name, (size_t)(rdata + len - name)) != 0, "names inside are whole");
        rdata_canonical(type, rdata, len);
        must(rdata_check(type, rdata, len, NULL) == ERR_OK, "canonical form is well formed");
    }
    size_t at = 0, read_len = 0;
    if (rdata_read(type, bytes, len, &at, len, again, &read_len) == ERR_OK)
        must(at == len, "what came from a message was read whole");
    free(rdata);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (len < 3 || len > 8192)
        return 0;
    const struct type_info *info = type_row((unsigned)(bytes[0] << 8 | bytes[1]) % TYPE_ROWS);
    uint16_t type = info != NULL ? info->type : 65280;
    if ((bytes[2] & 1) != 0)
        try_text(type, bytes + 3, len - 3);
    else
        try_wire(type, bytes + 3, len - 3);
    return 0;
}
