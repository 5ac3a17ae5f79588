/* signer, the tool for keys and signed zones: what its subcommands share. Each subcommand is one file and one
 * row of the table in signer.c; its options are rows of a table of its own, which parsing and --help read. */
#ifndef SIGNER_SIGNER_H
#define SIGNER_SIGNER_H

#include <stdbool.h>
#include <stdint.h>

#include "zone/base/attr.h"
#include "zone/base/err.h"

/* The exit status of the program. */
enum outcome {
    OUTCOME_GOOD = 0,
    OUTCOME_REFUSED = 1, /* what was asked about is not as it should be: not valid, not to be published */
    OUTCOME_TROUBLE = 2  /* the work could not be done: wrong usage, no such file ... */
};

/* An option: exactly one of FLAG, TEXT and TAKE is there. */
struct option_row {
    char letter; /* 0: it has only its long form */
    const char *word;
    const char *value; /* what its argument is called; NULL: it takes none */
    const char *help;
    bool *flag;
    const char **text;
    bool (*take)(const char *value); /* complains and says false when VALUE will not do */
};

struct operands {
    char *const *words;
    unsigned count;
};

struct command {
    const char *name;
    const char *operands; /* for the usage line */
    unsigned least, most;
    const char *summary;
    enum outcome (*run)(const struct operands *operands);
    const struct option_row *rows; /* the last has no word */
};

/* Reads options and operands behind the subcommand's name. False: *OUTCOME is the exit status. */
bool arguments_parse(const struct command *command, int argc, char **argv, struct operands *operands,
    enum outcome *outcome) NODISCARD NONNULL(1, 3, 4, 5);

/* "signer: ..." on standard error; returns OUTCOME_TROUBLE. */
enum outcome complain(const char *format, ...) PRINTF(1, 2);

/* The same for a call that failed at PATH; errno tells more of ERR_IO. */
enum outcome complain_of(const char *path, enum err err);

/* Values of options, which complain when they will not do. */
bool take_name_value(const char *option, const char *text, uint8_t *name);
bool take_number_value(const char *option, const char *text, unsigned long most, unsigned long *number);
bool take_span_value(const char *option, const char *text, int64_t *seconds);
bool take_time_value(const char *option, const char *text, int64_t *time);

/* The time now, or as --now says: for tests and for plans. */
int64_t clock_now(void);
bool take_now(const char *value);
#define NOW_ROW                                                                                              \
    {                                                                                                        \
        0, "now", "TIME", "work as if it were that time", NULL, NULL, take_now                               \
    }

#define COMMAND(name)                                                                                        \
    enum outcome name##_run(const struct operands *operands);                                                \
    extern const struct option_row name##_rows[];

COMMAND(keygen)
COMMAND(list)
COMMAND(show)
COMMAND(import)
COMMAND(export)
COMMAND(settime)
COMMAND(delete)
COMMAND(revoke)
COMMAND(ds)
COMMAND(signal)
COMMAND(seal)
COMMAND(unseal)
COMMAND(identity)
COMMAND(sign)
COMMAND(verify)
COMMAND(roll)
COMMAND(status)
COMMAND(plan)
COMMAND(whatif)
COMMAND(request)
COMMAND(respond)
COMMAND(take)

#endif
