#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "signer/signer.h"
#include "zone/sec/keyfile.h"
#include "zone/wire/name.h"

#define ROWS_MAX 40
#define LONG_ONLY 256 /* getopt's value for row I without a letter is I above this */

static unsigned row_count(const struct option_row *rows)
{
    unsigned count = 0;
    while (rows[count].word != NULL)
        count++;
    return count;
}

static void help(const struct command *command)
{
    printf("usage: signer %s [OPTION...] %s\n%s\n\n", command->name, command->operands, command->summary);
    for (const struct option_row *row = command->rows; row->word != NULL; row++) {
        char form[48];
        const char *value = row->value != NULL ? row->value : "";
        if (row->letter != 0)
            snprintf(form, sizeof form, "-%c, --%s %s", row->letter, row->word, value);
        else
            snprintf(form, sizeof form, "    --%s %s", row->word, value);
        printf("  %-30s %s\n", form, row->help);
    }
}

/* What getopt_long wants. Options may stand behind the operands, too. */
static void describe(const struct command *command, char *letters, struct option *words)
{
    *letters++ = 'h';
    *words++ = (struct option){"help", no_argument, NULL, 'h'};
    for (unsigned i = 0; i < row_count(command->rows); i++) {
        const struct option_row *row = &command->rows[i];
        int argument = row->value != NULL ? required_argument : no_argument;
        *words++ = (struct option){row->word, argument, NULL, LONG_ONLY + (int)i};
        if (row->letter == 0)
            continue;
        *letters++ = row->letter;
        if (row->value != NULL)
            *letters++ = ':';
    }
    *letters = '\0';
    *words = (struct option){NULL, 0, NULL, 0};
}

static bool take(const struct command *command, int given, const char *value)
{
    for (unsigned i = 0; command->rows[i].word != NULL; i++) {
        const struct option_row *row = &command->rows[i];
        if (given != LONG_ONLY + (int)i && (row->letter == 0 || row->letter != given))
            continue;
        if (row->take != NULL)
            return row->take(value);
        if (row->text != NULL)
            *row->text = value;
        else
            *row->flag = true;
        return true;
    }
    return false;
}

bool arguments_parse(
    const struct command *command, int argc, char **argv, struct operands *operands, enum outcome *outcome)
{
    char letters[2 * ROWS_MAX + 2];
    struct option words[ROWS_MAX + 2];
    *outcome = OUTCOME_TROUBLE;
    if (row_count(command->rows) > ROWS_MAX)
        return false;
    describe(command, letters, words);
    for (int given; (given = getopt_long(argc, argv, letters, words, NULL)) != -1;) {
        if (given == 'h') {
            help(command);
            *outcome = OUTCOME_GOOD;
            return false;
        }
        if (given == '?' || !take(command, given, optarg))
            return false;
    }
    operands->words = argv + optind;
    operands->count = (unsigned)(argc - optind);
    if (operands->count < command->least || operands->count > command->most) {
        complain("usage: signer %s [OPTION...] %s", command->name, command->operands);
        return false;
    }
    return true;
}

/* ---- values ---- */

bool take_name_value(const char *option, const char *text, uint8_t *name)
{
    const char *why = NULL;
    enum err err = name_parse(text, strlen(text), (const uint8_t *)"", name, NULL, &why);
    if (err != ERR_OK) {
        complain("%s %s: %s", option, text, why != NULL ? why : err_text(err));
        return false;
    }
    name_lower(name, name);
    return true;
}

bool take_number_value(const char *option, const char *text, unsigned long most, unsigned long *number)
{
    char *end;
    *number = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || *number > most) {
        complain("%s %s: a number from 0 to %lu is wanted", option, text, most);
        return false;
    }
    return true;
}

bool take_span_value(const char *option, const char *text, int64_t *seconds)
{
    if (span_parse(text, seconds))
        return true;
    complain("%s %s: a span of time is wanted, such as 14d, 12h or 1w2d", option, text);
    return false;
}

bool take_time_value(const char *option, const char *text, int64_t *time)
{
    if (time_parse(text, clock_now(), time))
        return true;
    complain("%s %s: a time is wanted: YYYYMMDDHHMMSS, now, now+30d, -1h or none", option, text);
    return false;
}

/* ---- the clock ---- */

static int64_t set_clock;

int64_t clock_now(void)
{
    return set_clock != 0 ? set_clock : (int64_t)time(NULL);
}

bool take_now(const char *value)
{
    return take_time_value("--now", value, &set_clock);
}
