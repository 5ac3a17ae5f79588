#include "gitsync/watch.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

/* One block: the repositories, and the lock behind them. */
enum err watch_init(struct watch *watch, const struct settings_set *set)
{
    pthread_mutexattr_t kind;
    size_t len = set->count * sizeof(struct watched) + sizeof(pthread_mutex_t);
    *watch = (struct watch){.count = set->count};
    void *memory = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return ERR_MEMORY;
    watch->repositories = memory;
    watch->lock = (pthread_mutex_t *)(void *)(watch->repositories + set->count);
    if (pthread_mutexattr_init(&kind) != 0 ||
        pthread_mutexattr_setpshared(&kind, PTHREAD_PROCESS_SHARED) != 0 ||
        pthread_mutexattr_setrobust(&kind, PTHREAD_MUTEX_ROBUST) != 0 ||
        pthread_mutex_init(watch->lock, &kind) != 0)
        return ERR_MEMORY;
    for (unsigned i = 0; i < set->count; i++)
        watch->repositories[i].settings = &set->at[i];
    return ERR_OK;
}

void watch_clear(struct watch *watch)
{
    (void)munmap(watch->repositories, watch->count * sizeof(struct watched) + sizeof(pthread_mutex_t));
}

/* Whoever died with it has left a line half written at worst. */
static void lock(struct watch *watch)
{
    if (pthread_mutex_lock(watch->lock) == EOWNERDEAD)
        (void)pthread_mutex_consistent(watch->lock);
}

static void unlock(struct watch *watch)
{
    pthread_mutex_unlock(watch->lock);
}

void watch_sum(struct watch *watch, struct watch_sum *sum)
{
    *sum = (struct watch_sum){0};
    lock(watch);
    for (unsigned i = 0; i < watch->count; i++) {
        sum->looked += watch->repositories[i].looked_s != 0;
        sum->fine += watch->repositories[i].looked_s != 0 && watch->repositories[i].outcome == OUTCOME_FINE;
    }
    memcpy(sum->commit, watch->repositories[0].commit, sizeof sum->commit);
    unlock(watch);
}

void watch_died(struct watch *watch, unsigned index)
{
    struct watched *watched = &watch->repositories[index];
    lock(watch);
    watched->outcome = OUTCOME_LOCAL;
    snprintf(watched->why, sizeof watched->why, "the process that looks at it died");
    unlock(watch);
}

static void note_zones(struct watched *watched, const struct plan *plan)
{
    watched->zone_count = 0;
    for (unsigned i = 0; i < plan->zone_count && i < WATCH_ZONES_MAX; i++) {
        struct watched_zone *zone = &watched->zones[watched->zone_count++];
        const char *name = plan->zones[i].zone[0] != '\0' ? plan->zones[i].zone : plan->zones[i].path;
        snprintf(zone->name, sizeof zone->name, "%s", name);
        zone->serial = plan->zones[i].new_serial;
        zone->fine = plan->zones[i].outcome == OUTCOME_FINE;
    }
}

static unsigned count_words(const char *text)
{
    unsigned count = *text != '\0';
    for (; *text != '\0'; text++)
        count += *text == ' ';
    return count;
}

void watch_note(struct watch *watch, unsigned index, const struct deployment *deployment)
{
    struct watched *watched = &watch->repositories[index];
    lock(watch);
    watched->looked_s = (int64_t)time(NULL);
    watched->looks[deployment->problem.outcome]++;
    watched->held = deployment->held;
    watched->lagging = count_words(deployment->lagging);
    if (!deployment->still_refused) {
        watched->outcome = deployment->problem.outcome;
        snprintf(watched->why, sizeof watched->why, "%.399s",
            deployment->problem.outcome != OUTCOME_FINE ? deployment->problem.text : "");
    }
    if (deployment->problem.outcome == OUTCOME_FINE && !deployment->still_refused)
        watched->fine_s = watched->looked_s;
    memcpy(watched->commit, deployment->deployed, sizeof watched->commit);
    if (deployment->has_plan)
        note_zones(watched, &deployment->plan);
    if (deployment->changed) {
        watched->deployments++;
        watched->deployed_s = watched->looked_s;
        watched->commit_s = deployment->plan.commit.time_s;
        snprintf(watched->signer, sizeof watched->signer, "%s", deployment->plan.signer);
        memcpy(watched->phase_us, deployment->phase_us, sizeof watched->phase_us);
    }
    unlock(watch);
}

/* ---- metrics ---- */

static void put_label(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            fprintf(out, "\\%c", *text);
        else if (*text == '\n')
            fputs("\\n", out);
        else
            fputc(*text, out);
    }
}

static void put_name(
    FILE *out, const char *metric, const struct watched *watched, const char *label, const char *value)
{
    fprintf(out, "%s{repository=\"", metric);
    put_label(out, watched->settings->name);
    if (label != NULL) {
        fprintf(out, "\",%s=\"", label);
        put_label(out, value);
    }
    fputs("\"} ", out);
}

typedef void put_each(FILE *out, const char *metric, const struct watched *watched);

static void put_info(FILE *out, const char *metric, const struct watched *watched)
{
    if (watched->commit[0] == '\0')
        return;
    fprintf(out, "%s{repository=\"", metric);
    put_label(out, watched->settings->name);
    fprintf(out, "\",commit=\"%s\",signer=\"", watched->commit);
    put_label(out, watched->signer);
    fputs("\"} 1\n", out);
}

