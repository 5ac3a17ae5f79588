#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "signer/dsset.h"
#include "signer/keystore.h"
#include "signer/zonefile.h"
#include "zone/base/json.h"
#include "zone/sec/zoneverify.h"
#include "zone/text/report.h"

static const char *ds_file;
static uint8_t origin[NAME_MAX + 1];
static bool has_origin, quiet, warnings, json;
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
    {0, "json", NULL, "print JSON", &json, NULL, NULL},
    {'j', "threads", "N", "threads to use, one per core if not given", NULL, NULL, take_threads},
    {0},
};

static void report_json(void *context, const struct finding *finding)
{
    json_open(context, NULL, '{');
    json_text(context, "severity", severity_text(finding->severity));
    json_text(context, "rule", finding->rule);
    json_text(context, "message", finding->message);
    json_close(context, '}');
}

static void tell(const char *path, const struct zoneverify_result *result)
{
    char expires[16];
    time_print(result->earliest, expires);
    if (result->errors == 0)
        printf("%s: valid: %" PRIu64 " signatures verified, %s, the first expires %s\n", path,
            result->signatures, result->nsec3 ? "NSEC3" : "NSEC", expires);
    else
        printf("%s: not valid: %u error%s\n", path, result->errors, result->errors == 1 ? "" : "s");
}

static void close_json(struct json *out, const char *path, const struct zoneverify_result *result)
{
    char expires[16];
    time_print(result->earliest, expires);
    json_close(out, ']');
    json_text(out, "file", path);
    json_bool(out, "valid", result->errors == 0);
    json_number(out, "errors", result->errors);
    json_number(out, "warnings", result->warnings);
    json_number(out, "signatures", result->signatures);
    json_text(out, "denial", result->nsec3 ? "nsec3" : "nsec");
    json_text(out, "expires", result->earliest != 0 ? expires : NULL);
    json_close(out, '}');
    putchar('\n');
}

static enum outcome judge(
    const char *path, const struct snapshot *snapshot, struct report *report, struct dsset *ds)
{
    struct zoneverify_result result;
    struct json out;
    struct zoneverify_options options = {.from = at != 0 ? at : clock_now(),
        .ds = ds->refs,
        .ds_count = ds->count,
        .threads = (unsigned)threads,
        .warnings = warnings,
        .file = path,
        .sink = report_sink(report)};
    options.to = until > options.from ? until : options.from;
    if (json) {
        json_init(&out, stdout);
        json_open(&out, NULL, '{');
        json_open(&out, "findings", '[');
        options.sink = (struct finding_sink){report_json, &out};
    }
    enum err err = zone_verify(snapshot, &options, &result);
    if (err != ERR_OK)
        return complain_of(path, err);
    if (json)
        close_json(&out, path, &result);
    else if (!quiet)
        tell(path, &result);
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
