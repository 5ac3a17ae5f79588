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
};

static void help(const struct command *command)
{
    printf("usage: zonetool %s [OPTION...] %s\n%s\n\n", command->name, command->operands, command->summary);
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        const struct row *row = &rows[i];
        if (strchr(command->letters, row->letter) == NULL)
            continue;
        char form[40];
        if (row->hidden)
            snprintf(form, sizeof(form), "    --%s", row->word);
        else
            snprintf(form, sizeof(form), "-%c, --%s", row->letter, row->word);
        printf("  %s %-*s %s\n", form, (int)(20 - strlen(form)), row->value != NULL ? row->value : "",
            row->help);
    }
}

/* What getopt_long wants, from the rows this command takes. Options may stand behind the files, too: one adds
 * -o to a line that failed for want of it. */
static void describe(const struct command *command, char *letters, struct option *words)
{
    *letters++ = 'h';
    *words++ = (struct option){"help", no_argument, NULL, 'h'};
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        const struct row *row = &rows[i];
        if (strchr(command->letters, row->letter) == NULL)
            continue;
        int argument = row->value != NULL ? required_argument : no_argument;
        *words++ = (struct option){row->word, argument, NULL, row->letter};
        if (row->hidden)
            continue;
        *letters++ = row->letter;
        if (row->value != NULL)
            *letters++ = ':';
    }
    *letters = '\0';
    *words = (struct option){NULL, 0, NULL, 0};
}

static bool take(struct arguments *arguments, int letter, const char *value)
{
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        if (rows[i].letter == letter)
            return rows[i].take(arguments, value);
    }
    return false;
}

bool arguments_parse(
    struct arguments *arguments, const struct command *command, int argc, char **argv, enum outcome *outcome)
{
    char letters[2 * ARRAY_COUNT(rows) + 2];
    struct option words[ARRAY_COUNT(rows) + 2];
    describe(command, letters, words);
    *arguments = (struct arguments){0};
    *outcome = OUTCOME_FAILED;
    for (int letter; (letter = getopt_long(argc, argv, letters, words, NULL)) != -1;) {
        if (letter == 'h') {
            help(command);
            *outcome = OUTCOME_CLEAN;
            return false;
        }
        if (letter == '?' || !take(arguments, letter, optarg))
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
