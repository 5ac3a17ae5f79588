/* zonetool, the tool for zone files and zone images: what its subcommands share. Each subcommand is one
 * file and one row of the table in zonetool.c; the row says which options and operands it takes, so that
 * --help, the checks of the command line and the man page cannot drift apart. One thread but for what the
 * library and dump start. */
#ifndef ZONETOOL_ZONETOOL_H
#define ZONETOOL_ZONETOOL_H

#include <stdbool.h>
#include <stdint.h>

#include "zone/base/attr.h"
#include "zone/wire/name.h"

/* The exit status of the program. */
enum outcome {
    OUTCOME_CLEAN = 0,
    OUTCOME_FINDINGS = 1, /* the input has errors */
    OUTCOME_FAILED = 2    /* the work could not be done: wrong usage, no such file ... */
};

/* An option of one subcommand. What it sets belongs to the subcommand's file: exactly one of FLAG, TEXT and
 * TAKE is there. */
struct option_row {
    char letter; /* 0: it has only its long form */
    const char *word;
    const char *value; /* what its argument is called; NULL: it takes none */
    const char *help;
    bool *flag;
    const char **text;
    bool (*take)(const char *value); /* complains and says false when VALUE will not do */
};

struct arguments {
    const uint8_t *origin; /* -o, or NULL */
    uint8_t origin_name[NAME_MAX + 1];
    unsigned threads;   /* -j, 0: one per core */
    bool quiet;         /* -q */
    bool json;          /* --json, or --format json */
    const char *format; /* --format, one of the command's formats; NULL if not given */
    char *const *operands;
    unsigned operand_count;
};

struct command {
    const char *name;
    const char *letters;  /* the options it takes */
    const char *operands; /* for the usage line */
    unsigned least, most; /* operands */
    const char *summary;
    enum outcome (*run)(const struct arguments *arguments);
    const char *formats;          /* words that --format takes, blanks between; NULL: there is no --format */
    const struct option_row *own; /* options of this command alone; the last has no word. May be NULL */
};

/* Reads options and operands behind the subcommand's name. On false *OUTCOME is the exit status: help was
 * asked for and printed, or a complaint was. */
bool arguments_parse(struct arguments *arguments, const struct command *command, int argc, char **argv,
    enum outcome *outcome) NODISCARD NONNULL(1, 2, 4, 5);

/* "zonetool: ..." on standard error; returns OUTCOME_FAILED. */
enum outcome complain(const char *format, ...) PRINTF(1, 2);

/* Does the file at PATH begin as an image does? */
bool source_is_image(const char *path) NONNULL(1);

/* The worse of two. */
static inline enum outcome outcome_worse(enum outcome a, enum outcome b)
{
    return a > b ? a : b;
}

enum outcome check_run(const struct arguments *arguments);
enum outcome explain_run(const struct arguments *arguments);
enum outcome dump_run(const struct arguments *arguments);
enum outcome compile_run(const struct arguments *arguments);
enum outcome fmt_run(const struct arguments *arguments);
enum outcome query_run(const struct arguments *arguments);
enum outcome diff_run(const struct arguments *arguments);
enum outcome answers_run(const struct arguments *arguments);
enum outcome convert_run(const struct arguments *arguments);
enum outcome digest_run(const struct arguments *arguments);
enum outcome serial_run(const struct arguments *arguments);
enum outcome textconv_run(const struct arguments *arguments);
enum outcome merge_run(const struct arguments *arguments);
enum outcome hooks_run(const struct arguments *arguments);
enum outcome stat_run(const struct arguments *arguments);
enum outcome xfr_run(const struct arguments *arguments);

extern const struct option_row check_options[];
extern const struct option_row fmt_options[];
extern const struct option_row query_options[];
extern const struct option_row xfr_options[];
extern const struct option_row diff_options[];
extern const struct option_row answers_options[];
extern const struct option_row digest_options[];
extern const struct option_row serial_options[];
extern const struct option_row merge_options[];
extern const struct option_row hooks_options[];

#endif
