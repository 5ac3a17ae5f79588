#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "zone/check/check.h"
#include "zonetool/source.h"

static const char *plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

static void put_sum(const char *path, const struct report *report, uint64_t records)
{
    printf("%s: %" PRIu64 " record%s, %u error%s, %u warning%s\n", path, records, plural(records),
        report->errors, plural(report->errors), report->warnings, plural(report->warnings));
}

static enum outcome check_image(const char *path, const struct arguments *arguments, struct report *report)
{
    struct source source;
    enum outcome outcome = source_open(&source, path, arguments, WANT_FINDINGS, report);
    if (outcome != OUTCOME_FAILED && !arguments->quiet)
        put_sum(path, report, source.records);
    source_close(&source);
    return outcome;
}

static enum outcome check_text(
    struct check *check, const char *path, const struct arguments *arguments, struct report *report)
{
    struct finding_sink sink = report_sink(report);
    struct check_result result;
    enum err err = check_zone(check, path, &sink, &result);
    if (err != ERR_OK)
        return report->errors > 0 ? OUTCOME_FAILED
                                  : complain("%s: %s", path, err == ERR_IO ? strerror(errno) : err_text(err));
    if (!arguments->quiet)
        put_sum(path, report, result.records);
    return report->errors > 0 ? OUTCOME_FINDINGS : OUTCOME_CLEAN;
}

enum outcome check_run(const struct arguments *arguments)
{
    enum outcome outcome = OUTCOME_CLEAN;
    struct check_options options = {
        .origin = arguments->origin, .threads = arguments->threads, .ignore_comments = true};
    struct check *check = check_new(&options);
    if (check == NULL)
        return complain("out of memory");
    for (unsigned i = 0; i < arguments->operand_count; i++) {
        struct report report;
        const char *path = arguments->operands[i];
        report_init(&report, stdout);
        outcome = outcome_worse(outcome, source_is_image(path) ? check_image(path, arguments, &report)
                                                               : check_text(check, path, arguments, &report));
        report_clear(&report);
    }
    check_free(check);
    return outcome;
}
