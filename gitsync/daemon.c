/* `run`: looks at each repository when its time has come, when a webhook says so, and on SIGHUP. One
 * deployment at a time; SIGTERM and SIGINT end the daemon when the one under way is over. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "gitsync/gitsync.h"
#include "gitsync/http.h"
#include "gitsync/story.h"
#include "gitsync/watch.h"
#include "zone/base/file.h"
#include "zone/base/service.h"

#define BACK_OFF_FIRST_S 5
#define BACK_OFF_MAX_S 900
#define SECRET_MAX 4096

struct turn {
    int64_t due_ms;
    unsigned failures; /* in a row, of the kind that may go away by itself */
    char known_bad[REPO_ID_MAX];
    enum outcome told; /* the last outcome that was told */
    char told_text[200];
};

struct running {
    struct settings_set *set;
    struct watch watch;
    struct http *http;
    struct turn *turns;
    int signals, wake;
    bool stop, was_ready;
};

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A tenth more or less, so that a fleet does not knock at the same time. */
static int64_t jitter(int64_t ms)
{
    return ms - ms / 10 + (int64_t)randombytes_uniform((uint32_t)(ms / 5) + 1);
}

static bool may_go_away(enum outcome outcome)
{
    return outcome == OUTCOME_FETCH || outcome == OUTCOME_UNCONFIRMED || outcome == OUTCOME_STUCK ||
           outcome == OUTCOME_LOCAL || outcome == OUTCOME_BUSY;
}

static void schedule(struct turn *turn, const struct settings *settings, enum outcome outcome)
{
    int64_t wait_s = settings->interval_s;
    turn->failures = may_go_away(outcome) ? turn->failures + 1 : 0;
    if (turn->failures > 0) {
        unsigned doublings = turn->failures - 1 < 10 ? turn->failures - 1 : 10;
        wait_s = (int64_t)BACK_OFF_FIRST_S << doublings;
        if (wait_s > BACK_OFF_MAX_S)
            wait_s = BACK_OFF_MAX_S;
    }
    turn->due_ms = now_ms() + jitter(wait_s * 1000);
}

/* The same trouble is told once. */
static void tell(struct turn *turn, const struct settings *settings, const struct deployment *deployment)
{
    const struct problem *problem = &deployment->problem;
    if (problem->outcome == OUTCOME_FINE) {
        if (turn->told != OUTCOME_FINE && !deployment->still_refused) {
            story_tell(settings->name, LOG_INFO, "fine", "all is well again");
            turn->told = OUTCOME_FINE;
        }
        return;
    }
    if (turn->told == problem->outcome &&
        strncmp(turn->told_text, problem->text, sizeof turn->told_text - 1) == 0)
        return;
    turn->told = problem->outcome;
    snprintf(turn->told_text, sizeof turn->told_text, "%.199s", problem->text);
    story_problem(settings->name, problem);
}

static void remember_refused(struct turn *turn, const struct deployment *deployment)
{
    enum outcome outcome = deployment->problem.outcome;
    if (outcome == OUTCOME_SIGNATURE || outcome == OUTCOME_CHECK || outcome == OUTCOME_POLICY)
        memcpy(turn->known_bad, deployment->tip.id, sizeof turn->known_bad);
    else if (!deployment->still_refused)
        turn->known_bad[0] = '\0';
}

static void look_at(struct running *running, unsigned index)
{
    struct deployment deployment;
    struct settings *settings = &running->set->at[index];
    struct turn *turn = &running->turns[index];
    settings->in_daemon = true;
    settings->known_bad = turn->known_bad[0] != '\0' ? turn->known_bad : NULL;
    enum outcome outcome = deploy_run(settings, false, &deployment);
    tell(turn, settings, &deployment);
    remember_refused(turn, &deployment);
    watch_note(&running->watch, index, &deployment);
    post_deployment(settings, &deployment);
    schedule(turn, settings, outcome);
    deployment_clear(&deployment);
}

