/* zonetool diff: what differs between two versions of a zone, and what that means for those who ask. */
#include <stdio.h>
#include <string.h>

#include "zone/wire/type.h"
#include "zonetool/difference.h"
#include "zonetool/side.h"

static struct {
    bool semantic, quiet_serial;
} options;

const struct option_row diff_options[] = {
    SERVER_OPTION_ROWS{.word = "semantic",
        .help = "say which answers change, and for how long old ones can be seen",
        .flag = &options.semantic},
    {.word = "ignore-serial",
        .help = "a SOA that differs in its serial alone is the same",
        .flag = &options.quiet_serial},
    {.word = NULL},
};

static const struct {
    const char *word;
    void (*print)(const struct difference *difference);
} formats[] = {{"text", difference_text}, {"json", difference_json}, {"markdown", difference_markdown},
    {"ixfr", difference_ixfr}, {"nsupdate", difference_nsupdate}};

static void print(const struct difference *difference, const char *format)
{
    for (size_t i = 0; i < ARRAY_COUNT(formats); i++) {
        if (strcmp(formats[i].word, format != NULL ? format : "text") == 0)
            formats[i].print(difference);
    }
}

/* Do the two SOA records differ in more than the serial? */
static bool only_serial(const struct set_change *soa)
{
    if (soa->old.count != 1 || soa->new.count != 1 || soa->old.ttl != soa->new.ttl)
        return false;
    const struct set_record *old = &soa->old.records[0], *new = &soa->new.records[0];
    return old->len == new->len && old->len > 20 && memcmp(old->rdata, new->rdata, old->len - 20u) == 0 &&
           memcmp(old->rdata + old->len - 16, new->rdata + new->len - 16, 16) == 0;
}

static void forget_serial(struct versions *versions)
{
    if (versions->count == 0 || versions->sets[0].type != TYPE_SOA || !only_serial(&versions->sets[0]))
        return;
    memmove(versions->sets, versions->sets + 1, --versions->count * sizeof *versions->sets);
}

static enum outcome tell(struct side sides[2], const struct versions *versions,
    const struct arguments *arguments, struct report *report)
{
    struct effects effects = {0};
    struct difference difference = {
        .old_name = sides[0].name, .new_name = sides[1].name, .versions = versions};
    if (options.semantic && versions->count > 0) {
        for (unsigned i = 0; i < 2; i++) {
            enum outcome outcome = side_snapshot(&sides[i], versions->apex, arguments, report);
            if (outcome != OUTCOME_CLEAN)
                return outcome;
        }
        if (effects_find(&effects, versions, sides[0].snapshot, sides[1].snapshot) != ERR_OK)
            return complain("out of memory");
        difference.effects = &effects;
    }
    print(&difference, arguments->format);
    effects_clear(&effects);
    return versions->count > 0 ? OUTCOME_FINDINGS : OUTCOME_CLEAN;
}

static enum outcome compare(struct side sides[2], const struct arguments *arguments, struct report *report)
{
    struct versions versions;
    struct versions_options how = {
        .apex = arguments->origin, .threads = arguments->threads, .sink = report_sink(report)};
    enum err err = versions_compare(&sides[0].version, &sides[1].version, &how, &versions);
    if (err == ERR_INVALID && report->errors == 0)
        return complain(
            "%s and %s are zones of different names; -o says which is meant", sides[0].name, sides[1].name);
    if (err == ERR_INVALID)
        return OUTCOME_FAILED;
    if (err != ERR_OK)
        return complain("%s", err_text(err));
    if (options.quiet_serial)
        forget_serial(&versions);
    enum outcome outcome = tell(sides, &versions, arguments, report);
    versions_clear(&versions);
    return outcome;
}

enum outcome diff_run(const struct arguments *arguments)
{
    struct side sides[2];
    struct report report;
    report_init(&report, stderr);
    enum outcome outcome = sides_open(sides, arguments->operands, arguments, &report);
    if (outcome == OUTCOME_CLEAN)
        outcome = compare(sides, arguments, &report);
    sides_close(sides);
    report_clear(&report);
    return outcome;
}
