#include "gitsync/confirm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gitsync/control.h"
#include "gitsync/crash.h"
#include "gitsync/process.h"
#include "gitsync/secondaries.h"
#include "gitsync/story.h"
#include "zone/base/json.h"

#define ASK_ALL_ABOVE 32    /* zones: then one "zones" is cheaper than a "zone NAME" for each */
#define ERROR_GRACE_MS 3000 /* an error may be one of the version before, until the new one was read */
#define PAUSE_FIRST_MS 1
#define PAUSE_MAX_MS 100

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void pause_ms(int64_t ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

/* ---- what the server says of a zone ---- */

/* One answer for one zone; a zone may be served by several blocks, and all must agree. */
struct sighting {
    struct expected *expected;
    unsigned found, right;
    bool error;
};

static void look(void *context, const char *object)
{
    struct sighting *sighting = context;
    struct expected *expected = sighting->expected;
    char serial[16] = "", of[16], error[160] = "", state[40] = "";
    bool has_error = json_get(object, "error", error, sizeof error);
    (void)json_get(object, "serial", serial, sizeof serial);
    (void)json_get(object, "state", state, sizeof state);
    sighting->found++;
    expected->was_served = true;
    uint32_t is = (uint32_t)strtoul(serial, NULL, 10);
    if (json_get(
            object, "of_serial", of, sizeof of)) { /* signed by the server, under a serial that it chose */
        expected->at_server = is;
        expected->has_at_server = true;
        is = (uint32_t)strtoul(of, NULL, 10);
    }
    if (is == expected->serial && !has_error) {
        sighting->right++;
        return;
    }
    sighting->error |= has_error;
    if (has_error)
        snprintf(expected->trouble, sizeof expected->trouble, "%s", error);
    else
        snprintf(expected->trouble, sizeof expected->trouble, "serial %u is served (%s)", is, state);
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(struct expected *const *)a)->zone, (*(struct expected *const *)b)->zone);
}

/* All zones in one answer: found by their names. */
struct survey {
    struct expected **sorted;
    struct sighting *sightings;
    unsigned count;
};

static void look_among(void *context, const char *object)
{
    struct survey *survey = context;
    char name[NAME_TEXT_MAX];
    struct expected key = {.zone = name}, *key_at = &key;
    if (!json_get(object, "zone", name, sizeof name))
        return;
    struct expected **found =
        bsearch(&key_at, survey->sorted, survey->count, sizeof *survey->sorted, by_name);
    if (found != NULL)
        look(&survey->sightings[found - survey->sorted], object);
}

/* ---- asking for all of them ---- */

struct verdicts {
    unsigned missing; /* zones that are not as they must be */
    bool error;       /* the server reports an error for one of them */
    struct expected *worst;
};

static void conclude(struct verdicts *verdicts, const struct sighting *sighting)
{
    struct expected *expected = sighting->expected;
    expected->seen = expected->removed || (sighting->found > 0 && sighting->right == sighting->found);
    if (sighting->found == 0)
        snprintf(expected->trouble, sizeof expected->trouble, "the server does not serve it");
    if (expected->seen || (sighting->found == 0 && !expected->was_served))
        return; /* a zone that the server was never told of keeps nobody waiting */
    verdicts->missing++;
    verdicts->error |= sighting->error;
    if (verdicts->worst == NULL || sighting->error)
        verdicts->worst = expected;
}

static bool ask_each(
    struct control *control, struct expectations *expectations, bool all, struct verdicts *verdicts)
{
    for (unsigned i = 0; i < expectations->count; i++) {
        struct sighting sighting = {.expected = &expectations->at[i]};
        if (expectations->at[i].seen && !all)
            continue;
        if (!control_ask(control, "zone", expectations->at[i].zone))
            return false;
        json_each(control->answer, "zones", look, &sighting);
        conclude(verdicts, &sighting);
    }
    return true;
}