static void put_looks(FILE *out, const char *metric, const struct watched *watched)
{
    for (unsigned i = 0; i < OUTCOMES; i++) {
        put_name(out, metric, watched, "outcome", outcome_word((enum outcome)i));
        fprintf(out, "%" PRIu64 "\n", watched->looks[i]);
    }
}

static void put_deployments(FILE *out, const char *metric, const struct watched *watched)
{
    put_name(out, metric, watched, NULL, NULL);
    fprintf(out, "%" PRIu64 "\n", watched->deployments);
}

static void put_state(FILE *out, const char *metric, const struct watched *watched)
{
    put_name(out, metric, watched, "cause", outcome_word(watched->outcome));
    fprintf(out, "%d\n", watched->outcome == OUTCOME_FINE);
}

static void put_held(FILE *out, const char *metric, const struct watched *watched)
{
    put_name(out, metric, watched, NULL, NULL);
    fprintf(out, "%d\n", watched->held);
}

static void put_lagging(FILE *out, const char *metric, const struct watched *watched)
{
    put_name(out, metric, watched, NULL, NULL);
    fprintf(out, "%u\n", watched->lagging);
}

static void put_seconds(FILE *out, const char *metric, const struct watched *watched, int64_t seconds)
{
    if (seconds == 0)
        return;
    put_name(out, metric, watched, NULL, NULL);
    fprintf(out, "%" PRId64 "\n", seconds);
}

static void put_commit_s(FILE *out, const char *metric, const struct watched *watched)
{
    put_seconds(out, metric, watched, watched->commit_s);
}

static void put_deployed_s(FILE *out, const char *metric, const struct watched *watched)
{
    put_seconds(out, metric, watched, watched->deployed_s);
}

static void put_fine_s(FILE *out, const char *metric, const struct watched *watched)
{
    put_seconds(out, metric, watched, watched->fine_s);
}

static void put_looked_s(FILE *out, const char *metric, const struct watched *watched)
{
    put_seconds(out, metric, watched, watched->looked_s);
}

static void put_phases(FILE *out, const char *metric, const struct watched *watched)
{
    for (unsigned i = 0; i < PHASES && watched->deployments > 0; i++) {
        put_name(out, metric, watched, "phase", phase_word((enum phase)i));
        fprintf(out, "%.6f\n", (double)watched->phase_us[i] / 1e6);
    }
}

static void put_zone_results(FILE *out, const char *metric, const struct watched *watched)
{
    for (unsigned i = 0; i < watched->zone_count; i++) {
        put_name(out, metric, watched, "zone", watched->zones[i].name);
        fprintf(out, "%d\n", watched->zones[i].fine);
    }
}

static void put_zone_serials(FILE *out, const char *metric, const struct watched *watched)
{
    for (unsigned i = 0; i < watched->zone_count; i++) {
        put_name(out, metric, watched, "zone", watched->zones[i].name);
        fprintf(out, "%" PRIu32 "\n", watched->zones[i].serial);
    }
}

static const struct metric {
    const char *name, *type, *help;
    put_each *put;
} metrics[] = {
    {"gitsync_commit_info", "gauge", "The deployed commit and who vouches for it.", put_info},
    {"gitsync_looks_total", "counter", "Looks at the repository by outcome.", put_looks},
    {"gitsync_deployments_total", "counter", "Releases published and confirmed.", put_deployments},
    {"gitsync_fine", "gauge", "1 when the last look went well.", put_state},
    {"gitsync_held", "gauge", "1 when the newest commit was taken back and is left alone.", put_held},
    {"gitsync_lagging", "gauge", "Servers of --confirm that have not the deployed serials.", put_lagging},
    {"gitsync_commit_timestamp_seconds", "gauge", "When the deployed commit was made.", put_commit_s},
    {"gitsync_deployed_timestamp_seconds", "gauge", "When it was deployed.", put_deployed_s},
    {"gitsync_fine_timestamp_seconds", "gauge", "When a look last went well.", put_fine_s},
    {"gitsync_look_timestamp_seconds", "gauge", "When the repository was last looked at.", put_looked_s},
    {"gitsync_phase_seconds", "gauge", "What the steps of the last deployment took.", put_phases},
    {"gitsync_zone_fine", "gauge", "Zones of the last plan: 1 when it may be deployed.", put_zone_results},
    {"gitsync_zone_serial", "gauge", "Serials of the zones of the last plan.", put_zone_serials},
};

void watch_metrics(struct watch *watch, FILE *out)
{
    lock(watch);
    for (unsigned m = 0; m < ARRAY_COUNT(metrics); m++) {
        fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", metrics[m].name, metrics[m].help, metrics[m].name,
            metrics[m].type);
        for (unsigned i = 0; i < watch->count; i++)
            metrics[m].put(out, metrics[m].name, &watch->repositories[i]);
    }
    unlock(watch);
}

bool watch_health(struct watch *watch, FILE *out)
{
    bool fine = true;
    lock(watch);
    for (unsigned i = 0; i < watch->count; i++) {
        const struct watched *watched = &watch->repositories[i];
        bool good = watched->outcome == OUTCOME_FINE && watched->looked_s != 0;
        fine &= good;
        fprintf(out, "%s %s%s%s\n", watched->settings->name,
            watched->looked_s == 0 ? "starting" : outcome_word(watched->outcome), good ? "" : ": ",
            watched->why);
    }
    unlock(watch);
    return fine;
}
