#include "zonetool/zonetool.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "zone/base/version.h"

static const struct command commands[] = {
    {"check", "oqj", "FILE|DIRECTORY...", 1, UINT32_MAX, "find mistakes in zone files (or damage in images)",
        check_run, "text json sarif junit github gitlab markdown", check_options},
    {"explain", "", "[RULE...]", 0, UINT32_MAX, "tell what a rule of check is about, or list them",
        explain_run, "text json", NULL},
    {"fmt", "oj", "[FILE...]", 0, UINT32_MAX, "lay out zone files; comments and meaning stay", fmt_run, NULL,
        fmt_options},
    {"diff", "oj", "OLD NEW", 2, 2, "tell what differs between two versions of a zone", diff_run,
        "text json markdown ixfr nsupdate", diff_options},
    {"answers", "oj", "OLD NEW", 2, 2, "tell which answers differ between two versions of a zone",
        answers_run, "text json markdown", answers_options},
    {"serial", "", "FILE...", 1, UINT32_MAX, "tell or raise the serial of zone files", serial_run, NULL,
        serial_options},
    {"digest", "oqj", "FILE...", 1, UINT32_MAX, "make or verify the digest of a whole zone (ZONEMD)",
        digest_run, NULL, digest_options},
    {"convert", "oj", "FILE [OUT]", 1, 2, "turn a zone into text, an image or JSON", convert_run,
        "text image json", NULL},
    {"dump", "oj", "FILE", 1, 1, "print a zone file or image as canonical text", dump_run, NULL, NULL},
    {"compile", "oqj", "FILE IMAGE", 2, 2, "make a zone image of a zone file", compile_run, NULL, NULL},
    {"stat", "ojJ", "FILE", 1, 1, "tell what is in a zone file or image", stat_run, "text json", NULL},
    {"query", "", "NAME [TYPE] @SERVER", 1, 4, "ask a server", query_run, NULL, query_options},
    {"xfr", "qj", "ZONE @SERVER", 1, 2, "fetch a zone from a server", xfr_run, NULL, xfr_options},
    {"textconv", "oj", "FILE", 1, 1, "print a zone file as git diff is to see it", textconv_run, NULL, NULL},
    {"merge-driver", "", "BASE OURS THEIRS [PATH]", 3, 4, "merge zone files, for git", merge_run, NULL,
        merge_options},
    {"install-hooks", "", "", 0, 0, "make a git repository check, merge and show its zones", hooks_run, NULL,
        hooks_options},
};

enum outcome complain(const char *format, ...)
{
    va_list rest;
    va_start(rest, format);
    fputs("zonetool: ", stderr);
    vfprintf(stderr, format, rest);
    fputc('\n', stderr);
    va_end(rest);
    return OUTCOME_FAILED;
}

static void usage(FILE *out)
{
    fputs("usage: zonetool COMMAND [OPTION...] FILE...\n\n", out);
    for (size_t i = 0; i < ARRAY_COUNT(commands); i++)
        fprintf(out, "  %-13s %-24s %s\n", commands[i].name, commands[i].operands, commands[i].summary);
    fputs("\n\"zonetool COMMAND --help\" tells the options. FILE \"-\" is standard input.\n"
          "Exit status: 0 clean or the same, 1 errors or differences, 2 the work could not be done.\n",
        out);
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < ARRAY_COUNT(commands); i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    }
    return NULL;
}

static enum outcome run(const struct command *command, int argc, char **argv)
{
    struct arguments arguments;
    enum outcome outcome = OUTCOME_FAILED;
    if (!arguments_parse(&arguments, command, argc, argv, &outcome))
        return outcome;
    outcome = command->run(&arguments);
    if (fflush(stdout) != 0)
        return complain("cannot write to standard output");
    return outcome;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        usage(stderr);
        return OUTCOME_FAILED;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        usage(stdout);
        return OUTCOME_CLEAN;
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
        puts("zonetool (Bailiwick) " BAILIWICK_VERSION);
        return OUTCOME_CLEAN;
    }
    const struct command *command = find_command(argv[1]);
    if (command == NULL)
        return (int)complain("there is no command \"%s\"; see zonetool --help", argv[1]);
    return (int)run(command, argc - 1, argv + 1);
}
