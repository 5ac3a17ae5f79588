/* Rdata for other programs to read, and theirs for us (rdata_test.py):
 *
 *     rdata_tool make SEED COUNT   prints COUNT records of each type as TYPE <tab> hex <tab> text
 *     rdata_tool read              reads lines TYPE <tab> text, prints the hex or "! message" */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/text/rdata_make.h"
#include "tests/unit/text/rdata_test.h"
#include "zone/base/codec.h"
#include "zone/wire/type_table.h"

static uint8_t wire[RDATA_MAX];
static char text[TEXT_MAX], hex[2 * RDATA_MAX + 1];

static void make_all(uint64_t seed, unsigned count)
{
    struct make make = {.seed = seed, .plain = true, .old = true};
    for (unsigned row = 0; row < TYPE_ROWS; row++) {
        const struct type_info *info = type_row(row);
        for (unsigned i = 0; info != NULL && i < count; i++) {
            size_t len = make_rdata(&make, info->type, wire);
            hex[base16_encode(hex, wire, len)] = '\0';
            rdata_print(info->type, wire, len, text, sizeof text);
            printf("%s\t%s\t%s\n", info->name, hex, text);
        }
    }
}

static void read_line(char *line)
{
    struct complaint why;
    size_t len = 0;
    line[strcspn(line, "\n")] = '\0';
    char *rdata = strchr(line, '\t');
    if (rdata == NULL)
        return;
    *rdata++ = '\0';
    if (test_parse(test_type(line), rdata, wire, &len, &why) != ERR_OK) {
        printf("! %s\n", why.message);
        return;
    }
    hex[base16_encode(hex, wire, len)] = '\0';
    printf("%s\n", hex);
}

int main(int argc, char **argv)
{
    static char line[TEXT_MAX];
    if (argc == 4 && strcmp(argv[1], "make") == 0) {
        make_all(strtoull(argv[2], NULL, 10), (unsigned)atoi(argv[3]));
        return 0;
    }
    if (argc == 2 && strcmp(argv[1], "read") == 0) {
        while (fgets(line, sizeof line, stdin) != NULL)
            read_line(line);
        return 0;
    }
    return 2;
}
