#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zonetool/zonetool.h"

static bool take_origin(struct arguments *arguments, const char *value)
{
    size_t len;
    const char *why = NULL;
    /* The root completes a name given without its final dot: -o example.org is the usual way. */
    enum err err = name_parse(value, strlen(value), (const uint8_t *)"", arguments->origin_name, &len, &why);
    if (err != ERR_OK) {
        complain("-o %s: %s", value, why != NULL ? why : err_text(err));
        return false;
    }
    name_lower(arguments->origin_name, arguments->origin_name);
    arguments->origin = arguments->origin_name;
    return true;
}

static bool take_quiet(struct arguments *arguments, const char *value UNUSED)
{
    arguments->quiet = true;
    return true;
}

static bool take_threads(struct arguments *arguments, const char *value)
{
    char *end;
    unsigned long count = strtoul(value, &end, 10);
    if (*end != '\0' || end == value || count < 1 || count > 1024) {
        complain("-j %s: a number from 1 to 1024 is wanted", value);
        return false;
    }
    arguments->threads = (unsigned)count;
    return true;
}

/* Set while the options of one command are read. */
static const struct command *reading;

/* Is WORD one of the words in LIST? */
static bool is_listed(const char *list, const char *word)
{
    size_t len = strlen(word);
    for (const char *at = list; at != NULL && (at = strstr(at, word)) != NULL; at++) {
        if (len > 0 && (at == list || at[-1] == ' ') && (at[len] == ' ' || at[len] == '\0'))
            return strchr(word, ' ') == NULL;
    }
    return false;
}

static bool take_format(struct arguments *arguments, const char *value)
{
    if (!is_listed(reading->formats, value)) {
        complain("--format %s: the formats of %s are: %s", value, reading->name, reading->formats);
        return false;
    }
    arguments->format = value;
    arguments->json = strcmp(value, "json") == 0;
    return true;
}

static bool take_json(struct arguments *arguments, const char *value UNUSED)
{
    arguments->json = true;
    return true;
}

static const struct row {
    char letter;
    bool hidden; /* has only its long form */
    const char *word;
    const char *value;
    const char *help;
    bool (*take)(struct arguments *arguments, const char *value);
} rows[] = {
    {'o', false, "origin", "NAME", "the zone's name, when the file does not tell", take_origin},
    {'q', false, "quiet", NULL, "findings only, no summary", take_quiet},
    {'j', false, "threads", "N", "threads to use, one per core if not given", take_threads},
    {'J', true, "json", NULL, "print JSON", take_json},
    {'F', true, "format", "FORMAT", "how to print it", take_format},
};

/* Does COMMAND take the shared option of ROW? */
static bool has_row(const struct command *command, const struct row *row)
{
    return row->letter == 'F' ? command->formats != NULL : strchr(command->letters, row->letter) != NULL;
}

static const struct option_row none = {.word = NULL};

static const struct option_row *own_rows(const struct command *command)
{
    return command->own != NULL ? command->own : &none;
}

/* One line of --help; LETTER 0: only the long form. */
static void help_row(char letter, const char *word, const char *value, const char *text)
{
    char form[60];
    if (letter == 0)
        snprintf(form, sizeof(form), "    --%s %s", word, value != NULL ? value : "");
    else
        snprintf(form, sizeof(form), "-%c, --%s %s", letter, word, value != NULL ? value : "");
    printf("  %-23s %s\n", form, text);
}

static void help(const struct command *command)
{
    printf("usage: zonetool %s [OPTION...] %s\n%s\n\n", command->name, command->operands, command->summary);
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        const struct row *row = &rows[i];
        const char *text = row->letter == 'F' ? command->formats : row->help;
        if (has_row(command, row))
            help_row(row->hidden ? 0 : row->letter, row->word, row->value, text);
    }
    for (const struct option_row *own = own_rows(command); own->word != NULL; own++)
        help_row(own->letter, own->word, own->value, own->help);
}

#define OWN_MAX 24
#define OWN_FIRST 256 /* what getopt_long returns for the first own option */

/* What getopt_long wants to know of one option. */
static void describe_row(
    char letter, int code, const char *word, bool argument, char **letters, struct option **words)
{
    *(*words)++ = (struct option){word, argument ? required_argument : no_argument, NULL, code};
    if (letter == 0)
        return;
    *(*letters)++ = letter;
    if (argument)
        *(*letters)++ = ':';
}

/* The rows this command takes. Options may stand behind the files, too: one adds -o to a line that failed for
 * want of it. */
static void describe(const struct command *command, char *letters, struct option *words)
{
    describe_row('h', 'h', "help", false, &letters, &words);
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        const struct row *row = &rows[i];
        if (has_row(command, row))
            describe_row(
                row->hidden ? 0 : row->letter, row->letter, row->word, row->value != NULL, &letters, &words);
    }
    const struct option_row *own = own_rows(command);
    for (int i = 0; own[i].word != NULL && i < OWN_MAX; i++)
        describe_row(own[i].letter, OWN_FIRST + i, own[i].word, own[i].value != NULL, &letters, &words);
    *letters = '\0';
    *words = (struct option){NULL, 0, NULL, 0};
}

static bool take_own(const struct option_row *own, const char *value)
{
    if (own->take != NULL)
        return own->take(value);
    if (own->flag != NULL)
        *own->flag = true;
    if (own->text != NULL)
        *own->text = value;
    return true;
}

static bool take(const struct command *command, struct arguments *arguments, int code, const char *value)
{
    const struct option_row *own = own_rows(command);
    for (int i = 0; own[i].word != NULL; i++) {
        if (code == OWN_FIRST + i || (own[i].letter != 0 && code == own[i].letter))
            return take_own(&own[i], value);
    }
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        if (rows[i].letter == code)
            return rows[i].take(arguments, value);
    }
    return false;
}

bool arguments_parse(
    struct arguments *arguments, const struct command *command, int argc, char **argv, enum outcome *outcome)
{
    char letters[2 * (ARRAY_COUNT(rows) + OWN_MAX) + 3];
    struct option words[ARRAY_COUNT(rows) + OWN_MAX + 2];
    reading = command;
    describe(command, letters, words);
    *arguments = (struct arguments){0};
    *outcome = OUTCOME_FAILED;
    for (int letter; (letter = getopt_long(argc, argv, letters, words, NULL)) != -1;) {
        if (letter == 'h') {
            help(command);
            *outcome = OUTCOME_CLEAN;
            return false;
        }
        if (letter == '?' || !take(command, arguments, letter, optarg))
            return false;
    }
    arguments->operands = argv + optind;
    arguments->operand_count = (unsigned)(argc - optind);
    if (arguments->operand_count < command->least || arguments->operand_count > command->most) {
        complain("usage: zonetool %s [OPTION...] %s", command->name, command->operands);
        return false;
    }
    return true;
}
