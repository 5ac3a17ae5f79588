#include "server/args.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const struct arg *find_row(const struct arg *rows, const char *name, size_t len)
{
    for (const struct arg *row = rows; row->name != NULL; row++)
        if (strlen(row->name) == len && memcmp(row->name, name, len) == 0)
            return row;
    return NULL;
}

static bool read_number(const char *text, unsigned long max, unsigned long *number)
{
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 9 || text[digits] != '\0')
        return false;
    *number = strtoul(text, NULL, 10);
    return *number != 0 && *number <= max;
}

static enum err store(const struct arg *row, const char *value, void *field, char *why)
{
    unsigned long number, max = row->kind == ARG_PORT ? UINT16_MAX : 1024;
    switch (row->kind) {
    case ARG_FLAG:
        *(bool *)field = value == NULL || strcmp(value, "true") == 0;
        if (*(bool *)field || strcmp(value, "false") == 0)
            return ERR_OK;
        break;
    case ARG_TEXT:
        *(const char **)field = value;
        if (*value != '\0')
            return ERR_OK;
        break;
    case ARG_PORT:
    case ARG_COUNT:
        if (!read_number(value, max, &number))
            break;
        if (row->kind == ARG_PORT)
            *(uint16_t *)field = (uint16_t)number;
        else
            *(unsigned *)field = (unsigned)number;
        return ERR_OK;
    }
    snprintf(why, WHY_MAX, "'%s' cannot be the value of -%s", value, row->name);
    return ERR_SYNTAX;
}

/* "-h" is what people try first, so it is help even in programs that have no such row. */
static const struct arg *row_of(const struct arg *rows, const char *name, size_t len)
{
    const struct arg *row = find_row(rows, name, len);
    return row == NULL && len == 1 && *name == 'h' ? find_row(rows, "help", 4) : row;
}

enum err args_parse(int argc, char *const *argv, const struct arg *rows, void *into, int *rest, char *why)
{
    int at = 1;
    for (; at < argc; at++) {
        const char *word = argv[at];
        if (word[0] != '-' || word[1] == '\0')
            break;
        const char *name = word + (word[1] == '-' ? 2 : 1);
        if (*name == '\0') {
            at++;
            break;
        }
        size_t len = strcspn(name, "=");
        const struct arg *row = row_of(rows, name, len);
        if (row == NULL) {
            snprintf(why, WHY_MAX, "unknown flag '%s'", word);
            return ERR_SYNTAX;
        }
        const char *value = name[len] == '=' ? name + len + 1 : NULL;
        if (value == NULL && row->kind != ARG_FLAG && ++at == argc) {
            snprintf(why, WHY_MAX, "'%s' needs a value", word);
            return ERR_SYNTAX;
        }
        if (value == NULL && row->kind != ARG_FLAG)
            value = argv[at];
        enum err err = store(row, value, (char *)into + row->offset, why);
        if (err != ERR_OK)
            return err;
    }
    *rest = at;
    return ERR_OK;
}

void args_help(FILE *out, const struct arg *rows)
{
    for (const struct arg *row = rows; row->name != NULL; row++) {
        if (row->help == NULL)
            continue;
        char left[80];
        bool again = row[1].name != NULL && row[1].help == NULL;
        snprintf(left, sizeof left, "-%s%s%s%s%s", row->name, again ? ", -" : "", again ? row[1].name : "",
            row->value != NULL ? " " : "", row->value != NULL ? row->value : "");
        fprintf(out, "  %-22s %s\n", left, row->help);
    }
}