static bool ask_once(struct control *control, struct expectations *expectations, struct verdicts *verdicts)
{
    struct survey survey = {.count = expectations->count,
        .sorted = calloc(expectations->count, sizeof *survey.sorted),
        .sightings = calloc(expectations->count, sizeof *survey.sightings)};
    bool fine = survey.sorted != NULL && survey.sightings != NULL && control_ask(control, "zones", NULL);
    if (fine) {
        for (unsigned i = 0; i < survey.count; i++)
            survey.sorted[i] = &expectations->at[i];
        qsort(survey.sorted, survey.count, sizeof *survey.sorted, by_name);
        for (unsigned i = 0; i < survey.count; i++)
            survey.sightings[i].expected = survey.sorted[i];
        json_each(control->answer, "zones", look_among, &survey);
        for (unsigned i = 0; i < survey.count; i++)
            conclude(verdicts, &survey.sightings[i]);
    }
    free(survey.sorted);
    free(survey.sightings);
    return fine;
}

static bool ask_all(
    struct control *control, struct expectations *expectations, bool all, struct verdicts *verdicts)
{
    *verdicts = (struct verdicts){0};
    return expectations->count > ASK_ALL_ABOVE ? ask_once(control, expectations, verdicts)
                                               : ask_each(control, expectations, all, verdicts);
}

/* ---- before ---- */

enum outcome confirm_before(
    struct expectations *expectations, const struct settings *settings, struct problem *problem)
{
    struct control control;
    struct verdicts verdicts;
    if (settings->control == NULL)
        return secondaries_before(expectations, settings, problem);
    bool fine = control_open(&control, settings->control, settings->confirm_timeout_s) &&
                ask_all(&control, expectations, true, &verdicts);
    for (unsigned i = 0; i < expectations->count; i++)
        expectations->at[i].seen = false;
    if (!fine)
        problem_set(problem, OUTCOME_UNCONFIRMED, "start bailiwickd, or check --control",
            "the server is not there, so nothing was published: %s", control.why);
    control_close(&control);
    return fine ? secondaries_before(expectations, settings, problem) : OUTCOME_UNCONFIRMED;
}

void confirm_look(struct expectations *expectations, const struct settings *settings)
{
    struct control control;
    struct verdicts verdicts;
    if (settings->control == NULL)
        return;
    if (control_open(&control, settings->control, settings->confirm_timeout_s))
        (void)!ask_all(&control, expectations, true, &verdicts);
    control_close(&control);
}

/* ---- after: the control socket ---- */

static void keep_error(void *context, const char *object)
{
    struct problem *problem = context;
    char severity[16], file[600] = "", line[16] = "", message[500] = "";
    if (!json_get(object, "severity", severity, sizeof severity) || strcmp(severity, "error") != 0 ||
        problem->text[0] != '\0')
        return;
    (void)json_get(object, "file", file, sizeof file);
    (void)json_get(object, "line", line, sizeof line);
    (void)json_get(object, "message", message, sizeof message);
    problem_set(problem, OUTCOME_UNCONFIRMED, NULL, "the server refuses: %s:%s: %s", file, line, message);
}

static enum outcome reload(struct control *control, struct problem *problem)
{
    problem->text[0] = '\0';
    if (!control_ask(control, "reload", NULL))
        return problem_set(problem, OUTCOME_UNCONFIRMED, NULL, "%s", control->why);
    if (control_is_ok(control))
        return OUTCOME_FINE;
    json_each(control->answer, "findings", keep_error, problem);
    if (problem->text[0] == '\0')
        problem_set(problem, OUTCOME_UNCONFIRMED, NULL, "the server refuses to reload: %s", control->why);
    return OUTCOME_UNCONFIRMED;
}

/* A few zones with a new content: only they are looked at, and the answer comes when that is done. False: the
 * server is too old for it, or not all is well: then everything is read again. */
