#include "zone/check/check.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "zone/check/across.h"
#include "zone/check/collect.h"
#include "zone/check/visit.h"
#include "zone/check/zone_pass.h"
#include "zone/store/load.h"
#include "zone/text/sources.h"

#define WEEK 604800u

struct check {
    struct check_options options;
    struct levels levels;
    struct across across;
};

/* What the hooks of one call see. */
struct calling {
    struct visits visits; /* first: the nodes' hook takes it for its context */
    struct check *check;
};

struct check *check_new(const struct check_options *options)
{
    struct check *check = calloc(1, sizeof *check);
    if (check == NULL)
        return NULL;
    across_init(&check->across);
    check_configure(check, options);
    return check;
}

void check_configure(struct check *check, const struct check_options *options)
{
    check->options = *options;
    if (options->levels != NULL)
        check->levels = *options->levels;
    else
        levels_init(&check->levels, RULE_DEFAULT);
    check->options.levels = &check->levels;
}

void check_free(struct check *check)
{
    if (check != NULL)
        across_clear(&check->across);
    free(check);
}

static void look_at_zone(void *context, struct lint *lint, const struct lint_zone *zone)
{
    struct calling *calling = context;
    zone_pass(&calling->visits, lint, zone);
    if (calling->check->options.across) {
        struct zone_pass pass = {.zone = zone, .build = zone->build, .apex = zone->build->apex};
        across_keep(&calling->check->across, &pass);
        gather_clear(&pass.gathered);
    }
}

static void finish(struct calling *calling)
{
    pthread_mutex_destroy(&calling->visits.lock);
    free(calling->visits.later);
}

static void begin(struct calling *calling, struct check *check)
{
    memset(calling, 0, sizeof *calling);
    pthread_mutex_init(&calling->visits.lock, NULL);
    calling->check = check;
    calling->visits.options = &check->options;
    calling->visits.levels = check->levels;
    calling->visits.now = check->options.now != 0 ? check->options.now : (int64_t)time(NULL);
    calling->visits.ttl_max = check->options.ttl_max != 0 ? check->options.ttl_max : WEEK;
}

/* The directory that an untrusted zone may include from, resolved. */
static char *confinement(const struct check *check, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (check->options.confine != NULL)
        return realpath(check->options.confine, NULL);
    if (slash == NULL || strcmp(path, "-") == 0)
        return realpath(".", NULL);
    char *folder = strndup(path, (size_t)(slash - path) + 1);
    char *resolved = folder != NULL ? realpath(folder, NULL) : NULL;
    free(folder);
    return resolved;
}

/* Findings tell what is wrong with a zone; only what kept it from being read at all is a failure. */
static enum err outcome(enum err err, unsigned seen)
{
    return err == ERR_INVALID || (err == ERR_LIMIT && seen > 0) ? ERR_OK : err;
}

enum err check_zone(
    struct check *check, const char *path, const struct finding_sink *sink, struct check_result *result)
{
    struct calling calling;
    struct collect collect;
    struct load_result loaded = {0};
    memset(result, 0, sizeof *result);
    begin(&calling, check);
    char *directory = NULL;
    if (check->options.untrusted && (directory = confinement(check, path)) == NULL)
        return ERR_MISSING;
    struct source_limits limits = {
        .directory = directory, .octets = CHECK_UNTRUSTED_OCTETS, .records = CHECK_UNTRUSTED_RECORDS};
    collect_init(&collect, &check->options, &check->levels);
    struct lint_hooks hooks = {.context = &calling, .node = visit_node, .zone = look_at_zone};
    struct load_options options = {.origin = check->options.origin,
        .threads = check->options.threads,
        .sink = collect_sink(&collect),
        .checks = true,
        .hooks = &hooks,
        .limits = check->options.untrusted ? &limits : NULL,
        .whole_when_signed = check->options.verify,
        .now = (uint32_t)calling.visits.now};
    enum err err = outcome(load_check(path, &options, &loaded), collect.seen);
    if (err == ERR_LIMIT && check->options.untrusted) {
        struct finding_sink own = collect_sink(&collect);
        own.report(own.context, &(struct finding){.severity = SEVERITY_ERROR,
                                    .rule = "untrusted-limit",
                                    .file = path,
                                    .message = "the zone is larger than an untrusted one may be"});
        err = ERR_OK;
    }
    result->records = loaded.records;
    result->signatures = calling.visits.signatures;
    result->opinions = calling.visits.opinions;
    collect_comments(&collect, path);
    collect_tell(&collect, sink, result);
    if (err == ERR_OK && (collect.failed || calling.visits.failed))
        err = ERR_MEMORY;
    finish(&calling);
    free(directory);
    collect_clear(&collect);
    return err;
}

void check_across(struct check *check, const struct finding_sink *sink, struct check_result *result)
{
    struct collect collect;
    memset(result, 0, sizeof *result);
    collect_init(&collect, &check->options, &check->levels);
    if (check->across.count > 1)
        across_check(&check->across, &collect);
    collect_tell(&collect, sink, result);
    collect_clear(&collect);
}
