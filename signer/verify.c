#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "signer/dsset.h"
#include "signer/keystore.h"
#include "signer/zonefile.h"
#include "zone/sec/zoneverify.h"
#include "zone/text/report.h"

static const char *ds_file;
static uint8_t origin[NAME_MAX + 1];
static bool has_origin, quiet, warnings;
static unsigned long threads;
static int64_t at, until;

static bool take_origin(const char *value)
{
    return has_origin = take_name_value("-o", value, origin);
}

static bool take_threads(const char *value)
{
    return take_number_value("-j", value, 1024, &threads);
}

static bool take_at(const char *value)
{
    return take_time_value("--at", value, &at);
}

static bool take_until(const char *value)
{
    return take_time_value("--until", value, &until);
}

const struct option_row verify_rows[] = {
    {'o', "origin", "NAME", "the zone's name, when the file does not tell", NULL, NULL, take_origin},
    {0, "at", "TIME", "validate at that time (now)", NULL, NULL, take_at},
    {0, "until", "TIME", "and at every time from then to this one", NULL, NULL, take_until},
    {0, "ds", "FILE", "the DS records at the parent: the keys must be those", NULL, &ds_file, NULL},
    {'w', "warnings", NULL, "tell also what does not keep it from validating", &warnings, NULL, NULL},
    {'q', "quiet", NULL, "findings only", &quiet, NULL, NULL},
    {'j', "threads", "N", "threads to use, one per core if not given", NULL, NULL, take_threads},
    {0},
};

static enum outcome judge(
    const char *path, const struct snapshot *snapshot, struct report *report, struct dsset *ds)
{
    struct zoneverify_result result;
    struct zoneverify_options options = {.from = at != 0 ? at : clock_now(),
        .ds = ds->refs,
        .ds_count = ds->count,
        .threads = (unsigned)threads,
        .warnings = warnings,
        .file = path,
        .sink = report_sink(report)};
    char expires[16];
    options.to = until > options.from ? until : options.from;
    enum err err = zone_verify(snapshot, &options, &result);
    if (err != ERR_OK)
        return complain_of(path, err);
    time_print(result.earliest, expires);
    if (!quiet && result.errors == 0)
        printf("%s: valid: %" PRIu64 " signatures verified, %s, the first expires %s\n", path,
            result.signatures, result.nsec3 ? "NSEC3" : "NSEC", expires);
    else if (!quiet)
        printf("%s: not valid: %u error%s\n", path, result.errors, result.errors == 1 ? "" : "s");
    return result.errors == 0 ? OUTCOME_GOOD : OUTCOME_REFUSED;
}

enum outcome verify_run(const struct operands *operands)
{
    const char *path = operands->words[0];
    struct report report;
    struct dsset ds = {0};
    enum outcome outcome;
    report_init(&report, stderr);
    struct finding_sink sink = report_sink(&report);
    struct snapshot *snapshot =
        zonefile_read(path, has_origin ? origin : NULL, (unsigned)threads, &sink, &outcome);
    if (snapshot != NULL) {
        outcome = ds_file == NULL || dsset_read(&ds, ds_file, snapshot->image->header->apex_name)
                      ? judge(path, snapshot, &report, &ds)
                      : OUTCOME_TROUBLE;
        snapshot_release(snapshot);
    }
    dsset_clear(&ds);
    report_clear(&report);
    return outcome;
}