static void notify_status(struct running *running)
{
    char state[300];
    unsigned bad = 0;
    for (unsigned i = 0; i < running->set->count; i++)
        bad += running->watch.repositories[i].outcome != OUTCOME_FINE;
    snprintf(state, sizeof state, "%sSTATUS=%u of %u repositories fine, deployed %.12s",
        running->was_ready ? "" : "READY=1\n", running->set->count - bad, running->set->count,
        running->watch.repositories[0].commit);
    service_notify(state);
    running->was_ready = true;
}

static void look_at_due(struct running *running)
{
    bool looked = false;
    for (unsigned i = 0; i < running->set->count && !running->stop; i++) {
        if (running->turns[i].due_ms > now_ms())
            continue;
        look_at(running, i);
        looked = true;
    }
    if (looked)
        notify_status(running);
}

static void make_all_due(struct running *running, bool forget)
{
    for (unsigned i = 0; i < running->set->count; i++) {
        running->turns[i].due_ms = 0;
        if (forget)
            running->turns[i].known_bad[0] = '\0';
    }
}

static void take_signal(struct running *running)
{
    struct signalfd_siginfo info;
    if (read(running->signals, &info, sizeof info) != (ssize_t)sizeof info)
        return;
    if (info.ssi_signo == SIGHUP)
        make_all_due(running, true); /* somebody mended something: what was refused is looked at again */
    else
        running->stop = true;
}

static void wait_for_work(struct running *running)
{
    uint64_t count;
    int64_t due = INT64_MAX, now = now_ms();
    for (unsigned i = 0; i < running->set->count; i++)
        due = running->turns[i].due_ms < due ? running->turns[i].due_ms : due;
    struct pollfd ready[] = {
        {.fd = running->signals, .events = POLLIN}, {.fd = running->wake, .events = POLLIN}};
    int64_t wait = due > now ? due - now : 0;
    if (poll(ready, 2, wait > 3600000 ? 3600000 : (int)wait) <= 0)
        return;
    if ((ready[0].revents & POLLIN) != 0)
        take_signal(running);
    if ((ready[1].revents & POLLIN) != 0 && read(running->wake, &count, sizeof count) > 0)
        make_all_due(running, false);
}

/* ---- beginning ---- */

static enum outcome start_http(struct running *running, struct problem *problem)
{
    const struct settings *settings = &running->set->at[0];
    struct arena arena;
    char *secret = "";
    size_t len = 0;
    enum outcome outcome = OUTCOME_FINE;
    if (settings->listen == NULL)
        return OUTCOME_FINE;
    arena_init(&arena, 0);
    if (settings->webhook_secret_file != NULL) {
        if (file_read(settings->webhook_secret_file, SECRET_MAX, &arena, &secret, &len) != ERR_OK)
            outcome = problem_errno(problem, "cannot read", settings->webhook_secret_file);
        else
            len = strcspn(secret, "\r\n");
    }
    if (outcome == OUTCOME_FINE)
        outcome = http_start(
            settings->listen, secret, len, &running->watch, running->wake, &running->http, problem);
    arena_clear(&arena);
    return outcome;
}

static enum outcome start(struct running *running, struct problem *problem)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    running->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    running->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    running->turns = calloc(running->set->count, sizeof *running->turns);
    if (running->signals < 0 || running->wake < 0 || running->turns == NULL ||
        watch_init(&running->watch, running->set) != ERR_OK || sodium_init() < 0)
        return problem_set(problem, OUTCOME_LOCAL, NULL, "cannot start: %s", strerror(errno));
    return start_http(running, problem);
}

int daemon_run(const struct settings_set *set)
{
    struct settings_set *own = malloc(sizeof *own);
    struct problem problem = {0};
    if (own == NULL)
        return OUTCOME_LOCAL;
    *own = *set;
    struct running running = {.set = own, .signals = -1, .wake = -1};
    enum outcome outcome = start(&running, &problem);
    if (outcome != OUTCOME_FINE)
        story_problem(set->at[0].name, &problem);
    while (outcome == OUTCOME_FINE && !running.stop) {
        look_at_due(&running);
        wait_for_work(&running);
    }
    if (outcome == OUTCOME_FINE)
        service_notify("STOPPING=1");
    http_stop(running.http);
    if (running.watch.repositories != NULL)
        watch_clear(&running.watch);
    free(running.turns);
    free(own);
    return (int)outcome;
}
