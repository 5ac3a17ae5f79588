/* What a commit changes: the stage is filled, each zone of it examined and compared, limits and the command
 * of
 * --check-command asked. */
#include <stdlib.h>
#include <string.h>

#include "gitsync/crash.h"
#include "gitsync/deploying.h"
#include "gitsync/examine.h"
#include "gitsync/fill.h"
#include "gitsync/process.h"
#include "gitsync/tree_sync.h"
#include "zone/base/parallel.h"

struct examining {
    struct deploying *deploying;
    struct arena *arenas; /* one for each piece */
    unsigned pieces;
    bool failed;
};

static void examine_piece(void *context, size_t piece)
{
    struct examining *examining = context;
    struct deploying *deploying = examining->deploying;
    struct plan *plan = &deploying->deployment->plan;
    for (size_t i = piece; i < plan->zone_count; i += examining->pieces)
        if (examine_zone(&plan->zones[i], deploying->settings, deploying->published, deploying->stage.path,
                &examining->arenas[piece]) != ERR_OK)
            __atomic_store_n(&examining->failed, true, __ATOMIC_RELAXED);
}

static enum outcome examine_all(struct deploying *deploying)
{
    struct plan *plan = &deploying->deployment->plan;
    struct examining examining = {
        .deploying = deploying, .pieces = plan->zone_count > PLAN_PIECES ? PLAN_PIECES : 1};
    examining.arenas = plan->pieces;
    plan->piece_count = examining.pieces;
    for (unsigned i = 0; i < examining.pieces; i++)
        arena_init(&plan->pieces[i], 0);
    parallel_each(0, examining.pieces, examine_piece, &examining);
    return examining.failed ? problem_set(deploying->problem, OUTCOME_LOCAL, NULL, "out of memory")
                            : OUTCOME_FINE;
}

/* Zones published now: the journal knows how many were added and removed, but only a listing knows for sure.
 */
static void count_zone(void *context, const char *path)
{
    struct deploying *deploying = ((void **)context)[0];
    uint32_t *count = ((void **)context)[1];
    *count += examine_is_zone(deploying->settings, path);
}

static enum outcome judge_removed(struct deploying *deploying)
{
    const struct limit *limit = &deploying->settings->max_zones_removed;
    const struct plan *plan = &deploying->deployment->plan;
    uint32_t removed = 0, count = 0;
    for (unsigned i = 0; i < plan->zone_count; i++)
        removed += plan->zones[i].change == ZONE_REMOVED;
    if (!limit->set || removed == 0 || deploying->settings->force)
        return OUTCOME_FINE;
    void *context[] = {deploying, &count};
    if (!tree_list(deploying->published, count_zone, context))
        return problem_errno(deploying->problem, "cannot list", deploying->published);
    bool over =
        limit->percent ? (uint64_t)removed * 100 > (uint64_t)count * limit->value : removed > limit->value;
    return over ? problem_set(deploying->problem, OUTCOME_POLICY,
                      "if this is meant, raise the limit or deploy it with: gitsync once --force",
                      "%u of %u zones are removed, more than --max-zones-removed allows", removed, count)
                : OUTCOME_FINE;
}

/* The first zone that may not be deployed, errors before limits. */
static enum outcome judge(struct deploying *deploying)
{
    const struct plan *plan = &deploying->deployment->plan;
    const struct zone_plan *worst = NULL;
    unsigned refused = 0;
    for (unsigned i = 0; i < plan->zone_count; i++) {
        const struct zone_plan *zone = &plan->zones[i];
        refused += zone->outcome != OUTCOME_FINE;
        if (zone->outcome != OUTCOME_FINE && (worst == NULL || zone->outcome < worst->outcome))
            worst = zone;
    }
    if (worst == NULL)
        return judge_removed(deploying);
    return problem_set(deploying->problem, worst->outcome, worst->hint, "%.12s by %s is refused: %s%s",
        plan->commit.id, plan->commit.author, worst->why,
        refused > 1 ? "; other zones are refused, too" : "");
}

static enum outcome run_check_command(struct deploying *deploying)
{
    char out[900];
    const char *argv[] = {"/bin/sh", "-c", deploying->settings->check_command, NULL};
    struct process process = {
        .argv = argv, .directory = deploying->stage.path, .timeout_s = 120, .out = out, .room = sizeof out};
    if (deploying->settings->check_command == NULL)
        return OUTCOME_FINE;
    if (process_run(&process) == ERR_OK && process.status == 0 && !process.late)
        return OUTCOME_FINE;
    return problem_set(deploying->problem, OUTCOME_CHECK, "it runs in the top directory of the new release",
        "--check-command refuses %.12s: %s", deploying->deployment->tip.id,
        process.late ? "it took too long" : out);
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct zone_plan *)a)->path, ((const struct zone_plan *)b)->path);
}

static enum outcome make_stage(struct deploying *deploying, const char *release)
{
    struct deployment *deployment = deploying->deployment;
    const char *deployed = deployment->deployed;
    bool goes_on = *deployed != '\0' && deploying->current[0] != '\0' && repo_has(deploying->repo, deployed);
    enum outcome outcome = stage_begin(
        &deploying->stage, &deploying->store, goes_on ? deploying->current : NULL, deploying->problem);
    deploying->staged = true;
    struct fill fill = {.repo = deploying->repo,
        .settings = deploying->settings,
        .plan = &deployment->plan,
        .stage = &deploying->stage,
        .problem = deploying->problem,
        .release = release,
        .published = deploying->published,
        .deployed = goes_on ? deployed : "",
        .floors = &deploying->floors};
    return outcome == OUTCOME_FINE ? fill_stage(&fill) : outcome;
}

enum outcome deploying_check(struct deploying *deploying, const char *release)
{
    struct plan *plan = &deploying->deployment->plan;
    snprintf(plan->from, sizeof plan->from, "%.40s", deploying->deployment->deployed);
    deploying->deployment->has_plan = true;
    enum outcome outcome = make_stage(deploying, release);
    crash_point("filled");
    if (outcome == OUTCOME_FINE && plan->zone_count > 1)
        qsort(plan->zones, plan->zone_count, sizeof *plan->zones, by_path);
    if (outcome == OUTCOME_FINE)
        outcome = examine_all(deploying);
    if (outcome == OUTCOME_FINE)
        outcome = judge(deploying);
    if (outcome == OUTCOME_FINE)
        outcome = run_check_command(deploying);
    return outcome;
}