static bool refresh(struct control *control, struct expectations *expectations)
{
    struct verdicts verdicts;
    if (!expectations->only_changed || expectations->count > ASK_ALL_ABOVE)
        return false;
    for (unsigned i = 0; i < expectations->count; i++)
        if (expectations->at[i].was_served && !control_ask(control, "refresh", expectations->at[i].zone))
            return false;
    return ask_all(control, expectations, false, &verdicts) && verdicts.missing == 0;
}

static enum outcome wait_for_server(struct control *control, struct expectations *expectations,
    const struct settings *settings, struct problem *problem)
{
    int64_t from = now_ms(), pause = PAUSE_FIRST_MS;
    for (;;) {
        struct verdicts verdicts;
        if (!ask_all(control, expectations, false, &verdicts))
            return problem_set(problem, OUTCOME_UNCONFIRMED, NULL, "%s", control->why);
        int64_t waited = now_ms() - from;
        if (verdicts.missing == 0)
            return OUTCOME_FINE;
        bool late = waited > (int64_t)settings->confirm_timeout_s * 1000;
        if (late || (verdicts.error && waited > ERROR_GRACE_MS))
            return problem_set(problem, OUTCOME_UNCONFIRMED, "the server's log says more",
                "the server does not serve %s serial %u: %s%s", verdicts.worst->zone, verdicts.worst->serial,
                verdicts.worst->trouble, verdicts.missing > 1 ? "; other zones are missing, too" : "");
        pause_ms(pause);
        pause = pause * 2 < PAUSE_MAX_MS ? pause * 2 : PAUSE_MAX_MS;
    }
}

static void tell_unserved(const struct expectations *expectations)
{
    for (unsigned i = 0; i < expectations->count; i++) {
        const struct expected *expected = &expectations->at[i];
        if (!expected->seen && !expected->removed)
            story_tell(expectations->settings_name, LOG_WARNING, "not-served",
                "%s is published, but the server is not configured to serve it", expected->zone);
        else if (expected->removed && expected->was_served)
            story_tell(expectations->settings_name, LOG_WARNING, "still-configured",
                "%s is removed from the repository; take it out of the server's configuration, too",
                expected->zone);
    }
}

static enum outcome confirm_by_control(
    struct expectations *expectations, const struct settings *settings, struct problem *problem)
{
    struct control control;
    enum outcome outcome;
    if (!control_open(&control, settings->control, settings->confirm_timeout_s))
        outcome = problem_set(problem, OUTCOME_UNCONFIRMED, NULL, "the server has gone: %s", control.why);
    else
        outcome = refresh(&control, expectations) ? OUTCOME_FINE : reload(&control, problem);
    crash_point("reloaded");
    if (outcome == OUTCOME_FINE)
        outcome = wait_for_server(&control, expectations, settings, problem);
    if (outcome == OUTCOME_FINE)
        tell_unserved(expectations);
    control_close(&control);
    return outcome;
}

/* ---- after: a command ---- */

static enum outcome run_reload_command(
    const struct settings *settings, const char *directory, struct problem *problem)
{
    char out[600];
    const char *argv[] = {"/bin/sh", "-c", settings->reload_command, NULL};
    struct process process = {.argv = argv,
        .directory = directory,
        .timeout_s = settings->confirm_timeout_s,
        .out = out,
        .room = sizeof out};
    if (process_run(&process) == ERR_OK && process.status == 0 && !process.late)
        return OUTCOME_FINE;
    return problem_set(problem, OUTCOME_UNCONFIRMED, NULL, "--reload-command %s: %s",
        process.late ? "took too long" : "failed", out);
}

enum outcome confirm_after(struct expectations *expectations, const struct settings *settings,
    const char *directory, bool back, struct problem *problem)
{
    enum outcome outcome = OUTCOME_FINE;
    if (settings->control != NULL)
        outcome = confirm_by_control(expectations, settings, problem);
    if (outcome == OUTCOME_FINE && settings->reload_command != NULL)
        outcome = run_reload_command(settings, directory, problem);
    expectations->served |= outcome == OUTCOME_FINE;
    return outcome == OUTCOME_FINE && !back ? secondaries_after(expectations, settings, problem) : outcome;
}
