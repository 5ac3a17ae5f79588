#include <inttypes.h>
#include <stdio.h>

#include "zonetool/source.h"

static const char *plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

static enum outcome check_file(const char *path, const struct arguments *arguments)
{
    struct report report;
    struct source source;
    report_init(&report, stdout);
    enum outcome outcome = source_open(&source, path, arguments, WANT_FINDINGS, &report);
    if (outcome != OUTCOME_FAILED && !arguments->quiet) {
        printf("%s: %" PRIu64 " record%s, %u error%s, %u warning%s\n", path, source.records,
            plural(source.records), report.errors, plural(report.errors), report.warnings,
            plural(report.warnings));
    }
    if (outcome == OUTCOME_CLEAN && report.errors > 0)
        outcome = OUTCOME_FINDINGS;
    source_close(&source);
    report_clear(&report);
    return outcome;
}

enum outcome check_run(const struct arguments *arguments)
{
    enum outcome outcome = OUTCOME_CLEAN;
    for (unsigned i = 0; i < arguments->operand_count; i++)
        outcome = outcome_worse(outcome, check_file(arguments->operands[i], arguments));
    return outcome;
}
