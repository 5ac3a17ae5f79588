#include "zone/check/check.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "zone/check/collect.h"
#include "zone/check/visit.h"
#include "zone/check/zone_pass.h"
#include "zone/store/load.h"

#define WEEK 604800u

struct check {
    struct check_options options;
    struct levels levels;
};

/* What the hooks of one call see. */
struct calling {
    struct visits visits; /* first: the nodes' hook takes it for its context */
    struct check *check;
};

struct check *check_new(const struct check_options *options)
{
    struct check *check = calloc(1, sizeof *check);
    if (check != NULL)
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
    free(check);
}

static void look_at_zone(void *context, struct lint *lint, const struct lint_zone *zone)
{
    struct calling *calling = context;
    zone_pass(&calling->visits, lint, zone);
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
    collect_init(&collect, &check->options, &check->levels);
    struct lint_hooks hooks = {.context = &calling, .node = visit_node, .zone = look_at_zone};
    struct load_options options = {.origin = check->options.origin,
        .threads = check->options.threads,
        .sink = collect_sink(&collect),
        .checks = true,
        .hooks = &hooks,
        .whole_when_signed = check->options.verify,
        .now = (uint32_t)calling.visits.now};
    enum err err = outcome(load_check(path, &options, &loaded), collect.seen);
    result->records = loaded.records;
    result->signatures = calling.visits.signatures;
    collect_tell(&collect, sink, result);
    if (err == ERR_OK && (collect.failed || calling.visits.failed))
        err = ERR_MEMORY;
    finish(&calling);
    collect_clear(&collect);
    return err;
}
