/* zonetool fmt: zone files in the canonical layout. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "zone/base/file.h"
#include "zone/text/format.h"
#include "zone/text/report.h"
#include "zonetool/rewrite.h"
#include "zonetool/zonetool.h"

static struct {
    bool write, check;
} options;

const struct option_row fmt_options[] = {
    {.letter = 'w', .word = "write", .help = "write the file instead of printing it", .flag = &options.write},
    {.word = "check",
        .help = "only tell which files are not in the layout; exit 1 if any",
        .flag = &options.check},
    {.word = NULL},
};

static enum outcome tell_failure(enum err err, const char *path)
{
    switch (err) {
    case ERR_INVALID:
        return OUTCOME_FINDINGS;
    case ERR_UNSUPPORTED:
        complain("%s: its layout cannot be changed without changing what it means; it is left alone", path);
        return OUTCOME_FINDINGS;
    default:
        return complain("%s: %s", path, err == ERR_IO ? strerror(errno) : err_text(err));
    }
}

static enum outcome put_formatted(const char *path, const struct formatted *formatted)
{
    bool standard = strcmp(path, "-") == 0;
    if (options.check) {
        if (!formatted->same)
            puts(path);
        return formatted->same ? OUTCOME_CLEAN : OUTCOME_FINDINGS;
    }
    if (options.write && !standard)
        return formatted->same ? OUTCOME_CLEAN
                               : rewrite_file(path, formatted->text.text, formatted->text.len);
    return print_octets(formatted->text.text, formatted->text.len);
}

static enum outcome format_one(const char *path, const struct arguments *arguments)
{
    struct report report;
    struct formatted formatted;
    report_init(&report, stderr);
    struct format_options how = {.origin = arguments->origin,
        .threads = arguments->threads,
        .unproved = options.check,
        .sink = report_sink(&report)};
    enum err err = format_file(path, &how, &formatted);
    enum outcome outcome = err == ERR_OK ? put_formatted(path, &formatted) : tell_failure(err, path);
    if (err == ERR_OK)
        input_close(&formatted.text);
    report_clear(&report);
    return outcome;
}

enum outcome fmt_run(const struct arguments *arguments)
{
    enum outcome outcome = OUTCOME_CLEAN;
    static char *const standard[] = {(char *)(uintptr_t) "-"};
    unsigned count = arguments->operand_count;
    char *const *paths = count > 0 ? arguments->operands : standard;
    for (unsigned i = 0; i < (count > 0 ? count : 1); i++)
        outcome = outcome_worse(outcome, format_one(paths[i], arguments));
    return outcome;
}
