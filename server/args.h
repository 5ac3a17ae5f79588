/* A program's command line, as Go programs take it: -name or --name, -name VALUE or -name=VALUE, reading
 * ends at the first word that is no flag, or behind "--". Flags are table rows; the help text is printed
 * from them. */
#ifndef SERVER_ARGS_H
#define SERVER_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "zone/base/attr.h"
#include "zone/base/err.h"

enum arg_kind {
    ARG_FLAG,  /* bool */
    ARG_TEXT,  /* const char * */
    ARG_PORT,  /* uint16_t, 1 to 65535 */
    ARG_COUNT, /* unsigned, 1 to 1024 */
};

/* The last row has no name. */
struct arg {
    const char *name;  /* without dashes */
    const char *value; /* what help calls the value; NULL for flags */
    enum arg_kind kind;
    size_t offset;    /* of the field in the program's struct */
    const char *help; /* NULL: another name of the row before */
};

#define WHY_MAX 160

/* Fills in the struct at INTO. *REST becomes the index of the first word that is no flag. When the line is
 * wrong WHY, of WHY_MAX octets, says why. */
enum err args_parse(int argc, char *const *argv, const struct arg *rows, void *into, int *rest,
    char *why) NODISCARD NONNULL(2, 3, 4, 5, 6);

void args_help(FILE *out, const struct arg *rows) NONNULL(1, 2);

#endif
